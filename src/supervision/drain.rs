//! The orderly end of a branch.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::child::Drain;
use super::ending::Ending;
use super::lives::Lives;
use super::running::{News, Notice};

/// How a drain went.
#[derive(Default)]
pub(super) struct Drained {
    /// Who did not make it by the deadline, and how long it was waited for. Those after it in turn were not asked.
    pub laggards: Vec<(usize, Duration)>,
    /// The first that died instead.
    pub died: Option<(usize, Ending)>,
}

/// Drains the running children in reverse order of their start, and ends each when it has answered, before the next is
/// asked. A child that dies does not stop the others' turns; all together have until the deadline.
pub(super) async fn drain(
    lives: &mut Lives,
    reports: &mut mpsc::UnboundedReceiver<Notice>,
    shutdown: Duration,
) -> Drained {
    let deadline = Instant::now() + shutdown;
    let mut drained = Drained::default();
    let mut deaths: Vec<Option<Ending>> = lives.slots.iter().map(|_| None).collect();
    for child in (0..lives.slots.len()).rev() {
        let Some(slot) = &mut lives.slots[child] else { continue };
        let began = Instant::now();
        if began >= deadline {
            break;
        }
        let was_running = slot.running.is_some();
        let mut answered = false;
        if let Some(running) = &slot.running {
            answered = tokio::select! {
                biased;
                answer = running.drain.send(Drain) => answer.is_ok(),
                () = slot.gone() => false,
                () = sleep_until(deadline) => false,
            };
        }
        let late = timeout_at(deadline, slot.end()).await.is_err() || (!answered && Instant::now() >= deadline);
        // Each report is there before the life that it is of is gone.
        while let Ok(report) = reports.try_recv() {
            if let Notice { epoch, child, news: News::Died(ending) } = report
                && lives.slots[child].as_ref().is_some_and(|slot| slot.epoch == epoch)
            {
                deaths[child].get_or_insert(ending);
            }
        }
        let death = if was_running { deaths[child].take() } else { None };
        match death {
            Some(Ending::Drained | Ending::Finished) => {}
            None | Some(Ending::Unasked) if late => drained.laggards.push((child, began.elapsed())),
            None | Some(Ending::Unasked) if answered || !was_running => {}
            ending => drained.died = drained.died.or(Some((child, ending.unwrap_or(Ending::Unasked)))),
        }
    }
    lives.end();
    drained
}
