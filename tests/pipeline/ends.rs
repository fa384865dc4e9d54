//! An end is an end, whatever happens after it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc;
use std::time::Duration;

use isotherm::failure::{Failure, Kind};
use isotherm::log::RecordLog;
use isotherm::pipeline::{End, Environment, Job, run_trees};
use isotherm::progress::Branch;
use isotherm::progress::{BranchStatus, Condition, Progress};
use isotherm::supervision::actor::System;
use tokio::sync::watch;

use crate::over::OverLog;
use crate::support::{Fixture, PARTITIONS, Running, consume, run};

fn status(progress: &Progress, branch: Branch) -> Option<Arc<BranchStatus>> {
    progress.branches().statuses().into_iter().find_map(|(one, status)| (one == branch).then_some(status))
}

fn condition(progress: &Progress, branch: Branch) -> Option<Condition> {
    status(progress, branch).map(|status| status.condition)
}

/// On a log that does not say where it ends once the source has, until it is back.
fn start(fixture: &Fixture, failure: Failure) -> (Running, Arc<AtomicBool>) {
    let environment = fixture.environment();
    let is_back = Arc::new(AtomicBool::new(false));
    let (progress, back) = (environment.progress.clone(), is_back.clone());
    let topic = move |log: &dyn RecordLog, ()| {
        let asks = std::thread::current().name() == Some("isotherm-prepare");
        let ended = asks && condition(&progress, Branch::Ingest).is_some();
        if ended && !back.load(Relaxed) { Err(failure.clone()) } else { log.topic() }
    };
    let log = OverLog { topic: Box::new(topic), ..OverLog::new(environment.log.clone()) };
    (Running::start(run(), Environment { log: Arc::new(log), ..environment }), is_back)
}

#[test]
fn a_log_that_is_away_when_the_source_ends_is_waited_for_as_such() {
    let fixture = Fixture::new();
    let (running, is_back) = start(&fixture, Failure::retryable(Kind::Unavailable, "the log is away"));
    let progress = running.environment.progress.clone();
    running.wait_for("the wait", |_| {
        let waits =
            |(_, status): &(Branch, Arc<BranchStatus>)| status.waiting_for.as_deref() == Some("the log is away");
        progress.branches().statuses().iter().any(waits)
    });
    assert_eq!(condition(&progress, Branch::Ingest), Some(Condition::Finished));
    assert_eq!(condition(&progress, Branch::End), Some(Condition::Waiting));
    is_back.store(true, Relaxed);
    let summary = running.end().expect("it started");
    assert!(summary.failures.is_empty(), "{summary:?}");
    assert_eq!(condition(&progress, Branch::Ingest), Some(Condition::Finished));
    assert_eq!(progress.branches().statuses().len(), 1 + PARTITIONS as usize, "the wait is over, and its row gone");
}

#[test]
fn a_log_that_is_lost_when_the_source_ends_is_a_failure_that_is_told() {
    let fixture = Fixture::new();
    let lost = Failure::fatal(Kind::Unavailable, "the log is lost");
    let (running, _) = start(&fixture, lost.clone());
    let progress = running.environment.progress.clone();
    let summary = running.end().expect("it started");
    assert_eq!(summary.failures, [("end".to_owned(), lost)]);
    let end = status(&progress, Branch::End).expect("it is shown");
    assert_eq!((end.condition, end.failure.as_deref()), (Condition::Failed, Some("the log is lost")));
    assert_eq!(condition(&progress, Branch::Ingest), Some(Condition::Finished));
    assert!(progress.branches().crashes().iter().any(|crash| crash.cause.contains("the log is lost")));
}

/// Panics where a death is told.
struct Panics;

impl tracing::Subscriber for Panics {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.fields().field("backoff_ms").is_some()
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        panic!("no room for a line");
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn a_supervisor_that_panics_stops_all_where_the_settings_say_so() {
    let fixture = Fixture::with_records(50)
        .set("faults.points=aggregator.apply@1=panic")
        .set("supervision.on_branch_failure=exit");
    let (environment, stop) = (fixture.environment(), Arc::new(watch::Sender::new(false)));
    let progress = environment.progress.clone();
    let (done, ended) = mpsc::channel();
    std::thread::spawn(move || {
        // Two of them: where a process has one subscriber and that is a single thread's, tracing asks for an event's listeners
        // only on the thread that comes to it first, which may be another test's.
        let panics = [(); 2].map(|()| tracing::Dispatch::new(Panics));
        let _panics = tracing::dispatcher::set_default(&panics[0]);
        let trees = run_trees(Job { end: End::AtSignal, ..consume() }, environment, stop);
        done.send(System::in_real_time().block_on(trees)).expect("the test waits");
    });
    let summary = ended.recv_timeout(Duration::from_secs(60)).expect("it ends").expect("it started");
    let [(branch, failure)] = summary.failures.as_slice() else { panic!("{summary:?}") };
    let told = format!("{branch}: its supervisor panicked: no room for a line (");
    assert!(failure.what.starts_with(&told), "{failure}");
    let failed = progress.branches().failures(|branch| matches!(branch, Branch::Partition(_)));
    assert_eq!(failed, 1, "it is counted and on the page");
}
