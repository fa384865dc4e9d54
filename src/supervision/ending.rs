//! How an actor ends.

use std::fmt;

use actix::MailboxError;

use super::worker::Gone;
use crate::failure::{Failure, Origin};

/// The message came from an epoch that has been replaced, before its receiver had begun, or out of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

/// Why an actor's work is over.
#[derive(Debug)]
pub enum Ending {
    /// All there was to do is done, for the whole branch: its other children are drained, and it ends well.
    Finished,
    /// It was asked to stop, and what it had begun is complete. A later panic or failure still counts.
    Drained,
    /// Fatal stops the branch, Retryable is waited out by restarts that are not counted.
    Failed(Failure),
    /// A worker's thread panicked, or a message came out of order; counted against the budget.
    Crashed(String),
    /// Another actor of the branch is gone. That one's guard has told the supervisor, which will end this one too.
    PeerGone,
    Panicked(String),
    Hung(String),
    /// It stopped without a word.
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

impl fmt::Display for Ending {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(message) => write!(formatter, "panicked: {message}"),
            Self::Crashed(cause) | Self::Hung(cause) => formatter.write_str(cause),
            Self::Failed(failure) => write!(formatter, "{failure}"),
            Self::Finished => formatter.write_str("finished"),
            Self::Drained | Self::PeerGone | Self::Unasked => formatter.write_str("stopped, and nobody asked it to"),
        }
    }
}

impl From<Failure> for Ending {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
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
