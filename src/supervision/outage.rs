//! Something outside is away (a broker, room on a disk) and is waited for, said once when it begins and once when it ends.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::backoff::Backoff;
use crate::faults::Failure;

/// What a listener is told.
pub enum OutageEvent<'a> {
    Began(&'a Failure),
    Ended { lasted: Duration },
}

/// The outage of one branch, shared by its actors and its supervisor over all epochs.
///
/// The listener hears beginnings and ends in turn, one at a time; it must not call the outage itself.
#[derive(Clone)]
pub struct Outage(Arc<Shared>);

struct Shared {
    listener: Box<dyn Fn(OutageEvent<'_>) + Send + Sync>,
    /// Whether `began` is set, for a look without the lock.
    away: AtomicBool,
    began: Mutex<Option<Instant>>,
}

impl Outage {
    pub fn new(listener: impl Fn(OutageEvent<'_>) + Send + Sync + 'static) -> Self {
        let (away, began) = (AtomicBool::new(false), Mutex::new(None));
        Self(Arc::new(Shared { listener: Box::new(listener), away, began }))
    }

    /// It failed in a way that can get better; tells the listener if this is news.
    pub fn failed(&self, failure: &Failure) {
        let mut began = self.0.began.lock();
        if began.is_none() {
            *began = Some(Instant::now());
            self.0.away.store(true, Ordering::Release);
            (self.0.listener)(OutageEvent::Began(failure));
        }
    }

    /// It works; tells the listener if it did not before. Cheap when there is no outage.
    pub fn works(&self) {
        if !self.0.away.load(Ordering::Acquire) {
            return;
        }
        let mut began = self.0.began.lock();
        if let Some(since) = began.take() {
            self.0.away.store(false, Ordering::Release);
            (self.0.listener)(OutageEvent::Ended { lasted: since.elapsed() });
        }
    }

    /// Calls until the result is anything but Retryable, with half-jittered exponential backoff between tries.
    pub async fn retry<T, F: Future<Output = Result<T, Failure>>>(
        &self,
        backoff_min: Duration,
        backoff_max: Duration,
        mut call: impl FnMut() -> F,
    ) -> Result<T, Failure> {
        let mut backoff = None;
        loop {
            match call().await {
                Ok(result) => {
                    self.works();
                    return Ok(result);
                }
                Err(failure) if failure.is_retryable() => {
                    self.failed(&failure);
                    let backoff = backoff.get_or_insert_with(|| Backoff::new(backoff_min, backoff_max, seed(&failure)));
                    tokio::time::sleep(backoff.next()).await;
                }
                Err(failure) => return Err(failure),
            }
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
