//! The command line: one file a verb.
//!
//! Guarantees: the standard output is data, everything else goes to the standard error; nothing is ever asked; a
//! failure is one line that begins with `isotherm:` and says what can be done; a closed pipe ends the program quietly.
//! May use every other folder.
//!
//! Exit codes (sysexits): 0 done, 1 `audit` found a wrong file or `chaos` a violation, and for failures those of [`crate::failure::Kind`]:
//! 64 usage, 65 data, 69 unavailable, 70 internal, 74 I/O, 75 try again, 78 settings.

mod arguments;
mod audit;
mod chaos;
mod config;
mod consume;
mod copy;
mod debug;
mod display;
mod engine;
pub mod logging;
mod output;
mod overview;
mod plot;
mod preview;
mod produce;
mod rebuild;
mod run;
mod show;
mod source;
mod store;
mod summary;
mod top;
mod twins;
mod waiting;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::{Failure, Kind};
use crate::standard_error;

const EXIT_CODES: &str = "\
Start here:
  isotherm run settings/demo.toml
  isotherm show --settings settings/demo.toml

Exit codes:
   0  done
   1  audit: a file is wrong; chaos: an invariant does not hold; store check: the store cannot be trusted
  64  the command line is wrong
  65  data is damaged, foreign or incomplete
  69  a service is not there
  70  something within the program broke
  74  a disk or a file failed
  75  another process has it, or it did not finish in time: try again
  78  the settings are wrong, or do not fit what is there

The standard output is data; log lines, progress and failures go to the standard error. NO_COLOR is respected.";

/// Exact, crash-proof statistics per weather station from a partitioned record log
#[derive(Debug, Parser)]
#[command(name = "isotherm", version, after_help = EXIT_CODES)]
struct CommandLine {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Run(run::Arguments),
    Produce(produce::Arguments),
    Consume(consume::Arguments),
    Debug(debug::Arguments),
    Show(show::Arguments),
    Source(source::Arguments),
    Preview(preview::Arguments),
    Plot(plot::Arguments),
    Audit(audit::Arguments),
    Top(top::Arguments),
    Chaos(chaos::Arguments),
    Rebuild(rebuild::Arguments),
    Store(store::Arguments),
    Config(config::Arguments),
}

/// Runs what the command line says and returns the exit code.
pub fn main() -> ExitCode {
    let _last_lines = standard_error::report_panics();
    let verb = match CommandLine::try_parse() {
        Ok(command_line) => command_line.verb,
        Err(error) if error.use_stderr() => {
            let text = error.render();
            let text = if standard_error::is_colored() { text.ansi().to_string() } else { text.to_string() };
            standard_error::tell(&text);
            return exit_code(Kind::Usage);
        }
        Err(help) => {
            // Help that was asked for is data; a standard output that nobody reads is no failure.
            drop(help.print());
            return ExitCode::SUCCESS;
        }
    };
    let outcome = match verb {
        Verb::Run(arguments) => run::run(&arguments),
        Verb::Produce(arguments) => produce::run(&arguments),
        Verb::Consume(arguments) => consume::run(&arguments),
        Verb::Debug(arguments) => debug::run(&arguments),
        Verb::Show(arguments) => show::run(&arguments),
        Verb::Source(arguments) => source::run(&arguments),
        Verb::Preview(arguments) => preview::run(&arguments),
        Verb::Plot(arguments) => plot::run(&arguments),
        Verb::Audit(arguments) => audit::run(&arguments),
        Verb::Top(arguments) => top::run(&arguments),
        Verb::Chaos(arguments) => chaos::run(&arguments),
        Verb::Rebuild(arguments) => rebuild::run(&arguments),
        Verb::Store(arguments) => store::run(&arguments),
        Verb::Config(arguments) => config::run(&arguments),
    };
    outcome.unwrap_or_else(|failure| {
        output::tell(&failure);
        exit_code(failure.kind)
    })
}

fn exit_code(kind: Kind) -> ExitCode {
    ExitCode::from(kind.exit_code())
}

/// How a verb ends.
type Outcome = Result<ExitCode, Failure>;
