//! Records of the log: what is counted is exactly what a second reader, written from the description, accepts.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike as _, NaiveDate};
use isotherm::domain::wire::Report;
use isotherm::domain::{Batch, Day, PartitionState, Reading, Record, Rules};
use isotherm::partition::Identity;
use isotherm::partition::format::{VERSION, parse, serialize};
use proptest::prelude::*;
use prost::Message as _;

use super::{arbitrary, check, spoiled};

const WORDS: &[&str] = &[
    "offset",
    "_checkpoint",
    "Good",
    "2000-02-30",
    "0000-01-01",
    "9999-12-31",
    "10000-01-01",
    "\u{1}",
    "\0",
    "ü",
    "\u{2028}",
    "\n\x0a2000-01-01",
    "\x11\0\0\0\0\0\0\u{7f}\0",
    "\x11\0\0\0\0\0\0\0\0",
    "\x1a\u{8}Station",
    "\x1a\0",
];

type Drawn = (Option<Vec<u8>>, Option<Vec<u8>>);

fn encoded(station: &str, day: u32, degrees: f64) -> Vec<u8> {
    let mut value = Vec::new();
    let day = Day::from_number(730_000 + day).expect("a day");
    Reading { station_id: station, day, degrees }.encode(&mut value);
    value
}

fn poison() -> impl Strategy<Value = Drawn> {
    let good =
        [("StationA", 0, 21.5), ("StationA", 1, -150.0), ("Zürich", 2, 0.1), ("B", 3, f64::NAN), ("C", 4, 1e300)];
    let good = good.map(|(station, day, degrees)| encoded(station, day, degrees)).to_vec();
    let value =
        prop_oneof![6 => spoiled(good, WORDS).prop_map(Some), 2 => arbitrary(64).prop_map(Some), 1 => Just(None)];
    let key = prop_oneof![1 => arbitrary(12).prop_map(Some), 1 => Just(None)];
    // Most with the key that the value names, which else would be the only thing that is wrong.
    (value, key, 0..6).prop_map(|(value, key, right)| {
        let named = value.as_deref().and_then(|value| Report::decode(value).ok()).map(|report| report.station_id);
        (named.filter(|_| right > 0).map(String::into_bytes).or(key), value)
    })
}

fn accepted((key, value): &Drawn) -> Option<(String, u32, f64)> {
    let Report { date, degrees, station_id } = Report::decode(value.as_deref()?).ok()?;
    let day = NaiveDate::parse_from_str(&date, "%Y-%m-%d").ok()?;
    let good = key.as_deref() == Some(station_id.as_bytes())
        && !station_id.is_empty()
        && station_id.len() < 256
        && station_id != "offset"
        && !station_id.starts_with('_')
        && station_id.chars().all(|letter| !letter.is_control())
        && (1..10_000).contains(&day.year())
        && day.format("%Y-%m-%d").to_string() == date
        && (-150.0..=150.0).contains(&degrees);
    good.then(|| (station_id, day.num_days_from_ce() as u32 - 1, degrees))
}

fn applied(batches: &[&[Drawn]]) -> PartitionState {
    let mut state = PartitionState::new(Rules::default(), 0);
    for records in batches {
        let mut batch = Batch::default();
        for (offset, (key, value)) in (state.next_offset..).zip(*records) {
            batch.push(Record { offset, key: key.as_deref(), value: value.as_deref() });
        }
        state.apply(&batch);
    }
    state
}

#[test]
fn poison_is_never_counted_and_leaves_the_good_records_as_they_are() {
    let good = |range: std::ops::Range<u32>| -> Vec<Drawn> {
        let record = |day| (Some(b"Good".to_vec()), Some(encoded("Good", day, 0.1 * f64::from(day))));
        range.map(record).collect()
    };
    let (before, behind) = (good(0..5), good(4..9));
    let alone = applied(&[&before, &behind]);
    let identity = Identity { topic: "t".to_owned(), log_id: "l".to_owned(), partition: 0, partitions: 1 };
    check("records", 120_000, prop::collection::vec(poison(), 1..12), |poison| {
        let state = applied(&[&before, &poison, &behind]);
        let mut expected: BTreeMap<String, (BTreeSet<u32>, f64)> = BTreeMap::new();
        let mut counted = 0;
        for (station, day, degrees) in before.iter().chain(&poison).chain(&behind).filter_map(accepted) {
            let (days, sum) = expected.entry(station).or_default();
            if days.insert(day) {
                *sum += degrees;
                counted += 1;
            }
        }
        prop_assert_eq!(state.stations.len(), expected.len());
        for (station, (days, sum)) in &expected {
            let stats = &state.stations[station.as_str()];
            prop_assert!(stats.days.iter().eq(days.iter().copied()), "{}", station);
            prop_assert_eq!(stats.sum.to_bits(), sum.to_bits());
        }
        let records = (before.len() + poison.len() + behind.len()) as u64;
        prop_assert_eq!((state.counted(), state.rejected_total()), (counted, records - counted));
        if poison.iter().filter_map(accepted).all(|(station, ..)| station != "Good") {
            prop_assert_eq!(&state.stations["Good"], &alone.stations["Good"]);
        }
        let read = parse("x", &serialize(VERSION, &identity, &state)).expect("what was counted can be read again");
        prop_assert_eq!(read.state.stations, state.stations);
        Ok(poison.iter().any(|record| accepted(record).is_some()))
    });
}
