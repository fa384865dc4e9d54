//! What others do to a topic: with the client library's own calls, past isotherm.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::time::{Duration, Instant};

use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::owned::OwnedRecord;

/// No call of a healthy broker takes this long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Somebody else who may do anything with a topic.
pub struct Elsewhere {
    brokers: String,
    topic: String,
}

impl Elsewhere {
    pub fn new(brokers: &str, topic: &str) -> Self {
        Self { brokers: brokers.to_owned(), topic: topic.to_owned() }
    }

    fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", &self.brokers);
        client
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.client().create().expect("it needs no broker")
    }

    pub fn create_topic(&self, partitions: i32, config: &[(&str, &str)]) {
        let new = NewTopic::new(&self.topic, partitions, TopicReplication::Fixed(1));
        let new = config.iter().fold(new, |new, (key, value)| new.set(key, value));
        let created = wait(self.admin().create_topics(&[new], &AdminOptions::new()));
        created.expect("it is answered")[0].as_ref().expect("it can be created");
    }

    /// The configuration of the topic is this, and nothing else any more.
    pub fn configure(&self, config: &[(&str, &str)]) {
        let resource = AlterConfig::new(ResourceSpecifier::Topic(&self.topic));
        let altered = config.iter().fold(resource, |resource, (key, value)| resource.set(key, value));
        let altered = wait(self.admin().alter_configs(&[altered], &AdminOptions::new()));
        altered.expect("it is answered")[0].as_ref().expect("it can be altered");
    }

    /// The topic has more partitions from now on: so many.
    pub fn grow(&self, partitions: usize) {
        let grown =
            wait(self.admin().create_partitions(&[NewPartitions::new(&self.topic, partitions)], &AdminOptions::new()));
        grown.expect("it is answered")[0].as_ref().expect("it can grow");
    }

    /// Removes the records of a partition below an offset.
    pub fn delete_records(&self, partition: u32, before: Offset) {
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset(&self.topic, partition.cast_signed(), before).expect("a good offset");
        let deleted = wait(self.admin().delete_records(&offsets, &AdminOptions::new())).expect("it is answered");
        deleted.elements()[0].error().expect("they can be deleted");
    }

    pub fn transactions(&self) -> Transactions {
        let producer: BaseProducer =
            self.client().set("transactional.id", &self.topic).create().expect("it needs no broker");
        producer.init_transactions(PATIENCE).expect("it is answered");
        Transactions { producer, client: self.client(), topic: self.topic.clone() }
    }
}

/// A producer that writes in transactions, one after the other.
pub struct Transactions {
    producer: BaseProducer,
    client: ClientConfig,
    topic: String,
}

impl Transactions {
    /// Begins one and has its records in the log; it is to be committed or aborted.
    pub fn write(&self, records: &[OwnedRecord]) {
        self.producer.begin_transaction().expect("none is open");
        for OwnedRecord { partition, key, value } in records {
            let mut record = BaseRecord::<[u8], [u8]>::to(&self.topic).partition(partition.cast_signed());
            record.key = key.as_deref();
            record.payload = value.as_deref();
            self.producer.send(record).map_err(|(error, _)| error).expect("there is room");
        }
        self.producer.flush(PATIENCE).expect("they are acknowledged");
    }

    pub fn commit(&self) {
        self.producer.commit_transaction(PATIENCE).expect("it is answered");
        self.await_markers();
    }

    pub fn abort(&self) {
        self.producer.abort_transaction(PATIENCE).expect("it is answered");
        self.await_markers();
    }

    /// The end of a transaction is answered before it is marked in every partition.
    fn await_markers(&self) {
        let reader = |level| -> BaseConsumer {
            self.client.clone().set("isolation.level", level).create().expect("it needs no broker")
        };
        let (stable, all) = (reader("read_committed"), reader("read_uncommitted"));
        let end = |reader: &BaseConsumer, partition| {
            reader.fetch_watermarks(&self.topic, partition, PATIENCE).expect("it is answered").1
        };
        let metadata = all.fetch_metadata(Some(&self.topic), PATIENCE).expect("it is answered");
        let deadline = Instant::now() + PATIENCE;
        for partition in metadata.topics()[0].partitions() {
            while end(&stable, partition.id()) < end(&all, partition.id()) {
                assert!(Instant::now() < deadline, "partition {} is not marked", partition.id());
            }
        }
    }
}

fn wait<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}
