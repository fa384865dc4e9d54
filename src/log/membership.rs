//! A seat in a group of processes, which says who should work on which partitions.
//!
//! What the group says is a hint and no permission: who may write is decided where a state is committed.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::failure::Failure;

/// How a group is joined.
#[derive(Clone, Debug)]
pub struct GroupSpec {
    /// Without a heartbeat for so long a member counts as gone.
    pub session: Duration,
    pub heartbeat: Duration,
    /// Longest time from [`Change::Revoked`] to [`Membership::released`].
    pub handover: Duration,
}

/// What the group says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// These are this member's, beside those that were before.
    Assigned(Vec<u32>),
    /// These go to others, once they are released.
    Revoked(Vec<u32>),
    /// The group takes this member for gone, or cannot be reached: others may work on these by now, or nobody.
    Lost(Vec<u32>),
}

/// What the group says to a member that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It counts this process in.
    Member,
    /// It does not, or is just changing.
    Outside,
    /// It does not answer.
    Unknown,
}

/// A seat in a group; dropped, it is left by and by, and [`super::RecordLog::leave`] leaves at once.
pub trait Membership: Send {
    /// The next change, or `None` if none comes in this time. To be called again and again: a member that does not ask for longer
    /// than session and handover together is taken for gone. Fatal: this process can be no member.
    fn next(&mut self, wait: Duration) -> Result<Option<Change>, Failure>;

    /// The revoked partitions are no longer worked on.
    fn released(&mut self, partitions: &[u32]) -> Result<(), Failure>;

    /// How far the group was told that these partitions are counted, by any member; empty where the group does not say.
    fn told(&mut self, partitions: &[u32]) -> BTreeMap<u32, u64>;

    /// Gives all partitions back: they are revoked, and no others come until [`Self::step_in`].
    fn step_out(&mut self) -> Result<(), Failure>;

    fn step_in(&mut self) -> Result<(), Failure>;
}
