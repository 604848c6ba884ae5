//! Ctrl-C and SIGTERM: the first asks the run to end, every further one to hurry.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

/// Sends an interrupt for each signal, from now on.
///
/// # Errors
/// If the kernel refuses the handlers.
pub(crate) fn interrupts() -> std::io::Result<mpsc::Receiver<harness::Interrupt>> {
    let (sender, receiver) = mpsc::channel(4);
    let mut ctrl_c = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        let mut interrupt = harness::Interrupt::First;
        while either(&mut ctrl_c, &mut terminate).await {
            if sender.send(interrupt).await.is_err() {
                return;
            }
            eprintln!(
                "{}",
                match interrupt {
                    harness::Interrupt::First =>
                        "interrupted: healing, draining and judging what there is (again: do not wait for the drain)",
                    harness::Interrupt::Second => "interrupted again: healing and ending at once",
                }
            );
            interrupt = harness::Interrupt::Second;
        }
    });
    Ok(receiver)
}

async fn either(a: &mut Signal, b: &mut Signal) -> bool {
    tokio::select! {
        got = a.recv() => got.is_some(),
        got = b.recv() => got.is_some(),
    }
}
