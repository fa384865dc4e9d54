//! A child's life: how it is started, asked how it fares, and asked to end.

use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Weak};

use actix::dev::channel;
use actix::{Actor, Addr, ArbiterHandle, Context, Handler, Message, Recipient};
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_local;

use super::running::{self, Death, Guard, Notice};
use super::worker::{Busy, CallQueue, Spawn, Worker};
use crate::failure::Failure;

/// "Are you well?" Answered from the mailbox, so an actor that is stuck in a handler does not answer. The answer is the
/// blocking call that the actor waits for, if there is one.
#[derive(Debug, Message)]
#[rtype(result = "Option<Busy>")]
pub struct Heartbeat;

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
    pub(super) child: usize,
    pub(super) spawn: Spawn,
    /// What is known of the calls of the branch's workers, those of all lives.
    pub(super) workers: Arc<Mutex<Vec<Weak<CallQueue>>>>,
    /// The branch's thread; none in simulation.
    pub(super) thread: Option<ArbiterHandle>,
    /// Which child's code that thread runs just now; see [`Death`].
    pub(super) at_work: Arc<AtomicUsize>,
    /// Set to true to end the life. Its receivers are the actors that are not dropped yet.
    pub(super) over: Weak<watch::Sender<bool>>,
    pub(super) reports: mpsc::UnboundedSender<Notice>,
}

impl Life {
    /// As many messages as actix gives a mailbox by itself. A message that finds it full waits in its own request, where later
    /// ones can overtake it: a receiver to whom the order matters must look at what the messages say of it.
    const MAILBOX: usize = 16;

    /// Starts an actor on the branch's thread (in simulation: on this one). `build` runs there; a panic in it is a crash
    /// like any other, and so is one in the actor's code later.
    ///
    /// The actor is dropped where it stands when its life is over or it panicked: `Actor::stopping` and `stopped` are
    /// not called then, so nothing runs on what is half changed. A life that is over starts nothing; the address is
    /// closed from the start.
    pub fn start<A>(&self, build: impl FnOnce(Guard, &mut Context<A>) -> A + Send + 'static) -> Addr<A>
    where
        A: Actor<Context = Context<A>>,
    {
        let (sender, mailbox) = channel::channel(Self::MAILBOX);
        let address = Addr::new(sender);
        let Some(over) = self.over.upgrade().map(|over| over.subscribe()).filter(|over| !*over.borrow()) else {
            return address;
        };
        let guard = Guard::new(self.epoch, self.child, self.reports.clone());
        let death = Death::of(guard.clone(), self.at_work.clone(), over.clone());
        // What `Actor::start_in_arbiter` does, with the actor's context in a wrapper.
        let run = move || running::run(mailbox, |context| build(guard, context), death, over);
        match &self.thread {
            // A thread that is gone drops the closure, and with it the death, which reports itself.
            Some(thread) => drop(thread.spawn_fn(run)),
            None => drop(spawn_local(async { run() })),
        }
        address
    }

    /// A worker for an actor of this life, on a thread of this name. Its call is counted as one of the branch's threads that
    /// hang where it takes longer than a heartbeat and its actor is gone.
    pub fn worker<T: Send + 'static>(&self, name: &str, value: T) -> Result<Worker<T>, Failure> {
        let worker = Worker::new(self.spawn, name, value)?;
        let mut workers = self.workers.lock();
        workers.retain(|queue| queue.strong_count() > 0);
        workers.push(worker.queue());
        Ok(worker)
    }
}

/// A running child, whatever its actor's type.
pub struct Child {
    pub(super) heartbeat: Recipient<Heartbeat>,
    pub(super) drain: Recipient<Drain>,
}

impl Child {
    pub fn of<A>(address: Addr<A>) -> Self
    where
        A: Actor<Context = Context<A>> + Handler<Heartbeat> + Handler<Drain>,
    {
        Self { heartbeat: address.clone().recipient(), drain: address.recipient() }
    }
}
