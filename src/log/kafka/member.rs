//! The member of a consumer group: a client that reads nothing and hears which partitions this process should work on.
//!
//! Guarantees: what is assigned is assigned at the partitions' ends and paused at once, so that no record is ever fetched here; a
//! partition that is revoked is given back only when it was released; one that is lost is given up at once, as the group has already.
//! The classic protocol, cooperative and with members that come and go: a partition that stays is never interrupted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use rdkafka::{Offset, TopicPartitionList};
use rdkafka_sys as sys;
use sys::rd_kafka_resp_err_t as Code;
use tracing::debug;

use super::client::{Client, at};
use super::failure::{self, Call, ClientError};
use super::queue::{Event, Queue, milliseconds, taken, words};
use crate::failure::{Failure, Kind, Severity};
use crate::log::membership::{Change, Membership, Standing};

/// A right that a member needs.
const READ_GROUP: &str = "Read on the group";
/// An answer that takes longer is not waited for.
const STANDING_MAX: Duration = Duration::from_secs(2);
/// One look at what the group says while it is left.
const LOOK: Duration = Duration::from_millis(20);

/// A seat in the group.
pub struct Member {
    /// Before `client`: a queue goes before its client.
    events: Queue<'static>,
    client: Arc<Client>,
    group: String,
}

impl Member {
    /// Asks to be let in.
    pub fn join(client: Arc<Client>, group: &str) -> Result<Self, Failure> {
        // SAFETY: the client is alive, and kept behind the queue; it is a consumer, so it has that queue, and this reference is ours.
        let events = unsafe { Queue::new(sys::rd_kafka_queue_get_consumer(client.ptr())) };
        let mut member = Self { events, client, group: group.to_owned() };
        member.step_in()?;
        Ok(member)
    }

    fn call(&self, what: &str) -> Call {
        Call::new(READ_GROUP, format!("{}: the group {} {what}", self.client.subject.name, self.group))
    }

    fn hear(&self, event: &Event<'_>) -> Result<Option<Change>, Failure> {
        match event.kind() {
            sys::RD_KAFKA_EVENT_REBALANCE => self.rebalanced(event),
            sys::RD_KAFKA_EVENT_ERROR => {
                self.failed(&ClientError { code: event.code(), reason: words(event.reason()) })
            }
            _ => Ok(None),
        }
    }

    fn rebalanced(&self, event: &Event<'_>) -> Result<Option<Change>, Failure> {
        let partitions = partitions(event);
        debug!(group = self.group, code = ?event.code(), ?partitions, "the group says");
        match event.code() {
            Code::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => {
                let list = at_their_ends(&self.client, &partitions);
                // SAFETY: both are alive during the call, which copies the list; the error is ours.
                let error = unsafe { taken(sys::rd_kafka_incremental_assign(self.client.ptr(), list.ptr())) };
                self.check("takes no partitions", error)?;
                // SAFETY: likewise.
                unsafe { sys::rd_kafka_pause_partitions(self.client.ptr(), list.ptr()) };
                Ok(Some(Change::Assigned(partitions)))
            }
            // SAFETY: the client is alive.
            _ if unsafe { sys::rd_kafka_assignment_lost(self.client.ptr()) } != 0 => {
                self.give_back(&partitions)?;
                Ok(Some(Change::Lost(partitions)))
            }
            _ => Ok(Some(Change::Revoked(partitions))),
        }
    }

    fn give_back(&self, partitions: &[u32]) -> Result<(), Failure> {
        self.check("takes no partitions back", give_back(&self.client, partitions))
    }

    fn check(&self, what: &str, error: Option<ClientError>) -> Result<(), Failure> {
        let Some(error) = error else { return Ok(()) };
        let failure = failure::of(&self.call(what), &error, None);
        Err(Failure { severity: Severity::Fatal, kind: Kind::Unavailable, ..failure })
    }

    /// What waiting does not end is a failure; the client itself goes on trying else.
    fn failed(&self, error: &ClientError) -> Result<Option<Change>, Failure> {
        debug!(group = self.group, code = ?error.code, reason = error.reason, "the group fails");
        match error.code {
            Code::RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT => {
                let what = self.call("takes no session as short or long as group.session_ms").what;
                Err(Failure::fatal(Kind::Settings, what).advice(
                    "set group.session_ms to 6000, or the brokers' group.min.session.timeout.ms (6000 unless set) and restart them",
                ))
            }
            Code::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED
            | Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED
            | Code::RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL
            | Code::RD_KAFKA_RESP_ERR_GROUP_MAX_SIZE_REACHED => {
                let failure = failure::of(&self.call("does not let this process in"), error, None);
                Err(if failure.advice.is_some() {
                    failure
                } else {
                    failure.advice("programs of another kind are in the group, or too many: set another group.id")
                })
            }
            Code::RD_KAFKA_RESP_ERR__FATAL => {
                let what = self.call("has no place for this process any more").what;
                Err(Failure::fatal(Kind::Unavailable, format!("{what}: {}", error.reason)).advice("start it again"))
            }
            _ => Ok(None),
        }
    }
}

impl Membership for Member {
    fn next(&mut self, wait: Duration) -> Result<Option<Change>, Failure> {
        self.client.serve(Duration::ZERO, |_| ());
        let Some(event) = self.events.poll(wait) else { return Ok(None) };
        self.hear(&event)
    }

