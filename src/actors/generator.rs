//! Brings readings from the source to the producer.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use tokio::time::{Instant, sleep_until};

use super::ending::{Ending, end};
use super::messages::{Attach, Attached, Produce};
use super::producer::Producer;
use crate::domain::Readings;
use crate::faults::{Failure, FaultPoints, Kind};
use crate::observe::{Progress, events};
use crate::sabotage::{self, Bug};
use crate::settings;
use crate::source::{self, Progressed, Source};
use crate::supervision::{Drain, Guard, Heartbeat, Pulse, Worker};

/// Goes on from the stored cursor. Ends well when the source is at its end and everything of it is acknowledged.
pub struct Generator {
    guard: Guard,
    story: Story,
    running: Option<SpawnHandle>,
}

/// What the worker's thread `isotherm-source` owns.
pub struct SourceReader {
    settings: settings::Source,
    faults: FaultPoints,
    progress: Progress,
    source: Option<Box<dyn Source>>,
}

/// What one read of the source gave.
struct Read {
    readings: Readings,
    cursor: serde_json::Value,
    progressed: Progressed,
}

#[derive(Clone)]
struct Story {
    epoch: u64,
    worker: Arc<Worker<SourceReader>>,
    producer: Addr<Producer>,
    batch_records: usize,
    in_flight_max: usize,
}

impl SourceReader {
    pub fn new(settings: settings::Source, faults: FaultPoints, progress: Progress) -> Self {
        Self { settings, faults, progress, source: None }
    }

    fn open(&mut self, attached: &Attached) -> Result<(), Failure> {
        self.faults.hit("generator.start")?;
        let source = source::open(&self.settings, attached.cursor.as_ref())?;
        if let Some((_, total)) = source.bytes() {
            self.progress.source().set_bytes_total(total);
        }
        self.source = Some(source);
        Ok(())
    }

    fn next(&mut self, mut readings: Readings, readings_max: usize) -> Result<Read, Failure> {
        self.faults.hit("generator.next")?;
        let source = self
            .source
            .as_mut()
            .ok_or_else(|| Failure::fatal(Kind::Internal, "the source is read before it was opened"))?;
        let progressed = source.next(&mut readings, readings_max)?;
        let (bad_lines, named) = source.take_bad_lines();
        for bad in &named {
            let file = bad.file.display().to_string();
            events::BadLine { file: &file, line: bad.line, reason: &bad.reason }.emit(&self.progress);
        }
        self.progress.source().add_unnamed_bad_lines(bad_lines - named.len() as u64);
        self.progress.source().set_skipped_quality(source.skipped_quality());
        if let Some((bytes, _)) = source.bytes() {
            self.progress.source().set_bytes(bytes);
        }
        Ok(Read { readings, cursor: source.cursor(), progressed })
    }
}

impl Generator {
    pub fn new(
        guard: Guard,
        worker: Worker<SourceReader>,
        producer: Addr<Producer>,
        produce: &settings::Produce,
    ) -> Self {
        let story = Story {
            epoch: guard.epoch(),
            worker: Arc::new(worker),
            producer,
            batch_records: produce.batch_records,
            in_flight_max: produce.in_flight_max,
        };
        Self { guard, story, running: None }
    }
}

impl Actor for Generator {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        let story = self.story.clone();
        let opened = async move { story.open().await }.into_actor(self);
        self.running = Some(context.spawn(opened.map(|opened, actor, context| match opened {
            Ok(attached) => {
                actor.guard.ready(Some(attached.readings));
                let story = actor.story.clone();
                let generated = async move { story.generate(attached.cursor).await }.into_actor(actor);
                actor.running = Some(context.spawn(generated.map(|ended, actor, context| {
                    end(ended.unwrap_or_else(|ending| ending), &mut actor.guard, context);
                })));
            }
            Err(ending) => end(ending, &mut actor.guard, context),
        })));
    }
}

impl Story {
    async fn open(&self) -> Result<Attached, Ending> {
        let attached = self.producer.send(Attach { epoch: self.epoch }).await?;
        let opened = attached.clone();
        self.worker.call("opening the source", move |reader| reader.open(&opened)).await??;
        Ok(attached)
    }

    /// Reads while fewer than `in_flight_max` messages wait for their acknowledgement.
    async fn generate(&self, mut cursor: Option<serde_json::Value>) -> Result<Ending, Ending> {
        let mut in_flight = VecDeque::new();
        let mut number = 0;
        let mut memory = Readings::default();
        let mut due = Instant::now();
        loop {
            let (readings, readings_max) = (std::mem::take(&mut memory), self.batch_records);
            let read =
                self.worker.call("reading the source", move |reader| reader.next(readings, readings_max)).await??;
            let ended = read.progressed == Progressed::Ended;
            // Past the last reading the cursor may still have moved, over lines that hold none.
            if !read.readings.is_empty() || (ended && cursor.as_ref() != Some(&read.cursor)) {
                if in_flight.len() >= self.in_flight_max && !sabotage::is(Bug::InFlightNotBounded) {
                    memory = next_produced(&mut in_flight).await?;
                }
                cursor = Some(read.cursor.clone());
                number += 1;
                let produce = Produce { epoch: self.epoch, number, readings: read.readings, cursor: read.cursor };
                in_flight.push_back(self.producer.send(produce));
            } else {
                memory = read.readings;
            }
            match read.progressed {
                Progressed::More => {}
                Progressed::Wait(time) => due = self.pause(due + time, &mut in_flight).await?,
                Progressed::Ended => break,
            }
        }
        while !in_flight.is_empty() {
            next_produced(&mut in_flight).await?;
        }
        Ok(Ending::Finished)
    }

    /// Waits until it is time to go on; a source that fell behind does not hurry to catch up.
    async fn pause(&self, due: Instant, in_flight: &mut InFlight) -> Result<Instant, Ending> {
        while !in_flight.is_empty() {
            next_produced(in_flight).await?;
        }
        let now = Instant::now();
        if due <= now {
            // A moment for others, also where time is simulated.
            tokio::time::sleep(Duration::ZERO).await;
            return Ok(now);
        }
        sleep_until(due).await;
        Ok(due)
    }
}

type InFlight = VecDeque<Request<Producer, Produce>>;

/// Waits for the oldest message; its memory.
async fn next_produced(in_flight: &mut InFlight) -> Result<Readings, Ending> {
    let oldest = in_flight.pop_front().expect("the caller has seen one");
    Ok(oldest.await??.readings)
}

impl Handler<Heartbeat> for Generator {
    type Result = Pulse;

    fn handle(&mut self, _: Heartbeat, _: &mut Self::Context) -> Pulse {
        Pulse { busy: self.story.worker.busy() }
    }
}

/// Stops reading. What it sent is still written, by the producer's own drain.
impl Handler<Drain> for Generator {
    type Result = ();

    fn handle(&mut self, _: Drain, context: &mut Self::Context) {
        if let Some(running) = self.running.take() {
            context.cancel_future(running);
        }
        self.guard.disarm();
    }
}
