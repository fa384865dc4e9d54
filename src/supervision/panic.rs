//! Panics of supervised code, and of supervisors: caught, and told in one line instead of by Rust's own report.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::panic::{self, AssertUnwindSafe};
use std::pin::pin;
use std::sync::Once;
use std::task::Poll;

use crate::standard_error;

use crate::failure::PlannedFault;

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
                standard_error::tell(&format!("panicked: {first}; then once more:\n"));
                report(info);
                standard_error::flush();
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

/// As [`catch`], for what is waited for.
pub(super) async fn catch_future<T>(work: impl Future<Output = T>) -> Result<T, String> {
    let mut work = pin!(work);
    poll_fn(|waker| match catch(|| work.as_mut().poll(waker)) {
        Ok(poll) => poll.map(Ok),
        Err(message) => Poll::Ready(Err(message)),
    })
    .await
}

/// What a panic says.
fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .or_else(|| payload.downcast_ref::<PlannedFault>().map(PlannedFault::to_string))
        .unwrap_or_else(|| "without a message".to_owned())
}

#[cfg(test)]
#[path = "panic_tests.rs"]
mod tests;
