//! Records with bytes of their own: what tests make up before they write it.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::collections::BTreeMap;

use isotherm::failure::Failure;
use isotherm::log::{Outgoing, RecordWriter};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedRecord {
    pub partition: u32,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
}

impl OwnedRecord {
    pub fn outgoing(&self) -> Outgoing<'_> {
        Outgoing { partition: self.partition, key: self.key.as_deref(), value: self.value.as_deref() }
    }
}

pub trait WriteOwned {
    /// As [`RecordWriter::write`], and commits them.
    fn write_owned(&mut self, records: &[OwnedRecord]) -> Result<BTreeMap<u32, u64>, Failure>;
}

impl<W: RecordWriter + ?Sized> WriteOwned for W {
    fn write_owned(&mut self, records: &[OwnedRecord]) -> Result<BTreeMap<u32, u64>, Failure> {
        let ends = self.write(&records.iter().map(OwnedRecord::outgoing).collect::<Vec<_>>())?;
        self.commit()?;
        Ok(ends)
    }
}
