//! `GET /api/events`: what changed, as server-sent events to any number of pages.
//!
//! Each frame is made once for all of them. A client that reads slowly is given the newest frame when it is ready for
//! one, never a queue of old ones; one that takes too long for a single frame is dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use actix_web::web::Bytes;
use futures_util::stream::{self, Stream};
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::looks::Looker;
use super::shared::Shared;

/// Least time between two frames.
const INTERVAL: Duration = Duration::from_millis(250);
/// With very many clients there are fewer frames, so that all together cost about as much.
const INTERVAL_PER_CLIENT: Duration = Duration::from_millis(1);
/// Without a client, only the rates are looked at.
const IDLE_INTERVAL: Duration = Duration::from_secs(1);
/// The longest silence of a stream: a page takes a longer one for a broken connection.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// Whoever takes longer for one frame is dropped.
pub const SLOW: Duration = Duration::from_secs(10);
/// Partitions, branches and crashes in a frame; there is more in the API.
const LISTED_MAX: usize = 256;
const CRASHES_MAX: usize = 20;
/// What moves all the time (the time itself, waits in mailboxes) is sent this often, if nothing else is.
const RESTLESS_INTERVAL: Duration = Duration::from_secs(2);

/// The newest frame of each kind.
#[derive(Clone, Default)]
struct Frames([Frame; 4]);

#[derive(Clone, Default)]
struct Frame {
    /// Rises with each change; 0: there is none yet.
    version: u64,
    made_at: Option<Instant>,
    /// All of it that is worth a frame by itself.
    content: Bytes,
    /// As it was sent.
    bytes: Bytes,
}

/// Makes the frames, and hands them out.
pub struct Live {
    frames: watch::Sender<Frames>,
    clients: AtomicUsize,
}

impl Live {
    pub fn new() -> Self {
        Self { frames: watch::Sender::new(Frames::default()), clients: AtomicUsize::new(0) }
    }

    pub fn clients(&self) -> usize {
        self.clients.load(Relaxed)
    }
}

/// Looks, and makes frames, as long as the server runs.
pub async fn tick(shared: Arc<Shared>) {
    let live = &shared.live;
    let mut changed = live.frames.subscribe();
    let mut looker = Looker::new(shared.clone(), shared.progress.clone());
    let mut has_earlier = false;
    loop {
        shared.gauges.sample(std::time::Instant::now());
        let clients = live.clients();
        if clients == 0 && !shared.looks.is_watched() {
            tokio::select! {
                // A new client is shown everything at once, and so is who asks for the table.
                _ = changed.changed() => {}
                () = shared.looks.wanted() => {}
                () = sleep(IDLE_INTERVAL) => continue,
            }
        }
        // Once somebody looks, and all partitions know where they are.
        if !has_earlier && shared.progress.partitions().all(|(_, partition)| partition.is_loaded()) {
            has_earlier = true;
            shared.replays.start_earlier();
        }
        looker.look().await;
        shared.gauges.read_rejected().await;
        refresh(&shared);
        changed.mark_unchanged();
        sleep(INTERVAL.max(INTERVAL_PER_CLIENT * clients as u32)).await;
    }
}

fn refresh(shared: &Shared) {
    let table = shared.looks.newest();
    let mut overview = shared.gauges.overview(&table, shared.ended());
    let whole_overview = json(&overview);
    overview.now_ms = 0;
    let mut supervision = shared.gauges.supervision(LISTED_MAX, CRASHES_MAX);
    let whole_supervision = json(&supervision);
    for actor in supervision.branches.iter_mut().flat_map(|branch| &mut branch.actors) {
        actor.mailbox_wait_us = None;
    }
    let (partitions, audit) = (json(&shared.gauges.partitions(LISTED_MAX)), json(&shared.replays.audit(LISTED_MAX)));
    let new = [
        ("overview", json(&overview), whole_overview),
        ("partitions", partitions.clone(), partitions),
        ("supervision", json(&supervision), whole_supervision),
        ("audit", audit.clone(), audit),
    ];
    shared.live.frames.send_if_modified(|frames| {
        let mut modified = false;
        for (frame, (name, content, data)) in frames.0.iter_mut().zip(new) {
            let is_old = || frame.made_at.is_none_or(|made_at| made_at.elapsed() >= RESTLESS_INTERVAL);
            let bytes = format!("event: {name}\ndata: {}\n\n", String::from_utf8_lossy(&data));
            if frame.content != content || (frame.bytes != bytes && is_old()) {
                let version = frame.version + 1;
                *frame = Frame { version, made_at: Some(Instant::now()), content, bytes: Bytes::from(bytes) };
                modified = true;
            }
        }
        modified
    });
}

fn json(value: &impl Serialize) -> Bytes {
    Bytes::from(serde_json::to_vec(value).expect("answers are texts and finite numbers"))
}

/// One client's stream. Its drop is the client's end.
struct Client {
    shared: Arc<Shared>,
    frames: watch::Receiver<Frames>,
    /// Versions that it has.
    sent: [u64; 4],
    /// When it was given the last piece.
    given: Option<Instant>,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.shared.live.clients.fetch_sub(1, Relaxed);
    }
}

/// A stream of everything as it is, and then of what changes.
pub fn events(shared: Arc<Shared>) -> impl Stream<Item = Result<Bytes, actix_web::Error>> {
    let live = &shared.live;
    let frames = live.frames.subscribe();
    if live.clients.fetch_add(1, Relaxed) == 0 {
        // The frames are as old as the last client: they are made anew before anybody sees them.
        live.frames.send_modify(|frames| *frames = Frames::default());
    }
    let client = Client { shared, frames, sent: [0; 4], given: None };
    let start = stream::once(async { Ok(Bytes::from_static(b"retry: 1000\n\n")) });
    futures_util::StreamExt::chain(start, stream::unfold(client, next))
}

async fn next(mut client: Client) -> Option<(Result<Bytes, actix_web::Error>, Client)> {
    if client.given.is_some_and(|given| given.elapsed() > SLOW) {
        return None;
    }
    let piece = loop {
        if let Some(piece) = unsent(&client.frames.borrow_and_update(), &mut client.sent) {
            break piece;
        }
        match timeout(KEEP_ALIVE, client.frames.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return None,
            Err(_) => break Bytes::from_static(b": still here\n\n"),
        }
    };
    client.given = Some(Instant::now());
    Some((Ok(piece), client))
}

/// The first frame that a client does not have yet.
fn unsent(frames: &Frames, sent: &mut [u64; 4]) -> Option<Bytes> {
    sent.iter_mut().zip(&frames.0).find_map(|(sent, frame)| {
        // After a pause the versions start anew.
        let is_new = frame.version != 0 && frame.version != *sent;
        *sent = frame.version;
        is_new.then(|| frame.bytes.clone())
    })
}
