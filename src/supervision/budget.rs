//! How often a branch may be restarted, and how long each restart waits. Pure: its caller has the clock.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::backoff::Backoff;
use super::branch::Policy;
use super::outage;

/// The restarts of one branch.
///
/// At most `restarts_max` within any `window` are granted. A hang can take longer to be noticed than the window is, so one
/// that was granted counts whatever the window. Restarts because of an outage wait as well, but are not counted.
/// Without a death for `healthy`, everything is forgotten.
#[derive(Debug)]
pub(super) struct Budget {
    policy: Policy,
    /// The restarts that count, oldest first; never more than `restarts_max`.
    granted: VecDeque<Granted>,
    backoff: Backoff,
    /// The waits of outages, which are shorter.
    outage_backoff: Backoff,
    /// When the wait after the last death is over.
    waits_until: Option<Instant>,
}

#[derive(Debug)]
struct Granted {
    at: Instant,
    after_hang: bool,
}

impl Budget {
    pub fn new(policy: &Policy, seed: u64) -> Self {
        Self {
            policy: policy.clone(),
            granted: VecDeque::new(),
            backoff: Backoff::new(policy.backoff_min, policy.backoff_max, seed),
            outage_backoff: Backoff::new(policy.backoff_min, policy.backoff_max.min(outage::WAIT_MAX), seed),
            waits_until: None,
        }
    }

    /// A crash, which may be a hang: the wait before its restart, or `None` where the budget is spent.
    pub fn crashed(&mut self, now: Instant, after_hang: bool) -> Option<Duration> {
        self.forget(now);
        if self.granted.len() >= self.policy.restarts_max {
            return None;
        }
        self.granted.push_back(Granted { at: now, after_hang });
        let wait = self.backoff.next();
        Some(self.wait(now, wait))
    }

    /// An outage: the wait before the next try. Costs nothing.
    pub fn waited_out(&mut self, now: Instant) -> Duration {
        self.forget(now);
        let wait = self.outage_backoff.next();
        self.wait(now, wait)
    }

    /// The restarts that count now, and why they do, in words.
    pub fn spent(&self) -> String {
        let restarts = self.granted.len();
        if self.granted.iter().any(|granted| granted.after_hang) {
            format!("{restarts} restarts, those of hangs counted until {:?} pass without a death", self.policy.healthy)
        } else {
            format!("{restarts} restarts within {:?}", self.policy.window)
        }
    }

    /// The restarts that would be granted now.
    pub fn left(&mut self, now: Instant) -> usize {
        self.forget(now);
        self.policy.restarts_max.saturating_sub(self.granted.len())
    }

    fn wait(&mut self, now: Instant, wait: Duration) -> Duration {
        self.waits_until = Some(now + wait);
        wait
    }

    fn forget(&mut self, now: Instant) {
        if self.waits_until.is_some_and(|end| now.saturating_duration_since(end) >= self.policy.healthy) {
            self.granted.clear();
            self.backoff.reset();
            self.outage_backoff.reset();
        }
        let within = |at: Instant| now.saturating_duration_since(at) < self.policy.window;
        self.granted.retain(|granted| granted.after_hang || within(granted.at));
    }
}

#[cfg(test)]
#[path = "budget_tests.rs"]
mod tests;
