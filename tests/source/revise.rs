//! Files that are changed: what is sent of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::readings::{OwnedReading, keep, next};
use super::{reading, settings};
use isotherm::domain::{Day, Reading};
use isotherm::failure::Failure;
use isotherm::proof::simulated::SimulatedSourceDisk;
use isotherm::settings::{Source as Settings, SourceKind};
use isotherm::source::{FileComparison, FileNews, Kept, Progressed, Source};

/// A source over files in memory, and the log that it writes to.
pub struct Publisher {
    pub disk: SimulatedSourceDisk,
    pub settings: Settings,
    pub kept: Kept,
    pub log: Vec<OwnedReading>,
    pub readings_max: usize,
    /// Whether the last run that came to the end of the source may end well.
    pub end: Result<(), Failure>,
}

impl Publisher {
    pub fn new() -> Self {
        let mut settings = settings(SourceKind::Csv);
        settings.csv.files = "*.csv".to_owned();
        settings.csv.degrees_column = "degrees".to_owned();
        settings.csv.station_column = "station".to_owned();
        let disk = SimulatedSourceDisk::default();
        Self { disk, settings, kept: Kept::default(), log: Vec::new(), readings_max: 3, end: Ok(()) }
    }

    fn put(&self, name: &str, lines: &[Row]) {
        self.disk.replace(name, text(lines).as_bytes());
        self.disk.pass_ms(10_000);
    }

    pub fn open(&self) -> Box<dyn Source> {
        isotherm::source::open(&self.settings, Arc::new(self.disk.clone()), self.kept.clone()).expect("it opens")
    }

    /// Runs to the end, or for so many calls. What was given is in the log, what was kept may be as of one call before.
    pub fn run_for(&mut self, calls: usize, between: impl FnMut(&SimulatedSourceDisk, usize)) -> Vec<FileNews> {
        self.attempt(calls, between).expect("it goes on")
    }

    pub fn attempt(
        &mut self,
        calls: usize,
        mut between: impl FnMut(&SimulatedSourceDisk, usize),
    ) -> Result<Vec<FileNews>, Failure> {
        let (mut source, mut news) = (self.open(), Vec::new());
        for call in 0..calls {
            if call > 0 {
                keep(&mut *source, &mut self.kept);
            }
            let progressed = next(&mut *source, &mut self.log, self.readings_max)?;
            news.extend(source.take_news());
            between(&self.disk, call);
            match progressed {
                Progressed::Ended => {
                    keep(&mut *source, &mut self.kept);
                    self.end = source.check_end();
                    return Ok(news);
                }
                Progressed::Settle => {
                    if let Some(questions) = source.asked() {
                        for OwnedReading { station_id, day, degrees } in &self.log {
                            questions.answer(&Reading { station_id, day: *day, degrees: *degrees });
                        }
                        source.settled();
                    }
                }
                Progressed::More | Progressed::Wait(_) => {}
            }
        }
        Ok(news)
    }

    pub fn run(&mut self) -> Vec<FileNews> {
        self.run_for(usize::MAX, |_, _| ())
    }

    /// What a run sends.
    pub fn sent(&mut self) -> Vec<OwnedReading> {
        let before = self.log.len();
        self.run();
        self.log[before..].to_vec()
    }
}

/// Day of July 2014, degrees, station.
pub type Row = (u32, i32, char);

pub fn text(rows: &[Row]) -> String {
    let row = |(day, degrees, station): &Row| format!("2014-7-{day},{degrees},{station}\n");
    "date,degrees,station\n".to_owned() + &rows.iter().map(row).collect::<String>()
}

pub fn owned(rows: &[Row]) -> Vec<OwnedReading> {
    let of = |(day, degrees, station): &Row| {
        reading(&station.to_string(), &format!("2014-07-{day:02}"), f64::from(*degrees))
    };
    rows.iter().map(of).collect()
}

