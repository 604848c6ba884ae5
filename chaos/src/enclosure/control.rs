//! How rules are set in a process in between: requests and answers over a socket without a name in any
//! directory, which is gone when the process is.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;

use nix::errno::Errno;
use nix::sys::socket::sockopt::{PeerCredentials, ReceiveTimeout};
use nix::sys::socket::{
    AddressFamily, Backlog, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, UnixAddr,
    accept4, bind, connect, getsockopt, listen, recvmsg, sendmsg, setsockopt, socket,
};
use nix::sys::time::{TimeVal, TimeValLike};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::rules::{Rule, Rules, Told};

/// The longest request or answer, in bytes.
const LONGEST: usize = 128 << 10;
/// How long an answer may take, in seconds.
const ANSWERED_WITHIN: i64 = 2;

/// What is asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Request<A> {
    /// Put a rule into force.
    Set(Rule<A>),
    /// End a rule.
    Clear(String),
    /// Only answer.
    Read,
    /// Send the sockets of a host along with the answer.
    Sockets(u32),
}

/// What a process in between lends.
pub(crate) trait Sockets {
    /// The descriptors of a host; empty if there is no such host.
    fn of(&self, host: u32) -> Vec<BorrowedFd<'_>>;
}

fn address(name: &str) -> nix::Result<UnixAddr> {
    UnixAddr::new_abstract(name.as_bytes())
}

fn new_socket() -> nix::Result<OwnedFd> {
    socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None)
}

/// A socket that takes requests under this name.
pub(crate) fn listener(name: &str) -> nix::Result<OwnedFd> {
    let listener = new_socket()?;
    bind(listener.as_raw_fd(), &address(name)?)?;
    listen(&listener, Backlog::new(16)?)?;
    Ok(listener)
}

