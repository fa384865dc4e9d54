//! What is asked of the cluster about the topic: its id, its policy, its extent; and making and deleting it.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_int};
use std::ptr;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rdkafka::Offset;
use rdkafka_sys as sys;
use sys::rd_kafka_admin_op_t as Operation;
use sys::rd_kafka_resp_err_t as Code;

use crate::failure::{Failure, Kind};
use crate::log::{Extent, TopicSpec, failures};

use super::client::{CALL_MS_MAX, Client};
use super::failure::{self, CREATE, Call, DELETE, DESCRIBE};
use super::queue::{Event, text, words};

/// The pause between two looks at something that is about to happen.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

pub struct Description {
    /// The topic's id as Kafka's own tools print it.
    pub log_id: String,
    pub partitions: u32,
    all_led: bool,
}

pub struct DeletionPolicy {
    pub compacted: bool,
    pub warning: Option<String>,
}

/// Which topic it is, or `None` where there is none. One request to any broker; never creates the topic.
pub fn describe(client: &Client) -> Result<Option<Description>, Failure> {
    let call = Call::new(DESCRIBE, format!("{} cannot be described", client.subject.name));
    let mut names = [client.subject.topic.as_ptr()];
    let event = ask(client, Operation::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, &call, |options, queue| {
        // SAFETY: all arguments are alive during the calls; the collection copies the name.
        unsafe {
            let topics = sys::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), 1);
            sys::rd_kafka_DescribeTopics(client.ptr(), topics, options, queue);
            sys::rd_kafka_TopicCollection_destroy(topics);
        }
    })?;
    // SAFETY: the event is the answer to this request; all that is read belongs to it, and it lives to the end.
    unsafe {
        let mut count = 0;
        let result = sys::rd_kafka_event_DescribeTopics_result(event.ptr());
        let topics = sys::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        let topic = first(client, &call, topics, count)?;
        let error = sys::rd_kafka_TopicDescription_error(topic);
        match sys::rd_kafka_error_code(error) {
            Code::RD_KAFKA_RESP_ERR_NO_ERROR => (),
            Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART => return Ok(None),
            // The topic is there, but a partition has no leader at the moment.
            Code::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE => (),
            code => return Err(client.failure(&call, code, text(sys::rd_kafka_error_string(error)))),
        }
        let partitions = sys::rd_kafka_TopicDescription_partitions(topic, &raw mut count);
        let all_led = (0..count).all(|number| {
            let leader = sys::rd_kafka_TopicPartitionInfo_leader(*partitions.add(number));
            !leader.is_null() && sys::rd_kafka_Node_id(leader) >= 0
        });
        let id = sys::rd_kafka_TopicDescription_topic_id(topic);
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&sys::rd_kafka_Uuid_most_significant_bits(id).to_be_bytes());
        bytes[8..].copy_from_slice(&sys::rd_kafka_Uuid_least_significant_bits(id).to_be_bytes());
        if bytes == [0; 16] {
            return Err(Failure::fatal(Kind::Settings, format!("{} has no topic id", client.subject.name))
                .advice("Kafka gives topics an id since version 2.8"));
        }
        let partitions = u32::try_from(count).expect("a topic has fewer than 2^32 partitions");
        Ok(Some(Description { log_id: URL_SAFE_NO_PAD.encode(bytes), partitions, all_led }))
    }
}

