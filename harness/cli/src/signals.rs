//! Ctrl-C, SIGTERM and a closed terminal: the first asks the run to end, every further one to hurry.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use crate::terminal::clear_line;

/// Where a run is asked to end, and where it hears of it.
pub(crate) type Interrupts = (mpsc::Sender<harness::Interrupt>, mpsc::Receiver<harness::Interrupt>);

/// Sends an interrupt for each signal, from now on.
///
/// # Errors
/// If the kernel refuses the handlers.
pub(crate) fn interrupts() -> std::io::Result<Interrupts> {
    let (raise, mut raised) = mpsc::channel(4);
    listen(SignalKind::interrupt(), &raise)?;
    listen(SignalKind::terminate(), &raise)?;
    // `nohup` asks that a run outlives its terminal.
    if !is_ignored(SignalKind::hangup()) {
        listen(SignalKind::hangup(), &raise)?;
    }
    // Handled and passed over, so that a file above `ulimit -f` is an error of the write and no death.
    drop(signal(SignalKind::from_raw(libc::SIGXFSZ))?);
    let (sender, receiver) = mpsc::channel(4);
    let ask = sender.clone();
    tokio::spawn(async move {
        let mut interrupt = harness::Interrupt::First;
        while raised.recv().await.is_some() {
            let hurries = interrupt == harness::Interrupt::Second;
            if sender.send(interrupt).await.is_err() {
                return;
            }
            let what = if hurries {
                "interrupted again: healing and ending at once"
            } else {
                "interrupted: healing, draining and judging what there is (again: do not wait for the drain)"
            };
            note!("{}{what}", clear_line());
            interrupt = harness::Interrupt::Second;
        }
    });
    Ok((ask, receiver))
}

fn listen(kind: SignalKind, raise: &mpsc::Sender<()>) -> std::io::Result<()> {
    let mut signals = signal(kind)?;
    let raise = raise.clone();
    tokio::spawn(async move { while signals.recv().await.is_some() && raise.send(()).await.is_ok() {} });
    Ok(())
}

/// Whether whoever started this program had the signal ignored.
fn is_ignored(kind: SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0);
    mask >> (kind.as_raw_value() - 1) & 1 == 1
}
