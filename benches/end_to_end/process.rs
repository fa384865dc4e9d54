//! One whole process from start to end, and what it cost by the kernel's own account.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::process::Command;
use std::time::{Duration, Instant};

/// What a process took.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    pub wall: Duration,
    /// User and system time of all its threads.
    pub processor: Duration,
    pub peak_bytes: u64,
}

/// Runs it to its end, which must be a good one. Returns what it printed, too.
pub fn measure(command: &mut Command) -> (Cost, String) {
    let mut stdout = tempfile::tempfile().expect("there is room");
    let mut stderr = tempfile::tempfile().expect("there is room");
    command.stdout(stdout.try_clone().expect("it is open")).stderr(stderr.try_clone().expect("it is open"));
    let begun = Instant::now();
    let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (status, usage) = wait(child.id());
    let wall = begun.elapsed();
    assert!(status == 0, "{command:?} ended with status {status}:\n{}", text(&mut stderr));
    let time = |time: libc::timeval| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000);
    let cost = Cost {
        wall,
        processor: time(usage.ru_utime) + time(usage.ru_stime),
        // Linux counts in KiB.
        peak_bytes: usage.ru_maxrss as u64 * 1024,
    };
    (cost, text(&mut stdout))
}

fn wait(id: u32) -> (i32, libc::rusage) {
    let (mut status, mut usage) = (0, std::mem::MaybeUninit::<libc::rusage>::uninit());
    let id = libc::pid_t::try_from(id).expect("a process id");
    loop {
        // SAFETY: both places are alive; the process is our child, and nobody else waits for it.
        let waited = unsafe { libc::wait4(id, &raw mut status, 0, usage.as_mut_ptr()) };
        if waited == id {
            // SAFETY: a successful call has set it.
            return (status, unsafe { usage.assume_init() });
        }
        assert_eq!(std::io::Error::last_os_error().kind(), std::io::ErrorKind::Interrupted, "it is our child");
    }
}

fn text(file: &mut File) -> String {
    let mut text = String::new();
    file.rewind().expect("it is a file");
    file.read_to_string(&mut text).expect("what is printed is UTF-8");
    text
}
