//! How fast a number grows.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Growth per second over the last few seconds.
#[derive(Debug, Default)]
pub struct Rate(VecDeque<(Instant, u64)>);

impl Rate {
    const WINDOW: Duration = Duration::from_secs(3);
    /// At ten samples a second more than the window has.
    const SAMPLES_MAX: usize = 40;

    /// Takes the number as it is now and returns its growth per second.
    pub fn sample(&mut self, now: Instant, total: u64) -> u64 {
        self.0.push_back((now, total));
        // One sample from before the window stays: with seldom samples it is the only other one.
        while self.0.len() > Self::SAMPLES_MAX
            || self.0.get(1).is_some_and(|(at, _)| now.saturating_duration_since(*at) >= Self::WINDOW)
        {
            self.0.pop_front();
        }
        let Some(&(start, first)) = self.0.front() else { return 0 };
        let seconds = now.saturating_duration_since(start).as_secs_f64();
        if seconds > 0.0 { (total.saturating_sub(first) as f64 / seconds).round() as u64 } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let (mut rate, start) = (Rate::default(), Instant::now());
        let at = |tenths: u64| start + Duration::from_millis(100 * tenths);
        assert_eq!(rate.sample(at(0), 0), 0);
        assert_eq!(rate.sample(at(10), 1000), 1000);
        assert_eq!(rate.sample(at(20), 1000), 500);
        for tenths in 21..=60 {
            rate.sample(at(tenths), 1000);
        }
        assert_eq!(rate.sample(at(61), 1000), 0, "it stands still");
        assert_eq!(rate.sample(at(161), 2000), 100, "seldom samples have a rate, too");
        assert!(rate.0.len() <= Rate::SAMPLES_MAX);
    }
}
