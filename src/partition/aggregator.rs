//! Counts. Owns the only mutable state of its partition.

use std::path::Path;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use super::checkpoint_writer::CheckpointWriter;
use super::job::PartitionJob;
use super::messages::{Apply, Begin, BeginAt, Beginning, Commit, Flush, Recover};
use super::pace::Pace;
use super::rejected_path;
use super::window::{Look, LookAt, View};
use crate::domain::{Batch, Invariant, PartitionState, Rules, StationStats};
use crate::failure::{Failure, Kind, Origin};
use crate::progress::events;
use crate::supervision::actor::{self, Actor, Addr, Context, Handler, Reply, reply, reply_after};
use crate::supervision::{Busy, Drain, Ending, Guard, Heartbeat, Refused};

/// Applies batches and has a snapshot committed when one is due: the interval has passed since the last one began and
/// there is something new, or somebody waits for it. One commit is in flight at most. The interval stretches with what
/// commits cost, so that however large the state grows, they take a bounded share of the time.
pub struct Aggregator {
    guard: Guard,
    writer: Addr<CheckpointWriter>,
    job: PartitionJob,
    pace: Pace,
    loaded: Option<Loaded>,
    /// A commit failed for good: this life will commit nothing more, and a flush waits in vain.
    writer_ended: bool,
    /// The flushes, and the drain, that wait until all that was applied is on disk.
    waiting: Vec<oneshot::Sender<()>>,
}

struct Loaded {
    state: PartitionState,
    /// What the file on disk goes on from; `None` where it is not there yet, or lacks an accepted gap.
    committed: Option<u64>,
    in_flight: bool,
    /// When the last snapshot was begun.
    snapshot_at: Instant,
    /// How long it took: nothing was applied meanwhile.
    snapshot_took: Duration,
    /// A timer will take the next one.
    scheduled: bool,
    /// Something was counted in this life.
    counting: bool,
}

impl Aggregator {
    pub fn new(guard: Guard, writer: Addr<CheckpointWriter>, job: PartitionJob, pace: Pace) -> Self {
        Self { guard, writer, job, pace, loaded: None, writer_ended: false, waiting: Vec::new() }
    }

    /// Goes on from this state; `committed` says what the file on disk goes on from.
    fn load(&mut self, state: PartitionState, committed: Option<u64>) {
        let progress = self.job.gauges();
        progress.set_state(&state);
        match committed {
            Some(next_offset) => progress.committed.set(next_offset),
            None => progress.first.set(state.next_offset),
        };
        progress.commit_interval_ms.set(self.pace.interval().as_millis() as u64);
        self.loaded = Some(Loaded {
            state,
            committed,
            in_flight: false,
            snapshot_at: Instant::now(),
            snapshot_took: Duration::ZERO,
            scheduled: false,
            counting: false,
        });
    }

    /// Takes the state that was committed last, if there is one; where it goes on.
    fn recovered(&mut self, state: Option<PartitionState>) -> Result<Option<Beginning>, Failure> {
        self.job.faults.hit("aggregator.load")?;
        let Some(state) = state else { return Ok(None) };
        let beginning = Beginning { next_offset: state.next_offset, last_record: state.last_record.clone() };
        self.load(state, Some(beginning.next_offset));
        Ok(Some(beginning))
    }

    /// Takes a snapshot if one is due, or sees to it that one will be.
    fn commit_if_due(&mut self, context: &mut Context<Self>) -> Result<(), Failure> {
        if self.writer_ended {
            self.waiting.clear();
            return Ok(());
        }
        let Some(loaded) = &mut self.loaded else { return Ok(()) };
        if loaded.in_flight {
            return Ok(());
        }
        if loaded.committed == Some(loaded.state.next_offset) {
            for waiting in self.waiting.drain(..) {
                // The sender of the flush may have been stopped meanwhile.
                let _ = waiting.send(());
            }
            return Ok(());
        }
        let due = loaded.snapshot_at + self.pace.interval();
        if self.waiting.is_empty() && Instant::now() < due {
            if !loaded.scheduled {
                loaded.scheduled = true;
                actor::spawn(context, sleep_until(due), |(), actor: &mut Self, context| {
                    if let Some(loaded) = &mut actor.loaded {
                        loaded.scheduled = false;
                    }
                    actor.commit_or_end(context);
                });
            }
            return Ok(());
        }
        self.job.faults.hit("aggregator.snapshot")?;
        let begun = Instant::now();
        let snapshot = loaded.state.snapshot();
        add_up(self.job.partition, &snapshot.state)?;
        loaded.in_flight = true;
        (loaded.snapshot_at, loaded.snapshot_took) = (begun, begun.elapsed());
        let next_offset = snapshot.state.next_offset;
        let commit = Commit { epoch: self.guard.epoch(), snapshot };
        actor::spawn(context, self.writer.send(commit), move |reply, actor: &mut Self, context| {
            if let Ok(Ok(write_took)) = reply {
                return actor.committed(next_offset, write_took, context);
            }
            // The writer's own guard says why. Its branch is ended for it, or, if it drains, goes on to the writer.
            actor.writer_ended = true;
            actor.commit_or_end(context);
        });
        Ok(())
    }

