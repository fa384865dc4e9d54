//! Keeps one branch alive.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::branch::{BranchSpec, Policy};
use super::budget::Budget;
use super::drain::{Drained, drain};
use super::ending::Ending;
use super::lives::Lives;
use super::outage::Outage;
use super::panic;
use super::running::{News, Notice};
use super::worker::Spawn;
use crate::failure::{Failure, Kind, Severity};

/// What happened in a branch, for people.
#[derive(Debug)]
pub enum Event<'a> {
    /// All children have a new life.
    Started {
        epoch: u64,
    },
    /// A child works.
    Ready {
        child: &'a str,
    },
    /// A child answered its heartbeat, which waited this long in its mailbox.
    Pulse {
        child: &'a str,
        waited: Duration,
        /// Restarts that are still granted.
        budget_left: usize,
    },
    /// A child died and will be restarted after `backoff`.
    Died {
        child: &'a str,
        cause: &'a str,
        backoff: Duration,
        budget_left: usize,
    },
    /// Another process went on with the work, as this child found; the branch goes on from what that one has committed.
    Superseded {
        child: &'a str,
        failure: &'a Failure,
    },
    /// The branch works again: every child that was restarted has said that it is ready. It took from the first death.
    Restarted {
        resumes_from: Option<u64>,
        took: Duration,
    },
    Failed {
        failure: &'a Failure,
    },
    /// A child did not drain in time.
    Laggard {
        child: &'a str,
        waited: Duration,
    },
}

