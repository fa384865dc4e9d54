//! `isotherm debug`: prints records of all partitions as they come. It changes nothing anywhere.

mod lines;
mod python;
mod readers;

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use clap::Args;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::arguments::SettingsArguments;
use super::{Outcome, output};
use crate::domain::{Rules, Scratch};
use crate::failure::Failure;
use crate::log;
use crate::pipeline::signals::{self, SIGINT, SIGTERM};
use lines::Said;
use readers::{ReadBatch, Readers};

const EXAMPLES: &str = "\
Examples:
  isotherm debug --settings settings/kafka.toml
  isotherm debug --from-beginning --limit 10
  isotherm debug --json | jq .degrees

A line a record: {'station_id': 'StationC', 'date': '2008-12-17', 'degrees': 35.2621, 'partition': 2}
One that would not count says why, and its key: 'rejected': 'key_mismatch', 'key': None. (Whether a day came before is
not known here.) Records that cannot be decoded have a line with offset, reason, lengths and the first bytes as base64. With --json,
degrees that JSON has no number for are the texts \"nan\", \"inf\" and \"-inf\". It ends at SIGINT, SIGTERM, or when its
output is closed.";

/// How often it is looked whether anybody still reads the output.
const LOOK: Duration = Duration::from_millis(250);

/// Time for the readers to end after the last line.
const END_MAX: Duration = Duration::from_secs(2);

/// Print the records of all partitions as they come
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Arguments {
    /// From the first record that the log has, instead of from its end
    #[arg(long)]
    from_beginning: bool,
    /// End after this many records
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    #[command(flatten)]
    settings: SettingsArguments,
    /// As JSON lines, with offsets
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments) -> Outcome {
    let settings = arguments.settings.start()?;
    let log = log::open(&settings)?;
    let (readers, messages) = Readers::start(log, arguments.from_beginning)?;
    let (json, limit, rules) = (arguments.json, arguments.limit.unwrap_or(u64::MAX), settings.rules());
    signals::listen(&[SIGINT, SIGTERM], |_| {}, signals::end_by)?;
    let print_all = move || {
        let mut stdout = BufWriter::with_capacity(1 << 16, io::stdout().lock());
        print(&messages, json, limit, &rules, &mut stdout, is_closed)
    };
    let printed = output::print_unless_asked_to_end(print_all, Duration::ZERO);
    readers.stop(END_MAX);
    printed.map(|_| ExitCode::SUCCESS)
}

/// Prints until the limit, the last reader's end, or the output is closed.
fn print(
    messages: &Receiver<ReadBatch>,
    json: bool,
    limit: u64,
    rules: &Rules,
    output: &mut impl Write,
    is_closed: impl Fn() -> bool,
) -> Result<(), Failure> {
    let write = if json { lines::json } else { lines::python };
    let mut left = limit;
    let (mut line, mut scratch) = (String::new(), Scratch::default());
    loop {
        let message = match messages.try_recv() {
            Ok(message) => message,
            Err(_) => {
                if !output::written(output.flush())? {
                    return Ok(());
                }
                match messages.recv_timeout(LOOK) {
                    Ok(message) => message,
                    Err(RecvTimeoutError::Timeout) if !is_closed() => continue,
                    Err(_) => return Ok(()),
                }
            }
        };
        let (partition, batch) = match message {
            Ok(read) => read,
            Err(failure) => return output::written(output.flush()).and(Err(failure)),
        };
        for record in batch.records() {
            line.clear();
            let rejected = rules.check(record, &mut scratch).err();
            let report = rules.format.decode(record, &mut scratch).map(|decoded| decoded.report);
            write(&mut line, partition, record, &Said { format: rules.format, report, rejected });
            line.push('\n');
            if !output::written(output.write_all(line.as_bytes()))? {
                return Ok(());
            }
            left -= 1;
            if left == 0 {
                return output::written(output.flush()).map(drop);
            }
        }
    }
}

/// Whether the reader of the standard output has closed it: seen even while there is nothing to write.
fn is_closed() -> bool {
    let stdout = io::stdout();
    let mut looked_at = [PollFd::new(&stdout, PollFlags::empty())];
    let answered = poll(&mut looked_at, Some(&Timespec::default()));
    answered.is_ok() && looked_at[0].revents().contains(PollFlags::ERR)
}

#[cfg(test)]
#[path = "debug_tests.rs"]
mod tests;