    fn committed(&mut self, next_offset: u64, write_took: Duration, context: &mut Context<Self>) {
        if let Some(loaded) = &mut self.loaded {
            loaded.in_flight = false;
            loaded.committed = Some(next_offset);
            let cost = loaded.snapshot_took + write_took;
            let is_news = self.pace.committed(cost);
            let (partition, interval) = (self.job.partition, self.pace.interval());
            let progress = self.job.gauges();
            progress.commit_cost_us.set(cost.as_micros() as u64);
            progress.commit_interval_ms.set(interval.as_millis() as u64);
            if is_news {
                let (interval_min, stations) = (self.pace.interval_min(), loaded.state.stations.len());
                events::commits_paced(partition, interval, interval_min, cost, stations);
            }
        }
        match self.job.faults.hit("aggregator.commit_reply") {
            Ok(()) => self.commit_or_end(context),
            Err(failure) => self.guard.end(failure, context),
        }
    }

    fn commit_or_end(&mut self, context: &mut Context<Self>) {
        if let Err(failure) = self.commit_if_due(context) {
            self.guard.end(failure, context);
        }
    }

    /// Refuses a message that would have broken an invariant.
    fn refuse_out_of_order(&self, cause: String, context: &mut Context<Self>) -> Refused {
        events::out_of_order(Invariant::RecordsAddUp, &cause);
        self.guard.refuse(Ending::Crashed(cause), context)
    }

    /// Resolves when all that was applied is on disk.
    fn flush(&mut self, context: &mut Context<Self>) -> oneshot::Receiver<()> {
        let (done, flushed) = oneshot::channel();
        if self.loaded.is_some() {
            self.waiting.push(done);
            self.commit_or_end(context);
        } else {
            let _ = done.send(());
        }
        flushed
    }

    fn apply(&mut self, apply: &Apply) -> Result<(), Failure> {
        self.job.faults.hit("aggregator.apply")?;
        let Some(loaded) = &mut self.loaded else { return Ok(()) };
        let (partition, from_offset) = (self.job.partition, loaded.state.next_offset);
        let rejected_before = loaded.state.rejected.clone();
        let unkept = loaded.state.apply(&apply.batch);
        loaded.state.advance_to(apply.position);
        let progress = self.job.gauges();
        progress.add_records(apply.batch.len() as u64);
        progress.set_state(&loaded.state);
        for (&reason, &records) in &loaded.state.rejected {
            progress.add_rejected(reason, records - rejected_before.get(&reason).copied().unwrap_or(0));
        }
        let file = rejected_path(Path::new(""), partition);
        let rejected_bytes_max = loaded.state.rules.rejected_bytes_max;
        events::rejected_unkept(&self.job.progress, partition, unkept, &file, rejected_bytes_max);
        if !loaded.counting && !apply.batch.is_empty() {
            loaded.counting = true;
            events::counting(partition, from_offset);
        }
        Ok(())
    }
}

/// The state that goes on at this offset: an empty one, or the one that was counted, behind a gap of the log.
fn begun_at(counted: Option<PartitionState>, rules: Rules, offset: u64) -> Result<PartitionState, String> {
    match counted {
        None => Ok(PartitionState::new(rules, offset)),
        Some(state) if offset > state.next_offset => Ok(state.behind_the_gap(offset)),
        Some(state) => Err(format!("it would begin at offset {offset}, but was counted up to {}", state.next_offset)),
    }
}

/// Refuses a state of more records than there were to read.
fn add_up(partition: u32, state: &PartitionState) -> Result<(), Failure> {
    let read = state.next_offset - state.first_offset;
    let (counted, rejected) = (state.counted(), state.rejected_total());
    if counted + rejected <= read {
        return Ok(());
    }
    Err(Failure::fatal(
        Kind::Internal,
        format!(
            "partition {partition} would hold {counted} counted and {rejected} rejected records of at most {read}: nothing was written"
        ),
    )
    .origin(Origin::Check(Invariant::RecordsAddUp)))
}

impl Actor for Aggregator {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        self.guard.ready(None);
    }
}

impl Handler<Begin> for Aggregator {
    type Result = Reply<Self, Result<Option<Beginning>, Refused>>;

