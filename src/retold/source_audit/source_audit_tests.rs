use serde_json::{Value, json};

use super::*;
use crate::log::test_log::{TestLog, reading};
use crate::settings::{Sources, load};
use crate::source::disk::MachineDisk;

const DAYS: u32 = 300;

fn station(number: u32) -> String {
    format!("S{}", number % 3)
}

fn date(number: u32) -> String {
    Day::from_number(730_000 + number / 3).expect("a day").to_string()
}

/// The log has what the file of three stations has, and something after it.
fn audited(change: impl FnOnce(&mut TestLog), bytes_max: u64) -> (Value, Value) {
    let folder = tempfile::tempdir().expect("a folder");
    let rows = (0..DAYS).map(|number| format!("{},{},{number}\n", station(number), date(number)));
    std::fs::write(folder.path().join("a.csv"), "station,date,degrees\n".to_owned() + &rows.collect::<String>())
        .expect("written");
    let set = |set: &str| set.replace("FILES", &folder.path().join("*.csv").display().to_string());
    let sets = ["source.kind=csv", "source.csv.files=FILES", "source.csv.degrees_column=degrees", "source.rest_ms=0"];
    let sources = Sources { file: None, sets: sets.iter().map(|text| set(text)).collect() };
    let mut settings = load(&sources, std::iter::empty()).expect("the settings are good").settings;
    "station".clone_into(&mut settings.source.csv.station_column);
    settings.source.compare_bytes_max = bytes_max;
    let records = (0..DAYS).map(|number| reading(&station(number), &date(number), f64::from(number)));
    let mut log = TestLog::new(records.collect());
    change(&mut log);
    let found = audit_source(&log, &settings, &MachineDisk::default()).expect("it is audited");
    (json!(found.result()), json!(found))
}

/// Adds a record.
fn add(log: &mut TestLog, station: &str, date: &str, degrees: f64) {
    let (key, value) = reading(station, date, degrees);
    log.records.push((log.extent.end, key, value));
    log.extent.end += 1;
}

#[test]
fn in_as_many_passes_as_memory_needs_the_same_is_found() {
    let change = |log: &mut TestLog| {
        log.records.remove(7);
        for number in [10, 11, 12, 12] {
            add(log, &station(number), &date(number), f64::from(number));
        }
        add(log, &station(20), &date(20), -5.0);
        for stranger in ["X", "Y", "Z"] {
            add(log, stranger, "2000-01-01", 1.0);
        }
        add(log, "S1", "1970-01-01", 1.0);
    };
    let (name, found) = audited(change, 1 << 20);
    assert_eq!(name, "log_wrong");
    let total = |kind: &str| found[kind]["total"].clone();
    let totals = ["missing", "other_values", "repeats", "earlier", "withdrawn", "strangers"].map(total);
    assert_eq!(totals, [1, 1, 4, 1, 1, 3].map(Value::from));
    assert_eq!((&found["readings"], &found["days"]), (&json!(DAYS), &json!(DAYS)));
    // So little that each station has a pass of its own.
    let (_, in_passes) = audited(change, 48 * 110);
    for kind in ["missing", "other_values", "repeats", "earlier", "withdrawn", "strangers"] {
        assert_eq!(in_passes[kind]["total"], found[kind]["total"], "{kind}");
    }
    assert_eq!((&in_passes["readings"], &in_passes["days"]), (&found["readings"], &found["days"]));
}

#[test]
fn a_log_that_lost_its_beginning_or_hides_its_end_cannot_say_what_is_missing() {
    let lost = |log: &mut TestLog| {
        log.records.drain(..10);
        log.extent.start = 10;
    };
    let (name, found) = audited(lost, 1 << 20);
    assert_eq!(
        (name, &found["unknown_readings"], &found["missing"]["total"]),
        (json!("not_verified"), &json!(10), &json!(0))
    );
    assert!(found["unknown"][0].as_str().is_some_and(|why| why.contains("begins at offset 10")), "{found}");
    let hidden = |log: &mut TestLog| {
        log.records.truncate(290);
        (log.extent.end, log.hidden) = (290, 10);
    };
    let (name, found) = audited(hidden, 1 << 20);
    assert_eq!(
        (name, &found["unknown_readings"], &found["missing"]["total"]),
        (json!("not_verified"), &json!(10), &json!(0))
    );
    assert!(found["unknown"][0].as_str().is_some_and(|why| why.contains("hides the end of partition 0")), "{found}");
    // What is there twice is wrong, also where other things cannot be known.
    let both = |log: &mut TestLog| {
        lost(log);
        add(log, &station(50), &date(50), 50.0);
    };
    assert_eq!(audited(both, 1 << 20).0, "log_wrong");
}
