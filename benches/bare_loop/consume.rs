//! Reads a topic to its end: a client and a thread per partition, batches off the partition's queue, prost, one hash map.

use std::ffi::CString;
use std::time::Duration;
use std::{ptr, slice, thread};

use indexmap::IndexMap;
use isotherm::domain::wire::Report;
use prost::Message as _;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka_sys as sys;
use sys::rd_kafka_resp_err_t as Code;

const BATCH_RECORDS: usize = 10_000;
const WAIT_MS: i32 = 100;
const CALL_MAX: Duration = Duration::from_secs(10);

/// Count and sum of each station, in the order in which they came: a plain hash map is slower with very many of them.
type Totals = IndexMap<String, (u64, f64), foldhash::fast::RandomState>;

/// How many records were counted.
pub fn run(brokers: &str, topic: &str, partitions: u32) -> u64 {
    let totals: Vec<Totals> = thread::scope(|scope| {
        let threads: Vec<_> =
            (0..partitions).map(|partition| scope.spawn(move || one(brokers, topic, partition))).collect();
        threads.into_iter().map(|thread| thread.join().expect("it does not panic")).collect()
    });
    totals.iter().flat_map(IndexMap::values).map(|(count, _)| count).sum()
}

fn one(brokers: &str, topic: &str, partition: u32) -> Totals {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "bare-loop")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("fetch.queue.backoff.ms", "5")
        .set("queued.min.messages", "10000")
        .create()
        .expect("the properties are right");
    let index = i32::try_from(partition).expect("a small number");
    let name = CString::new(topic).expect("a topic's name");
    // SAFETY: client and name are alive; both are there until the process ends.
    let queue = unsafe {
        let queue = sys::rd_kafka_queue_get_partition(consumer.client().native_ptr(), name.as_ptr(), index);
        sys::rd_kafka_queue_forward(queue, ptr::null_mut());
        queue
    };
    let mut start = TopicPartitionList::new();
    start.add_partition_offset(topic, index, Offset::Offset(0)).expect("an offset");
    consumer.assign(&start).expect("it can be assigned");

    // The last record, rather than the end-of-partition event: that one comes half a second after it.
    let (_, end) = consumer.fetch_watermarks(topic, index, CALL_MAX).expect("the broker answers");
    let mut totals = Totals::default();
    let mut messages: Vec<*mut sys::rd_kafka_message_t> = Vec::with_capacity(BATCH_RECORDS);
    let mut position = 0;
    while position < end {
        take(queue, &mut messages);
        for message in messages.drain(..) {
            // SAFETY: it is ours, and its bytes are alive until it is destroyed.
            unsafe {
                match (*message).err {
                    Code::RD_KAFKA_RESP_ERR_NO_ERROR => {
                        let payload = slice::from_raw_parts((*message).payload.cast::<u8>(), (*message).len);
                        count(&mut totals, payload);
                        position = (*message).offset + 1;
                    }
                    code => panic!("partition {partition}: {code:?}"),
                }
                sys::rd_kafka_message_destroy(message);
            }
        }
    }
    // The process ends now: closing the client in order would take most of a second.
    std::mem::forget(consumer);
    totals
}

/// What is there, or else the first that comes: waiting for a whole batch would let the processor idle.
fn take(queue: *mut sys::rd_kafka_queue_t, messages: &mut Vec<*mut sys::rd_kafka_message_t>) {
    for (wait_ms, records_max) in [(0, BATCH_RECORDS), (WAIT_MS, 1)] {
        // SAFETY: there is room for as many as are asked for; as many as it says are set and ours.
        unsafe {
            let taken = sys::rd_kafka_consume_batch_queue(queue, wait_ms, messages.as_mut_ptr(), records_max);
            messages.set_len(usize::try_from(taken).expect("the queue is there"));
        }
        if !messages.is_empty() {
            return;
        }
    }
}

fn count(totals: &mut Totals, payload: &[u8]) {
    let report = Report::decode(payload).expect("the topic holds reports");
    let total = totals.entry(report.station_id).or_default();
    *total = (total.0 + 1, total.1 + report.degrees);
}
