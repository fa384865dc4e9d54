//! Brings readings from the source to the producer.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use super::messages::{Attach, Attached, Finish, Produce};
use super::producer::{GROUP_BYTES_MAX, Producer};
use super::source_reader::SourceReader;
use crate::domain::Readings;
use crate::settings;
use crate::source::Progressed;
use crate::source::files::FileRecord;
use crate::supervision::actor::{Addr, Request};
use crate::supervision::{Ending, Guard, Outage, Steps, Worker};

/// Bytes of keys and values in flight: one group is being written, and the next gathers.
const IN_FLIGHT_BYTES_MAX: usize = 2 * GROUP_BYTES_MAX;

/// Goes on from the stored cursor. Ends well when the source is at its end and everything of it is acknowledged.
///
/// A drain stops the reading. What was sent is still written, by the producer's own drain.
pub struct Generator {
    guard: Guard,
    worker: Arc<Worker<SourceReader>>,
    producer: Addr<Producer>,
    /// Of asking the log.
    asking: Outage,
    batch_records: usize,
    in_flight_max: usize,
}

impl Generator {
    pub fn new(
        guard: Guard,
        worker: Arc<Worker<SourceReader>>,
        producer: Addr<Producer>,
        asking: Outage,
        produce: &settings::Produce,
    ) -> Self {
        let settings::Produce { batch_records, in_flight_max, .. } = *produce;
        Self { guard, worker, producer, asking, batch_records, in_flight_max }
    }

    /// The work, from its beginning to its end.
    pub async fn generate(self) -> Result<(), Ending> {
        let Attached { kept, readings } = self.producer.send(Attach { epoch: self.guard.epoch() }).await??;
        let cursor = kept.cursor.clone();
        self.worker.call("opening the source", move |reader| reader.open(kept)).await??;
        self.guard.ready(Some(readings));
        self.read_on(cursor).await
    }

    /// Reads on while there is room for what was read before. Ends once all of it is acknowledged.
    async fn read_on(self, cursor: Option<Value>) -> Result<(), Ending> {
        let mut outbox = Outbox::new(self, cursor);
        let mut due = Instant::now();
        loop {
            let progressed = outbox.gather().await?;
            if progressed == Progressed::Ended {
                break;
            }
            if progressed == Progressed::Settle {
                // What the log is asked about has to be in the log.
                outbox.finish().await?;
                outbox.generator.ask().await?;
                continue;
            }
            outbox.send_what_is_due().await?;
            if let Progressed::Wait(time) = progressed {
                due = outbox.pause(due + time).await?;
            }
        }
        outbox.finish().await?;
        let Generator { producer, guard, .. } = outbox.generator;
        Ok(producer.send(Finish { epoch: guard.epoch() }).await??)
    }

    /// Has the log answer what the source asks, however long it takes.
    async fn ask(&self) -> Result<(), Ending> {
        let ask = |reader: &mut SourceReader, steps: &Steps| reader.ask(steps);
        while !self.asking.call(&self.worker, "comparing with the log", ask).await? {}
        Ok(())
    }
}

/// What is on its way to the producer. Readings gather to a message while others are being acknowledged: a source that
/// gives a few at a time has them written together, and waits for nobody while there is room.
///
/// In flight are `in_flight_max` messages and [`IN_FLIGHT_BYTES_MAX`] at most. All but the oldest and the very last are full.
struct Outbox {
    generator: Generator,
    gathered: Readings,
    /// See [`Produce::compared`].
    compared: bool,
    /// Of the source's files, what is newly known since the last message.
    files: Vec<FileRecord>,
    /// The source's, after what was gathered; `None` until something was read since the last message.
    cursor: Option<Value>,
    /// The one of the last message.
    sent_cursor: Option<Value>,
    /// Of the last message.
    number: u64,
    /// Oldest first.
    in_flight: VecDeque<Pin<Box<Request<Producer, Produce>>>>,
    in_flight_bytes: usize,
    /// The memory of messages that were acknowledged.
    spare: Vec<Readings>,
}

impl Outbox {
    fn new(generator: Generator, cursor: Option<Value>) -> Self {
        Self {
            generator,
            gathered: Readings::default(),
            compared: false,
            files: Vec::new(),
            cursor: None,
            sent_cursor: cursor,
            number: 0,
            in_flight: VecDeque::new(),
            in_flight_bytes: 0,
            spare: Vec::new(),
        }
    }

