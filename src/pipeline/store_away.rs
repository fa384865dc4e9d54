//! A member that alone cannot reach the object store is of no use for its partitions.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::partition::StateFiles;

/// After so long without an answer of the store a member gives its partitions back, if others commit meanwhile.
const AWAY_MAX: Duration = Duration::from_secs(30);
/// Least time between two looks at what others have told the group, or at the store.
const LOOK: Duration = Duration::from_secs(1);

/// Watches whether the store answers this process, and others while it does not.
pub struct StoreAway {
    state: StateFiles,
    looked_at: Option<Instant>,
    /// What the group was told when the store was first found away.
    told: Option<BTreeMap<u32, u64>>,
    is_out: bool,
}

/// What is to be done now.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    Nothing,
    /// To ask what the group was told, and to give that to [`StoreAway::told`].
    Ask,
    /// To ask the store for anything, and to call [`StoreAway::answered`] if it answers.
    Look,
}

impl StoreAway {
    pub fn new(state: StateFiles) -> Self {
        Self { state, looked_at: None, told: None, is_out: false }
    }

    pub fn step(&mut self, now: Instant) -> Step {
        let away_for = self.state.away_since().map(|since| now.saturating_duration_since(since));
        if away_for.is_none() && !self.is_out {
            self.told = None;
            return Step::Nothing;
        }
        if self.looked_at.is_some_and(|at| now - at < LOOK) {
            return Step::Nothing;
        }
        self.looked_at = Some(now);
        match away_for {
            _ if self.is_out => Step::Look,
            Some(away_for) if self.told.is_none() || away_for >= AWAY_MAX => Step::Ask,
            _ => Step::Nothing,
        }
    }

    /// Whether the partitions are to be given back: others have told the group of commits since the store is away from here. Where
    /// nobody else commits it is away for all, and nothing moves.
    pub fn told(&mut self, told: BTreeMap<u32, u64>, now: Instant) -> bool {
        let away_since = self.state.away_since();
        let Some(before) = &self.told else {
            self.told = Some(told);
            return false;
        };
        let others_commit = told.iter().any(|(partition, offset)| before.get(partition) < Some(offset));
        self.is_out = others_commit && away_since.is_some_and(|since| now - since >= AWAY_MAX);
        self.is_out
    }

    /// The store answers again.
    pub fn answered(&mut self) {
        (self.is_out, self.told) = (false, None);
    }
}
