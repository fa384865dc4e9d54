//! An actor as its thread runs it, and what it says of itself: every way to die ends in one report.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::Poll;
use std::time::Duration;

use actix::dev::channel::AddressReceiver;
use actix::dev::{AsyncContextParts, ContextFut};
use actix::{Actor, ActorContext as _, Context};
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_local;

use super::ending::{Ending, Refused};
use super::panic;

/// What a child's actor tells its supervisor, or is told of it.
pub(super) struct Notice {
    pub epoch: u64,
    pub child: usize,
    pub news: News,
}

pub(super) enum News {
    Ready {
        resumes_from: Option<u64>,
    },
    /// A heartbeat was answered, after this time in the mailbox.
    Pulse {
        waited: Duration,
    },
    Died(Ending),
}

/// Says for an actor's supervisor how the actor fares. The actor's death is noticed without it; a death without a reason
/// given here is a panic or a stop that nobody asked for. Clones speak for the same actor.
#[derive(Clone)]
pub struct Guard(Arc<Guarded>);

struct Guarded {
    epoch: u64,
    child: usize,
    reports: mpsc::UnboundedSender<Notice>,
    ending: Mutex<Option<Ending>>,
}

impl Guard {
    pub(super) fn new(epoch: u64, child: usize, reports: mpsc::UnboundedSender<Notice>) -> Self {
        Self(Arc::new(Guarded { epoch, child, reports, ending: Mutex::default() }))
    }

    /// The life's epoch.
    pub fn epoch(&self) -> u64 {
        self.0.epoch
    }

    /// Refuses a message of another epoch.
    pub fn admit(&self, epoch: u64) -> Result<(), Refused> {
        if epoch == self.0.epoch { Ok(()) } else { Err(Refused) }
    }

    /// The actor works; for a restarted one, this is when recovery is over. `resumes_from` is for people.
    pub fn ready(&self, resumes_from: Option<u64>) {
        self.tell(News::Ready { resumes_from });
    }

    /// The actor ends like this, at once. One whose peer is gone waits for the supervisor's order instead. The first ending
    /// that is told stays.
    pub fn end<A: Actor<Context = Context<A>>>(&self, ending: impl Into<Ending>, context: &mut Context<A>) {
        let ending = ending.into();
        if !matches!(ending, Ending::PeerGone) {
            self.ends_by(ending);
            context.stop();
        }
    }

    /// The same where that is found out from a message, which is refused.
    pub fn refuse<A: Actor<Context = Context<A>>>(
        &self,
        ending: impl Into<Ending>,
        context: &mut Context<A>,
    ) -> Refused {
        self.end(ending, context);
        Refused
    }

    /// What the actor had begun is complete; it waits for the supervisor's order to end.
    pub fn drained(&self) {
        self.ends_by(Ending::Drained);
    }

    /// The first ending stays, but "I was asked to" gives way to a failure or a panic on the way out.
    fn ends_by(&self, ending: Ending) {
        let mut told = self.0.ending.lock();
        if matches!(*told, None | Some(Ending::Drained)) {
            *told = Some(ending);
        }
    }

    /// Whether the actor said that it ends.
    fn ends(&self) -> bool {
        !matches!(*self.0.ending.lock(), None | Some(Ending::Drained))
    }

    fn tell(&self, news: News) {
        // A supervisor that is gone needs no news.
        drop(self.0.reports.send(Notice { epoch: self.0.epoch, child: self.0.child, news }));
    }
}

/// Its drop is the report of an actor's death, whatever dropped it.
pub(super) struct Death {
    guard: Guard,
    at_work: Arc<AtomicUsize>,
    /// Its drop says that nothing is left of the actor; it follows the report.
    _left: watch::Receiver<bool>,
}

impl Death {
    pub fn of(guard: Guard, at_work: Arc<AtomicUsize>, left: watch::Receiver<bool>) -> Self {
        Self { guard, at_work, _left: left }
    }

    /// Runs the actor's code, supervised; nothing comes of a panic but the actor's ending. Notes that the thread is at it: a
    /// thread that hangs is seen by all of its children, but only one is to blame.
    fn during<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        self.at_work.store(self.guard.0.child + 1, Relaxed);
        let result = panic::catch(work);
        self.at_work.store(0, Relaxed);
        result.map_err(|message| self.guard.ends_by(Ending::Panicked(message))).ok()
    }
}

impl Drop for Death {
    fn drop(&mut self) {
        let ending = self.guard.0.ending.lock().take().unwrap_or(Ending::Unasked);
        self.guard.tell(News::Died(ending));
    }
}

/// Builds an actor on this thread and lets it run until it stops, dies, or its life is over.
pub(super) fn run<A: Actor<Context = Context<A>>>(
    mailbox: AddressReceiver<A>,
    build: impl FnOnce(&mut Context<A>) -> A,
    death: Death,
    mut over: watch::Receiver<bool>,
) {
    if *over.borrow() {
        return;
    }
    let mut context = Context::with_receiver(mailbox);
    let Some(actor) = death.during(|| build(&mut context)) else { return };
    let context = Some(context.into_future(actor));
    // The life is over, too, when its supervisor is gone.
    let over = Box::pin(async move { drop(over.wait_for(|over| *over).await) });
    drop(spawn_local(Running { context, death, over }));
}

/// An actor's context and what follows from its end. The actor is dropped before its death is.
struct Running<A: Actor<Context = Context<A>>> {
    context: Option<ContextFut<A, Context<A>>>,
    death: Death,
    over: Pin<Box<dyn Future<Output = ()>>>,
}

impl<A: Actor<Context = Context<A>>> Future for Running<A> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, waker: &mut std::task::Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let Some(context) = &mut this.context else { return Poll::Ready(()) };
        if this.over.as_mut().poll(waker).is_pending()
            && let Some(Poll::Pending) = this.death.during(|| Pin::new(context).poll(waker))
            && !this.death.guard.ends()
        {
            return Poll::Pending;
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
        self.death.during(|| {
            context.ctx().parts().terminate();
            drop(context);
        });
    }
}

impl<A: Actor<Context = Context<A>>> Drop for Running<A> {
    fn drop(&mut self) {
        self.end();
    }
}

/// The child whose code the thread is at.
pub(super) fn culprit(at_work: &AtomicUsize) -> Option<usize> {
    at_work.load(Relaxed).checked_sub(1)
}
