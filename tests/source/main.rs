//! Sources as the generator uses them: what they yield, what they refuse, and that a cursor yields exactly the rest.

mod bad;
mod csv;
mod half;
mod nothing;
mod packed;
#[path = "../support/readings.rs"]
mod readings;
mod resume;
mod revise;
mod steps;
mod stream;
mod versions;

use std::fs;
use std::path::Path;
use std::time::Duration;

use isotherm::domain::{Day, Readings};
use isotherm::failure::{Failure, Kind, Severity};
use isotherm::settings::{Csv, GhcnDaily, Simulate, Source as Settings, SourceKind, Sources, load};
use isotherm::source::disk::MachineDisk;
use isotherm::source::simulate::station_name;
use isotherm::source::{Kept, Progressed, Source};
use tempfile::TempDir;

use bad::bad_lines;
use readings::{OwnedReading, keep, next, open, read_on};

fn settings(kind: SourceKind) -> Settings {
    Settings {
        kind,
        verify: false,
        rest_ms: 0,
        compare_bytes_max: 1 << 28,
        simulate: Simulate {
            stations: 10,
            days: 0,
            start: "2000-01-01".to_owned(),
            seed: 7,
            pace_ms: 0,
            duplicates_share: 0.0,
            outliers_share: 0.0,
        },
        csv: Csv {
            files: "data/us-weather-history/*.csv".to_owned(),
            degrees_column: "actual_mean_temp".to_owned(),
            ..load(&Sources::default(), std::iter::empty()).expect("the defaults are good").settings.source.csv
        },
        ghcn_daily: GhcnDaily { files: "tests/data/*.dly".to_owned(), element: "TMAX".to_owned() },
    }
}

/// Reads to the end, `readings_max` at a time.
fn drain(source: &mut dyn Source, readings_max: usize) -> Vec<OwnedReading> {
    let mut readings = Vec::new();
    for _ in 0..1_000_000 {
        let before = readings.len();
        let progressed = next(source, &mut readings, readings_max).expect("the source goes on");
        assert!(readings.len() - before <= readings_max);
        if progressed == Progressed::Ended {
            assert_eq!(readings.len(), before, "nothing comes with the end");
            return readings;
        }
    }
    panic!("the source does not end");
}

fn read_all(settings: &Settings) -> Vec<OwnedReading> {
    drain(&mut *open(settings, None).expect("opens"), 1000)
}

fn reading(station_id: &str, date: &str, degrees: f64) -> OwnedReading {
    OwnedReading { station_id: station_id.to_owned(), day: Day::parse(date).expect("a day"), degrees }
}

fn csv_in(folder: &Path) -> Settings {
    let mut settings = settings(SourceKind::Csv);
    settings.csv.files = format!("{}/*.csv", folder.display());
    settings.csv.degrees_column = "degrees".to_owned();
    settings
}

fn ghcn_in(folder: &Path) -> Settings {
    let mut settings = settings(SourceKind::GhcnDaily);
    settings.ghcn_daily.files = format!("{}/*.dly", folder.display());
    settings
}

/// A file in a folder of its own, and settings that read it.
fn csv_of(bytes: &[u8]) -> (TempDir, Settings) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("KXYZ.csv"), bytes).expect("written");
    let settings = csv_in(folder.path());
    (folder, settings)
}

fn ghcn_of(bytes: &[u8]) -> (TempDir, Settings) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("station.dly"), bytes).expect("written");
    let settings = ghcn_in(folder.path());
    (folder, settings)
}

fn refused(settings: &Settings, kept: Option<&Kept>) -> Failure {
    let failure = open(settings, kept).map(|_| ()).expect_err("refused");
    assert_eq!(failure.severity, Severity::Fatal);
    assert!(failure.advice.is_some(), "{failure} has no advice");
    failure
}

fn kept_of(source: &mut dyn Source) -> Kept {
    let mut kept = Kept::default();
    keep(source, &mut kept);
    kept
}

/// A line of a `.dly` file with the given values and quality flags by day; the others are missing.
fn ghcn_line(month: &str, element: &str, values: &[(usize, &str, char)]) -> String {
    let mut days = vec!["-9999   ".to_owned(); 31];
    for (day, value, quality) in values {
        days[day - 1] = format!("{value:>5} {quality}Z");
    }
    format!("USC00305816{month}{element}{}", days.concat())
}

