use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::domain::{PartitionState, RecordFormat};
use crate::log::test_log::{KeyValue, TestLog, reading};
use crate::log::{Extent, RangePace, Topic};
use crate::retold::history::{Month, Year};

fn counted() -> CountedLog {
    CountedLog { log_id: "id".to_owned(), partition: 0, rules: Rules::default(), first_offset: 0, gaps: Vec::new() }
}

fn replay() -> Replay {
    Replay::new(counted(), ["A".to_owned(), "B".to_owned()])
}

fn advance(replay: &mut Replay, log: &TestLog, to: u64) {
    let done = replay.advance(log, &RangePace::default(), to, &mut |_, _| ControlFlow::Continue(())).expect("it reads");
    assert!(done.is_continue());
    assert_eq!(replay.offset(), to);
}

/// Ten days of A over a month's end, each followed by one of B.
fn two_stations() -> TestLog {
    let days = (26..=31).map(|day| format!("2000-01-{day}")).chain((1..=4).map(|day| format!("2000-02-0{day}")));
    let both = days.enumerate().flat_map(|(at, day)| {
        let degrees = at as f64;
        [reading("A", &day, degrees), reading("B", &day, -degrees)]
    });
    TestLog::new(both.collect())
}

#[test]
fn months_and_years_are_told() {
    let mut replay = replay();
    advance(&mut replay, &two_stations(), 20);
    let series = replay.series("A").expect("it was asked for");
    let january = Month { year: 2000, month: 1, count: 6, average: 2.5, min: 0.0, max: 5.0 };
    let february = Month { year: 2000, month: 2, count: 4, average: 7.5, min: 6.0, max: 9.0 };
    assert_eq!(series.months(), [january, february]);
    assert_eq!(series.years(), [Year { year: 2000, count: 10, average: 4.5, min: 0.0, max: 9.0 }]);
    assert_eq!(replay.series("B").expect("it was asked for").months()[0].min, -5.0);
    assert_eq!((replay.series("C"), replay.from_offset(), replay.lost_reason()), (None, 0, None));
}

#[test]
fn a_key_in_json_quotes_is_the_station_within() {
    let json = |at: u32| {
        let value = format!("{{\"station_id\": \"A\", \"date\": \"2000-01-{:02}\", \"degrees\": {at}}}", at + 1);
        (Some(b"\"A\"".to_vec()), Some(value.into_bytes()))
    };
    let rules = Rules { format: RecordFormat::Json, ..Rules::default() };
    let mut replay = Replay::new(CountedLog { rules, ..counted() }, ["A".to_owned()]);
    advance(&mut replay, &TestLog::new((0..3).map(json).collect()), 3);
    assert_eq!(replay.series("A").map(Series::count), Some(3));
}

#[test]
fn what_retention_took_is_told() {
    let mut log = two_stations();
    log.extent.start = 6;
    log.records.drain(..6);
    let mut replay = replay();
    advance(&mut replay, &log, 16);
    assert_eq!((replay.from_offset(), replay.lost_records()), (6, 6));
    assert!(replay.lost_reason().is_some_and(|why| why.starts_with("6 records before offset 6 ")));
    assert_eq!(replay.series("A").map(Series::count), Some(5));
    // What was read before retention took it is still known; what it took unread is not.
    log.extent.start = 18;
    log.records.drain(..12);
    advance(&mut replay, &log, 20);
    assert_eq!((replay.from_offset(), replay.lost_records()), (6, 8));
    assert_eq!(replay.series("A").map(Series::count), Some(6));
    // The log starts after all that was counted.
    log.extent.start = 20;
    let mut late = Replay::new(counted(), ["A".to_owned()]);
    advance(&mut late, &log, 12);
    assert_eq!((late.lost_records(), late.series("A").map(Series::count)), (12, Some(0)));
}

#[test]
fn a_gap_that_was_passed_over_when_it_was_counted_is_not_lost() {
    let mut log = two_stations();
    log.extent.start = 6;
    log.records.drain(..6);
    let gaps = vec![Gap { from: 2, to: 6 }];
    let mut replay = Replay::new(CountedLog { gaps, ..counted() }, ["A".to_owned()]);
    advance(&mut replay, &log, 20);
    assert_eq!(replay.lost_records(), 2);
    let mut none_lost =
        Replay::new(CountedLog { first_offset: 2, gaps: vec![Gap { from: 2, to: 6 }], ..counted() }, ["A".to_owned()]);
    advance(&mut none_lost, &log, 20);
    assert_eq!((none_lost.lost_records(), none_lost.lost_reason()), (0, None));
}