/// What may delete records of the topic.
pub fn policy(client: &Client) -> Result<DeletionPolicy, Failure> {
    let call = Call::new(DESCRIBE, format!("the configuration of {} cannot be read", client.subject.name));
    let event = ask(client, Operation::RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, &call, |options, queue| {
        // SAFETY: all arguments are alive during the calls; the request copies the resource.
        unsafe {
            let topic = sys::rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_TOPIC;
            let mut resource = sys::rd_kafka_ConfigResource_new(topic, client.subject.topic.as_ptr());
            sys::rd_kafka_DescribeConfigs(client.ptr(), &raw mut resource, 1, options, queue);
            sys::rd_kafka_ConfigResource_destroy(resource);
        }
    })?;
    // SAFETY: the event is the answer to this request; all that is read belongs to it, and it lives to the end.
    let values = unsafe {
        let mut count = 0;
        let result = sys::rd_kafka_event_DescribeConfigs_result(event.ptr());
        let resources = sys::rd_kafka_DescribeConfigs_result_resources(result, &raw mut count);
        let resource = first(client, &call, resources, count)?;
        match sys::rd_kafka_ConfigResource_error(resource) {
            Code::RD_KAFKA_RESP_ERR_NO_ERROR => (),
            // Reading and writing may well be allowed without it.
            Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED => {
                let warning =
                    "its cleanup policy and retention are not known: give the user DescribeConfigs on the topic"
                        .to_owned();
                return Ok(DeletionPolicy { compacted: false, warning: Some(warning) });
            }
            code => return Err(client.failure(&call, code, text(sys::rd_kafka_ConfigResource_error_string(resource)))),
        }
        let entries = sys::rd_kafka_ConfigResource_configs(resource, &raw mut count);
        ["cleanup.policy", "retention.ms", "retention.bytes"].map(|wanted| {
            (0..count).map(|number| *entries.add(number)).find_map(|entry| {
                (words(text(sys::rd_kafka_ConfigEntry_name(entry))) == wanted)
                    .then(|| words(text(sys::rd_kafka_ConfigEntry_value(entry))))
            })
        })
    };
    let [cleanup, retention_ms, retention_bytes] = values.map(Option::unwrap_or_default);
    let has = |policy| cleanup.split(',').any(|one| one.trim() == policy);
    let finite: Vec<String> = [("retention.ms", retention_ms), ("retention.bytes", retention_bytes)]
        .into_iter()
        .filter(|(_, value)| has("delete") && value != "-1")
        .map(|(key, value)| format!("{key} is {value}"))
        .collect();
    let warning =
        (!finite.is_empty()).then(|| format!("old records are deleted, counted or not: {}", finite.join(", ")));
    Ok(DeletionPolicy { compacted: has("compact"), warning })
}

/// Where a partition starts and ends for a reader of committed records.
pub fn extent(client: &Client, partition: u32) -> Result<Extent, Failure> {
    match client.extent(partition) {
        Ok((start, end)) => Ok(Extent { start, end }),
        Err(code) => {
            let what =
                format!("partition {partition} of {} cannot be asked for its start and end", client.subject.name);
            let call = Call::new(DESCRIBE, what);
            Err(failed(client, partition, call, code))
        }
    }
}

/// One past the last record that is acknowledged in each partition. The request reads uncommitted, which is its default
/// whatever the client's own isolation level is.
pub fn high_watermarks(client: &Client, partitions: &[u32]) -> Result<Vec<u64>, Failure> {
    let call = Call::new(DESCRIBE, format!("{} cannot be asked for its high watermarks", client.subject.name));
    let list = client.partitions(partitions.iter().map(|&partition| (partition, Offset::End)));
    let event = ask(client, Operation::RD_KAFKA_ADMIN_OP_LISTOFFSETS, &call, |options, queue| {
        // SAFETY: all arguments are alive during the call, which copies the list.
        unsafe { sys::rd_kafka_ListOffsets(client.ptr(), list.ptr(), options, queue) };
    })?;
    let mut ends = BTreeMap::new();
    // SAFETY: the event is the answer to this request; all that is read belongs to it, and it lives to the end.
    unsafe {
        let mut count = 0;
        let result = sys::rd_kafka_event_ListOffsets_result(event.ptr());
        let infos = sys::rd_kafka_ListOffsets_result_infos(result, &raw mut count);
        for number in 0..count {
            let answer = &*sys::rd_kafka_ListOffsetsResultInfo_topic_partition(*infos.add(number));
            let partition = answer.partition.unsigned_abs();
            match (answer.err, u64::try_from(answer.offset)) {
                (Code::RD_KAFKA_RESP_ERR_NO_ERROR, Ok(end)) => drop(ends.insert(partition, end)),
                (Code::RD_KAFKA_RESP_ERR_NO_ERROR, Err(_)) => {}
                (code, _) => return Err(failed(client, partition, call, code)),
            }
        }
    }
    let end = |partition| {
        let missing = Code::RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE;
        ends.get(partition).copied().ok_or_else(|| client.failure(&call, missing, None))
    };
    partitions.iter().map(end).collect()
}

/// A failed call on a partition. Where it says that there is no such partition, the cluster is asked whether that is so.
pub fn failed(client: &Client, partition: u32, call: Call, code: Code) -> Failure {
    if failure::is_missing(code) {
        match describe(client) {
            Ok(None) => {
                return Failure::fatal(Kind::Data, format!("{}: the topic is not there", call.what))
                    .advice("was it deleted, or is the name in log.topic another one?");
            }
            Ok(Some(topic)) if topic.partitions <= partition => {
                return Failure::fatal(
                    Kind::Settings,
                    format!("{}: the topic has {} partitions", call.what, topic.partitions),
                )
                .advice("set log.partitions to that");
            }
            // The topic is there, or no broker can say so yet.
            _ => (),
        }
    }
    client.failure(&call, code, None)
}

