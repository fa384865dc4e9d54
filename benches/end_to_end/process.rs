//! One whole process from start to end, and what it cost by the kernel's own account.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _};
use std::process::{Child, Command, ExitCode};
use std::time::{Duration, Instant};

/// A process that does not outlive what is measured, however that ends.
pub struct Killed(pub Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// What a process took.
#[derive(Clone, Copy, Debug, serde::Serialize, serde::Deserialize)]
pub struct Cost {
    pub wall: Duration,
    /// User and system time of all its threads.
    pub processor: Duration,
    pub peak_bytes: u64,
}

/// What a process printed.
pub struct Printed {
    pub stdout: String,
    pub stderr: String,
}

/// Runs it to its end, which must be a good one.
///
/// A small process of this program starts it and waits for it ([`run_measured`]): a child's peak memory begins with what its
/// parent had when it was started, and this process may have grown.
pub fn measure(command: &Command) -> (Cost, Printed) {
    let mut stdout = tempfile::tempfile().expect("there is room");
    let mut stderr = tempfile::tempfile().expect("there is room");
    let cost = tempfile::NamedTempFile::new().expect("there is room");
    let mut measured = Command::new(std::env::current_exe().expect("it runs"));
    measured.arg(MEASURED).arg(cost.path()).arg(command.get_program()).args(command.get_args());
    measured.stdout(stdout.try_clone().expect("it is open")).stderr(stderr.try_clone().expect("it is open"));
    let status = measured.status().unwrap_or_else(|error| panic!("{measured:?}: {error}"));
    assert!(status.success(), "{command:?}: {status}:\n{}", text(&mut stderr));
    let cost = fs::read_to_string(cost.path()).expect("it was written");
    let cost = serde_json::from_str(&cost).expect("it was written whole");
    (cost, Printed { stdout: text(&mut stdout), stderr: text(&mut stderr) })
}

/// The first argument of the process in between.
pub const MEASURED: &str = "measured";

/// Runs `PROGRAM ARGUMENT…` and writes what it took to a file: `COST-FILE PROGRAM ARGUMENT…`.
pub fn run_measured(arguments: &[String]) -> ExitCode {
    let begun = Instant::now();
    let child = Command::new(&arguments[1]).args(&arguments[2..]).spawn();
    let child = child.unwrap_or_else(|error| panic!("{}: {error}", arguments[1]));
    let (status, usage) = wait(child.id());
    let wall = begun.elapsed();
    let time = |time: libc::timeval| Duration::new(time.tv_sec as u64, time.tv_usec as u32 * 1000);
    let processor = time(usage.ru_utime) + time(usage.ru_stime);
    // Linux counts in KiB.
    let cost = Cost { wall, processor, peak_bytes: usage.ru_maxrss as u64 * 1024 };
    fs::write(&arguments[0], serde_json::to_vec(&cost).expect("numbers are JSON")).expect("there is room");
    if status == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
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
