//! Files that a process may have open: a connection is one, and counting needs some.

/// What is kept for counting: logs, partition files, brokers.
const RESERVED: usize = 512;

/// Connections that leave room for all else, once the process may open as many files as it can be allowed.
pub fn connections_max() -> usize {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both calls take a place that is alive.
    let files = unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) != 0 {
            return RESERVED;
        }
        let raised = libc::rlimit { rlim_cur: limit.rlim_max, ..limit };
        if libc::setrlimit(libc::RLIMIT_NOFILE, &raw const raised) == 0 { limit.rlim_max } else { limit.rlim_cur }
    };
    usize::try_from(files).unwrap_or(usize::MAX).saturating_sub(RESERVED).max(16)
}
