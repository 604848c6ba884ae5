//! Signals to many at once, and the evidence of sending them.

use evidence::event::{Level, Reading};
use nix::sys::signal::Signal;

use super::{Held, Outcome, Setting};

/// A signal on its way to one victim.
pub(crate) struct Sent {
    /// Just before the call: what the signal does cannot be seen earlier, and recovery counted from here is never
    /// understated, however late this process comes to read anything back.
    pub(crate) at_ns: u64,
    /// Whether the kernel took it; `false` if the process was gone. `None`: it was not sent at all.
    pub(crate) taken: Option<std::io::Result<bool>>,
}

impl Sent {
    fn reading(&self, signal: Signal, found: String) -> Reading {
        Reading {
            at_ns: self.at_ns,
            level: Level::E0,
            source: "pidfd_send_signal".to_owned(),
            expected: format!("{signal} taken"),
            found,
        }
    }

    /// Whether there can be something to read back.
    pub(crate) fn is_under_way(&self) -> bool {
        matches!(self.taken, Some(Ok(true)) | None)
    }

    /// What became of the sending: the beginning of an outcome, or all of it where nothing was sent.
    pub(crate) fn told(&self, signal: Signal) -> Outcome {
        match &self.taken {
            Some(Ok(true)) => {
                let mut outcome = Outcome::sent(self.at_ns);
                outcome.see(self.reading(signal, format!("{signal} taken")), true);
                outcome
            }
            Some(Ok(false)) => Outcome::gone(self.reading(signal, "the process was gone".to_owned())),
            Some(Err(e)) => {
                let mut outcome = Outcome::default();
                outcome.see(self.reading(signal, e.to_string()), false);
                outcome
            }
            None => Outcome::default(),
        }
    }
}

/// Signals all as fast as the kernel takes it; nobody where it is only pretended.
pub(crate) fn signal_all(setting: &Setting, held: &[&Held], signal: Signal) -> Vec<Sent> {
    let send = |held: &&Held| {
        let at_ns = setting.now();
        Sent { at_ns, taken: (!setting.pretend()).then(|| held.pidfd.send(signal)) }
    };
    held.iter().map(send).collect()
}
