//! The children of one branch as they live now, and the thread that they share.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::Duration;

use actix::{Arbiter, ArbiterHandle, Recipient};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::branch::ChildSpec;
use super::child::{Child, Drain, Life};
use super::ending::Ending;
use super::running::{News, Notice};
use super::worker::{Busy, Spawn};
use super::{heartbeat, panic};
use crate::failure::{Failure, Kind};

/// Starts and ends children, and knows of each whether it runs, is ready, and is gone. Decides nothing.
///
/// Dropped, it ends all of them.
pub(super) struct Lives {
    children: Vec<ChildSpec>,
    heartbeat: Duration,
    /// What is the same for the present life of each child.
    life: Life,
    /// As long as the present thread is there.
    thread_lives: Weak<()>,
    pub(super) slots: Vec<Option<Slot>>,
    /// Threads that were left because they, or a worker of theirs, hang, and since when; one that comes back ends.
    left: Vec<(Weak<()>, Instant)>,
}

/// One life, until nothing is left of it.
pub(super) struct Slot {
    pub epoch: u64,
    over: Arc<watch::Sender<bool>>,
    /// `None` once it died or was told to end.
    pub running: Option<RunningLife>,
    /// Whether it said so, and from where it resumes.
    pub ready: Option<Option<u64>>,
}

pub(super) struct RunningLife {
    pub drain: Recipient<Drain>,
    hang: Pin<Box<dyn Future<Output = (usize, String)>>>,
}

impl Slot {
    /// Tells it to end, and gives what is done when nothing of it is left.
    pub fn end(&mut self) -> impl Future<Output = ()> + 'static {
        self.running = None;
        self.over.send_replace(true);
        self.gone()
    }

    pub fn gone(&self) -> impl Future<Output = ()> + 'static {
        let over = self.over.clone();
        async move { over.closed().await }
    }
}

impl Lives {
    pub fn new(
        children: Vec<ChildSpec>,
        spawn: Spawn,
        heartbeat: Duration,
        reports: mpsc::UnboundedSender<Notice>,
    ) -> Self {
        let slots = children.iter().map(|_| None).collect();
        let life = Life {
            epoch: 0,
            child: 0,
            spawn,
            workers: Arc::default(),
            thread: None,
            at_work: Arc::default(),
            over: Weak::new(),
            reports,
        };
        Self { children, heartbeat, life, thread_lives: Weak::new(), slots, left: Vec::new() }
    }

