//! Something outside is away (a broker, room on a disk) and is waited for, said when it begins, each minute
//! with what is in the way by then, and when it ends.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::backoff::Backoff;
use super::ending::Ending;
use super::worker::{Steps, Worker};
use crate::failure::Failure;

/// What a listener is told.
pub enum OutageEvent<'a> {
    Began(&'a Failure),
    /// A minute later, and with the cause of now.
    Lasts(&'a Failure, Duration),
    Ended {
        lasted: Duration,
    },
}

/// The longest wait between two tries: what is away can be back at any moment, and then work is to go on.
pub const WAIT_MAX: Duration = Duration::from_secs(1);

/// How often an outage that lasts is told of: its cause may be another one by then.
const TOLD_EACH: Duration = Duration::from_secs(60);

/// The outage of one branch, shared by its actors and its supervisor over all epochs. It begins when the first of its
/// parts fails and ends when the last of them works again: that one thing works says nothing of another.
///
/// The listener hears beginnings and ends in turn, one at a time; it must not call the outage itself. A clone is the
/// same part.
#[derive(Clone)]
pub struct Outage {
    of_branch: Arc<Branchwide>,
    /// Whether this part is away. Changed under the lock, looked at without it.
    away: Arc<AtomicBool>,
}

struct Branchwide {
    /// The first and the longest wait between two tries.
    waits: (Duration, Duration),
    listener: Box<dyn Fn(OutageEvent<'_>) + Send + Sync>,
    state: Mutex<Away>,
}

#[derive(Default)]
struct Away {
    parts_away: usize,
    /// When it began, and when it was told of the last time.
    since: Option<(Instant, Instant)>,
}

impl Outage {
    /// Waits double from the first to the longest, of which none is longer than [`WAIT_MAX`].
    pub fn new(
        wait_min: Duration,
        wait_max: Duration,
        listener: impl Fn(OutageEvent<'_>) + Send + Sync + 'static,
    ) -> Self {
        let waits = (wait_min, wait_max.min(WAIT_MAX));
        let of_branch = Branchwide { waits, listener: Box::new(listener), state: Mutex::default() };
        Self { of_branch: Arc::new(of_branch), away: Arc::default() }
    }

    /// Another part of the same outage: for a thing that may be away while this one works.
    pub fn part(&self) -> Self {
        Self { of_branch: self.of_branch.clone(), away: Arc::default() }
    }

    /// It failed in a way that can get better; tells the listener if this is news, or if none was told for long.
    pub fn failed(&self, failure: &Failure) {
        let mut state = self.of_branch.state.lock();
        state.parts_away += usize::from(!self.away.swap(true, Relaxed));
        let now = Instant::now();
        let (began, event) = match state.since {
            None => (now, OutageEvent::Began(failure)),
            Some((began, told)) if now - told >= TOLD_EACH => (began, OutageEvent::Lasts(failure, now - began)),
            Some(_) => return,
        };
        state.since = Some((began, now));
        (self.of_branch.listener)(event);
    }

    /// It works; tells the listener if something did not before and all does now. Cheap when there is no outage.
    pub fn works(&self) {
        if !self.away.load(Relaxed) {
            return;
        }
        let mut state = self.of_branch.state.lock();
        if !self.away.swap(false, Relaxed) {
            return;
        }
        state.parts_away -= 1;
        if state.parts_away == 0
            && let Some((began, _)) = state.since.take()
        {
            (self.of_branch.listener)(OutageEvent::Ended { lasted: began.elapsed() });
        }
    }

    /// Makes the call, which `name` names, on the worker until it does not fail in a way that can get better.
    pub fn call<W, R, J>(
        &self,
        worker: &Arc<Worker<W>>,
        name: &'static str,
        job: J,
    ) -> impl Future<Output = Result<R, Ending>> + 'static
    where
        W: Send + 'static,
        R: Send + 'static,
        J: Fn(&mut W, &Steps) -> Result<R, Failure> + Clone + Send + 'static,
    {
        let (outage, worker, steps) = (self.clone(), worker.clone(), worker.steps());
        async move {
            let mut backoff = None;
            loop {
                let (job, steps) = (job.clone(), steps.clone());
                let result = worker.call(name, move |value| job(value, &steps)).await?;
                match outage.wait_after(&result, &mut backoff) {
                    Some(wait) => tokio::time::sleep(wait).await,
                    None => return Ok(result?),
                }
            }
        }
    }

    /// Makes a call on this thread, which waits itself, until the call does not fail in a way that can get better, or until
    /// `given_up` says, of the time since the first failure, that it was long enough.
    pub fn retry_blocking<T>(
        &self,
        given_up: impl Fn(Duration) -> bool,
        mut call: impl FnMut() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let (mut backoff, mut since) = (None, None);
        loop {
            let result = call();
            let Some(wait) = self.wait_after(&result, &mut backoff) else { return result };
            if given_up(since.get_or_insert_with(Instant::now).elapsed()) {
                return result;
            }
            thread::sleep(wait);
        }
    }

    /// Tells what came of a try, and says how long to wait before the next one: half-jittered and exponential. `None` if there
    /// is to be none.
    fn wait_after<T>(&self, result: &Result<T, Failure>, backoff: &mut Option<Backoff>) -> Option<Duration> {
        match result {
            Ok(_) => {
                self.works();
                None
            }
            Err(failure) if failure.is_retryable() => {
                self.failed(failure);
                tracing::debug!(cause = failure.what, "it is tried again");
                let (first, longest) = self.of_branch.waits;
                Some(backoff.get_or_insert_with(|| Backoff::new(first, longest, seed(failure))).next())
            }
            Err(_) => None,
        }
    }
}

/// The same for the same failure, so that a simulation replays; another one for another partition's.
fn seed(failure: &Failure) -> u64 {
    let mut hasher = DefaultHasher::new();
    failure.what.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
#[path = "outage_tests.rs"]
mod tests;
