//! A log that answers slowly, though it answers: no outage, and no hang.

use std::time::Duration;

use tracing::{info, warn};

/// A commit that waits this long for the log's part is late because of it.
const SLOW: Duration = Duration::from_secs(1);
/// Quick answers in a row after which the log counts as quick again.
const QUICK_AFTER: u32 = 3;

/// How quickly the log does its part of a partition's commits. Said once when that becomes slow, and once when it is quick
/// again.
#[derive(Debug, Default)]
pub struct SlowLog {
    slow: bool,
    /// Quick answers in a row.
    quick: u32,
}

impl SlowLog {
    /// Takes in how long the log took for its part of a commit.
    pub fn answered(&mut self, partition: u32, took: Duration) {
        self.quick = if took < SLOW { self.quick.saturating_add(1) } else { 0 };
        let took_ms = took.as_millis() as u64;
        if self.quick == 0 && !self.slow {
            self.slow = true;
            warn!(partition, took_ms, "the log is slow to answer, so commits are late");
        } else if self.quick >= QUICK_AFTER && self.slow {
            self.slow = false;
            info!(partition, took_ms, "the log answers quickly again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::logging::capture;

    #[test]
    fn a_slow_log_is_told_when_it_begins_and_when_it_is_over() {
        let told = |took_ms: &[u64]| {
            let mut log = SlowLog::default();
            let logged = capture("info", || {
                took_ms.iter().for_each(|took_ms| log.answered(2, Duration::from_millis(*took_ms)));
            });
            logged
                .lines()
                .map(|line| if line.contains("is slow to answer") { "slow" } else { "quick" })
                .collect::<Vec<_>>()
        };
        assert_eq!(told(&[3; 50]), Vec::<&str>::new());
        assert_eq!(told(&[3, 5000, 5000, 1000, 999, 3, 3, 3]), ["slow", "quick"]);
        assert_eq!(told(&[1000, 3, 3, 1000, 3, 3, 1000]), ["slow"], "quick for a moment");
        assert_eq!(told(&[1000, 3, 3, 3, 1000]), ["slow", "quick", "slow"]);
    }
}