fn compared(news: &[FileNews]) -> FileComparison {
    let compared = |news: &FileNews| match news {
        FileNews::Compared(comparison) => Some(comparison.clone()),
        _ => None,
    };
    news.iter().find_map(compared).expect("something was compared")
}

#[test]
fn a_revised_file_sends_new_days_and_other_values_and_says_what_is_withdrawn() {
    let mut publisher = Publisher::new();
    publisher.put("A.csv", &[(1, 10, 'A'), (2, 20, 'A'), (3, 30, 'A')]);
    assert_eq!(publisher.sent().len(), 3);
    assert_eq!(publisher.sent(), []);
    // A value is corrected, a day is filled in, one is withdrawn.
    publisher.put("A.csv", &[(1, 10, 'A'), (2, 21, 'A'), (4, 40, 'A')]);
    let news = publisher.run();
    assert_eq!(publisher.log[3..], owned(&[(2, 21, 'A'), (4, 40, 'A')]));
    let FileComparison { new, revised, withdrawn, doubtful, passes, .. } = compared(&news);
    assert_eq!((new, revised, withdrawn, doubtful, passes), (1, 1, 1, 0, 1));
    // The withdrawn day comes back as it was: the log has it. The corrected one, too: the log's last is another.
    publisher.put("A.csv", &[(1, 10, 'A'), (2, 20, 'A'), (3, 30, 'A'), (4, 40, 'A')]);
    assert_eq!(publisher.sent(), owned(&[(2, 20, 'A')]));
    let record = publisher.kept.files.last().expect("the file was read");
    assert_eq!((record.readings, record.revised, record.withdrawn), (4, 2, 0));
    assert_eq!(publisher.sent(), []);
}

#[test]
fn the_last_of_several_readings_of_a_day_counts_for_the_comparison_and_all_of_a_new_day_are_sent() {
    let mut publisher = Publisher::new();
    publisher.put("A.csv", &[(1, 10, 'A'), (1, 11, 'A')]);
    assert_eq!(publisher.sent().len(), 2);
    publisher.put("A.csv", &[(2, 20, 'A'), (1, 9, 'A'), (2, 21, 'A'), (1, 11, 'A')]);
    assert_eq!(publisher.sent(), owned(&[(2, 20, 'A'), (2, 21, 'A')]));
    publisher.put("A.csv", &[(2, 20, 'A'), (1, 11, 'A'), (2, 21, 'A'), (1, 10, 'A')]);
    assert_eq!(publisher.sent(), owned(&[(1, 10, 'A')]));
}

#[test]
fn a_file_that_was_only_touched_is_read_once_more_and_then_not_again() {
    let mut publisher = Publisher::new();
    let rows = [(1, 10, 'A')];
    publisher.put("A.csv", &rows);
    publisher.sent();
    publisher.put("A.csv", &rows);
    let lines = publisher.kept.files.len();
    assert_eq!(publisher.sent(), []);
    assert_eq!(publisher.kept.files.len(), lines + 1, "its stamp is known now");
    assert_eq!(publisher.sent(), []);
    assert_eq!(publisher.kept.files.len(), lines + 1);
}

#[test]
fn a_change_within_the_same_moment_is_seen_at_the_next_start_and_a_hidden_one_by_verifying() {
    let mut publisher = Publisher::new();
    publisher.disk.replace("A.csv", text(&[(1, 10, 'A')]).as_bytes());
    publisher.sent();
    // The clock of the times has not gone on.
    publisher.disk.write_over("A.csv", text(&[(1, 11, 'A')]).as_bytes());
    publisher.disk.pass_ms(60_000);
    assert_eq!(publisher.sent(), owned(&[(1, 11, 'A')]));

    let hidden = SimulatedSourceDisk::default();
    hidden.replace("A.csv", text(&[(1, 12, 'A')]).as_bytes());
    hidden.pass_ms(60_000);
    publisher.disk = hidden;
    let stamp = publisher.disk_stamp();
    publisher.kept.files.iter_mut().for_each(|record| record.stamp = stamp);
    assert_eq!(publisher.sent(), [], "size, times and inode are the same");
    publisher.settings.verify = true;
    assert_eq!(publisher.sent(), owned(&[(1, 12, 'A')]));
}

