//! Panics of supervised code: caught, and told by the supervisor in one line instead of by Rust's own report.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use crate::faults::PlannedFault;

thread_local! {
    /// Whether this thread is within [`catch`].
    static SUPERVISED: Cell<bool> = const { Cell::new(false) };
    /// What the panic that is being caught says, and where it happened.
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Makes panics within [`catch`] quiet and keeps their message and place; all others are reported as before. Once a
/// process; [`super::supervise`] and [`super::Worker::new`] see to it.
pub fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let report = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !SUPERVISED.try_with(Cell::get).unwrap_or(false) {
                return report(info);
            }
            let message = message(info.payload());
            let told = match info.location() {
                Some(place) => format!("{message} ({}:{})", place.file(), place.line()),
                None => message,
            };
            // One more while the first is being caught, as in a drop: the process may be about to abort, so tell both.
            let first = LAST.try_with(|last| last.replace(Some(told))).unwrap_or(None);
            if let Some(first) = &first {
                eprintln!("panicked: {first}; then once more:");
                report(info);
            }
        }));
    });
}

/// Runs supervised code; a panic is an error that says what it said and where.
///
/// What the code had in its hands may be half changed then, so the caller must not use it again.
pub fn catch<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    let outer = SUPERVISED.replace(true);
    LAST.take();
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    SUPERVISED.set(outer);
    result.map_err(|payload| LAST.take().unwrap_or_else(|| message(payload.as_ref())))
}

/// What a panic says.
pub(super) fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .or_else(|| payload.downcast_ref::<PlannedFault>().map(PlannedFault::to_string))
        .unwrap_or_else(|| "without a message".to_owned())
}

#[cfg(test)]
#[path = "panic_tests.rs"]
mod tests;
