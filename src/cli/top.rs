//! `isotherm top`: a running process in a terminal.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::arguments::SettingsArguments;
use super::{Outcome, output};
use crate::failure::{Failure, Kind};
use crate::watch::terminal;

const EXAMPLES: &str = "\
Examples:
  isotherm top
  isotherm top --settings settings/demo.toml
  isotherm top http://127.0.0.1:9000 --once

It shows what a process serves that was started with web.listen set: totals, partitions, the tree of actors with the
restarts they have left, the last crashes, the stations, and the last audit. Press ? for all keys. It goes on trying
while nothing answers. Without a terminal, and with --once, it prints one screen as text; exit code 69 if nothing
answers.";

/// Bytes of a file with a token.
const TOKEN_BYTES_MAX: u64 = 4096;

/// Watch a running process in a terminal
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// Address of the process, as http://127.0.0.1:8470; else that of web.listen
    address: Option<String>,
    #[command(flatten)]
    settings: SettingsArguments,
    /// File whose first line is the token; else web.token, best as the environment variable ISOTHERM_WEB__TOKEN
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Print one screen as text and end
    #[arg(long)]
    once: bool,
    /// Time between two looks, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 500, value_parser = clap::value_parser!(u64).range(100..=60_000))]
    interval_ms: u64,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let web = arguments.settings.effective()?.settings.web;
    let address = match &arguments.address {
        Some(text) => terminal::typed_address(text)?,
        None => terminal::address_of(web.address())?,
    };
    let token = match &arguments.token_file {
        Some(path) => Some(token(path)?),
        None => Some(web.token).filter(|token| !token.is_empty()),
    };
    if arguments.once || !io::stdout().is_terminal() {
        output::print(&terminal::once(address, token)?)?;
    } else {
        terminal::live(address, token, Duration::from_millis(arguments.interval_ms))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The first line of a file.
fn token(path: &Path) -> Result<String, Failure> {
    let failed = |why: String| Failure::fatal(Kind::Settings, format!("the token in {}: {why}", path.display()));
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(TOKEN_BYTES_MAX).read_to_string(&mut text));
    read.map_err(|error| failed(error.to_string()))?;
    match text.lines().next().map(str::trim) {
        Some(token) if !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(token.to_owned()),
        _ => Err(failed("the first line is not one of visible ASCII characters".to_owned())),
    }
}
