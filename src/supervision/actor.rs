//! What the other folders need of actix, the crate of the actors. They do not name it themselves, so another mailbox would be
//! a change of this folder alone.

use actix::{ActorFutureExt as _, AsyncContext as _, SpawnHandle, SystemRunner, fut};

pub use actix::dev::Request;
pub use actix::{Actor, ActorContext, Addr, Context, Handler, MailboxError, Message, Recipient, Running};

/// The answer to a message, which may come later, while the actor handles others. It is lost where the actor ends before.
pub type Reply<A, R> = actix::ResponseActFuture<A, R>;

/// An answer that is known at once.
pub fn reply<A: Actor, R: 'static>(answer: R) -> Reply<A, R> {
    Box::pin(fut::ready(answer))
}

/// An answer that the actor makes of what the work gives.
pub fn reply_after<A, T, R>(
    work: impl Future<Output = T> + 'static,
    answer: impl FnOnce(T, &mut A, &mut Context<A>) -> R + 'static,
) -> Reply<A, R>
where
    A: Actor<Context = Context<A>>,
{
    Box::pin(fut::wrap_future::<_, A>(work).map(answer))
}

/// Work beside the mailbox, and what the actor does once it is done. It ends with the actor.
pub fn spawn<A, T>(
    context: &mut Context<A>,
    work: impl Future<Output = T> + 'static,
    then: impl FnOnce(T, &mut A, &mut Context<A>) + 'static,
) -> SpawnHandle
where
    A: Actor<Context = Context<A>>,
{
    context.spawn(fut::wrap_future::<_, A>(work).map(then))
}

/// What supervisors run on: a thread's loop of asynchronous work.
pub struct System(SystemRunner);

impl System {
    /// The clock is the machine's.
    pub fn in_real_time() -> Self {
        Self(actix::System::new())
    }

    /// For simulations: time stands still while there is work to do, and then jumps to the end of the next timer.
    pub fn in_virtual_time() -> Self {
        Self(actix::System::with_tokio_rt(|| {
            let builder = &mut tokio::runtime::Builder::new_current_thread();
            builder.enable_all().start_paused(true).build().expect("a simulation begins with file descriptors left")
        }))
    }

    /// Runs the work, and what it starts beside itself, until the work is done.
    pub fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.0.block_on(work)
    }
}
