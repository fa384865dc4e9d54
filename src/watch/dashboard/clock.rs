//! Moments as people and other machines know them.

use std::time::Duration;

use tokio::time::Instant;

pub use crate::watch::wire::now_ms;

const PARTED_MS: u64 = 1000;

/// Tells moments of this process in Unix milliseconds: the same moment as the same number, as long as the machine's clock
/// and that of the process agree.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    at: Instant,
    unix_ms: u64,
}

impl Clock {
    pub fn start() -> Self {
        Self { at: Instant::now(), unix_ms: now_ms() }
    }

    /// Takes over the machine's clock anew where the two have parted: the machine's clock was set, or the machine slept, which
    /// the clock of the process does not count.
    pub fn follow(&mut self) {
        if self.unix_ms(Instant::now()).abs_diff(now_ms()) > PARTED_MS {
            *self = Self::start();
        }
    }

    pub fn unix_ms(self, moment: Instant) -> u64 {
        let after = moment.saturating_duration_since(self.at).as_millis() as u64;
        let before = self.at.saturating_duration_since(moment).as_millis() as u64;
        (self.unix_ms + after).saturating_sub(before)
    }
}

/// To the microsecond.
pub fn milliseconds(time: Duration) -> f64 {
    time.as_micros() as f64 / 1000.0
}
