//! Waiting for a log that is away: said once when it begins and once when it ends, however many threads wait.

use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::output;
use crate::failure::Failure;

const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// Shared by all who wait for the same thing.
#[derive(Default)]
pub struct Patience {
    /// How long a failure is waited out; `None`: for ever.
    limit: Option<Duration>,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    threads: usize,
    since: Option<Instant>,
}

impl Patience {
    /// Gives up once a single failure was waited out this long.
    pub fn up_to(limit: Duration) -> Self {
        Self { limit: Some(limit), ..Self::default() }
    }

    /// Calls until the result is anything but Retryable, or until `stopped` says that nobody wants it any more.
    pub fn wait<T>(
        &self,
        stopped: impl Fn() -> bool,
        mut call: impl FnMut() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut backoff = BACKOFF_MIN;
        let mut began = None;
        let result = loop {
            let failure = match call() {
                Err(failure) if failure.is_retryable() => failure,
                other => break other,
            };
            let since: Instant = *began.get_or_insert_with(|| {
                self.begin(&failure);
                Instant::now()
            });
            if stopped() || self.limit.is_some_and(|limit| since.elapsed() >= limit) {
                break Err(failure);
            }
            thread::sleep(backoff);
            backoff = (backoff * 2).min(BACKOFF_MAX);
        };
        if began.is_some() {
            self.end(result.is_ok());
        }
        result
    }

    fn begin(&self, failure: &Failure) {
        let mut waiting = self.waiting.lock();
        waiting.threads += 1;
        if waiting.threads == 1 {
            waiting.since = Some(Instant::now());
            output::tell(&format_args!("waiting: {failure}"));
        }
    }

    fn end(&self, well: bool) {
        let mut waiting = self.waiting.lock();
        waiting.threads -= 1;
        if waiting.threads == 0
            && let Some(since) = waiting.since.take()
            && well
        {
            output::tell(&format_args!("going on after {:.1} s", since.elapsed().as_secs_f64()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Kind;

    #[test]
    fn what_can_get_better_is_waited_for_and_the_rest_is_not() {
        let away = || Failure::retryable(Kind::Unavailable, "away");
        let mut calls = 0;
        let result = Patience::default().wait(
            || false,
            || {
                calls += 1;
                if calls < 3 { Err(away()) } else { Ok(calls) }
            },
        );
        assert_eq!(result, Ok(3));
        let fatal = Failure::fatal(Kind::Data, "gone");
        let result: Result<(), _> = Patience::default().wait(|| false, || Err(fatal.clone()));
        assert_eq!(result, Err(fatal));
        for result in [
            Patience::up_to(Duration::ZERO).wait::<()>(|| false, || Err(away())),
            Patience::default().wait::<()>(|| true, || Err(away())),
        ] {
            assert_eq!(result, Err(away()));
        }
    }
}
