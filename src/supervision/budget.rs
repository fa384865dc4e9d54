//! How often a branch may be restarted, and how long each restart waits. Pure: its caller has the clock.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::backoff::Backoff;
use super::branch::Policy;
use super::outage;

/// The restarts of one branch.
///
/// At most `restarts_max` within any `window` are granted. Restarts because of an outage wait as well, but are not
/// counted. Without a death for `healthy`, everything is forgotten.
#[derive(Debug)]
pub(super) struct Budget {
    restarts_max: usize,
    window: Duration,
    healthy: Duration,
    /// When the restarts within the window were granted, oldest first; never more than `restarts_max`.
    granted: VecDeque<Instant>,
    backoff: Backoff,
    /// The waits of outages, which are shorter.
    outage_backoff: Backoff,
    /// When the wait after the last death is over.
    waits_until: Option<Instant>,
}

impl Budget {
    pub fn new(policy: &Policy, seed: u64) -> Self {
        Self {
            restarts_max: policy.restarts_max,
            window: policy.window,
            healthy: policy.healthy,
            granted: VecDeque::new(),
            backoff: Backoff::new(policy.backoff_min, policy.backoff_max, seed),
            outage_backoff: Backoff::new(policy.backoff_min, policy.backoff_max.min(outage::WAIT_MAX), seed),
            waits_until: None,
        }
    }

    /// A crash: the wait before its restart, or `None` where the budget is spent.
    pub fn crashed(&mut self, now: Instant) -> Option<Duration> {
        self.forget(now);
        if self.granted.len() >= self.restarts_max {
            return None;
        }
        self.granted.push_back(now);
        let wait = self.backoff.next();
        Some(self.wait(now, wait))
    }

    /// An outage: the wait before the next try. Costs nothing.
    pub fn waited_out(&mut self, now: Instant) -> Duration {
        self.forget(now);
        let wait = self.outage_backoff.next();
        self.wait(now, wait)
    }

    /// The restarts that count now.
    pub fn spent(&self) -> usize {
        self.granted.len()
    }

    /// The restarts that would be granted now.
    pub fn left(&mut self, now: Instant) -> usize {
        self.forget(now);
        self.restarts_max.saturating_sub(self.granted.len())
    }

    fn wait(&mut self, now: Instant, wait: Duration) -> Duration {
        self.waits_until = Some(now + wait);
        wait
    }

    fn forget(&mut self, now: Instant) {
        if self.waits_until.is_some_and(|end| now.saturating_duration_since(end) >= self.healthy) {
            self.granted.clear();
            self.backoff.reset();
            self.outage_backoff.reset();
        }
        while self.granted.front().is_some_and(|&at| now.saturating_duration_since(at) >= self.window) {
            self.granted.pop_front();
        }
    }
}

#[cfg(test)]
#[path = "budget_tests.rs"]
mod tests;
