//! A thing that blocks, behind an asynchronous handle.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::panic;
use crate::failure::Failure;

/// A call as its worker sees it, with when it began; an error is the message of its panic.
type Call<T> = Box<dyn FnOnce(&mut T, Instant) -> Result<(), String> + Send>;

/// Who does the work of a [`Worker`]: a thread of its own, or, in simulation, the caller's after a moment of virtual
/// time.
#[derive(Clone, Copy, Debug)]
pub enum Spawn {
    Threads,
    /// One thread, paused time: a call takes as long as this says, anew for each, from when it is made until it is done
    /// and answered.
    Inline {
        latency: fn() -> Duration,
    },
}

/// Owns a `T` whose calls block (a log's reader, a folder on disk) and runs closures on it, in order.
///
/// A call that was made is done, also if nobody waits for its answer any more, or the handle is dropped: the thread
/// ends after the calls that were made. A call that hangs keeps its thread, and its caller is free to give up; the
/// branch counts such threads of the workers that [`super::Life::worker`] made. A call that panics is the last: the value,
/// half changed perhaps, is dropped. May be shared behind an `Arc`.
pub struct Worker<T> {
    queue: Arc<CallQueue>,
    /// In simulation.
    latency: Option<fn() -> Duration>,
    // Not bounded by its type, but by its callers: each awaits the reply of one call before it makes the next.
    jobs: mpsc::UnboundedSender<Made<T>>,
}

/// A call that was made.
struct Made<T> {
    job: Call<T>,
    at: Instant,
    /// In simulation; zero elsewhere.
    latency: Duration,
}

/// A call that a worker has not answered yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Busy {
    /// The name that the caller gave it, as `reading the log`, or that of its step.
    pub call: &'static str,
    /// The worker's thread.
    pub thread: Arc<str>,
    /// Since it was made, or its step began or got on.
    pub time: Duration,
}

impl fmt::Display for Busy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} on the thread {} takes {:?} so far", self.call, self.thread, self.time)
    }
}

/// By it the call that runs on a worker tells that it gets on, so that work of several steps, or a long one, is not taken
/// for a hang. For the call itself, on the worker's thread.
#[derive(Clone)]
pub struct Steps(Arc<CallQueue>);

impl Steps {
    /// A step begins, with a clock of its own; a hang in it is told by this name, as `opening the reader`. To be called
    /// before each thing that may block.
    pub fn begin(&self, step: &'static str) {
        if let Some(running) = self.0.state.lock().made.front_mut() {
            *running = (step, Instant::now());
        }
    }

    /// How long the call has run, all its steps together: not what it waited for before. In simulation, since it was made.
    pub fn ran(&self) -> Duration {
        self.0.state.lock().begun.map_or(Duration::ZERO, |begun| begun.elapsed())
    }

    /// The step has got on: its clock starts anew.
    pub fn got_on(&self) {
        if let Some((_, since)) = self.0.state.lock().made.front_mut() {
            *since = Instant::now();
        }
    }
}

/// What is known of a worker's calls.
pub(super) struct CallQueue {
    thread: Arc<str>,
    state: Mutex<Calls>,
}

#[derive(Default)]
struct Calls {
    /// Each unanswered call, or its step, and since when, oldest first.
    made: VecDeque<(&'static str, Instant)>,
    /// When the call that runs began, or the last one did.
    begun: Option<Instant>,
    /// The panic that ended the worker.
    panic: Option<String>,
}

/// The worker is gone: a call panicked, or the runtime of a simulation is over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the thread {thread} {end}")]
pub struct Gone {
    pub thread: Arc<str>,
    /// How it ended; of a panic, what it said, and where it was.
    pub end: String,
}

impl<T: Send + 'static> Worker<T> {
    /// A worker around `value`; `name` is the thread's.
    pub fn new(spawn: Spawn, name: &str, value: T) -> Result<Self, Failure> {
        panic::install_hook();
        let queue = Arc::new(CallQueue { thread: name.into(), state: Mutex::default() });
        let (sender, jobs) = mpsc::unbounded_channel();
        let works = queue.clone();
        let latency = match spawn {
            Spawn::Threads => {
                let thread = std::thread::Builder::new().name(name.to_owned());
                thread.spawn(move || works.work(value, jobs)).map_err(|error| Failure::thread(name, &error))?;
                None
            }
            Spawn::Inline { latency } => {
                drop(tokio::spawn(works.work_in_simulation(value, jobs)));
                Some(latency)
            }
        };
        Ok(Self { queue, latency, jobs: sender })
    }

