//! The clients that read, and which partitions each of them has.
//!
//! A client costs several threads and a connection to every broker, so there are at most [`CLIENTS_MAX`] of them: up to
//! that many readers have one each, further ones share. Guarantees:
//!
//! - Two readers never take from the same queue. A partition belongs to one reader of a client from before it is
//!   assigned until that reader is dropped and the partition unassigned. A reader that hangs is never dropped: it keeps
//!   its own, and the next reader of its partition gets another client. So one that wakes up late reads what is its own,
//!   and takes nothing from the one that followed.
//! - A reader gets no record that was fetched for an earlier one of the same partition and client. Unassigning raises the
//!   partition's version within librdkafka, and each record carries the version that it was asked for with: older ones
//!   are thrown away where they are taken from the queue. The one error that carries no version, that there is no such
//!   offset, is thrown away before the partition is assigned again; nobody may take such an error for a stale one, as the
//!   log may have lost its end and grown again.
//! - No call here waits for the cluster. Assigning is a word to the client's own thread: no group is joined, nobody asked.

use std::collections::BTreeSet;
use std::ptr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use rdkafka_sys as sys;
use sys::rd_kafka_resp_err_t as Code;

use crate::failure::{Failure, Kind};

use super::client::{Client, at, index};
use super::failure::{Call, READ};
use super::queue::Queue;
use super::taken::Taken;

/// The most clients that read. Each has a thread per broker that fetches and decompresses for all its partitions: eight
/// keep eight cores busy, and are some thirty threads in all.
pub const CLIENTS_MAX: usize = 8;

/// Records thrown away at once.
const EMPTIED_AT_ONCE: usize = 1_000;

/// All clients that read.
#[derive(Default)]
pub struct Pool {
    /// Those that may still be alive. A client lives as long as it has readers.
    clients: Mutex<Vec<Weak<SharedClient>>>,
}

/// A client and the partitions that its readers have.
struct SharedClient {
    client: Client,
    held: Mutex<BTreeSet<u32>>,
}

impl Pool {
    /// A client that does not have this partition: a new one while there is room for it, else the one with the fewest readers.
    /// Where all have it, as each has a reader of it that hangs, there is one more.
    fn take(
        &self,
        partition: u32,
        create: impl FnOnce() -> Result<Client, Failure>,
    ) -> Result<Arc<SharedClient>, Failure> {
        // Dropped after the lock is given back: a client whose last reader goes meanwhile takes its time to end.
        let alive: Vec<Arc<SharedClient>>;
        let mut clients = self.clients.lock();
        alive = clients.iter().filter_map(Weak::upgrade).collect();
        *clients = alive.iter().map(Arc::downgrade).collect();
        let readers = |shared: &&Arc<SharedClient>| shared.held.lock().len();
        let fewest = alive.iter().filter(|shared| !shared.held.lock().contains(&partition)).min_by_key(readers);
        let shared = match fewest {
            Some(shared) if alive.len() >= CLIENTS_MAX => shared.clone(),
            _ => {
                let shared = Arc::new(SharedClient { client: create()?, held: Mutex::default() });
                clients.push(Arc::downgrade(&shared));
                shared
            }
        };
        shared.held.lock().insert(partition);
        Ok(shared)
    }
}

/// One partition of one client, for one reader.
pub struct Held {
    /// Before `shared`: a queue goes before its client.
    queue: Queue<'static>,
    shared: Arc<SharedClient>,
    partition: u32,
}

impl Held {
    pub fn new(pool: &Pool, partition: u32, create: impl FnOnce() -> Result<Client, Failure>) -> Result<Self, Failure> {
        let shared = pool.take(partition, create)?;
        let subject = &shared.client.subject;
        // SAFETY: all arguments are alive during the call.
        let queue =
            unsafe { sys::rd_kafka_queue_get_partition(shared.client.ptr(), subject.topic.as_ptr(), index(partition)) };
        if queue.is_null() {
            // Nothing was assigned: the next reader of this partition may have it from this client.
            shared.held.lock().remove(&partition);
            return Err(Failure::fatal(Kind::Internal, format!("{}: no queue for {partition}", subject.name)));
        }
        // SAFETY: the queue is ours, and its client is kept behind it. It is taken off the client's common one before
        // anything is fetched, so that all records come through it.
        let queue = unsafe {
            sys::rd_kafka_queue_forward(queue, ptr::null_mut());
            Queue::new(queue)
        };
        Ok(Self { queue, shared, partition })
    }

    pub fn client(&self) -> &Client {
        &self.shared.client
    }

    pub fn partition(&self) -> u32 {
        self.partition
    }

    pub fn queue(&self) -> &Queue<'static> {
        &self.queue
    }

    /// Starts to fetch from this offset on. To be called once, after the leader of the partition has answered something: it
    /// answers in order, so by then it has answered what was fetched before, and what came of it is thrown away here.
    pub fn start(&self, from: u64) -> Result<(), Failure> {
        self.await_thread();
        self.empty();
        let start = self.client().partitions([(self.partition, at(from))]);
        // SAFETY: both are alive during the call, which copies the list; what it returns is ours.
        let code = unsafe { code(sys::rd_kafka_incremental_assign(self.client().ptr(), start.ptr())) };
        if code != Code::RD_KAFKA_RESP_ERR_NO_ERROR {
            let what = format!("partition {} of {} cannot be assigned", self.partition, self.client().subject.name);
            return Err(self.client().failure(&Call::new(READ, what), code, None));
        }
        Ok(())
    }

    fn empty(&self) {
        while Taken::default().take(&self.queue, EMPTIED_AT_ONCE, Duration::ZERO) {}
    }

    /// Returns once the client's thread has done what it was told before: it does one thing after the other.
    fn await_thread(&self) {
        let mut assignment = ptr::null_mut();
        // SAFETY: the client is alive; the list that it gives is ours, and given back at once.
        unsafe {
            sys::rd_kafka_assignment(self.client().ptr(), &raw mut assignment);
            if !assignment.is_null() {
                sys::rd_kafka_topic_partition_list_destroy(assignment);
            }
        }
    }
}

impl Drop for Held {
    /// What cannot be unassigned stays held: no other reader gets it from this client.
    fn drop(&mut self) {
        let list = self.client().partitions([(self.partition, at(0))]);
        // SAFETY: both are alive during the call, which copies the list; what it returns is ours.
        let code = unsafe { code(sys::rd_kafka_incremental_unassign(self.client().ptr(), list.ptr())) };
        // The thread was told to stop fetching: once that is done, nothing more is asked for.
        self.await_thread();
        self.empty();
        // An invalid argument is a partition that was never assigned, as nothing was read yet.
        if matches!(code, Code::RD_KAFKA_RESP_ERR_NO_ERROR | Code::RD_KAFKA_RESP_ERR__INVALID_ARG) {
            self.shared.held.lock().remove(&self.partition);
        }
    }
}

/// The code of an error, which is freed; null is none.
///
/// # Safety
/// The error is null, or alive and the caller's to give away.
unsafe fn code(error: *mut sys::rd_kafka_error_t) -> Code {
    if error.is_null() {
        return Code::RD_KAFKA_RESP_ERR_NO_ERROR;
    }
    // SAFETY: as said above.
    unsafe {
        let code = sys::rd_kafka_error_code(error);
        sys::rd_kafka_error_destroy(error);
        code
    }
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
