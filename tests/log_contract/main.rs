//! One contract for all logs, and what is the SQLite file's alone.

mod contract;
mod like_memory;
#[path = "../support/owned.rs"]
mod owned;
mod sqlite_file;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use isotherm::log::RecordLog;
use isotherm::log::memory::MemoryLog;
use isotherm::log::sqlite::SqliteLog;
use isotherm::proof::simulated::SimulatedLog;

use contract::Fixture;

contract!(memory, crate::InMemory);
contract!(simulated, crate::Simulated);
contract!(sqlite, crate::InSqlite);

struct InMemory(MemoryLog);

impl Fixture for InMemory {
    fn fresh() -> Option<Self> {
        Some(Self(MemoryLog::new("temperatures")))
    }

    fn open(&self) -> Arc<dyn RecordLog> {
        Arc::new(self.0.clone())
    }
}

struct Simulated(SimulatedLog);

impl Fixture for Simulated {
    fn fresh() -> Option<Self> {
        Some(Self(SimulatedLog::new("temperatures")))
    }

    fn open(&self) -> Arc<dyn RecordLog> {
        Arc::new(self.0.clone())
    }

    fn raise_start(&self, partition: u32, start: u64) -> bool {
        self.0.raise_start(partition, start);
        true
    }

    fn truncate(&self, partition: u32, end: u64) -> bool {
        self.0.truncate(partition, end);
        true
    }
}

struct InSqlite {
    folder: tempfile::TempDir,
}

impl InSqlite {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("there is room for a test") }
    }

    /// The file; its folder is not there before it is.
    fn path(&self) -> PathBuf {
        self.folder.path().join("new/folders/log.sqlite")
    }

    fn execute(&self, sql: &str) {
        let connection = rusqlite::Connection::open(self.path()).expect("it is a database");
        connection.execute_batch(sql).expect("it is good SQL");
    }
}

impl Fixture for InSqlite {
    fn fresh() -> Option<Self> {
        Some(Self::new())
    }

    fn open(&self) -> Arc<dyn RecordLog> {
        Arc::new(SqliteLog::open(&self.path(), "temperatures", Duration::from_secs(2)).expect("nothing is opened yet"))
    }

    fn raise_start(&self, partition: u32, start: u64) -> bool {
        self.execute(&format!("DELETE FROM runs WHERE partition = {partition} AND first_offset < {start}"));
        true
    }

    fn truncate(&self, partition: u32, end: u64) -> bool {
        self.execute(&format!("DELETE FROM runs WHERE partition = {partition} AND last_offset >= {end}"));
        true
    }
}
