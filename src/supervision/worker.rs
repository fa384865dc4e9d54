//! A thing that blocks, behind an asynchronous handle.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

type Job<T> = Box<dyn FnOnce(&mut T) + Send>;

/// Who does the work of a [`Worker`]: a thread of its own, or, in simulation, the caller after a moment of virtual time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spawn {
    Threads,
    /// One thread, paused time: every call answers after this long.
    Inline {
        latency: std::time::Duration,
    },
}

/// Owns a `T` whose calls block (a log's reader, a folder on disk) and runs closures on it, in order.
///
/// Dropping the handle lets the thread end after the calls that were made; a call that hangs keeps its thread, and
/// whoever waited is free to give up.
pub struct Worker<T>(Inner<T>);

enum Inner<T> {
    Thread(mpsc::UnboundedSender<Job<T>>),
    Inline(Arc<Mutex<T>>, std::time::Duration),
}

/// The worker's thread is gone: a call panicked.
#[derive(Debug, thiserror::Error)]
#[error("the thread {0} panicked")]
pub struct Gone(pub String);

impl<T: Send + 'static> Worker<T> {
    /// A worker around `value`; `name` is the thread's.
    pub fn new(spawn: Spawn, name: &str, mut value: T) -> std::io::Result<Self> {
        let Spawn::Inline { latency } = spawn else {
            // Not bounded by its type, but by its callers: each awaits the reply of one call before it makes the next.
            let (sender, mut jobs) = mpsc::unbounded_channel::<Job<T>>();
            std::thread::Builder::new().name(name.to_owned()).spawn(move || {
                while let Some(job) = jobs.blocking_recv() {
                    job(&mut value);
                }
            })?;
            return Ok(Self(Inner::Thread(sender)));
        };
        Ok(Self(Inner::Inline(Arc::new(Mutex::new(value)), latency)))
    }

    /// Runs a closure on the value and gives its result. The call is made now; only the answer is awaited.
    pub fn call<R: Send + 'static>(
        &self,
        job: impl FnOnce(&mut T) -> R + Send + 'static,
    ) -> impl Future<Output = Result<R, Gone>> + 'static {
        let (reply, answer) = oneshot::channel();
        let job: Job<T> = Box::new(move |value| drop(reply.send(job(value))));
        let inline = match &self.0 {
            Inner::Thread(sender) => {
                drop(sender.send(job));
                None
            }
            Inner::Inline(value, latency) => Some((job, value.clone(), *latency)),
        };
        async move {
            if let Some((job, value, latency)) = inline {
                tokio::time::sleep(latency).await;
                job(&mut value.lock());
            }
            answer.await.map_err(|_| Gone("of a worker".to_owned()))
        }
    }
}
