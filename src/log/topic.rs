//! Whether a topic is one that may be written and counted.

use super::{RecordLog, Topic};
use crate::failure::{Failure, Kind};

/// The ways out of a topic whose stations are in other partitions than before.
pub const PARTITIONS_ADDED: &str =
    "start over with log.on_start = \"recreate\", or with another log.topic and another state.dir";

/// The topic as it is now. Where there is no topic the failure is Retryable: its producer may only be late.
pub fn existing_topic(log: &dyn RecordLog) -> Result<Topic, Failure> {
    log.topic()?.ok_or_else(|| {
        Failure::retryable(Kind::Unavailable, format!("there is no {}", log.name()))
            .advice("it is waited for; isotherm produce creates it")
    })
}

/// Refuses a topic whose partitions are not those of the settings (stations would be looked for in the wrong ones), or
/// that is compacted (old readings vanish, so the statistics could not be made again).
pub fn check_topic(log: &dyn RecordLog, topic: &Topic, partitions: u32, allow_compaction: bool) -> Result<(), Failure> {
    if topic.partitions != partitions {
        return Err(Failure::fatal(
            Kind::Settings,
            format!("{} has {} partitions, log.partitions is {partitions}", log.name(), topic.partitions),
        )
        .advice(
            format!("set log.partitions to the topic's own count, or name another topic; where partitions were added, stations have moved: {PARTITIONS_ADDED}"),
        ));
    }
    if topic.compacted && !allow_compaction {
        return Err(Failure::fatal(Kind::Settings, format!("{} is compacted", log.name())).advice(
            "compaction deletes old readings of a station: set the topic's cleanup.policy to delete, or accept it with log.allow_compaction = true",
        ));
    }
    Ok(())
}
