//! One process of the program: started, waited for with a deadline, signalled, and never left behind.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{self, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::interrupt;
use super::told::{Seen, Told};
use super::trouble::Trouble;
use crate::failure::{Failure, Kind};
use crate::proof::Invariant;

/// A signal to this command is noticed within this time.
const LOOK: Duration = Duration::from_millis(20);

/// The program, and how it is started.
pub struct Program {
    pub executable: PathBuf,
    pub arguments: Vec<String>,
    /// No life takes longer.
    pub life_max: Duration,
}

/// A running process; killed when it is dropped, and on Linux also if this process dies of anything.
pub struct Child {
    process: process::Child,
    begun: Instant,
    life_max: Duration,
    told: Arc<Told>,
}

impl Program {
    /// Starts it with further settings. The thread that does is to live on: the kernel kills the process with it.
    pub fn start(&self, sets: &[String]) -> Result<Child, Failure> {
        let mut command = Command::new(&self.executable);
        command.args(&self.arguments).args(sets.iter().map(|set| format!("--set={set}")));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        // Ctrl-C is for this command; what the child gets is planned.
        command.process_group(0);
        die_with_us(&mut command);
        let cannot = |doing: &str, error| Failure::io(doing, &self.executable, &error);
        let begun = Instant::now();
        let mut process = command.spawn().map_err(|error| cannot("cannot start", error))?;
        let stderr = process.stderr.take().expect("it is piped");
        match Told::read(stderr) {
            Ok(told) => Ok(Child { process, begun, life_max: self.life_max, told }),
            Err(error) => {
                drop(process.kill().and_then(|()| process.wait()));
                Err(cannot("cannot read from", error))
            }
        }
    }
}

/// A child whose parent is gone is killed by the kernel; one that is aborted on purpose leaves no core file.
fn die_with_us(command: &mut Command) {
    #[cfg(target_os = "linux")]
    let parent = process::id();
    // SAFETY: all three functions may be called between fork and exec.
    unsafe {
        command.pre_exec(move || {
            let no_core = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            libc::setrlimit(libc::RLIMIT_CORE, &no_core);
            #[cfg(target_os = "linux")]
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) != 0 || libc::getppid().cast_unsigned() != parent {
                return Err(std::io::Error::last_os_error());
            }
            Ok(())
        })
    };
}

impl Child {
    /// Waits until something was told; `false` if the process ended without it. Later than its deadline is a violation.
    pub fn until(&self, what: &str, told: impl Fn(&Seen) -> bool) -> Result<bool, Trouble> {
        let mut seen = self.told.seen.lock();
        loop {
            if seen.lost_lines > 0 {
                let what = format!("{} log lines of the program were lost although they are read", seen.lost_lines);
                return Err(Failure::fatal(Kind::Internal, what + &last_lines(&seen)).into());
            }
            if told(&seen) {
                return Ok(true);
            }
            if seen.over {
                return Ok(false);
            }
            interrupt::check()?;
            if self.begun.elapsed() > self.life_max {
                let what = format!("{what} did not come within {} s of its start", self.life_max.as_secs());
                return Err(Invariant::WorkIsFinished.violated(what + &last_lines(&seen)).into());
            }
            self.told.changed.wait_for(&mut seen, LOOK);
        }
    }

    /// Waits until something was told; a process that ends without it is a violation, or one of which a branch fails.
    pub fn must(&mut self, what: &str, told: impl Fn(&Seen) -> bool) -> Result<(), Trouble> {
        if !self.until(what, |seen| told(seen) || seen.failed)? {
            let status = self.end()?;
            return Err(self.violation(format!("it ended ({status}) before {what} came")));
        }
        if told(&self.told.seen.lock()) {
            return Ok(());
        }
        Err(self.violation(format!("a branch failed before {what} came")))
    }

    /// Lets time pass.
    pub fn pause(&self, time: Duration) -> Result<(), Trouble> {
        let end = Instant::now() + time;
        while let left = end.saturating_duration_since(Instant::now())
            && !left.is_zero()
        {
            interrupt::check()?;
            std::thread::sleep(left.min(LOOK));
        }
        Ok(())
    }

    /// Sends a signal. The process was not waited for, so its id is its own, whether it has ended or not.
    pub fn signal(&self, signal: libc::c_int) -> Result<(), Failure> {
        let id = libc::pid_t::try_from(self.process.id()).expect("a process id");
        // SAFETY: the call takes two numbers.
        if unsafe { libc::kill(id, signal) } == 0 {
            return Ok(());
        }
        let error = std::io::Error::last_os_error();
        Err(Failure::fatal(Kind::Internal, format!("signal {signal} could not be sent to process {id}: {error}")))
    }

    /// Waits for its end.
    pub fn end(&mut self) -> Result<ExitStatus, Trouble> {
        self.until("its end", |seen| seen.over)?;
        let ended = self.process.wait();
        ended.map_err(|error| Failure::fatal(Kind::Internal, format!("the child was lost: {error}")).into())
    }

    pub fn commits(&self) -> u64 {
        self.told.seen.lock().commits
    }

    /// Whether the planned fault happened.
    pub fn fired(&self, fault: &str) -> bool {
        self.told.seen.lock().fired.iter().any(|fired| fired == fault)
    }

    /// From the start to the first commit.
    pub fn recovery(&self) -> Option<Duration> {
        self.told.seen.lock().first_commit.map(|first| first.duration_since(self.begun))
    }

    /// By partition, the offset that it last said to be on disk. One that went back is a violation.
    pub fn committed(&self) -> Result<BTreeMap<u32, u64>, Trouble> {
        let seen = self.told.seen.lock();
        match &seen.went_back {
            None => Ok(seen.committed.clone()),
            Some(what) => Err(Invariant::CommitsStay.violated(what).into()),
        }
    }

    /// It ended, or did not, as it should not have; with the last that it said.
    pub fn violation(&self, what: String) -> Trouble {
        Invariant::WorkIsFinished.violated(what + &last_lines(&self.told.seen.lock())).into()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended before; a stopped one is killed too.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn last_lines(seen: &Seen) -> String {
    if seen.last_lines.is_empty() {
        return String::new();
    }
    let lines: Vec<&str> = seen.last_lines.iter().map(String::as_str).collect();
    format!("; its last lines:\n  {}", lines.join("\n  "))
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
        let trouble = program.start(&[]).expect("there is a shell").end().expect_err("it is no proof");
        let Trouble::Failure(failure) = trouble else { panic!("{trouble:?}") };
        assert!(failure.what.starts_with("3 log lines of the program were lost"), "{failure}");
    }
}
