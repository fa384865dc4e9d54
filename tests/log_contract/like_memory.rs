//! Whatever is done to them, the SQLite log answers as the memory log does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use isotherm::domain::Batch;
use isotherm::failure::{Failure, Severity};
use isotherm::log::memory::MemoryLog;
use isotherm::log::{Extent, Outgoing, RecordLog, RecordReader, RecordWriter};
use proptest::prelude::*;

use crate::InSqlite;
use crate::contract::{Fixture, Parts, parts, spec};

/// Partition, key and value.
type Written = (u32, Option<Vec<u8>>, Option<Vec<u8>>);

#[derive(Clone, Debug)]
enum Step {
    Create(u32),
    Delete,
    /// Opens the log anew; readers and writers stay.
    Reopen,
    OpenWriter,
    Write(Vec<Written>),
    OpenReader(u32, u64),
    /// Reads with one of the readers, the latest first.
    Read(usize, usize),
    Extent(u32),
}

fn step() -> impl Strategy<Value = Step> {
    let part = || {
        prop_oneof![
            4 => prop::option::of(prop::collection::vec(any::<u8>(), 0..20)),
            1 => (any::<u8>(), 100_000usize..300_000).prop_map(|(byte, bytes)| Some(vec![byte; bytes])),
        ]
    };
    prop_oneof![
        2 => (1u32..4).prop_map(Step::Create),
        1 => Just(Step::Delete),
        1 => Just(Step::Reopen),
        2 => Just(Step::OpenWriter),
        8 => prop::collection::vec((0u32..4, part(), part()), 0..12).prop_map(Step::Write),
        3 => (0u32..4, 0u64..20).prop_map(|(partition, from)| Step::OpenReader(partition, from)),
        8 => (0usize..3, 1usize..10).prop_map(|(reader, records_max)| Step::Read(reader, records_max)),
        2 => (0u32..4).prop_map(Step::Extent),
    ]
}

/// What a step gave.
#[derive(Debug, PartialEq)]
enum Answer {
    Nothing,
    Failed(Severity),
    Ends(BTreeMap<u32, u64>),
    Read(u64, Vec<Parts>),
    Extent(Extent),
}

struct Run {
    open: Box<dyn Fn() -> Arc<dyn RecordLog>>,
    log: Arc<dyn RecordLog>,
    writer: Option<Box<dyn RecordWriter>>,
    readers: Vec<Box<dyn RecordReader>>,
}

impl Run {
    fn new(open: Box<dyn Fn() -> Arc<dyn RecordLog>>) -> Self {
        Self { log: open(), open, writer: None, readers: Vec::new() }
    }

    fn step(&mut self, step: &Step) -> Answer {
        self.answer(step).unwrap_or_else(|failure| Answer::Failed(failure.severity))
    }

    fn answer(&mut self, step: &Step) -> Result<Answer, Failure> {
        match step {
            Step::Create(partitions) => drop(self.log.create_topic(&spec(*partitions))?),
            Step::Delete => self.log.delete_topic()?,
            Step::Reopen => self.log = (self.open)(),
            Step::OpenWriter => self.writer = Some(self.log.open_writer("a test")?),
            Step::Write(records) => {
                let Some(writer) = &mut self.writer else { return Ok(Answer::Nothing) };
                let outgoing = records.iter().map(|(partition, key, value)| Outgoing {
                    partition: *partition,
                    key: key.as_deref(),
                    value: value.as_deref(),
                });
                let written = writer.write(&outgoing.collect::<Vec<_>>());
                if written.is_err() {
                    self.writer = None;
                }
                return Ok(Answer::Ends(written?));
            }
            Step::OpenReader(partition, from) => self.readers.push(self.log.open_reader(*partition, *from)?),
            Step::Read(reader, records_max) => {
                let Some(reader) = self.readers.iter_mut().rev().nth(*reader) else { return Ok(Answer::Nothing) };
                let mut batch = Batch::default();
                let position = reader.read(&mut batch, *records_max, Duration::ZERO)?;
                return Ok(Answer::Read(position, parts(&batch)));
            }
            Step::Extent(partition) => return Ok(Answer::Extent(self.log.extent(*partition)?)),
        }
        Ok(Answer::Nothing)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn sqlite_answers_as_memory_does(steps in prop::collection::vec(step(), 1..60)) {
        let memory = MemoryLog::new("temperatures");
        let mut memory = Run::new(Box::new(move || Arc::new(memory.clone())));
        let sqlite = InSqlite::new();
        let mut sqlite = Run::new(Box::new(move || sqlite.open()));
        // Most of the time there is a topic.
        for step in [Step::Create(3), Step::OpenWriter].iter().chain(&steps) {
            prop_assert_eq!(memory.step(step), sqlite.step(step), "{:?}", step);
        }
    }
}
