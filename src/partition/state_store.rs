//! Where a partition's actors recover its state from, and commit it to.

use super::{Identity, PartitionObjects, PartitionStore};
use crate::domain::{PartitionState, Rules, Snapshot};
use crate::failure::Failure;

/// One partition's place in [`super::StateFiles`]. Clones share the fence.
#[derive(Clone)]
pub enum StateStore {
    Folder(PartitionStore),
    Objects(PartitionObjects),
}

impl StateStore {
    /// The same store for one that must know whether a long commit or recovery gets on.
    pub fn reporting(&self, report: impl Fn() + Clone + Send + Sync + 'static) -> Self {
        match self {
            Self::Folder(store) => Self::Folder(store.reporting(report)),
            Self::Objects(store) => Self::Objects(store.reporting(report)),
        }
    }

    /// What was committed last, or `None` where nothing was. Enters the fence as `epoch`.
    ///
    /// A state that is damaged, foreign or newer is a Fatal failure, and then nothing was changed.
    pub fn recover(&self, epoch: u64, identity: &Identity, rules: &Rules) -> Result<Option<PartitionState>, Failure> {
        match self {
            Self::Folder(store) => store.recover(epoch, identity, rules),
            Self::Objects(store) => store.recover(epoch, identity, rules),
        }
    }

    /// Whether another process has committed since this one last did.
    pub fn was_superseded(&self, epoch: u64) -> Result<bool, Failure> {
        match self {
            Self::Folder(_) => Ok(false),
            Self::Objects(store) => store.was_superseded(epoch),
        }
    }

    /// Replaces the state by the snapshot. Enters the fence as `epoch`, which must have recovered. After a Retryable failure the
    /// same snapshot may be committed again.
    pub fn commit(&self, epoch: u64, identity: &Identity, snapshot: &Snapshot) -> Result<(), Failure> {
        match self {
            Self::Folder(store) => store.commit(epoch, identity, snapshot),
            Self::Objects(store) => store.commit(epoch, identity, snapshot),
        }
    }
}
