//! Opens the log that the settings name.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::RecordLog;
use super::kafka::KafkaLog;
use super::memory::MemoryLog;
use super::sqlite::SqliteLog;
use crate::failure::Failure;
use crate::settings::{LogKind, Settings};

/// The log that the settings name. Does not wait for it: a log that is away is noticed by the first call on it.
///
/// Its calls wait so briefly that a heartbeat of these settings does not take one for hung. `state_dir` only tells one state
/// folder from another where committed offsets are published.
pub fn open(settings: &Settings, state_dir: &Path) -> Result<Arc<dyn RecordLog>, Failure> {
    let Settings { log, produce, supervision, .. } = settings;
    let wait_max = Duration::from_millis(supervision.heartbeat_ms) / 4;
    Ok(match log.kind {
        LogKind::Kafka => Arc::new(KafkaLog::open(log, &group(&log.topic, state_dir)?, produce.transactions)?),
        LogKind::Sqlite => Arc::new(SqliteLog::open(&log.sqlite.path, &log.topic, wait_max)?),
        LogKind::Memory => Arc::new(MemoryLog::new(&log.topic)),
    })
}

/// The group under which committed offsets are published: one for each topic and state folder.
fn group(topic: &str, state_dir: &Path) -> Result<String, Failure> {
    let absolute =
        std::path::absolute(state_dir).map_err(|error| Failure::io("cannot find the folder of", state_dir, &error))?;
    Ok(format!("isotherm-{topic}-{:08x}", crc32c::crc32c(absolute.as_os_str().as_encoded_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_the_one_that_the_settings_name() {
        let defaults: Settings =
            toml::from_str(include_str!("../../settings/default.toml")).expect("the defaults are complete");
        let name = |kind| {
            let mut settings = defaults.clone();
            settings.log.kind = kind;
            open(&settings, Path::new("state")).expect("nothing is opened yet").name()
        };
        assert_eq!(name(LogKind::Memory), "topic temperatures in memory");
        let sqlite = name(LogKind::Sqlite);
        assert!(sqlite.starts_with("topic temperatures in SQLite file /"), "{sqlite}");
        assert!(sqlite.ends_with("/isotherm-data/log.sqlite"), "{sqlite}");
    }

    #[test]
    fn a_group_is_one_of_topic_and_state_folder() {
        let group = |topic, folder: &str| group(topic, Path::new(folder)).expect("there is a working folder");
        assert_eq!(
            group("temperatures", "/srv/state"),
            format!("isotherm-temperatures-{:08x}", crc32c::crc32c(b"/srv/state"))
        );
        assert_ne!(group("temperatures", "/srv/state"), group("temperatures", "/srv/other"));
        let absolute = std::path::absolute("state").expect("there is a working folder");
        assert_eq!(group("temperatures", "state"), group("temperatures", absolute.to_str().expect("it is UTF-8")));
    }
}
