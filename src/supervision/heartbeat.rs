//! Notices a child that hangs.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use actix::Recipient;
use tokio::time::{Instant, sleep, timeout};

use super::child::Heartbeat;
use super::running;

/// Asks a child again and again, and tells `pulse` how long each answer took. Ends with who hangs and how that shows; never, if the child is well or dead.
///
/// Both kinds of hang must show twice: if the whole process was halted (SIGSTOP, a sleeping laptop), the first look
/// after it sees only the time that went by.
pub(super) async fn hang(
    (child, address): (usize, Recipient<Heartbeat>),
    at_work: Arc<AtomicUsize>,
    heartbeat: Duration,
    pulse: impl Fn(Duration),
) -> (usize, String) {
    let mut was_late = false;
    loop {
        sleep(heartbeat / 4).await;
        let asked = Instant::now();
        let mut answer = pin!(address.send(Heartbeat));
        let mut answered = timeout(heartbeat / 2, &mut answer).await;
        if answered.is_err() {
            answered = timeout(heartbeat / 2, &mut answer).await;
        }
        let Ok(answered) = answered else {
            // Its thread may be stuck in the code of another child.
            let child = running::culprit(&at_work).unwrap_or(child);
            return (child, format!("hung: no sign of life for {heartbeat:?}"));
        };
        let Ok(busy) = answered else { return std::future::pending().await };
        pulse(asked.elapsed());
        let late = busy.filter(|busy| busy.time > heartbeat);
        if was_late && let Some(busy) = &late {
            return (child, format!("hung: {busy}"));
        }
        was_late = late.is_some();
    }
}
