//! Something outside is away (a broker, room on a disk) and is waited for, said once when it begins and once when it ends.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::backoff::Backoff;
use crate::failure::Failure;

/// What a listener is told.
pub enum OutageEvent<'a> {
    Began(&'a Failure),
    Ended { lasted: Duration },
}

/// The longest wait between two tries: what is away can be back at any moment, and then work is to go on.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(1);
/// The first wait of a thread that waits itself.
const BLOCKING_WAIT_MIN: Duration = Duration::from_millis(100);

/// The outage of one branch, shared by its actors and its supervisor over all epochs. It begins when the first of its
/// parts fails and ends when the last of them works again: that one thing works says nothing of another.
///
/// The listener hears beginnings and ends in turn, one at a time; it must not call the outage itself. A clone is the
/// same part.
#[derive(Clone)]
pub struct Outage {
    shared: Arc<Shared>,
    /// Whether this part is away. Changed under the lock, looked at without it.
    away: Arc<AtomicBool>,
}

struct Shared {
    listener: Box<dyn Fn(OutageEvent<'_>) + Send + Sync>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    parts_away: usize,
    began: Option<Instant>,
}

impl Outage {
    pub fn new(listener: impl Fn(OutageEvent<'_>) + Send + Sync + 'static) -> Self {
        Self {
            shared: Arc::new(Shared { listener: Box::new(listener), state: Mutex::default() }),
            away: Arc::default(),
        }
    }

    /// Another part of the same outage: for a thing that may be away while this one works.
    pub fn part(&self) -> Self {
        Self { shared: self.shared.clone(), away: Arc::default() }
    }

    /// It failed in a way that can get better; tells the listener if this is news.
    pub fn failed(&self, failure: &Failure) {
        let mut state = self.shared.state.lock();
        if self.away.swap(true, Relaxed) {
            return;
        }
        state.parts_away += 1;
        if state.began.is_none() {
            state.began = Some(Instant::now());
            (self.shared.listener)(OutageEvent::Began(failure));
        }
    }

    /// It works; tells the listener if something did not before and all does now. Cheap when there is no outage.
    pub fn works(&self) {
        if !self.away.load(Relaxed) {
            return;
        }
        let mut state = self.shared.state.lock();
        if !self.away.swap(false, Relaxed) {
            return;
        }
        state.parts_away -= 1;
        let began = if state.parts_away == 0 { state.began.take() } else { None };
        if let Some(since) = began {
            (self.shared.listener)(OutageEvent::Ended { lasted: since.elapsed() });
        }
    }

    /// Calls until the result is anything but Retryable, with half-jittered exponential backoff between tries, of a second
    /// at most.
    pub async fn retry<T, F: Future<Output = Result<T, Failure>>>(
        &self,
        backoff_min: Duration,
        backoff_max: Duration,
        mut call: impl FnMut() -> F,
    ) -> Result<T, Failure> {
        let (mut backoff, longest) = (None, backoff_max.min(WAIT_MAX));
        loop {
            let result = call().await;
            let Some(wait) = self.wait_after(&result, &mut backoff, backoff_min, longest) else { return result };
            tokio::time::sleep(wait).await;
        }
    }

    /// The same on a thread of its own, which waits itself: until `given_up` says, of the time since the first failure,
    /// that it was long enough.
    pub fn retry_blocking<T>(
        &self,
        given_up: impl Fn(Duration) -> bool,
        mut call: impl FnMut() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let (mut backoff, mut since) = (None, None);
        loop {
            let result = call();
            let Some(wait) = self.wait_after(&result, &mut backoff, BLOCKING_WAIT_MIN, WAIT_MAX) else { return result };
            if given_up(since.get_or_insert_with(Instant::now).elapsed()) {
                return result;
            }
            thread::sleep(wait);
        }
    }

    /// Tells what came of a try, and says how long to wait before the next one; `None` if there is to be none.
    fn wait_after<T>(
        &self,
        result: &Result<T, Failure>,
        backoff: &mut Option<Backoff>,
        first: Duration,
        longest: Duration,
    ) -> Option<Duration> {
        match result {
            Ok(_) => {
                self.works();
                None
            }
            Err(failure) if failure.is_retryable() => {
                self.failed(failure);
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
