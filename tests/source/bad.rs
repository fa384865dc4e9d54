//! What is wrong in files and settings.

use std::fs;

use isotherm::domain::Readings;
use isotherm::failure::Kind;
use isotherm::settings::{Source as Settings, SourceKind};
use isotherm::source::{BadLine, Kept, Progressed, Source};
use serde_json::Value;

use super::readings::{keep, next, open, read_on};
use super::resume::goes_on_from_every_cursor;
use super::{csv_of, drain, ghcn_line, ghcn_of, reading, refused, settings};

pub fn bad_lines(source: &mut dyn Source) -> Vec<(u64, String)> {
    let (total, named) = source.take_bad_lines();
    assert_eq!(total, named.len() as u64);
    named.into_iter().map(|BadLine { line, reason, .. }| (line, reason)).collect()
}

#[test]
fn bad_lines_of_csv_are_named_and_the_others_read() {
    let mut bytes = b"date,degrees,note\n2014-7-1,81,\r\n\n2014-02-30,1,\n2014-7-2,warm,\n2014-7-3,1\n".to_vec();
    bytes.extend(b"2014-7-4,,\n\xff\xfe,1,\n2014-7-5,\"82.5\",\"two\nlines, \"\"quoted\"\"\"\n2014-7-6,NaN,\n");
    bytes.extend("x".repeat(70_000).bytes());
    bytes.extend(b"\n2014-7-7,-3e0,\xe9\n");
    bytes.extend(b"2014-7-8,\"9,\n2014-7-9,10,x\n2014-7-10,11,unterminated");
    let (_folder, settings) = csv_of(&bytes);
    let mut source = open(&settings, None).expect("opens");
    let expected = [("2014-07-01", 81.0), ("2014-07-05", 82.5), ("2014-07-07", -3.0)];
    assert_eq!(drain(&mut *source, 2), expected.map(|(date, degrees)| reading("KXYZ", date, degrees)));
    let bad = bad_lines(&mut *source);
    let expected = [
        (4, "\"2014-02-30\" is not a date as %Y-%m-%d"),
        (5, "\"warm\" is not a number"),
        (6, "it has 2 fields, the header 3"),
        (8, "date is not UTF-8"),
        (12, "it is longer than 65536 bytes"),
        (14, "a quote is opened and not closed up to the end: lines 14 to 16 are left until there is more"),
    ];
    assert_eq!(bad, expected.map(|(line, reason)| (line, reason.to_owned())));
    assert_eq!(source.take_bad_lines(), (0, Vec::new()), "taken once");
    goes_on_from_every_cursor(&settings, 1);
}

#[test]
fn what_is_said_of_a_bad_line_is_short_whatever_it_holds() {
    let (_folder, settings) = csv_of(format!("date,degrees\n2014-7-1,{}\n", "ä".repeat(20_000)).as_bytes());
    let mut source = open(&settings, None).expect("opens");
    assert!(drain(&mut *source, 9).is_empty());
    assert_eq!(bad_lines(&mut *source), [(2, format!("\"{}\"… is not a number", "ä".repeat(60)))]);
}

