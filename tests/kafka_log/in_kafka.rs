//! The contract of all logs, for this one.

use std::sync::Arc;

use isotherm::log::RecordLog;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::{Offset, TopicPartitionList};

use crate::broker::Broker;
use crate::contract::Fixture;
use crate::support::open;
use crate::topic::wait_for;

crate::contract!(kafka, crate::in_kafka::InKafka);

pub struct InKafka {
    broker: &'static Broker,
    topic: String,
}

impl Fixture for InKafka {
    fn fresh() -> Option<Self> {
        let broker = Broker::shared()?;
        Some(Self { broker, topic: broker.fresh_topic() })
    }

    fn open(&self) -> Arc<dyn RecordLog> {
        Arc::new(open(&self.broker.brokers(), &self.topic))
    }

    fn raise_start(&self, partition: u32, start: u64) -> bool {
        let admin: AdminClient<DefaultClientContext> =
            ClientConfig::new().set("bootstrap.servers", self.broker.brokers()).create().expect("it needs no broker");
        let mut offsets = TopicPartitionList::new();
        let start = Offset::Offset(start.try_into().expect("a small number"));
        offsets.add_partition_offset(&self.topic, partition.cast_signed(), start).expect("a good offset");
        wait_for(admin.delete_records(&offsets, &AdminOptions::new())).expect("the broker is there");
        true
    }

    /// A client counts on in the new topic; whoever uses a log compares its id.
    fn notices_recreation(&self) -> bool {
        false
    }
}
