//! A real S3 server for tests, on loopback: SeaweedFS, as `tests/s3/get` laid it down; or, where ISOTHERM_VERSITYGW names its
//! program, versitygw. It dies with the test's process.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{fs, thread};

use isotherm::durable::objects::Objects as _;
use isotherm::durable::s3::S3;
use isotherm::settings::{Sources, load};

use super::broker;

/// A healthy server answers within this, even on a busy machine.
const START_MAX: Duration = Duration::from_secs(60);
const USER: &str = "isotherm";
const SECRET: &str = "isotherm-secret";
pub const BUCKET: &str = "states";

pub struct ObjectServer {
    child: Child,
    address: String,
    _folder: tempfile::TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl ObjectServer {
    /// A server of the test's own, with a bucket. `None`: its program is not installed, which was said.
    pub fn start() -> Option<Self> {
        // One at a time: it has sockets whose names only its ports tell apart.
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir().expect("a folder");
        // An address of this process's own: the servers have many ports.
        let id = std::process::id();
        let host = format!("127.{}.{}.{}", 64 + (id >> 16 & 63), id >> 8 & 255, 1 + (id & 127));
        let (mut command, port) = match std::env::var_os("ISOTHERM_VERSITYGW") {
            Some(program) => {
                fs::create_dir(folder.path().join(BUCKET)).expect("the folder is new");
                let mut command = Command::new(program);
                command.args(["--port", &format!("{host}:7070"), "--quiet", "posix"]).arg(folder.path());
                command.env("ROOT_ACCESS_KEY", USER).env("ROOT_SECRET_KEY", SECRET);
                (command, 7070)
            }
            None => {
                let program = weed();
                if !program.exists() {
                    broker::skip(&format!("there is no {}: run tests/s3/get", program.display()));
                    return None;
                }
                let mut command = Command::new(program);
                command.arg("mini").arg(format!("-dir={}", folder.path().display()));
                command.arg(format!("-ip={host}")).arg(format!("-ip.bind={host}")).arg(format!("-bucket={BUCKET}"));
                command.args(["-master.telemetry=false", "-webdav=false", "-admin.ui=false"]);
                command.args(["-s3.port.iceberg=0", "-s3.port.lance=0"]);
                command.env("AWS_ACCESS_KEY_ID", USER).env("AWS_SECRET_ACCESS_KEY", SECRET);
                (command, 8333)
            }
        };
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = broker::spawn_to_die_with_us(command);
        let server = Self { child, address: format!("{host}:{port}"), _folder: folder, _alone: alone };
        let (objects, begun) = (server.open("start"), Instant::now());
        // The bucket is made behind the port.
        while let Err(trouble) = objects.get("x") {
            assert!(begun.elapsed() < START_MAX, "the object server does not answer at {}: {trouble}", server.address);
            thread::sleep(Duration::from_millis(50));
        }
        Some(server)
    }

    /// The objects below a prefix of its bucket.
    pub fn open(&self, prefix: &str) -> S3 {
        self.open_with(&format!("s3://{BUCKET}/{prefix}"), &[])
    }

    /// As the settings have it and these.
    pub fn open_with(&self, url: &str, sets: &[&str]) -> S3 {
        let sets = self.sets().into_iter().chain(sets.iter().map(|set| (*set).to_owned())).collect();
        let effective = load(&Sources { file: None, sets }, std::iter::empty()).expect("the settings are good");
        S3::open(url, &effective.settings.state).expect("the settings are good")
    }

    /// Connections are taken, and nothing comes of them.
    pub fn stop_answering(&self) {
        self.signal(libc::SIGSTOP);
    }

    pub fn answer_again(&self) {
        self.signal(libc::SIGCONT);
    }

    fn signal(&self, signal: i32) {
        let pid = i32::try_from(self.child.id()).expect("a process id");
        // SAFETY: a process of our own that was not waited for.
        assert_eq!(unsafe { libc::kill(pid, signal) }, 0, "the signal is sent");
    }

    /// Settings that reach it.
    pub fn sets(&self) -> Vec<String> {
        [
            format!("state.s3.endpoint=http://{}", self.address),
            "state.s3.allow_http=true".to_owned(),
            "state.s3.path_style=true".to_owned(),
            "state.s3.region=us-east-1".to_owned(),
            format!("state.s3.access_key_id={USER}"),
            format!("state.s3.secret_access_key={SECRET}"),
        ]
        .into()
    }
}

impl Drop for ObjectServer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn weed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("target/python/bin/weed")
}
