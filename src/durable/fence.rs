//! Lets one epoch of a branch at a time touch its files.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use parking_lot::{MappedMutexGuard, Mutex, MutexGuard};

use crate::failure::{Failure, Kind};

/// What to do about a write that hangs.
pub const ON_HUNG: &str =
    "look for a disk or a broker that does not answer; where it is merely slow, raise supervision.heartbeat_ms";

/// Held by the process over all epochs of a branch: an epoch that writes or recovers does so inside. `T` is what one epoch
/// leaves to the next about its files.
///
/// Survives a panic inside. If it cannot be entered within its deadline, and the work inside has not got on meanwhile, a
/// write hangs that cannot be replaced within this process, and `on_hung` is called: it ends the process at once, without
/// running exit handlers.
pub struct Fence<T = ()> {
    deadline: Duration,
    on_hung: fn(Duration),
    /// How often the work inside has got on.
    steps: AtomicU64,
    inside: Mutex<Inside<T>>,
}

#[derive(Default)]
struct Inside<T> {
    epoch: u64,
    left: T,
}

impl<T: Default> Fence<T> {
    pub fn new(deadline: Duration, on_hung: fn(Duration)) -> Self {
        Self { deadline, on_hung, steps: AtomicU64::new(0), inside: Mutex::default() }
    }

    /// Enters as `epoch`, which becomes the current one if it is newer. An epoch older than the current one is refused
    /// (Fatal, `Kind::Internal`): its branch was replaced. Where the work of an earlier epoch goes on inside for longer
    /// than the deadline, but gets on, that is Retryable. The guard's `Drop` leaves.
    pub fn enter(&self, epoch: u64) -> Result<Entered<'_, T>, Failure> {
        let steps = self.steps.load(Relaxed);
        let Some(mut inside) = self.inside.try_lock_for(self.deadline) else {
            let waited_ms = self.deadline.as_millis();
            if self.steps.load(Relaxed) > steps {
                let what = format!("a write that an earlier epoch began is not done after {waited_ms} ms");
                return Err(Failure::retryable(Kind::TryAgain, what).advice("it gets on, and its end is waited for"));
            }
            (self.on_hung)(self.deadline);
            let what = format!("a write has hung for more than {waited_ms} ms");
            return Err(Failure::fatal(Kind::Internal, what).advice(ON_HUNG));
        };
        if epoch < inside.epoch {
            let what = format!("epoch {epoch} wanted to write, but was replaced by epoch {}", inside.epoch);
            return Err(Failure::fatal(Kind::Internal, what));
        }
        inside.epoch = epoch;
        Ok(Entered { epoch, left: MutexGuard::map(inside, |inside| &mut inside.left) })
    }

    /// The work inside gets on.
    pub fn got_on(&self) {
        self.steps.fetch_add(1, Relaxed);
    }
}

/// Inside the fence.
pub struct Entered<'a, T> {
    /// The epoch that is inside.
    pub epoch: u64,
    /// What the epochs before have left there.
    pub left: MappedMutexGuard<'a, T>,
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn who_waits_for_a_write_that_gets_on_is_told_to_try_again() {
        let fence = Fence::<()>::new(Duration::from_millis(500), |_| panic!("nothing hangs"));
        let inside = fence.enter(1).unwrap_or_else(|failure| panic!("{failure}"));
        let failure = thread::scope(|scope| {
            let waits = scope.spawn(|| fence.enter(2).err());
            while !waits.is_finished() {
                fence.got_on();
                thread::yield_now();
            }
            waits.join().expect("it does not panic").expect("somebody is inside")
        });
        assert!(failure.is_retryable() && failure.what.contains("500 ms"), "{failure}");
        drop(inside);
        assert!(fence.enter(2).is_ok());
    }
}