#[test]
fn the_ten_airports_have_the_sums_of_their_files() {
    let readings = read_all(&settings(SourceKind::Csv));
    assert_eq!(readings.len(), 3650);
    // awk -F, 'NR>1{n++; s+=$2} END{print n, s}' data/us-weather-history/KNYC.csv
    for (station, sum) in [("KNYC", 19_979.0), ("KSEA", 20_638.0)] {
        let of_station: Vec<_> = readings.iter().filter(|reading| reading.station_id == station).collect();
        assert_eq!(of_station.len(), 365);
        assert_eq!(of_station.iter().map(|reading| reading.degrees).sum::<f64>(), sum);
        assert_eq!(of_station[0].day.to_string(), "2014-07-01");
        assert_eq!(of_station[364].day.to_string(), "2015-06-30");
    }
    let mut source = open(&settings(SourceKind::Csv), None).expect("opens");
    assert_eq!(source.bytes(), Some((0, 0)), "nothing is looked at yet");
    drain(&mut *source, 7);
    let total = fs::read_dir("data/us-weather-history").expect("it is there").map(|entry| entry.expect("it is listed"));
    let total = total.filter(|entry| entry.path().extension().is_some_and(|ending| ending == "csv"));
    let total: u64 = total.map(|entry| entry.metadata().expect("it is there").len()).sum();
    assert_eq!(source.bytes(), Some((total, total)));
    assert!(readings.is_sorted_by_key(|reading| (reading.station_id.clone(), reading.day)), "files in order of name");
}

#[test]
fn a_ghcn_file_has_the_sum_of_its_values() {
    let mut source = open(&settings(SourceKind::GhcnDaily), None).expect("opens");
    let readings = drain(&mut *source, 1000);
    // awk 'substr($0,18,4)=="TMAX"{for(i=0;i<31;i++){v=substr($0,22+8*i,5)+0; if(v!=-9999){
    //     if(substr($0,28+8*i,1)!=" ")q++; else{n++;s+=v}}}} END{print n,s,q}' tests/data/USC00305816.dly
    assert_eq!(readings.len(), 2129);
    assert_eq!(readings.iter().map(|reading| (reading.degrees * 10.0).round()).sum::<f64>(), 324_974.0);
    assert_eq!(source.skipped_quality(), 1);
    assert_eq!(source.take_bad_lines(), (0, Vec::new()));
    assert!(readings.iter().all(|reading| reading.station_id == "USC00305816"));
}

#[test]
fn stations_are_named_as_columns_of_a_spreadsheet() {
    for (station, name) in [
        (0, "StationA"),
        (25, "StationZ"),
        (26, "StationAA"),
        (51, "StationAZ"),
        (52, "StationBA"),
        (701, "StationZZ"),
        (702, "StationAAA"),
        (u32::MAX, "StationMWLQKWV"),
    ] {
        assert_eq!(station_name(station), name);
    }
}

/// Values of an independent program (ChaCha8 and the formulas written again in Python). They never change.
#[test]
fn a_seed_means_the_same_readings_forever() {
    let mut settings = settings(SourceKind::Simulate);
    settings.simulate.stations = 701;
    for (day, degrees) in [
        ("2000-01-01", [38.3306, 17.6571, 60.7922, 45.4957]),
        ("2000-07-15", [47.5348, 59.1976, 72.6966, 66.8373]),
        ("2024-02-29", [23.1969, 19.9703, 55.6051, 54.6608]),
    ] {
        settings.simulate.start = day.to_owned();
        let mut readings = Vec::new();
        next(&mut *open(&settings, None).expect("opens"), &mut readings, 701).expect("goes on");
        for (station, degrees) in [0, 1, 9, 700].into_iter().zip(degrees) {
            assert_eq!(readings[station], reading(&station_name(station as u32), day, degrees));
        }
    }
}

#[test]
fn simulated_days_are_paced_and_end() {
    let mut settings = settings(SourceKind::Simulate);
    settings.simulate.days = 2;
    settings.simulate.pace_ms = 100;
    let mut source = open(&settings, None).expect("opens");
    let mut readings = Vec::new();
    let wait = Progressed::Wait(Duration::from_millis(100));
    assert_eq!(next(&mut *source, &mut readings, 7), Ok(Progressed::More));
    assert_eq!(next(&mut *source, &mut readings, 1000), Ok(wait));
    assert_eq!(readings.len(), 10, "the rest of the day and no more");
    assert_eq!(next(&mut *source, &mut readings, 1000), Ok(Progressed::More));
    assert_eq!(next(&mut *source, &mut readings, 1000), Ok(Progressed::Ended));
    assert_eq!(readings.len(), 20);

    let described =
        |settings: &Settings| isotherm::source::describe(settings, &MachineDisk::default()).expect("it is right");
    let before = described(&settings);
    settings.simulate.days = 3;
    assert_eq!(described(&settings), before);
    assert_eq!(drain(&mut *open(&settings, Some(&kept_of(&mut *source))).expect("goes on"), 1000).len(), 10);

    settings.simulate.start = "9999-12-30".to_owned();
    settings.simulate.days = 0;
    settings.simulate.pace_ms = 0;
    assert_eq!(read_all(&settings).len(), 20, "endless ends with the calendar");
}

