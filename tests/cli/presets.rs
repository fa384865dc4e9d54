//! Files of those who publish them as CSV. The samples are made up, in the publishers' layouts; the sums are computed by other
//! programs.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::support::{Scene, isotherm, scene};

/// A station with count, sum, first and last day.
type Station = (String, u64, f64, String, String);

/// Runs the sample as this kind: its stations, and what the run said of the source.
fn counted(kind: &str, sample: &str, sets: &[&str]) -> (Vec<Station>, String) {
    let scene = scene();
    fs::write(scene.path(sample), text(sample)).expect("written");
    counted_in(&scene, kind, sample, sets)
}

fn text(sample: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/presets").join(sample);
    fs::read_to_string(path).expect("it is there")
}

fn counted_in(scene: &Scene, kind: &str, sample: &str, sets: &[&str]) -> (Vec<Station>, String) {
    let (kind, files) = (format!("source.kind={kind}"), format!("source.csv.files={sample}"));
    let own = [kind.as_str(), &files, "source.rest_ms=0", "log.partitions=1"];
    let with =
        |verb| [verb].into_iter().chain(own.iter().chain(sets).flat_map(|set| ["--set", set])).collect::<Vec<_>>();
    let run = scene.isotherm(&with("run"));
    run.ends_with(0);
    scene.isotherm(&with("audit")).ends_with(0);
    scene.isotherm(&[&with("audit")[..], &["--source"]].concat()).ends_with(0);
    let shown = scene.isotherm(&[&with("show")[..], &["--json"]].concat()).json();
    let row = |row: &serde_json::Value| {
        let text = |key: &str| row[key].as_str().expect("a text").to_owned();
        let (count, sum) = (row["count"].as_u64().expect("a number"), row["sum"].as_f64().expect("a number"));
        (text("station"), count, (sum * 10.0).round() / 10.0, text("start"), text("end"))
    };
    let rows = shown["stations"].as_array().expect("a list").iter().map(row).collect();
    (rows, run.stdout.lines().next().unwrap_or_default().to_owned())
}

fn station(name: &str, count: u64, sum: f64, start: &str, end: &str) -> Station {
    (name.to_owned(), count, sum, start.to_owned(), end.to_owned())
}

#[test]
fn each_publishers_layout_is_read_by_its_name() {
    // awk -F, '$3=="TMAX"&&$6==""{n[$1]++; s[$1]+=$4} END{for(k in n)print k,n[k],s[k]}' by_year.csv
    let (stations, said) = counted("ghcn_by_year", "by_year.csv", &[]);
    assert_eq!(said, "10 readings produced, 1 values of failed quality skipped since the first run");
    let expected = [
        station("XX000000002", 5, 56.7, "2023-06-28", "2023-07-03"),
        station("XXW00000001", 5, 26.1, "2023-06-28", "2023-07-03"),
    ];
    assert_eq!(stations, expected);
    // Python's csv module, for the others.
    let (stations, said) = counted("ghcn_access", "access.csv", &[]);
    assert_eq!(said, "4 readings produced, 1 values of failed quality skipped since the first run");
    assert_eq!(stations, [station("XXW00000001", 4, 63.7, "2023-06-28", "2023-07-03")]);
    let (stations, said) = counted("gsod", "gsod.csv", &[]);
    assert_eq!(said, "5 readings produced");
    assert_eq!(stations, [station("99999900001", 5, 266.7, "2023-06-28", "2023-07-03")]);
    let (stations, said) = counted("meteostat", "10637.csv", &[]);
    assert_eq!(said, "5 readings produced");
    assert_eq!(stations, [station("10637", 5, 91.8, "2023-06-28", "2023-07-03")]);
}

/// As publishers give them: packed, with a value corrected in place.
#[test]
fn each_publishers_files_are_read_and_revised_within_gzip() {
    for (kind, sample, before, after) in [
        ("ghcn_by_year", "by_year.csv", "XX000000002,20230703,TMAX,275,", "XX000000002,20230703,TMAX,276,"),
        ("ghcn_access", "access.csv", "\"   66\"", "\"   67\""),
        ("gsod", "gsod.csv", "\"  28.1\"", "\"  28.2\""),
        ("meteostat", "10637.csv", "2023,7,3,14.2,", "2023,7,3,14.3,"),
    ] {
        let scene = scene();
        let name = format!("{sample}.gz");
        let publish = |text: &str| {
            let mut packed = GzEncoder::new(Vec::new(), Compression::default());
            let packed = packed.write_all(text.as_bytes()).and_then(|()| packed.finish());
            fs::write(scene.path(&name), packed.expect("there is memory")).expect("written");
        };
        let text = text(sample);
        publish(&text);
        assert_eq!(counted_in(&scene, kind, &name, &[]), counted(kind, sample, &[]), "{kind}");
        let revised = text.replace(before, after);
        assert!(revised != text, "{kind}");
        publish(&revised);
        let (_, said) = counted_in(&scene, kind, &name, &[]);
        assert!(said.starts_with("1 readings produced"), "{kind}: {said}");
    }
}

#[test]
fn a_preset_gives_way_to_what_is_set_and_says_so() {
    let (stations, _) = counted("ghcn_by_year", "by_year.csv", &["source.csv.where=3 = TMIN"]);
    // awk -F, '$3=="TMIN"{n[$1]++; s[$1]+=$4} END{for(k in n)print k,n[k],s[k]}' by_year.csv
    assert_eq!(stations.iter().map(|station| (station.1, station.2)).collect::<Vec<_>>(), [(6, 59.8), (6, 93.5)]);
    let config = isotherm(&["config", "--set", "source.kind=gsod", "--set", "source.csv.files=x"]);
    config.ends_with(0);
    let line = |key: &str| config.stdout.lines().find(|line| line.starts_with(key)).unwrap_or_default().to_owned();
    assert!(line("source.csv.degrees_column").contains("TEMP"), "{}", config.stdout);
    assert!(line("source.csv.degrees_column").ends_with("preset gsod"), "{}", config.stdout);
    assert!(line("source.kind").contains("gsod"), "{}", config.stdout);
}
