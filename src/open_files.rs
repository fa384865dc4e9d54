//! How many files the process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::failure::{Failure, Kind};

/// About as many files as are open at once, on either log, and with a few who watch.
const USUAL: usize = 128;
const PER_PARTITION: usize = 8;

/// The process is allowed as many as the system grants first.
pub fn allowed() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    let files = if setrlimit(Resource::Nofile, raised).is_ok() { raised.current } else { limit.current };
    // Without a number there is no limit.
    files.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX)
}

/// Refuses to begin what would run out of files while it counts so many partitions: libraries panic where they cannot open one.
pub fn check(partitions: usize) -> Result<(), Failure> {
    let needed = USUAL + PER_PARTITION * partitions;
    match allowed() {
        allowed if allowed < needed => {
            let what = format!("this process may have {allowed} files open, and needs up to {needed}");
            Err(Failure::fatal(Kind::Settings, what)
                .advice("allow more: ulimit -n in a shell, LimitNOFILE in a unit of systemd"))
        }
        _ => Ok(()),
    }
}
