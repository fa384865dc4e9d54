//! Reads one partition: batches of librdkafka's queue, copied into the arena of ours.

use std::slice;
use std::time::{Duration, Instant};

use rdkafka_sys as sys;
use sys::rd_kafka_resp_err_t as Code;

use crate::domain::{Batch, Record};
use crate::failure::{Failure, Kind};
use crate::log::{BATCH_BYTES_MAX, RecordReader, failures};

use super::admin;
use super::failure::{Call, READ};
use super::pool::Held;
use super::taken::Taken;

/// Records taken from the queue at once.
const TAKEN_MAX: usize = 10_000;

/// When nothing was heard for this long, the broker is asked whether it is there.
const SILENCE_MAX: Duration = Duration::from_secs(5);

/// A read that waits longer looks as often as this whether the client has trouble.
const WAITED_MAX: Duration = Duration::from_secs(1);

pub struct Reader {
    /// Taken from the queue, not yet in a batch. Before `held`: what is a client's goes before it.
    taken: Taken<'static>,
    held: Held,
    position: u64,
    /// Whether the offset that reading starts at was compared with the partition's extent, and is fetched from.
    checked: bool,
    last_heard: Instant,
}

impl Reader {
    /// Fetches from the offset `from` on, from the first read on; nothing is waited for.
    pub fn new(held: Held, from: u64) -> Self {
        let (taken, last_heard) = (Taken::default(), Instant::now());
        Self { taken, held, position: from, checked: false, last_heard }
    }

    /// The offset to start at must lie within the partition: the broker would tell too, but later and less exactly. It is
    /// asked before anything is fetched, see [`Held::start`].
    fn check_start(&mut self) -> Result<(), Failure> {
        let extent = admin::extent(self.held.client(), self.held.partition())?;
        if self.position < extent.start || self.position > extent.end {
            return Err(self.out_of_range());
        }
        self.held.start(self.position)?;
        self.checked = true;
        self.last_heard = Instant::now();
        Ok(())
    }

    /// Moves what was taken into the batch, as far as it has room. An error is told only while the batch is empty, so that
    /// the records before it are not lost.
    fn fill(&mut self, batch: &mut Batch, records_max: usize) -> Result<(), Failure> {
        while batch.len() < records_max && batch.size_bytes() < BATCH_BYTES_MAX {
            let Some(message) = self.taken.peek() else { break };
            let offset = u64::try_from(message.offset).unwrap_or(self.position);
            match message.err {
                Code::RD_KAFKA_RESP_ERR_NO_ERROR => {
                    // SAFETY: the message owns its key and value until it is dropped below.
                    let (key, value) =
                        unsafe { (bytes(message.key, message.key_len), bytes(message.payload, message.len)) };
                    batch.push(Record { offset, key, value });
                    self.position = offset + 1;
                }
                Code::RD_KAFKA_RESP_ERR__PARTITION_EOF => self.position = self.position.max(offset),
                _ if !batch.is_empty() => break,
                code => {
                    self.taken.drop_first();
                    return Err(self.failed(code));
                }
            }
            self.taken.drop_first();
        }
        Ok(())
    }

    fn failed(&self, code: Code) -> Failure {
        match code {
            Code::RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET
            | Code::RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE
            | Code::RD_KAFKA_RESP_ERR__LOG_TRUNCATION => self.out_of_range(),
            code => {
                let what = format!(
                    "partition {} of {} cannot be read at offset {}",
                    self.held.partition(),
                    self.held.client().subject.name,
                    self.position
                );
                admin::failed(self.held.client(), self.held.partition(), Call::new(READ, what), code)
            }
        }
    }

    fn out_of_range(&self) -> Failure {
        let extent = match admin::extent(self.held.client(), self.held.partition()) {
            Ok(extent) => format!("it holds offsets {} to {}", extent.start, extent.end),
            Err(failure) => failure.what,
        };
        Failure::fatal(
            Kind::Data,
            format!(
                "partition {} of {} cannot be read at offset {}: {extent}",
                self.held.partition(),
                self.held.client().subject.name,
                self.position
            ),
        )
        .advice(failures::START_OVER)
    }

    fn take(&mut self, count: usize, wait: Duration) -> bool {
        let taken = self.taken.take(self.held.queue(), count, wait);
        if taken {
            self.last_heard = Instant::now();
        }
        taken
    }

    /// Silence is either that nothing new is there, or that the broker is away. Asked only now and then, and at once after
    /// the client had trouble. Where readers share a client, each sees the trouble until the cluster answers one of them;
    /// one whose broker is still away then finds out by its own question.
    fn check_silence(&mut self) -> Result<(), Failure> {
        self.held.client().serve(Duration::ZERO, |_| ());
        if self.held.client().troubled() || self.last_heard.elapsed() > SILENCE_MAX {
            admin::extent(self.held.client(), self.held.partition())?;
            self.last_heard = Instant::now();
        }
        Ok(())
    }
}

impl RecordReader for Reader {
    fn read(&mut self, batch: &mut Batch, records_max: usize, wait: Duration) -> Result<u64, Failure> {
        let deadline = Instant::now() + wait;
        if !self.checked {
            self.check_start()?;
        }
        let from = self.position;
        loop {
            self.fill(batch, records_max)?;
            let room = records_max - batch.len();
            if room == 0 || !self.taken.is_empty() {
                return Ok(self.position);
            }
            if self.take(room.min(TAKEN_MAX), Duration::ZERO) {
                continue;
            }
            if !batch.is_empty() || self.position > from {
                return Ok(self.position);
            }
            self.check_silence()?;
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(self.position);
            }
            self.take(1, left.min(WAITED_MAX));
        }
    }
}

/// # Safety
/// A pointer that is not null has `length` bytes behind it, for as long as the result is used.
unsafe fn bytes<'a>(start: *const std::ffi::c_void, length: usize) -> Option<&'a [u8]> {
    // SAFETY: as said above.
    (!start.is_null()).then(|| unsafe { slice::from_raw_parts(start.cast(), length) })
}
