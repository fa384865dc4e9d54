//! Runs the branches side by side, and says when each is to end.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::join;
use tokio::sync::watch;

use super::branches::{ingest_branch, is_finite, partition_branch};
use super::group::Seat;
use super::running::Running;
use super::{End, Environment, Job, Summary, prepare};
use crate::failure::{Failure, Kind};
use crate::progress::{Branch, Condition, events};
use crate::settings::OnBranchFailure;
use crate::supervision::outage::OutageEvent;
use crate::supervision::{BranchSpec, Ending, Event, Outage, Outcome, Steps, Worker, supervise};

/// Runs the job until it is done or `stop` becomes true. Runs on a [`crate::supervision::actor::System`].
pub async fn run_trees(job: Job, environment: Environment, stop: Arc<watch::Sender<bool>>) -> Result<Summary, Failure> {
    let ingest_outage = outage(Branch::Ingest, &environment);
    // First, as it opens the source: one that is not there is told of before anything is made.
    let ingest = job.ingest.then(|| ingest_branch(&environment, &ingest_outage)).transpose()?;
    let trees = Trees { job, environment, stop };
    let board = trees.environment.progress.branches();
    board.add(Branch::Process, 0, std::iter::empty());
    let (locks, ends, seat) = tokio::select! {
        biased;
        prepared = trees.prepare() => prepared?,
        () = until(&trees.stop) => return Ok(Summary::default()),
    };
    board.remove(Branch::Process);
    let summary = trees.run(ingest.map(|spec| (spec, ingest_outage)), ends, seat).await;
    drop(locks);
    Ok(summary)
}

struct Trees {
    job: Job,
    environment: Environment,
    /// Set by a signal, or by a branch that failed where that stops everything.
    stop: Arc<watch::Sender<bool>>,
}

type Ends = BTreeMap<u32, u64>;
type Goals = BTreeMap<u32, watch::Sender<Option<u64>>>;

impl Trees {
    /// The state's place and the topic as they must be, and, where the job ends there, the offsets at which the partitions
    /// end; and the seat in the group, if a group says what is counted.
    async fn prepare(&self) -> Result<(Arc<prepare::Locks>, Option<Ends>, Option<Seat>), Failure> {
        let locks = Arc::new(self.call(Branch::Process, prepare::lock).await?);
        let held = locks.clone();
        self.call(Branch::Process, move |environment, job| prepare::topic(environment, job, &held)).await?;
        let ends = match self.job.end {
            End::WhenCaughtUp => Some(self.call(Branch::Process, prepare::ends).await?),
            End::WhenSourceEnds | End::AtSignal => None,
        };
        let seat = if self.environment.is_in_group() {
            self.call(Branch::Process, prepare::compare).await?;
            Some(self.call(Branch::Process, |environment, _| Seat::take(environment)).await?)
        } else {
            None
        };
        Ok((locks, ends, seat))
    }

