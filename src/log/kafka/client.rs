//! A client of librdkafka.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_int};
use std::fmt;
use std::net::{TcpStream, ToSocketAddrs as _};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::config::{NativeClientConfig, RDKafkaLogLevel};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use rdkafka_sys as sys;
use sys::rd_kafka_resp_err_t as Code;
use tracing::debug;

use crate::failure::Failure;
use crate::settings::property::one_name;

use super::failure::{self, Call, ClientError};
use super::queue::{Queue, words};

/// The property that names the first brokers.
pub const BROKERS: &str = "bootstrap.servers";

/// The longest that a call waits for the cluster.
pub const CALL_MS_MAX: c_int = 5_000;

/// After so long without an answer a client is told its first brokers again, and then at times that double.
const FORLORN_MIN: Duration = Duration::from_secs(5);
const FORLORN_MAX: Duration = Duration::from_secs(60);

/// How a port is looked at.
const CONNECT_MAX: Duration = Duration::from_millis(500);
const ADDRESSES_MAX: usize = 4;
const LOOK_WAIT: Duration = Duration::from_millis(700);
const LOOK_THREAD: &str = "isotherm-port";

/// The topic that all calls are about.
pub struct Subject {
    pub topic: CString,
    /// The topic and its cluster for messages.
    pub name: String,
    /// The cluster has answered a client once.
    has_worked: AtomicBool,
    /// Somebody looks at the ports of the brokers.
    looks: AtomicBool,
}

impl Subject {
    pub fn new(topic: CString, name: String) -> Self {
        Self { topic, name, has_worked: AtomicBool::new(false), looks: AtomicBool::new(false) }
    }
}

/// What a client is made with: one value a property, whichever of its names is used; the last one counts.
#[derive(Default)]
pub struct Properties(BTreeMap<String, String>);

/// Names alone: a value can be a secret.
impl fmt::Debug for Properties {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

impl Properties {
    pub fn set(&mut self, name: &str, value: impl Into<String>) -> &mut Self {
        self.0.insert(one_name(name).to_owned(), value.into());
        self
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(one_name(name)).map(String::as_str)
    }

    /// librdkafka's form of them, made in the order of their names.
    fn native(&self) -> Result<NativeClientConfig, Failure> {
        let config = ClientConfig::new().create_native_config().map_err(|error| failure::properties(&error))?;
        for (name, value) in &self.0 {
            set(&config, name, value)?;
        }
        Ok(config)
    }
}

fn set(config: &NativeClientConfig, name: &str, value: &str) -> Result<(), Failure> {
    let (Ok(c_name), Ok(c_value)) = (CString::new(name), CString::new(value)) else {
        return Err(failure::property(name, "there is a zero byte in it"));
    };
    let mut reason = [0; 512];
    // SAFETY: the configuration and both texts are alive during the call, which writes no more than the length says.
    let result = unsafe {
        let room = reason.as_mut_ptr().cast();
        sys::rd_kafka_conf_set(config.ptr(), c_name.as_ptr(), c_value.as_ptr(), room, reason.len())
    };
    match result {
        sys::rd_kafka_conf_res_t::RD_KAFKA_CONF_OK => Ok(()),
        _ => Err(failure::property(name, &words(CStr::from_bytes_until_nul(&reason).ok()))),
    }
}

#[derive(Clone, Copy)]
pub enum Role {
    Consumer,
    /// Of a group.
    Member,
    Producer,
}

/// A client with its own threads and connections, for one topic. Dropping it waits until they have ended.
pub struct Client {
    /// The last error that no call was told of: why nothing works, better than the timeout that a call sees.
    trouble: Mutex<Option<ClientError>>,
    /// When it is told its first brokers again, and how long that was since the last time; `None` while it works.
    forlorn: Mutex<Option<(Instant, Duration)>>,
    first_brokers: CString,
    /// The number of a broker that has described the topic when it was asked last.
    pub describer: Mutex<Option<i32>>,
    /// Log lines, errors and delivery reports. Before `native`: a queue goes before its client.
    main: Queue<'static>,
    native: rdkafka::client::Client,
    pub subject: Arc<Subject>,
}

impl Client {
    pub fn new(properties: &Properties, role: Role, subject: &Arc<Subject>) -> Result<Self, Failure> {
        let config = properties.native()?;
        // What is logged is decided where it is handed to `tracing`.
        let mut level = ClientConfig::new();
        level.set_log_level(RDKafkaLogLevel::Debug);
        let (kind, events) = match role {
            Role::Consumer => (sys::rd_kafka_type_t::RD_KAFKA_CONSUMER, sys::RD_KAFKA_EVENT_ERROR),
            Role::Member => (
                sys::rd_kafka_type_t::RD_KAFKA_CONSUMER,
                sys::RD_KAFKA_EVENT_ERROR | sys::RD_KAFKA_EVENT_REBALANCE | sys::RD_KAFKA_EVENT_OFFSET_COMMIT,
            ),
            Role::Producer => {
                (sys::rd_kafka_type_t::RD_KAFKA_PRODUCER, sys::RD_KAFKA_EVENT_ERROR | sys::RD_KAFKA_EVENT_DR)
            }
        };
        // SAFETY: the configuration is alive and not yet given to a client.
        unsafe { sys::rd_kafka_conf_set_events(config.ptr(), events) };
        let native = rdkafka::client::Client::new(&level, config, kind, rdkafka::client::DefaultClientContext)
            .map_err(|error| failure::properties(&error))?;
        // SAFETY: the client is alive, and kept behind the queue; its main queue always exists, and this reference is ours.
        let main = unsafe { Queue::new(sys::rd_kafka_queue_get_main(native.native_ptr())) };
        let first_brokers =
            CString::new(properties.get(BROKERS).unwrap_or_default()).expect("it was taken as a property");
        let (trouble, forlorn, describer) = (Mutex::new(None), Mutex::new(None), Mutex::new(None));
        Ok(Self { trouble, forlorn, describer, first_brokers, main, native, subject: subject.clone() })
    }

