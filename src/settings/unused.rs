//! Settings that would count for nothing: a person who sets one expects it to count.

use std::collections::BTreeMap;

use config::ValueKind;

use super::layer::{Leaf, SettingOrigin, SettingPlace};
use crate::failure::{Failure, Kind};

/// Sections of sources of files, and where readings come from under each.
const SECTIONS: [(&str, &str); 2] =
    [("source.csv.", "\"csv\" or a preset of it"), ("source.ghcn_daily.", "\"ghcn_daily\"")];
/// Settings that count only where another one, which is a text, is set; or only where it is not.
const WITH: [(&str, &str); 4] = [
    ("state.commit_interval_ms", "state.url"),
    ("source.csv.flag_part", "source.csv.flag_column"),
    ("source.csv.flag_failed", "source.csv.flag_column"),
    ("source.csv.flag_column", "source.csv.flag_failed"),
];
const WITHOUT: [(&str, &str); 2] =
    [("source.csv.date_column", "source.csv.year_column"), ("source.csv.date_format", "source.csv.year_column")];

/// A preset that sets this one reads a column whose flags stand in a column beside it.
const BY_FLAG: &str = "source.csv.flag_part";

/// A failure if a setting that differs from its default counts for nothing. `section` is the one that `source.kind` reads, and
/// `at` says a key's value and where it came from.
///
/// Several sources may stand side by side in one file: each has its files then, and `source.kind` is set.
pub(super) fn refuse_unused(
    leaves: &BTreeMap<String, Leaf>,
    defaults: &[Leaf],
    section: Option<&str>,
    at: impl Fn(&str) -> String,
) -> Result<(), Failure> {
    let is_given = |leaf: &&Leaf| !matches!(leaf.place.origin, SettingOrigin::Default | SettingOrigin::Preset(_));
    let differs =
        |leaf: &&Leaf| defaults.iter().all(|default| (&default.key, &default.value) != (&leaf.key, &leaf.value));
    let given = |key: &str| leaves.get(key).filter(is_given);
    let is_empty = |key: &str| leaves.get(key).is_some_and(|leaf| leaf.value == ValueKind::String(String::new()));
    let refused = |key: &str, other: &str, advice: String| {
        let what = format!("{} and counts for nothing, as {}", at(key), at(other));
        Err(Failure::fatal(Kind::Settings, what).advice(advice))
    };
    for (other, kind) in SECTIONS.into_iter().filter(|(other, _)| Some(*other) != section) {
        let is_beside = given("source.kind").is_some() && given(&format!("{other}files")).filter(differs).is_some();
        let mut keys = leaves.values().filter(|leaf| leaf.key.starts_with(other)).filter(is_given).filter(differs);
        if let Some(Leaf { key, .. }) = keys.next().filter(|_| !is_beside) {
            return refused(key, "source.kind", format!("set source.kind to {kind}, or take {key} out"));
        }
    }
    let of_preset = |key: &str| leaves.get(key).filter(|leaf| matches!(leaf.place.origin, SettingOrigin::Preset(_)));
    let (degrees, flag) = ("source.csv.degrees_column", "source.csv.flag_column");
    for (key, other) in [(degrees, flag), (flag, degrees)] {
        if given(key).filter(differs).is_some() && of_preset(other).is_some() && of_preset(BY_FLAG).is_some() {
            let what = format!("{}, and {}: the flags would be those of another value", at(key), at(other));
            return Err(Failure::fatal(Kind::Settings, what).advice(format!("set {other}, too")));
        }
    }
    let with = WITH.iter().filter(|(_, other)| is_empty(other));
    let without = WITHOUT.iter().filter(|(_, other)| !is_empty(other));
    match with.chain(without).find(|(key, _)| given(key).filter(differs).is_some()) {
        Some((key, other)) => refused(key, other, format!("take {key} out, or set {other} otherwise")),
        None => Ok(()),
    }
}

/// Where results are in a store of objects: what counts in place of settings for a folder, and which of them must not stand beside
/// its address.
pub(super) fn in_objects(leaves: &mut BTreeMap<String, Leaf>) -> Result<(), Failure> {
    let Some(url) = leaves.get("state.url").filter(|leaf| leaf.value != ValueKind::String(String::new())) else {
        return Ok(());
    };
    let beside = |key: &str| {
        let leaf = leaves.get(key).filter(|leaf| leaf.place.origin.layer() >= url.place.origin.layer())?;
        Some(format!("{key} stands at {}, and state.url at {}: the folder counts for nothing", leaf.place, url.place))
    };
    if let Some(what) = beside("state.dir").or_else(|| beside("state.allow_network_filesystem")) {
        return Err(Failure::fatal(Kind::Settings, what).advice("keep one of them"));
    }
    let (key, replaced) = ("state.commit_interval_ms", "consume.commit_interval_ms");
    let (value, origin) = (leaves[key].value.clone(), SettingOrigin::Key(key));
    let place = SettingPlace { origin, line: None };
    leaves.insert(replaced.to_owned(), Leaf { key: replaced.to_owned(), value, place });
    Ok(())
}
