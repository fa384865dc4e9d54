//! A program that is watched while it runs.

use std::time::{Duration, Instant};

use tempfile::NamedTempFile;

use super::program::{Program, Running};

/// Nothing that is waited for takes longer.
const DEADLINE: Duration = Duration::from_secs(120);

/// Its standard error goes to a file, so that one can look at it at any time and more than once.
pub struct Watched {
    running: Running,
    stderr: NamedTempFile,
}

impl Watched {
    pub fn start(program: &Program, arguments: &[&str]) -> Self {
        let stderr = NamedTempFile::new().expect("there is room");
        let mut command = program.command(arguments);
        command.stderr(stderr.reopen().expect("it can be opened again"));
        Self { running: Running::start(command), stderr }
    }

    /// All that it has told so far.
    pub fn told(&self) -> String {
        String::from_utf8(std::fs::read(self.stderr.path()).expect("it can be read")).expect("it is UTF-8")
    }

    /// Waits for something that shows from outside while it runs.
    pub fn wait_for(&mut self, what: &str, mut seen: impl FnMut(&Self) -> bool) {
        let begun = Instant::now();
        while !seen(self) {
            let ended = self.running.ended();
            assert!(ended.is_none(), "{what}: it ended before, {ended:?}: {}", self.told());
            assert!(begun.elapsed() < DEADLINE, "{what} does not come: {}", self.told());
            // Looking costs the program its processor: a moment between two looks.
            std::thread::park_timeout(Duration::from_millis(2));
        }
    }

    pub fn pid(&self) -> i32 {
        self.running.pid()
    }

    pub fn signal(&self, signal: i32) {
        self.running.signal(signal);
    }

    /// Waits for its end, which must have this exit code; all that it told.
    pub fn end(self, code: i32) -> String {
        let status = self.running.output().status;
        let told = std::fs::read_to_string(self.stderr.path()).expect("it can be read");
        assert_eq!(status.code(), Some(code), "{told}");
        told
    }
}

const BEGAN: &str = "waiting until it works again";
const ENDED: &str = "INFO works again";

/// How many outages were told of when they began.
pub fn outages(told: &str) -> usize {
    told.matches(BEGAN).count()
}

/// Whether each outage that was told of is told to have ended.
pub fn are_over(told: &str) -> bool {
    outages(told) == told.matches(ENDED).count()
}

/// Each of these branches told of its outage and its cause when it began, and again when it ended; not at every try. What
/// comes back may flicker: twice at most.
#[track_caller]
pub fn assert_told(told: &str, branches: &[&str], cause: &str) {
    for branch in branches {
        let lines = |text: &str| {
            let of_branch = told.lines().filter(|line| line.contains(&format!("branch={branch} ")));
            of_branch.filter(|line| line.contains(text)).map(str::to_owned).collect::<Vec<_>>()
        };
        let (began, ended) = (lines(BEGAN), lines(ENDED));
        assert!(began.len() == ended.len() && (1..=2).contains(&began.len()), "{branch}: {told}");
        assert!(began[0].contains(cause), "{branch}: {told}");
    }
}

/// The branches of the partitions.
pub const PARTITION_BRANCHES: [&str; 4] = ["partition 0", "partition 1", "partition 2", "partition 3"];