    pub fn ptr(&self) -> *mut sys::rd_kafka_t {
        self.native.native_ptr()
    }

    pub fn native(&self) -> &rdkafka::client::Client {
        &self.native
    }

    /// Takes all that the client has to say, waiting for the first of it: log lines, errors (kept as the trouble), and
    /// the records that were delivered or not.
    pub fn serve(&self, wait: Duration, mut delivered: impl FnMut(&sys::rd_kafka_message_t)) {
        let mut event = self.main.poll(wait);
        while let Some(current) = event {
            match current.kind() {
                sys::RD_KAFKA_EVENT_LOG => current.log(),
                sys::RD_KAFKA_EVENT_ERROR => {
                    self.note(ClientError { code: current.code(), reason: words(current.reason()) })
                }
                sys::RD_KAFKA_EVENT_DR => current.messages(&mut delivered),
                _ => (),
            }
            event = self.main.poll(Duration::ZERO);
        }
    }

    fn note(&self, trouble: ClientError) {
        debug!(target: "librdkafka", code = ?trouble.code, "{}", trouble.reason);
        let mut last = self.trouble.lock();
        // That no broker is left, or that the client gave up, says less than what came before.
        let follows =
            matches!(trouble.code, Code::RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN | Code::RD_KAFKA_RESP_ERR__FATAL);
        if last.is_none() || !follows {
            *last = Some(trouble);
        }
    }

    /// Whether something went wrong since the last call of [`Self::works`].
    pub fn troubled(&self) -> bool {
        self.trouble.lock().is_some()
    }

    /// The cluster has answered: what went wrong before is over.
    pub fn works(&self) {
        self.serve(Duration::ZERO, |_| ());
        *self.trouble.lock() = None;
        *self.forlorn.lock() = None;
        self.subject.has_worked.store(true, Relaxed);
    }

    /// A broker that is just starting, or that was taken for dead, may answer that there are no brokers. librdkafka forgets all
    /// that it knows then, its first ones as well, and has nobody left to ask
    /// (<https://github.com/confluentinc/librdkafka/issues/5301>): so it is told of them again. It keeps every list that it is
    /// told, which is why that is done seldom.
    fn tell_first_brokers(&self) {
        let mut forlorn = self.forlorn.lock();
        let now = Instant::now();
        let (due, wait) = *forlorn.get_or_insert((now + FORLORN_MIN, FORLORN_MIN));
        if now >= due {
            let wait = (2 * wait).min(FORLORN_MAX);
            *forlorn = Some((now + wait, wait));
            // SAFETY: the client is alive, and so is the text, which the call copies.
            unsafe { sys::rd_kafka_brokers_add(self.ptr(), self.first_brokers.as_ptr()) };
        }
    }

    /// A failed call. The detail is more exact than the code's own text.
    pub fn failure(&self, call: &Call, code: Code, detail: Option<&CStr>) -> Failure {
        self.serve(Duration::ZERO, |_| ());
        let detail = words(detail);
        let reason = if detail.is_empty() { failure::describe(code) } else { detail };
        let failure = failure::of(call, &ClientError { code, reason }, self.trouble.lock().as_ref());
        if !failure.is_retryable() {
            return failure;
        }
        self.tell_first_brokers();
        let unanswered = matches!(
            code,
            Code::RD_KAFKA_RESP_ERR__TRANSPORT
                | Code::RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN
                | Code::RD_KAFKA_RESP_ERR__TIMED_OUT
        );
        let listening = if unanswered && !self.subject.has_worked.load(Relaxed) { self.who_listens() } else { None };
        match listening {
            Some(broker) => failure.advice(format!(
                "something listens at {broker} and has not answered as Kafka does: is it the port of another listener (TLS, SASL), \
                 or is a broker starting or hung there?"
            )),
            None => failure,
        }
    }

