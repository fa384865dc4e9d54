//! What is done once a process, before any tree starts.

use std::collections::BTreeMap;
use std::path::Path;

use super::{End, Environment, Job};
use crate::durable::{Lock, conditions};
use crate::failure::{Failure, Kind};
use crate::log::topic::{check_topic, existing_topic};
use crate::log::{Topic, TopicSpec};
use crate::partition::{Identity, StateFiles, maintenance};
use crate::progress::events;
use crate::settings::OnStart;

/// Held for the life of the process.
pub(super) struct Locks(#[allow(dead_code, reason = "held for its drop")] Vec<Lock>);

/// Makes the state folder, and this process its owner. Called again after a Retryable failure, as [`topic`] is.
///
/// An object store has no owner: each commit of it is under a condition, and the store is tried for keeping that.
pub(super) fn lock(environment: &Environment, job: &Job) -> Result<Locks, Failure> {
    if let StateFiles::Objects(objects) = &environment.state {
        if !environment.is_in_group() {
            refuse_beside_group(environment)?;
        }
        for note in conditions::probe(&**objects)? {
            events::store_note(&objects.name(), &note);
        }
        return Ok(Locks(Vec::new()));
    }
    let (disk, state) = (&*environment.disk, &environment.settings.state);
    disk.create_folder(&state.dir).map_err(|error| {
        let failure = Failure::io("cannot create the state folder", &state.dir, &error);
        if failure.advice.is_some() { failure } else { failure.advice("choose another one with state.dir") }
    })?;
    refuse_network_filesystem(environment, &state.dir)?;
    let every: Vec<u32> = (0..environment.settings.log.partitions).collect();
    let partitions = if recreates(environment, job) { &every } else { &job.partitions };
    let source = job.ingest.then(|| Lock::source(disk, &state.dir));
    let partitions = partitions.iter().map(|&partition| Lock::partition(disk, &state.dir, partition));
    Ok(Locks(source.into_iter().chain(partitions).collect::<Result<_, _>>()?))
}

/// Whether processes of a group count the partitions that this one would count with fixed ones: each would supersede the other. A group
/// that cannot be asked says nothing of that, and the store decides.
fn refuse_beside_group(environment: &Environment) -> Result<(), Failure> {
    match environment.log.members_total() {
        Ok(members @ 1..) => {
            let what = format!(
                "{} is counted by a group of {members} processes, and consume.assignment is \"fixed\"",
                environment.state.name()
            );
            Err(Failure::fatal(Kind::Settings, what)
                .advice("join them by consume.assignment = \"group\", or end them, or use another state.url"))
        }
        _ => Ok(()),
    }
}

fn refuse_network_filesystem(environment: &Environment, folder: &Path) -> Result<(), Failure> {
    let found = environment.disk.network_filesystem(folder);
    let found = found.map_err(|error| Failure::io("cannot tell the filesystem of", folder, &error))?;
    match found {
        Some(kind) if !environment.settings.state.allow_network_filesystem => Err(Failure::fatal(
            Kind::Settings,
            format!("the state folder {} is on a network filesystem ({kind})", folder.display()),
        )
        .advice(
            "locks and fsync are not reliable on all of them: use a local folder, or set state.allow_network_filesystem = true",
        )),
        _ => Ok(()),
    }
}

fn recreates(environment: &Environment, job: &Job) -> bool {
    job.ingest && environment.settings.log.on_start == OnStart::Recreate
}

/// Sees to it that there is a topic, and that it is one that may be used. Called again after a Retryable failure, until it
/// succeeds. The locks are held, so nothing else works on the state folder.
pub(super) fn topic(environment: &Environment, job: &Job, _: &Locks) -> Result<(), Failure> {
    let (log, settings) = (&*environment.log, &environment.settings.log);
    if recreates(environment, job) {
        // First the state: if the process ends in between, the old topic is only sent to again.
        maintenance::set_aside(&*environment.disk, &environment.settings.state.dir)?;
        log.delete_topic()?;
    }
    let topic = match log.topic()? {
        Some(topic) => topic,
        None if job.ingest => create(environment)?,
        None if job.end == End::WhenCaughtUp => {
            return Err(Failure::fatal(Kind::Unavailable, format!("there is no {}", log.name()))
                .advice("check log.topic, or create it with isotherm produce"));
        }
        // Each branch waits for it.
        None => return Ok(()),
    };
    check_topic(log, &topic, settings.partitions, settings.allow_compaction)?;
    if let Some(warning) = &topic.warning {
        events::retention_warning(&log.name(), warning);
    }
    Ok(())
}

/// A process whose settings differ from those that states were made under would fail each partition that the group gives to it: it is
/// not to join. A state that is damaged is left to its branch.
pub(super) fn compare(environment: &Environment, job: &Job) -> Result<(), Failure> {
    let settings = &environment.settings;
    let Some(topic) = environment.log.topic()? else { return Ok(()) };
    let (rules, partitions) = (settings.rules(), settings.log.partitions);
    for &partition in &job.partitions {
        let (name, log_id) = (settings.log.topic.clone(), topic.log_id.clone());
        let compared = environment.state.compare(&Identity { topic: name, log_id, partition, partitions }, &rules);
        match compared {
            Err(failure) if failure.kind == Kind::Data => {}
            compared => compared?,
        }
    }
    Ok(())
}

fn create(environment: &Environment) -> Result<Topic, Failure> {
    let (log, settings) = (&*environment.log, &environment.settings.log);
    let spec = TopicSpec {
        partitions: settings.partitions,
        replication: settings.replication,
        retention_ms: settings.retention_ms,
    };
    let topic = log.create_topic(&spec)?;
    events::topic_created(&log.name(), &topic.log_id, topic.partitions);
    Ok(topic)
}

/// Where the job's partitions end now.
pub(super) fn ends(environment: &Environment, job: &Job) -> Result<BTreeMap<u32, u64>, Failure> {
    existing_topic(&*environment.log)?;
    job.partitions.iter().map(|&partition| Ok((partition, environment.log.extent(partition)?.end))).collect()
}
