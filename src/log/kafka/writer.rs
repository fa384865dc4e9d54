//! Writes records and waits for the acknowledgement of all.

use std::collections::BTreeMap;
use std::ffi::c_int;
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use rdkafka_sys as sys;
use sys::rd_kafka_resp_err_t as Code;

use crate::failure::{Failure, Kind, Origin, Severity};
use crate::log::{Outgoing, RecordWriter, failures};
use crate::settings::property::read_number;

use super::client::{CALL_MS_MAX, Client, Properties, Role, Subject, index};
use super::failure::{Call, WRITE};
use super::properties::MESSAGE_BYTES_MAX;
use super::queue::text;
use super::{admin, failure};

/// Records handed to the client at once.
const GIVEN_MAX: usize = 1_000;

/// What the client counts for a record beside its key and value.
const AROUND_BYTES: usize = 36;

/// How long to wait for the next delivery reports; how long in all is the client's `message.timeout.ms`.
const REPORTS_WAIT: Duration = Duration::from_millis(100);

pub struct Writer {
    /// Before `client`: a topic goes before its client.
    topic: TopicHandle,
    client: Client,
    /// Whether the topic was there when the first records came. A client only learns that it is not by waiting in vain.
    checked: bool,
    /// The client's `message.max.bytes`.
    record_bytes_max: usize,
    /// Where records are written in transactions.
    transactions: Option<Transactions>,
}

struct Transactions {
    /// The source that is written.
    source: String,
    is_open: bool,
}

/// A writer that is to write in transactions.
pub enum Initialized {
    /// No earlier writer of the source can write any more, and its open transaction is ended.
    Ready(Writer),
    /// Transactions are not to be had: the cluster has none, or the user no right to them.
    Refused(Failure),
}

impl Writer {
    pub fn open(properties: &Properties, subject: &Arc<Subject>) -> Result<Self, Failure> {
        let client = Client::new(properties, Role::Producer, subject)?;
        let bytes = properties.get(MESSAGE_BYTES_MAX).unwrap_or_default();
        let record_bytes_max = read_number(MESSAGE_BYTES_MAX, bytes)
            .and_then(|bytes| usize::try_from(bytes).map_err(|error| error.to_string()))
            .map_err(|reason| failure::property(MESSAGE_BYTES_MAX, &reason))?;
        // SAFETY: both are alive during the call; no configuration means the client's.
        let topic = unsafe { sys::rd_kafka_topic_new(client.ptr(), subject.topic.as_ptr(), ptr::null_mut()) };
        if topic.is_null() {
            return Err(Failure::fatal(Kind::Settings, format!("{} cannot be written: no such name", subject.name)));
        }
        Ok(Self { topic: TopicHandle(topic), client, checked: false, record_bytes_max, transactions: None })
    }

    /// Keeps earlier writers of the source from writing.
    pub fn into_transactional(mut self, source: &str) -> Result<Initialized, Failure> {
        self.transactions = Some(Transactions { source: source.to_owned(), is_open: false });
        let call = Call::new(WRITE, format!("no transactions can be had for {}", self.client.subject.name));
        // SAFETY: the client is alive, and a producer with a transactional id; the error is ours.
        match unsafe { TransactionError::of(sys::rd_kafka_init_transactions(self.client.ptr(), CALL_MS_MAX)) } {
            None => Ok(Initialized::Ready(self)),
            Some(error) if failure::refuses_transactions(error.code()) => {
                Ok(Initialized::Refused(error.failure(&self, &call)))
            }
            Some(error) => Err(error.failure(&self, &call)),
        }
    }

    /// Begins a transaction, if records are written in them and none is open.
    fn begin(&mut self) -> Result<(), Failure> {
        let Some(transactions) = self.transactions.as_mut().filter(|transactions| !transactions.is_open) else {
            return Ok(());
        };
        transactions.is_open = true;
        // SAFETY: the client is alive; the error is ours.
        let error = unsafe { TransactionError::of(sys::rd_kafka_begin_transaction(self.client.ptr())) };
        self.check(error, "no transaction can be begun")
    }

    fn check(&self, error: Option<TransactionError>, what: &str) -> Result<(), Failure> {
        let call = || Call::new(WRITE, format!("{what} on {}", self.client.subject.name));
        error.map_or(Ok(()), |error| Err(error.failure(self, &call())))
    }

    /// That another writer took over, if the code or the client says so.
    fn replaced(&self, code: Code) -> Option<Failure> {
        let transactions = self.transactions.as_ref()?;
        // SAFETY: the client is alive; no text is asked for.
        let fatal = unsafe { sys::rd_kafka_fatal_error(self.client.ptr(), ptr::null_mut(), 0) };
        let is_replaced = failure::is_replaced(code) || failure::is_replaced(fatal);
        is_replaced.then(|| failures::replaced(&self.client.subject.name, &transactions.source))
    }

    fn check_topic(&mut self) -> Result<(), Failure> {
        match admin::describe(&self.client)? {
            Some(_) => self.checked = true,
            None => return Err(failures::no_topic(&self.client.subject.name)),
        }
        Ok(())
    }