    /// Reads on behind what was gathered.
    async fn gather(&mut self) -> Result<Progressed, Ending> {
        let (gathered, readings_max) = (std::mem::take(&mut self.gathered), self.generator.batch_records);
        let read = move |reader: &mut SourceReader| reader.next(gathered, readings_max);
        let read = self.generator.worker.call("reading the source", read).await??;
        (self.gathered, self.cursor) = (read.readings, Some(read.cursor));
        self.compared |= read.compared;
        self.files.extend(read.files);
        match read.failure {
            None => Ok(read.progressed),
            Some(failure) => {
                self.finish().await?;
                Err(failure.into())
            }
        }
    }

    /// Sends what was gathered if it makes a full message, or if no other is on its way.
    async fn send_what_is_due(&mut self) -> Result<(), Ending> {
        let batch_records = self.generator.batch_records;
        if self.gathered.is_full(batch_records) || self.files.len() >= batch_records {
            return self.send().await;
        }
        while let Some(oldest) = self.in_flight.front_mut()
            && let Some(readings) = oldest.now_or_never()
        {
            self.acknowledged(readings??);
        }
        if self.in_flight.is_empty() && !self.gathered.is_empty() { self.send().await } else { Ok(()) }
    }

    /// Sends what was gathered, once there is room for it.
    async fn send(&mut self) -> Result<(), Ending> {
        let bytes = self.gathered.size_bytes();
        while !self.in_flight.is_empty() && !self.has_room(bytes) {
            self.await_oldest().await?;
        }
        self.number += 1;
        self.in_flight_bytes += bytes;
        let cursor = self.cursor.take().expect("what is sent was read, and its cursor with it");
        self.sent_cursor = Some(cursor.clone());
        let produce = Produce {
            epoch: self.generator.guard.epoch(),
            number: self.number,
            readings: std::mem::replace(&mut self.gathered, self.spare.pop().unwrap_or_default()),
            compared: std::mem::take(&mut self.compared),
            cursor,
            files: std::mem::take(&mut self.files),
        };
        self.in_flight.push_back(Box::pin(self.generator.producer.send(produce)));
        Ok(())
    }

    fn has_room(&self, bytes: usize) -> bool {
        self.in_flight.len() < self.generator.in_flight_max && self.in_flight_bytes + bytes <= IN_FLIGHT_BYTES_MAX
    }

    async fn await_oldest(&mut self) -> Result<(), Ending> {
        let oldest = self.in_flight.front_mut().expect("the caller has seen one");
        let readings = oldest.await??;
        self.acknowledged(readings);
        Ok(())
    }

    /// Takes back the memory of the oldest message.
    fn acknowledged(&mut self, mut readings: Readings) {
        self.in_flight.pop_front();
        self.in_flight_bytes -= readings.size_bytes();
        readings.clear();
        self.spare.push(readings);
    }

    /// Waits until it is time to go on, and sends what was gathered as soon as nothing else is on its way. A source that
    /// fell behind does not hurry to catch up.
    async fn pause(&mut self, due: Instant) -> Result<Instant, Ending> {
        let now = Instant::now();
        if due <= now {
            // A moment for others, also where time is simulated.
            tokio::time::sleep(Duration::ZERO).await;
            return Ok(now);
        }
        loop {
            let waits = !self.in_flight.is_empty();
            tokio::select! {
                biased;
                () = sleep_until(due) => return Ok(due),
                acknowledged = self.await_oldest(), if waits => acknowledged?,
            }
            self.send_what_is_due().await?;
        }
    }

    /// Sends the last readings and waits for every acknowledgement. Past the last reading the cursor may still have moved,
    /// over lines that hold none.
    async fn finish(&mut self) -> Result<(), Ending> {
        let is_further = self.cursor.is_some() && self.cursor != self.sent_cursor;
        if !self.gathered.is_empty() || !self.files.is_empty() || is_further {
            self.send().await?;
        }
        while !self.in_flight.is_empty() {
            self.await_oldest().await?;
        }
        Ok(())
    }
}
