//! The log `kafka`: one topic of an Apache Kafka cluster.
//!
//! Guarantees: a reader is assigned one partition at one offset and never moves by itself (no reset; a group is joined by a
//! client of its own, which reads nothing); only
//! committed records are read; a writer is acknowledged by all replicas and repeats nothing within its life, and one that
//! writes in transactions keeps all earlier ones of its source from writing; no call waits much longer than five seconds
//! for a cluster that is away, and then fails as Retryable.

mod admin;
mod client;
mod committed;
mod failure;
mod group_list;
mod member;
mod pool;
mod properties;
mod queue;
mod reader;
mod taken;
mod writer;

use std::ffi::CString;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::failure::{Failure, Kind};
use crate::settings;

use super::membership::{GroupSpec, Membership, Standing};
use super::{Extent, RecordLog, RecordReader, RecordWriter, Topic, TopicSpec};
use client::{Client, Role, Subject};
use committed::CommittedOffsets;
use member::{Member, MemberClient};
use pool::{Held, Pool};
use reader::Reader;
use writer::{Initialized, Writer};

/// The group is left within this time, or its session ends.
const LEAVE_MAX: Duration = Duration::from_secs(2);

/// One topic of a cluster.
pub struct KafkaLog {
    settings: settings::Log,
    group: String,
    /// Once there is something to tell the group. Before `seat` and `client`: its thread uses one of them.
    committed: OnceLock<CommittedOffsets>,
    /// Once the group was joined.
    seat: OnceLock<MemberClient>,
    /// For all but reading and writing. A consumer: one that produces would create the topics it asks about.
    client: Arc<Client>,
    readers: Pool,
    transactions: settings::Transactions,
    /// It was said that there are none.
    said_without: AtomicBool,
}

impl KafkaLog {
    /// The topic that the settings name. `group` is the consumer group that [`RecordLog::publish_committed`] commits to.
    /// Nothing is waited for; settings that would break a guarantee are refused here.
    pub fn open(settings: &settings::Log, group: &str, transactions: settings::Transactions) -> Result<Self, Failure> {
        let name = format!("topic {} on Kafka at {}", settings.topic, settings.kafka.brokers);
        let topic = CString::new(settings.topic.as_str())
            .map_err(|_| Failure::fatal(Kind::Settings, "log.topic has a character that no topic may have"))?;
        let properties = properties::reading(settings, group, None)?;
        let client = Arc::new(Client::new(&properties, Role::Consumer, &Arc::new(Subject::new(topic, name)))?);
        let said_without = AtomicBool::new(false);
        let (settings, group) = (settings.clone(), group.to_owned());
        let (committed, seat) = (OnceLock::new(), OnceLock::new());
        Ok(Self { settings, group, committed, seat, client, readers: Pool::default(), transactions, said_without })
    }
}

impl KafkaLog {
    /// Once in a process.
    fn say_without(&self, failure: &Failure) {
        if !self.said_without.swap(true, Relaxed) {
            tracing::warn!(
                cause = failure.what,
                advice = failure.advice,
                "readings are written without transactions: a request that was under way when its producer died may arrive \
                 after the next one has looked, and then its readings are in the topic twice; each is still counted once"
            );
        }
    }
}

impl RecordLog for KafkaLog {
    fn name(&self) -> String {
        self.client.subject.name.clone()
    }

    fn topic(&self) -> Result<Option<Topic>, Failure> {
        let Some(description) = admin::describe(&self.client)? else { return Ok(None) };
        let policy = admin::policy(&self.client)?;
        Ok(Some(Topic {
            log_id: description.log_id,
            partitions: description.partitions,
            warning: policy.warning,
            compacted: policy.compacted,
        }))
    }

    fn log_id(&self) -> Result<Option<String>, Failure> {
        Ok(admin::describe(&self.client)?.map(|description| description.log_id))
    }

    fn create_topic(&self, spec: &TopicSpec) -> Result<Topic, Failure> {
        admin::create(&self.client, spec)?;
        self.topic()?.ok_or_else(|| {
            Failure::retryable(
                Kind::Unavailable,
                format!("{} was deleted just after it was created", self.client.subject.name),
            )
        })
    }

    fn delete_topic(&self) -> Result<(), Failure> {
        admin::delete(&self.client)
    }

    fn extent(&self, partition: u32) -> Result<Extent, Failure> {
        admin::extent(&self.client, partition)
    }

    fn high_watermarks(&self, partitions: &[u32]) -> Result<Vec<u64>, Failure> {
        admin::high_watermarks(&self.client, partitions)
    }

    fn open_reader(&self, partition: u32, from: u64) -> Result<Box<dyn RecordReader>, Failure> {
        let create = || {
            let properties = properties::reading(&self.settings, &self.group, Some(partition))?;
            Client::new(&properties, Role::Consumer, &self.client.subject)
        };
        Ok(Box::new(Reader::new(Held::new(&self.readers, partition, create)?, from)))
    }

    fn open_writer(&self, source: &str) -> Result<Box<dyn RecordWriter>, Failure> {
        let subject = &self.client.subject;
        if self.transactions != settings::Transactions::Off {
            let id = format!("isotherm-{}-{source}", self.settings.topic);
            let properties = properties::writing(&self.settings, Some(&id))?;
            match Writer::open(&properties, subject)?.into_transactional(source)? {
                Initialized::Ready(writer) => return Ok(Box::new(writer)),
                Initialized::Refused(failure) if self.transactions == settings::Transactions::On => {
                    return Err(failure);
                }
                Initialized::Refused(failure) => self.say_without(&failure),
            }
        }
        Ok(Box::new(Writer::open(&properties::writing(&self.settings, None)?, subject)?))
    }

    fn publish_committed(&self, partition: u32, next_offset: u64) {
        let start = || {
            let group = CString::new(self.group.as_str()).expect("the client was made with it");
            match self.seat.get() {
                // A group that has members takes offsets from them alone.
                Some(seat) => CommittedOffsets::of_member(seat.client.clone(), group),
                None => CommittedOffsets::new(self.client.clone(), group),
            }
        };
        self.committed.get_or_init(start).tell(partition, next_offset);
    }

    fn join(&self, spec: &GroupSpec) -> Result<Box<dyn Membership>, Failure> {
        let properties = properties::membership(&self.settings, &self.group, spec)?;
        let client = Arc::new(Client::new(&properties, Role::Member, &self.client.subject)?);
        let member = Member::join(client.clone(), &self.group)?;
        if self.seat.set(MemberClient::new(client)).is_err() {
            return Err(Failure::fatal(Kind::Internal, format!("the group {} is joined twice", self.group)));
        }
        Ok(Box::new(member))
    }

    fn members_total(&self) -> Result<usize, Failure> {
        group_list::members_total(&self.client, &self.group)
    }

    fn standing(&self, partition: u32, next_offset: u64) -> Standing {
        self.seat.get().map_or(Standing::Member, |seat| seat.standing(partition, next_offset))
    }

    fn leave(&self) {
        if let Some(seat) = self.seat.get() {
            seat.leave(LEAVE_MAX);
        }
    }

    fn finish_publishing(&self) {
        if let Some(committed) = self.committed.get() {
            committed.finish();
        }
    }
}
