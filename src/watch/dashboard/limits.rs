//! Files that a process may have open: a connection is one, and counting needs some.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that are kept for counting: logs, partition files, brokers.
const RESERVED: usize = 512;

/// How many connections leave room for all other files. The process is allowed as many files as the system grants first.
pub fn connections_max() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    let files = if setrlimit(Resource::Nofile, raised).is_ok() { raised.current } else { limit.current };
    // Without a number there is no limit.
    let files = files.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX);
    files.saturating_sub(RESERVED).max(16)
}
