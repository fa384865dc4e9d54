//! Everything that other producers may put on a topic.

use isotherm::log::partitioner::partition_of;
use prost::Message as _;

use super::broker::Broker;
use super::owned::{OwnedRecord, WriteOwned as _};
use super::{Fixture, PARTITIONS, outgoing};

type KeyAndValue = (Option<Vec<u8>>, Option<Vec<u8>>);

fn report(station: &str, date: &str, degrees: f64) -> Vec<u8> {
    isotherm::domain::wire::Report { date: date.to_owned(), degrees, station_id: station.to_owned() }.encode_to_vec()
}

#[test]
fn poison_is_rejected_with_its_reason_and_stops_nothing() {
    let Some(broker) = Broker::shared() else { return };
    let fixture = Fixture::new(broker);
    fixture.create_topic();
    let good = report("S", "2024-02-29", 1.5);
    let unknown_fields = [&good[..], &[0x22, 3, b'a', b'b', b'c', 0x28, 7]].concat();
    let with_key = |key: &str, value: Vec<u8>| (Some(key.as_bytes().to_vec()), Some(value));
    let poison: Vec<(&str, KeyAndValue)> = vec![
        ("undecodable", (Some(b"S".to_vec()), None)),
        ("undecodable", with_key("S", good[..good.len() - 1].to_vec())),
        ("undecodable", with_key("S", vec![0xff; 1_000_000])),
        ("undecodable", with_key("S", (0..=255).collect())),
        // A field of text that is not UTF-8.
        ("undecodable", with_key("S", vec![0x1a, 2, 0xc3, 0x28])),
        // An empty value is a report of nothing: no station has that key.
        ("key_mismatch", with_key("S", Vec::new())),
        ("key_mismatch", with_key("T", good.clone())),
        ("key_mismatch", (None, Some(good.clone()))),
        ("bad_station", with_key("offset", report("offset", "2024-02-29", 1.0))),
        ("bad_station", with_key("_checkpoint", report("_checkpoint", "2024-02-29", 1.0))),
        ("bad_station", with_key("", Vec::new())),
        ("bad_date", with_key("S", report("S", "2024-02-30", 1.0))),
        ("bad_date", with_key("S", report("S", "0000-01-01", 1.0))),
        ("not_finite", with_key("S", report("S", "2024-03-01", f64::NAN))),
        ("not_finite", with_key("S", report("S", "2024-03-01", f64::INFINITY))),
        ("not_finite", with_key("S", report("S", "2024-03-01", f64::NEG_INFINITY))),
        ("out_of_range", with_key("S", report("S", "2024-03-01", 1_000_000.0))),
        ("duplicate_day", with_key("S", report("S", "2024-02-29", 2.5))),
    ];
    let partition = partition_of(b"S", PARTITIONS);
    let with = |key, value| OwnedRecord { partition, key, value };
    let mut records = vec![with(Some(b"S".to_vec()), Some(unknown_fields))];
    records.extend(poison.iter().map(|(_, (key, value))| with(key.clone(), value.clone())));
    records.push(outgoing("S", "2024-03-01", 2.0));
    fixture.log().open_writer("a test").expect("it opens").write_owned(&records).expect("it is written");

    fixture.program().run_well(&["consume", "--until-caught-up"]);
    let stations = fixture.stations();
    assert_eq!(stations.len(), 1);
    assert_eq!((&stations["S"]["count"], &stations["S"]["sum"]), (&2.into(), &3.5.into()));
    let path = fixture.folder.path().join(format!("partition-{partition}.rejected.jsonl"));
    let text = std::fs::read_to_string(path).expect("there is one");
    let reasons: Vec<String> = text
        .lines()
        .map(|line| {
            assert!(line.len() < 4096, "bounded");
            let line: serde_json::Value = serde_json::from_str(line).expect("a line is JSON");
            line["reason"].as_str().expect("a reason").to_owned()
        })
        .collect();
    assert_eq!(reasons, poison.iter().map(|(reason, _)| *reason).collect::<Vec<_>>());
    fixture.program().run_well(&["audit"]);
    let shown = fixture.program().run_well(&["debug", "--from-beginning", "--limit", "20"]);
    assert_eq!(shown.lines().count(), 20, "a line a record, whatever it holds");
}
