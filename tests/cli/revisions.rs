//! Files that their publisher rewrites, as a person runs the program after each download.

use std::collections::BTreeMap;
use std::fs;

use chrono::{Datelike as _, Days, NaiveDate};

use super::support::{Run, Scene, scene};

/// Tenths of a degree by day.
type Weather = BTreeMap<NaiveDate, i32>;

fn day(text: &str) -> NaiveDate {
    text.parse().expect("it is a day")
}

/// Every day from 2020 on, up to the last one; one day of 2023 is missing.
fn weather(last: &str) -> Weather {
    let days = day("2020-01-01").iter_days().take_while(|date| *date <= day(last));
    let values = days.map(|date| (date, 100 + date.month() as i32 * 5 + date.day() as i32));
    values.filter(|(date, _)| *date != day("2023-03-07")).collect()
}

/// As NOAA writes it: a line a month, whose days come one after the other.
fn dly(weather: &Weather) -> String {
    let mut lines = String::new();
    let (first, last) = (*weather.keys().next().expect("a day"), *weather.keys().next_back().expect("a day"));
    for month in first.iter_days().take_while(|date| *date <= last).filter(|date| date.day() == 1) {
        lines.push_str(&format!("XXW00012345{}{:02}TAVG", month.year(), month.month()));
        for date in (0..31).map(|days| month + Days::new(days)) {
            let value = weather.get(&date).filter(|_| date.month() == month.month());
            lines.push_str(&format!("{:>5}   ", value.copied().unwrap_or(-9999)));
        }
        lines.push('\n');
    }
    lines
}

fn csv(weather: &Weather) -> String {
    let row = |(date, value): (&NaiveDate, &i32)| format!("{date},{}\n", f64::from(*value) / 10.0);
    "date,degrees\n".to_owned() + &weather.iter().map(row).collect::<String>()
}

/// One station's file.
struct Publisher {
    scene: Scene,
    kind: &'static str,
    write: fn(&Weather) -> String,
}

impl Publisher {
    fn all() -> [Self; 2] {
        let of = |kind, write| {
            let scene = scene();
            fs::create_dir(scene.path("d")).expect("created");
            Self { scene, kind, write }
        };
        [of("ghcn_daily", dly as fn(&Weather) -> String), of("csv", csv)]
    }

    /// A download that takes the place of the last one.
    fn publish(&self, weather: &Weather) {
        let (new, name) =
            (self.scene.path("new"), format!("d/XXW00012345.{}", if self.kind == "csv" { "csv" } else { "dly" }));
        fs::write(&new, (self.write)(weather)).expect("written");
        fs::rename(new, self.scene.path(&name)).expect("renamed");
    }

    fn isotherm(&self, arguments: &[&str], sets: &[&str]) -> Run {
        let kind = format!("source.kind={}", self.kind);
        let own = [kind.as_str(), "source.ghcn_daily.files=d/*.dly", "source.csv.files=d/*.csv", "log.partitions=1"];
        let sets = own.iter().chain(sets).flat_map(|set| ["--set", set]);
        self.scene.isotherm(&arguments.iter().copied().chain(sets).collect::<Vec<_>>())
    }

    /// Runs, and gives what the run said first, and how many days are counted of how many records.
    fn run(&self) -> (String, u64, u64) {
        let run = self.isotherm(&["run"], &[]);
        run.ends_with(0);
        self.isotherm(&["audit"], &[]).ends_with(0);
        self.isotherm(&["audit", "--source"], &[]).ends_with(0);
        let shown = self.isotherm(&["show", "--json"], &[]).json();
        let (counted, offset) = (&shown["partitions"][0]["counted"], &shown["partitions"][0]["offset"]);
        let number = |value: &serde_json::Value| value.as_u64().expect("a number");
        (run.stdout.lines().next().unwrap_or_default().to_owned(), number(counted), number(offset))
    }
}