#[test]
fn another_log_and_one_that_ends_too_early_are_failures() {
    let failure = |log: &TestLog| {
        let failed = replay()
            .advance(log, &RangePace::default(), 20, &mut |_, _| ControlFlow::Continue(()))
            .expect_err("it cannot be read");
        assert_eq!(failed.kind, Kind::Data);
        failed.what
    };
    let mut log = two_stations();
    log.extent = Extent { start: 0, end: 19 };
    assert!(failure(&log).contains("ends at offset 19"));
    log.topic.as_mut().expect("a topic").log_id = "other".to_owned();
    assert!(failure(&log).contains("recreated"));
    log.topic = None::<Topic>;
    assert!(failure(&log).contains("there is no topic"));
}

#[test]
fn a_reading_that_is_cancelled_goes_on_where_it_was() {
    let log = two_stations();
    let mut replay = replay();
    let mut told = Vec::new();
    let flow = replay.advance(&log, &RangePace::default(), 20, &mut |done, total| {
        told.push((done, total));
        if done >= 6 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(flow, Ok(ControlFlow::Break(())));
    assert_eq!((told, replay.offset()), (vec![(3, 20), (6, 20)], 6));
    advance(&mut replay, &log, 20);
    assert_eq!(replay.series("A").map(Series::count), Some(10));
}

/// Readings of a few stations and days, so that many are duplicates, and records that are none.
fn records() -> impl Strategy<Value = Vec<KeyValue>> {
    let station = prop::sample::select(vec!["A", "B", "C", "_A"]);
    let date = (1999..2002i32, 1..13u32, 1..31u32).prop_map(|(year, month, day)| format!("{year}-{month:02}-{day:02}"));
    let degrees = prop_oneof![8 => (-400..400i32).prop_map(f64::from), 1 => Just(f64::NAN), 1 => Just(151.0)];
    let good = (station, date, degrees).prop_map(|(station, date, degrees)| reading(station, &date, degrees));
    let foreign = good.clone().prop_map(|(_, value)| (Some(b"A".to_vec()), value));
    let broken = Just((Some(b"A".to_vec()), Some(b"\xff\xff".to_vec())));
    let tombstone = Just((Some(b"B".to_vec()), None));
    let keyless = good.clone().prop_map(|(_, value)| (None, value));
    prop::collection::vec(prop_oneof![20 => good, 2 => foreign, 1 => broken, 1 => tombstone, 1 => keyless], 0..200)
}

/// The months of a station by the partition's own state: a record counts where its count grows.
fn model(log: &TestLog, station: &str) -> BTreeMap<(String, String), Vec<f64>> {
    let mut state = PartitionState::new(Rules::default(), 0);
    let mut months: BTreeMap<_, Vec<f64>> = BTreeMap::new();
    for one in &log.records {
        let before = state.stations.get(station).map_or(0, |stats| stats.count());
        let alone = TestLog { records: vec![one.clone()], ..log.clone() };
        state.apply(&alone.batch());
        if state.stations.get(station).is_some_and(|stats| stats.count() > before) {
            let report: crate::domain::wire::Report =
                prost::Message::decode(one.2.as_deref().expect("it counted")).expect("it counted");
            let (year, month) = (report.date[..4].to_owned(), report.date[5..7].to_owned());
            months.entry((year, month)).or_default().push(report.degrees);
        }
    }
    months
}

proptest! {
    #[test]
    fn the_series_are_those_of_what_was_counted(records in records(), stops in prop::collection::vec(0..200u64, 0..4)) {
        let log = TestLog::new(records);
        let mut replay = replay();
        let mut stops: Vec<u64> = stops.into_iter().map(|stop| stop.min(log.extent.end)).collect();
        stops.sort_unstable();
        stops.push(log.extent.end);
        for stop in stops {
            advance(&mut replay, &log, stop);
        }
        for station in ["A", "B"] {
            let expected: Vec<Month> = model(&log, station)
                .into_iter()
                .map(|((year, month), degrees)| Month {
                    year: year.parse().expect("a year"),
                    month: month.parse().expect("a month"),
                    count: degrees.len() as u64,
                    average: degrees.iter().sum::<f64>() / degrees.len() as f64,
                    min: degrees.iter().copied().fold(f64::INFINITY, f64::min),
                    max: degrees.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                })
                .collect();
            let series = replay.series(station).expect("it was asked for");
            prop_assert_eq!(&series.months(), &expected);
            prop_assert_eq!(series.count(), expected.iter().map(|month| month.count).sum::<u64>());
            prop_assert_eq!(series.count(), series.years().iter().map(|year| year.count).sum::<u64>());
        }
    }
}
