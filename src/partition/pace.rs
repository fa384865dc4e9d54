//! How often a partition is committed: as set, or as seldom as it must be for commits to keep to their share of the time.

use std::time::Duration;

/// Commits in a row that must say the same before it is news: a disk that is slow once is none.
const NEWS_AFTER: u32 = 3;

/// The time between two snapshots. What it is next follows from what the last commit cost.
#[derive(Clone)]
pub struct Pace {
    /// As set: it is never shorter.
    interval_min: Duration,
    /// Share of the time that commits may take, above 0 and at most 1.
    share_max: f64,
    /// A commit that took longer, as the process was halted in it, is taken to have cost this much.
    cost_max: Duration,
    interval: Duration,
    /// The interval that was told of last.
    told: Duration,
    /// Commits in a row whose interval was another one than that.
    others: u32,
}

impl Pace {
    pub fn new(interval_min: Duration, share_max: f64, cost_max: Duration) -> Self {
        Self { interval_min, share_max, cost_max, interval: interval_min, told: interval_min, others: 0 }
    }

    /// From the beginning of one snapshot to that of the next.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// As set.
    pub fn interval_min(&self) -> Duration {
        self.interval_min
    }

    /// Takes in what a commit cost. `true` where a person should hear of the interval: it has been stretched, or
    /// stretched further or less, by a factor of two at least, or is as set again.
    pub fn committed(&mut self, cost: Duration) -> bool {
        self.interval = self.interval_min.max(cost.min(self.cost_max).div_f64(self.share_max));
        let (told, interval) = (self.told, self.interval);
        let back = interval == self.interval_min && told > interval;
        let other = interval >= told * 2 || interval * 2 <= told || back;
        self.others = if other { self.others + 1 } else { 0 };
        if self.others < NEWS_AFTER {
            return false;
        }
        (self.told, self.others) = (interval, 0);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn milliseconds(number: u64) -> Duration {
        Duration::from_millis(number)
    }

    const NONE: [u64; 0] = [];

    /// The intervals that were told of, of a pace of 100 ms and a tenth.
    fn told(pace: &mut Pace, costs_ms: impl IntoIterator<Item = u64>) -> Vec<u64> {
        let news = costs_ms.into_iter().filter(|cost_ms| pace.committed(milliseconds(*cost_ms)));
        news.map(|cost_ms| 10 * cost_ms).map(|interval_ms| interval_ms.max(100)).collect()
    }

    #[test]
    fn the_interval_is_as_set_or_as_long_as_the_share_asks_for() {
        let mut pace = Pace::new(milliseconds(100), 0.1, milliseconds(10_000));
        assert_eq!(pace.interval(), milliseconds(100));
        for (cost_ms, interval_ms) in
            [(0, 100), (10, 100), (11, 110), (1000, 10_000), (3, 100), (10_000, 100_000), (600_000, 100_000)]
        {
            pace.committed(milliseconds(cost_ms));
            assert_eq!(pace.interval(), milliseconds(interval_ms), "after {cost_ms} ms");
        }
        let mut all = Pace::new(milliseconds(100), 1.0, milliseconds(10_000));
        all.committed(milliseconds(70));
        assert_eq!(all.interval(), milliseconds(100));
    }

    #[test]
    fn it_is_told_when_stretching_begins_when_it_doubles_and_when_it_ends() {
        let mut pace = Pace::new(milliseconds(100), 0.1, milliseconds(10_000));
        assert_eq!(told(&mut pace, [19; 50]), NONE, "not even twice as long");
        assert_eq!(told(&mut pace, [20; 50]), [200]);
        assert_eq!(told(&mut pace, [39; 50]), NONE);
        assert_eq!(told(&mut pace, [40; 50]), [400]);
        assert_eq!(told(&mut pace, [15; 50]), [150]);
        assert_eq!(told(&mut pace, [9; 50]), [100]);
        assert_eq!(told(&mut pace, [9; 50]), NONE);
    }

    #[test]
    fn commits_that_are_slow_now_and_then_are_no_news() {
        let mut pace = Pace::new(milliseconds(100), 0.1, milliseconds(10_000));
        assert_eq!(told(&mut pace, [5, 900, 900].into_iter().cycle().take(300)), NONE);
        assert_eq!(told(&mut pace, (0..300).map(|turn| 9 + turn % 3)), NONE);
        assert_eq!(told(&mut pace, (0..5_000).map(|turn| 10 + turn)).len(), 8, "a state that grows and grows");
    }
}
