//! A child's life: how it is started, how it says how it fares, and how its death is noticed.

use std::time::Duration;

use actix::prelude::*;

use crate::faults::Failure;

/// "Are you well?" Answered from the mailbox, so an actor that is stuck in a handler does not answer.
#[derive(Debug, Message)]
#[rtype(result = "Pulse")]
pub struct Heartbeat;

/// The answer to [`Heartbeat`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, MessageResponse)]
pub struct Pulse {
    /// How long the blocking call that the actor waits for has taken so far.
    pub busy: Option<Duration>,
}

/// "Finish what you began, then stop." The answer comes when it is finished; the handler disarms the guard, and the
/// supervisor ends the actor.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Drain;

/// One life of a child, given to its factory.
#[derive(Clone)]
pub struct Life {
    /// Rises with every restart within the branch; the first is 1.
    pub epoch: u64,
    // further fields are the implementer's: the arbiter (none in simulation), the channel of reports, which child it is
}

impl Life {
    /// Starts an actor on the branch's thread (in simulation: on this one). `build` runs there; a panic in it is a crash
    /// like any other. The guard must be kept in the actor.
    pub fn start<A>(&self, build: impl FnOnce(Guard, &mut Context<A>) -> A + Send + 'static) -> Addr<A>
    where
        A: Actor<Context = Context<A>>,
    {
        let _ = build;
        todo!()
    }
}

/// Lives in the actor. Its drop is the actor's death and is reported with the reason it holds; without one, a panic
/// or a stop that nobody asked for.
pub struct Guard {
    _private: (),
}

impl Guard {
    /// The life's epoch.
    pub fn epoch(&self) -> u64 {
        todo!()
    }

    /// The actor works; for a restarted one, this is when recovery is over. `resumes_from` is for people.
    pub fn ready(&self, resumes_from: Option<u64>) {
        let _ = resumes_from;
        todo!()
    }

    /// The actor ends because of this failure: Fatal stops the branch, Retryable is waited out by restarts that are not
    /// counted. Stop the context after it. The first reason given stays.
    pub fn fail(&mut self, failure: Failure) {
        let _ = failure;
        todo!()
    }

    /// The actor ends by a crash that it noticed itself, as a worker's panic; counted against the budget.
    pub fn crash(&mut self, cause: String) {
        let _ = cause;
        todo!()
    }

    /// The branch's work is done: its other children are drained, and it ends well.
    pub fn finish(&mut self) {
        todo!()
    }

    /// The actor was asked to stop.
    pub fn disarm(&mut self) {
        todo!()
    }
}

/// A running child, whatever its actor's type.
pub struct Child {
    _private: (),
}

impl Child {
    pub fn of<A>(address: Addr<A>) -> Self
    where
        A: Actor<Context = Context<A>> + Handler<Heartbeat> + Handler<Drain>,
    {
        let _ = address;
        todo!()
    }
}
