//! Settings: taken, or refused with the place and the key.

use std::fs;

use isotherm::failure::{Failure, Kind};
use isotherm::settings::{Effective, Sources, load};
use proptest::prelude::*;
use proptest::sample::select;

use super::{arbitrary, check, spoiled};

const DEFAULTS: &str = include_str!("../../settings/default.toml");

const WORDS: &[&str] = &[
    "[log]",
    "[log.kafka.client]",
    "[",
    "]",
    "[[",
    "=",
    "\"",
    "'''",
    "\n",
    "#",
    "\\u0000",
    "nan",
    "inf",
    "-1",
    "1e400",
    "0x7fffffffffffffff",
    "99999999999999999999",
    "true",
    "2000-02-30",
    "a.b.c",
    "partitions = 9",
    "kind = \"kafka\"",
    "points = [\"aggregator.apply@1=panic\"]",
    "{ a = 1 }",
    "ü",
];

/// Every key that there is.
fn keys() -> Vec<String> {
    fn walk(path: &str, value: &toml::Value, keys: &mut Vec<String>) {
        match value {
            toml::Value::Table(table) => {
                for (name, value) in table {
                    walk(&if path.is_empty() { name.clone() } else { format!("{path}.{name}") }, value, keys);
                }
            }
            _ => keys.push(path.to_owned()),
        }
    }
    let mut keys = vec!["log.kafka.client.sasl.username".to_owned()];
    walk("", &toml::from_str(DEFAULTS).expect("the defaults are TOML"), &mut keys);
    keys
}

/// The failure says where, and what the person can do.
fn told(loaded: &Result<Effective, Failure>, place: &str) -> Result<bool, TestCaseError> {
    if let Err(failure) = loaded {
        prop_assert_eq!(failure.kind, Kind::Settings, "{}", failure);
        prop_assert!(failure.what.contains(place) && failure.advice.is_some(), "{:?} says: {}", place, failure);
    }
    Ok(loaded.is_ok())
}

#[test]
fn a_file_of_settings_is_taken_or_refused_with_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("poison.toml");
    // Without its comments more of the changes change something; of one line, most.
    let plain: Vec<&str> = DEFAULTS.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
    let mut section = "";
    let mut lines = Vec::new();
    for line in &plain {
        if line.starts_with('[') {
            section = line;
        } else {
            lines.push(format!("{section}\n{line}\n").into_bytes());
        }
    }
    let bytes = prop_oneof![
        8 => spoiled(lines, WORDS),
        1 => spoiled(vec![plain.join("\n").into_bytes()], WORDS),
        1 => arbitrary(200),
    ];
    check("files of settings", 12_000, bytes, |bytes| {
        fs::write(&path, &bytes).expect("written");
        let loaded = load(&Sources { file: Some(path.clone()), sets: Vec::new() }, std::iter::empty());
        let taken = told(&loaded, "poison.toml")?;
        // What is no TOML has no keys; what is one is refused by a key of its own.
        let table = std::str::from_utf8(&bytes).ok().and_then(|text| text.parse::<toml::Table>().ok());
        if let (Err(failure), Some(table)) = (loaded, table) {
            prop_assert!(table.keys().any(|key| failure.what.contains(key.as_str())), "{}", failure);
        }
        Ok(taken)
    });
}

fn values() -> impl Strategy<Value = String> {
    let given = ["all", "0,1", "[0]", "sqlite", "4", "-0.5", "a@1=panic", "supervisor.restart@1=hang", "%Y", "1e-320"];
    let spoiled = spoiled(given.map(|text| text.as_bytes().to_vec()).to_vec(), WORDS);
    prop_oneof![
        spoiled.prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        select(WORDS).prop_map(str::to_owned),
        any::<String>(),
    ]
}

#[test]
fn a_set_is_taken_or_refused_with_its_key() {
    let good = (select(keys()), values()).prop_map(|(key, value)| (Some(key.clone()), format!("{key}={value}")));
    let text = prop_oneof![4 => good, 1 => values().prop_map(|text| (None, text))];
    check("--set", 20_000, text, |(key, text)| {
        let loaded = load(&Sources { file: None, sets: vec![text] }, std::iter::empty());
        told(&loaded, "--set")?;
        told(&loaded, key.as_deref().unwrap_or_default())
    });
}

#[test]
fn a_variable_is_taken_or_refused_with_its_name() {
    let name = select(keys()).prop_map(|key| format!("ISOTHERM_{}", key.to_uppercase().replace('.', "__")));
    let name = prop_oneof![6 => name, 1 => values().prop_map(|text| format!("ISOTHERM_{text}"))];
    check("variables", 20_000, (name, values()), |(name, value)| {
        let loaded = load(&Sources::default(), [(name.clone(), value)].into_iter());
        told(&loaded, &name)
    });
}