    /// Makes a call that blocks, until it does not fail in a way that can get better.
    async fn call<R: Send + 'static>(
        &self,
        branch: Branch,
        call: impl Fn(&Environment, &Job) -> Result<R, Failure> + Clone + Send + 'static,
    ) -> Result<R, Failure> {
        let value = (self.environment.clone(), self.job.clone());
        let worker = Arc::new(Worker::new(self.environment.spawn, "isotherm-prepare", value)?);
        let job = move |(environment, job): &mut (Environment, Job), _: &Steps| call(environment, job);
        let called = outage(branch, &self.environment).call(&worker, "preparing", job).await;
        called.map_err(|ending| match ending {
            Ending::Failed(failure) => failure,
            ending => Failure::fatal(Kind::Internal, ending.to_string()).origin(ending.origin()),
        })
    }

    async fn run(&self, ingest: Option<(BranchSpec, Outage)>, ends: Option<Ends>, seat: Option<Seat>) -> Summary {
        let goal = |partition| watch::Sender::new(ends.as_ref().and_then(|ends: &Ends| ends.get(&partition).copied()));
        let goals: Goals = self.job.partitions.iter().map(|&partition| (partition, goal(partition))).collect();
        let (ingest_over, partitions_over) = (watch::Sender::new(false), watch::Sender::new(false));
        let stop_partitions = watch::Sender::new(false);
        let start = |partition, stop| {
            let branch = Branch::Partition(partition);
            let outage = outage(branch, &self.environment);
            let goal = goals[&partition].subscribe();
            let spec = partition_branch(&self.environment, &self.job, partition, goal, &outage);
            self.supervise(branch, spec, u64::from(partition) + 1, outage, stop).boxed_local()
        };
        let mut running = Running::new(Box::new(start));
        let partitions = async {
            let failed = match seat {
                Some(seat) => seat.run(&mut running, &self.stop).await.err(),
                None => {
                    goals.keys().for_each(|&partition| running.start(partition));
                    tokio::select! {
                        biased;
                        () = async { while running.next().await.is_some() {} } => {}
                        () = until(&stop_partitions) => {}
                    }
                    running.stop_all().await;
                    None
                }
            };
            partitions_over.send_replace(true);
            failed
        };
        let ingest = async {
            let ended = match ingest {
                Some((spec, outage)) => self.ingest(spec, outage, &goals, &partitions_over).await,
                None => Vec::new(),
            };
            ingest_over.send_replace(true);
            ended
        };
        // The partitions are told to stop only once the ingest side has.
        let stopping = async {
            until(&self.stop).await;
            until(&ingest_over).await;
            stop_partitions.send_replace(true);
            std::future::pending::<()>().await;
        };
        let (ingest, group_failed) = tokio::select! {
            biased;
            ended = join(ingest, partitions) => ended,
            () = stopping => unreachable!("it never ends"),
        };
        let source = self.environment.progress.source();
        let mut summary = Summary {
            readings: source.readings.get(),
            bad_lines: source.bad_lines.get(),
            skipped_quality: source.skipped_quality.get(),
            revised: source.revised.get(),
            withdrawn: source.withdrawn.get(),
            possible_repeats: source.possible_repeats.get(),
            doubtful_values: source.doubtful_values.lock().clone(),
            received_bytes: self.environment.source_disk.received_bytes(),
            hidden: self.environment.progress.partitions().map(|(_, partition)| partition.hidden.get()).sum(),
            ..Summary::default()
        };
        summary.failures.extend(group_failed.map(|failure| ("group".to_owned(), failure)));
        for (branch, outcome) in ingest.into_iter().chain(running.ended()) {
            match outcome {
                Outcome::Finished => {}
                Outcome::Stopped { laggards } => {
                    summary.laggards.extend(laggards.iter().map(|laggard| format!("{branch}: {laggard}")));
                }
                Outcome::Failed(failure) => summary.failures.push((branch.to_string(), failure)),
            }
        }
        summary
    }

    /// The ingest side; and when it has ended, the goals of the partitions. How that ended, and what more went wrong.
    async fn ingest(
        &self,
        spec: BranchSpec,
        outage: Outage,
        goals: &Goals,
        partitions_over: &watch::Sender<bool>,
    ) -> Vec<(Branch, Outcome)> {
        let outcome = self.supervise(Branch::Ingest, spec, 0, outage, self.stop.subscribe()).await;
        let nothing_more_comes = match &outcome {
            Outcome::Finished => true,
            // What is there is counted.
            Outcome::Failed(_) => is_finite(&self.environment.settings.source),
            Outcome::Stopped { .. } => false,
        };
        let mut ended = vec![(Branch::Ingest, outcome)];
        if nothing_more_comes
            && !goals.is_empty()
            && let Err(failure) = self.set_goals(goals, partitions_over).await
        {
            ended.push((Branch::End, Outcome::Failed(failure)));
        }
        ended
    }

    /// Tells the partitions where they end. The ingest branch is over, so this is a row of its own on the board.
    async fn set_goals(&self, goals: &Goals, partitions_over: &watch::Sender<bool>) -> Result<(), Failure> {
        let board = self.environment.progress.branches();
        board.add(Branch::End, 0, std::iter::empty());
        board.started(Branch::End, 1);
        let ends = tokio::select! {
            biased;
            ends = self.call(Branch::End, prepare::ends) => ends,
            () = until(&self.stop) => Ok(Ends::new()),
            // Nobody is left who needs them: a topic that is gone would be waited for in vain.
            () = until(partitions_over) => Ok(Ends::new()),
        };
        let ends = ends.inspect_err(|failure| {
            self.tell(Branch::End, &Event::Failed { failure });
            // Without a goal the partitions would go on for ever.
            self.stop.send_replace(true);
        })?;
        for (partition, goal) in goals {
            goal.send_replace(ends.get(partition).copied());
        }
        board.remove(Branch::End);
        Ok(())
    }

    async fn supervise(
        &self,
        branch: Branch,
        spec: BranchSpec,
        index: u64,
        outage: Outage,
        stop: watch::Receiver<bool>,
    ) -> Outcome {
        let environment = &self.environment;
        let seed = environment.seed.wrapping_add(index);
        let board = environment.progress.branches();
        board.add(branch, environment.policy().restarts_max, spec.children.iter().map(|child| child.name));
        let listener = |event: Event<'_>| self.tell(branch, &event);
        let outcome = supervise(spec, environment.policy(), environment.spawn, seed, outage, stop, listener).await;
        match &outcome {
            Outcome::Finished => board.ended(branch, Condition::Finished),
            Outcome::Stopped { .. } => board.ended(branch, Condition::Stopped),
            // The supervisor has told it.
            Outcome::Failed(_) => {}
        }
        outcome
    }

    fn tell(&self, branch: Branch, event: &Event<'_>) {
        let progress = &self.environment.progress;
        let board = progress.branches();
        match *event {
            Event::Started { epoch } => board.started(branch, epoch),
            Event::Ready { child } => board.ready(branch, child),
            Event::Pulse { child, waited, budget_left } => board.pulse(branch, child, waited, budget_left),
            Event::Died { child, cause, backoff, budget_left } => {
                events::died(progress, branch, child, cause, backoff, budget_left);
            }
            Event::Superseded { child, failure } => events::superseded(progress, branch, child, failure),
            Event::Restarted { resumes_from, took } => events::restarted(progress, branch, resumes_from, took),
            Event::Failed { failure } => {
                // First, as the telling itself may be what fails.
                if self.environment.settings.supervision.on_branch_failure == OnBranchFailure::Exit {
                    self.stop.send_replace(true);
                }
                events::branch_failed(progress, branch, failure);
            }
            Event::Laggard { child, waited } => events::laggard(branch, child, waited),
        }
    }
}

/// Resolves when the flag is true.
pub async fn until(flag: &watch::Sender<bool>) {
    // An error would mean that the sender is gone, and it is borrowed here.
    drop(flag.subscribe().wait_for(|flag| *flag).await);
}

fn outage(branch: Branch, environment: &Environment) -> Outage {
    let (policy, progress) = (environment.policy(), environment.progress.clone());
    Outage::new(policy.backoff_min, policy.backoff_max, move |event| match event {
        OutageEvent::Began(failure) => events::outage_began(&progress, branch, failure),
        OutageEvent::Lasts(failure, lasted) => events::outage_lasts(&progress, branch, failure, lasted),
        OutageEvent::Ended { lasted } => events::outage_ended(&progress, branch, lasted),
    })
}
