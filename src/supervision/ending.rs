//! How an actor ends.

use actix::prelude::*;

use super::{Gone, Guard};
use crate::failure::Failure;

/// The message came from an epoch that has been replaced, before its receiver had begun, or out of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

/// Why an actor's work is over.
#[derive(Debug)]
pub enum Ending {
    /// All there was to do is done, for the whole branch.
    Finished,
    /// It was asked to stop, and what it had begun is complete.
    Drained,
    Failed(Failure),
    /// A worker's thread panicked, or a message came out of order.
    Crashed(String),
    /// Another actor of the branch is gone. That one's guard has told the supervisor, who will end this one too.
    PeerGone,
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

/// Tells the guard why, and stops the actor where there is no supervisor's order to wait for.
pub fn end<A: Actor<Context = Context<A>>>(ending: Ending, guard: &mut Guard, context: &mut Context<A>) {
    match ending {
        Ending::Finished => guard.finish(),
        Ending::Drained => return guard.disarm(),
        Ending::Failed(failure) => guard.fail(failure),
        Ending::Crashed(cause) => guard.crash(cause),
        Ending::PeerGone => return,
    }
    context.stop();
}
