//! Readings that come on the standard input, through a FIFO, or from a process that a shell puts in the place of a file.

use std::io::Write as _;
use std::process::Command;

use super::support::{Run, Scene, scene};

const SETTINGS: [&str; 5] = [
    "source.kind=csv",
    "source.csv.files=-",
    "source.csv.station_column=station",
    "source.csv.degrees_column=degrees",
    "log.partitions=1",
];

fn with<'a>(arguments: &[&'a str], sets: &[&'a str]) -> Vec<&'a str> {
    let sets = SETTINGS.iter().chain(sets).flat_map(|set| ["--set", set]);
    arguments.iter().copied().chain(sets).collect()
}

/// So many days of a station.
fn csv(station: &str, days: usize) -> String {
    let first = chrono::NaiveDate::from_ymd_opt(2000, 1, 1).expect("a day");
    let rows = first.iter_days().take(days).map(|day| format!("{station},{day},1.5\n"));
    "station,date,degrees\n".to_owned() + &rows.collect::<String>()
}

/// Runs with this on the standard input, and audits.
fn run_fed(scene: &Scene, text: &str, files: &str) -> Run {
    let files = format!("source.csv.files={files}");
    let run = scene.isotherm_fed(&with(&["run"], &[&files]), text);
    if run.code == Some(0) {
        scene.isotherm(&with(&["audit"], &[])).ends_with(0);
    }
    run
}

/// Readings that were counted, and records in the topic.
fn counted(scene: &Scene) -> (u64, u64) {
    let shown = scene.isotherm(&with(&["show", "--json"], &[])).json();
    let number = |key: &str| shown["partitions"][0][key].as_u64().expect("a number");
    (number("counted"), number("offset"))
}

#[test]
fn the_standard_input_is_read_whole_and_what_was_read_of_it_is_passed_over() {
    let scene = scene();
    let run = run_fed(&scene, &csv("A", 1648), "-");
    run.ends_with(0);
    assert!(run.stdout.starts_with("1648 readings produced\n"), "{}", run.stdout);
    assert_eq!(counted(&scene), (1648, 1648));
    // By another name, and longer.
    let run = run_fed(&scene, &csv("A", 2000), "/dev/stdin");
    assert!(run.stdout.starts_with("352 readings produced\n"), "{}\n{}", run.stdout, run.stderr);
    assert!(run.stderr.contains("the stream begins as the one that was read before"), "{}", run.stderr);
    let shown = scene.isotherm(&with(&["source"], &[]));
    assert_eq!(shown.cells()[1][..2], ["/dev/stdin", "stream"], "{}", shown.stdout);
    // Another one.
    let run = run_fed(&scene, &csv("B", 10), "-");
    assert!(run.stdout.starts_with("10 readings produced\n"), "{}", run.stdout);
    assert!(run.stderr.contains("the stream does not begin as the one before"), "{}", run.stderr);
    assert_eq!(counted(&scene), (2010, 2010));
    // One that begins as that one did.
    let longer = csv("B", 1000);
    run_fed(&scene, &longer, "-").ends_with(0);
    let run = run_fed(&scene, &longer.replace("2002-01-01", "1999-01-01"), "-");
    run.ends_with(65);
    assert!(
        run.stderr.contains("standard input begins as the stream that was read before, but is another one within the"),
        "{}",
        run.stderr
    );
    assert_eq!(counted(&scene), (3000, 3000));
}

#[test]
fn a_packed_stream_is_unpacked_and_one_that_is_cut_is_no_success() {
    let text = csv("A", 1648);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let packed = packed.write_all(text.as_bytes()).and_then(|()| packed.finish()).expect("there is memory");
    let scene = scene();
    let feed = |bytes: &[u8]| scene.isotherm_fed(&with(&["run"], &[]), bytes);
    let run = feed(&packed[..packed.len() - 9]);
    run.ends_with(65);
    assert!(run.stderr.contains("ends in the middle of what was packed"), "{}", run.stderr);
    let (before, _) = counted(&scene);
    feed(&packed).ends_with(0);
    assert_eq!(counted(&scene), (1648, 1648), "{before} before");
}

#[test]
fn what_was_read_before_a_damaged_or_cut_file_is_in_the_log() {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let packed = packed.write_all(csv("B", 1000).as_bytes()).and_then(|()| packed.finish()).expect("there is memory");
    let mut damaged = packed.clone();
    damaged[packed.len() - 6] ^= 1;
    for bad in [&damaged[..], &packed[..packed.len() - 6]] {
        let scene = scene();
        std::fs::write(scene.path("a.csv"), csv("A", 1000)).expect("written");
        std::fs::write(scene.path("b.csv.gz"), bad).expect("written");
        let sets = ["source.csv.files=*.csv*", "source.rest_ms=0"];
        for _ in 0..2 {
            let run = scene.isotherm(&with(&["run"], &sets));
            run.ends_with(65);
            assert!(run.stderr.contains("b.csv.gz"), "{}", run.stderr);
        }
        let (count, records) = counted(&scene);
        assert!(count == records && count >= 1000, "{count} of {records}");
    }
}

#[test]
fn a_file_as_standard_input_is_one_and_nothing_is_left_in_a_pipe() {
    // Larger than any buffer on the way.
    let (scene, days) = (scene(), 60_000);
    let path = scene.path("whole.csv");
    std::fs::write(&path, csv("A", days)).expect("written");
    let program = env!("CARGO_BIN_EXE_isotherm");
    let sets = SETTINGS.map(|set| format!("--set {set}")).join(" ");
    let shell = |script: &str| {
        let script = script.replace("ISOTHERM", program).replace("SETS", &sets);
        let output =
            Command::new("bash").args(["-ec", &script]).current_dir(scene.path("")).output().expect("bash runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{script}: {text}\n{}", String::from_utf8_lossy(&output.stderr));
        text.lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(shell("ISOTHERM run SETS --set source.csv.files=- < whole.csv"), "60000 readings produced");
    assert_eq!(shell("ISOTHERM run SETS --set source.csv.files=<(cat whole.csv)"), "0 readings produced");
    assert_eq!(
        shell("mkfifo in; cat whole.csv > in & ISOTHERM run SETS --set source.csv.files=in"),
        "0 readings produced"
    );
    assert_eq!(
        shell("(cat whole.csv; echo B,2000-01-01,1) | ISOTHERM run SETS --set source.csv.files=-"),
        "1 readings produced"
    );
    assert_eq!(counted(&scene), (60_001, 60_001));
}

#[test]
fn a_crash_of_an_actor_or_of_the_process_costs_a_stream_no_reading() {
    let scene = scene();
    let faults = "faults.points=producer.acknowledge@3=panic,generator.next@5=panic,producer.send@9=panic";
    let small = ["source.csv.files=-", "produce.batch_records=50", faults];
    let run = scene.isotherm_fed(&with(&["run"], &small), csv("A", 2000));
    run.ends_with(0);
    assert_eq!(run.stderr.matches("restarted").count(), 3, "{}", run.stderr);
    assert_eq!(counted(&scene), (2000, 2000));
    let small = ["source.csv.files=-", "produce.batch_records=50", "faults.points=producer.acknowledge@20=exit"];
    let run = scene.isotherm_fed(&with(&["run"], &small), csv("A", 5000));
    assert!(!run.stdout.contains("readings produced"), "it dies in the middle: {}", run.stdout);
    let run = run_fed(&scene, &csv("A", 5000), "-");
    run.ends_with(0);
    assert!(run.stderr.contains("the stream begins as the one that was read before"), "{}", run.stderr);
    assert_eq!(counted(&scene), (5000, 5000));
}

#[test]
fn a_stream_beside_files_and_one_without_a_station_are_refused() {
    let scene = scene();
    let made = Command::new("mkfifo").arg(scene.path("in.csv")).status();
    assert!(made.is_ok_and(|status| status.success()), "there is a program mkfifo");
    let sets = ["source.csv.files=in.csv", "source.csv.station_column="];
    scene
        .isotherm(&with(&["run"], &sets))
        .fails_in_one_line(78, &["in.csv is not that of a station", "station_column"]);
    std::fs::File::create(scene.path("a.csv")).and_then(|mut file| file.write_all(b"x")).expect("written");
    let sets = ["source.csv.files=*.csv"];
    scene.isotherm(&with(&["run"], &sets)).fails_in_one_line(78, &["in.csv, which can be read only once"]);
    let sets = ["source.csv.files=-"];
    scene
        .isotherm(&with(&["audit", "--source"], &sets))
        .fails_in_one_line(78, &["standard input, which can be read only once"]);
}

/// Whether its name leads anywhere is of no account once a stream is open; and what came and is not in the log is told.
#[test]
fn a_fifo_may_lose_its_name_and_what_a_stop_leaves_of_it_is_told() {
    let scene = scene();
    let path = scene.path("in");
    assert!(
        Command::new("mkfifo").arg(&path).status().is_ok_and(|status| status.success()),
        "there is a program mkfifo"
    );
    let faults = ["source.csv.files=in", "faults.points=producer.acknowledge@1=panic"];
    let mut running = scene.start(&with(&["run"], &faults));
    let mut writer = std::fs::File::options().write(true).open(&path).expect("it is read");
    std::fs::remove_file(&path).expect("it is there");
    writer.write_all(csv("A", 50).as_bytes()).expect("it is read");
    let lines = running.stderr();
    while !lines.next().expect("it goes on").contains("restarted") {}
    // A line without its end, as far as anybody knows.
    writer.write_all(b"A,2020-01-01,1").expect("it is read");
    let mut counted = 0;
    while counted < 50 {
        let shown = scene.isotherm(&with(&["show", "--json"], &[]));
        // There may be no file yet.
        let shown: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap_or_default();
        counted = shown["partitions"][0]["counted"].as_u64().unwrap_or(0);
    }
    running.signal(libc::SIGTERM);
    let mut told = String::new();
    while let Some(line) = lines.next() {
        told.push_str(&(line + "\n"));
    }
    assert_eq!(running.output().status.code(), Some(0), "{told}");
    assert!(told.contains("14 bytes of the stream were received, and what they hold is not in the log"), "{told}");
}
