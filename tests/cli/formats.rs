//! Records as other programs write them.

use isotherm::log::Outgoing;

use super::support::{Run, Scene, batch, create_topic, isotherm, scene, write};

const JSON: &[u8] = br#"{"station_id": "KNYC", "date": "2014-07-01", "degrees": 21.5, "more": null}"#;
/// What Confluent's serializer puts before a message that is the first of its schema.
const FRAME: [u8; 6] = [0, 0, 0, 0, 7, 0];

fn plain() -> Vec<u8> {
    let batch = batch(&[("KNYC", "2014-07-01", 21.5)]);
    batch.records().next().and_then(|record| record.value).expect("one").to_vec()
}

/// A topic with these records in its first partition.
fn topic_of(records: &[(Option<&[u8]>, &[u8])]) -> Scene {
    let scene = scene();
    create_topic(scene.log().as_ref());
    let records: Vec<_> =
        records.iter().map(|(key, value)| Outgoing { partition: 0, key: *key, value: Some(value) }).collect();
    scene.log().open_writer("another").expect("a writer").write(&records).expect("written");
    scene
}

fn run(scene: &Scene, verb: &[&str], format: &str) -> Run {
    let format = format!("log.format={format}");
    scene.isotherm(&[verb, &["--set", &format]].concat())
}

/// Counts and audits; the numbers of counted and of rejected records.
fn counted(scene: &Scene, format: &str) -> (u64, u64) {
    run(scene, &["consume", "--until-caught-up"], format).ends_with(0);
    run(scene, &["audit"], format).ends_with(0);
    let shown = run(scene, &["show", "--json"], format).json();
    let counted = shown["partitions"][0]["counted"].as_u64().expect("a number");
    (counted, shown["partitions"][0]["offset"].as_u64().expect("a number") - counted)
}

#[test]
fn records_of_others_count_under_their_formats() {
    let (plain, framed) = (plain(), [&FRAME[..], &plain()].concat());
    let key = Some(&b"KNYC"[..]);
    for (value, key, formats) in [
        (&plain[..], key, [true, false, true]),
        (&framed, key, [true, false, true]),
        (JSON, key, [false, true, true]),
        (JSON, Some(b"\"KNYC\""), [false, true, true]),
    ] {
        for (format, counts) in ["protobuf", "json", "detect"].into_iter().zip(formats) {
            let scene = topic_of(&[(key, value)]);
            assert_eq!(counted(&scene, format), (u64::from(counts), u64::from(!counts)), "{format} {value:?}");
        }
    }
    // Another format than that of the file is a stop, as every rule is.
    let scene = topic_of(&[(key, JSON)]);
    assert_eq!(counted(&scene, "json"), (1, 0));
    let refused = run(&scene, &["consume", "--until-caught-up"], "detect");
    assert!(
        refused.code != Some(0) && refused.stderr.contains("log.format was json and is detect"),
        "{}",
        refused.stderr
    );
}

#[test]
fn why_a_record_of_others_does_not_count_is_said() {
    let framed_json = [&FRAME[..5], JSON].concat();
    let scene = topic_of(&[(Some(b"KNYC"), &framed_json), (None, &plain()), (Some(b"KNYC"), JSON)]);
    let printed = run(&scene, &["debug", "--from-beginning", "--limit", "3"], "protobuf").stdout;
    let lines: Vec<&str> = printed.lines().collect();
    assert!(lines[0].starts_with("{'undecodable': \"framed: within a schema registry's frame"), "{printed}");
    assert!(lines[1].contains("'rejected': 'key_mismatch', 'key': None"), "{printed}");
    assert!(lines[2].starts_with("{'undecodable': "), "{printed}");
    assert_eq!(counted(&scene, "protobuf"), (0, 3));
    let rejected =
        std::fs::read_to_string(scene.path("isotherm-data/state/partition-0.rejected.jsonl")).expect("it is there");
    assert!(rejected.contains(r#""reason":"undecodable","detail":"framed: "#), "{rejected}");
    assert!(rejected.contains(r#""reason":"key_mismatch","detail":"the key is null""#), "{rejected}");
    let printed = run(&scene, &["debug", "--from-beginning", "--limit", "3", "--json"], "json").stdout;
    assert!(printed.contains(r#""station_id":"KNYC","date":"2014-07-01","degrees":21.5}"#), "{printed}");
}

/// As a client on librdkafka chooses partitions beside one that chooses as Java does.
#[test]
fn a_station_in_two_partitions_is_said_by_each_verb_that_counts_shows_or_audits() {
    let scene = scene();
    create_topic(scene.log().as_ref());
    for partition in [1, 3] {
        write(scene.log().as_ref(), partition, &batch(&[("KNYC", "2014-07-01", 21.5), ("KLAX", "2014-07-01", 1.0)]));
    }
    write(scene.log().as_ref(), 0, &batch(&[("KPHX", "2014-07-01", 40.0)]));
    for verb in [&["consume", "--until-caught-up"][..], &["show"], &["audit"]] {
        let run = scene.isotherm(verb);
        run.ends_with(0);
        for station in ["KLAX", "KNYC"] {
            assert!(run.stderr.contains(&format!("station {station} is in the partitions 1 and 3")), "{}", run.stderr);
        }
        assert!(!run.stderr.contains("KPHX"), "{}", run.stderr);
    }
}

#[test]
fn a_source_is_not_written_where_none_of_it_would_count() {
    let refused = isotherm(&["run", "--set", "log.format=json"]);
    refused.ends_with(78);
    assert!(refused.stderr.contains("log.format is \"json\", and isotherm writes protobuf"), "{}", refused.stderr);
}
