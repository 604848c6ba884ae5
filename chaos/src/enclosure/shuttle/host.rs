//! One host: a network namespace with an address and nothing else.

use std::fs::File;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, SockaddrIn, bind, socket};

use super::address;

const DEVICE: &str = "/dev/net/tun";
const INTERFACE: &str = "tun0";
const LOOPBACK: &str = "lo";
/// All hosts are neighbours.
const NETMASK: Ipv4Addr = Ipv4Addr::new(255, 255, 255, 0);

/// A host, held by its descriptors: it is gone with them.
#[derive(Debug)]
pub(super) struct Host {
    /// Its network namespace.
    pub(super) namespace: File,
    /// What it sends can be read here, and what is written here reaches it.
    pub(super) packets: File,
    /// A UDP socket on it, for probes.
    pub(super) probe: OwnedFd,
    /// A socket that tells of, and ends, its connections.
    pub(super) diagnosis: OwnedFd,
}

impl Host {
    /// Makes host `number`, from 1. The calling thread is in its network namespace then.
    pub(super) fn new(number: u32) -> Result<Self, String> {
        let failed = |what: &'static str| {
            move |e: nix::errno::Errno| format!("could not {what} for host {number}: {e}")
        };
        unshare(CloneFlags::CLONE_NEWNET).map_err(failed("make a network namespace"))?;
        let namespace = File::open("/proc/thread-self/ns/net")
            .map_err(|e| format!("could not open the network namespace of host {number}: {e}"))?;
        let packets = File::options()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(DEVICE)
            .map_err(|e| {
                format!(
                    "could not open {DEVICE}: {e}; a network of the target's own needs it (load the module \
                     `tun`, or allow it)"
                )
            })?;
        let datagrams = || {
            socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)
                .map_err(failed("open a socket"))
        };
        let settings = datagrams()?;
        interface(&packets, &settings, address(number))
            .map_err(|e| format!("could not set up the interface of host {number}: {e}"))?;
        let probe = datagrams()?;
        bind(probe.as_raw_fd(), &SockaddrIn::from(std::net::SocketAddrV4::new(address(number), 0)))
            .map_err(failed("bind a probe"))?;
        let diagnosis = socket(
            AddressFamily::Netlink,
            SockType::Datagram,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::NetlinkSockDiag,
        )
        .map_err(failed("open a diagnosis socket"))?;
        Ok(Self { namespace, packets, probe, diagnosis })
    }
}

fn interface(packets: &File, settings: &OwnedFd, own: Ipv4Addr) -> io::Result<()> {
    let flags = |of: i32| libc::__c_anonymous_ifr_ifru { ifru_flags: of as libc::c_short };
    ask(packets.as_raw_fd(), libc::TUNSETIFF, INTERFACE, flags(libc::IFF_TUN | libc::IFF_NO_PI))?;
    let settings = settings.as_raw_fd();
    ask(settings, libc::SIOCSIFADDR, INTERFACE, internet(own))?;
    ask(settings, libc::SIOCSIFNETMASK, INTERFACE, internet(NETMASK))?;
    for name in [INTERFACE, LOOPBACK] {
        ask(settings, libc::SIOCSIFFLAGS, name, flags(libc::IFF_UP | libc::IFF_RUNNING))?;
    }
    Ok(())
}

fn internet(address: Ipv4Addr) -> libc::__c_anonymous_ifr_ifru {
    let [a, b, c, d] = address.octets().map(|octet| octet as libc::c_char);
    let sa_data = [0, 0, a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0];
    let ifru_addr = libc::sockaddr { sa_family: libc::AF_INET as libc::sa_family_t, sa_data };
    libc::__c_anonymous_ifr_ifru { ifru_addr }
}

#[expect(unsafe_code, reason = "std and nix wrap no request of network interfaces")]
fn ask(
    fd: i32,
    request: libc::Ioctl,
    interface: &str,
    value: libc::__c_anonymous_ifr_ifru,
) -> io::Result<()> {
    let mut ifr_name = [0; libc::IFNAMSIZ];
    for (to, from) in ifr_name.iter_mut().zip(interface.bytes()) {
        *to = from as libc::c_char;
    }
    let mut asked = libc::ifreq { ifr_name, ifr_ifru: value };
    // SAFETY: every request used here takes a pointer to an `ifreq`, which outlives the call.
    let done = unsafe { libc::ioctl(fd, request, &raw mut asked) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