    /// The first of the first brokers at whose port something listens. One thread at a time looks, as a name may take its time;
    /// the look is waited for shortly.
    fn who_listens(&self) -> Option<String> {
        if self.subject.looks.swap(true, Relaxed) {
            return None;
        }
        let (found, receiver) = sync_channel(1);
        let (brokers, subject) = (self.first_brokers.to_string_lossy().into_owned(), self.subject.clone());
        let look = move || {
            let listening = brokers.split(',').map(str::trim).find(|broker| listens(broker)).map(str::to_owned);
            subject.looks.store(false, Relaxed);
            drop(found.send(listening));
        };
        if thread::Builder::new().name(LOOK_THREAD.to_owned()).spawn(look).is_err() {
            self.subject.looks.store(false, Relaxed);
        }
        receiver.recv_timeout(LOOK_WAIT).ok().flatten()
    }

    /// Waits until any broker answers; its number, if that is known.
    pub fn look_for_broker(&self, timeout_ms: c_int) -> Result<Option<i32>, Code> {
        let mut metadata = ptr::null();
        // SAFETY: the client is alive; what it gives is ours, and given back at once.
        unsafe {
            let code = sys::rd_kafka_metadata(self.ptr(), 0, ptr::null_mut(), &raw mut metadata, timeout_ms);
            if code != Code::RD_KAFKA_RESP_ERR_NO_ERROR {
                return Err(code);
            }
            let broker = (*metadata).orig_broker_id;
            sys::rd_kafka_metadata_destroy(metadata);
            Ok((broker >= 0).then_some(broker))
        }
    }

    /// Partitions of the topic, each with its offset.
    pub fn partitions(&self, offsets: impl IntoIterator<Item = (u32, Offset)>) -> TopicPartitionList {
        let topic = self.subject.topic.to_str().expect("it was made of a text");
        let mut list = TopicPartitionList::new();
        for (partition, offset) in offsets {
            list.add_partition(topic, index(partition)).set_offset(offset).expect("no offset is negative");
        }
        list
    }

    /// A queue of its own, for the answer to one request.
    pub fn new_queue(&self) -> Queue<'_> {
        // SAFETY: the client is alive, and borrowed for as long as the queue is there; the queue is new and ours.
        unsafe { Queue::new(sys::rd_kafka_queue_new(self.ptr())) }
    }

    /// Start and end of a partition; the end is the last stable offset, as this client reads committed records.
    pub fn extent(&self, partition: u32) -> Result<(u64, u64), Code> {
        let (mut start, mut end) = (-1, -1);
        // SAFETY: all arguments are alive during the call.
        let code = unsafe {
            sys::rd_kafka_query_watermark_offsets(
                self.ptr(),
                self.subject.topic.as_ptr(),
                index(partition),
                &raw mut start,
                &raw mut end,
                CALL_MS_MAX,
            )
        };
        match (code, u64::try_from(start), u64::try_from(end)) {
            (Code::RD_KAFKA_RESP_ERR_NO_ERROR, Ok(start), Ok(end)) => {
                self.works();
                Ok((start, end))
            }
            (Code::RD_KAFKA_RESP_ERR_NO_ERROR, ..) => Err(Code::RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE),
            (code, ..) => Err(code),
        }
    }
}

/// Whether something takes a connection at a broker's port.
fn listens(broker: &str) -> bool {
    let address = broker.split_once("://").map_or(broker, |(_, address)| address);
    let mut addresses = address.to_socket_addrs().into_iter().flatten().take(ADDRESSES_MAX);
    addresses.any(|address| TcpStream::connect_timeout(&address, CONNECT_MAX).is_ok())
}

/// An offset as Kafka counts; one that is out of its range is past every end.
pub fn at(offset: u64) -> Offset {
    Offset::Offset(i64::try_from(offset).unwrap_or(i64::MAX))
}

/// A partition's number as Kafka counts; one that is out of its range is no partition and refused there.
pub fn index(partition: u32) -> i32 {
    i32::try_from(partition).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::super::failure::DESCRIBE;
    use super::*;

    fn failed(brokers: &str) -> Failure {
        let mut properties = Properties::default();
        properties.set(BROKERS, brokers).set("group.id", "g");
        let topic = CString::new("t").expect("no NUL");
        let subject = Arc::new(Subject::new(topic, "topic t".to_owned()));
        let client = Client::new(&properties, Role::Consumer, &subject).expect("nothing is waited for");
        client.failure(&Call::new(DESCRIBE, "it cannot be described"), Code::RD_KAFKA_RESP_ERR__TIMED_OUT, None)
    }

    #[test]
    fn a_port_of_something_else_is_told_from_one_where_nothing_listens() {
        let other = TcpListener::bind("127.0.0.1:0").expect("a port");
        let there = other.local_addr().expect("bound").to_string();
        let failure = failed(&format!("127.0.0.1:1, PLAINTEXT://{there}"));
        let told = failure.advice.as_deref().unwrap_or_default();
        assert!(
            failure.is_retryable() && told.contains(&format!("{there} and has not answered as Kafka does")),
            "{failure}"
        );
        assert_eq!(failed("127.0.0.1:1").advice, None);
    }
}
