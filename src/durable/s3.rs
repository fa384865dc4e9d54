//! Objects in S3, or in a server that speaks as S3 does.
//!
//! The crate `object_store` makes each call once: its own retries are off, as one of a write that was made and whose answer was
//! lost would be refused for its own first try.

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use chrono::NaiveDateTime;
use futures_util::TryStreamExt as _;
use object_store::aws::{AmazonS3, AmazonS3Builder, S3ConditionalPut};
use object_store::client::{HttpError, HttpErrorKind};
use object_store::path::Path;
use object_store::{Certificate, ClientOptions, Error, ObjectStore as _, ObjectStoreExt as _};
use object_store::{PutMode, PutOptions, PutResult, RetryConfig, UpdateVersion};
use parking_lot::Mutex;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use super::objects::{Object, Objects, Report, Tag, Trouble, When};
use crate::failure::{Failure, Kind};
use crate::settings::{self, bucket_and_prefix};

const THREAD: &str = "isotherm-objects";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// A request may take a second more for each of so many bytes.
const BYTES_PER_SECOND_MIN: u64 = 1 << 20;
/// Keys that are taken from a listing.
const LISTED_MAX: usize = 100_000;
/// Of what a server says, this is shown.
const SAID_LETTERS_MAX: usize = 300;
/// How often who waits for an answer reports that the call is still within its deadline.
const REPORT_INTERVAL: Duration = Duration::from_millis(200);
/// A request that has not ended so long behind its deadline hangs, and is not reported any more.
const DEADLINE_SLACK: Duration = Duration::from_secs(1);

/// Without it S3 does not say that there is no such object.
const NO_RIGHT_TO_LIST: &str = "so is an object that is not there, if the user has no right to list the bucket";

/// Objects below a prefix of a bucket. Calls block the thread that makes them; the requests themselves run on one of their own.
#[derive(Clone)]
pub struct S3 {
    shared: Arc<Shared>,
    report: Option<Report>,
}

struct Shared {
    store: AmazonS3,
    name: String,
    prefix: Path,
    request_timeout: Duration,
    has_answered: AtomicBool,
    away_since: Mutex<Option<Instant>>,
    requests: Handle,
    /// Dropped with this: the thread ends.
    _ends: oneshot::Sender<()>,
}

impl S3 {
    /// `url`: `s3://BUCKET` or `s3://BUCKET/PREFIX`. Asks for nothing yet.
    ///
    /// Credentials are those of the settings, else of the environment (`AWS_ACCESS_KEY_ID` and its siblings), of a web identity,
    /// or of the container or the machine; all but the first are renewed before they end.
    pub fn open(url: &str, settings: &settings::State) -> Result<Self, Failure> {
        let wrong = |what: String| Failure::fatal(Kind::Settings, what);
        let (bucket, prefix) = bucket_and_prefix(url).ok_or_else(|| {
            wrong(format!("{url:?} is no address of an object store")).advice("write it as s3://bucket/prefix")
        })?;
        let store = builder(bucket, &settings.s3)?.build();
        let store = store.map_err(|error| wrong(format!("{url} cannot be reached: {}", said(&error))))?;
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::thread(THREAD, &error))?;
        let requests = runtime.handle().clone();
        let (ends, end) = oneshot::channel::<()>();
        let drive = move || drop(runtime.block_on(end));
        let spawned = thread::Builder::new().name(THREAD.to_owned()).spawn(drive);
        spawned.map_err(|error| Failure::thread(THREAD, &error))?;
        let shared = Shared {
            store,
            name: url.trim_end_matches('/').to_owned(),
            prefix: Path::from(prefix),
            request_timeout: Duration::from_millis(settings.request_timeout_ms),
            has_answered: AtomicBool::new(false),
            away_since: Mutex::default(),
            requests,
            _ends: ends,
        };
        Ok(Self { shared: Arc::new(shared), report: None })
    }

    fn key(&self, key: &str) -> Path {
        Path::from(format!("{}/{key}", self.shared.prefix))
    }

    fn key_of(&self, path: &Path) -> Option<String> {
        path.as_ref().strip_prefix(self.shared.prefix.as_ref()).map(|key| key.trim_start_matches('/').to_owned())
    }

    /// Makes a request of so many bytes, and waits for its end.
    fn call<T: Send + 'static>(
        &self,
        bytes: u64,
        request: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Trouble> {
        let timeout = self.shared.request_timeout + Duration::from_secs(bytes / BYTES_PER_SECOND_MIN);
        let (done, result) = mpsc::sync_channel(1);
        let begun = Instant::now();
        self.shared.requests.spawn(async move {
            drop(done.send(tokio::time::timeout(timeout, request).await));
        });
        let result = loop {
            let result = result.recv_timeout(REPORT_INTERVAL);
            if begun.elapsed() < timeout + DEADLINE_SLACK {
                self.report.iter().for_each(|report| report());
            }
            match result {
                Ok(Ok(result)) => break result.map_err(|error| trouble(&error)),
                Ok(Err(_)) => break Err(Trouble::Unsure(format!("no answer within {} ms", timeout.as_millis()))),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    break Err(Trouble::Unsure("the thread of the requests has ended".to_owned()));
                }
            }
        };
        let mut away_since = self.shared.away_since.lock();
        if matches!(result, Ok(_) | Err(Trouble::Refused)) {
            self.shared.has_answered.store(true, Relaxed);
            *away_since = None;
        } else {
            away_since.get_or_insert(begun);
        }
        drop(away_since);
        result
    }
}