impl Publisher {
    fn disk_stamp(&self) -> isotherm::source::disk::Stamp {
        use isotherm::source::disk::SourceDisk as _;
        self.disk.stamp("A.csv".as_ref()).expect("it answers").expect("it is there")
    }
}

#[test]
fn a_last_line_that_was_not_complete_is_sent_as_it_is_now() {
    let mut publisher = Publisher::new();
    publisher.disk.replace("A.csv", b"date,degrees,station\n2014-7-1,7,A");
    publisher.disk.pass_ms(10_000);
    assert_eq!(publisher.sent(), owned(&[(1, 7, 'A')]));
    publisher.disk.write_over("A.csv", b"date,degrees,station\n2014-7-1,7,AB\n2014-7-2,8,A\n");
    publisher.disk.pass_ms(10_000);
    assert_eq!(publisher.sent(), [reading("AB", "2014-07-01", 7.0), reading("A", "2014-07-02", 8.0)]);
}

#[test]
fn files_that_may_have_been_sent_before_are_compared() {
    let mut publisher = Publisher::new();
    publisher.put("A.csv", &[(1, 10, 'A'), (2, 20, 'A')]);
    publisher.put("B.csv", &[(1, 10, 'B')]);
    publisher.log = owned(&[(1, 10, 'A'), (7, 7, 'X')]);
    publisher.kept.log_has_records = true;
    assert_eq!(publisher.sent(), owned(&[(2, 20, 'A'), (1, 10, 'B')]));
    publisher.put("C.csv", &[(1, 10, 'A'), (2, 2, 'C')]);
    assert_eq!(publisher.sent(), owned(&[(2, 2, 'C')]), "a file that comes later may have been sent before, too");
    // The cursor of version 1 proves nothing of its files.
    let read = serde_json::json!({ "bytes": 9, "lines": 2, "given": 0, "head": { "bytes": 9, "crc32c": 1 } });
    let files = serde_json::json!({ "A.csv": read, "B.csv": read, "gone.csv": read });
    publisher.kept =
        Kept { cursor: Some(serde_json::json!({ "files": files, "skipped_quality": 0 })), ..Kept::default() };
    let (log, news) = (publisher.log.clone(), publisher.run());
    assert!(news.contains(&FileNews::Gone { files: 1, first: "gone.csv".to_owned() }), "{news:?}");
    assert_eq!(publisher.log[log.len()..], owned(&[(1, 10, 'A'), (2, 2, 'C')]), "C.csv is new to it");
    publisher.put("gone.csv", &[(1, 10, 'A'), (3, 3, 'A')]);
    assert_eq!(publisher.sent(), owned(&[(3, 3, 'A')]));
}

#[test]
fn a_day_that_another_file_has_is_not_withdrawn() {
    let mut publisher = Publisher::new();
    publisher.put("A.csv", &[(1, 10, 'A'), (2, 20, 'A'), (1, 1, 'B')]);
    publisher.put("B.csv", &[(3, 30, 'A'), (1, 1, 'C')]);
    publisher.sent();
    publisher.put("A.csv", &[(1, 10, 'A'), (1, 1, 'B')]);
    let news = publisher.run();
    assert_eq!(compared(&news).withdrawn, 1, "day 2 and not day 3");
    // Whether it has one is not known of a file that cannot be read.
    publisher.put("A.csv", &[(1, 10, 'A')]);
    publisher.disk.make_unreadable("B.csv");
    let failure = publisher.attempt(usize::MAX, |_, _| ()).expect_err("day 3 may be withdrawn or not");
    assert!(failure.what.starts_with("cannot read B.csv"), "{failure}");
}

