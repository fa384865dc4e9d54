use std::collections::BTreeMap;

use super::*;
use crate::domain::RecordFormat;
use crate::settings::{Kafka, Log, LogKind, OnStart, Sqlite};

fn log(client: &[(&str, &str)]) -> Log {
    Log {
        kind: LogKind::Kafka,
        topic: "t".to_owned(),
        partitions: 4,
        replication: 1,
        retention_ms: -1,
        format: RecordFormat::Protobuf,
        on_start: OnStart::Reuse,
        allow_compaction: false,
        kafka: Kafka {
            brokers: "localhost:9092".to_owned(),
            password_file: String::new(),
            client: client
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect::<BTreeMap<_, _>>(),
        },
        sqlite: Sqlite { path: "x".into() },
    }
}

#[test]
fn a_property_of_the_person_wins_over_ours() {
    let properties = writing(&log(&[("linger.ms", "50"), ("client.id", "me"), ("acks", "-1")]), None).unwrap();
    assert_eq!((properties.get("linger.ms"), properties.get("client.id")), (Some("50"), Some("me")));
    assert_eq!(reading(&log(&[]), "g", None).unwrap().get("linger.ms"), None, "that is for writing");
}

/// librdkafka takes every name, and of two that mean the same the one that it sees last.
#[test]
fn a_property_of_the_person_wins_over_ours_whatever_name_it_has() {
    for (alias, name) in [
        ("delivery.timeout.ms", "message.timeout.ms"),
        ("topic.message.timeout.ms", "message.timeout.ms"),
        ("topic.delivery.timeout.ms", "message.timeout.ms"),
        ("message.send.max.retries", "retries"),
        ("max.partition.fetch.bytes", "fetch.message.max.bytes"),
        ("queue.buffering.max.ms", "linger.ms"),
    ] {
        for properties in
            [reading(&log(&[(alias, "77")]), "g", None).unwrap(), writing(&log(&[(alias, "77")]), None).unwrap()]
        {
            let names = format!("{properties:?}");
            let set = |name: &str| names.matches(&format!("{name:?}")).count();
            assert_eq!((set(name), set(alias), properties.get(name)), (1, 0, Some("77")), "{names}");
        }
    }
}

#[test]
fn what_the_guarantees_rest_on_is_refused_by_name_for_every_client() {
    for (key, allowed, _) in FIXED {
        let value = if allowed == Some("false") { "true" } else { "none" };
        let settings = log(&[(key, value)]);
        for failure in [reading(&settings, "g", None).unwrap_err(), writing(&settings, None).unwrap_err()] {
            assert_eq!(failure.kind, Kind::Settings);
            assert!(failure.what.contains(key), "{failure}");
        }
        if let Some(value) = allowed {
            assert!(writing(&log(&[(key, value)]), None).is_ok(), "{key}={value}");
        }
    }
    for (key, value) in [("acks", "-1"), ("acks", "0xffffffff"), ("check.crcs", "T"), ("enable.auto.commit", "0")] {
        assert!(
            writing(&log(&[(key, value)]), None).is_ok(),
            "{key}={value} is what is allowed, as librdkafka reads it"
        );
    }
    for (key, value) in [
        ("metadata.broker.list", "elsewhere:9092"),
        ("request.required.acks", "1"),
        ("topic.acks", "0"),
        ("topic.request.required.acks", "0"),
        ("topic.auto.offset.reset", "latest"),
    ] {
        let failure = writing(&log(&[(key, value)]), None).unwrap_err();
        assert!(failure.kind == Kind::Settings && failure.what.contains(key), "{failure}");
    }
}

#[test]
fn all_partitions_readers_together_read_a_bounded_number_of_bytes_ahead() {
    /// What librdkafka keeps of a record beside its key and value.
    const BESIDE: u64 = 512;
    for partitions in 1..=10_000 {
        let ahead = Ahead::of_one(partitions);
        let queued = u64::from(ahead.queued_kib) * 1024 + u64::from(ahead.records) * BESIDE;
        assert!(queued * u64::from(partitions) <= 256 << 20, "{partitions}: {ahead:?}");
        assert!(u64::from(ahead.fetch_bytes) * 4 <= u64::from(ahead.queued_kib) * 1024, "{partitions}: {ahead:?}");
    }
    assert_eq!(Ahead::of_one(1), Ahead { records: 10_000, queued_kib: 16_384, fetch_bytes: 1 << 20 });
    assert_eq!(Ahead::of_one(64), Ahead { records: 4_096, queued_kib: 2_048, fetch_bytes: 256 << 10 });
}

#[test]
fn where_readers_share_clients_the_broker_answers_sooner() {
    for (partitions, wait_ms) in [(8, None), (9, Some("50"))] {
        let settings = Log { partitions, ..log(&[]) };
        assert_eq!(reading(&settings, "g", None).unwrap().get("fetch.wait.max.ms"), wait_ms);
    }
}

#[test]
fn the_password_is_the_first_line_of_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    let mut settings = log(&[]);
    settings.kafka.password_file = file.display().to_string();
    let failure = writing(&settings, None).unwrap_err();
    assert!(failure.kind == Kind::Settings && failure.what.contains("password_file"), "{failure}");
    fs::write(&file, "\n").unwrap();
    assert!(writing(&settings, None).unwrap_err().what.contains("empty"));
    fs::write(&file, "top secret\r\nsecond\n").unwrap();
    assert_eq!(writing(&settings, None).unwrap().get("sasl.password"), Some("top secret"));
}

#[test]
fn a_build_without_tls_says_so() {
    assert!(needs_no_more_than(false, None).is_ok());
    assert!(needs_no_more_than(false, Some("PLAINTEXT")).is_ok());
    assert!(needs_no_more_than(true, Some("sasl_ssl")).is_ok());
    let failure = needs_no_more_than(false, Some("sasl_ssl")).unwrap_err();
    assert!(failure.kind == Kind::Settings && failure.to_string().contains("--features tls"), "{failure}");
}

#[test]
fn a_broker_can_tell_the_clients_apart_unless_a_person_names_them() {
    let id = |properties: Result<Properties, Failure>| properties.unwrap().get("client.id").map(str::to_owned);
    let mut few = log(&[]);
    few.partitions = 4;
    let named = |name: &str| Some(name.to_owned());
    assert_eq!(id(reading(&few, "g", None)), named("isotherm-admin"));
    assert_eq!(id(reading(&few, "g", Some(3))), named("isotherm-read-3"));
    assert_eq!(id(writing(&few, None)), named("isotherm-write"));
    let many = settings::Log { partitions: 100, ..few };
    assert_eq!(id(reading(&many, "g", Some(3))), named("isotherm-read"), "it has several");
    assert_eq!(id(reading(&log(&[("client.id", "me")]), "g", Some(0))), named("me"));
}
