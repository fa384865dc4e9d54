//! A log that ends before what it is known to have held.

use std::time::Duration;

use tokio::time::Instant;

use crate::failure::{Failure, Kind};

/// A new leader can briefly say less than it has: an end below a known offset is believed after this many equal answers
/// over at least this time.
const ANSWERS: u32 = 3;
const TIME: Duration = Duration::from_secs(10);

/// Remembers between tries what an apparently truncated log said.
#[derive(Default)]
pub struct Truncation(Option<Said>);

struct Said {
    partition: u32,
    end: u64,
    since: Instant,
    answers: u32,
}

impl Truncation {
    /// The failure of a partition that ends too early, as `what` says: one that is waited out, or, once it is believed,
    /// what `gone` makes of the words.
    pub fn failure(&mut self, partition: u32, end: u64, what: String, gone: impl FnOnce(String) -> Failure) -> Failure {
        let said = match &mut self.0 {
            Some(said) if (said.partition, said.end) == (partition, end) => said,
            other => other.insert(Said { partition, end, since: Instant::now(), answers: 0 }),
        };
        said.answers += 1;
        if said.answers >= ANSWERS && said.since.elapsed() >= TIME {
            return gone(what);
        }
        Failure::retryable(Kind::Data, what).advice("it is asked again before that is believed")
    }

    /// The log has what it must have: the next doubt begins anew.
    pub fn over(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn only_equal_answers_over_some_time_are_believed() {
        let mut truncation = Truncation::default();
        let mut believes = |partition, end| {
            let gone = |what| Failure::fatal(Kind::Data, what);
            !truncation.failure(partition, end, "it ends".to_owned(), gone).is_retryable()
        };
        assert!([(); 50].iter().all(|()| !believes(0, 7)), "no time has passed");
        tokio::time::advance(TIME).await;
        assert!(believes(0, 7));
        assert!(!believes(0, 8), "another end");
        tokio::time::advance(TIME).await;
        assert!(!believes(0, 8), "it was asked twice");
        assert!(!believes(1, 8), "another partition");
        tokio::time::advance(TIME - SECOND).await;
        assert!(!believes(1, 8) && !believes(1, 8), "a second is missing");
        tokio::time::advance(SECOND).await;
        assert!(believes(1, 8));
        truncation.over();
        let again = truncation.failure(1, 8, "it ends".to_owned(), |what| Failure::fatal(Kind::Data, what));
        assert!(again.is_retryable() && again.advice.is_some(), "{again}");
    }
}
