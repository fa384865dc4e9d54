//! Tells a consumer group how far partitions are committed, for tools that watch lag.
//!
//! Guarantees: nobody waits for the group but the end of the run, and that no longer than [`FINISH_MAX`]. Of each partition the last
//! offset is kept, and tried to be told until the end of the run. That it cannot be told is said once.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rdkafka::Offset;
use rdkafka_sys as sys;
use sys::rd_kafka_resp_err_t as Code;
use tracing::{debug, info, warn};

use crate::failure::Failure;

use super::client::{Client, at};
use super::failure::{self, Call, ClientError, READ};
use super::queue::{Queue, milliseconds, words};

const THREAD: &str = "isotherm-offsets";
/// The longest that the group's coordinator is looked for, and the first look; each further one is twice as long.
const COORDINATOR_MAX: Duration = Duration::from_secs(5);
const LOOK_MIN: Duration = Duration::from_millis(200);
const FINISH_MAX: Duration = Duration::from_secs(6);
/// After a failure.
const AGAIN: Duration = Duration::from_secs(5);
/// A failure that waiting may end is said once it lasts.
const LASTS: Duration = Duration::from_secs(60);

/// Offsets that a thread tells.
pub struct CommittedOffsets {
    news: Arc<News>,
    /// `None`: it is over, or could not be started.
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct News {
    untold: Mutex<Untold>,
    changed: Condvar,
}

#[derive(Default)]
struct Untold {
    /// By partition.
    offsets: BTreeMap<u32, u64>,
    /// No more come.
    ends: bool,
    /// The thread is done.
    is_over: bool,
}

impl CommittedOffsets {
    /// Of a group that has no members.
    pub fn new(client: Arc<Client>, group: CString) -> Self {
        Self::start(client, group, true)
    }

    /// By a member of the group, whose queue its owner looks at.
    pub fn of_member(client: Arc<Client>, group: CString) -> Self {
        Self::start(client, group, false)
    }

    fn start(client: Arc<Client>, group: CString, looks: bool) -> Self {
        let news = Arc::new(News::default());
        let for_thread = news.clone();
        let work = move || {
            Teller::new(&client, &group, looks).run(&for_thread);
            for_thread.set_over();
        };
        let thread = thread::Builder::new().name(THREAD.to_owned()).spawn(work);
        if let Err(error) = &thread {
            warn!(cause = %Failure::thread(THREAD, error), "the consumer group is not told what is committed");
        }
        Self { news, thread: Mutex::new(thread.ok()) }
    }

    pub fn tell(&self, partition: u32, next_offset: u64) {
        self.news.untold.lock().offsets.insert(partition, next_offset);
        self.news.changed.notify_all();
    }

    /// Waits until all is told, or cannot be. Nothing is told from then on.
    pub fn finish(&self) {
        let Some(thread) = self.thread.lock().take() else { return };
        let until = Instant::now() + FINISH_MAX;
        let mut untold = self.news.untold.lock();
        untold.ends = true;
        self.news.changed.notify_all();
        self.news.changed.wait_while_until(&mut untold, |untold| !untold.is_over, until);
        // One that a broker keeps waiting ends by itself, with the client that it has its share of, or with the process.
        if untold.is_over {
            drop(untold);
            drop(thread.join());
        }
    }
}

impl Drop for CommittedOffsets {
    fn drop(&mut self) {
        self.finish();
    }
}

impl News {
    /// Waits for the next offsets; `None` once there are no more.
    fn next(&self) -> Option<BTreeMap<u32, u64>> {
        let mut untold = self.untold.lock();
        self.changed.wait_while(&mut untold, |untold| untold.offsets.is_empty() && !untold.ends);
        let offsets = std::mem::take(&mut untold.offsets);
        (!offsets.is_empty()).then_some(offsets)
    }

    /// Keeps the offsets that no later ones took the place of, and waits; whether there is another try, as there is one at the end.
    fn keep(&self, offsets: BTreeMap<u32, u64>) -> bool {
        let until = Instant::now() + AGAIN;
        let mut untold = self.untold.lock();
        let is_last = untold.ends;
        for (partition, offset) in offsets {
            untold.offsets.entry(partition).or_insert(offset);
        }
        self.changed.wait_while_until(&mut untold, |untold| !untold.ends, until);
        !is_last
    }

