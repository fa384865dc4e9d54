//! Writes readings to a topic with one thread: idempotent, acknowledged by all replicas, waited for at the end.

use std::ffi::{CString, c_void};
use std::{ptr, time::Duration};

use isotherm::domain::{Day, Reading};
use isotherm::log::partitioner::partition_of;
use rdkafka::ClientConfig;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseProducer, Producer as _, ProducerContext};
use rdkafka_sys as sys;
use sys::rd_kafka_resp_err_t as Code;

const GIVEN: usize = 1_000;

/// What is written: a reading per station and day, day by day.
#[derive(Clone, Copy, Debug)]
pub struct Readings {
    pub stations: u32,
    pub days: u32,
    /// Bytes of each record's value; smaller ones are made longer by a field that no reader knows.
    pub value_bytes: usize,
}

struct Acknowledged;

impl rdkafka::ClientContext for Acknowledged {}

impl ProducerContext for Acknowledged {
    type DeliveryOpaque = ();

    fn delivery(&self, delivered: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = delivered {
            panic!("a record was not acknowledged: {error}");
        }
    }
}

/// Returns once every record is acknowledged.
pub fn run(brokers: &str, topic: &str, partitions: u32, compression: &str, readings: Readings) {
    let producer: BaseProducer<Acknowledged> = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("linger.ms", "5")
        .set("compression.codec", compression)
        .set("queue.buffering.max.messages", "500000")
        .create_with_context(Acknowledged)
        .expect("the properties are right");
    let name = CString::new(topic).expect("a topic's name");
    // SAFETY: client and name are alive; the topic is given back at the end.
    let handle = unsafe { sys::rd_kafka_topic_new(producer.client().native_ptr(), name.as_ptr(), ptr::null_mut()) };

    let start = Day::parse("0001-01-01").expect("a day");
    let names: Vec<_> = (0..readings.stations).map(isotherm::source::simulate::station_name).collect();
    let homes: Vec<u32> = names.iter().map(|name| partition_of(name.as_bytes(), partitions)).collect();
    let mut values: Vec<Vec<u8>> = vec![Vec::new(); GIVEN];
    let mut messages = Vec::with_capacity(GIVEN);
    for number in 0..readings.days {
        let day = Day::from_number(start.number() + number).expect("within the calendar");
        for (station, station_id) in names.iter().enumerate() {
            let value = &mut values[messages.len()];
            value.clear();
            let degrees = f64::from((number * 7 + station as u32 * 13) % 1_000) / 10.0;
            Reading { station_id, day, degrees }.encode(value);
            pad(value, readings.value_bytes);
            messages.push(sys::rd_kafka_message_t {
                err: Code::RD_KAFKA_RESP_ERR_NO_ERROR,
                rkt: ptr::null_mut(),
                partition: i32::try_from(homes[station]).expect("a small number"),
                payload: value.as_mut_ptr().cast::<c_void>(),
                len: value.len(),
                key: station_id.as_ptr().cast_mut().cast(),
                key_len: station_id.len(),
                offset: 0,
                _private: ptr::null_mut(),
            });
            if messages.len() == GIVEN {
                give(&producer, handle, &mut messages);
            }
        }
    }
    give(&producer, handle, &mut messages);
    producer.flush(Duration::from_secs(60)).expect("all is acknowledged within a minute");
    // SAFETY: it is ours and not used again.
    unsafe { sys::rd_kafka_topic_destroy(handle) };
}

fn give(
    producer: &BaseProducer<Acknowledged>,
    topic: *mut sys::rd_kafka_topic_t,
    messages: &mut Vec<sys::rd_kafka_message_t>,
) {
    let flags = sys::RD_KAFKA_MSG_F_COPY | sys::RD_KAFKA_MSG_F_PARTITION;
    let mut given = 0;
    while given < messages.len() {
        let rest = &mut messages[given..];
        let count = i32::try_from(rest.len()).expect("at most GIVEN");
        // SAFETY: the topic is alive, and so are keys and values, which the call copies.
        unsafe { sys::rd_kafka_produce_batch(topic, 0, flags, rest.as_mut_ptr(), count) };
        let taken = rest.iter().take_while(|message| message.err == Code::RD_KAFKA_RESP_ERR_NO_ERROR).count();
        if let Some(refused) = rest.get(taken) {
            assert_eq!(refused.err, Code::RD_KAFKA_RESP_ERR__QUEUE_FULL, "only a full queue is waited for");
        }
        given += taken;
        let wait = if given < messages.len() { Duration::from_millis(1) } else { Duration::ZERO };
        producer.poll(wait);
    }
    messages.clear();
}

/// Lengthens a report by the bytes field 15, which readers pass over.
fn pad(value: &mut Vec<u8>, value_bytes: usize) {
    /// Tag, and a length of two bytes.
    const HEAD_BYTES: usize = 3;
    let Some(rest) = value_bytes.checked_sub(value.len() + HEAD_BYTES).filter(|rest| *rest >= 128) else { return };
    value.extend([15 << 3 | 2, (rest & 0x7f) as u8 | 0x80, (rest >> 7) as u8]);
    value.resize(value_bytes, b' ');
}
