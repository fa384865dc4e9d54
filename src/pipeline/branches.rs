//! The children of each branch, and how a new life of each is made.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::{Environment, Job};
use crate::durable::Fence;
use crate::failure::Failure;
use crate::ingest::{CursorStore, Generator, IngestJob, LookUp, Producer, SourceReader, SourceWriter};
use crate::partition::{
    Aggregator, CheckpointWriter, Goal, Pace, PartitionConsumer, PartitionJob, PartitionObjects, PartitionReader,
    PartitionStore, PartitionWriter, StateFiles, StateStore,
};
use crate::settings::{Source, SourceKind};
use crate::source;
use crate::supervision::actor::{Actor, Addr, Context, Handler};
use crate::supervision::{BranchSpec, Child, ChildSpec, Drain, Guard, Heartbeat, Life, Outage};

/// How long a read of the log may wait for a record, so that a goal that is set meanwhile is soon noticed; a quarter of a
/// heartbeat where that is shorter.
const READ_WAIT_MAX: Duration = Duration::from_millis(100);

/// Commits of another process that would have been made while nobody knows who should count: then this one goes on.
const GATE_COMMITS: u64 = 3;

/// Where a child's address is left for those that are started after it.
type AddressSlot<A> = Rc<RefCell<Option<Addr<A>>>>;

fn address<A: Actor>(slot: &AddressSlot<A>) -> Addr<A> {
    slot.borrow().clone().expect("children are started in order, and each before leaves its address")
}

