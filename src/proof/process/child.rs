//! One process of the program: started, waited for with a deadline, signalled, and never left behind.

use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{self, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, setrlimit};

use super::told::{self, ToldLines};
use crate::failure::{Failure, Kind};
use crate::pipeline::signals;
use crate::proof::{Invariant, Violation};

/// A signal to this command is noticed within this time.
const LOOK: Duration = Duration::from_millis(20);

/// Why a life, and the round that it is of, does not go on.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub enum CutShort {
    Violation(#[from] Violation),
    /// Nothing was shown, neither way.
    Failure(#[from] Failure),
}

/// The program, and how it is started.
pub struct Program {
    pub executable: PathBuf,
    pub arguments: Vec<String>,
    /// No life takes longer.
    pub life_max: Duration,
}

/// A running process; killed when it is dropped, and on Linux also if this process dies of anything.
pub struct RunningProgram {
    process: process::Child,
    begun: Instant,
    life_max: Duration,
    lines: Receiver<String>,
    pub told: ToldLines,
}

impl Program {
    /// Starts it with further settings. The thread that does is to live on: the kernel kills the process with it.
    pub fn start(&self, sets: &[String]) -> Result<RunningProgram, Failure> {
        let cannot = |doing: &'static str| move |error: io::Error| Failure::io(doing, &self.executable, &error);
        let begun = Instant::now();
        let (stream, stderr) = io::pipe().map_err(cannot("cannot read from"))?;
        let lines = told::lines(stream).map_err(cannot("cannot read from"))?;
        let mut command = Command::new(&self.executable);
        command.args(&self.arguments).args(sets.iter().map(|set| format!("--set={set}")));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr);
        // Ctrl-C is for this command alone; the signals to the child are planned.
        command.process_group(0);
        die_with_us(&mut command);
        let process = command.spawn().map_err(cannot("cannot start"))?;
        Ok(RunningProgram { process, begun, life_max: self.life_max, lines, told: ToldLines::default() })
    }
}

/// A child whose parent is gone is killed by the kernel; one that is aborted on purpose leaves no core file.
fn die_with_us(command: &mut Command) {
    #[cfg(target_os = "linux")]
    let parent = rustix::process::getpid();
    let before_it_begins = move || {
        // Where there is no such limit, an abort may leave a core file.
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
        #[cfg(target_os = "linux")]
        {
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
            if rustix::process::getppid() != Some(parent) {
                return Err(rustix::io::Errno::SRCH.into());
            }
        }
        Ok(())
    };
    // SAFETY: nothing but system calls is done between fork and exec, and nothing is allocated.
    unsafe { command.pre_exec(before_it_begins) };
}

impl RunningProgram {
    /// Takes the next line, if one comes within this time.
    fn listen(&mut self, wait: Duration) -> Result<(), Failure> {
        if signals::asked() {
            return Err(Failure::fatal(Kind::TryAgain, "interrupted before all runs were done"));
        }
        match self.lines.recv_timeout(wait.min(LOOK)) {
            Ok(line) => self.told.take(&line),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => self.told.over = true,
        }
        Ok(())
    }

    /// Waits until `told` holds of the lines; `false` if the process ended before. A process that outlives its deadline is a
    /// violation.
    pub fn until(&mut self, what: &str, told: impl Fn(&ToldLines) -> bool) -> Result<bool, CutShort> {
        loop {
            let lost_lines = self.told.lost_lines;
            if lost_lines > 0 {
                let what = format!("{lost_lines} log lines of the program were lost although they are read");
                return Err(Failure::fatal(Kind::Internal, what + &self.last_lines()).into());
            }
            if told(&self.told) {
                return Ok(true);
            }
            if self.told.over {
                return Ok(false);
            }
            if self.begun.elapsed() > self.life_max {
                let what = format!("{what} did not come within {} s of its start", self.life_max.as_secs());
                return Err(self.violation(what));
            }
            self.listen(LOOK)?;
        }
    }

    /// Waits until `told` holds of the lines. A process that ends before is a violation, and so is one of which a branch
    /// fails.
    pub fn must(&mut self, what: &str, told: impl Fn(&ToldLines) -> bool) -> Result<(), CutShort> {
        if !self.until(what, |seen| told(seen) || seen.failed)? {
            let status = self.end()?;
            return Err(self.violation(format!("it ended ({status}) before {what} came")));
        }
        if told(&self.told) {
            return Ok(());
        }
        Err(self.violation(format!("a branch failed before {what} came")))
    }

    /// Lets time pass while the process lives.
    pub fn pause(&mut self, time: Duration) -> Result<(), Failure> {
        let end = Instant::now() + time;
        while let left = end.saturating_duration_since(Instant::now())
            && !left.is_zero()
            && !self.told.over
        {
            self.listen(left)?;
        }
        Ok(())
    }

    /// Sends a signal. The process was not waited for, so its id is its own, whether it has ended or not.
    pub fn signal(&self, signal: Signal) -> Result<(), Failure> {
        let (signal_number, id) = (signal.as_raw(), self.process.id());
        kill_process(Pid::from_child(&self.process), signal).map_err(|error| {
            let what = format!("signal {signal_number} could not be sent to process {id}: {error}");
            Failure::fatal(Kind::Internal, what)
        })
    }

    /// Waits for the end of the process.
    pub fn end(&mut self) -> Result<ExitStatus, CutShort> {
        self.until("its end", |told| told.over)?;
        let ended = self.process.wait();
        ended.map_err(|error| Failure::fatal(Kind::Internal, format!("the child was lost: {error}")).into())
    }

    /// From the start to the first commit.
    pub fn recovery(&self) -> Option<Duration> {
        self.told.first_commit.map(|first| first.duration_since(self.begun))
    }

    /// A violation by the way in which the process ended, or did not; with its last lines.
    pub fn violation(&self, what: String) -> CutShort {
        Invariant::WorkIsFinished.violated(what + &self.last_lines()).into()
    }

    fn last_lines(&self) -> String {
        let lines: String = self.told.last_lines.iter().map(|line| format!("\n  {line}")).collect();
        if lines.is_empty() { lines } else { format!("; its last lines:{lines}") }
    }
}

impl Drop for RunningProgram {
    fn drop(&mut self) {
        // The process may have ended before; a stopped one is killed too.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_line_fails_the_run() {
        let line = r#"{"level":"ERROR","message":"3 log lines were lost","lost_lines":3}"#;
        let program = Program {
            executable: "sh".into(),
            arguments: vec!["-c".to_owned(), format!("echo '{line}' >&2")],
            life_max: Duration::from_secs(60),
        };
        let cut_short = program.start(&[]).expect("there is a shell").end().expect_err("it is no proof");
        let CutShort::Failure(failure) = cut_short else { panic!("{cut_short:?}") };
        assert!(failure.what.starts_with("3 log lines of the program were lost"), "{failure}");
    }
}
