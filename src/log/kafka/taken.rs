//! Messages that were taken from a queue of a client, and go before it.

use std::marker::PhantomData;
use std::time::Duration;

use rdkafka_sys as sys;

use super::queue::{Queue, milliseconds};

/// Messages that are ours, in the order in which they came, of a client that lives longer than `'client`.
#[derive(Default)]
pub struct Taken<'client> {
    messages: Vec<*mut sys::rd_kafka_message_t>,
    next: usize,
    client: PhantomData<&'client ()>,
}

// SAFETY: librdkafka's messages may be moved to any thread.
unsafe impl Send for Taken<'_> {}

impl<'client> Taken<'client> {
    pub fn is_empty(&self) -> bool {
        self.next == self.messages.len()
    }

    pub fn peek(&self) -> Option<&sys::rd_kafka_message_t> {
        // SAFETY: the messages from `next` on are ours and alive.
        self.messages.get(self.next).map(|message| unsafe { &**message })
    }

    pub fn drop_first(&mut self) {
        // SAFETY: it is ours and alive, and `next` moves past it.
        unsafe { sys::rd_kafka_message_destroy(self.messages[self.next]) };
        self.next += 1;
    }

    /// Takes up to `count` messages and waits for them all until the time is over; to be called while it is empty.
    pub fn take(&mut self, queue: &Queue<'client>, count: usize, wait: Duration) -> bool {
        self.messages.clear();
        self.next = 0;
        self.messages.reserve(count);
        // SAFETY: there is room for `count`; as many as the call says are set and ours.
        unsafe {
            let room = self.messages.as_mut_ptr();
            let taken = sys::rd_kafka_consume_batch_queue(queue.ptr(), milliseconds(wait), room, count);
            self.messages.set_len(usize::try_from(taken).unwrap_or(0));
        }
        !self.messages.is_empty()
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        while !self.is_empty() {
            self.drop_first();
        }
    }
}