fn builder(bucket: &str, settings: &settings::S3) -> Result<AmazonS3Builder, Failure> {
    let settings::S3 { endpoint, region, path_style, ca_file, allow_http, .. } = settings;
    let file = |key: &str, path: &str| {
        std::fs::read(path)
            .map_err(|error| Failure::fatal(Kind::Settings, format!("state.s3.{key}: cannot read {path}: {error}")))
    };
    let mut client = ClientOptions::new()
        .with_allow_http(*allow_http)
        .with_connect_timeout(CONNECT_TIMEOUT)
        // Each call has its own.
        .with_timeout_disabled();
    if !ca_file.is_empty() {
        let bundle = Certificate::from_pem_bundle(&file("ca_file", ca_file)?);
        let wrong = |error: Error| {
            Failure::fatal(
                Kind::Settings,
                format!("state.s3.ca_file: {ca_file} holds no certificate: {}", said(&error)),
            )
        };
        for certificate in bundle.map_err(wrong)? {
            client = client.with_root_certificate(certificate);
        }
    }
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(bucket)
        .with_retry(RetryConfig { max_retries: 0, ..RetryConfig::default() })
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_virtual_hosted_style_request(!path_style)
        .with_client_options(client);
    if !endpoint.is_empty() {
        builder = builder.with_endpoint(endpoint);
    }
    if !region.is_empty() {
        builder = builder.with_region(region);
    }
    if !settings.access_key_id.is_empty() {
        let secret = match settings.secret_access_key_file.as_str() {
            "" => settings.secret_access_key.clone(),
            path => {
                let text = String::from_utf8_lossy(&file("secret_access_key_file", path)?).into_owned();
                text.lines().next().unwrap_or_default().trim().to_owned()
            }
        };
        builder = builder.with_access_key_id(&settings.access_key_id).with_secret_access_key(secret);
        if !settings.session_token.is_empty() {
            builder = builder.with_token(&settings.session_token);
        }
    }
    Ok(builder)
}

/// What an error says of the call.
fn trouble(error: &Error) -> Trouble {
    match error {
        Error::Precondition { .. } | Error::AlreadyExists { .. } | Error::NotModified { .. } => Trouble::Refused,
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => Trouble::Denied(said(error)),
        // Of a write: there is no such bucket.
        Error::NotFound { .. } => Trouble::Denied(said(error)),
        _ if is_unsent(error) => Trouble::NotDone(said(error)),
        _ => Trouble::Unsure(said(error)),
    }
}

