//! Threads that give way to the threads that count.

use rustix::process::setpriority_process;
use rustix::thread::gettid;

/// The niceness of threads that people wait for.
pub const LOW: i32 = 10;
/// The niceness of threads whose work can wait.
pub const LOWEST: i32 = 19;

/// Lowers the priority of this thread, and of those that it starts. Where the system refuses, the priority stays.
pub fn lower(niceness: i32) {
    // On Linux the process id of one thread stands for that thread alone.
    let _ = setpriority_process(Some(gettid()), niceness);
}

#[cfg(test)]
mod tests {
    use rustix::process::{getpid, getpriority_process};

    use super::*;

    #[test]
    fn only_this_thread_is_lowered() {
        let niceness = |thread| getpriority_process(Some(thread)).expect("it lives");
        let before = niceness(getpid());
        std::thread::spawn(move || {
            lower(LOWEST);
            assert_eq!(niceness(gettid()), LOWEST);
        })
        .join()
        .expect("it is lowered");
        assert_eq!(niceness(getpid()), before);
    }
}
