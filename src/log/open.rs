//! Opens the log that the settings name.

use std::sync::Arc;
use std::time::Duration;

use super::RecordLog;
use super::kafka::KafkaLog;
use super::memory::MemoryLog;
use super::sqlite::SqliteLog;
use crate::failure::Failure;
use crate::settings::{LogKind, Settings, State};

/// The log that the settings name. Does not wait for it: a log that is away is noticed by the first call on it.
///
/// Its calls wait so briefly that a heartbeat of these settings does not take one for hung.
pub fn open(settings: &Settings) -> Result<Arc<dyn RecordLog>, Failure> {
    let Settings { log, produce, supervision, .. } = settings;
    let wait_max = Duration::from_millis(supervision.heartbeat_ms) / 4;
    Ok(match log.kind {
        LogKind::Kafka => Arc::new(KafkaLog::open(
            log,
            &group(&log.topic, &settings.state, &settings.group.id)?,
            produce.transactions,
        )?),
        LogKind::Sqlite => Arc::new(SqliteLog::open(&log.sqlite.path, &log.topic, wait_max)?),
        LogKind::Memory => Arc::new(MemoryLog::new(&log.topic)),
    })
}

/// The group under which committed offsets are published: one for each topic and place of its state.
fn group(topic: &str, state: &State, set: &str) -> Result<String, Failure> {
    if !set.is_empty() {
        return Ok(set.to_owned());
    }
    let place = match state.object_store() {
        Some(store) => store.into(),
        None => std::path::absolute(&state.dir)
            .map_err(|error| Failure::io("cannot find the folder of", &state.dir, &error))?
            .into_os_string(),
    };
    Ok(format!("isotherm-{topic}-{:08x}", crc32c::crc32c(place.as_encoded_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::S3;

    #[test]
    fn the_log_is_the_one_that_the_settings_name() {
        let defaults: Settings =
            toml::from_str(include_str!("../../settings/default.toml")).expect("the defaults are complete");
        let name = |kind| {
            let mut settings = defaults.clone();
            settings.log.kind = kind;
            open(&settings).expect("nothing is opened yet").name()
        };
        assert_eq!(name(LogKind::Memory), "topic temperatures in memory");
        let sqlite = name(LogKind::Sqlite);
        assert!(sqlite.starts_with("topic temperatures in SQLite file /"), "{sqlite}");
        assert!(sqlite.ends_with("/isotherm-data/log.sqlite"), "{sqlite}");
    }

    #[test]
    fn a_group_is_one_of_topic_and_state_folder() {
        let defaults: Settings =
            toml::from_str(include_str!("../../settings/default.toml")).expect("the defaults are complete");
        let group = |topic, dir: &str| {
            group(topic, &State { dir: dir.into(), ..defaults.state.clone() }, "").expect("there is a working folder")
        };
        assert_eq!(
            group("temperatures", "/srv/state"),
            format!("isotherm-temperatures-{:08x}", crc32c::crc32c(b"/srv/state"))
        );
        assert_ne!(group("temperatures", "/srv/state"), group("temperatures", "/srv/other"));
        let absolute = std::path::absolute("state").expect("there is a working folder");
        assert_eq!(group("temperatures", "state"), group("temperatures", absolute.to_str().expect("it is UTF-8")));
        // Of a store, however its address is written.
        let stored = |endpoint: &str, url: &str| {
            let s3 = S3 { endpoint: endpoint.to_owned(), ..defaults.state.s3.clone() };
            super::group("t", &State { url: url.to_owned(), s3, ..defaults.state.clone() }, "").expect("a name")
        };
        assert_eq!(stored("http://H:1", "s3://b/p"), stored("http://h:1/", "s3://b/p/"));
        assert_ne!(stored("http://h:1", "s3://b/p"), stored("http://h:1", "s3://b/q"));
        assert_ne!(stored("http://h:1", "s3://b/p"), stored("http://h:2", "s3://b/p"));
    }
}
