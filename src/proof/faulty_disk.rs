//! A disk whose calls are fault points, each passed just before the call.

use std::io;
use std::sync::Arc;

use crate::durable::around::{AroundCalls, AroundDisk};
use crate::durable::{Disk, DiskFile};
use crate::points::FaultPoints;
use crate::points::registry::POINTS;

/// Makes the planned faults happen at the calls on a disk.
#[derive(Clone)]
pub struct FaultyDisk(FaultPoints);

impl FaultyDisk {
    /// The disk with these faults around it; where none is planned, the disk itself.
    pub fn over(disk: Arc<dyn Disk>, faults: &FaultPoints) -> Arc<dyn Disk> {
        if faults.planned().is_empty() { disk } else { Arc::new(AroundDisk { disk, around: Self(faults.clone()) }) }
    }
}

/// The point of a call.
fn point(call: &str) -> &'static str {
    let mut names = POINTS.into_iter().map(|(name, _)| name);
    names.find(|name| name.strip_prefix("checkpoint.") == Some(call)).expect("each call on a disk has a point")
}

impl AroundCalls for FaultyDisk {
    fn before(&self, call: &'static str) -> io::Result<()> {
        self.0.call(point(call))
    }

    fn append(&self, call: &'static str, file: &mut dyn DiskFile, bytes: &[u8]) -> io::Result<()> {
        let Some(cut) = self.0.write(point(call))? else { return file.append(bytes) };
        file.append(&bytes[..bytes.len() / 2])?;
        Err(cut.end())
    }
}
