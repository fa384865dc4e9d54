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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supervision::Busy;
    use crate::supervision::actor::{Actor, Context, Handler, Reply, System, reply_after};

    const HEARTBEAT: Duration = Duration::from_secs(8);

    /// Answers a heartbeat after this time, that of the call at which it is.
    struct Slow {
        answer: Duration,
        call: Duration,
    }

    impl Actor for Slow {
        type Context = Context<Self>;
    }

    impl Handler<Heartbeat> for Slow {
        type Result = Reply<Self, Option<Busy>>;

        fn handle(&mut self, _: Heartbeat, _: &mut Self::Context) -> Self::Result {
            let busy = Busy { call: "a toy call", thread: "toy".into(), time: self.call };
            reply_after(sleep(self.answer), move |(), _, _| Some(busy))
        }
    }

    /// When, within a minute, it is said to hang, and how that shows.
    fn hangs(answer: Duration, call: Duration) -> Option<(Duration, String)> {
        System::in_virtual_time().block_on(async {
            let begun = Instant::now();
            let address = Slow { answer, call }.start().recipient();
            let hang = hang((3, address), Arc::default(), HEARTBEAT, |_| ());
            let (child, how) = timeout(Duration::from_secs(60), hang).await.ok()?;
            assert_eq!(child, 3);
            Some((begun.elapsed(), how))
        })
    }

    #[test]
    fn who_gives_no_sign_of_life_within_a_heartbeat_hangs() {
        assert_eq!(hangs(HEARTBEAT - Duration::from_secs(1), Duration::ZERO), None);
        let (after, how) = hangs(2 * HEARTBEAT, Duration::ZERO).expect("it hangs");
        assert_eq!((after, how.as_str()), (HEARTBEAT / 4 + HEARTBEAT, "hung: no sign of life for 8s"));
    }

    #[test]
    fn who_is_twice_found_at_a_call_that_takes_longer_hangs() {
        assert_eq!(hangs(Duration::ZERO, HEARTBEAT), None);
        let (after, how) = hangs(Duration::ZERO, HEARTBEAT + Duration::from_millis(1)).expect("it hangs");
        assert_eq!((after, how.as_str()), (HEARTBEAT / 2, "hung: a toy call on the thread toy takes 8.001s so far"));
    }
}