    pub fn name(&self, child: usize) -> &'static str {
        self.children[child].name
    }

    /// Starts a new life of all children, on a new thread. Ends early with the first that cannot be started.
    pub fn start(&mut self) -> Result<(), (usize, Ending)> {
        self.life.epoch += 1;
        self.life.at_work = Arc::default();
        if matches!(self.life.spawn, Spawn::Threads) {
            let (thread, lives) = new_thread().map_err(|failure| (0, Ending::Failed(failure)))?;
            (self.life.thread, self.thread_lives) = (Some(thread), lives);
        }
        for child in 0..self.children.len() {
            self.start_one(child).map_err(|ending| (child, ending))?;
        }
        Ok(())
    }

    fn start_one(&mut self, child: usize) -> Result<(), Ending> {
        let over = Arc::new(watch::Sender::new(false));
        let life = Life { child, over: Arc::downgrade(&over), ..self.life.clone() };
        let slot = self.slots[child].insert(Slot { epoch: life.epoch, over, running: None, ready: None });
        let Child { heartbeat, drain } =
            panic::catch(|| (self.children[child].start)(&life)).map_err(Ending::Panicked)?.map_err(Ending::Failed)?;
        let (epoch, reports) = (life.epoch, life.reports);
        // A supervisor that is gone needs no pulse.
        let pulse = move |waited| drop(reports.send(Notice { epoch, child, news: News::Pulse { waited } }));
        let hang = Box::pin(heartbeat::hang((child, heartbeat), life.at_work, self.heartbeat, pulse));
        slot.running = Some(RunningLife { drain, hang });
        Ok(())
    }

    /// Waits until a child hangs.
    pub fn hang(&mut self) -> impl Future<Output = (usize, String)> {
        poll_fn(|waker| {
            let running = self.slots.iter_mut().flatten().filter_map(|slot| slot.running.as_mut());
            let found = running.map(|running| running.hang.as_mut().poll(waker)).find(Poll::is_ready);
            found.unwrap_or(Poll::Pending)
        })
    }

    /// The epoch of the present life of each; 0 before the first.
    pub fn epoch(&self) -> u64 {
        self.life.epoch
    }

    /// The running life that a report is of; none for a report that is too late.
    pub fn running(&mut self, child: usize, epoch: u64) -> Option<&mut Slot> {
        self.slots[child].as_mut().filter(|slot| slot.epoch == epoch && slot.running.is_some())
    }

    /// If all children run and are ready: where they resume, as the first that knows says.
    pub fn all_ready(&self) -> Option<Option<u64>> {
        let is_ready =
            |slot: &Option<Slot>| slot.as_ref().is_some_and(|slot| slot.running.is_some() && slot.ready.is_some());
        if !self.slots.iter().all(is_ready) {
            return None;
        }
        Some(self.slots.iter().flatten().find_map(|slot| slot.ready.flatten()))
    }

    /// Tells all children to end, the last first, and their thread with them.
    pub fn end(&mut self) {
        for slot in self.slots.iter_mut().rev().flatten() {
            drop(slot.end());
        }
        if let Some(thread) = &self.life.thread {
            thread.stop();
        }
    }

    /// Waits until nothing is left of the lives of all children.
    pub fn ended(&self) -> impl Future<Output = ()> + 'static {
        let lives: Vec<_> = self.slots.iter().flatten().map(Slot::gone).collect();
        async move {
            for gone in lives {
                gone.await;
            }
        }
    }

    /// Tells all to end and waits for none of them: their thread hangs.
    pub fn leave(&mut self) {
        self.end();
        self.slots.fill_with(|| None);
        self.left.extend(self.life.thread.take().map(|_| (self.thread_lives.clone(), Instant::now())));
    }

    /// The threads of earlier lives that hang, as of now, and the longest call of theirs. To be asked while all lives are over:
    /// every call that is not answered is then one of an earlier life, be its actor dropped or not. An actors' thread counts
    /// once it takes longer than a heartbeat to end: after a worker's hang the thread is well, and only needs a moment.
    pub fn threads_hung(&mut self) -> (usize, Option<Busy>) {
        self.left.retain(|(lives, _)| lives.strong_count() > 0);
        let threads = self.left.iter().filter(|(_, since)| since.elapsed() > self.heartbeat).count();
        let workers = self.life.workers.lock();
        let calls = workers.iter().filter_map(|queue| queue.upgrade()?.busy());
        let hung: Vec<_> = calls.filter(|call| call.time > self.heartbeat).collect();
        (threads + hung.len(), hung.into_iter().max_by_key(|call| call.time))
    }
}

impl Drop for Lives {
    fn drop(&mut self) {
        self.end();
    }
}

thread_local! {
    /// Dropped when the thread ends: behind all actors, be they dropped before its loop is over or with it.
    static LIVES: RefCell<Option<Arc<()>>> = const { RefCell::new(None) };
}

/// A thread for actors, and what is there as long as the thread is.
fn new_thread() -> Result<(ArbiterHandle, Weak<()>), Failure> {
    let thread = panic::catch(Arbiter::try_new).map_err(|message| Failure::fatal(Kind::Internal, message))?;
    let thread = thread.map_err(|error| Failure::thread("of the branch", &error))?.handle();
    let lives = Arc::new(());
    let while_it_lives = Arc::downgrade(&lives);
    thread.spawn_fn(move || LIVES.set(Some(lives)));
    Ok((thread, while_it_lives))
}
