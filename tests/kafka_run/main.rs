//! The program against a real Apache Kafka: crashes, stops, outages, another client.

#[path = "../support/broker.rs"]
mod broker;
mod crashes;
mod other_client;
mod poison;
#[path = "../support/program.rs"]
mod program;
mod stops;

use std::collections::BTreeMap;
use std::sync::Arc;

use broker::Broker;
use isotherm::log::{RecordLog, TopicSpec};
use isotherm::settings::{Sources, load};
use program::Program;
use serde_json::Value;
use tempfile::TempDir;

pub const PARTITIONS: u32 = 4;

/// A topic of its own on the broker, and a state folder.
pub struct Fixture {
    pub folder: TempDir,
    pub topic: String,
    brokers: String,
}

impl Fixture {
    pub fn new(broker: &Broker) -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), topic: broker.fresh_topic(), brokers: broker.brokers() }
    }

    /// Another state folder over the same topic.
    pub fn beside(&self) -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            topic: self.topic.clone(),
            brokers: self.brokers.clone(),
        }
    }

    pub fn program(&self) -> Program {
        self.sets().into_iter().fold(Program::new(self.folder.path()), Program::set)
    }

    fn sets(&self) -> Vec<String> {
        vec![
            "log.kind=kafka".to_owned(),
            format!("log.topic={}", self.topic),
            format!("log.kafka.brokers={}", self.brokers),
            "source.simulate.pace_ms=0".to_owned(),
            "source.simulate.days=1000".to_owned(),
            "consume.commit_interval_ms=20".to_owned(),
            "consume.batch_records=500".to_owned(),
            "supervision.backoff_min_ms=5".to_owned(),
            "supervision.backoff_max_ms=200".to_owned(),
        ]
    }

    /// The topic, as the program sees it.
    pub fn log(&self) -> Arc<dyn RecordLog> {
        let settings = load(&Sources { file: None, sets: self.sets() }, std::iter::empty()).expect("good").settings;
        isotherm::log::open(&settings.log, self.folder.path()).expect("it opens")
    }

    pub fn create_topic(&self) {
        let spec = TopicSpec { partitions: PARTITIONS, replication: 1, retention_ms: -1 };
        self.log().create_topic(&spec).expect("the topic is new");
    }

    pub fn recreate_topic(&self) {
        self.log().delete_topic().expect("it can be deleted");
        self.create_topic();
    }

    /// Statistics by station, as `show --json` tells them.
    pub fn stations(&self) -> BTreeMap<String, Value> {
        let shown: Value = serde_json::from_str(&self.program().run_well(&["show", "--json"])).expect("it is JSON");
        let stations = shown["stations"].as_array().expect("a list").iter();
        stations.map(|station| (station["station"].as_str().expect("a name").to_owned(), station.clone())).collect()
    }

    /// Sum of `count` over all stations.
    pub fn counted(&self) -> u64 {
        self.stations().values().map(|station| station["count"].as_u64().expect("a count")).sum()
    }
}

#[test]
fn what_is_produced_is_counted_and_audited() {
    let Some(broker) = Broker::shared() else { return };
    let fixture = Fixture::new(broker);
    let program = fixture.program();
    program.run_well(&["produce"]);
    program.run_well(&["consume", "--until-caught-up"]);
    let stations = fixture.stations();
    assert_eq!(stations.len(), 10);
    for station in stations.values() {
        assert_eq!((&station["count"], &station["start"]), (&1000.into(), &"2000-01-01".into()));
    }
    program.run_well(&["audit"]);

    // In one process, into another folder: the same bytes.
    let whole = fixture.beside();
    whole.program().run_well(&["consume", "0", "1", "2", "3", "--until-caught-up"]);
    assert!(program::results(whole.folder.path()) == program::results(fixture.folder.path()));
}

#[test]
fn a_run_of_everything_ends_by_itself_and_again_has_nothing_to_do() {
    let Some(broker) = Broker::shared() else { return };
    let fixture = Fixture::new(broker);
    fixture.program().run_well(&["run"]);
    assert_eq!(fixture.counted(), 10_000);
    let first = program::results(fixture.folder.path());
    fixture.program().run_well(&["run"]);
    assert!(program::results(fixture.folder.path()) == first);
}
