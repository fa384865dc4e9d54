//! The binary as a person starts it, with a deadline.

#![allow(dead_code, reason = "each test file uses its own part of this")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// No program of these tests takes longer.
const DEADLINE: Duration = Duration::from_secs(120);

/// How to start it: settings over a state folder of its own.
#[derive(Clone, Default)]
pub struct Program {
    sets: Vec<String>,
}

impl Program {
    /// With this state folder.
    pub fn new(state: &Path) -> Self {
        Self { sets: Vec::new() }.set(format!("state.dir={}", state.display()))
    }

    pub fn set(mut self, set: impl Into<String>) -> Self {
        self.sets.push(set.into());
        self
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(Path::new(env!("CARGO_MANIFEST_DIR")), arguments);
        for set in &self.sets {
            command.arg("--set").arg(set);
        }
        command
    }

    /// Runs to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        Running::start(self.command(arguments)).output()
    }

    /// Runs to its end, which must be exit code 0; its standard output.
    pub fn run_well(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", told(&output));
        String::from_utf8(output.stdout).expect("output is UTF-8")
    }

    /// Runs to its end, which must have this exit code; its standard error.
    pub fn run_failing(&self, arguments: &[&str], code: i32) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", told(&output));
        String::from_utf8(output.stderr).expect("output is UTF-8")
    }

    pub fn start(&self, arguments: &[&str]) -> Running {
        Running::start(self.command(arguments))
    }
}

/// The program in a folder and in an environment without settings, both outputs piped. Backtraces are asked for: what is
/// told of a supervised crash does not depend on that.
pub fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isotherm"));
    command.args(arguments).current_dir(folder);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env("RUST_BACKTRACE", "1");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ISOTHERM_")) {
        command.env_remove(name);
    }
    command
}

pub fn told(output: &Output) -> String {
    format!(
        "{}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// A running program; killed when it is dropped.
pub struct Running(Option<Child>);

impl Running {
    pub fn start(mut command: Command) -> Self {
        Self(Some(command.spawn().expect("the program starts")))
    }

    pub fn pid(&self) -> i32 {
        i32::try_from(self.0.as_ref().expect("it runs").id()).expect("a process id")
    }

    pub fn signal(&self, signal: i32) {
        // SAFETY: a process of our own that was not waited for.
        assert_eq!(unsafe { libc::kill(self.pid(), signal) }, 0, "the signal is sent");
    }

    /// `kill -9`, and waits for its end.
    pub fn kill(mut self) {
        let mut child = self.0.take().expect("it runs");
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
    }

    /// Its end, if it is over.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.0.as_mut().expect("it runs").try_wait().expect("it can be asked")
    }

    /// The lines of its standard output from now on; they are not part of [`Running::output`] then.
    pub fn stdout(&mut self) -> Lines {
        Lines::of(self.0.as_mut().expect("it runs").stdout.take().expect("it is piped"))
    }

    /// The lines of its standard error from now on, likewise.
    pub fn stderr(&mut self) -> Lines {
        Lines::of(self.0.as_mut().expect("it runs").stderr.take().expect("it is piped"))
    }

    /// From now on nobody reads its standard output.
    pub fn close_stdout(&mut self) {
        drop(self.0.as_mut().expect("it runs").stdout.take());
    }

    /// Waits for its end; its output, of which no line of the log may be lost.
    pub fn output(mut self) -> Output {
        let child = self.0.take().expect("it runs");
        let pid = i32::try_from(child.id()).expect("a process id");
        let (done, ended) = mpsc::channel();
        std::thread::spawn(move || drop(done.send(child.wait_with_output())));
        match ended.recv_timeout(DEADLINE) {
            Ok(output) => {
                let output = output.expect("it can be waited for");
                let is_whole = !String::from_utf8_lossy(&output.stderr).contains(" log lines were lost");
                assert!(is_whole, "{}", told(&output));
                output
            }
            Err(_) => {
                // SAFETY: the process was not waited for, so the id is still its own.
                unsafe { libc::kill(pid, libc::SIGABRT) };
                let output = ended.recv().expect("it ends").expect("it can be waited for");
                panic!("it did not end within {DEADLINE:?}: {}", told(&output));
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// Lines of a stream as they come, each waited for with a deadline.
pub struct Lines(mpsc::Receiver<String>);

impl Lines {
    pub fn of(stream: impl std::io::Read + Send + 'static) -> Self {
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self(lines)
    }

    /// `None` at the end of the stream.
    pub fn next(&self) -> Option<String> {
        match self.0.recv_timeout(DEADLINE) {
            Ok(line) => Some(line),
            Err(mpsc::RecvTimeoutError::Disconnected) => None,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("no line came within {DEADLINE:?}"),
        }
    }
}

impl Lines {
    /// Waits for the line that says where the program serves; the address, without a slash at its end.
    pub fn address(&self) -> String {
        loop {
            let line = self.next().expect("it says where it serves");
            if let Some((_, rest)) = line.split_once("serving the dashboard address=") {
                return rest.trim_matches(['"', '/', ' ']).to_owned();
            }
        }
    }
}

/// Waits for something that shows from outside, and says what if it does not come.
pub fn wait_for(what: &str, mut seen: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !seen() {
        assert!(begun.elapsed() < DEADLINE, "{what} does not come");
        // Looking costs the program its processor: a moment between two looks.
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

/// Every file of results, by name. One that a running program removes while it is looked at counts as gone.
pub fn results(folder: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    let names = std::fs::read_dir(folder).expect("the folder is there");
    let files = names.map(|entry| entry.expect("it is listed").path());
    files
        .filter_map(|path: PathBuf| {
            let name = path.file_name()?.to_str()?.to_owned();
            let result = name.starts_with("partition-") && (name.ends_with(".json") || name.ends_with(".jsonl"));
            match result.then(|| std::fs::read(&path))? {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
                read => Some((name, read.expect("it can be read"))),
            }
        })
        .collect()
}
