//! Queues of librdkafka and what comes through them, as values that are freed in the right order.

use std::ffi::{CStr, c_char, c_int};
use std::marker::PhantomData;
use std::ptr;
use std::time::Duration;

use rdkafka_sys as sys;
use sys::rd_kafka_resp_err_t as Code;
use tracing::debug;

use super::failure::ClientError;

/// A queue of a client that lives longer than `'client`.
pub struct Queue<'client> {
    queue: *mut sys::rd_kafka_queue_t,
    client: PhantomData<&'client ()>,
}

// SAFETY: librdkafka's queues may be moved to any thread.
unsafe impl Send for Queue<'_> {}
// SAFETY: librdkafka's queues may be used by several threads at once.
unsafe impl Sync for Queue<'_> {}

impl<'client> Queue<'client> {
    /// # Safety
    /// The queue exists and is the caller's to give away. Its client outlives it and all that comes from it: either it is
    /// borrowed for `'client`, or the caller keeps it behind them.
    pub unsafe fn new(queue: *mut sys::rd_kafka_queue_t) -> Self {
        Self { queue, client: PhantomData }
    }

    pub fn ptr(&self) -> *mut sys::rd_kafka_queue_t {
        self.queue
    }

    pub fn poll(&self, wait: Duration) -> Option<Event<'client>> {
        // SAFETY: the queue is alive, and so is its client.
        let event = unsafe { sys::rd_kafka_queue_poll(self.queue, milliseconds(wait)) };
        (!event.is_null()).then_some(Event { event, client: PhantomData })
    }
}

impl Drop for Queue<'_> {
    fn drop(&mut self) {
        // SAFETY: it is ours and not used again.
        unsafe { sys::rd_kafka_queue_destroy(self.queue) }
    }
}

/// Something that a client says, which lives longer than `'client`.
pub struct Event<'client> {
    event: *mut sys::rd_kafka_event_t,
    client: PhantomData<&'client ()>,
}

impl Event<'_> {
    pub fn ptr(&self) -> *mut sys::rd_kafka_event_t {
        self.event
    }

    pub fn kind(&self) -> c_int {
        // SAFETY: the event is alive.
        unsafe { sys::rd_kafka_event_type(self.event) }
    }

    pub fn code(&self) -> Code {
        // SAFETY: the event is alive.
        unsafe { sys::rd_kafka_event_error(self.event) }
    }

    /// The text of the event's error.
    pub fn reason(&self) -> Option<&CStr> {
        // SAFETY: the event is alive, and borrowed for as long as the text is used, which it owns.
        unsafe { text(sys::rd_kafka_event_error_string(self.event)) }
    }

    /// An outage makes many lines and is told elsewhere, once; so no line is more than a detail.
    pub fn log(&self) {
        let (mut facility, mut line, mut level) = (ptr::null(), ptr::null(), 0);
        // SAFETY: the event is alive, and so is what is written to.
        let failed = unsafe { sys::rd_kafka_event_log(self.event, &raw mut facility, &raw mut line, &raw mut level) };
        if failed == 0 {
            // SAFETY: the event is alive and owns both texts, which are copied at once.
            let (facility, line) = unsafe { (words(text(facility)), words(text(line))) };
            debug!(target: "librdkafka", facility, level, "{line}");
        }
    }

    pub fn messages(&self, each: &mut impl FnMut(&sys::rd_kafka_message_t)) {
        // SAFETY: the event is alive and owns the messages that it gives.
        while let Some(message) = unsafe { sys::rd_kafka_event_message_next(self.event).as_ref() } {
            each(message);
        }
    }
}

impl Drop for Event<'_> {
    fn drop(&mut self) {
        // SAFETY: it is ours and not used again.
        unsafe { sys::rd_kafka_event_destroy(self.event) }
    }
}

pub fn milliseconds(time: Duration) -> c_int {
    c_int::try_from(time.as_millis()).unwrap_or(c_int::MAX)
}

/// What an error object of librdkafka says, which is given back; `None` for a null pointer.
///
/// # Safety
/// The pointer is null, or the error is the caller's and not used again.
pub unsafe fn taken(error: *mut sys::rd_kafka_error_t) -> Option<ClientError> {
    if error.is_null() {
        return None;
    }
    // SAFETY: the error is alive until it is given back, and owns its text, which is copied before.
    unsafe {
        let (code, reason) = (sys::rd_kafka_error_code(error), words(text(sys::rd_kafka_error_string(error))));
        sys::rd_kafka_error_destroy(error);
        Some(ClientError { code, reason })
    }
}

/// A text of librdkafka, where there is one.
///
/// # Safety
/// The pointer is null, or points to a text with a zero byte at its end that is alive and unchanged for `'a`.
pub unsafe fn text<'a>(text: *const c_char) -> Option<&'a CStr> {
    // SAFETY: as said above.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) })
}

/// A copy of the text without the line end that some have; empty for a null.
pub fn words(text: Option<&CStr>) -> String {
    text.map(|text| text.to_string_lossy().trim().to_owned()).unwrap_or_default()
}