/// How a branch ended.
#[derive(Debug)]
pub enum Outcome {
    /// A child said that the work is done, and the others drained.
    Finished,
    /// Asked to stop, and drained; the names of the children that did not do so in time.
    Stopped { laggards: Vec<&'static str> },
    /// Failed for good, or a child died instead of draining.
    Failed(Failure),
}

/// Runs a branch until it is finished, stopped or failed. Runs on a [`super::actor::System`]; `seed` decides the
/// jitter. A stop is asked for by setting `stop` to true.
///
/// A branch is finished only if all of it drained: a child that dies or hangs instead is restarted like at any other
/// time, and the branch finishes later. Dropping the future ends all children.
pub async fn supervise(
    spec: BranchSpec,
    policy: Policy,
    spawn: Spawn,
    seed: u64,
    outage: Outage,
    stop: watch::Receiver<bool>,
    listener: impl Fn(Event<'_>),
) -> Outcome {
    panic::install_hook();
    let (sender, reports) = mpsc::unbounded_channel();
    let mut supervisor = Supervisor {
        branch: spec.name,
        lives: Lives::new(spec.children, spawn, policy.heartbeat, sender),
        reports,
        budget: Budget::new(&policy, seed),
        policy,
        outage,
        start: Some(Start { not_before: Instant::now(), gone_by: Instant::now() }),
        recovering_since: None,
        listener,
    };
    match panic::catch_future(supervisor.run(stop)).await {
        Ok(outcome) => outcome,
        Err(message) => {
            let what = format!("{}: its supervisor panicked: {message}", supervisor.branch);
            supervisor.failed(Failure::fatal(Kind::Internal, what)).await
        }
    }
}

/// What to do about threads that hang.
const UNTIL_IT_ANSWERS: &str =
    "look for a disk, a folder on another machine or a broker that does not answer; then start isotherm again";

struct Supervisor<L> {
    branch: String,
    lives: Lives,
    reports: mpsc::UnboundedReceiver<Notice>,
    budget: Budget,
    policy: Policy,
    outage: Outage,
    /// The start that is due next; in between, all children run.
    start: Option<Start>,
    /// When the first died since all were ready.
    recovering_since: Option<Instant>,
    listener: L,
}

/// A start to come: when the backoff is over, and the old lives are gone or get no more time for it.
#[derive(Clone, Copy)]
struct Start {
    not_before: Instant,
    gone_by: Instant,
}

impl<L: Fn(Event<'_>)> Supervisor<L> {
    async fn run(&mut self, mut stop: watch::Receiver<bool>) -> Outcome {
        loop {
            let start = self.start;
            let gone = start.map(|_| self.lives.ended());
            let mut exit = tokio::select! {
                biased;
                () = asked(&mut stop) => {
                    let drained = self.drain().await;
                    return self.stopped(drained);
                }
                Some(notice) = self.reports.recv() => self.hear(notice),
                (child, cause) = self.lives.hang() => Err((child, Ending::Hung(cause))),
                old_gone = due(start, gone) => self.start(old_gone),
            };
            if let Err((_, Ending::Finished)) = exit {
                let mut drained = self.drain().await;
                let Some(unfinished) = self.unfinished(&mut drained) else { return Outcome::Finished };
                if *stop.borrow() {
                    drained.died = Some(unfinished);
                    return self.stopped(drained);
                }
                exit = Err(unfinished);
            }
            if let Err((child, ending)) = exit
                && let Err(failure) = self.exited(child, ending)
            {
                return self.failed(failure).await;
            }
        }
    }

    /// Takes in what a child tells; an error is its end.
    fn hear(&mut self, Notice { epoch, child, news }: Notice) -> Result<(), (usize, Ending)> {
        // What is told of a life that is over comes too late.
        let Some(slot) = self.lives.running(child, epoch) else { return Ok(()) };
        match news {
            News::Ready { resumes_from } => {
                slot.ready = Some(resumes_from);
                (self.listener)(Event::Ready { child: self.lives.name(child) });
                self.ready();
            }
            News::Pulse { waited } => {
                let budget_left = self.budget.left(Instant::now());
                (self.listener)(Event::Pulse { child: self.lives.name(child), waited, budget_left });
            }
            News::Died(ending) => {
                slot.running = None;
                return Err((child, ending));
            }
        }
        Ok(())
    }

    /// Starts what is due.
    fn start(&mut self, old_gone: bool) -> Result<(), (usize, Ending)> {
        self.start = None;
        if !old_gone {
            // A child is stuck, and with it the thread.
            self.lives.leave();
        }
        let (hung, call) = self.lives.threads_hung();
        if hung > self.policy.restarts_max {
            let call = call.map_or(String::new(), |call| format!("; {call}"));
            let what = format!("{}: {hung} of its threads hang; no further one is started{call}", self.branch);
            return Err((0, Ending::Failed(Failure::fatal(Kind::Internal, what).advice(UNTIL_IT_ANSWERS))));
        }
        self.lives.start()?;
        (self.listener)(Event::Started { epoch: self.lives.epoch() });
        Ok(())
    }

    /// Decides what follows from a child's end; a failure is the branch's.
    fn exited(&mut self, child: usize, ending: Ending) -> Result<(), Failure> {
        let now = Instant::now();
        let hung = matches!(ending, Ending::Hung(_));
        let wait = match ending {
            Ending::Failed(failure) if failure.severity == Severity::Fatal => return Err(failure),
            Ending::Failed(failure) if failure.severity == Severity::Superseded => {
                (self.listener)(Event::Superseded { child: self.lives.name(child), failure: &failure });
                self.recovering_since.get_or_insert(now);
                self.budget.waited_out(now)
            }
            Ending::Failed(failure) => {
                self.outage.failed(&failure);
                self.budget.waited_out(now)
            }
            ending => {
                let (name, cause) = (self.lives.name(child), ending.to_string());
                let Some(backoff) = self.budget.crashed(now, hung) else { return Err(self.spent(name, &ending, hung)) };
                let budget_left = self.budget.left(now);
                (self.listener)(Event::Died { child: name, cause: &cause, backoff, budget_left });
                self.recovering_since.get_or_insert(now);
                backoff
            }
        };
        if hung {
            self.lives.leave();
        } else {
            self.lives.end();
        }
        self.start = Some(Start { not_before: now + wait, gone_by: now + self.policy.heartbeat });
        Ok(())
    }

    fn spent(&self, child: &str, ending: &Ending, hung: bool) -> Failure {
        let what = format!("{}: {child} died after {}; {ending}", self.branch, self.budget.spent());
        let failure = Failure::fatal(Kind::Internal, what).origin(ending.origin());
        if hung { failure.advice(UNTIL_IT_ANSWERS) } else { failure }
    }

    /// Tells that the branch works again, once it does.
    fn ready(&mut self) {
        if let Some(resumes_from) = self.lives.all_ready()
            && let Some(since) = self.recovering_since.take()
        {
            (self.listener)(Event::Restarted { resumes_from, took: since.elapsed() });
        }
    }

    async fn drain(&mut self) -> Drained {
        let drained = drain(&mut self.lives, &mut self.reports, self.policy.shutdown).await;
        for &(child, waited) in &drained.laggards {
            (self.listener)(Event::Laggard { child: self.lives.name(child), waited });
        }
        drained
    }

    /// Who kept a branch from finishing that was about to.
    fn unfinished(&self, drained: &mut Drained) -> Option<(usize, Ending)> {
        let late = || Ending::Hung(format!("hung: did not finish within {:?}", self.policy.shutdown));
        drained.died.take().or_else(|| drained.laggards.first().map(|&(child, _)| (child, late())))
    }

    fn stopped(&self, drained: Drained) -> Outcome {
        let failure = match drained.died {
            None => {
                let laggards = drained.laggards.iter().map(|&(child, _)| self.lives.name(child)).collect();
                return Outcome::Stopped { laggards };
            }
            // The work is another process's by now: nothing of it was left to be done here.
            Some((child, Ending::Failed(failure))) if failure.severity == Severity::Superseded => {
                (self.listener)(Event::Superseded { child: self.lives.name(child), failure: &failure });
                return Outcome::Stopped { laggards: Vec::new() };
            }
            Some((_, Ending::Failed(failure))) => failure,
            Some((child, ending)) => {
                let what = format!("{}: {} died while it drained: {ending}", self.branch, self.lives.name(child));
                Failure::fatal(Kind::Internal, what).origin(ending.origin())
            }
        };
        Outcome::Failed(self.tell_failed(failure))
    }

    /// Ends all children; one that hangs is not waited for longer than a heartbeat.
    async fn failed(&mut self, failure: Failure) -> Outcome {
        let failure = self.tell_failed(failure);
        self.lives.end();
        drop(timeout(self.policy.heartbeat, self.lives.ended()).await);
        Outcome::Failed(failure)
    }

    /// Where the listener panics, as it may have before, the outcome alone tells.
    fn tell_failed(&self, failure: Failure) -> Failure {
        match panic::catch(|| (self.listener)(Event::Failed { failure: &failure })) {
            Ok(()) => failure,
            Err(message) => Failure { what: format!("{}; telling it panicked: {message}", failure.what), ..failure },
        }
    }
}

/// Waits for a stop; for ever, if nobody is left who could ask.
async fn asked(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending().await
    }
}

/// Waits until a start is due; whether the old lives are gone by then.
async fn due(start: Option<Start>, gone: Option<impl Future<Output = ()>>) -> bool {
    let (Some(start), Some(gone)) = (start, gone) else { return std::future::pending().await };
    sleep_until(start.not_before).await;
    timeout_at(start.gone_by, gone).await.is_ok()
}
