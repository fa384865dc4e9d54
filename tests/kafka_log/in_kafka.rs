//! The contract of all logs, for this one.

use std::sync::Arc;

use isotherm::log::RecordLog;
use isotherm::log::kafka::KafkaLog;
use isotherm::settings::Transactions;
use rdkafka::Offset;

use crate::broker::Broker;
use crate::contract::Fixture;
use crate::elsewhere::Elsewhere;
use crate::support::{open, settings};

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

    fn open_fenced(&self) -> Arc<dyn RecordLog> {
        let settings = settings(&self.broker.brokers(), &self.topic, &[]);
        Arc::new(KafkaLog::open(&settings, "group", Transactions::On).expect("the settings are good"))
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
