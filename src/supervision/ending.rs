//! How an actor ends.

use actix::MailboxError;

use super::worker::Gone;
use crate::failure::{Failure, Origin};

/// The message came from an epoch that has been replaced, before its receiver had begun, or out of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

/// Why an actor's work is over.
#[derive(Debug, thiserror::Error)]
pub enum Ending {
    /// All there was to do is done, for the whole branch: its other children are drained, and it ends well.
    #[error("finished")]
    Finished,
    /// It was asked to stop, and what it had begun is complete. A later panic or failure still counts.
    #[error("stopped, and nobody asked it to")]
    Drained,
    /// Fatal stops the branch, Retryable is waited out by restarts that are not counted.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// A worker's thread panicked, or a message came out of order; counted against the budget.
    #[error("{0}")]
    Crashed(String),
    /// Another actor of the branch is gone. That one's guard has told the supervisor, which will end this one too.
    #[error("stopped, and nobody asked it to")]
    PeerGone,
    #[error("panicked: {0}")]
    Panicked(String),
    #[error("{0}")]
    Hung(String),
    /// It stopped without a word.
    #[error("stopped, and nobody asked it to")]
    Unasked,
}

impl Ending {
    /// The origin of the failure of a branch that fails because of this.
    pub fn origin(&self) -> Origin {
        match self {
            Self::Panicked(_) | Self::Crashed(_) => Origin::Panic,
            Self::Failed(failure) => failure.origin,
            Self::Hung(_) | Self::Finished | Self::Drained | Self::PeerGone | Self::Unasked => Origin::World,
        }
    }
}

impl From<Gone> for Ending {
    fn from(gone: Gone) -> Self {
        Self::Crashed(gone.to_string())
    }
}

impl From<MailboxError> for Ending {
    fn from(_: MailboxError) -> Self {
        Self::PeerGone
    }
}

impl From<Refused> for Ending {
    fn from(_: Refused) -> Self {
        Self::PeerGone
    }
}
