//! An actor as its thread runs it: every way to die ends in one report.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::Poll;
use std::time::Duration;

use actix::dev::channel::AddressReceiver;
use actix::dev::{AsyncContextParts, ContextFut};
use actix::prelude::*;
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};

use super::ending::Ending;
use super::panic;

/// What a child's actor tells its supervisor.
pub(super) enum Notice {
    Ready {
        epoch: u64,
        child: usize,
        resumes_from: Option<u64>,
    },
    /// A heartbeat was answered, after this time in the mailbox.
    Pulse {
        epoch: u64,
        child: usize,
        waited: Duration,
    },
    Died {
        epoch: u64,
        child: usize,
        ending: Ending,
    },
}

/// What an actor told of itself: shared by its guard and its death.
pub(super) struct Told {
    pub epoch: u64,
    child: usize,
    reports: mpsc::UnboundedSender<Notice>,
    ending: Mutex<Option<Ending>>,
}

impl Told {
    pub fn new(epoch: u64, child: usize, reports: mpsc::UnboundedSender<Notice>) -> Self {
        Self { epoch, child, reports, ending: Mutex::default() }
    }

    pub fn ready(&self, resumes_from: Option<u64>) {
        drop(self.reports.send(Notice::Ready { epoch: self.epoch, child: self.child, resumes_from }));
    }

    /// The first ending stays, but "I was asked to" gives way to a failure or a panic on the way out.
    pub fn ends_by(&self, ending: Ending) {
        let mut told = self.ending.lock();
        if matches!(*told, None | Some(Ending::Drained)) {
            *told = Some(ending);
        }
    }

    /// Whether the actor said that it ends.
    fn ends(&self) -> bool {
        !matches!(*self.ending.lock(), None | Some(Ending::Drained))
    }
}

/// Its drop is the report of an actor's death, whatever dropped it.
pub(super) struct Death {
    told: Arc<Told>,
    /// Its drop says that nothing is left of the actor; it follows the report.
    _left: watch::Receiver<bool>,
}

impl Death {
    pub fn of(told: Arc<Told>, over: &watch::Receiver<bool>) -> Self {
        Self { told, _left: over.clone() }
    }
}

impl Drop for Death {
    fn drop(&mut self) {
        let told = &self.told;
        let ending = told.ending.lock().take().unwrap_or(Ending::Unasked);
        drop(told.reports.send(Notice::Died { epoch: told.epoch, child: told.child, ending }));
    }
}

/// Builds an actor on this thread and lets it run until it stops, dies, or its life is over.
pub(super) fn run<A>(
    mailbox: AddressReceiver<A>,
    build: impl FnOnce(&mut Context<A>) -> A,
    at_work: Arc<AtomicUsize>,
    death: Death,
    mut over: watch::Receiver<bool>,
) where
    A: Actor<Context = Context<A>>,
{
    if *over.borrow() {
        return;
    }
    let mut context = Context::with_receiver(mailbox);
    match during(&at_work, death.told.child, || build(&mut context)) {
        Err(message) => death.told.ends_by(Ending::Panicked(message)),
        Ok(actor) => {
            let context = Some(context.into_future(actor));
            // Also when nobody is left who could say so.
            let over = Box::pin(async move { drop(over.wait_for(|over| *over).await) });
            drop(actix_rt::spawn(Running { context, at_work, death, over }));
        }
    }
}

/// An actor's context and what follows from its end. The actor is dropped before its death is.
struct Running<A: Actor<Context = Context<A>>> {
    context: Option<ContextFut<A, Context<A>>>,
    at_work: Arc<AtomicUsize>,
    death: Death,
    over: Pin<Box<dyn Future<Output = ()>>>,
}

impl<A: Actor<Context = Context<A>>> Future for Running<A> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, waker: &mut std::task::Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let Some(context) = &mut this.context else { return Poll::Ready(()) };
        if this.over.as_mut().poll(waker).is_pending() {
            match during(&this.at_work, this.death.told.child, || Pin::new(context).poll(waker)) {
                Ok(Poll::Pending) if !this.death.told.ends() => return Poll::Pending,
                Ok(_) => {}
                Err(message) => this.death.told.ends_by(Ending::Panicked(message)),
            }
        }
        this.end();
        Poll::Ready(())
    }
}

impl<A: Actor<Context = Context<A>>> Running<A> {
    /// Drops the actor. A context that is dropped alive is polled once more by actix, on an actor that may be half
    /// changed; a terminated one is not.
    fn end(&mut self) {
        let Some(mut context) = self.context.take() else { return };
        let dropped = during(&self.at_work, self.death.told.child, || {
            context.ctx().parts().terminate();
            drop(context);
        });
        if let Err(message) = dropped {
            self.death.told.ends_by(Ending::Panicked(message));
        }
    }
}

impl<A: Actor<Context = Context<A>>> Drop for Running<A> {
    fn drop(&mut self) {
        self.end();
    }
}

/// Runs a child's code, supervised, and notes that this thread is at it: a thread that hangs is seen by all of its
/// children, but only one is to blame.
fn during<T>(at_work: &AtomicUsize, child: usize, work: impl FnOnce() -> T) -> Result<T, String> {
    at_work.store(child + 1, Relaxed);
    let result = panic::catch(work);
    at_work.store(0, Relaxed);
    result
}

/// The child whose code the thread is at.
pub(super) fn culprit(at_work: &AtomicUsize) -> Option<usize> {
    at_work.load(Relaxed).checked_sub(1)
}
