//! The program against a real Apache Kafka: crashes, outages, what happens to topics, full disks, other clients.

#[path = "../support/broker.rs"]
mod broker;
mod compaction;
mod crashes;
mod disk_full;
#[path = "../support/elsewhere.rs"]
mod elsewhere;
mod gaps;
mod kills;
mod many_partitions;
mod other_client;
mod outages;
#[path = "../support/owned.rs"]
mod owned;
mod poison;
#[path = "../support/program.rs"]
mod program;
#[cfg(feature = "tls")]
mod rights;
#[path = "../support/served.rs"]
mod served;
mod topics;
mod transactions;
mod watched;

use std::collections::BTreeMap;
use std::sync::Arc;

use broker::Broker;
use elsewhere::Elsewhere;
use isotherm::domain::{Day, Reading};
use isotherm::log::partitioner::partition_of;
use isotherm::log::{RecordLog, TopicSpec};
use isotherm::settings::{Sources, load};
use owned::OwnedRecord;
use program::{Program, results};
use serde_json::Value;
use tempfile::TempDir;

pub const PARTITIONS: u32 = 4;

/// A topic of its own on the broker, and a state folder.
pub struct Fixture {
    pub folder: TempDir,
    pub topic: String,
    brokers: String,
    sets: Vec<String>,
}

impl Fixture {
    pub fn new(broker: &Broker) -> Self {
        let (topic, brokers) = (broker.fresh_topic(), broker.brokers());
        Self { folder: tempfile::tempdir().expect("a folder"), topic, brokers, sets: Vec::new() }
    }

    /// With a setting of its own.
    pub fn set(mut self, set: &str) -> Self {
        self.sets.push(set.to_owned());
        self
    }

    /// Another state folder over the same topic.
    pub fn beside(&self) -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            topic: self.topic.clone(),
            brokers: self.brokers.clone(),
            sets: self.sets.clone(),
        }
    }

    pub fn program(&self) -> Program {
        self.sets().into_iter().fold(Program::new(self.folder.path()), Program::set)
    }

    fn sets(&self) -> Vec<String> {
        let usual = [
            "log.kind=kafka",
            &format!("log.topic={}", self.topic),
            &format!("log.kafka.brokers={}", self.brokers),
            "source.simulate.pace_ms=0",
            "source.simulate.days=1000",
            "consume.commit_interval_ms=20",
            "consume.commit_share_max=1",
            "consume.batch_records=500",
            "supervision.backoff_min_ms=5",
            "supervision.backoff_max_ms=200",
        ];
        usual.into_iter().map(str::to_owned).chain(self.sets.iter().cloned()).collect()
    }

    /// The topic, as the program sees it.
    pub fn log(&self) -> Arc<dyn RecordLog> {
        let settings = load(&Sources { file: None, sets: self.sets() }, std::iter::empty()).expect("good").settings;
        isotherm::log::open(&settings).expect("it opens")
    }

    pub fn create_topic(&self) {
        let spec = TopicSpec { partitions: PARTITIONS, replication: 1, retention_ms: -1 };
        self.log().create_topic(&spec).expect("the topic is new");
    }

    pub fn recreate_topic(&self) {
        self.log().delete_topic().expect("it can be deleted");
        self.create_topic();
    }

    /// Somebody else, with this topic.
    pub fn elsewhere(&self) -> Elsewhere {
        Elsewhere::new(&self.brokers, &self.topic)
    }

    /// Where the partitions end.
    pub fn ends(&self) -> BTreeMap<u32, u64> {
        let log = self.log();
        (0..PARTITIONS).map(|number| (number, log.extent(number).expect("it is there").end)).collect()
    }

    /// A partition's file.
    pub fn file(&self, partition: u32) -> Value {
        let path = self.folder.path().join(format!("partition-{partition}.json"));
        serde_json::from_slice(&std::fs::read(path).expect("it is there")).expect("it is JSON")
    }

    /// Where the partitions' files go on; those that have one.
    pub fn offsets(&self) -> BTreeMap<u32, u64> {
        let has_file = |number: &u32| self.folder.path().join(format!("partition-{number}.json")).exists();
        let offset = |number| self.file(number)["offset"].as_u64().expect("an offset");
        (0..PARTITIONS).filter(has_file).map(|number| (number, offset(number))).collect()
    }

    /// The files are those of an undisturbed run over the same topic, and say what the log says.
    pub fn assert_undisturbed(&self, case: &str) {
        let undisturbed = self.beside();
        undisturbed.program().run_well(&["consume", "--until-caught-up"]);
        assert!(results(self.folder.path()) == results(undisturbed.folder.path()), "{case}: the files differ");
        self.program().run_well(&["audit"]);
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

/// A reading as it is sent.
pub fn outgoing(station: &str, date: &str, degrees: f64) -> OwnedRecord {
    let day = Day::parse(date).expect("a day");
    let mut value = Vec::new();
    Reading { station_id: station, day, degrees }.encode(&mut value);
    let partition = partition_of(station.as_bytes(), PARTITIONS);
    OwnedRecord { partition, key: Some(station.into()), value: Some(value) }
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
    assert!(results(whole.folder.path()) == results(fixture.folder.path()));
}

#[test]
fn a_run_of_everything_ends_by_itself_and_again_has_nothing_to_do() {
    let Some(broker) = Broker::shared() else { return };
    let fixture = Fixture::new(broker);
    fixture.program().run_well(&["run"]);
    assert_eq!(fixture.counted(), 10_000);
    let first = results(fixture.folder.path());
    fixture.program().run_well(&["run"]);
    assert!(results(fixture.folder.path()) == first);
}
