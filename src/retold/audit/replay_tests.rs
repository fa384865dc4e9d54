use super::*;
use crate::domain::state::Gap;
use crate::domain::{PartitionState, RejectReason, Rules};
use crate::log::test_log::{TestLog, reading};
use crate::log::{Extent, RangePace};
use crate::partition::{Identity, format};

/// The files of partition 0 and the log that they were made from.
struct Scene {
    topic: &'static str,
    log: TestLog,
    state: PartitionState,
    rejected: Vec<u8>,
}

impl Scene {
    fn new() -> Self {
        let mut records: Vec<_> = (1..=9).map(|day| reading("A", &format!("2000-01-0{day}"), 0.1)).collect();
        records.push(reading("A", "2000-01-01", 5.0));
        records.push((None, None));
        records.push(reading("B", "2000-01-01", -3.5));
        Self::of(TestLog::new(records), PartitionState::new(Rules::default(), 0))
    }

    fn of(log: TestLog, mut state: PartitionState) -> Self {
        state.apply(&log.batch());
        let rejected = std::mem::take(&mut state.pending_rejected);
        Self { topic: "temperatures", log, state, rejected }
    }

    /// Audits the state as the partition's file.
    fn audited(&self) -> Finding {
        let (topic, log_id) = ("temperatures".to_owned(), "id".to_owned());
        let identity = Identity { topic, log_id, partition: 0, partitions: 1 };
        let bytes = format::serialize(format::VERSION, &identity, &self.state);
        let files = Files {
            name: "partition-0.json",
            bytes: &bytes,
            checkpoint: &Checkpoint { version: format::VERSION, identity, state: self.state.clone() },
            rejected_name: "partition-0.rejected.jsonl",
            rejected: Box::new(self.rejected.as_slice()),
        };
        audit(&self.log, &RangePace::default(), self.topic, files).expect("it is audited")
    }

    fn incomplete(&self) -> String {
        match self.audited() {
            Finding::LogIncomplete { why } => why,
            other => panic!("the log is incomplete, but: {other:?}"),
        }
    }

    fn differences(&self) -> Vec<String> {
        match self.audited() {
            Finding::FileWrong(wrong) => wrong.differences.listed.into_iter().map(|one| one.what).collect(),
            other => panic!("the file is wrong, but: {other:?}"),
        }
    }
}

#[test]
fn a_right_file_is_verified_also_where_the_log_goes_on() {
    let mut scene = Scene::new();
    let rejected = [(RejectReason::Undecodable, 1), (RejectReason::DuplicateDay, 1)].into();
    let repeated = [("A".to_owned(), [730_119].into_iter().collect())].into();
    let verified = Verified {
        first_offset: 0,
        offset: 12,
        records: 12,
        counted: 10,
        rejected,
        rejected_lines: 2,
        stations: 2,
        repeats: Repeats::default(),
        repeats_unknown: None,
        repeated,
    };
    assert_eq!(scene.audited(), Finding::Verified(verified));
    let (key, value) = reading("C", "2000-01-01", 1.0);
    scene.log.records.push((12, key, value));
    scene.log.extent.end = 13;
    assert!(matches!(scene.audited(), Finding::Verified(_)));
    // A file of which nothing was read yet.
    scene.state = PartitionState::new(Rules::default(), 5);
    scene.rejected.clear();
    assert!(matches!(scene.audited(), Finding::Verified(Verified { records: 0, .. })));
}

#[test]
fn a_wrong_file_is_told_with_what_differs() {
    let mut scene = Scene::new();
    scene.state.stations.get_mut("B").expect("a station").sum = -3.25;
    assert_eq!(scene.differences(), ["station B, sum"]);
    let mut scene = Scene::new();
    scene.rejected = b"{}\n".to_vec();
    assert_eq!(scene.differences()[0], "partition-0.rejected.jsonl line 1");
}

#[test]
fn a_file_that_adds_up_and_one_that_does_not_are_told_apart() {
    let adds_up = |scene: &Scene| match scene.audited() {
        Finding::FileWrong(wrong) => wrong.adds_up,
        other => panic!("the file is wrong, but: {other:?}"),
    };
    let mut scene = Scene::new();
    scene.state.stations.get_mut("B").expect("a station").sum = -3.25;
    assert!(adds_up(&scene));
    scene.state.rejected.clear();
    assert!(!adds_up(&scene));
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
    scene.topic = "other";
    assert!(scene.incomplete().contains("log.topic is other"));
}

#[test]
fn a_gap_that_the_file_names_is_left_out() {
    let mut log = Scene::new().log;
    log.records.drain(..3);
    log.extent.start = 3;
    let mut state = PartitionState::new(Rules::default(), 0);
    state.gaps.push(Gap { from: 0, to: 3 });
    let mut scene = Scene::of(log, state);
    assert!(matches!(scene.audited(), Finding::Verified(Verified { records: 9, .. })));
    scene.state.gaps.clear();
    assert!(scene.incomplete().contains("starts at offset 3"));
}