/// A remark over several lines may look like readings.
#[test]
fn what_stands_in_quotes_is_no_record() {
    for (text, expected, bad) in [
        ("\"a\n2014-7-2,2\n\"b\n2014-7-4,4\n", &[("2014-07-04", 4.0)][..], vec![2]),
        ("2014-7-1,\"1\n2014-7-2,2\n2014-7-3,\"\n2014-7-4,4\n", &[("2014-07-04", 4.0)], vec![2]),
        ("2014-7-1,M,\"from the sheet:\n2014-7-2,99\"\n2014-7-2,2\n", &[("2014-07-02", 2.0)], vec![2]),
        // Nothing says that the record has ended.
        ("2014-7-2,2\n2014-7-1,\"1\n2014-7-2,3\n\n2014-7-4,4\n", &[("2014-07-02", 2.0)], vec![3]),
    ] {
        let (_folder, settings) = csv_of(format!("date,degrees\n{text}").as_bytes());
        let mut source = open(&settings, None).expect("opens");
        let expected: Vec<_> = expected.iter().map(|(date, degrees)| reading("KXYZ", date, *degrees)).collect();
        assert_eq!(drain(&mut *source, 9), expected, "{text:?}");
        assert_eq!(bad_lines(&mut *source).into_iter().map(|(line, _)| line).collect::<Vec<_>>(), bad, "{text:?}");
        goes_on_from_every_cursor(&settings, 1);
    }
    // Which of the two quotes is a stray one is not known; how far nothing is read is told.
    let text =
        format!("date,degrees,note\n2014-7-1,1,\"half\n{}2014-7-5,5,\"ok\"\n2014-7-6,6,x\n", "2014-7-2,2,\n".repeat(3));
    let (_folder, settings) = csv_of(text.as_bytes());
    let mut source = open(&settings, None).expect("opens");
    assert_eq!(drain(&mut *source, 9), [reading("KXYZ", "2014-07-06", 6.0)]);
    let told = "a quote is opened and closed in line 6, in the middle of a field: all up to there is left out";
    assert_eq!(bad_lines(&mut *source), [(2, told.to_owned())]);
    // A quote that is not closed within the longest record is a stray one.
    let text = format!("date,degrees\n2014-7-1,\"1\n2014-7-2,2\n{}2014-7-3,3\n", "x,y\n".repeat(20_000));
    let (_folder, settings) = csv_of(text.as_bytes());
    assert_eq!(drain(&mut *open(&settings, None).expect("opens"), 9).len(), 2);
}

/// As a program leaves it that is writing, or a download that was cut: at the end of a line, within a record.
#[test]
fn a_record_within_which_a_file_ends_is_read_once_it_is_whole() {
    let whole = "date,degrees,note\n2014-7-1,1,a\n2014-7-2,2,\"two\nlines\"\n2014-7-3,3,c\n";
    let all = [("2014-07-01", 1.0), ("2014-07-02", 2.0), ("2014-07-03", 3.0)];
    for rest_ms in [0, 3_600_000] {
        let (folder, mut settings) = csv_of(&whole.as_bytes()[..45]);
        settings.rest_ms = rest_ms;
        let (mut source, mut kept) = (open(&settings, None).expect("opens"), Kept::default());
        let mut readings = Vec::new();
        while !matches!(next(&mut *source, &mut readings, 9), Ok(Progressed::Ended | Progressed::Wait(_))) {}
        keep(&mut *source, &mut kept);
        fs::write(folder.path().join("KXYZ.csv"), whole).expect("written");
        settings.rest_ms = 0;
        readings.extend(drain(&mut *open(&settings, Some(&kept)).expect("opens"), 9));
        assert_eq!(readings, all.map(|(date, degrees)| reading("KXYZ", date, degrees)), "{rest_ms}");
    }
}

#[test]
fn bad_lines_of_ghcn_are_named_and_the_others_read() {
    let good = ghcn_line("201402", "TMAX", &[(1, "-5", ' '), (2, "250", 'X'), (28, "0", ' ')]);
    let lines = [
        good.clone() + "\r",
        ghcn_line("201402", "PRCP", &[(30, "x", ' ')]),
        ghcn_line("201402", "TMAX", &[(1, "7", ' '), (29, "7", ' ')]),
        ghcn_line("201402", "TMAX", &[(1, "1x", ' ')]),
        good[..200].to_owned(),
        "USC003".to_owned(),
        ghcn_line("2014 2", "TMAX", &[]),
        ghcn_line("201413", "TMAX", &[]),
        String::new(),
        good.clone() + " 1",
        ghcn_line("201403", "TMAX", &[(31, "-123", ' ')]),
    ];
    let (_folder, settings) = ghcn_of(lines.join("\n").as_bytes());
    let mut source = open(&settings, None).expect("opens");
    let expected = [("2014-02-01", -0.5), ("2014-02-28", 0.0), ("2014-03-31", -12.3)];
    assert_eq!(drain(&mut *source, 2), expected.map(|(date, degrees)| reading("USC00305816", date, degrees)));
    assert_eq!(source.skipped_quality(), 1);
    let expected = [
        (3, "it has a value for 2014-02-29, which is no day"),
        (4, "the value of day 1, \"   1x\", is not a number"),
        (5, "it has 200 columns and not 269"),
        (6, "it has 6 columns and not 269"),
        (7, "\"2014 2\" is not a year and month"),
        (8, "\"201413\" is not a year and month"),
        (10, "it goes on after column 269"),
    ];
    assert_eq!(bad_lines(&mut *source), expected.map(|(line, reason)| (line, reason.to_owned())));
    goes_on_from_every_cursor(&settings, 1);
}

