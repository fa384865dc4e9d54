//! A compacted topic, where that is accepted: of the records with one key the broker keeps the last, at its offset.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use isotherm::domain::Batch;

use super::broker::Broker;
use super::owned::WriteOwned as _;
use super::program::{results, wait_for};
use super::{Fixture, PARTITIONS, outgoing};

/// A segment is closed by the first record that comes this much later; only closed ones are compacted.
const SEGMENT_TIME: Duration = Duration::from_millis(50);

/// The same stations each day, of whose readings the last will stay, and one that is of this day alone and stays. Returns
/// where each partition's last day begins: its segment is not closed.
fn write_days(fixture: &Fixture, days: std::ops::RangeInclusive<u32>) -> BTreeMap<u32, u64> {
    let mut writer = fixture.log().open_writer("a test").expect("it opens");
    let mut last_day = BTreeMap::new();
    for day in days {
        last_day = fixture.ends();
        let stations = ["StationA", "StationB", "StationC", "StationD"].map(str::to_owned);
        let records: Vec<_> = stations
            .into_iter()
            .chain([format!("Only{day}")])
            .map(|station| outgoing(&station, &format!("2020-01-{day:02}"), f64::from(day)))
            .collect();
        writer.write_owned(&records).expect("it is written");
        let written = Instant::now();
        wait_for("the end of the segment", || written.elapsed() > SEGMENT_TIME);
    }
    last_day
}

/// Offsets and keys of what is left of a partition.
fn left(fixture: &Fixture, partition: u32) -> Vec<(u64, String)> {
    let (log, mut left) = (fixture.log(), Vec::new());
    let end = log.extent(partition).expect("it is there").end;
    let mut reader = log.open_reader(partition, 0).expect("it opens");
    let mut position = 0;
    while position < end {
        let mut batch = Batch::default();
        position = reader.read(&mut batch, 1000, Duration::from_millis(100)).expect("it can be read");
        let key = |key: Option<&[u8]>| String::from_utf8_lossy(key.unwrap_or_default()).into_owned();
        left.extend(batch.records().map(|record| (record.offset, key(record.key))));
    }
    left
}

/// Waits until all that can go is gone: below the last day each key is left once. Days of each station that are left.
fn compacted(fixture: &Fixture, last_day: &BTreeMap<u32, u64>) -> BTreeMap<String, u64> {
    let mut days = BTreeMap::new();
    wait_for("the compaction", || {
        days.clear();
        (0..PARTITIONS).all(|partition| {
            let left = left(fixture, partition);
            for (_, key) in &left {
                *days.entry(key.clone()).or_default() += 1;
            }
            let mut closed = left.iter().filter(|(offset, _)| *offset < last_day[&partition]).map(|(_, key)| key);
            let mut seen = BTreeSet::new();
            closed.all(|key| seen.insert(key))
        })
    });
    days
}

#[test]
fn what_compaction_leaves_is_counted_at_its_offsets_and_what_it_takes_later_is_told() {
    let Some(broker) = Broker::shared() else { return };
    let fixture = Fixture::new(broker);
    fixture.elsewhere().create_topic(
        PARTITIONS.cast_signed(),
        &[
            ("cleanup.policy", "compact"),
            ("segment.ms", &SEGMENT_TIME.as_millis().to_string()),
            ("min.cleanable.dirty.ratio", "0.0"),
        ],
    );
    wait_for("the topic", || fixture.log().topic().expect("it is answered").is_some());
    let said = fixture.program().run_failing(&["run"], 78);
    assert!(said.contains("compact") && said.contains("log.allow_compaction"), "{said}");

    let fixture = fixture.set("log.allow_compaction=true");
    let days = compacted(&fixture, &write_days(&fixture, 1..=8));
    let (records, offsets): (u64, u64) = (days.values().sum(), fixture.ends().values().sum());
    assert!(records < offsets, "{records} records at {offsets} offsets");
    fixture.program().run_well(&["consume", "--until-caught-up"]);
    let counted = |fixture: &Fixture| -> BTreeMap<String, u64> {
        let count = |(name, station): (String, serde_json::Value)| (name, station["count"].as_u64().expect("a count"));
        fixture.stations().into_iter().map(count).collect()
    };
    assert_eq!(counted(&fixture), days);
    assert_eq!(fixture.offsets(), fixture.ends());
    fixture.assert_undisturbed("compacted");

    // Crashes between the holes: the last counted record may be far below the offset.
    let disturbed = fixture.beside();
    let faults = "faults.points=aggregator.apply@2=panic,consumer.read@4=panic,checkpoint.rename@2=panic";
    disturbed.program().set("consume.batch_records=1").set(faults).run_well(&["consume", "--until-caught-up"]);
    assert!(results(disturbed.folder.path()) == results(fixture.folder.path()));

    // Now readings go that were counted: they stay counted, once, and the audit says why it cannot tell.
    let later = compacted(&fixture, &write_days(&fixture, 9..=16));
    let output = fixture.program().run(&["consume", "--until-caught-up"]);
    let said = super::program::told(&output);
    assert!(output.status.success() && said.contains("resuming unchecked"), "{said}");
    let mut expected = days;
    for (name, days) in later {
        let before = expected.entry(name.clone()).or_default();
        // What was only of one day is what was counted already.
        *before = if name.starts_with("Only") { 1 } else { *before + days };
    }
    assert_eq!(counted(&fixture), expected);
    assert_eq!(fixture.offsets(), fixture.ends());
    let audited = fixture.program().run(&["audit"]);
    let said = super::program::told(&audited);
    assert!(audited.status.code() == Some(65) && said.contains("is compacted"), "{said}");
}