#[test]
fn duplicates_and_outliers_have_their_share() {
    let mut settings = settings(SourceKind::Simulate);
    settings.simulate.days = 1000;
    let plain = read_all(&settings);
    assert!(plain.iter().all(|reading| (0.0..=110.0).contains(&reading.degrees)));
    let distinct: std::collections::BTreeSet<_> = plain.iter().map(|reading| reading.degrees.to_bits()).collect();
    assert!(distinct.len() > 9000, "noisy: {} values", distinct.len());

    settings.simulate.duplicates_share = 0.1;
    settings.simulate.outliers_share = 0.01;
    let mut readings = read_all(&settings);
    let all = readings.len();
    readings.dedup();
    assert_eq!(readings.len(), plain.len(), "a duplicate comes directly after its reading");
    assert!((900..1100).contains(&(all - plain.len())), "{} duplicates", all - plain.len());
    let outliers = readings.iter().filter(|reading| reading.degrees > 900_000.0).count();
    assert!((60..140).contains(&outliers), "{outliers} outliers");
    let kept = readings.iter().zip(&plain).filter(|(one, other)| one == other).count();
    assert_eq!(kept, plain.len() - outliers, "all else stays as it was");

    settings.simulate.duplicates_share = 1.0;
    assert_eq!(read_all(&settings).len(), 20_000);
}

#[test]
fn columns_and_date_formats_are_as_the_settings_say() {
    let (_folder, mut settings) =
        csv_of(b"\xef\xbb\xbf\"degrees\",when,station\n1,7/4/2014 12:00,A\n2,12/31/2014 00:00,_b\n");
    settings.csv.date_column = "when".to_owned();
    settings.csv.date_format = "%m/%d/%Y %H:%M".to_owned();
    settings.csv.station_column = "station".to_owned();
    let mut source = open(&settings, None).expect("opens");
    assert_eq!(drain(&mut *source, 10), [reading("A", "2014-07-04", 1.0)]);
    assert_eq!(bad_lines(&mut *source), [(3, "\"_b\" is not a station's name".to_owned())]);

    settings.csv.degrees_column = "warmth".to_owned();
    let mut source = open(&settings, None).expect("opens");
    let mut read = || read_on(&mut *source, &mut Readings::default(), 1);
    let failure = read().and_then(|_| read()).expect_err("refused");
    assert_eq!((failure.severity, failure.kind), (Severity::Fatal, Kind::Data));
    for part in ["KXYZ.csv", "\"warmth\"", "\"degrees\", \"when\", \"station\""] {
        assert!(failure.what.contains(part), "{failure}");
    }
}

#[test]
fn one_call_gives_a_bounded_number_of_bytes_and_the_next_goes_on_behind_them() {
    let rows: String = (1..=9_000).map(|number| format!("2014-7-1,{number},{}\n", "x".repeat(200))).collect();
    let (_folder, mut csv) = csv_of(format!("date,degrees,station\n{rows}").as_bytes());
    csv.csv.station_column = "station".to_owned();
    let mut simulated = settings(SourceKind::Simulate);
    (simulated.simulate.stations, simulated.simulate.days) = (1_000, 100);
    for settings in [csv, simulated] {
        let all = read_all(&settings);
        let mut source = open(&settings, None).expect("opens");
        let (mut degrees, mut calls, mut readings) = (Vec::new(), 0, Readings::default());
        while read_on(&mut *source, &mut readings, 1_000_000).expect("goes on") != Progressed::Ended {
            assert!(readings.size_bytes() < Readings::BYTES_MAX + 1_000, "{} bytes", readings.size_bytes());
            degrees.extend(readings.iter().map(|reading| reading.degrees));
            calls += 1;
            readings.clear();
        }
        assert!(calls > 3, "{calls} calls");
        assert!(degrees.iter().eq(all.iter().map(|reading| &reading.degrees)), "{:?}: another order", settings.kind);
    }
}