#[test]
fn more_bad_lines_than_are_named_are_counted() {
    let (_folder, settings) = csv_of(format!("date,degrees\n{}", "x,1\n".repeat(40_000)).as_bytes());
    let mut source = open(&settings, None).expect("opens");
    // In the first call the file is only found.
    for _ in 0..2 {
        let progressed = read_on(&mut *source, &mut Readings::default(), 10);
        assert_eq!(progressed, Ok(Progressed::More), "one call reads a bounded number of lines");
    }
    assert!(drain(&mut *source, 10).is_empty());
    let (total, named) = source.take_bad_lines();
    assert_eq!((total, named.len()), (40_000, 100));
}

#[test]
fn wrong_settings_are_refused() {
    type Change = fn(&mut Settings);
    let changes: [(&str, Change); 5] = [
        ("source.csv.files", |settings| settings.csv.files = "nowhere/*.csv".to_owned()),
        ("source.csv.files", |settings| settings.csv.files = "data/***".to_owned()),
        ("source.csv.files", |settings| settings.csv.files = "dat[a]".to_owned()),
        ("source.csv.date_format", |settings| settings.csv.date_format = "%Q".to_owned()),
        ("source.simulate.start", |settings| {
            settings.kind = SourceKind::Simulate;
            settings.simulate.start = "2000-02-30".to_owned();
        }),
    ];
    for (key, change) in changes {
        let mut settings = settings(SourceKind::Csv);
        change(&mut settings);
        let failure = refused(&settings, None);
        assert_eq!(failure.kind, Kind::Settings);
        assert!(failure.what.contains(key), "{failure}");
    }
    let kept = |cursor| Kept { cursor: Some(cursor), ..Kept::default() };
    for kind in [SourceKind::Simulate, SourceKind::Csv, SourceKind::GhcnDaily] {
        assert_eq!(refused(&settings(kind), Some(&kept(Value::from("foreign")))).kind, Kind::Data);
    }
    let beyond = serde_json::json!({"days": 5, "station": 10, "again": false});
    assert_eq!(refused(&settings(SourceKind::Simulate), Some(&kept(beyond))).kind, Kind::Data);
}

/// Columns that are shifted may give another year and month, and then pass for another element's.
#[test]
fn a_mark_before_a_line_of_ghcn_is_passed_over_and_no_shifted_line_is_another_elements() {
    let line = |month| ghcn_line(month, "TMAX", &[(1, "10", ' ')]);
    let (_folder, settings) = ghcn_of(format!("\u{feff}{}\n\u{feff}{}\n", line("201401"), line("201402")).as_bytes());
    let mut source = open(&settings, None).expect("opens");
    let expected = ["2014-01-01", "2014-02-01"].map(|date| reading("USC00305816", date, 1.0));
    assert_eq!(drain(&mut *source, 9), expected);
    let shifted = format!("   {}", line("201401")).replacen("USC00305816", "USC00201412", 1);
    let (_folder, settings) = ghcn_of(format!("{shifted}\n{}\n", line("201402").replace("TMAX", "tmax")).as_bytes());
    let mut source = open(&settings, None).expect("opens");
    assert!(drain(&mut *source, 9).is_empty());
    let told: Vec<_> = bad_lines(&mut *source).into_iter().map(|(line, _)| line).collect();
    assert_eq!(told, [1, 2]);
}
