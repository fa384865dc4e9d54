//! What is kept of one station.

use super::day::Day;
use super::days::Days;

/// Statistics of one station. `count` is the number of distinct days, and so is the size of `days`.
#[derive(Clone, Debug, PartialEq)]
pub struct StationStats {
    /// Sum of the degrees, added in the order of the offsets, so that any program that adds in that order gets the same bits.
    pub sum: f64,
    pub start: Day,
    pub end: Day,
    /// Numbers of the days that were counted.
    pub days: Days,
}

impl StationStats {
    pub fn first(day: Day, degrees: f64) -> Self {
        // 0.0 + -0.0 is 0.0, as in a program that starts its sum at zero.
        let mut days = Days::default();
        days.insert(day.number());
        Self { sum: 0.0 + degrees, start: day, end: day, days }
    }

    /// Counts a reading; `false` if its day was counted before, and then nothing changes.
    pub fn add(&mut self, day: Day, degrees: f64) -> bool {
        if !self.days.insert(day.number()) {
            return false;
        }
        self.sum += degrees;
        self.start = self.start.min(day);
        self.end = self.end.max(day);
        true
    }

    pub fn count(&self) -> u64 {
        self.days.count()
    }

    pub fn average(&self) -> f64 {
        self.sum / self.count() as f64
    }
}
