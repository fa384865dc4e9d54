//! How often a partition is committed, in virtual time, in which only the calls of the workers take any.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Once};
use std::time::Duration;

use futures_util::FutureExt;
use isotherm::pipeline::{End, Environment, Job, run_trees};
use isotherm::proof::simulated::{DiskFault, SimulatedDisk, SimulatedLog};
use isotherm::supervision::Spawn;
use isotherm::supervision::actor::System;
use tokio::sync::watch;
use tokio::time::{Instant, advance, sleep};

use crate::around::{Call, before_calls};
use crate::support::{Fixture, consume_only};

thread_local! {
    /// What each call of a worker takes, the write of a commit above all.
    static CALL_MS: Cell<u64> = const { Cell::new(0) };
    /// What the log takes on top of that to say which topic it has.
    static LOG_ID_MS: Cell<u64> = const { Cell::new(0) };
}

const TICK: Duration = Duration::from_millis(10);

/// A running partition 0, and each of its commits.
struct Life {
    fixture: Fixture,
    environment: Environment,
    disk: SimulatedDisk,
    days: u32,
    /// When each was on disk.
    commits: Vec<Instant>,
}

impl Life {
    /// Lets time pass, in which new records keep coming.
    async fn pass(&mut self, seconds: u64) {
        let until = Instant::now() + Duration::from_secs(seconds);
        while Instant::now() < until {
            self.fixture.write(self.days..self.days + 1);
            self.days += 1;
            let before = self.committed();
            sleep(TICK).await;
            if self.committed() > before {
                self.commits.push(Instant::now());
            }
        }
    }

    fn committed(&self) -> u64 {
        self.environment.progress.partition(0).committed.get()
    }

    fn interval(&self) -> Duration {
        Duration::from_millis(self.environment.progress.partition(0).commit_interval_ms.get())
    }

    /// The time between each two commits since the last call of this.
    fn gaps(&mut self) -> Vec<Duration> {
        std::mem::take(&mut self.commits).windows(2).map(|two| two[1] - two[0]).collect()
    }
}

/// Lives through the story, is stopped, and gives how long the stop took and every line that was logged.
fn live(call_ms: u64, story: impl AsyncFnOnce(&mut Life)) -> (Duration, String) {
    CALL_MS.set(call_ms);
    LOG_ID_MS.set(0);
    let fixture = Fixture { log: SimulatedLog::without_waiting("temperatures"), ..Fixture::new() }
        .set("consume.commit_interval_ms=100")
        .set("consume.commit_share_max=0.1")
        .set("consume.batch_records=1000")
        .set("supervision.backoff_max_ms=1000");
    fixture.create_topic();
    let disk = SimulatedDisk::new(4096);
    let log = before_calls(Arc::new(fixture.log.clone()), |call| {
        if call == Call::LogId && LOG_ID_MS.get() > 0 {
            // Time goes by at the first poll.
            advance(Duration::from_millis(LOG_ID_MS.get())).now_or_never();
        }
    });
    let environment = Environment {
        log: Arc::new(log),
        disk: Arc::new(disk.clone()),
        spawn: Spawn::Inline { latency: || Duration::from_millis(CALL_MS.get()) },
        ..fixture.environment()
    };
    Lines::listen();
    let stopping = System::in_virtual_time().block_on(async move {
        let stop = Arc::new(watch::Sender::new(false));
        let mut life = Life { fixture, environment, disk, days: 0, commits: Vec::new() };
        let job = Job { end: End::AtSignal, ..consume_only(0) };
        let trees = tokio::task::spawn_local(run_trees(job, life.environment.clone(), stop.clone()));
        story(&mut life).await;
        let stopped = Instant::now();
        stop.send_replace(true);
        let summary = trees.await.expect("it does not panic").expect("it starts");
        assert!(summary.failures.is_empty() && summary.laggards.is_empty(), "{summary:?}");
        let partition = life.environment.progress.partition(0);
        assert_eq!(partition.committed.get(), partition.position.get(), "the drain committed all that was counted");
        stopped.elapsed()
    });
    (stopping, String::from_utf8(LINES.take()).expect("lines are UTF-8"))
}

