//! Arguments that verbs have in common.

use std::path::PathBuf;

use clap::Args;

use super::logging;
use crate::failure::{Failure, Kind};
use crate::open_files;
use crate::settings::{self, Effective, Partitions, Settings, Sources};

#[derive(Debug, Args)]
pub struct SettingsArguments {
    /// Settings file, else the one that the environment variable ISOTHERM_SETTINGS names; keys that it does not have keep
    /// their defaults
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,
    /// One setting, stronger than file and environment, as log.partitions=8; repeatable
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub sets: Vec<String>,
}

#[derive(Debug, Args)]
pub struct WatchArguments {
    /// Print the address of the dashboard, and keep it open until Ctrl-C when everything is done; where web.listen is
    /// empty it is 127.0.0.1:8470
    #[arg(long)]
    pub open: bool,
}

impl WatchArguments {
    /// Sees to it that there is a dashboard, where it is to be opened.
    pub fn applied(&self, mut settings: Settings) -> Settings {
        if self.open && settings.web.listen.is_empty() {
            settings.web.listen = "127.0.0.1:8470".to_owned();
        }
        settings
    }
}

impl SettingsArguments {
    /// Where the settings come from, beside the environment.
    pub fn sources(&self) -> Sources {
        // An empty variable counts as one that is not set: a compose file passes on those of its own that are not set.
        let named = std::env::var_os("ISOTHERM_SETTINGS").filter(|name| !name.is_empty());
        let file = self.settings.clone().or_else(|| named.map(PathBuf::from));
        Sources { file, sets: self.sets.clone() }
    }

    /// The effective settings with their origins.
    pub fn effective(&self) -> Result<Effective, Failure> {
        settings::load(&self.sources(), settings::environment())
    }

    /// The settings; from here on log lines are written as they say.
    pub fn start(&self) -> Result<Settings, Failure> {
        let settings = self.effective()?.settings;
        open_files::check(1)?;
        logging::start(&settings.output)?;
        Ok(settings)
    }
}

/// The partitions that the command line lists, each once and in order, else those of the settings.
pub fn partitions(listed: &[u32], settings: &Settings) -> Result<Vec<u32>, Failure> {
    let count = settings.log.partitions;
    if let Some(beyond) = listed.iter().find(|&&partition| partition >= count) {
        let what = format!("there is no partition {beyond}; topic {} has {count} by its settings", settings.log.topic);
        return Err(Failure::fatal(Kind::Usage, what).advice(format!("allowed: 0 to {}", count - 1)));
    }
    let mut partitions = match &settings.consume.partitions {
        _ if !listed.is_empty() => listed.to_vec(),
        Partitions::All(_) => (0..count).collect(),
        Partitions::Listed(listed) => listed.clone(),
    };
    partitions.sort_unstable();
    partitions.dedup();
    Ok(partitions)
}