#[test]
fn each_download_is_counted_whole_and_no_day_is_twice_in_the_topic() {
    for publisher in Publisher::all() {
        let produced = |readings: u64, more: &str| format!("{readings} readings produced{more}");
        let expect = |weather: &Weather, readings, more: &str, counted, records| {
            publisher.publish(weather);
            assert_eq!(publisher.run(), (produced(readings, more), counted, records), "{}", publisher.kind);
            assert_eq!(publisher.run().0, produced(0, ""), "{}: nothing is new", publisher.kind);
        };
        expect(&weather("2024-06-10"), 1622, "", 1622, 1622);
        expect(&weather("2024-06-20"), 10, "", 1632, 1632);
        // The month goes on, and the day that was missing is filled in.
        let mut now = weather("2024-07-05");
        now.insert(day("2023-03-07"), 122);
        expect(&now, 16, "", 1648, 1648);
        // A value is corrected: the log has both, the first one counts.
        now.insert(day("2021-05-05"), 321);
        expect(&now, 1, ", 1 of them revise what the log has", 1648, 1649);
        // A day is withdrawn, and another corrected back to what it was.
        now.remove(&day("2022-02-02"));
        now.insert(day("2021-05-05"), 130);
        expect(&now, 1, ", 1 of them revise what the log has, 1 days withdrawn", 1648, 1650);
        let files = publisher.isotherm(&["source"], &[]);
        files.ends_with(0);
        let cells = files.cells();
        let row = &cells[1];
        assert_eq!(
            (row[1], &row[5..]),
            ("read", &["1647", if publisher.kind == "csv" { "0" } else { "27" }, "0", "0", "2", "1"][..]),
            "{}",
            files.stdout
        );
        // The day comes back as it was.
        now.insert(day("2022-02-02"), 112);
        expect(&now, 0, "", 1648, 1650);
    }
}

#[test]
fn a_file_that_is_replaced_while_it_is_read_is_revised_in_the_same_run() {
    for publisher in Publisher::all() {
        publisher.publish(&weather("2024-06-10"));
        let kind = format!("source.kind={}", publisher.kind);
        // The run stands still behind its first readings until the other file is there.
        let mut running = publisher.scene.start(&[
            "run",
            "--set",
            &kind,
            "--set=source.ghcn_daily.files=d/*.dly",
            "--set=source.csv.files=d/*.csv",
            "--set=log.partitions=1",
            "--set=produce.batch_records=100",
            "--set=output.log_level=debug",
            "--set=faults.points=generator.next@3=delay:1000",
        ]);
        let lines = running.stderr();
        while !lines.next().expect("the fault happens").contains("planned fault fault=generator.next@3") {}
        let mut now = weather("2024-06-20");
        now.insert(day("2020-01-01"), 7);
        publisher.publish(&now);
        let mut told = String::new();
        while let Some(line) = lines.next() {
            told.push_str(&(line + "\n"));
        }
        assert_eq!(running.output().status.code(), Some(0), "{told}");
        assert!(told.contains("files compared with the log files=1 new_days=10 revised=1 withdrawn_days=0"), "{told}");
        assert_eq!(publisher.run(), ("0 readings produced".to_owned(), 1632, 1633));
    }
}

#[test]
fn what_only_reading_all_can_see_is_seen_by_verify() {
    let publisher = &Publisher::all()[1];
    let path = publisher.scene.path("d/XXW00012345.csv");
    publisher.publish(&weather("2020-02-01"));
    let old = fs::metadata(&path).and_then(|metadata| metadata.modified()).expect("it is there");
    // Long enough ago that the next start trusts the times.
    let file = fs::File::options().append(true).open(&path).expect("it is there");
    file.set_modified(old - std::time::Duration::from_secs(3600)).expect("it is set");
    publisher.run();
    let states = |arguments: &[&str], code| {
        let files = publisher.isotherm(arguments, &[]);
        files.ends_with(code);
        files.cells()[1][1].to_owned()
    };
    assert_eq!(states(&["source", "--verify"], 0), "read");
    fs::write(&path, csv(&weather("2020-02-01")).replace("2020-01-07,11.2", "2020-01-07,99.2")).expect("written");
    assert_eq!(
        (states(&["source"], 0), states(&["source", "--verify"], 65)),
        ("changed".to_owned(), "changed".to_owned())
    );
    let json = publisher.isotherm(&["source", "--json"], &[]).json();
    assert_eq!((&json["files"][0]["standing"], &json["files"][0]["readings"]), (&"changed".into(), &32.into()));
    let run = publisher.isotherm(&["run"], &["source.verify=true"]);
    assert!(run.stdout.starts_with("1 readings produced, 1 of them revise what the log has\n"), "{}", run.stdout);
    fs::remove_file(&path).expect("removed");
    let files = publisher.isotherm(&["source"], &[]);
    assert!(files.stdout.contains(" gone ") && files.stdout.contains("1 files, 1 gone;"), "{}", files.stdout);
    fs::write(publisher.scene.path("d/new.csv"), "date,degrees\n").expect("written");
    let files = publisher.isotherm(&["source"], &[]);
    assert!(
        files.stdout.ends_with("2 files, 1 gone, 1 new; 33 readings acknowledged since the first run\n"),
        "{}",
        files.stdout
    );
    publisher.scene.isotherm(&["source"]).fails_in_one_line(78, &["source.kind is \"simulate\""]);
    scene()
        .isotherm(&["source", "--set=source.kind=csv", "--set=source.csv.files=d/*"])
        .fails_in_one_line(65, &["there is no source.json"]);
}