    fn handle(&mut self, begin: Begin, _: &mut Self::Context) -> Self::Result {
        if let Err(refused) = self.guard.admit(begin.epoch) {
            return reply(Err(refused));
        }
        reply_after(self.writer.send(Recover { epoch: begin.epoch }), |recovered, actor: &mut Self, context| {
            // The writer's own guard says why it did not recover.
            let state = recovered.map_err(|_| Refused)??;
            actor.recovered(state).map_err(|failure| actor.guard.refuse(failure, context))
        })
    }
}

impl Handler<BeginAt> for Aggregator {
    type Result = Result<(), Refused>;

    fn handle(&mut self, begin: BeginAt, context: &mut Self::Context) -> Self::Result {
        self.guard.admit(begin.epoch)?;
        let counted = self.loaded.take().map(|loaded| loaded.state);
        let state = begun_at(counted, self.job.rules, begin.offset)
            .map_err(|cause| self.refuse_out_of_order(format!("partition {}: {cause}", self.job.partition), context))?;
        self.load(state, None);
        self.commit_or_end(context);
        Ok(())
    }
}

impl Handler<Apply> for Aggregator {
    type Result = Result<Batch, Refused>;

    fn handle(&mut self, apply: Apply, context: &mut Self::Context) -> Self::Result {
        self.guard.admit(apply.epoch)?;
        let next_offset = self.loaded.as_ref().map(|loaded| loaded.state.next_offset);
        let in_order = next_offset.ok_or_else(|| "a batch came before the beginning".to_owned());
        if let Err(cause) = in_order.and_then(|next_offset| apply.in_order(next_offset)) {
            return Err(self.refuse_out_of_order(format!("partition {}: {cause}", self.job.partition), context));
        }
        let applied = self.apply(&apply).and_then(|()| self.commit_if_due(context));
        applied.map_err(|failure| self.guard.refuse(failure, context))?;
        Ok(apply.batch)
    }
}

impl Handler<Flush> for Aggregator {
    type Result = Reply<Self, Result<(), Refused>>;

    fn handle(&mut self, flush: Flush, context: &mut Self::Context) -> Self::Result {
        if let Err(refused) = self.guard.admit(flush.epoch) {
            return reply(Err(refused));
        }
        reply_after(self.flush(context), |flushed, _, _| flushed.map_err(|_| Refused))
    }
}

impl Handler<Look> for Aggregator {
    type Result = Option<View>;

    fn handle(&mut self, _: Look, _: &mut Self::Context) -> Self::Result {
        self.loaded.as_ref().map(|loaded| View::of(&loaded.state))
    }
}

impl Handler<LookAt> for Aggregator {
    type Result = Option<(u64, StationStats)>;

    fn handle(&mut self, look: LookAt, _: &mut Self::Context) -> Self::Result {
        let state = &self.loaded.as_ref()?.state;
        Some((state.next_offset, state.stations.get(look.station.as_str())?.clone()))
    }
}

impl Handler<Heartbeat> for Aggregator {
    type Result = Option<Busy>;

    fn handle(&mut self, _: Heartbeat, _: &mut Self::Context) -> Option<Busy> {
        None
    }
}

/// The last commit.
impl Handler<Drain> for Aggregator {
    type Result = Reply<Self, ()>;

    fn handle(&mut self, _: Drain, context: &mut Self::Context) -> Self::Result {
        reply_after(self.flush(context), |flushed, actor: &mut Self, _| {
            if flushed.is_ok() {
                actor.guard.drained();
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::RejectReason;
    use crate::domain::state::Gap;

    #[test]
    fn more_records_than_there_were_are_a_broken_promise() {
        let mut state = PartitionState { next_offset: 7, ..PartitionState::new(Rules::default(), 5) };
        state.rejected.insert(RejectReason::BadDate, 2);
        assert_eq!(add_up(0, &state), Ok(()));
        state.rejected.insert(RejectReason::BadStation, 1);
        let refused = add_up(0, &state).expect_err("two records cannot be three");
        assert_eq!(refused.origin, Origin::Check(Invariant::RecordsAddUp));
    }

    #[test]
    fn a_partition_begins_where_the_log_does_or_behind_a_gap_and_never_where_it_was_counted() {
        let rules = Rules::default();
        let begun = begun_at(None, rules, 5).expect("nothing was counted");
        assert_eq!((begun.first_offset, begun.next_offset, begun.gaps.len()), (5, 5, 0));
        let behind = begun_at(Some(begun.clone()), rules, 8).expect("5 to 8 are gone");
        assert_eq!((behind.first_offset, behind.next_offset, behind.gaps), (5, 8, vec![Gap { from: 5, to: 8 }]));
        for counted in [5, 4] {
            let cause = begun_at(Some(begun.clone()), rules, counted).expect_err("there is no gap");
            assert_eq!(cause, format!("it would begin at offset {counted}, but was counted up to 5"));
        }
    }
}
