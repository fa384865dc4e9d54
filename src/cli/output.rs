//! Printing: data on the standard output, one-line messages on the standard error.

use std::fmt;
use std::io::{self, Write};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use crate::failure::{Failure, Kind};
use crate::pipeline::signals;
use crate::standard_error;
use crate::supervision::panic;

/// How often it is looked whether a signal has come.
const LOOK: Duration = Duration::from_millis(50);

/// One line on the standard error. One that nobody reads is no failure.
pub fn tell(what: &dyn fmt::Display) {
    let line = what.to_string().replace('\n', " ");
    standard_error::tell(&format!("isotherm: {line}\n"));
}

/// Data on the standard output.
pub fn print(data: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    written(stdout.write_all(data.as_bytes()).and_then(|()| stdout.flush())).map(|_| ())
}

/// Prints in a thread of its own, where signals are listened to: the reader of the standard output is waited for until a
/// signal has come, and then for this time. Says whether all was printed.
pub fn print_unless_asked_to_end(
    print: impl FnOnce() -> Result<(), Failure> + Send + 'static,
    wait: Duration,
) -> Result<bool, Failure> {
    let (done, printed) = mpsc::channel();
    let work = move || {
        let died = |cause| Err(Failure::fatal(Kind::Internal, format!("the printing thread died: {cause}")));
        // After a signal the receiver may be gone: how the printing ended is of no interest then.
        drop(done.send(panic::catch(print).unwrap_or_else(died)));
    };
    let thread = thread::Builder::new().name("isotherm-print".to_owned());
    thread.spawn(work).map_err(|error| Failure::thread("isotherm-print", &error))?;
    let mut asked_at = None;
    loop {
        if let Ok(result) = printed.recv_timeout(LOOK) {
            return result.map(|()| true);
        }
        if signals::asked() && asked_at.get_or_insert_with(Instant::now).elapsed() >= wait {
            return Ok(false);
        }
    }
}

/// One JSON value on the standard output.
pub fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    print(&json_text(value))
}

/// A JSON value, indented, and a line end.
pub fn json_text(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).expect("what is printed are texts and finite numbers") + "\n"
}

/// The result of writing to the standard output: `false` if its reader is gone, which ends a program quietly.
pub fn written(result: io::Result<()>) -> Result<bool, Failure> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::fatal(Kind::Io, format!("cannot write to the standard output: {error}"))),
    }
}

/// A table as text, its last line end included; columns at the places `right` are aligned to the right.
pub fn table(header: &[&str], right: &[usize], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header.iter().map(|name| name.to_uppercase()));
    table.add_rows(rows);
    for (place, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if right.contains(&place) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}