/// Starts a new life of a child, and leaves its address in the slot.
fn start<A>(life: &Life, slot: &AddressSlot<A>, build: impl FnOnce(Guard) -> A + Send + 'static) -> Child
where
    A: Actor<Context = Context<A>> + Handler<Heartbeat> + Handler<Drain>,
{
    let started = life.start(|guard, _| build(guard));
    slot.replace(Some(started.clone()));
    Child::of(started)
}

/// A child whose restart is a fault point, on the supervisor's own thread.
fn child(
    name: &'static str,
    environment: &Environment,
    mut start: impl FnMut(&Life) -> Result<Child, Failure> + 'static,
) -> ChildSpec {
    let faults = environment.faults.clone();
    let start = move |life: &Life| {
        if life.epoch > 1 {
            faults.hit("supervisor.restart")?;
        }
        start(life)
    };
    ChildSpec { name, start: Box::new(start) }
}

fn fence<T: Default>(environment: &Environment) -> Arc<Fence<T>> {
    Arc::new(Fence::new(environment.policy().heartbeat, environment.on_hung))
}

/// One partition: an actor that dies takes the others along, and all start again from the file.
pub(super) fn partition_branch(
    environment: &Environment,
    job: &Job,
    partition: u32,
    goal: Goal,
    outage: &Outage,
) -> BranchSpec {
    let settings = &environment.settings;
    let store = match &environment.state {
        StateFiles::Folder(folder) => {
            let disk = environment.disk.clone();
            StateStore::Folder(PartitionStore::new(disk, folder.clone(), partition, fence(environment)))
        }
        StateFiles::Objects(objects) => {
            let store = PartitionObjects::new(objects.clone(), partition, fence(environment));
            let store = if environment.is_in_group() { store.in_group() } else { store };
            StateStore::Objects(match job.anew {
                Some(log_end) => store.anew(log_end),
                None => store,
            })
        }
    };
    let of_partition = PartitionJob {
        log: environment.log.clone(),
        store,
        topic: settings.log.topic.clone(),
        partition,
        partitions: settings.log.partitions,
        rules: settings.rules(),
        read_wait: READ_WAIT_MAX.min(environment.policy().heartbeat / 4),
        accept_gap: job.accept_gap,
        allow_compaction: settings.log.allow_compaction,
        faults: environment.faults.clone(),
        progress: environment.progress.clone(),
        gate: Duration::from_millis(GATE_COMMITS * settings.state.commit_interval_ms),
    };
    let (writer, aggregator) = (AddressSlot::<CheckpointWriter>::default(), AddressSlot::<Aggregator>::default());

    let write = {
        // An outage of this child alone: that the log is read says nothing of the disk.
        let (of_partition, slot, outage) = (of_partition.clone(), writer.clone(), outage.part());
        child("checkpoint writer", environment, move |life| {
            let worker =
                life.worker(&format!("isotherm-write-{partition}"), PartitionWriter::new(of_partition.clone()))?;
            let (of_partition, outage) = (of_partition.clone(), outage.clone());
            Ok(start(life, &slot, move |guard| CheckpointWriter::new(guard, worker, of_partition, outage)))
        })
    };
    let count = {
        let (of_partition, slot) = (of_partition.clone(), aggregator.clone());
        let window = environment.windows.of(partition);
        let commit_interval = Duration::from_millis(settings.consume.commit_interval_ms);
        // A commit counts for a heartbeat at most: the machine may have been halted in one that took longer.
        let pace = Pace::new(commit_interval, settings.consume.commit_share_max, environment.policy().heartbeat);
        child("aggregator", environment, move |life| {
            let (of_partition, pace) = (of_partition.clone(), pace.clone());
            let writer = address(&writer);
            let started = start(life, &slot, move |guard| Aggregator::new(guard, writer, of_partition, pace));
            if let Some(window) = &window {
                window.set_aggregator(&address(&slot));
            }
            Ok(started)
        })
    };
    let read = {
        let (outage, batch_records) = (outage.clone(), settings.consume.batch_records);
        child("consumer", environment, move |life| {
            let reader = PartitionReader::new(of_partition.clone());
            let worker = Arc::new(life.worker(&format!("isotherm-read-{partition}"), reader)?);
            let (aggregator, outage, goal) = (address(&aggregator), outage.clone(), goal.clone());
            let reads = worker.clone();
            let work =
                move |guard| PartitionConsumer::new(guard, worker, aggregator, outage, goal, batch_records).consume();
            Ok(life.start_task(move || reads.busy(), work))
        })
    };
    BranchSpec { name: format!("partition {partition}"), children: vec![write, count, read] }
}

/// The ingest side: an actor that dies takes the other along, and both start again from the cursor.
pub(super) fn ingest_branch(environment: &Environment, outage: &Outage) -> Result<BranchSpec, Failure> {
    let settings = &environment.settings;
    let source::Description { kind, parameters } = source::describe(&settings.source, &*environment.source_disk)?;
    let of_source = IngestJob {
        log: environment.log.clone(),
        cursor_store: CursorStore::new(environment.disk.clone(), settings.state.dir.clone(), fence(environment)),
        topic: settings.log.topic.clone(),
        partitions: settings.log.partitions,
        allow_compaction: settings.log.allow_compaction,
        kind: kind.to_owned(),
        parameters,
        new_source_id: environment.new_source_id,
        skip_hidden: settings.produce.skip_hidden,
        was_replaced: Arc::default(),
        faults: environment.faults.clone(),
    };
    let producer = AddressSlot::<Producer>::default();

    let produce = {
        let (slot, progress) = (producer.clone(), environment.progress.clone());
        let (opening, writing) = (outage.part(), outage.clone());
        child("producer", environment, move |life| {
            let worker = life.worker("isotherm-produce", SourceWriter::new(of_source.clone()))?;
            let (opening, writing, progress) = (opening.clone(), writing.clone(), progress.clone());
            Ok(start(life, &slot, move |guard| Producer::new(guard, worker, opening, writing, progress)))
        })
    };
    let generate = {
        let (faults, progress) = (environment.faults.clone(), environment.progress.clone());
        let (log, disk) = (environment.log.clone(), environment.source_disk.clone());
        let (partitions, format) = (settings.log.partitions, settings.log.format);
        let asking = outage.part();
        let (source, produce) = (settings.source.clone(), settings.produce.clone());
        child("generator", environment, move |life| {
            let look_up = LookUp::new(log.clone(), partitions, format, progress.clone());
            let reader = SourceReader::new(source.clone(), disk.clone(), look_up, faults.clone(), progress.clone());
            let worker = Arc::new(life.worker("isotherm-source", reader)?);
            let (producer, asking, produce) = (address(&producer), asking.clone(), produce.clone());
            let reads = worker.clone();
            let work = move |guard| Generator::new(guard, worker, producer, asking, &produce).generate();
            Ok(life.start_task(move || reads.busy(), work))
        })
    };
    Ok(BranchSpec { name: "ingest".to_owned(), children: vec![produce, generate] })
}

/// Whether the source has an end that a person waits for.
pub(super) fn is_finite(source: &Source) -> bool {
    source.kind != SourceKind::Simulate || source.simulate.days > 0
}
