//! Something outside is away (a broker, room on a disk) and is waited for, said once when it begins and once when it ends.

use std::sync::Arc;
use std::time::Duration;

use crate::faults::Failure;

/// What a listener is told.
pub enum OutageEvent<'a> {
    Began(&'a Failure),
    Ended { lasted: Duration },
}

/// The outage of one branch, shared by its actors and its supervisor over all epochs.
#[derive(Clone)]
pub struct Outage {
    _shared: Arc<()>,
}

impl Outage {
    pub fn new(listener: impl Fn(OutageEvent<'_>) + Send + Sync + 'static) -> Self {
        let _ = listener;
        todo!()
    }

    /// It failed in a way that can get better; tells the listener if this is news.
    pub fn failed(&self, failure: &Failure) {
        let _ = failure;
        todo!()
    }

    /// It works; tells the listener if it did not before. Cheap when there is no outage.
    pub fn works(&self) {
        todo!()
    }

    /// Calls until the result is anything but Retryable, with half-jittered exponential backoff between tries.
    pub async fn retry<T, F: Future<Output = Result<T, Failure>>>(
        &self,
        backoff_min: Duration,
        backoff_max: Duration,
        call: impl FnMut() -> F,
    ) -> Result<T, Failure> {
        let _ = (backoff_min, backoff_max, call);
        todo!()
    }
}
