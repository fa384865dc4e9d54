//! The bytes of a checkpoint.

use std::time::Instant;

use isotherm::domain::RecordFormat;
use isotherm::domain::state::Gap;
use isotherm::partition::format::{Checkpoint, parse};
use proptest::prelude::*;

use super::damage::put;
use super::*;

/// The example of the documentation: three days of one station, and the third one twice.
pub fn example() -> Life {
    let c = "StationC";
    Life::new(Rules::default(), &[vec![(c, 0, 50.0), (c, 1, 50.25), (c, 2, 51.0), (c, 2, 49.5)]])
}

#[test]
fn a_checkpoint_has_exactly_these_bytes() {
    let life = example();
    let bytes = serialize(VERSION, &identity(), &life.snapshots[0].state);
    assert_eq!(String::from_utf8_lossy(&bytes), include_str!("../golden/partition-2.json"));
    assert_eq!(String::from_utf8_lossy(&life.rejected), include_str!("../golden/partition-2.rejected.jsonl"));
}

#[test]
fn a_checkpoint_of_every_part_has_exactly_these_bytes() {
    let mut state = PartitionState::new(Rules { degrees_max: 1e16, ..Rules::default() }, 1_000_000);
    let empty = serialize(VERSION, &identity(), &state);
    assert_eq!(String::from_utf8_lossy(&empty), include_str!("../golden/nothing-read.json"));
    state.advance_to(1_000_010);
    state.gaps.push(Gap { from: 1_000_000, to: 1_000_010 });
    let mut batch = Batch::default();
    for day in (0..40).chain([3_000_000 - 730_119]) {
        push(&mut batch, 1_000_010 + u64::from(day), "Zürich \"Fluntern\"", day, 1e16);
    }
    push(&mut batch, 9_000_000, "StationB", 1, -0.0);
    batch.push(Record { offset: 9_000_001, key: None, value: None });
    state.apply(&batch);
    let Snapshot { state, .. } = state.snapshot();
    let whole = serialize(VERSION, &identity(), &state);
    assert_eq!(String::from_utf8_lossy(&whole), include_str!("../golden/every-part.json"));
    assert_eq!(parse("x", &whole), Ok(Checkpoint { version: VERSION, identity: identity(), state }));
}

/// A file of version 1 means the same as one of the next that was counted in the way of then, and the bytes of both stay
/// those that their own program would write.
#[test]
fn a_file_of_version_1_is_counted_on_in_version_1() {
    for (earlier, next) in [
        (include_str!("../golden/version-1-partition-2.json"), include_str!("../golden/counting-1-partition-2.json")),
        (include_str!("../golden/version-1-nothing-read.json"), include_str!("../golden/counting-1-nothing-read.json")),
        (include_str!("../golden/version-1-every-part.json"), include_str!("../golden/counting-1-every-part.json")),
    ] {
        let Checkpoint { version, identity, state } = parse("x", earlier.as_bytes()).expect("it is whole");
        assert_eq!((version, state.rules.format), (1, RecordFormat::PlainProtobuf));
        assert_eq!(String::from_utf8_lossy(&serialize(version, &identity, &state)), earlier);
        assert_eq!(String::from_utf8_lossy(&serialize(VERSION, &identity, &state)), next);
        assert_eq!(parse("x", next.as_bytes()), Ok(Checkpoint { version: VERSION, identity, state }));
    }
    let (disk, path) = (SimulatedDisk::new(64), partition_path(folder(), 2));
    put(&disk, &path, include_bytes!("../golden/version-1-partition-2.json"));
    put(&disk, &rejected_path(folder(), 2), &example().rejected);
    let store = store(&disk, FaultPoints::default());
    let mut state = store.recover(1, &identity(), &Rules::default()).expect("it is whole").expect("it is there");
    let mut batch = Batch::default();
    push(&mut batch, 4, "StationC", 7, 1.0);
    state.apply(&batch);
    let snapshot = state.snapshot();
    store.commit(1, &identity(), &snapshot).expect("there is room");
    let committed = String::from_utf8_lossy(&disk.files()[&path]).into_owned();
    assert_eq!(committed, String::from_utf8_lossy(&serialize(1, &identity(), &snapshot.state)));
}

#[test]
fn a_hundred_thousand_stations_are_written_and_read_quickly() {
    let mut state = PartitionState::new(Rules::default(), 0);
    let mut batch = Batch::default();
    for offset in 0..300_000 {
        push(&mut batch, offset, &format!("Station{}", offset % 100_000), offset as u32 / 90_000, 0.1);
    }
    state.apply(&batch);
    let Snapshot { state, .. } = state.snapshot();
    let start = Instant::now();
    let bytes = serialize(VERSION, &identity(), &state);
    let (written, start) = (start.elapsed(), Instant::now());
    let read = parse("partition-2.json", &bytes).expect("it is whole");
    println!("{} bytes written in {written:?}, read in {:?}", bytes.len(), start.elapsed());
    assert!(read == Checkpoint { version: VERSION, identity: identity(), state });
}

/// Readings of few stations on few days, so that days fill up to runs of every kind.
fn readings() -> impl Strategy<Value = Vec<(usize, u32, f64)>> {
    let day = prop_oneof![0u32..12, 0u32..12, 60_000u32..60_010, 200_000u32..200_003];
    prop::collection::vec((0usize..2, day, prop_oneof![-200.0..200.0f64, Just(0.1), Just(f64::NAN)]), 0..80)
}

fn applied(state: &mut PartitionState, readings: &[(usize, u32, f64)]) {
    let mut batch = Batch::default();
    for (offset, (station, day, degrees)) in (state.next_offset..).zip(readings) {
        push(&mut batch, offset, ["Ωmega", "a\u{2028}b\\\"/"][*station], *day, *degrees);
    }
    state.apply(&batch);
    state.pending_rejected.clear();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_state_is_read_back_as_it_was_and_a_recovery_leaves_no_trace(readings in readings(), cuts in [0usize..81, 0..81]) {
        let mut undisturbed = PartitionState::new(Rules::default(), 5);
        applied(&mut undisturbed, &readings);
        let bytes = serialize(VERSION, &identity(), &undisturbed);
        prop_assert_eq!(parse("x", &bytes), Ok(Checkpoint { version: VERSION, identity: identity(), state: undisturbed }));

        let mut recovered = PartitionState::new(Rules::default(), 5);
        let mut cuts = cuts.map(|cut| cut.min(readings.len()));
        cuts.sort_unstable();
        for part in [&readings[..cuts[0]], &readings[cuts[0]..cuts[1]], &readings[cuts[1]..]] {
            applied(&mut recovered, part);
            recovered = parse("x", &serialize(VERSION, &identity(), &recovered)).expect("it is whole").state;
        }
        prop_assert_eq!(serialize(VERSION, &identity(), &recovered), bytes);
    }
}
