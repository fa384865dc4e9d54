use super::*;
use crate::domain::{PartitionState, Rules};
use crate::log::test_log::{KeyValue, TestLog, reading};
use crate::partition::{Identity, format};

fn looked_up(records: Vec<KeyValue>) -> Repeats {
    let log = TestLog::new(records);
    let (batch, rules) = (log.batch(), Rules::default());
    let mut state = PartitionState::new(rules, 0);
    state.apply(&batch);
    let mut replay = Model::new(rules);
    batch.records().for_each(|record| drop(replay.apply(record)));
    let (topic, log_id) = ("temperatures".to_owned(), "id".to_owned());
    let identity = Identity { topic, log_id, partition: 0, partitions: 1 };
    let file = Checkpoint { version: format::VERSION, identity, state };
    look_up(&log, &RangePace::default(), &file, &of(&replay)).expect("the log is there")
}

#[test]
fn repeats_of_the_same_value_and_of_another_are_told_apart() {
    let repeats = looked_up(vec![
        reading("A", "2000-01-01", 1e9),
        reading("A", "2000-01-01", 1.5),
        reading("A", "2000-01-02", 2.0),
        reading("A", "2000-01-01", 1.5),
        (Some(b"B".to_vec()), reading("A", "2000-01-01", 3.0).1),
        reading("B", "2000-01-01", 1.5),
        reading("A", "2000-01-01", -2.5),
        reading("A", "2000-01-01", 1.5),
    ]);
    let first = Repeat {
        station: "A".to_owned(),
        day: "2000-01-01".to_owned(),
        counted: 1.5,
        counted_offset: 1,
        repeated: -2.5,
        repeated_offset: 6,
    };
    assert_eq!(repeats, Repeats { same: 2, other: 1, first: vec![first] });
    assert_eq!(
        repeats.text(),
        "; of the readings of days that were counted already 2 had the same value and 1 another\
         \n  station A, 2000-01-01: 1.5 counted (offset 1), -2.5 ignored (offset 6)"
    );
    assert_eq!(looked_up(vec![reading("A", "2000-01-01", 1.5)]).text(), "");
}

#[test]
fn all_are_counted_and_the_first_ten_are_listed() {
    let day = |day: usize| format!("2000-02-{day:02}");
    let readings = (1..=25).map(|of| reading("A", &day(of), 1.0));
    let repeats = (1..=25).map(|of| reading("A", &day(of), 2.0));
    let repeats = looked_up(readings.chain(repeats).collect());
    assert_eq!((repeats.same, repeats.other), (0, 25));
    let offsets: Vec<u64> = repeats.first.iter().map(|repeat| repeat.repeated_offset).collect();
    assert_eq!(offsets, (25..35).collect::<Vec<_>>());
    assert!(repeats.text().ends_with("\n  and 15 more"), "{}", repeats.text());
}
