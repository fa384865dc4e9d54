//! `isotherm config`: the effective settings and where each of them comes from.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::arguments::SettingsArguments;
use super::{Outcome, output};

const EXAMPLES: &str = "\
Examples:
  isotherm config
  isotherm config --settings settings/kafka.toml --json
  ISOTHERM_LOG__PARTITIONS=8 isotherm config --check --set quality.degrees_max=60

Passwords are masked. A variable ISOTHERM_QUALITY__DEGREES_MIN stands for the key quality.degrees_min.";

/// Show the effective settings and where each comes from
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    settings: SettingsArguments,
    /// Only check them: prints nothing but what is wrong, exit code 78 if something is
    #[arg(long, conflicts_with = "json")]
    check: bool,
    /// As one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let effective = arguments.settings.effective()?;
    if arguments.json {
        let entries: BTreeMap<_, _> = effective
            .entries
            .iter()
            .map(|entry| (&entry.key, json!({ "value": typed(&entry.value), "origin": entry.origin })))
            .collect();
        output::print_json(&entries)?;
    } else if !arguments.check {
        let rows = effective.entries.into_iter().map(|entry| vec![entry.key, entry.value, entry.origin.to_string()]);
        output::print(&output::table(&["key", "value", "origin"], &[], rows))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A value in the notation of TOML as JSON has it.
fn typed(value: &str) -> serde_json::Value {
    let parsed = toml::from_str::<BTreeMap<String, serde_json::Value>>(&format!("value = {value}"));
    // A mask is no TOML.
    parsed.ok().and_then(|mut parsed| parsed.remove("value")).unwrap_or_else(|| value.into())
}
