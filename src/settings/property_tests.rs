use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::*;
use crate::settings::{Effective, SettingOrigin, Sources, load};

/// Settings of a file with this text, of these variables and sets; else the failure in words.
fn loaded(file: &str, variables: &[(&str, &str)], sets: &[&str]) -> Result<Effective, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.toml");
    fs::write(&path, file).expect("it is written");
    let sources = Sources { file: Some(path), sets: sets.iter().map(|set| (*set).to_owned()).collect() };
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    load(&sources, variables).map_err(|failure| failure.to_string())
}

fn client(effective: &Effective) -> Vec<(&str, &str)> {
    effective.settings.log.kafka.client.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

/// What librdkafka says of itself: for each section (of clients, of topics) its properties, each with the one that it is an
/// alias of. Those that only a program can set are left out.
fn librdkafka() -> [BTreeMap<String, Option<String>>; 2] {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("CONFIGURATION.md");
    let name = std::ffi::CString::new(path.to_str().expect("UTF-8")).expect("no NUL");
    // SAFETY: name and mode are alive; the file is written to while it is open, and closed once.
    unsafe {
        let file = libc::fopen(name.as_ptr(), c"w".as_ptr());
        assert!(!file.is_null());
        rdkafka_sys::rd_kafka_conf_properties_show(file);
        libc::fclose(file);
    }
    let text = fs::read_to_string(path).expect("it was written");
    let (of_clients, of_topics) = text.split_once("## Topic configuration").expect("two sections");
    [of_clients, of_topics].map(|section| {
        let rows = section.lines().filter(|line| line.contains(" | ") && !line.ends_with("see dedicated API*"));
        let row = |line: &str| {
            let name = line.split(" | ").next().expect("a cell").trim().to_owned();
            let of = line.split_once("Alias for `").and_then(|(_, rest)| rest.split_once('`'));
            (name, of.map(|(of, _)| of.to_owned()))
        };
        rows.map(row).filter(|(name, _)| name != "Property").collect()
    })
}

#[test]
fn every_alias_that_librdkafka_has_means_one_property() {
    let [of_clients, of_topics] = librdkafka();
    assert!(of_clients.len() > 100 && of_topics.len() > 10, "{of_topics:?}");
    let (mut names, mut aliases) = (BTreeSet::new(), 0);
    for (name, of) in &of_clients {
        match of {
            Some(of) => {
                assert_eq!(one_name(name), one_name(of));
                aliases += 1;
            }
            None => assert!(names.insert(one_name(name).to_owned()), "{name} is not another property"),
        }
    }
    for (name, of) in &of_topics {
        let with_prefix = format!("topic.{name}");
        match of {
            Some(of) => {
                assert_eq!(one_name(&with_prefix), one_name(&format!("topic.{of}")));
                aliases += 1;
            }
            None => assert!(names.insert(one_name(&with_prefix).to_owned()), "{name} is not another property"),
        }
        if !of_clients.contains_key(name) {
            assert_eq!(one_name(name), one_name(&with_prefix));
        }
    }
    assert_eq!(aliases, ALIASES.len(), "a name in the table is no alias");
    let of_topics_alone: BTreeSet<&str> =
        of_topics.keys().map(String::as_str).filter(|name| !of_clients.contains_key(*name)).collect();
    assert_eq!(of_topics_alone, OF_TOPICS.into_iter().collect());
    for (alias, one) in ALIASES {
        assert_eq!((one_name(alias), one_name(one)), (one, one));
    }
}

#[test]
fn of_two_names_of_a_property_the_one_in_the_stronger_source_counts() {
    let file = "[log.kafka.client]\nmessage.send.max.retries = 3\n";
    let variable = "ISOTHERM_LOG__KAFKA__CLIENT__RETRIES";
    let effective = loaded(file, &[(variable, "5")], &[]).expect("they are good");
    assert_eq!(client(&effective), [("retries", "5")]);
    let entries: Vec<_> = effective.entries.iter().filter(|entry| entry.key.contains("retries")).collect();
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!(entries[0].origin, SettingOrigin::Environment(variable.to_owned()));
    let sets = ["log.kafka.client.retries=7", "log.kafka.client.message.send.max.retries=8"];
    let effective = loaded(file, &[], &sets).expect("they are good");
    assert_eq!(client(&effective), [("message.send.max.retries", "8")], "of --set the last one counts");
}

#[test]
fn two_names_of_a_property_in_one_source_are_refused() {
    let file = "[log.kafka.client]\n\"delivery.timeout.ms\" = 4000\n\"topic.message.timeout.ms\" = 3000\n";
    let variables =
        [("ISOTHERM_LOG__KAFKA__CLIENT__ACKS", "all"), ("ISOTHERM_LOG__KAFKA__CLIENT__REQUEST_REQUIRED_ACKS", "-1")];
    for (failure, said) in [
        (loaded(file, &[], &[]), ["x.toml line 2", "x.toml line 3", "delivery.timeout.ms", "topic.message.timeout.ms"]),
        (loaded("", &variables, &[]), [variables[0].0, variables[1].0, "client.acks", "client.request.required.acks"]),
    ] {
        let failure = failure.expect_err("which of them is meant?");
        for words in said.into_iter().chain(["another name of", "keep one"]) {
            assert!(failure.contains(words), "{failure}\nlacks: {words}");
        }
    }
}

#[test]
fn a_write_may_wait_no_longer_than_the_heartbeat_allows_whatever_the_property_is_called() {
    for name in ["message.timeout.ms", "delivery.timeout.ms", "topic.message.timeout.ms", "topic.delivery.timeout.ms"] {
        let file = format!("[log]\nkind = \"kafka\"\n[log.kafka.client]\n{name:?} = 60000\n");
        let failure = loaded(&file, &[], &[]).expect_err(name);
        assert!(failure.contains(&format!("log.kafka.client.{name} is")) && failure.contains("hung"), "{failure}");
    }
}

#[test]
fn a_write_may_wait_as_long_as_librdkafka_reads_and_no_longer() {
    let timeout = |value: &str| {
        let file = format!("[log]\nkind = \"kafka\"\n[log.kafka.client]\n\"message.timeout.ms\" = {value:?}\n");
        loaded(&file, &[], &[])
    };
    for good in ["1", "5000", "0x1388", "011610", "4000ms"] {
        assert!(timeout(good).is_ok(), "{good}");
    }
    // 2^32 is 0 where a number has 32 bits, and 0 is for ever.
    for (bad, said) in [
        ("5001", "hung"),
        ("0x7fffffff", "hung"),
        ("0x100000000", "hung"),
        ("0", "hung"),
        ("for ever", "Invalid value"),
        ("-1", "outside allowed range"),
        ("", "cannot be set to empty value"),
    ] {
        let failure = timeout(bad).expect_err(bad);
        for words in [&format!("log.kafka.client.message.timeout.ms is {bad:?}"), "x.toml line 4", said, "5000"] {
            assert!(failure.contains(words), "{failure}\nlacks: {words}");
        }
    }
}