    /// Runs a closure on the value and gives its result. The call is made now; only the answer is awaited. `call` names it
    /// for people, as `reading the log`.
    pub fn call<R: Send + 'static>(
        &self,
        call: &'static str,
        job: impl FnOnce(&mut T) -> R + Send + 'static,
    ) -> impl Future<Output = Result<R, Gone>> + Send + 'static {
        let (reply, answer) = oneshot::channel();
        let queue = self.queue.clone();
        let job = Box::new(move |value: &mut T, begun: Instant| {
            queue.state.lock().begun = Some(begun);
            let result = panic::catch(|| job(value));
            let end = result.as_ref().map(|_| ()).map_err(String::clone);
            queue.done(&end);
            drop(reply.send(result));
            end
        });
        self.make(call, job);
        let queue = self.queue.clone();
        async move {
            match answer.await {
                Ok(result) => result.map_err(|panic| queue.gone(Some(panic))),
                Err(_) => {
                    let panic = queue.state.lock().panic.clone();
                    Err(queue.gone(panic))
                }
            }
        }
    }

    /// For the calls that have steps.
    pub fn steps(&self) -> Steps {
        Steps(self.queue.clone())
    }

    /// The oldest unanswered call, waiting or running.
    pub fn busy(&self) -> Option<Busy> {
        self.queue.busy()
    }

    pub(super) fn queue(&self) -> Weak<CallQueue> {
        Arc::downgrade(&self.queue)
    }

    fn make(&self, call: &'static str, job: Call<T>) {
        let mut state = self.queue.state.lock();
        if state.panic.is_some() {
            return;
        }
        let at = Instant::now();
        state.made.push_back((call, at));
        let latency = self.latency.map_or(Duration::ZERO, |latency| latency());
        // Where nobody is left to do it, as the runtime is gone, the missing answer says so.
        drop(self.jobs.send(Made { job, at, latency }));
    }
}

impl CallQueue {
    /// Does calls until there can be no more of them, or one panics.
    fn work<T>(&self, mut value: T, mut jobs: mpsc::UnboundedReceiver<Made<T>>) {
        while let Some(made) = jobs.blocking_recv() {
            if (made.job)(&mut value, Instant::now()).is_err() {
                break;
            }
        }
        // To close it may hang as any call may, and then counts as one.
        self.state.lock().made.push_back(("closing", Instant::now()));
        drop(value);
        self.state.lock().made.clear();
    }

    /// The same, where time is virtual and only the latency takes any.
    async fn work_in_simulation<T>(self: Arc<Self>, mut value: T, mut jobs: mpsc::UnboundedReceiver<Made<T>>) {
        while let Some(made) = jobs.recv().await {
            sleep_until(made.at + made.latency).await;
            if (made.job)(&mut value, made.at).is_err() {
                return;
            }
        }
    }

    /// The oldest unanswered call, waiting or running.
    pub fn busy(&self) -> Option<Busy> {
        let (call, made) = *self.state.lock().made.front()?;
        Some(Busy { call, thread: self.thread.clone(), time: made.elapsed() })
    }

    fn done(&self, end: &Result<(), String>) {
        let mut state = self.state.lock();
        state.made.pop_front();
        if let Err(panic) = end {
            state.panic = Some(panic.clone());
            state.made.clear();
        }
    }

    fn gone(&self, panic: Option<String>) -> Gone {
        let end = panic.map_or("ended with its runtime".to_owned(), |panic| format!("panicked: {panic}"));
        Gone { thread: self.thread.clone(), end }
    }
}

#[cfg(test)]
#[path = "worker_tests.rs"]
mod tests;
