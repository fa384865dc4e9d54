//! An actor whose whole work is one task.

use std::pin::Pin;

use actix::{AsyncContext as _, SpawnHandle};

use super::actor::{self, Actor, Context, Handler};
use super::child::{Child, Drain, Heartbeat, Life};
use super::ending::Ending;
use super::running::Guard;
use super::worker::Busy;

/// The work of an actor that takes no messages from other actors: it begins when the actor is started, and a drain ends it
/// where it stands.
pub trait Task: Unpin + 'static {
    /// The guard that the task was built with.
    fn guard(&self) -> &Guard;

    /// The blocking call that the work waits for.
    fn busy(&self) -> Option<Busy>;

    /// The work, from its beginning to its end. When it succeeds, all is done that the branch has to do.
    fn work(&mut self) -> Pin<Box<dyn Future<Output = Result<(), Ending>>>>;
}

struct TaskActor<T> {
    task: T,
    work: Option<SpawnHandle>,
}

impl Life {
    /// Starts an actor for a task; see [`Life::start`].
    pub fn start_task<T: Task>(&self, build: impl FnOnce(Guard) -> T + Send + 'static) -> Child {
        Child::of(self.start(|guard, _| TaskActor { task: build(guard), work: None }))
    }
}

impl<T: Task> Actor for TaskActor<T> {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        self.work = Some(actor::spawn(context, self.task.work(), |ended, this: &mut Self, context| {
            let ending = ended.map_or_else(|ending| ending, |()| Ending::Finished);
            this.task.guard().end(ending, context);
        }));
    }
}

impl<T: Task> Handler<Heartbeat> for TaskActor<T> {
    type Result = Option<Busy>;

    fn handle(&mut self, _: Heartbeat, _: &mut Self::Context) -> Option<Busy> {
        self.task.busy()
    }
}

impl<T: Task> Handler<Drain> for TaskActor<T> {
    type Result = ();

    fn handle(&mut self, _: Drain, context: &mut Self::Context) {
        if let Some(work) = self.work.take() {
            context.cancel_future(work);
        }
        self.task.guard().drained();
    }
}
