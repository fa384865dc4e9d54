//! An actor whose whole work is one task, and which takes no messages from other actors.

use actix::{AsyncContext as _, SpawnHandle};
use futures_util::future::LocalBoxFuture;

use super::actor::{self, Actor, Context, Handler};
use super::child::{Child, Drain, Heartbeat, Life};
use super::ending::Ending;
use super::running::Guard;
use super::worker::Busy;

struct TaskActor<B> {
    guard: Guard,
    busy: B,
    /// Until the actor is started.
    work: Option<LocalBoxFuture<'static, Result<(), Ending>>>,
    running: Option<SpawnHandle>,
}

impl Life {
    /// Starts an actor for the work, see [`Life::start`]. The work begins when the actor is started, and a drain ends it where
    /// it stands; when it succeeds, all is done that the branch has to do. `busy` is the blocking call that it waits for.
    pub fn start_task<F>(
        &self,
        busy: impl Fn() -> Option<Busy> + Send + Unpin + 'static,
        work: impl FnOnce(Guard) -> F + Send + 'static,
    ) -> Child
    where
        F: Future<Output = Result<(), Ending>> + 'static,
    {
        Child::of(self.start(|guard, _| {
            let work = work(guard.clone());
            TaskActor { guard, busy, work: Some(Box::pin(work)), running: None }
        }))
    }
}

impl<B: Fn() -> Option<Busy> + Unpin + 'static> Actor for TaskActor<B> {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        let work = self.work.take().expect("an actor is started once");
        self.running = Some(actor::spawn(context, work, |ended, this: &mut Self, context| {
            let ending = ended.map_or_else(|ending| ending, |()| Ending::Finished);
            this.guard.end(ending, context);
        }));
    }
}

impl<B: Fn() -> Option<Busy> + Unpin + 'static> Handler<Heartbeat> for TaskActor<B> {
    type Result = Option<Busy>;

    fn handle(&mut self, _: Heartbeat, _: &mut Self::Context) -> Option<Busy> {
        (self.busy)()
    }
}

impl<B: Fn() -> Option<Busy> + Unpin + 'static> Handler<Drain> for TaskActor<B> {
    type Result = ();

    fn handle(&mut self, _: Drain, context: &mut Self::Context) {
        if let Some(running) = self.running.take() {
            context.cancel_future(running);
        }
        self.guard.drained();
    }
}