thread_local! {
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What this thread logs. One subscriber hears all threads of the process: with one of its own for a thread, an event that
/// another thread came to first, where nobody listened, could stay unheard.
struct Lines;

impl Lines {
    fn listen() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let lines = tracing_subscriber::fmt().with_ansi(false).with_writer(|| Self).finish();
            tracing::subscriber::set_global_default(lines).expect("nobody else listens");
        });
        LINES.take();
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn times(logged: &str, said: &str) -> usize {
    logged.lines().filter(|line| line.contains(said)).count()
}

const STRETCHED: &str = "commits take long";
const BACK: &str = "as frequent as set again";

#[test]
fn quick_commits_are_as_frequent_as_set() {
    let (_, logged) = live(5, async |life| {
        life.pass(5).await;
        let gaps = life.gaps();
        assert!(gaps.len() > 40 && gaps.iter().all(|gap| *gap <= Duration::from_millis(120)), "{gaps:?}");
    });
    assert_eq!((times(&logged, STRETCHED), times(&logged, BACK)), (0, 0), "{logged}");
}

#[test]
fn commits_of_a_second_take_a_tenth_of_the_time_and_a_stop_waits_for_no_interval() {
    let (stopping, logged) = live(1000, async |life| {
        life.pass(100).await;
        let gaps = life.gaps();
        let seconds = Duration::from_secs(10)..Duration::from_secs(11);
        assert!(gaps.len() >= 8 && gaps.iter().all(|gap| seconds.contains(gap)), "{gaps:?}");
        assert_eq!(life.interval(), Duration::from_secs(10));
        assert_eq!(life.environment.progress.partition(0).commit_cost_us.get(), 1_000_000);
        // It is stopped just after a commit: the next one is not due for long.
        while life.commits.is_empty() {
            life.pass(1).await;
        }
    });
    assert!(stopping < Duration::from_secs(5), "{stopping:?}");
    assert_eq!((times(&logged, STRETCHED), times(&logged, BACK)), (1, 0), "{logged}");
    assert!(logged.contains("partition=0 interval_ms=10000 cost_ms=1000 stations="), "{logged}");
}

#[test]
fn the_interval_is_as_set_again_once_commits_are_quick() {
    let (_, logged) = live(1000, async |life| {
        life.pass(50).await;
        CALL_MS.set(5);
        life.pass(20).await;
        assert_eq!(life.interval(), Duration::from_millis(100));
    });
    assert_eq!((times(&logged, STRETCHED), times(&logged, BACK)), (1, 1), "{logged}");
}

#[test]
fn an_outage_that_was_waited_out_costs_nothing() {
    live(5, async |life| {
        life.pass(1).await;
        let next = life.disk.operations();
        life.disk.fail(next..next + 40, DiskFault::Error(ErrorKind::StorageFull));
        life.pass(30).await;
        assert_eq!(life.interval(), Duration::from_millis(100));
        let gaps = life.gaps();
        let long: Vec<_> = gaps.iter().filter(|gap| **gap > Duration::from_millis(200)).collect();
        assert!(long.len() == 1 && *long[0] > Duration::from_secs(2), "{long:?}");
    });
}

#[test]
fn a_log_that_is_slow_to_answer_stretches_nothing_and_is_told_of() {
    let (_, logged) = live(5, async |life| {
        LOG_ID_MS.set(5000);
        life.pass(60).await;
        assert_eq!(life.interval(), Duration::from_millis(100));
        assert_eq!(life.environment.progress.partition(0).commit_cost_us.get(), 5_000);
        LOG_ID_MS.set(0);
        life.pass(6).await;
        life.commits.clear();
        life.pass(5).await;
        let gaps = life.gaps();
        assert!(gaps.len() > 40 && gaps.iter().all(|gap| *gap <= Duration::from_millis(120)), "{gaps:?}");
    });
    assert_eq!((times(&logged, STRETCHED), times(&logged, BACK)), (0, 0), "{logged}");
    let told = ["the log is slow to answer", "the log answers quickly again"].map(|said| times(&logged, said));
    assert_eq!(told, [1, 1], "{logged}");
}
