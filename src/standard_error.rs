//! The standard error, written by a thread of its own.
//!
//! Guarantees: telling a line never waits for a reader. Lines are written whole, in the order in which they were told, and
//! never into a bar. A line for which there is no room, or that cannot be written, is lost and counted, and the loss is told of
//! once there is room again. Every way out of the process calls [`flush`], which waits for a reader no longer than [`FLUSH_MAX`].
//! Uses nothing of this crate, since everything else may tell a line.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::panic;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread;
use std::time::Duration;

use indicatif::MultiProgress;
use parking_lot::{Condvar, Mutex};
use rustix::event::{PollFd, PollFlags, poll};

/// Time that a way out may take for the last lines.
pub const FLUSH_MAX: Duration = Duration::from_secs(1);

/// Lines that wait for a reader, before further ones are lost: more than the most that is told at once, one of each of ten
/// thousand partitions.
const LINES_MAX: usize = 1 << 14;

/// Bytes that are written at once where more lines wait.
const BYTES_AT_ONCE: usize = 1 << 16;

/// The bars of this process. There is one standard error, so there is one of these. Drawing waits for the terminal, so it
/// is for a thread that nobody waits for.
pub static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// The way to the thread that writes.
static QUEUE: LazyLock<SyncSender<Vec<u8>>> = LazyLock::new(|| {
    let (queue, lines) = mpsc::sync_channel(LINES_MAX);
    let thread = thread::Builder::new().name("isotherm-stderr".to_owned());
    // Without a thread all lines are lost, and counted.
    drop(thread.spawn(move || write_lines(&lines)));
    queue
});

/// Lines that were told, the lost ones included.
static TOLD: AtomicUsize = AtomicUsize::new(0);
static LOST: AtomicUsize = AtomicUsize::new(0);
static WRITTEN: Mutex<Written> = Mutex::new(Written { lines: 0, given_up: None });
static CHANGED: Condvar = Condvar::new();

struct Written {
    lines: usize,
    /// How many had been written when a wait for the rest was given up.
    given_up: Option<usize>,
}

/// A writer of lines: each buffer is one.
#[derive(Clone, Copy)]
pub struct StandardError;

impl Write for StandardError {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        TOLD.fetch_add(1, Relaxed);
        if QUEUE.try_send(line.to_vec()).is_err() {
            LOST.fetch_add(1, Relaxed);
        }
        Ok(line.len())
    }

    /// Does not wait; [`flush`] does.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Tells lines, whose last line end is part of the text.
pub fn tell(lines: &str) {
    drop(StandardError.write(lines.as_bytes()));
}

/// Lines that were lost since the process started.
pub fn lost_lines() -> usize {
    LOST.load(Relaxed)
}

/// Waits until all that was told is written, or for [`FLUSH_MAX`]. If a wait was given up, the next one is given up at once
/// unless something has been written since, so that several on the same way out take no longer than one.
///
/// `false` where a line is left.
pub fn flush() -> bool {
    let is_left = |written: &mut Written| written.lines + lost_lines() < TOLD.load(Relaxed);
    let mut written = WRITTEN.lock();
    if written.given_up != Some(written.lines) {
        CHANGED.wait_while_for(&mut written, is_left, FLUSH_MAX);
    }
    let is_left = is_left(&mut written);
    written.given_up = is_left.then_some(written.lines);
    !is_left
}

/// Panics are reported as Rust does, but as lines that are told here, so that no panic waits for a reader either. The
/// guard that is returned is for `main`.
pub fn report_panics() -> LastLines {
    panic::set_hook(Box::new(|info| {
        let thread = thread::current();
        let backtrace = Backtrace::capture();
        let backtrace = match backtrace.status() {
            BacktraceStatus::Captured => format!("stack backtrace:\n{backtrace}"),
            _ => "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n".to_owned(),
        };
        tell(&format!("\nthread '{}' {info}\n{backtrace}", thread.name().unwrap_or("<unnamed>")));
    }));
    LastLines
}

/// Flushes when it is dropped: whichever way `main` ends, a panic included, the last lines are written.
pub struct LastLines;

impl Drop for LastLines {
    fn drop(&mut self) {
        flush();
    }
}

/// Whether lines may be coloured: only on a terminal and without `NO_COLOR`.
pub fn is_colored() -> bool {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stderr().is_terminal() && !no_color
}

/// Writes lines where the bars are not: they are taken away for the lines and drawn again below them.
fn write_lines(queue: &Receiver<Vec<u8>>) {
    let mut lost_told = 0;
    while let Ok(mut gathered) = queue.recv() {
        let mut lines = 1;
        while gathered.len() < BYTES_AT_ONCE
            && let Ok(line) = queue.try_recv()
        {
            gathered.extend_from_slice(&line);
            lines += 1;
        }
        // A standard error that takes nothing any more is no reason to stop counting.
        let is_written = BARS.suspend(|| write_all(&gathered)).is_ok();
        if !is_written {
            LOST.fetch_add(lines, Relaxed);
        }
        let lost_lines = lost_lines();
        if is_written && lost_lines > lost_told {
            lost_told = lost_lines;
            // There is room for it now. It is told before the others count as written, so that a flush waits for it.
            tracing::error!(
                lost_lines,
                "{lost_lines} log lines were lost since the start because standard error did not take them"
            );
        }
        if is_written {
            WRITTEN.lock().lines += lines;
        }
        CHANGED.notify_all();
    }
}

/// Writes the bytes once there is room, also where the standard error does not block, as one that is shared with a program
/// that has set it so.
fn write_all(mut bytes: &[u8]) -> io::Result<()> {
    let mut standard_error = io::stderr().lock();
    while !bytes.is_empty() {
        match standard_error.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                poll(&mut [PollFd::new(&standard_error, PollFlags::OUT)], None)?;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Output, Stdio};
    use std::time::Instant;

    use super::*;

    const CHILD: &str = "PANICS_WITH_SO_MANY_LINES_BEFORE";
    const DEADLINE: Duration = Duration::from_secs(60);

    /// Runs the test below in a process of its own, in which it panics after so many lines.
    fn panicked(lines: usize, wait: impl FnOnce(&mut std::process::Child)) -> Output {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args([
            "standard_error::tests::a_panic_is_reported_and_ends_though_nobody_reads",
            "--exact",
            "--nocapture",
        ]);
        command.env(CHILD, lines.to_string()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        wait(&mut child);
        child.wait_with_output().expect("it ends")
    }

    #[test]
    fn a_panic_is_reported_and_ends_though_nobody_reads() {
        if let Ok(lines) = std::env::var(CHILD) {
            let _last_lines = report_panics();
            for _ in 0..lines.parse().expect("a number") {
                tell(&"a line of some length\n".repeat(10));
            }
            panic!("the reason");
        }
        let output = panicked(10, |_| {});
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(101), "{told}");
        assert!(told.contains("panicked at src/standard_error.rs") && told.contains("the reason"), "{told}");
        let output = panicked(2 * LINES_MAX, |child| {
            let begun = Instant::now();
            while child.try_wait().expect("it can be asked").is_none() {
                assert!(begun.elapsed() < DEADLINE, "it waits for a reader");
                thread::park_timeout(Duration::from_millis(2));
            }
        });
        assert_eq!(output.status.code(), Some(101));
    }
}
