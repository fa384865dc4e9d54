//! Bugs of what the program stands on: each makes an environment that does not keep what it promises.

use std::sync::Arc;

use isotherm::pipeline::Environment;

use super::disk::{BuggyDisk, DiskBug};
use super::log::{BuggyLog, LogBug};

fn with_disk(bug: DiskBug, environment: Environment) -> Environment {
    Environment { disk: Arc::new(BuggyDisk { disk: environment.disk, bug }), ..environment }
}

fn with_log(bug: LogBug, environment: Environment) -> Environment {
    Environment { log: Arc::new(BuggyLog::new(environment.log, bug)), ..environment }
}

/// The temporary file is renamed before its content is on disk.
pub fn new_files_not_synced(environment: Environment) -> Environment {
    with_disk(DiskBug::NewFilesNotSynced, environment)
}

/// A commit is acknowledged before the new name is on disk.
pub fn folders_not_synced(environment: Environment) -> Environment {
    with_disk(DiskBug::FoldersNotSynced, environment)
}

/// Recovery leaves rejected lines that the JSON does not speak of.
pub fn rejected_lines_left(environment: Environment) -> Environment {
    with_disk(DiskBug::RejectedLinesLeft, environment)
}

/// Recovery leaves temporary files.
pub fn temporaries_left(environment: Environment) -> Environment {
    with_disk(DiskBug::TemporariesNotListed, environment)
}

/// The partition's lock is given back at once.
pub fn locks_not_held(environment: Environment) -> Environment {
    with_disk(DiskBug::LocksNotHeld, environment)
}

/// Reading goes on at the last counted record instead of behind it.
pub fn one_record_early(environment: Environment) -> Environment {
    with_log(LogBug::OneRecordEarly, environment)
}

/// A topic that was made again says at each commit that it is the old one.
pub fn always_the_same_topic(environment: Environment) -> Environment {
    with_log(LogBug::AlwaysTheSameTopic, environment)
}

/// The producer takes more at once than may be in flight.
pub fn in_flight_not_bounded(environment: Environment) -> Environment {
    let mut settings = (*environment.settings).clone();
    settings.produce.in_flight_max = 1000;
    Environment { settings: Arc::new(settings), ..environment }
}

/// The backoff's jitter is not drawn from the seed.
pub fn jitter_not_seeded(environment: Environment) -> Environment {
    Environment { seed: rand::random(), ..environment }
}
