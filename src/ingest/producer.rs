//! Writes readings to the log, and the source's cursor to disk once they are acknowledged.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::futures::OwnedNotified;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::messages::{Attach, Attached, Finish, Produce};
use super::source_writer::SourceWriter;
use crate::domain::{Invariant, Readings};
use crate::failure::{Failure, Kind, Origin, Severity};
use crate::progress::{Progress, events};
use crate::supervision::actor::{self, Actor, Context, Handler, Reply, reply, reply_after};
use crate::supervision::{Busy, Drain, Ending, Guard, Heartbeat, Outage, Refused, Steps, Worker};

/// Bytes of keys and values in one group, and so its readings, of which none is smaller than twenty. A group that outlasts
/// a heartbeat is sent again by the next life, and would outlast it for ever: a log that takes a MiB a second
/// acknowledges this one in time.
pub(super) const GROUP_BYTES_MAX: usize = 4 << 20;

/// A source that has ended waits no longer than this until readers see all of it: what hides it may never end.
const VISIBLE_WAIT_MAX: Duration = Duration::from_secs(60);

/// Takes what waits in one go, whole messages up to [`GROUP_BYTES_MAX`], as there is a cursor only behind each: while one
/// group is being written, the next gathers. A group is written, acknowledged and its last cursor committed before the next
/// one begins, so that the cursor moves over a contiguous acknowledged prefix.
pub struct Producer {
    guard: Guard,
    worker: Arc<Worker<SourceWriter>>,
    /// Of opening.
    opening: Outage,
    /// Of writing, which can fail again and again while opening does not.
    writing: Outage,
    progress: Progress,
    /// The log was opened.
    is_open: bool,
    /// What `source.json` said then, until the generator takes it.
    attached: Option<Attached>,
    /// Of the last message that was taken.
    last_number: u64,
    waiting: VecDeque<(Produce, oneshot::Sender<Readings>)>,
    busy: bool,
    /// Wakes the messages that wait until nothing is under way.
    is_idle: Arc<Notify>,
}

impl Producer {
    pub fn new(
        guard: Guard,
        worker: Worker<SourceWriter>,
        opening: Outage,
        writing: Outage,
        progress: Progress,
    ) -> Self {
        Self {
            guard,
            worker: Arc::new(worker),
            opening,
            writing,
            progress,
            is_open: false,
            attached: None,
            last_number: 0,
            waiting: VecDeque::new(),
            busy: true,
            is_idle: Arc::default(),
        }
    }

    /// Writes what waits, as one group.
    fn write_group(&mut self, context: &mut Context<Self>) {
        if self.busy {
            return;
        }
        if self.waiting.is_empty() {
            return self.is_idle.notify_waiters();
        }
        self.busy = true;
        let (messages, replies): (Vec<_>, Vec<_>) = self.waiting.drain(..self.group_messages()).unzip();
        let epoch = self.guard.epoch();
        let steps = self.worker.steps();
        let write = self.worker.call("writing to the log", move |writer| writer.write(epoch, messages, &steps));
        let written = async { Ok(write.await??) };
        actor::spawn(context, written, |written: Result<_, Ending>, actor: &mut Self, context| {
            match written {
                Ok(readings) => actor.delivered(readings, replies, context),
                // Part of it may be in the log. Only the stored cursor knows where to go on, so this life ends; an
                // outage is waited out by the supervisor.
                Err(Ending::Failed(failure)) if failure.is_retryable() && failure.origin == Origin::Replaced => {
                    // Nothing that waiting would end; a transaction that took too long looks the same.
                    actor.guard.end(Ending::Crashed(failure.to_string()), context);
                }
                Err(ending) => actor.guard.end(ending, context),
            }
        });
    }

    /// The messages of the next group: the first that waits, and those behind it for which there is room.
    fn group_messages(&self) -> usize {
        let mut bytes = 0;
        let fits = |(message, _): &&(Produce, _)| {
            bytes += message.readings.size_bytes();
            bytes <= GROUP_BYTES_MAX
        };
        self.waiting.iter().take_while(fits).count().max(1)
    }

