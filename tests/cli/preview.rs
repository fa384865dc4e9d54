//! What a source would give, shown before anything is sent.

use std::fs;
use std::io::Write as _;

use serde_json::json;

use super::support::{Scene, isotherm, scene};

const CSV: &str = "station,date,degrees,flag
A,2014-07-01,21.5,
A,2014-07-02,NA,
A,2014-07-03,warm,
A,2014-07-04,19,X
A,2014-07-05,-99,
A,2014-07-06,-99.0,
A,2014-07-07,-99,
A,2014-07-08,18.25,
";

fn with<'a>(arguments: &[&'a str], sets: &[&'a str]) -> Vec<&'a str> {
    let own = ["source.kind=csv", "source.csv.station_column=station", "source.csv.flag_column=flag"];
    arguments.iter().copied().chain(own.iter().chain(sets).flat_map(|set| ["--set", set])).collect()
}

fn names(scene: &Scene) -> Vec<String> {
    let entries = fs::read_dir(scene.path(".")).expect("it is there");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("listed").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn readings_and_lines_that_hold_none_are_shown_and_nothing_is_written() {
    let scene = scene();
    fs::write(scene.path("a.csv"), CSV).expect("written");
    let before = names(&scene);
    let shown = scene.isotherm(&with(&["preview"], &["source.csv.files=*.csv"]));
    shown.ends_with(0);
    assert_eq!(names(&scene), before);
    let cells = shown.cells();
    assert_eq!(cells[0][..3], ["STATION", "DATE", "DEGREES"], "{}", shown.stdout);
    assert_eq!(cells[1][..3], ["A", "2014-07-01", "21.5"], "{}", shown.stdout);
    let one_blank = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n";
    let text: String = shown.stdout.lines().map(one_blank).collect();
    for told in [
        "a.csv 3 no value\n",
        "a.csv 4 \"warm\" is not a number\n",
        "a.csv 5 a value that failed its publisher's checks\n",
        "\n8 lines of 1 of 1 files: 5 readings, 1 bad lines, 1 values missing, 1 of failed quality, 0 lines of something else\n",
        "\n-99 degrees came 3 times, and the next value is 18.25: if that stands for no value, add what the files have for it to \
         source.csv.missing (files of another kind: take it out)\n",
    ] {
        assert!(text.contains(told), "{told}: {}", shown.stdout);
    }
    let run = scene.isotherm(&with(&["run"], &["source.csv.files=*.csv", "log.partitions=1"]));
    run.ends_with(0);
    assert!(run.stdout.contains("-99 degrees came 3 times"), "{}", run.stdout);
}

#[test]
fn a_stream_is_shown_as_well_and_json_has_the_same() {
    let scene = scene();
    let arguments = with(&["preview", "--json", "--limit", "2"], &["source.csv.files=-", "source.csv.missing=-99"]);
    let shown = scene.isotherm_fed(&arguments, CSV).json();
    let reading = |date: &str, degrees: f64| json!({ "station": "A", "date": date, "degrees": degrees });
    assert_eq!(shown["readings"], json!([reading("2014-07-01", 21.5), reading("2014-07-08", 18.25)]));
    let lines: Vec<_> = shown["others"].as_array().expect("a list").iter().map(|line| line["line"].clone()).collect();
    assert_eq!(lines, [3, 4, 5, 6, 7, 8]);
    let counts = json!({ "readings": 2, "bad_lines": 2, "missing": 3, "failed_quality": 1, "passed_over": 0 });
    assert_eq!(shown["counts"], counts);
    assert_eq!((&shown["is_all"], &shown["doubtful_values"]), (&json!(true), &json!([])));
}

#[test]
fn what_is_only_begun_says_so_and_what_gives_nothing_is_no_success() {
    let scene = scene();
    let many: String = (0..150_000).map(|at| format!("A,2014-07-01,{}.5,\n", at % 30)).collect();
    fs::write(scene.path("a.csv"), format!("station,date,degrees,flag\n{many}")).expect("written");
    fs::write(scene.path("b.csv"), CSV).expect("written");
    let shown = scene.isotherm(&with(&["preview"], &["source.csv.files=*.csv"]));
    shown.ends_with(0);
    assert!(shown.stdout.contains("\nthe first 100000 lines of 1 of 2 files"), "{}", shown.stdout);
    let nothing = scene.isotherm(&with(&["preview"], &["source.csv.files=b.csv", "source.csv.date_format=%d.%m.%Y"]));
    nothing.ends_with(65);
    assert!(nothing.stdout.contains("is not a date as %d.%m.%Y"), "{}", nothing.stdout);
    assert!(nothing.stderr.contains("nothing of the source is a reading"), "{}", nothing.stderr);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let packed = packed.write_all(CSV.as_bytes()).and_then(|()| packed.finish()).expect("there is memory");
    fs::write(scene.path("c.csv.gz"), &packed[..packed.len() - 8]).expect("written");
    let cut = scene.isotherm(&with(&["preview"], &["source.csv.files=c.csv.gz"]));
    cut.ends_with(65);
    assert!(cut.stderr.contains("c.csv.gz ends in the middle of what was packed"), "{}", cut.stderr);
    let simulated = isotherm(&["preview", "--limit", "3"]);
    simulated.ends_with(0);
    assert_eq!(simulated.cells().len(), 4, "{}", simulated.stdout);
}
