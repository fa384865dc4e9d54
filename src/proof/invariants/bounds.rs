//! The bounds of writes, files and leftovers.

use super::Invariant::EverythingIsBounded;
use super::{FolderFiles, Violation};
use crate::settings::Settings;

/// Temporary files that crashes may leave beside one file until the next start.
const TEMPORARIES_MAX: usize = 4;

/// `EverythingIsBounded`: no write to the log is of more readings than may be in flight, the file of rejected records
/// keeps to its size, and temporary files do not pile up.
pub fn bounded(settings: &Settings, write_records_max: usize, files: &FolderFiles) -> Result<(), Violation> {
    let in_flight_max = settings.produce.in_flight_max * settings.produce.batch_records;
    EverythingIsBounded.require(write_records_max <= in_flight_max, || {
        format!("{write_records_max} readings were written at once, and {in_flight_max} may be in flight")
    })?;
    let mut temporaries = 0;
    for (path, bytes) in files {
        let name = path.to_string_lossy();
        temporaries += usize::from(name.contains(".tmp-"));
        let bytes_max = settings.quality.rejected_bytes_max;
        EverythingIsBounded.require(!name.ends_with(".rejected.jsonl") || bytes.len() as u64 <= bytes_max, || {
            format!("{name} has {} bytes, and may have {bytes_max}", bytes.len())
        })?;
    }
    // The source's, and two of each partition.
    let temporaries_max = TEMPORARIES_MAX * (1 + 2 * settings.log.partitions as usize);
    EverythingIsBounded.require(temporaries <= temporaries_max, || format!("{temporaries} temporary files are left"))
}
