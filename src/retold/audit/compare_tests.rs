use super::*;
use crate::domain::Rules;
use crate::log::test_log::{TestLog, reading};

/// The processor's state and the audit's replay of the same records.
fn both() -> (PartitionState, Model) {
    let log = TestLog::new(vec![
        reading("A", "2000-01-01", 0.1),
        reading("A", "2000-01-02", 0.2),
        reading("B", "2000-01-01", 1.0),
        reading("B", "2000-01-01", 1.0),
    ]);
    let batch = log.batch();
    let mut state = PartitionState::new(Rules::default(), 0);
    state.apply(&batch);
    state.pending_rejected.clear();
    let mut model = Model::new(Rules::default());
    batch.records().for_each(|record| drop(model.apply(record)));
    (state, model)
}

/// What is found after the file was changed.
fn found(change: impl FnOnce(&mut PartitionState)) -> Vec<String> {
    let (mut file, replay) = both();
    change(&mut file);
    let mut differences = Differences::default();
    fields(&file, &replay, &mut differences);
    differences.listed.into_iter().map(|one| one.what).collect()
}

fn station<'a>(file: &'a mut PartitionState, name: &str) -> &'a mut StationStats {
    file.stations.get_mut(name).expect("the station is there")
}

#[test]
fn the_same_records_give_no_difference() {
    assert_eq!(found(|_| {}), Vec::<String>::new());
    let (file, replay) = both();
    assert_eq!(state(replay, &file), file);
}

#[test]
fn every_field_that_differs_is_named() {
    let next_up = |file: &mut PartitionState| {
        let sum = &mut station(file, "A").sum;
        *sum = f64::from_bits(sum.to_bits() + 1);
    };
    assert_eq!(found(next_up), ["station A, sum"]);
    assert_eq!(found(|file| station(file, "A").sum = -0.0), ["station A, sum"]);
    let later = Day::from_number(800_000).expect("a day");
    assert_eq!(found(|file| station(file, "B").start = later), ["station B, start"]);
    assert_eq!(found(|file| station(file, "B").end = later), ["station B, end"]);
    let add_day = |file: &mut PartitionState| assert!(station(file, "B").days.insert(7));
    assert_eq!(found(add_day), ["station B, count", "station B, days"]);
    assert_eq!(found(|file| drop(file.stations.swap_remove("A"))), ["station A"]);
    let add = |file: &mut PartitionState| {
        let copy = station(file, "A").clone();
        file.stations.insert("Z".into(), copy);
    };
    assert_eq!(found(add), ["station Z"]);
    assert_eq!(found(|file| file.rejected.clear()), ["rejected duplicate_day"]);
    assert_eq!(found(|file| file.rejected_bytes += 1), ["rejected_bytes"]);
    assert_eq!(found(|file| file.rejected_crc32c += 1), ["rejected_crc32c"]);
    assert_eq!(found(|file| file.last_record = None), ["last record"]);
}

#[test]
fn many_differences_are_counted_and_few_listed() {
    let (file, replay) = both();
    let mut differences = Differences::default();
    for _ in 0..30 {
        differences.compare(|| "x".to_owned(), &file.rejected_bytes, &(replay.rejected_bytes + 1));
    }
    assert_eq!((differences.total, differences.listed.len()), (30, 20));
}