/// Whether there was no connection to send anything on.
fn is_unsent(error: &Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if error.downcast_ref::<HttpError>().is_some_and(|error| error.kind() == HttpErrorKind::Connect) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// What went wrong, in one line.
fn said(error: &Error) -> String {
    let (mut text, mut cause) = (error.to_string(), error.source());
    while let Some(error) = cause {
        cause = error.source();
        let what = error.to_string();
        if cause.is_none() && !text.contains(&what) {
            text = format!("{text}: {what}");
        }
    }
    shortened(&text)
}

/// Without what was called, which stands before; of a server's answer, its status and what stands between its tags.
fn shortened(text: &str) -> String {
    let what = text.rsplit_once(" - ").map_or(text, |(_, what)| what);
    let within = |tag: &str| {
        let rest = what.split_once(&format!("<{tag}>"))?.1;
        rest.split_once(&format!("</{tag}>")).map(|(within, _)| within)
    };
    let status = what.split_once("status code: ").and_then(|(_, rest)| rest.split(':').next());
    let skew_seconds =
        within("RequestTime").zip(within("ServerTime")).and_then(|(this, store)| skew_seconds(this, store));
    let line = match (status, within("Code"), within("Message")) {
        (_, Some("RequestTimeTooSkewed"), _) if let Some(seconds) = skew_seconds => {
            let direction = if seconds < 0 { "behind" } else { "ahead of" };
            format!(
                "the clock of this machine is {} seconds {direction} that of the store: set it right",
                seconds.abs()
            )
        }
        (Some(status), Some(code), message) => format!("{status}, {code}: {}", message.unwrap_or_default()),
        _ => what.split_whitespace().collect::<Vec<_>>().join(" "),
    };
    match line.char_indices().nth(SAID_LETTERS_MAX) {
        None => line,
        Some((end, _)) => format!("{}…", &line[..end]),
    }
}

/// How far this machine's clock is ahead, of what a server says of both.
fn skew_seconds(this: &str, store: &str) -> Option<i64> {
    let time = |text: &str| {
        let basic = NaiveDateTime::parse_from_str(text, "%Y%m%dT%H%M%SZ");
        basic.or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%SZ")).ok()
    };
    Some((time(this)? - time(store)?).num_seconds())
}

fn tag(PutResult { e_tag, version, .. }: PutResult) -> Tag {
    Tag { e_tag, version }
}

impl Objects for S3 {
    fn name(&self) -> String {
        self.shared.name.clone()
    }

    fn get(&self, key: &str) -> Result<Option<Object>, Trouble> {
        let (store, path) = (self.shared.store.clone(), self.key(key));
        let head = self.call(0, async move {
            match store.get(&path).await {
                // The same status is that of a bucket that is not there.
                Err(Error::NotFound { source, .. }) if !source.to_string().contains("NoSuchBucket") => Ok(None),
                got => got.map(Some),
            }
        });
        let head = head.map_err(|trouble| match trouble {
            Trouble::Denied(why) => Trouble::Denied(format!("{why} ({NO_RIGHT_TO_LIST})")),
            other => other,
        })?;
        let Some(got) = head else { return Ok(None) };
        let tag = Tag { e_tag: got.meta.e_tag.clone(), version: got.meta.version.clone() };
        let modified = Some(got.meta.last_modified.into());
        let bytes = self.call(got.meta.size, got.bytes())?.to_vec();
        Ok(Some(Object { bytes, tag, modified }))
    }

    fn put(&self, key: &str, bytes: &[u8], when: &When) -> Result<Tag, Trouble> {
        let (store, path, payload) = (self.shared.store.clone(), self.key(key), bytes.to_vec());
        let mode = match when {
            When::Always => PutMode::Overwrite,
            When::Absent => PutMode::Create,
            When::Is(Tag { e_tag, version }) => {
                PutMode::Update(UpdateVersion { e_tag: e_tag.clone(), version: version.clone() })
            }
        };
        let options = PutOptions { mode, ..PutOptions::default() };
        self.call(bytes.len() as u64, async move { store.put_opts(&path, payload.into(), options).await }).map(tag)
    }

    fn delete(&self, key: &str) -> Result<(), Trouble> {
        let (store, path) = (self.shared.store.clone(), self.key(key));
        self.call(0, async move {
            match store.delete(&path).await {
                Err(Error::NotFound { .. }) => Ok(()),
                deleted => deleted,
            }
        })
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, Trouble> {
        let (store, path) = (self.shared.store.clone(), self.key(prefix));
        let listed = self.call(0, async move {
            let listed = store.list(Some(&path)).try_filter_map(|meta| async move { Ok(Some(meta.location)) });
            futures_util::StreamExt::take(listed, LISTED_MAX).try_collect::<Vec<Path>>().await
        })?;
        Ok(listed.iter().filter_map(|path| self.key_of(path)).collect())
    }

    fn list_top(&self) -> Result<Vec<String>, Trouble> {
        let shared = self.shared.clone();
        let listed = self.call(0, async move { shared.store.list_with_delimiter(Some(&shared.prefix)).await })?;
        Ok(listed.objects.iter().filter_map(|meta| self.key_of(&meta.location)).collect())
    }

    fn reporting(&self, report: Report) -> Arc<dyn Objects> {
        Arc::new(Self { report: Some(report), ..self.clone() })
    }

    fn has_answered(&self) -> bool {
        self.shared.has_answered.load(Relaxed)
    }

    fn away_since(&self) -> Option<Instant> {
        *self.shared.away_since.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_is_one_short_line() {
        let answer = "Object at location a not found: Error performing PUT http://h/a in 1.1ms - Server returned non-2xx status \
                      code: 404 Not Found: <?xml version=\"1.0\"?>\n<Error><Code>NoSuchBucket</Code><Message>There is none \
                      </Message></Error>";
        assert_eq!(shortened(answer), "404 Not Found, NoSuchBucket: There is none ");
        let refused =
            "Generic S3 error: Error performing PUT http://h/a in 559.7µs - HTTP error: error sending request: refused";
        assert_eq!(shortened(refused), "HTTP error: error sending request: refused");
        let skewed = "Client error with status code: 403 Forbidden: <Error><Code>RequestTimeTooSkewed</Code><Message>no</Message>\
                      <RequestTime>20261130T120000Z</RequestTime><ServerTime>2026-11-30T12:20:05Z</ServerTime></Error>";
        let told = "the clock of this machine is 1205 seconds behind that of the store: set it right";
        assert_eq!(shortened(skewed), told);
        assert_eq!(shortened(&"ä ".repeat(400)).chars().count(), 301);
    }
}
