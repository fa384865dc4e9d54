//! Going on from a cursor.

use std::fs;
use std::io::Write as _;

use isotherm::domain::Readings;
use isotherm::failure::Kind;
use isotherm::settings::{Simulate, Source as Settings, SourceKind};
use isotherm::source::disk::MachineDisk;
use isotherm::source::files::survey::{FileStanding, Standing, survey};
use isotherm::source::{FileNews, Kept, Progressed, Source};
use proptest::prelude::*;
use serde_json::Value;

use super::bad::bad_lines;
use super::readings::{keep, next, open, read_on};
use super::{csv_in, csv_of, drain, ghcn_line, ghcn_of, reading, refused, settings};

/// Opening at every cursor that batches of `readings_max` make yields exactly what had not been handed out, and names
/// exactly the bad lines that had not been named.
pub fn goes_on_from_every_cursor(settings: &Settings, readings_max: usize) {
    let mut source = open(settings, None).expect("opens");
    let all = drain(&mut *source, 1000);
    let (bad_total, skipped_total) = (source.take_bad_lines().0, source.skipped_quality());
    let mut source = open(settings, None).expect("opens");
    let (mut handed_out, mut kept) = (Vec::new(), Kept::default());
    let mut bad = 0;
    loop {
        keep(&mut *source, &mut kept);
        let cursor: Value = serde_json::from_str(&source.cursor().to_string()).expect("a cursor is JSON");
        kept.cursor = Some(cursor.clone());
        let mut resumed = open(settings, Some(&kept)).expect("opens at the cursor");
        assert_eq!(resumed.cursor(), cursor);
        assert_eq!(drain(&mut *resumed, 7), all[handed_out.len()..], "after {} from {cursor}", handed_out.len());
        let ends_open = kept.files.iter().any(|file| file.ends_open);
        // What was left is looked at, and told, again where the times are in doubt.
        let bad_all = bad + resumed.take_bad_lines().0 - u64::from(ends_open);
        assert_eq!((bad_all, resumed.skipped_quality()), (bad_total, skipped_total));
        if next(&mut *source, &mut handed_out, readings_max).expect("goes on") == Progressed::Ended {
            break;
        }
        bad += source.take_bad_lines().0;
    }
    keep(&mut *source, &mut kept);
    let mut resumed = open(settings, Some(&kept)).expect("opens at the end");
    if kept.files.iter().any(|file| file.ends_open) {
        assert_eq!(drain(&mut *resumed, 1), []);
    } else {
        assert_eq!(resumed.next(&mut Readings::default(), 1), Ok(Progressed::Ended), "the first answer is the end");
    }
    assert_eq!(handed_out, all);
}

#[test]
fn files_that_grew_and_new_files_are_read_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    fs::write(path("M.csv"), "date,degrees\n2014-7-1,1\n2014-7-2,2").expect("written");
    let settings = csv_in(folder.path());
    let (mut source, mut kept) = (open(&settings, None).expect("opens"), Kept::default());
    assert_eq!(drain(&mut *source, 10).len(), 2, "an unterminated last line is read");
    keep(&mut *source, &mut kept);

    fs::write(path("B.csv"), "date,degrees\n2014-7-1,3\n").expect("written");
    fs::write(path("Z.csv"), "degrees,date\n4,2014-7-1\n").expect("written");
    let mut grown = fs::OpenOptions::new().append(true).open(path("M.csv")).expect("opens");
    grown.write_all(b"\r\n2014-7-3,5\nx,y\n2014-7-4,6").expect("written");
    let mut source = open(&settings, Some(&kept)).expect("opens at the cursor");
    let expected =
        [("B", "2014-07-01", 3.0), ("M", "2014-07-03", 5.0), ("M", "2014-07-04", 6.0), ("Z", "2014-07-01", 4.0)];
    assert_eq!(drain(&mut *source, 10), expected.map(|(station, date, degrees)| reading(station, date, degrees)));
    assert_eq!(bad_lines(&mut *source), [(5, "\"x\" is not a date as %Y-%m-%d".to_owned())]);
    keep(&mut *source, &mut kept);

    // Each was noted before anything of it was sent.
    let read = kept.files.iter().filter(|file| file.bytes > 0);
    let read: Vec<_> = read.map(|file| (file.bytes, file.lines, file.readings, file.bad_lines)).collect();
    let read_before = (34, 3, 2, 0);
    assert_eq!(
        read,
        [read_before, read_before, (24, 2, 1, 0), (61, 6, 4, 1), (24, 2, 1, 0)],
        "M, that M grew, B, M, Z"
    );
}

