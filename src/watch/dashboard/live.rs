//! `GET /api/events`: what changed, as server-sent events to any number of pages.
//!
//! Each frame is made once for all pages. A client that reads slowly is given the newest frame when it is ready for
//! one, never a queue of old ones; one that takes too long for a single frame is dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use actix_web::web::Bytes;
use futures_util::stream::{self, Stream};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

/// The longest silence of a stream: a page takes a longer one for a broken connection.
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// A client that takes longer for one frame is dropped.
pub const SLOW: Duration = Duration::from_secs(10);
/// Numbers that move all the time (the time itself, waits in mailboxes) are sent this often, if nothing else is.
const RESTLESS_INTERVAL: Duration = Duration::from_secs(2);

/// The newest frame of each kind.
#[derive(Clone, Default)]
pub struct Frames([EventFrame; 4]);

#[derive(Clone, Default)]
struct EventFrame {
    /// Rises with each change; 0: there is none yet.
    version: u64,
    made_at: Option<Instant>,
    /// The part of the frame that is worth sending as soon as it changes.
    content: Bytes,
    /// The whole frame as clients are sent it.
    bytes: Bytes,
}

/// The newest frames, for any number of clients.
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

    pub fn subscribe(&self) -> watch::Receiver<Frames> {
        self.frames.subscribe()
    }

    /// Takes over the frames as they are to be, in their order. Each is given by its name, the part of its data that is
    /// worth sending as soon as it changes, and all of its data.
    pub fn publish(&self, new: [(&str, Bytes, Bytes); 4]) {
        self.frames.send_if_modified(|frames| {
            let mut modified = false;
            for (frame, (name, content, data)) in frames.0.iter_mut().zip(new) {
                let is_old = || frame.made_at.is_none_or(|made_at| made_at.elapsed() >= RESTLESS_INTERVAL);
                let bytes = format!("event: {name}\ndata: {}\n\n", String::from_utf8_lossy(&data));
                if frame.content != content || (frame.bytes != bytes && is_old()) {
                    let version = frame.version + 1;
                    *frame = EventFrame { version, made_at: Some(Instant::now()), content, bytes: Bytes::from(bytes) };
                    modified = true;
                }
            }
            modified
        });
    }
}

/// One client's stream. Its drop is the client's end.
struct StreamClient {
    live: Arc<Live>,
    frames: watch::Receiver<Frames>,
    /// The version of each frame that the client has.
    sent: [u64; 4],
    /// When the client was given the last piece.
    given: Option<Instant>,
}

impl Drop for StreamClient {
    fn drop(&mut self) {
        self.live.clients.fetch_sub(1, Relaxed);
    }
}

/// A stream of everything as it is, and then of what changes.
pub fn events(live: Arc<Live>) -> impl Stream<Item = Result<Bytes, actix_web::Error>> {
    let frames = live.frames.subscribe();
    if live.clients.fetch_add(1, Relaxed) == 0 {
        // The frames are as old as the last client: they are made anew before a client is sent any.
        live.frames.send_modify(|frames| *frames = Frames::default());
    }
    let client = StreamClient { live, frames, sent: [0; 4], given: None };
    let start = stream::once(async { Ok(Bytes::from_static(b"retry: 1000\n\n")) });
    futures_util::StreamExt::chain(start, stream::unfold(client, next))
}

async fn next(mut client: StreamClient) -> Option<(Result<Bytes, actix_web::Error>, StreamClient)> {
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
