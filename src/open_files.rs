//! How many files the process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::failure::{Failure, Kind};

/// Fewer are too few on either log, with nobody who watches and a single broker.
const USUAL: usize = 64;
const PER_PARTITION: usize = 4;

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
            let what = format!("this process may have {allowed} files open, and needs {needed} at least");
            Err(Failure::fatal(Kind::Settings, what).advice(
                "allow more: ulimit -n in a shell, LimitNOFILE in a unit of systemd, --ulimit nofile for a container",
            ))
        }
        _ => Ok(()),
    }
}
