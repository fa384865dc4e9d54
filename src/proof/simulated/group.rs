//! A seat in a group whose words a test gives.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::failure::Failure;
use crate::log::membership::{Change, Membership, Standing};

/// One member's seat. Clones are the same one.
#[derive(Clone, Default)]
pub struct SimulatedSeat(Arc<(Mutex<Inside>, Condvar)>);

#[derive(Default)]
struct Inside {
    is_joined: bool,
    changes: VecDeque<Change>,
    released: Vec<u32>,
    standing: Option<Standing>,
    /// What the group was told by others.
    others: BTreeMap<u32, u64>,
    is_out: bool,
}

impl SimulatedSeat {
    /// The group says this next.
    pub fn say(&self, change: Change) {
        self.0.0.lock().changes.push_back(change);
        self.0.1.notify_all();
    }

    /// The answer to a member that asks for its standing: [`Standing::Member`], unless this was called.
    pub fn set_standing(&self, standing: Standing) {
        self.0.0.lock().standing = Some(standing);
    }

    pub fn is_joined(&self) -> bool {
        self.0.0.lock().is_joined
    }

    /// All that were given back, in order.
    pub fn released(&self) -> Vec<u32> {
        self.0.0.lock().released.clone()
    }

    /// Another member tells the group this.
    pub fn told_by_another(&self, partition: u32, next_offset: u64) {
        self.0.0.lock().others.insert(partition, next_offset);
    }

    /// Whether the member has given all back and waits outside.
    pub fn is_out(&self) -> bool {
        self.0.0.lock().is_out
    }

    pub(super) fn join(&self) -> Box<dyn Membership> {
        self.0.0.lock().is_joined = true;
        Box::new(self.clone())
    }

    pub(super) fn standing(&self) -> Standing {
        self.0.0.lock().standing.unwrap_or(Standing::Member)
    }
}

impl Membership for SimulatedSeat {
    fn next(&mut self, wait: Duration) -> Result<Option<Change>, Failure> {
        let mut inside = self.0.0.lock();
        if inside.changes.is_empty() {
            self.0.1.wait_for(&mut inside, wait);
        }
        Ok(inside.changes.pop_front())
    }

    fn released(&mut self, partitions: &[u32]) -> Result<(), Failure> {
        self.0.0.lock().released.extend(partitions);
        Ok(())
    }

    fn told(&mut self, _: &[u32]) -> BTreeMap<u32, u64> {
        self.0.0.lock().others.clone()
    }

    fn step_out(&mut self) -> Result<(), Failure> {
        self.0.0.lock().is_out = true;
        Ok(())
    }

    fn step_in(&mut self) -> Result<(), Failure> {
        self.0.0.lock().is_out = false;
        Ok(())
    }
}
