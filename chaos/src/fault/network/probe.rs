//! Datagrams from one host to another, to see what the network does to them.

use std::cell::Cell;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// One prober at a time: they share the sockets of the hosts.
static PROBING: Mutex<()> = Mutex::new(());
static NEXT: AtomicU64 = AtomicU64::new(1);

/// What came of many datagrams.
pub(super) struct Passed {
    pub(super) sent: u64,
    pub(super) arrived: u64,
    /// Bytes a second, from the first arrival to the last.
    pub(super) rate: f64,
}

/// From one host to another.
pub(super) struct Prober {
    from: UdpSocket,
    to: UdpSocket,
    address: SocketAddr,
    _alone: MutexGuard<'static, ()>,
}

impl Prober {
    pub(super) fn between(from: OwnedFd, to: OwnedFd) -> io::Result<Self> {
        let (from, to) = (UdpSocket::from(from), UdpSocket::from(to));
        let address = to.local_addr()?;
        let alone = PROBING.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Self { from, to, address, _alone: alone })
    }

    /// How long one datagram takes to arrive; `None` if it does not in this time.
    pub(super) fn time_one(&self, within: Duration) -> io::Result<Option<Duration>> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let sent = Instant::now();
        self.from.send_to(&number.to_le_bytes(), self.address)?;
        loop {
            let left = within.saturating_sub(sent.elapsed());
            if left.is_zero() {
                return Ok(None);
            }
            if self.receive(Some(left))?.is_some_and(|(got, _)| got == number) {
                return Ok(Some(sent.elapsed()));
            }
        }
    }

    /// Sends so many datagrams of this size, a few at a time, and waits for the last of them so long.
    pub(super) fn send_many(&self, count: u64, size: usize, last_within: Duration) -> io::Result<Passed> {
        const AT_ONCE: u64 = 16;
        let first = NEXT.fetch_add(count, Ordering::Relaxed);
        let ours = first..first + count;
        let mut message = vec![0_u8; size.max(8)];
        let (arrived, mut times) = (Cell::new(0), None::<(Instant, Instant)>);
        let mut take = |wait| -> io::Result<bool> {
            let Some((got, _)) = self.receive(wait)? else { return Ok(false) };
            if ours.contains(&got) {
                let now = Instant::now();
                times = Some((times.map_or(now, |(first, _)| first), now));
                arrived.set(arrived.get() + 1);
            }
            Ok(true)
        };
        for number in ours.clone() {
            message[..8].copy_from_slice(&number.to_le_bytes());
            self.from.send_to(&message, self.address)?;
            if number % AT_ONCE == 0 {
                // Until they have arrived, or at least had the time to.
                take(Some(Duration::from_micros(300)))?;
                while take(None)? {}
            }
        }
        // Each that arrives shows that more may be under way.
        while arrived.get() < count && take(Some(last_within))? {}
        let seconds = times.map_or(0.0, |(first, last)| (last - first).as_secs_f64());
        let bytes = (arrived.get() * (size as u64 + IP_AND_UDP)) as f64;
        Ok(Passed {
            sent: count,
            arrived: arrived.get(),
            rate: if seconds > 0.0 { bytes / seconds } else { f64::INFINITY },
        })
    }

    /// The number in the next datagram; waits so long, or not at all.
    fn receive(&self, wait: Option<Duration>) -> io::Result<Option<(u64, usize)>> {
        let mut message = [0; 2048];
        self.to.set_nonblocking(wait.is_none())?;
        if let Some(wait) = wait {
            self.to.set_read_timeout(Some(wait.max(Duration::from_micros(1))))?;
        }
        match self.to.recv_from(&mut message) {
            Ok((length, _)) => {
                let number = message.first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
                Ok(Some((number, length)))
            }
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => Ok(None),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => Ok(Some((0, 0))),
            Err(e) => Err(e),
        }
    }
}

/// Bytes of the headers of a datagram.
const IP_AND_UDP: u64 = 28;
