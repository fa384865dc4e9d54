//! All that a source has, in order.

use std::sync::Arc;

use crate::domain::Readings;
use crate::failure::Failure;
use crate::settings;
use crate::source::disk::SourceDisk;
use crate::source::{self, Progressed};

/// All that a source has, in order.
pub fn all_readings(settings: &settings::Source, disk: Arc<dyn SourceDisk>) -> Result<Vec<Readings>, Failure> {
    let mut source = source::open(settings, disk, source::Kept::default())?;
    let mut all = Vec::new();
    loop {
        let mut readings = Readings::default();
        let progressed = source.next(&mut readings, usize::MAX)?;
        all.push(readings);
        if progressed == Progressed::Settle {
            source.settled();
        }
        if progressed == Progressed::Ended {
            return Ok(all);
        }
    }
}