/// Creates the topic and waits until each partition can be read and written.
pub fn create(client: &Client, spec: &TopicSpec) -> Result<(), Failure> {
    let call = Call::new(CREATE, format!("{} cannot be created", client.subject.name));
    let number = |number: u32| c_int::try_from(number).unwrap_or(c_int::MAX);
    let mut reason = [0; 512];
    // SAFETY: all arguments are alive during the call, which writes no more of a reason than the length says.
    let mut topic = unsafe {
        sys::rd_kafka_NewTopic_new(
            client.subject.topic.as_ptr(),
            number(spec.partitions),
            number(spec.replication),
            reason.as_mut_ptr().cast(),
            reason.len(),
        )
    };
    if topic.is_null() {
        let reason = words(CStr::from_bytes_until_nul(&reason).ok());
        return Err(Failure::fatal(Kind::Settings, format!("{}: {reason}", call.what)));
    }
    for (key, value) in configuration(spec) {
        let (key, value) = (CString::new(key).expect("no NUL in it"), CString::new(value).expect("no NUL in it"));
        // SAFETY: the topic is alive; both texts are copied.
        unsafe { sys::rd_kafka_NewTopic_set_config(topic, key.as_ptr(), value.as_ptr()) };
    }
    let answer = ask(client, Operation::RD_KAFKA_ADMIN_OP_CREATETOPICS, &call, |options, queue| {
        // SAFETY: all arguments are alive during the call; the request copies the topic.
        unsafe { sys::rd_kafka_CreateTopics(client.ptr(), &raw mut topic, 1, options, queue) };
    });
    // SAFETY: it is ours and not used again.
    unsafe { sys::rd_kafka_NewTopic_destroy(topic) };
    let event = answer?;
    // SAFETY: the event is the answer to this request; all that is read belongs to it, and it lives to the end.
    unsafe {
        let mut count = 0;
        let result = sys::rd_kafka_event_CreateTopics_result(event.ptr());
        let topics = sys::rd_kafka_CreateTopics_result_topics(result, &raw mut count);
        let topic = first(client, &call, topics, count)?;
        match sys::rd_kafka_topic_result_error(topic) {
            Code::RD_KAFKA_RESP_ERR_NO_ERROR => (),
            Code::RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS => return Err(failures::topic_exists(&client.subject.name)),
            code => return Err(client.failure(&call, code, text(sys::rd_kafka_topic_result_error_string(topic)))),
        }
    }
    let ready = |topic: Option<Description>| topic.is_some_and(|it| it.all_led && it.partitions == spec.partitions);
    until(client, "is created, but not every partition has a leader yet", ready)?;
    // A leader that was chosen may not know of it yet.
    let deadline = deadline();
    for partition in 0..spec.partitions {
        while let Err(failure) = extent(client, partition) {
            if !failure.is_retryable() || Instant::now() > deadline {
                return Err(failure);
            }
            thread::sleep(LOOK_AGAIN);
        }
    }
    Ok(())
}

/// As isotherm makes topics: nothing is deleted but what is asked for, and where there are three replicas, an acknowledged
/// record is on two.
fn configuration(spec: &TopicSpec) -> Vec<(&'static str, String)> {
    let mut configuration =
        vec![("cleanup.policy", "delete".to_owned()), ("retention.ms", spec.retention_ms.to_string())];
    if spec.replication >= 3 {
        configuration.push(("min.insync.replicas", "2".to_owned()));
    }
    configuration
}

/// Deletes the topic and waits until no broker that is asked knows it.
pub fn delete(client: &Client) -> Result<(), Failure> {
    let call = Call::new(DELETE, format!("{} cannot be deleted", client.subject.name));
    let event = ask(client, Operation::RD_KAFKA_ADMIN_OP_DELETETOPICS, &call, |options, queue| {
        // SAFETY: all arguments are alive during the calls; the request copies the topic.
        unsafe {
            let mut topic = sys::rd_kafka_DeleteTopic_new(client.subject.topic.as_ptr());
            sys::rd_kafka_DeleteTopics(client.ptr(), &raw mut topic, 1, options, queue);
            sys::rd_kafka_DeleteTopic_destroy(topic);
        }
    })?;
    // SAFETY: the event is the answer to this request; all that is read belongs to it, and it lives to the end.
    unsafe {
        let mut count = 0;
        let result = sys::rd_kafka_event_DeleteTopics_result(event.ptr());
        let topics = sys::rd_kafka_DeleteTopics_result_topics(result, &raw mut count);
        let topic = first(client, &call, topics, count)?;
        match sys::rd_kafka_topic_result_error(topic) {
            Code::RD_KAFKA_RESP_ERR_NO_ERROR | Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART => (),
            code => return Err(client.failure(&call, code, text(sys::rd_kafka_topic_result_error_string(topic)))),
        }
    }
    until(client, "is deleted, but brokers still know it", |topic| topic.is_none())
}

