//! Branches that tests put together by hand: real actors, and toys in the place of those that talk to them.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use isotherm::durable::{Fence, RealDisk};
use isotherm::ingest::{CursorStore, IngestJob, Producer, SourceWriter};
use isotherm::points::FaultPoints;
use isotherm::progress::Progress;
use isotherm::supervision::actor::{Actor, Addr, System};
use isotherm::supervision::{BranchSpec, Child, ChildSpec, Event, Life, Outage, Outcome, Spawn, Worker, supervise};
use serde_json::Value;
use tokio::sync::watch;

use crate::support::{Fixture, PARTITIONS};

/// Where a child's address is left for those that are started after it.
pub type Slot<A> = Rc<RefCell<Option<Addr<A>>>>;

pub struct Toy;

impl Toy {
    /// A life of the toy that follows a story: `true` where the branch has finished then.
    pub fn start<S>(life: &Life, story: impl FnOnce() -> S + Send + 'static) -> Child
    where
        S: Future<Output = bool> + 'static,
    {
        life.start_task(
            || None,
            |guard| async move {
                guard.ready(None);
                if story().await { Ok(()) } else { std::future::pending().await }
            },
        )
    }
}

/// Runs a branch until it has finished; the causes of its deaths.
pub fn deaths(fixture: &Fixture, children: Vec<ChildSpec>) -> Vec<String> {
    let spec = BranchSpec { name: "toys".to_owned(), children };
    let died = RefCell::new(Vec::new());
    let listener = |event: Event<'_>| {
        if let Event::Died { child, cause, .. } = event {
            died.borrow_mut().push(format!("{child}: {cause}"));
        }
    };
    let policy = fixture.environment().policy();
    let (_stop, asked) = watch::channel(false);
    let branch = supervise(spec, policy, Spawn::Threads, 1, outage(), asked, listener);
    let outcome = System::in_real_time().block_on(branch);
    assert!(matches!(outcome, Outcome::Finished), "{outcome:?}, {died:?}");
    died.into_inner()
}

pub fn child(name: &'static str, mut start: impl FnMut(&Life) -> Child + 'static) -> ChildSpec {
    ChildSpec { name, start: Box::new(move |life| Ok(start(life))) }
}

pub fn outage() -> Outage {
    Outage::new(Duration::from_millis(1), Duration::from_millis(1), |_| ())
}

pub fn fence<T: Default>() -> Arc<Fence<T>> {
    Arc::new(Fence::new(Duration::from_secs(60), |waited| panic!("a write hangs for {waited:?}")))
}

pub fn worker<T: Send + 'static>(spawn: Spawn, value: T) -> Worker<T> {
    Worker::new(spawn, "toy", value).expect("it starts")
}

pub fn address<A: Actor>(slot: &Slot<A>) -> Addr<A> {
    slot.borrow().clone().expect("it was started before")
}

/// Writes to the fixture's log and state folder, whatever the source is.
pub fn ingest_job(fixture: &Fixture) -> IngestJob {
    IngestJob {
        log: Arc::new(fixture.log.clone()),
        cursor_store: CursorStore::new(Arc::new(RealDisk), fixture.folder.path().to_owned(), fence()),
        topic: "temperatures".to_owned(),
        partitions: PARTITIONS,
        allow_compaction: false,
        kind: "toy".to_owned(),
        parameters: Value::Null,
        new_source_id: || "a test".to_owned(),
        skip_hidden: false,
        was_replaced: Arc::default(),
        faults: FaultPoints::default(),
    }
}

pub fn producer(job: IngestJob, spawn: Spawn, progress: Progress) -> (ChildSpec, Slot<Producer>) {
    let slot = Slot::default();
    let left = slot.clone();
    let spec = child("producer", move |life| {
        let (worker, progress) = (worker(spawn, SourceWriter::new(job.clone())), progress.clone());
        let started = life.start(move |guard, _| Producer::new(guard, worker, outage(), outage(), progress));
        left.replace(Some(started.clone()));
        Child::of(started)
    });
    (spec, slot)
}
