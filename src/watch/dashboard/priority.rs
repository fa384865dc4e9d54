//! Threads that give way to those that count.

/// For what is looked at by people.
pub const LOW: i32 = 10;
/// For what can wait.
pub const LOWEST: i32 = 19;

/// Lowers the priority of this thread, and of those that it starts. Where that is refused it stays as it is.
pub fn lower(niceness: i32) {
    // SAFETY: two calls that take numbers; on Linux the process id of one thread stands for that thread alone.
    unsafe {
        let thread = libc::gettid();
        libc::setpriority(libc::PRIO_PROCESS, thread as libc::id_t, niceness);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_thread_is_lowered() {
        let niceness = |thread| unsafe { libc::getpriority(libc::PRIO_PROCESS, thread as libc::id_t) };
        let before = niceness(std::process::id() as i32);
        std::thread::spawn(move || {
            lower(LOWEST);
            assert_eq!(niceness(unsafe { libc::gettid() }), LOWEST);
        })
        .join()
        .expect("it is lowered");
        assert_eq!(niceness(std::process::id() as i32), before);
    }
}
