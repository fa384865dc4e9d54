//! The contract of all logs, for this one.

use std::sync::Arc;

use isotherm::log::RecordLog;
use rdkafka::Offset;

use crate::broker::Broker;
use crate::contract::Fixture;
use crate::elsewhere::Elsewhere;
use crate::support::open;

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
        let start = Offset::Offset(start.try_into().expect("a small number"));
        Elsewhere::new(&self.broker.brokers(), &self.topic).delete_records(partition, start);
        true
    }

    /// A client counts on in the new topic; whoever uses a log compares its id.
    fn notices_recreation(&self) -> bool {
        false
    }
}
