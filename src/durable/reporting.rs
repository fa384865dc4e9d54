//! A disk that reports each call on it that is done.

use std::sync::Arc;

use super::Disk;
use super::around::{AroundCalls, AroundDisk};

type OnDone = Arc<dyn Fn() + Send + Sync>;

#[derive(Clone)]
struct Reporting(OnDone);

impl AroundCalls for Reporting {
    fn after(&self) {
        (self.0)();
    }
}

/// Another disk: a call that hangs is not reported, but a file that is read or written piece by piece is, at each piece.
pub fn reporting(disk: Arc<dyn Disk>, report: OnDone) -> Arc<dyn Disk> {
    Arc::new(AroundDisk { disk, around: Reporting(report) })
}
