//! Signals to the process, heard by a thread of their own: neither a busy thread nor an output that nobody reads keeps one
//! waiting.

use std::ffi::c_int;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use signal_hook::iterator::Signals;
use signal_hook::low_level::{emulate_default_handler, signal_name};

use crate::failure::{Failure, Kind};
use crate::standard_error;

pub use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

static ASKED: AtomicBool = AtomicBool::new(false);

/// From now on the first of these signals is given to `first`, by its name, and each further one to `further`.
pub fn listen(
    signals: &[c_int],
    first: impl FnOnce(&'static str) + Send + 'static,
    further: fn(c_int),
) -> Result<(), Failure> {
    let mut signals = Signals::new(signals)
        .map_err(|error| Failure::fatal(Kind::Internal, format!("signals cannot be listened to: {error}")))?;
    let hear = move || {
        let mut first = Some(first);
        for signal in signals.forever() {
            ASKED.store(true, Relaxed);
            match first.take() {
                Some(first) => first(signal_name(signal).unwrap_or("a signal")),
                None => further(signal),
            }
        }
    };
    thread::Builder::new()
        .name("isotherm-signals".to_owned())
        .spawn(hear)
        .map(drop)
        .map_err(|error| Failure::thread("isotherm-signals", &error))
}

/// Whether a signal has come that was listened to.
pub fn asked() -> bool {
    ASKED.load(Relaxed)
}

/// Writes the last lines, and ends the process as the signal would if it was not listened to.
pub fn end_by(signal: c_int) {
    standard_error::flush();
    // It fails for signals alone that there are not.
    drop(emulate_default_handler(signal));
}
