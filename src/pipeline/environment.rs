//! What the trees work on: real, or simulated in tests.

use std::sync::Arc;
use std::time::Duration;

use super::stop;
use crate::durable::fence::ON_HUNG;
use crate::durable::{Disk, RealDisk, open_objects};
use crate::failure::Failure;
use crate::log::{self, RecordLog};
use crate::partition::{StateFiles, Windows};
use crate::points::FaultPoints;
use crate::progress::Progress;
use crate::settings::{Assignment, Settings, State, fault_points};
use crate::source::disk::{MachineDisk, SourceDisk};
use crate::supervision::{Policy, Spawn};

/// Everything outside of the actors.
#[derive(Clone)]
pub struct Environment {
    pub settings: Arc<Settings>,
    pub log: Arc<dyn RecordLog>,
    pub disk: Arc<dyn Disk>,
    /// Where the partitions' states are.
    pub state: StateFiles,
    /// Where the source's files are.
    pub source_disk: Arc<dyn SourceDisk>,
    /// Who does what blocks.
    pub spawn: Spawn,
    pub faults: FaultPoints,
    pub progress: Progress,
    /// Where observers look in.
    pub windows: Windows,
    /// Makes the id of a new source.
    pub new_source_id: fn() -> String,
    /// Decides the jitter of the backoff.
    pub seed: u64,
    /// Called when a write hangs for longer than the time given: ends the process, at once.
    pub on_hung: fn(Duration),
}

impl Environment {
    /// This machine, and the log that the settings name.
    pub fn real(settings: Settings, partitions: &[u32]) -> Result<Self, Failure> {
        let progress = Progress::new(partitions);
        if settings.consume.assignment == Assignment::Group {
            partitions.iter().for_each(|&partition| progress.set_held(partition, false));
        }
        Ok(Self {
            log: log::open(&settings)?,
            state: state_files(&settings.state)?,
            disk: Arc::new(RealDisk),
            source_disk: Arc::new(MachineDisk::default()),
            spawn: Spawn::Threads,
            faults: fault_points(&settings)?,
            progress,
            windows: Windows::default(),
            new_source_id: || uuid::Uuid::new_v4().to_string(),
            seed: rand::random(),
            on_hung: end_process,
            settings: Arc::new(settings),
        })
    }

    /// Whether Kafka's group says what this process counts.
    pub fn is_in_group(&self) -> bool {
        self.settings.consume.assignment == Assignment::Group
    }

    pub fn policy(&self) -> Policy {
        let supervision = &self.settings.supervision;
        // The ingest side and then the partitions may each take half of the time.
        let shutdown_ms =
            if self.is_in_group() { self.settings.group.handover_ms } else { supervision.shutdown_ms / 2 };
        Policy {
            restarts_max: supervision.restarts_max,
            window: Duration::from_millis(supervision.window_ms),
            backoff_min: Duration::from_millis(supervision.backoff_min_ms),
            backoff_max: Duration::from_millis(supervision.backoff_max_ms),
            healthy: Duration::from_millis(supervision.healthy_ms),
            heartbeat: Duration::from_millis(supervision.heartbeat_ms),
            shutdown: Duration::from_millis(shutdown_ms),
        }
    }
}

/// Where the settings say that the partitions' states are.
pub fn state_files(settings: &State) -> Result<StateFiles, Failure> {
    Ok(match settings.url.as_str() {
        "" => StateFiles::Folder(settings.dir.clone()),
        url => StateFiles::Objects(open_objects(url, settings)?),
    })
}

/// A write that hangs could still happen later, over a newer one: only the end of the process prevents it. Until then the
/// fence lets nobody in.
fn end_process(waited: Duration) {
    tracing::error!(
        waited_ms = waited.as_millis() as u64,
        advice = ON_HUNG,
        "a write hangs and cannot be replaced within this process: it ends now; start it again, it goes on from the last committed file"
    );
    stop::end_now()
}