/// Answers requests, each client in a thread of its own, until accepting fails for good.
pub(crate) fn serve<A, S, O>(listener: &OwnedFd, rules: &Arc<Rules<A, S>>, sockets: &Arc<O>)
where
    A: Clone + Serialize + DeserializeOwned + Send + 'static,
    S: Default + Send + 'static,
    O: Sockets + Send + Sync + 'static,
{
    loop {
        match accept4(listener.as_raw_fd(), SockFlag::SOCK_CLOEXEC) {
            Ok(client) => {
                let client = owned(client);
                if !is_ours(&client) {
                    continue;
                }
                let (rules, sockets) = (Arc::clone(rules), Arc::clone(sockets));
                // One that cannot have its thread is not answered and gives up.
                let _ = std::thread::Builder::new().spawn(move || answer_all(&client, &rules, &*sockets));
            }
            Err(Errno::EINTR | Errno::ECONNABORTED | Errno::EMFILE | Errno::ENFILE) => {
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            Err(_) => return,
        }
    }
}

#[expect(unsafe_code, reason = "nix hands descriptors out as numbers here")]
fn owned(fd: RawFd) -> OwnedFd {
    // SAFETY: the kernel has just given us this descriptor; nobody else owns it.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// A name that is in no directory has no permissions: only processes of the same user are heard.
fn is_ours(client: &OwnedFd) -> bool {
    getsockopt(client, PeerCredentials).is_ok_and(|peer| peer.uid() == nix::unistd::geteuid().as_raw())
}

fn answer_all<A, S, O>(client: &OwnedFd, rules: &Rules<A, S>, sockets: &O)
where
    A: Clone + Serialize + DeserializeOwned,
    S: Default,
    O: Sockets,
{
    let mut buffer = vec![0_u8; LONGEST];
    while let Ok((read, _)) = receive(client, &mut buffer) {
        let Ok(request) = serde_json::from_slice::<Request<A>>(&buffer[..read]) else { return };
        let mut passed = Vec::new();
        match request {
            Request::Set(rule) => rules.set(rule),
            Request::Clear(id) => rules.clear(&id),
            Request::Read => {}
            Request::Sockets(host) => passed = sockets.of(host),
        }
        let Ok(answer) = serde_json::to_vec(&rules.told()) else { return };
        if send(client, &answer, &passed).is_err() {
            return;
        }
    }
}

fn send(to: &OwnedFd, message: &[u8], passed: &[BorrowedFd<'_>]) -> nix::Result<()> {
    let raw: Vec<RawFd> = passed.iter().map(AsRawFd::as_raw_fd).collect();
    let rights = [ControlMessage::ScmRights(&raw)];
    let control = if raw.is_empty() { &[][..] } else { &rights[..] };
    sendmsg::<()>(to.as_raw_fd(), &[IoSlice::new(message)], control, MsgFlags::MSG_NOSIGNAL, None)?;
    Ok(())
}

/// A message and the descriptors that came with it; the end of the stream is an error.
fn receive(from: &OwnedFd, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut space = nix::cmsg_space!([RawFd; 8]);
    let mut slices = [IoSliceMut::new(buffer)];
    let got = loop {
        // Where it waits for so long only, a signal interrupts it whatever its handler asks for.
        match recvmsg::<()>(from.as_raw_fd(), &mut slices, Some(&mut space), MsgFlags::MSG_CMSG_CLOEXEC) {
            Err(Errno::EINTR) => {}
            got => break got?,
        }
    };
    let mut passed = Vec::new();
    for message in got.cmsgs()? {
        if let ControlMessageOwned::ScmRights(fds) = message {
            passed.extend(fds.into_iter().map(owned));
        }
    }
    if got.bytes == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok((got.bytes, passed)) }
}

/// The client's side.
#[derive(Debug)]
pub(crate) struct Control<A> {
    socket: OwnedFd,
    of: std::marker::PhantomData<fn() -> A>,
}

impl<A: Serialize + DeserializeOwned> Control<A> {
    /// Connects to the process that listens under this name; `None` if there is none.
    pub(crate) fn connect(name: &str) -> io::Result<Option<Self>> {
        let socket = new_socket()?;
        match connect(socket.as_raw_fd(), &address(name)?) {
            Ok(()) => {}
            Err(Errno::ECONNREFUSED) => return Ok(None),
            Err(e) => return Err(e.into()),
        }
        setsockopt(&socket, ReceiveTimeout, &TimeVal::seconds(ANSWERED_WITHIN))?;
        Ok(Some(Self { socket, of: std::marker::PhantomData }))
    }

    /// Asks, and gets the rules as they are then.
    pub(crate) fn ask(&self, request: &Request<A>) -> io::Result<Vec<Told<A>>> {
        self.ask_for(request).map(|(told, _)| told)
    }

    /// The sockets of a host.
    pub(crate) fn sockets(&self, host: u32) -> io::Result<Vec<OwnedFd>> {
        self.ask_for(&Request::Sockets(host)).map(|(_, sockets)| sockets)
    }

    fn ask_for(&self, request: &Request<A>) -> io::Result<(Vec<Told<A>>, Vec<OwnedFd>)> {
        send(&self.socket, &serde_json::to_vec(request)?, &[])?;
        let mut buffer = vec![0_u8; LONGEST];
        let (read, passed) = receive(&self.socket, &mut buffer)?;
        Ok((serde_json::from_slice(&buffer[..read])?, passed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct NoSockets;

    impl Sockets for NoSockets {
        fn of(&self, _host: u32) -> Vec<BorrowedFd<'_>> {
            Vec::new()
        }
    }

    #[test]
    fn a_rule_that_was_set_is_read_back_until_it_is_cleared_and_nobody_is_there_after_the_end() {
        let name = format!("shakedown-test-{}", std::process::id());
        assert!(Control::<u8>::connect(&name).unwrap().is_none());
        let listener = listener(&name).unwrap();
        let rules = Arc::new(Rules::<u8>::new());
        std::thread::spawn({
            let rules = Arc::clone(&rules);
            move || serve(&listener, &rules, &Arc::new(NoSockets))
        });
        let control = Control::<u8>::connect(&name).unwrap().unwrap();
        let rule = Rule { id: "one".into(), act: 3, expires_ns: u64::MAX };
        let told = control.ask(&Request::Set(rule.clone())).unwrap();
        assert_eq!((told.len(), &told[0].rule, told[0].in_force), (1, &rule, true));
        assert_eq!(control.ask(&Request::Read).unwrap(), told);
        assert_eq!(control.ask(&Request::Clear("one".into())).unwrap(), []);
    }
}
