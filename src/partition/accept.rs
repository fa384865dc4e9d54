//! Whether what a partition's file says of itself is what is counted here.

use super::format::{self, Checkpoint};
use super::{Identity, advice};
use crate::domain::{PartitionState, Rules};
use crate::failure::{Failure, Kind};

/// Where a partition's file lies, for messages and their advice.
pub struct Place<'a> {
    pub file: &'a str,
    /// The setting that says where files lie.
    pub setting: &'static str,
    pub partition: u32,
}

impl Place<'_> {
    /// Reads the file and compares what it says of itself with where it is. Gives its version, too.
    pub fn accept(&self, bytes: &[u8], identity: &Identity, rules: &Rules) -> Result<(u64, PartitionState), Failure> {
        let Self { file, setting, partition } = *self;
        let rebuild = advice::rebuild(partition);
        let Checkpoint { version, identity: found, state } = format::parse(file, bytes)?;
        let refuse = |kind: Kind, what: String, advice: String| Err(Failure::fatal(kind, what).advice(advice));
        if found.topic != identity.topic {
            let what = format!("{file} belongs to the topic {:?}, not to {:?}", found.topic, identity.topic);
            return refuse(Kind::Settings, what, format!("set log.topic back, or use another place with {setting}"));
        }
        if found.log_id != identity.log_id {
            let what = format!(
                "{file} was made from another log: the topic {:?} had the id {} and has {} now, so it was deleted and \
                 created again, or this is another server",
                identity.topic, found.log_id, identity.log_id
            );
            return refuse(Kind::Data, what, format!("go back to that log, use another {setting}, or {rebuild}"));
        }
        if found.partition != identity.partition {
            let what = format!("{file} holds partition {}, not {}", found.partition, identity.partition);
            return refuse(Kind::Data, what, format!("give it its name back, or {rebuild}"));
        }
        if found.partitions != identity.partitions {
            let what = format!(
                "{file} was made when the topic {:?} had {} partitions; it has {} now, and stations changed theirs",
                identity.topic, found.partitions, identity.partitions
            );
            let advice = format!(
                "where partitions were added, start over with log.on_start = \"recreate\", or with another log.topic and \
                 another {setting}; else set log.partitions back"
            );
            return refuse(Kind::Settings, what, advice);
        }
        let differing = differing_rules(&state.rules, rules);
        if !differing.is_empty() {
            let what = format!("{file} was made under other rules: {}", differing.join(", "));
            return refuse(Kind::Settings, what, format!("set them back, or {rebuild}"));
        }
        Ok((version, state))
    }
}

/// Each rule that differs, by the name of its setting.
fn differing_rules(file: &Rules, settings: &Rules) -> Vec<String> {
    let Rules { format, degrees_min, degrees_max, stations_max, rejected_bytes_max } = file;
    let rules = [
        ("log.format", format.name().to_owned(), settings.format.name().to_owned()),
        ("quality.degrees_min", degrees_min.to_string(), settings.degrees_min.to_string()),
        ("quality.degrees_max", degrees_max.to_string(), settings.degrees_max.to_string()),
        ("quality.stations_max", stations_max.to_string(), settings.stations_max.to_string()),
        ("quality.rejected_bytes_max", rejected_bytes_max.to_string(), settings.rejected_bytes_max.to_string()),
    ];
    let differing = rules.into_iter().filter(|(_, file, settings)| file != settings);
    differing.map(|(name, file, settings)| format!("{name} was {file} and is {settings}")).collect()
}