/// Looks at the topic until it is as it will be.
fn until(client: &Client, meanwhile: &str, done: impl Fn(Option<Description>) -> bool) -> Result<(), Failure> {
    let deadline = deadline();
    while !done(describe(client)?) {
        if Instant::now() > deadline {
            return Err(Failure::retryable(Kind::Unavailable, format!("{} {meanwhile}", client.subject.name)));
        }
        thread::sleep(LOOK_AGAIN);
    }
    Ok(())
}

fn deadline() -> Instant {
    Instant::now() + Duration::from_millis(CALL_MS_MAX.unsigned_abs().into())
}

/// One request and its answer, within [`CALL_MS_MAX`].
///
/// Where there is trouble a broker is looked for first, in a way that sleeps: a request that waits for one keeps two threads
/// of the client busy all the time (librdkafka 2.12).
fn ask<'client>(
    client: &'client Client,
    operation: Operation,
    call: &Call,
    send: impl FnOnce(*const sys::rd_kafka_AdminOptions_t, *mut sys::rd_kafka_queue_t),
) -> Result<Event<'client>, Failure> {
    client.serve(Duration::ZERO, |_| ());
    let mut timeout_ms = CALL_MS_MAX;
    // A description is asked of the controller unless another broker is named, and the client may know for minutes only of a
    // controller that is gone. Any broker can give it.
    let is_description = operation == Operation::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
    let mut describer = client.describer.lock().filter(|_| is_description);
    if client.troubled() || (is_description && describer.is_none()) {
        timeout_ms /= 2;
        let found = client.look_for_broker(timeout_ms).map_err(|code| client.failure(call, code, None))?;
        describer = found.filter(|_| is_description);
    }
    let queue = client.new_queue();
    // SAFETY: the client is alive; the options are ours from here to where they are destroyed.
    unsafe {
        let options = sys::rd_kafka_AdminOptions_new(client.ptr(), operation);
        sys::rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, ptr::null_mut(), 0);
        if let Some(broker) = describer {
            sys::rd_kafka_AdminOptions_set_broker(options, broker, ptr::null_mut(), 0);
        }
        send(options, queue.ptr());
        sys::rd_kafka_AdminOptions_destroy(options);
    }
    // The request ends by itself; the second more is for the client's own clockwork.
    let event = queue.poll(Duration::from_millis(u64::from(timeout_ms.unsigned_abs()) + 1_000));
    if is_description {
        let is_answered = event.as_ref().is_some_and(|event| event.code() == Code::RD_KAFKA_RESP_ERR_NO_ERROR);
        *client.describer.lock() = describer.filter(|_| is_answered);
    }
    match event {
        None => Err(client.failure(call, Code::RD_KAFKA_RESP_ERR__TIMED_OUT, None)),
        Some(event) if event.code() == Code::RD_KAFKA_RESP_ERR_NO_ERROR => {
            client.works();
            Ok(event)
        }
        Some(event) => Err(client.failure(call, event.code(), event.reason())),
    }
}

/// The one answer about the one topic that was asked about.
///
/// # Safety
/// `answers` has `count` elements.
unsafe fn first<T>(client: &Client, call: &Call, answers: *mut *const T, count: usize) -> Result<*const T, Failure> {
    if count == 0 {
        return Err(client.failure(call, Code::RD_KAFKA_RESP_ERR_UNKNOWN, None));
    }
    // SAFETY: there is one, as said above.
    Ok(unsafe { *answers })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_three_replicas_an_acknowledged_record_is_on_two() {
        for (replication, min_insync) in [(1, None), (2, None), (3, Some("2")), (5, Some("2"))] {
            let spec = TopicSpec { partitions: 1, replication, retention_ms: -1 };
            let configuration = configuration(&spec);
            let value = |key| configuration.iter().find(|(name, _)| *name == key).map(|(_, value)| value.as_str());
            assert_eq!(value("min.insync.replicas"), min_insync);
            assert_eq!((value("cleanup.policy"), value("retention.ms")), (Some("delete"), Some("-1")));
        }
    }
}
