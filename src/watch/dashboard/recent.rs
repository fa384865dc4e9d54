//! The newest readings of each station, for its sparkline.

use std::collections::{HashMap, VecDeque};

use compact_str::CompactString;

use crate::partition::Passed;

/// Readings that are shown of a station.
const READINGS_MAX: usize = 30;
/// Stations that have a sparkline: about 16 MB of them.
const STATIONS_MAX: usize = 33_000;

/// Bounded, whatever passes by.
#[derive(Default)]
pub struct Recents(HashMap<CompactString, VecDeque<(u32, f32)>, foldhash::fast::RandomState>);

impl Recents {
    /// Takes readings in the order of their arrival. A day that is there already came again: after a restart, or twice.
    pub fn take(&mut self, passed: impl IntoIterator<Item = Passed>) {
        for Passed { station, day, degrees } in passed {
            if !self.0.contains_key(&station) && self.0.len() >= STATIONS_MAX {
                continue;
            }
            let readings = self.0.entry(station).or_default();
            if readings.iter().any(|(known, _)| *known == day) {
                continue;
            }
            if readings.len() >= READINGS_MAX {
                readings.pop_front();
            }
            // Half the memory: nobody sees the difference in a line of 30 points.
            readings.push_back((day, degrees as f32));
        }
    }

    /// Takes readings from before those that are there, newest first.
    pub fn take_earlier(&mut self, passed: impl IntoIterator<Item = Passed>) {
        for Passed { station, day, degrees } in passed {
            if !self.0.contains_key(&station) && self.0.len() >= STATIONS_MAX {
                continue;
            }
            let readings = self.0.entry(station).or_default();
            if readings.len() < READINGS_MAX && readings.iter().all(|(known, _)| *known != day) {
                readings.push_front((day, degrees as f32));
            }
        }
    }

    /// Of one station, oldest first, to the hundredth of a degree.
    pub fn of(&self, station: &str) -> Vec<f64> {
        let readings = self.0.get(station).into_iter().flatten();
        readings.map(|(_, degrees)| (f64::from(*degrees) * 100.0).round() / 100.0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(station: &str, day: u32) -> Passed {
        Passed { station: station.into(), day, degrees: f64::from(day) / 10.0 }
    }

    #[test]
    fn the_newest_are_kept_once_each() {
        let mut recents = Recents::default();
        recents.take((0..100).map(|day| passed("A", day)));
        recents.take((80..101).map(|day| passed("A", day)));
        let of = recents.of("A");
        assert_eq!((of.len(), of[0], of[29]), (READINGS_MAX, 7.1, 10.0));
        assert!(recents.of("B").is_empty());
    }

    #[test]
    fn earlier_ones_come_before_them() {
        let mut recents = Recents::default();
        recents.take((20..30).map(|day| passed("A", day)));
        recents.take_earlier((0..25).rev().map(|day| passed("A", day)));
        let of = recents.of("A");
        assert_eq!((of.len(), of[0], of[29]), (READINGS_MAX, 0.0, 2.9));
        assert!(of.is_sorted());
    }

    #[test]
    fn stations_are_bounded() {
        let mut recents = Recents::default();
        recents.take((0..STATIONS_MAX as u32 + 5).map(|number| passed(&number.to_string(), 1)));
        assert_eq!(recents.0.len(), STATIONS_MAX);
        recents.take([passed("0", 2)]);
        assert_eq!(recents.of("0").len(), 2, "one that is known goes on");
    }
}