#[test]
fn files_that_may_have_been_sent_come_before_new_ones_and_are_compared_if_they_were_changed() {
    let folder = tempfile::tempdir().expect("a folder");
    let put = |name: &str, degrees: u32| {
        fs::write(folder.path().join(name), format!("date,degrees\n2014-7-1,{degrees}\n")).expect("written");
    };
    put("M.csv", 1);
    put("N.csv", 2);
    let settings = csv_in(folder.path());
    let (mut source, mut kept) = (open(&settings, None).expect("opens"), Kept::default());
    let mut readings = Vec::new();
    next(&mut *source, &mut readings, 10).expect("goes on");
    assert!(readings.is_empty(), "what comes is noted first");
    keep(&mut *source, &mut kept);
    let standing = |file: &FileStanding| (file.standing, file.record.bytes);
    let names = ["M.csv", "N.csv"].map(|name| folder.path().join(name).display().to_string());
    let files = survey(&MachineDisk::default(), &names, &kept, None).expect("they are there");
    assert_eq!(files.iter().map(standing).collect::<Vec<_>>(), [(Standing::New, 0); 2]);
    // The process dies here, or after it has sent all of them: nobody knows.
    put("A.csv", 3);
    let mut source = open(&settings, Some(&kept)).expect("opens");
    let stations = |source: &mut dyn Source| drain(source, 10).into_iter().map(|it| it.station_id).collect::<Vec<_>>();
    assert_eq!(stations(&mut *source), ["M", "N", "A"]);
    put("M.csv", 44);
    let mut source = open(&settings, Some(&kept)).expect("opens");
    while source.asked().is_none() {
        next(&mut *source, &mut readings, 10).expect("goes on");
    }
    let first: Vec<_> = readings.iter().map(|reading| reading.station_id.as_str()).collect();
    assert_eq!(first, ["N", "A"], "M is compared");
}

#[test]
fn a_file_that_is_gone_is_told_and_one_that_was_not_read_to_its_end_is_a_stop() {
    let (folder, settings) = csv_of(b"date,degrees\n2014-7-1,1\n2014-7-2,2\n");
    let path = folder.path().join("KXYZ.csv");
    let (mut source, mut kept, mut part) = (open(&settings, None).expect("opens"), Kept::default(), Kept::default());
    let mut first = Vec::new();
    while first.is_empty() {
        next(&mut *source, &mut first, 1).expect("goes on");
    }
    keep(&mut *source, &mut part);
    drain(&mut *source, 10);
    keep(&mut *source, &mut kept);
    fs::rename(&path, folder.path().join("other.csv")).expect("renamed");
    let mut source = open(&settings, Some(&kept)).expect("opens");
    let gone = FileNews::Gone { files: 1, first: path.display().to_string() };
    assert_eq!(source.take_news(), [gone]);
    assert_eq!(drain(&mut *source, 10).len(), 2, "the other is a file like any other");
    let failure = refused(&settings, Some(&part));
    assert_eq!(failure.kind, Kind::Data);
    assert!(failure.what.contains("KXYZ.csv is gone, of which 24 bytes were read and not all"), "{failure}");
}

#[test]
fn a_second_run_over_the_bundled_files_ends_at_once() {
    let settings = settings(SourceKind::Csv);
    let (mut source, mut kept) = (open(&settings, None).expect("opens"), Kept::default());
    drain(&mut *source, 1000);
    keep(&mut *source, &mut kept);
    let mut again = open(&settings, Some(&kept)).expect("opens at the cursor");
    assert_eq!(again.next(&mut Readings::default(), 1000), Ok(Progressed::Ended));
    assert_eq!(again.cursor(), source.cursor());
}

