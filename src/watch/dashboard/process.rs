//! The process as the system counts it, by the names that all of Prometheus' clients use.

use std::fs;

use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

/// Processor time that the process has taken.
pub fn cpu_seconds() -> f64 {
    let taken = clock_gettime(ClockId::ProcessCPUTime);
    taken.tv_sec as f64 + taken.tv_nsec as f64 / 1e9
}

/// Name, help and number of each gauge that the system tells.
pub fn gauges() -> impl Iterator<Item = (&'static str, &'static str, u64)> {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let number = |name: &str| {
        let told = status.lines().find_map(|line| line.strip_prefix(name))?;
        told.split_whitespace().next()?.parse::<u64>().ok()
    };
    let bytes = |name: &str| number(name).map(|kibibytes| kibibytes * 1024);
    let open_files = fs::read_dir("/proc/self/fd").map(|files| files.count() as u64);
    let gauges = [
        ("process_open_fds", "Number of open file descriptors.", open_files.ok()),
        ("process_max_fds", "Maximum number of open file descriptors.", getrlimit(Resource::Nofile).current),
        ("process_threads", "Number of OS threads in the process.", number("Threads:")),
        ("process_virtual_memory_bytes", "Virtual memory size in bytes.", bytes("VmSize:")),
        ("process_resident_memory_bytes", "Resident memory size in bytes.", bytes("VmRSS:")),
    ];
    gauges.into_iter().filter_map(|(name, help, number)| Some((name, help, number?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_tells_all_of_them() {
        let gauges: Vec<_> = gauges().collect();
        assert_eq!(gauges.len(), 5, "{gauges:?}");
        assert!(gauges.iter().all(|(_, _, number)| *number > 0), "{gauges:?}");
        assert!(cpu_seconds() > 0.0);
    }
}