    /// A record that is too large is found before anything is sent: those behind it would go without it.
    fn check_sizes(&self, records: &[Outgoing<'_>]) -> Result<(), Failure> {
        let length = |part: Option<&[u8]>| part.map_or(0, <[u8]>::len);
        let size = |record: &&Outgoing<'_>| length(record.key) + length(record.value) + AROUND_BYTES;
        match records.iter().find(|record| size(record) > self.record_bytes_max) {
            None => Ok(()),
            Some(record) => {
                let (bytes, max) = (size(&record), self.record_bytes_max);
                let what =
                    format!("a record of {bytes} bytes is too large for {}: {max} at most", self.client.subject.name);
                Err(Failure::fatal(Kind::Data, what).advice("raise message.max.bytes in log.kafka.client"))
            }
        }
    }

    /// Hands records to the client; how many it took. Fewer than all means that its queue is full.
    fn give(&self, records: &[Outgoing], messages: &mut Vec<sys::rd_kafka_message_t>) -> Result<usize, Failure> {
        messages.clear();
        messages.extend(records.iter().map(message));
        let flags = sys::RD_KAFKA_MSG_F_COPY | sys::RD_KAFKA_MSG_F_PARTITION;
        let count = c_int::try_from(messages.len()).expect("at most GIVEN_MAX");
        // SAFETY: the topic is alive; the messages point into the records, which are alive during the call, and copied by it.
        unsafe { sys::rd_kafka_produce_batch(self.topic.0, 0, flags, messages.as_mut_ptr(), count) };
        for (taken, message) in messages.iter().enumerate() {
            match message.err {
                Code::RD_KAFKA_RESP_ERR_NO_ERROR => (),
                Code::RD_KAFKA_RESP_ERR__QUEUE_FULL => return Ok(taken),
                code => return Err(self.failed(message.partition, code)),
            }
        }
        Ok(messages.len())
    }

    fn failed(&self, partition: i32, code: Code) -> Failure {
        if let Some(replaced) = self.replaced(code) {
            return replaced;
        }
        let call = Call::new(WRITE, format!("partition {partition} of {} cannot be written", self.client.subject.name));
        match self.transaction_error(code).map(|error| error.failure(self, &call)) {
            // The next writer begins another transaction.
            Some(failure) if failure.kind == Kind::Internal => Failure { severity: Severity::Retryable, ..failure },
            Some(failure) => failure,
            None => admin::failed(&self.client, partition.unsigned_abs(), call, code),
        }
    }

    /// Why the client gave up the open transaction. The records say no more than that they were thrown away.
    fn transaction_error(&self, code: Code) -> Option<TransactionError> {
        let given_up = matches!(
            code,
            Code::RD_KAFKA_RESP_ERR__PURGE_QUEUE
                | Code::RD_KAFKA_RESP_ERR__PURGE_INFLIGHT
                | Code::RD_KAFKA_RESP_ERR__STATE
        );
        let is_open = self.transactions.as_ref().is_some_and(|transactions| transactions.is_open);
        if !given_up || !is_open {
            return None;
        }
        // SAFETY: the client is alive; the error is ours. None is begun while one is open, and a writer that failed is dropped: the
        // call says why none can be begun.
        let error = unsafe { TransactionError::of(sys::rd_kafka_begin_transaction(self.client.ptr())) };
        error.filter(|error| error.code() != Code::RD_KAFKA_RESP_ERR__STATE)
    }

    fn write_all(&self, records: &[Outgoing<'_>]) -> Result<BTreeMap<u32, u64>, Failure> {
        let mut reports = Reports::default();
        let mut messages = Vec::with_capacity(GIVEN_MAX.min(records.len()));
        for mut left in records.chunks(GIVEN_MAX) {
            while !left.is_empty() {
                left = &left[self.give(left, &mut messages)?..];
                let wait = if left.is_empty() { Duration::ZERO } else { REPORTS_WAIT };
                self.client.serve(wait, |message| reports.add(message));
                reports.check(self)?;
            }
        }
        while reports.acknowledged < records.len() {
            self.client.serve(REPORTS_WAIT, |message| reports.add(message));
            reports.check(self)?;
        }
        self.client.works();
        Ok(reports.ends)
    }

    /// Nothing that still waits in the client is sent any more.
    fn purge(&self) {
        // SAFETY: the client is alive.
        unsafe { sys::rd_kafka_purge(self.client.ptr(), sys::RD_KAFKA_PURGE_F_QUEUE | sys::RD_KAFKA_PURGE_F_INFLIGHT) };
    }
}

impl RecordWriter for Writer {
    fn write(&mut self, records: &[Outgoing<'_>]) -> Result<BTreeMap<u32, u64>, Failure> {
        if !self.checked {
            self.check_topic()?;
        }
        self.check_sizes(records)?;
        self.begin()?;
        self.write_all(records).inspect_err(|_| self.purge())
    }

    fn commit(&mut self) -> Result<(), Failure> {
        if self.transactions.as_mut().is_some_and(|transactions| std::mem::take(&mut transactions.is_open)) {
            // SAFETY: the client is alive, and all reports of its records were taken; the error is ours.
            let error =
                unsafe { TransactionError::of(sys::rd_kafka_commit_transaction(self.client.ptr(), CALL_MS_MAX)) };
            // No code tells the outcome for sure: a coordinator that is just asked for another producer of the source answers
            // that it broke. The next writer settles it.
            let settled = |failure: Failure| match failure.kind {
                Kind::Internal => Failure { severity: Severity::Retryable, ..failure }.origin(Origin::Replaced),
                _ => failure,
            };
            self.check(error, "a transaction was not committed").map_err(settled)?;
        }
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.purge();
    }
}

/// What became of the records of one call.
#[derive(Default)]
struct Reports {
    acknowledged: usize,
    ends: BTreeMap<u32, u64>,
    /// The first that was not, with its partition.
    failed: Option<(i32, Code)>,
}

impl Reports {
    fn add(&mut self, message: &sys::rd_kafka_message_t) {
        let code = match (message.err, u64::try_from(message.offset)) {
            (Code::RD_KAFKA_RESP_ERR_NO_ERROR, Ok(offset)) => {
                let end = self.ends.entry(message.partition.unsigned_abs()).or_default();
                *end = (*end).max(offset + 1);
                self.acknowledged += 1;
                return;
            }
            // Written before a lost answer, at an offset that is not known: another writer writes it again.
            (Code::RD_KAFKA_RESP_ERR_NO_ERROR, Err(_)) => Code::RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE,
            (code, _) => code,
        };
        self.failed.get_or_insert((message.partition, code));
    }

    fn check(&self, writer: &Writer) -> Result<(), Failure> {
        match self.failed {
            None => Ok(()),
            Some((partition, code)) => Err(writer.failed(partition, code)),
        }
    }
}

/// An error of a call on transactions.
struct TransactionError(*mut sys::rd_kafka_error_t);

impl TransactionError {
    /// # Safety
    /// The error is null, or the caller's to give away.
    unsafe fn of(error: *mut sys::rd_kafka_error_t) -> Option<Self> {
        (!error.is_null()).then_some(Self(error))
    }

    fn code(&self) -> Code {
        // SAFETY: it is ours and alive.
        unsafe { sys::rd_kafka_error_code(self.0) }
    }

    fn failure(&self, writer: &Writer, call: &Call) -> Failure {
        // SAFETY: it is ours, and alive for as long as the text is used, which it owns.
        let detail = unsafe { text(sys::rd_kafka_error_string(self.0)) };
        writer.replaced(self.code()).unwrap_or_else(|| writer.client.failure(call, self.code(), detail))
    }
}

impl Drop for TransactionError {
    fn drop(&mut self) {
        // SAFETY: it is ours and not used again.
        unsafe { sys::rd_kafka_error_destroy(self.0) }
    }
}

struct TopicHandle(*mut sys::rd_kafka_topic_t);

// SAFETY: librdkafka's topics may be used from any thread.
unsafe impl Send for TopicHandle {}

impl Drop for TopicHandle {
    fn drop(&mut self) {
        // SAFETY: it is ours and not used again.
        unsafe { sys::rd_kafka_topic_destroy(self.0) }
    }
}

fn message(record: &Outgoing<'_>) -> sys::rd_kafka_message_t {
    // Null is no key, and a pointer to nothing an empty one; an empty slice's pointer is not null.
    let part = |part: Option<&[u8]>| match part {
        Some(bytes) => (bytes.as_ptr().cast_mut().cast(), bytes.len()),
        None => (ptr::null_mut(), 0),
    };
    let ((key, key_len), (payload, len)) = (part(record.key), part(record.value));
    sys::rd_kafka_message_t {
        err: Code::RD_KAFKA_RESP_ERR_NO_ERROR,
        rkt: ptr::null_mut(),
        partition: index(record.partition),
        payload,
        len,
        key,
        key_len,
        offset: 0,
        _private: ptr::null_mut(),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;

    use super::*;

    fn opened(record_bytes_max: &str) -> Result<Writer, Failure> {
        let mut properties = Properties::default();
        properties.set("bootstrap.servers", "127.0.0.1:1").set(MESSAGE_BYTES_MAX, record_bytes_max);
        let topic = CString::new("t").expect("no NUL");
        Writer::open(&properties, &Arc::new(Subject::new(topic, "topic t".to_owned())))
    }

    #[test]
    fn the_largest_record_is_what_librdkafka_reads_in_the_property() {
        for (value, bytes) in [("1048527", 1_048_527), ("0x100000", 1 << 20), ("010000", 4096), ("2000000x", 2_000_000)]
        {
            assert_eq!(opened(value).expect(value).record_bytes_max, bytes, "{value}");
        }
        for value in ["", "many", "999", "0x7fffffff"] {
            let failure = opened(value).err().expect(value);
            assert!(failure.kind == Kind::Settings && failure.what.contains(MESSAGE_BYTES_MAX), "{failure}");
        }
    }
}