#[test]
fn what_does_not_fit_into_memory_takes_several_passes() {
    let mut publisher = Publisher::new();
    publisher.settings.compare_bytes_max = 48 * 40;
    publisher.readings_max = 7;
    let rows = |degrees| (1..=10).flat_map(move |day| ('A'..='Z').map(move |station| (day, degrees, station)));
    publisher.put("A.csv", &rows(1).collect::<Vec<_>>());
    publisher.put("B.csv", &rows(1).map(|(day, degrees, station)| (day + 10, degrees, station)).collect::<Vec<_>>());
    publisher.sent();
    publisher.put("A.csv", &rows(2).collect::<Vec<_>>());
    publisher.put("B.csv", &rows(1).map(|(day, degrees, station)| (day + 11, degrees, station)).collect::<Vec<_>>());
    let before = publisher.log.len();
    let news = publisher.run();
    let comparison = compared(&news);
    assert!(comparison.passes > 10 && comparison.readings == 520, "{comparison:?}");
    assert_eq!((comparison.revised, comparison.new, comparison.withdrawn), (260, 26, 26));
    assert_eq!(publisher.log.len() - before, 286);
    assert_eq!(publisher.sent(), []);
}

#[test]
fn files_that_are_changed_while_they_are_read_are_revised_in_the_same_run() {
    for change in [SimulatedSourceDisk::replace, SimulatedSourceDisk::write_over] {
        let mut publisher = Publisher::new();
        let rows = |degrees: i32| (1..=9).map(|day| (day, degrees, 'A')).collect::<Vec<_>>();
        publisher.put("A.csv", &rows(10));
        publisher.run_for(usize::MAX, |disk, call| {
            if call == 1 {
                change(disk, "A.csv", text(&rows(20)).as_bytes());
                disk.pass_ms(10_000);
            }
        });
        assert_eq!(last_values(&publisher.log), last_values(&owned(&rows(20))));
        assert_eq!(publisher.sent(), []);
    }
    // One that is changed each time it is read is left to the next run.
    let mut publisher = Publisher::new();
    publisher.put("A.csv", &[(1, 0, 'A')]);
    let news = publisher.run_for(10_000, |disk, call| {
        disk.replace("A.csv", text(&[(1, call as i32 + 1, 'A')]).as_bytes());
        disk.pass_ms(10_000);
    });
    assert!(news.contains(&FileNews::StillChanging { files: 1, first: "A.csv".to_owned() }), "{news:?}");
}

#[test]
fn a_file_that_shrank_or_vanished_stops_nothing() {
    let mut publisher = Publisher::new();
    publisher.put("A.csv", &[(1, 10, 'A'), (2, 20, 'A')]);
    publisher.put("B.csv", &[(1, 10, 'B')]);
    publisher.sent();
    publisher.put("A.csv", &[]);
    publisher.disk.remove("B.csv");
    let news = publisher.run();
    assert!(news.contains(&FileNews::Gone { files: 1, first: "B.csv".to_owned() }), "{news:?}");
    publisher.put("B.csv", &[(1, 10, 'B')]);
    assert_eq!(publisher.sent(), [], "what was read of it is known");
}

/// The last value of each day.
pub fn last_values(readings: &[OwnedReading]) -> BTreeMap<(String, Day), f64> {
    readings.iter().map(|reading| ((reading.station_id.clone(), reading.day), reading.degrees)).collect()
}