/// Version 1 knew of a file how it begins, and how much of it was read.
#[test]
fn a_cursor_of_version_1_goes_on_and_its_files_are_compared_once() {
    for publisher in Publisher::all() {
        publisher.publish(&weather("2020-02-01"));
        assert_eq!(publisher.run(), ("32 readings produced".to_owned(), 32, 32));
        let path = publisher.scene.state().join("source.json");
        let now: serde_json::Value =
            serde_json::from_slice(&fs::read(&path).expect("it is there")).expect("it is JSON");
        let of = |key: &str| now["source"][key].to_string();
        let read = r#"{ "bytes": 1, "lines": 1, "given": 0, "head": { "bytes": 1, "crc32c": 1 } }"#;
        let file = format!("d/XXW00012345.{}", if publisher.kind == "csv" { "csv" } else { "dly" });
        let before =
            ["kind", "parameters", "topic", "log_id", "partitions"].map(|key| format!("\"{key}\": {}, ", of(key)));
        let sealed = |sum: &str| {
            format!(
                "{{ \"version\": 1, \"source\": {{ {}\"cursor\": {{ \"files\": {{ \"{file}\": {read} }}, \"skipped_quality\": 0 }}, \
                 \"readings\": {}, \"acknowledged\": {} }}, \"checksum\": \"{sum}\" }}",
                before.concat(),
                of("readings"),
                of("acknowledged"),
            )
        };
        let sum = crc32c::crc32c(sealed("00000000").as_bytes());
        fs::write(&path, sealed(&format!("{sum:08x}"))).expect("written");
        fs::remove_file(publisher.scene.state().join("source.files-0.jsonl")).expect("it is there");
        publisher.publish(&weather("2020-02-03"));
        assert_eq!(publisher.run(), ("2 readings produced".to_owned(), 34, 34), "{}", publisher.kind);
        assert_eq!(publisher.run(), ("0 readings produced".to_owned(), 34, 34), "{}", publisher.kind);
    }
}

/// As where the state folder was lost.
#[test]
fn without_its_cursor_a_source_of_files_sends_nothing_again_and_a_simulated_one_says_that_it_does() {
    for publisher in Publisher::all() {
        publisher.publish(&weather("2020-02-01"));
        assert_eq!(publisher.run(), ("32 readings produced".to_owned(), 32, 32));
        fs::remove_file(publisher.scene.state().join("source.json")).expect("it is there");
        publisher.publish(&weather("2020-02-03"));
        assert_eq!(publisher.run(), ("2 readings produced".to_owned(), 34, 34));
    }
    let scene = scene();
    let arguments = ["run", "--set=source.simulate.days=3", "--set=source.simulate.pace_ms=0"];
    scene.isotherm(&arguments).ends_with(0);
    fs::remove_file(scene.state().join("source.json")).expect("it is there");
    let again = scene.isotherm(&arguments);
    again.ends_with(0);
    assert!(again.stdout.starts_with("30 readings produced\n"), "{}", again.stdout);
    let told = "the log has records already: readings of this source that are among them come once more";
    assert!(again.stderr.contains(told), "{}", again.stderr);
}
