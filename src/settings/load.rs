//! The effective settings, and where each of them comes from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use config::ValueKind;
use serde::Serialize;

use crate::failure::{Failure, Kind};

use super::layer::{Layer, Leaf, SettingOrigin, one_key, read, shown, tree};
use super::model::Settings;
use super::presets::preset;
use super::unused::{in_objects, refuse_unused};
use super::validate::together;

/// The weakest layer: every key with its default.
pub(super) const DEFAULTS: &str = include_str!("../../settings/default.toml");

/// What the command line says about settings.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    pub file: Option<PathBuf>,
    /// Each `KEY=VALUE`; the last one of a key counts.
    pub sets: Vec<String>,
}

/// One effective setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EffectiveSetting {
    pub key: String,
    /// In the notation of TOML; a secret is masked.
    pub value: String,
    pub origin: SettingOrigin,
}

/// The settings that count, and each of them with its origin, sorted by key.
#[derive(Clone, Debug)]
pub struct Effective {
    pub settings: Settings,
    pub entries: Vec<EffectiveSetting>,
}

/// The variables of this process that can be settings. One that is not UTF-8 is passed over.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// Loads the settings: `--set` before the environment before the file before what `source.kind` stands for before the defaults.
pub fn load(sources: &Sources, environment: impl Iterator<Item = (String, String)>) -> Result<Effective, Failure> {
    let defaults = || Layer::from_toml(DEFAULTS, &SettingOrigin::Default);
    let mut layers = vec![defaults()?];
    if let Some(path) = &sources.file {
        layers.push(Layer::from_toml(&read(path)?, &SettingOrigin::File(path.clone()))?);
    }
    layers.push(Layer::from_environment(environment)?);
    layers.push(Layer::from_sets(&sources.sets)?);
    let mut kinds = layers.iter().flat_map(|layer| &layer.0).filter(|leaf| leaf.key == "source.kind");
    let preset = kinds.next_back().and_then(|kind| match &kind.value {
        ValueKind::String(kind) => preset(kind),
        _ => None,
    });
    if let Some((name, text)) = preset {
        layers.insert(1, Layer::from_toml(text, &SettingOrigin::Preset(name))?);
    }

    // A property is one key, whichever of its names a layer uses.
    let mut leaves: BTreeMap<String, Leaf> = BTreeMap::new();
    for layer in layers {
        leaves.extend(layer.0.into_iter().map(|leaf| (one_key(&leaf.key), leaf)));
    }
    in_objects(&mut leaves)?;
    // Every value was checked against the table of keys: what is left is a table that does not fit the types.
    let settings: Settings = tree(leaves.values())
        .try_deserialize()
        .map_err(|error| Failure::fatal(Kind::Internal, format!("the settings could not be put together: {error}")))?;
    let at = |key: &str| {
        leaves.get(&one_key(key)).map_or_else(
            || key.to_owned(),
            |leaf| format!("{} is {} ({})", leaf.key, shown(&leaf.key, &leaf.value), leaf.place),
        )
    };
    let section = settings.source.files().and_then(|(key, _)| key.strip_suffix("files"));
    refuse_unused(&leaves, &defaults()?.0, section, at)?;
    together(&settings, at)?;
    let mut entries: Vec<EffectiveSetting> = leaves
        .into_values()
        .map(|leaf| EffectiveSetting { value: shown(&leaf.key, &leaf.value), key: leaf.key, origin: leaf.place.origin })
        .collect();
    entries.sort_by(|one, other| one.key.cmp(&other.key));
    Ok(Effective { settings, entries })
}