#[test]
fn files_that_grow_whenever_they_are_looked_at_are_read_and_the_run_ends() {
    let mut publisher = Publisher::new();
    publisher.readings_max = 1000;
    let rows = |station, days: u32| (1..=days).map(|day| (day % 28 + 1, day as i32, station)).collect::<Vec<_>>();
    let grow = |disk: &SimulatedSourceDisk, days: u32| {
        for station in ['A', 'B', 'C'] {
            disk.write_over(&format!("{station}.csv"), text(&rows(station, days)).as_bytes());
            disk.pass_ms(1000);
        }
    };
    for station in ['A', 'B', 'C'] {
        publisher.put(&format!("{station}.csv"), &rows(station, 1));
    }
    publisher.sent();
    grow(&publisher.disk, 2);
    let days = std::cell::Cell::new(2);
    let news = publisher.run_for(500, |disk, _| {
        days.set(days.get() + 1);
        grow(disk, days.get());
    });
    assert!(days.get() < 500, "it does not end");
    assert!(!news.iter().any(|news| matches!(news, FileNews::Comparing(_))), "growth is no revision: {news:?}");
    publisher.run();
    let all = ['A', 'B', 'C'].map(|station| rows(station, days.get())).concat();
    assert_eq!(last_values(&publisher.log), last_values(&owned(&all)));
}

/// A file whose comparison takes several passes, while something happens to it that is over before it is looked at again.
#[test]
fn a_file_that_is_away_or_another_one_for_a_pass_is_compared_once_more() {
    let rows = |day, degrees| ('A'..='Z').map(|station| (day, degrees, station)).collect::<Vec<_>>();
    let as_it_is = text(&rows(1, 2)).into_bytes();
    let other = text(&rows(1, 3)).into_bytes();
    for (from, to, meanwhile) in [(1, 8, None), (1, 8, Some(&other)), (0, 3, None)] {
        let mut publisher = Publisher::new();
        publisher.settings.compare_bytes_max = 48 * 40;
        publisher.put("A.csv", &rows(1, 1));
        publisher.put("grows.csv", &[(1, 1, 'x')]);
        publisher.put("revised.csv", &rows(2, 1));
        publisher.sent();
        publisher.put("A.csv", &rows(1, 2));
        publisher.put("grows.csv", &[(1, 1, 'x'), (2, 2, 'x')]);
        publisher.put("revised.csv", &rows(2, 2));
        let news = publisher.run_for(usize::MAX, |disk, call| match meanwhile {
            _ if call == to => disk.replace("A.csv", &as_it_is),
            None if call == from => disk.remove("A.csv"),
            Some(other) if call == from => disk.replace("A.csv", other),
            _ => disk.pass_ms(10_000),
        });
        assert!(compared(&news).passes > 1, "{news:?}");
        publisher.run();
        let last = last_values(&publisher.log);
        for (day, degrees) in last_values(&owned(&rows(1, 2))) {
            assert_eq!(last[&day], degrees, "{day:?} {from} {to} {}", meanwhile.is_some());
        }
        let was_read = publisher.log.iter().any(|logged| logged.degrees == 3.0);
        assert_eq!(was_read, meanwhile.is_some(), "{from} {to}");
    }
}

#[test]
fn a_file_that_is_just_being_written_is_waited_for_and_one_that_stays_as_it_is_a_failure() {
    for beginning in [&b""[..], b"date,deg"] {
        let mut publisher = Publisher::new();
        publisher.disk.replace("A.csv", beginning);
        publisher.run_for(usize::MAX, |disk, call| {
            if call == 0 {
                disk.write_over("A.csv", text(&[(1, 10, 'A')]).as_bytes());
                disk.pass_ms(10_000);
            }
        });
        assert_eq!(publisher.log, owned(&[(1, 10, 'A')]));
        publisher.disk.replace("A.csv", beginning);
        let mut source = publisher.open();
        let mut readings = Vec::new();
        let waits = next(&mut *source, &mut readings, 1).expect("it may be written just now");
        assert!(matches!(waits, Progressed::Settle | Progressed::Wait(_)), "{waits:?}");
        publisher.disk.pass_ms(10_000);
        let failure = (0..9).find_map(|_| next(&mut *source, &mut readings, 1).err()).expect("it is not written");
        assert!(failure.what.contains("A.csv has no column"), "{failure}");
    }
}