    fn released(&mut self, partitions: &[u32]) -> Result<(), Failure> {
        self.give_back(partitions)
    }

    fn told(&mut self, partitions: &[u32]) -> BTreeMap<u32, u64> {
        let list = self.client.partitions(partitions.iter().map(|&partition| (partition, Offset::Invalid)));
        // SAFETY: both are alive during the call, which writes the offsets into the list.
        let code = unsafe { sys::rd_kafka_committed(self.client.ptr(), list.ptr(), milliseconds(STANDING_MAX)) };
        let elements = list.elements();
        let told = elements.iter().filter_map(|element| match element.offset() {
            Offset::Offset(offset) => Some((element.partition().try_into().ok()?, offset.try_into().ok()?)),
            _ => None,
        });
        told.filter(|_| code == Code::RD_KAFKA_RESP_ERR_NO_ERROR).collect()
    }

    fn step_out(&mut self) -> Result<(), Failure> {
        // SAFETY: the client is alive.
        match unsafe { sys::rd_kafka_unsubscribe(self.client.ptr()) } {
            Code::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
            code => Err(self.client.failure(&self.call("cannot be left"), code, None)),
        }
    }

    fn step_in(&mut self) -> Result<(), Failure> {
        let mut topics = TopicPartitionList::new();
        topics.add_topic_unassigned(self.client.subject.topic.to_str().expect("it was made of a text"));
        // SAFETY: both are alive during the call, which copies the list.
        match unsafe { sys::rd_kafka_subscribe(self.client.ptr(), topics.ptr()) } {
            Code::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
            code => Err(self.client.failure(&self.call("cannot be joined"), code, None)),
        }
    }
}

/// Where nothing is to be read.
fn at_their_ends(client: &Client, partitions: &[u32]) -> TopicPartitionList {
    client.partitions(partitions.iter().map(|&partition| (partition, Offset::End)))
}

fn give_back(client: &Client, partitions: &[u32]) -> Option<ClientError> {
    let list = at_their_ends(client, partitions);
    // SAFETY: both are alive during the call, which copies the list; the error is ours.
    unsafe { taken(sys::rd_kafka_incremental_unassign(client.ptr(), list.ptr())) }
}

/// The partitions of a rebalance.
fn partitions(event: &Event<'_>) -> Vec<u32> {
    // SAFETY: the event is alive and owns the list; a list has as many elements as it says.
    let elements = unsafe {
        match sys::rd_kafka_event_topic_partition_list(event.ptr()).as_ref() {
            Some(list) if list.cnt > 0 => std::slice::from_raw_parts(list.elems, list.cnt as usize),
            _ => &[],
        }
    };
    elements.iter().filter_map(|element| u32::try_from(element.partition).ok()).collect()
}

/// The client of the member, for the threads that do not hear the group: how it is told, and how it is left.
pub struct MemberClient {
    pub client: Arc<Client>,
    is_left: AtomicBool,
}

impl MemberClient {
    pub fn new(client: Arc<Client>) -> Self {
        Self { client, is_left: AtomicBool::new(false) }
    }

    /// Leaves the group, and waits for it so long at most: a coordinator that is away could be waited for for ever
    /// (<https://github.com/confluentinc/librdkafka/issues/3740>).
    pub fn leave(&self, within: Duration) {
        if self.is_left.swap(true, Relaxed) {
            return;
        }
        let (client, until) = (&self.client, Instant::now() + within);
        let events = client.new_queue();
        // SAFETY: both are alive; closing goes on in the client's own thread, and asks through this queue. The error is ours.
        if unsafe { taken(sys::rd_kafka_consumer_close_queue(client.ptr(), events.ptr())) }.is_some() {
            return;
        }
        // SAFETY: the client is alive.
        while unsafe { sys::rd_kafka_consumer_closed(client.ptr()) } == 0 {
            if Instant::now() >= until {
                // The end of the client would wait as well.
                std::mem::forget(client.clone());
                return;
            }
            if let Some(event) = events.poll(LOOK)
                && event.kind() == sys::RD_KAFKA_EVENT_REBALANCE
            {
                give_back(client, &partitions(&event));
            }
        }
    }

    /// Tells the group an offset, and hears whether it is one of a member.
    pub fn standing(&self, partition: u32, next_offset: u64) -> Standing {
        let client = &self.client;
        let (answers, offsets) = (client.new_queue(), client.partitions([(partition, at(next_offset))]));
        // SAFETY: all are alive during the call, which copies the list; the answer comes through the queue.
        let asked = unsafe {
            sys::rd_kafka_commit_queue(client.ptr(), offsets.ptr(), answers.ptr(), None, std::ptr::null_mut())
        };
        let code = match asked {
            Code::RD_KAFKA_RESP_ERR_NO_ERROR => answers.poll(STANDING_MAX).map(|answer| answer.code()),
            code => Some(code),
        };
        match code {
            Some(Code::RD_KAFKA_RESP_ERR_NO_ERROR) => Standing::Member,
            Some(
                Code::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID
                | Code::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION
                | Code::RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS
                | Code::RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST,
            ) => Standing::Outside,
            _ => Standing::Unknown,
        }
    }
}

impl Drop for MemberClient {
    fn drop(&mut self) {
        self.leave(Duration::from_secs(1));
    }
}