#[test]
fn every_cursor_of_the_bundled_files_goes_on() {
    goes_on_from_every_cursor(&settings(SourceKind::Csv), 97);
    goes_on_from_every_cursor(&settings(SourceKind::GhcnDaily), 13);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn every_cursor_of_a_simulation_goes_on(
        stations in 1u32..40, days in 1u32..9, seed: u64, pace_ms in 0u64..2, readings_max in 1usize..9,
        duplicates_share in 0.0f64..1.0, outliers_share in 0.0f64..1.0,
    ) {
        let mut settings = settings(SourceKind::Simulate);
        settings.simulate = Simulate {
            stations, days, seed, pace_ms, duplicates_share, outliers_share, ..settings.simulate
        };
        goes_on_from_every_cursor(&settings, readings_max);
    }

    #[test]
    fn every_cursor_of_csv_files_goes_on(
        lines in prop::collection::vec("(2014-7-[1-9],[1-9]|\"2014-7-1\",\"2\"|\"|[\",x\n]{0,6}|)\r?", 0..20),
        readings_max in 1usize..4, terminated: bool,
    ) {
        let text = format!("date,degrees\n{}{}", lines.join("\n"), if terminated { "\n" } else { "" });
        let (_folder, settings) = csv_of(text.as_bytes());
        goes_on_from_every_cursor(&settings, readings_max);
    }

    #[test]
    fn every_cursor_of_ghcn_files_goes_on(
        values in prop::collection::vec((1usize..=31, "-?[0-9]{1,3}|x", prop::sample::select(vec![' ', ' ', 'X'])), 0..40),
        readings_max in 1usize..4,
    ) {
        let lines: Vec<String> = values.chunks(7).map(|values| {
            let values: Vec<_> = values.iter().map(|(day, value, flag)| (*day, value.as_str(), *flag)).collect();
            ghcn_line("201401", "TMAX", &values)
        }).collect();
        let (_folder, settings) = ghcn_of(lines.join("\n").as_bytes());
        goes_on_from_every_cursor(&settings, readings_max);
    }
}

#[test]
fn a_file_source_knows_how_far_it_is() {
    let folder = tempfile::tempdir().expect("there is room for a test");
    let rows = |count: usize| "date,degrees\n".to_owned() + &"2000-01-01,1.5\n".repeat(count);
    for (name, count) in [("a.csv", 100), ("b.csv", 50)] {
        fs::write(folder.path().join(name), rows(count)).expect("there is room for a test");
    }
    let (total, first) = ((rows(100).len() + rows(50).len()) as u64, rows(100).len() as u64);
    let settings = csv_in(folder.path());
    let mut source = open(&settings, None).expect("opens");
    let mut readings = Readings::default();
    while readings.len() < 101 {
        read_on(&mut *source, &mut readings, 101).expect("the source goes on");
    }
    let (read, of) = source.bytes().expect("files have bytes");
    assert!((first + 1..total).contains(&read) && of == total, "{read} of {of}");
    let mut kept = Kept::default();
    keep(&mut *source, &mut kept);
    let mut resumed = open(&settings, Some(&kept)).expect("opens");
    for source in [&mut source, &mut resumed] {
        drain(&mut **source, 7);
        assert_eq!(source.bytes(), Some((total, total)));
    }
    keep(&mut *source, &mut kept);
    fs::write(folder.path().join("b.csv"), rows(60)).expect("there is room for a test");
    let mut grown = open(&settings, Some(&kept)).expect("opens");
    grown.next(&mut Readings::default(), 1).expect("the source goes on");
    let (read, of) = grown.bytes().expect("files have bytes");
    assert!(read >= total && of == total + 150, "{read} of {of}");
    assert_eq!(open(&super::settings(SourceKind::Simulate), None).expect("opens").bytes(), None);
}
