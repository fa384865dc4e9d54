//! Values of `source.kind` that stand for `csv` with settings of its own: a layer above the defaults.

const PRESETS: [(&str, &str); 4] = [
    ("ghcn_by_year", include_str!("../../settings/presets/ghcn_by_year.toml")),
    ("ghcn_access", include_str!("../../settings/presets/ghcn_access.toml")),
    ("gsod", include_str!("../../settings/presets/gsod.toml")),
    ("meteostat", include_str!("../../settings/presets/meteostat.toml")),
];

/// The name and the settings of a preset, if this is one.
pub(super) fn preset(kind: &str) -> Option<(&'static str, &'static str)> {
    PRESETS.into_iter().find(|(name, _)| *name == kind)
}