    fn delivered(
        &mut self,
        messages: Vec<Readings>,
        replies: Vec<oneshot::Sender<Readings>>,
        context: &mut Context<Self>,
    ) {
        self.writing.works();
        for (reply, readings) in replies.into_iter().zip(messages) {
            self.progress.source().readings.inc_by(readings.len() as u64);
            // The generator may have been drained meanwhile.
            drop(reply.send(readings));
        }
        self.busy = false;
        self.write_group(context);
    }

    /// Resolves when nothing is under way.
    fn idle(&mut self, context: &mut Context<Self>) -> OwnedNotified {
        let idle = self.is_idle.clone().notified_owned();
        self.write_group(context);
        idle
    }
}

impl Actor for Producer {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        let epoch = self.guard.epoch();
        let open = move |writer: &mut SourceWriter, steps: &Steps| writer.open(epoch, steps);
        let look_back = move |writer: &mut SourceWriter, steps: &Steps| writer.look_back(epoch, steps);
        let opened = self.opening.call(&self.worker, "opening the log", open);
        let looked_back = self.opening.call(&self.worker, "looking for what an earlier run has sent", look_back);
        let opened = async {
            let attached = opened.await?;
            looked_back.await?;
            Ok::<_, Ending>(attached)
        };
        actor::spawn(context, opened, |opened, actor: &mut Self, context| match opened {
            Ok(attached) => {
                actor.guard.ready(Some(attached.readings));
                actor.is_open = true;
                actor.attached = Some(attached);
                actor.busy = false;
                actor.write_group(context);
            }
            Err(ending) => actor.guard.end(ending, context),
        });
    }
}

impl Handler<Attach> for Producer {
    type Result = Reply<Self, Result<Attached, Refused>>;

    fn handle(&mut self, attach: Attach, context: &mut Self::Context) -> Self::Result {
        if let Err(refused) = self.guard.admit(attach.epoch) {
            return reply(Err(refused));
        }
        reply_after(self.idle(context), |(), actor: &mut Self, _| actor.attached.take().ok_or(Refused))
    }
}

impl Handler<Produce> for Producer {
    type Result = Reply<Self, Result<Readings, Refused>>;

    fn handle(&mut self, produce: Produce, context: &mut Self::Context) -> Self::Result {
        if let Err(refused) = self.guard.admit(produce.epoch) {
            return reply(Err(refused));
        }
        let (number, expected) = (produce.number, self.last_number + 1);
        if number != expected {
            let cause = format!("message {number} of the source would be sent where message {expected} belongs");
            events::out_of_order(Invariant::NothingSkipped, &cause);
            return reply(Err(self.guard.refuse(Ending::Crashed(cause), context)));
        }
        self.last_number = number;
        let (done, produced) = oneshot::channel();
        self.waiting.push_back((produce, done));
        self.write_group(context);
        reply_after(produced, |produced, _, _| produced.map_err(|_| Refused))
    }
}

impl Handler<Finish> for Producer {
    type Result = Reply<Self, Result<(), Refused>>;

    fn handle(&mut self, finish: Finish, _: &mut Self::Context) -> Self::Result {
        if let Err(refused) = self.guard.admit(finish.epoch) {
            return reply(Err(refused));
        }
        let began = Instant::now();
        let look = move |writer: &mut SourceWriter, steps: &Steps| {
            writer.check_visible(steps).map_err(|failure| match failure.kind {
                Kind::TryAgain if began.elapsed() > VISIBLE_WAIT_MAX => {
                    Failure { severity: Severity::Fatal, ..failure }
                }
                _ => failure,
            })
        };
        let seen = self.opening.call(&self.worker, "looking whether readers see all", look);
        reply_after(seen, |seen, actor: &mut Self, context| seen.map_err(|ending| actor.guard.refuse(ending, context)))
    }
}

impl Handler<Heartbeat> for Producer {
    type Result = Option<Busy>;

    fn handle(&mut self, _: Heartbeat, _: &mut Self::Context) -> Option<Busy> {
        self.worker.busy()
    }
}

/// The generator has been drained before: what it sent is written, acknowledged and its cursor committed.
impl Handler<Drain> for Producer {
    type Result = Reply<Self, ()>;

    fn handle(&mut self, _: Drain, context: &mut Self::Context) -> Self::Result {
        if !self.is_open {
            self.guard.drained();
            return reply(());
        }
        reply_after(self.idle(context), |(), actor: &mut Self, _| actor.guard.drained())
    }
}
