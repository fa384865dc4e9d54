use super::*;
use crate::checkpoint::{Identity, format, partition_path, rejected_path};
use crate::cli::test_log::{TestLog, reading};
use crate::domain::state::Gap;
use crate::domain::{PartitionState, RejectReason};
use crate::log::Extent;
use crate::settings::{Sources, load};

/// A state folder with the files of partition 0 and the log that they were made from.
struct Scene {
    folder: tempfile::TempDir,
    settings: Settings,
    log: TestLog,
    state: PartitionState,
}

impl Scene {
    fn new() -> Self {
        let mut records: Vec<_> = (1..=9).map(|day| reading("A", &format!("2000-01-0{day}"), 0.1)).collect();
        records.push(reading("A", "2000-01-01", 5.0));
        records.push((None, None));
        records.push(reading("B", "2000-01-01", -3.5));
        let log = TestLog::new(records);
        let folder = tempfile::tempdir().expect("a folder");
        let set = format!("state.dir={}", folder.path().display());
        let sources = Sources { file: None, sets: vec![set] };
        let settings = load(&sources, std::iter::empty()).expect("the settings are good").settings;
        let mut state = PartitionState::new(settings.quality, 0);
        state.apply(&log.batch());
        let scene = Self { folder, settings, log, state };
        std::fs::write(rejected_path(scene.folder.path(), 0), &scene.state.pending_rejected).expect("written");
        scene
    }

    /// Writes the state as the partition's file and audits it.
    fn audited(&mut self) -> Finding {
        self.state.pending_rejected.clear();
        let (topic, log_id) = ("temperatures".to_owned(), "id".to_owned());
        let identity = Identity { topic, log_id, partition: 0, partitions: 1 };
        let bytes = format::serialize(&identity, &self.state);
        std::fs::write(partition_path(self.folder.path(), 0), bytes).expect("written");
        self.audit()
    }

    fn audit(&self) -> Finding {
        audit(&self.log, &self.settings, 0).expect("it is audited")
    }

    fn incomplete(&mut self) -> String {
        match self.audited() {
            Finding::LogIncomplete { why } => why,
            other => panic!("the log is incomplete, but: {other:?}"),
        }
    }

    fn differences(&mut self) -> Vec<String> {
        match self.audited() {
            Finding::FileWrong { differences, .. } => differences.listed.into_iter().map(|one| one.what).collect(),
            other => panic!("the file is wrong, but: {other:?}"),
        }
    }
}

#[test]
fn a_right_file_is_verified_also_where_the_log_goes_on() {
    let mut scene = Scene::new();
    let rejected = [(RejectReason::Undecodable, 1), (RejectReason::DuplicateDay, 1)].into();
    let verified =
        Verified { first_offset: 0, offset: 12, records: 12, counted: 10, rejected, rejected_lines: 2, stations: 2 };
    assert_eq!(scene.audited(), Finding::Verified(verified));
    let (key, value) = reading("C", "2000-01-01", 1.0);
    scene.log.records.push((12, key, value));
    scene.log.extent.end = 13;
    assert!(matches!(scene.audited(), Finding::Verified(_)));
    // A file of which nothing was read yet.
    scene.state = PartitionState::new(scene.settings.quality, 5);
    assert!(matches!(scene.audited(), Finding::Verified(Verified { records: 0, .. })));
}

#[test]
fn a_wrong_file_is_told_with_what_differs() {
    let mut scene = Scene::new();
    scene.state.stations.get_mut("B").expect("a station").sum = -3.25;
    assert_eq!(scene.differences(), ["station B, sum"]);
    let mut scene = Scene::new();
    std::fs::write(rejected_path(scene.folder.path(), 0), "{}\n").expect("written");
    assert!(scene.differences()[0].ends_with("partition-0.rejected.jsonl line 1"));
    let mut scene = Scene::new();
    assert!(matches!(scene.audited(), Finding::Verified(_)));
    let path = partition_path(scene.folder.path(), 0);
    let text = std::fs::read_to_string(&path).expect("the file");
    std::fs::write(&path, text.replace("-3.5", "-3.6")).expect("written");
    assert!(matches!(scene.audit(), Finding::FileWrong { .. }), "its checksum is wrong");
}

#[test]
fn a_record_that_the_log_has_and_the_file_has_not_is_found() {
    let mut scene = Scene::new();
    scene.log.records.remove(3);
    assert!(scene.differences().contains(&"station A, count".to_owned()));
    if let Some(topic) = &mut scene.log.topic {
        topic.compacted = true;
    }
    assert!(scene.incomplete().contains("compacted"));
}

#[test]
fn what_the_log_no_longer_has_cannot_be_verified() {
    let mut scene = Scene::new();
    scene.log.extent = Extent { start: 4, end: 12 };
    assert!(scene.incomplete().contains("starts at offset 4"));
    scene.log.extent = Extent { start: 0, end: 11 };
    assert!(scene.incomplete().contains("ends at offset 11"));
    scene.log.topic.as_mut().expect("a topic").log_id = "other".to_owned();
    assert!(scene.incomplete().contains("recreated"));
    scene.log.topic = None;
    assert!(scene.incomplete().contains("there is no topic"));
    scene.settings.log.topic = "other".to_owned();
    assert!(scene.incomplete().contains("log.topic is other"));
}

#[test]
fn a_gap_that_the_file_names_is_left_out() {
    let mut scene = Scene::new();
    scene.log.records.drain(..3);
    scene.log.extent.start = 3;
    scene.state = PartitionState::new(scene.settings.quality, 0);
    scene.state.gaps.push(Gap { from: 0, to: 3 });
    scene.state.apply(&scene.log.batch());
    std::fs::write(rejected_path(scene.folder.path(), 0), &scene.state.pending_rejected).expect("written");
    assert!(matches!(scene.audited(), Finding::Verified(Verified { records: 9, .. })));
    scene.state.gaps.clear();
    assert!(scene.incomplete().contains("starts at offset 3"));
}

#[test]
fn a_file_that_is_not_there_is_a_failure() {
    let scene = Scene::new();
    let failure = audit(&scene.log, &scene.settings, 0).expect_err("there is no file");
    assert_eq!(failure.kind, Kind::Data);
}