    fn ends(&self) -> bool {
        self.untold.lock().ends
    }

    fn set_over(&self) {
        self.untold.lock().is_over = true;
        self.changed.notify_all();
    }
}

/// Tells the group what is committed, as long as there is news.
struct Teller<'client> {
    client: &'client Client,
    group: &'client CStr,
    /// What the client says of the group, where nobody else hears it.
    said: Option<Queue<'client>>,
    /// The client says a refusal once.
    refused: Option<ClientError>,
}

impl<'client> Teller<'client> {
    fn new(client: &'client Client, group: &'client CStr, looks: bool) -> Self {
        // SAFETY: the client is alive, and borrowed for as long as the queue is there; it is a consumer, so it has that queue, and
        // this reference is ours.
        let said = looks.then(|| unsafe { Queue::new(sys::rd_kafka_queue_get_consumer(client.ptr())) });
        Self { client, group, said, refused: None }
    }

    fn run(&mut self, news: &News) {
        let (mut failing_since, mut is_told) = (None, false);
        while let Some(offsets) = news.next() {
            let Err(failure) = self.tell(&offsets) else {
                failing_since = None;
                if std::mem::take(&mut is_told) {
                    info!(group = ?self.group, "the consumer group is told again what is committed");
                }
                continue;
            };
            debug!(group = ?self.group, cause = %failure, "the consumer group was not told what is committed");
            let lasts = failing_since.get_or_insert_with(Instant::now).elapsed() >= LASTS;
            if (lasts || news.ends() || !failure.is_retryable()) && !std::mem::replace(&mut is_told, true) {
                warn!(
                    cause = failure.what,
                    advice = failure.advice,
                    "the consumer group cannot be told what is committed: tools that watch its lag see nothing of this; counting \
                     goes on"
                );
            }
            if !news.keep(offsets) {
                return;
            }
        }
    }

    /// A group that has members takes offsets from them alone.
    ///
    /// A request of the kind that the client has for administrators would say more of its failure, but aborts the process where a
    /// broker goes away under it (<https://github.com/confluentinc/librdkafka/issues/4605>).
    fn tell(&mut self, offsets: &BTreeMap<u32, u64>) -> Result<(), Failure> {
        let what =
            format!("{}: the group {} cannot be told offsets", self.client.subject.name, words(Some(self.group)));
        let call = Call::new("Read on the group", what);
        let list = self.client.partitions(offsets.iter().map(|(&partition, &offset)| (partition, at(offset))));
        self.find_coordinator(&call)?;
        // SAFETY: both are alive during the call, which copies the list.
        match unsafe { sys::rd_kafka_commit(self.client.ptr(), list.ptr(), 0) } {
            Code::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
            Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED => Err(self.client.failure(
                &Call { right: READ, ..call },
                Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
                None,
            )),
            code => Err(self.client.failure(&call, code, None)),
        }
    }

    /// A commit that waits for the group's coordinator cannot be given up, and the end of the client waits for it. So the
    /// coordinator is asked for something else first, which can be.
    fn find_coordinator(&mut self, call: &Call) -> Result<(), Failure> {
        let deadline = Instant::now() + COORDINATOR_MAX;
        let asked_about = self.client.partitions([(0, Offset::Invalid)]);
        let mut look = LOOK_MIN;
        loop {
            // SAFETY: both are alive during the call.
            let code = unsafe { sys::rd_kafka_committed(self.client.ptr(), asked_about.ptr(), milliseconds(look)) };
            look = (2 * look).min(deadline.saturating_duration_since(Instant::now()));
            while let Some(event) = self.said.as_ref().and_then(|said| said.poll(Duration::ZERO)) {
                if event.code() == Code::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED {
                    self.refused = Some(ClientError { code: event.code(), reason: words(event.reason()) });
                }
            }
            if code == Code::RD_KAFKA_RESP_ERR_NO_ERROR {
                self.refused = None;
                return Ok(());
            }
            if let Some(refused) = &self.refused {
                return Err(failure::of(call, refused, None));
            }
            if code != Code::RD_KAFKA_RESP_ERR__TIMED_OUT || Instant::now() >= deadline {
                return Err(self.client.failure(call, code, None));
            }
        }
    }
}
