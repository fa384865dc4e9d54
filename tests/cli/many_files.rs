//! A source of very many files: what it costs to read them, to find nothing new, and to compare all of them with the log.

use std::fs;
use std::time::Instant;

use super::support::{Run, Scene, scene};

/// `ISOTHERM_FILES` gives another number, as 132501: the stations of NOAA's daily network.
const FILES: usize = 2000;

/// Two months of a station as NOAA writes them: 59 days with a value.
fn dly(number: usize, of: usize) -> String {
    let month = |month: usize, days: usize| {
        let values = (0..31).map(|day| if day < days { (number * 7 + day * 3 + of) % 400 } else { 0 });
        let values = values
            .enumerate()
            .map(|(day, value)| if day < days { format!("{value:>5}   ") } else { "-9999   ".to_owned() });
        format!("XX{number:09}2023{month:02}TAVG{}\n", values.collect::<String>())
    };
    month(1, 31) + &month(2, 28)
}

fn write(scene: &Scene, files: usize, of: usize) {
    for number in 0..files {
        fs::write(scene.path(&format!("d/{number:06}.dly")), dly(number, of)).expect("written");
    }
}

fn isotherm(scene: &Scene, what: &str, arguments: &[&str]) -> Run {
    let sets = ["source.kind=ghcn_daily", "source.ghcn_daily.files=d/*.dly", "source.compare_bytes_max=67108864"];
    let begun = Instant::now();
    let run = scene.isotherm(&[arguments, &sets.map(|set| ["--set", set]).concat()].concat());
    run.ends_with(0);
    let seconds = begun.elapsed().as_secs_f64();
    // SAFETY: it is only filled in.
    let children_kb = unsafe {
        let mut usage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage);
        usage.ru_maxrss
    };
    println!(
        "{what}: {seconds:.2} s, at most {} MB up to then; {}",
        children_kb / 1024,
        run.stdout.lines().next().unwrap_or_default()
    );
    run
}

#[test]
fn very_many_files_are_read_found_as_they_were_and_compared() {
    let files = std::env::var("ISOTHERM_FILES").map_or(FILES, |number| number.parse().expect("a number"));
    let scene = scene();
    fs::create_dir(scene.path("d")).expect("created");
    write(&scene, files, 0);
    println!("{files} files of {} bytes", dly(0, 0).len());
    let said = |run: &Run, readings: usize, more: &str| {
        assert_eq!(run.stdout.lines().next(), Some(format!("{readings} readings produced{more}").as_str()));
    };
    said(&isotherm(&scene, "read", &["run"]), 59 * files, "");
    let cursor = fs::metadata(scene.state().join("source.json")).expect("it is there").len();
    assert!(cursor < 2000, "source.json has {cursor} bytes");
    // Times that lie within two seconds of the reading are trusted from the second start on.
    said(&isotherm(&scene, "nothing new, the times in doubt", &["run"]), 0, "");
    said(&isotherm(&scene, "nothing new", &["run"]), 0, "");
    write(&scene, files, 1);
    let revised = 59 * files;
    let run = isotherm(&scene, "all revised", &["run"]);
    said(&run, revised, &format!(", {revised} of them revise what the log has"));
    let comparing = run.stderr.lines().filter(|line| line.contains("comparing files with the log")).count();
    println!("{comparing} passes over the log, {} bytes of lines", lines(&scene));
    said(&isotherm(&scene, "nothing new after that", &["run"]), 0, "");
    isotherm(&scene, "audit", &["audit"]);
    isotherm(&scene, "audit of the source", &["audit", "--source"]);
}

/// Bytes of what is known of the files.
fn lines(scene: &Scene) -> u64 {
    let entries = fs::read_dir(scene.state()).expect("it is there").map(|entry| entry.expect("it is listed"));
    let lines = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("source.files-"));
    lines.map(|entry| entry.metadata().expect("it is there").len()).sum()
}
