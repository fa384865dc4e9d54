//! A real Kafka broker for tests, on loopback, from the jars that `tests/kafka/get` laid down.
//!
//! It dies with the test's process, however that ends. Where there are no jars or no Java, tests that need it are
//! skipped, and each says so (see [`skip`]).

#![allow(dead_code, reason = "each test uses a part of it")]

use std::fs::{self, File};
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

/// A healthy broker starts within this, even on a busy machine.
const START_MAX: Duration = Duration::from_secs(90);

/// Small, and quick to start rather than quick to run.
const JAVA_FLAGS: [&str; 4] = ["-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"];
/// For benchmarks: quick to run.
const JAVA_FLAGS_FAST: [&str; 2] = ["-Xmx1g", "-Xshare:auto"];

pub struct Broker {
    folder: tempfile::TempDir,
    port: u16,
    /// Port of the controller.
    controller: u16,
    java_flags: &'static [&'static str],
    child: Mutex<Option<Child>>,
}

/// What a broker can be told apart from the usual.
#[derive(Default)]
pub struct Options {
    /// Further lines of `server.properties`.
    pub properties: String,
    /// Further listeners, as `SASL_SSL://127.0.0.1:4711`.
    pub listeners: Vec<String>,
    /// A user that logs in by SCRAM-SHA-256, with the password.
    pub scram: Option<(String, String)>,
    /// For benchmarks: takes more memory, and is quick to run rather than quick to start.
    pub fast: bool,
}

impl Broker {
    /// A broker of the test's own. `None`: there is none to be had, which was said.
    pub fn start() -> Option<Self> {
        Self::start_with(&Options::default())
    }

    /// The broker of all tests in this process, for those that only use topics of their own.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Broker> = OnceLock::new();
        extern "C" fn end() {
            if let Some(broker) = SHARED.get() {
                broker.kill();
                drop(fs::remove_dir_all(broker.folder.path()));
            }
        }
        let start = || {
            // SAFETY: the function is one of this program, and needs nothing that is gone by then.
            unsafe { libc::atexit(end) };
            Self::start_there(&Options::default())
        };
        is_there().then(|| SHARED.get_or_init(start))
    }

    pub fn start_with(options: &Options) -> Option<Self> {
        is_there().then(|| Self::start_there(options))
    }

    /// So many brokers that know each other. The first is the controller, too.
    pub fn cluster(brokers: u32, options: &Options) -> Option<Vec<Self>> {
        let copies = format!(
            "{}\noffsets.topic.replication.factor={brokers}\ntransaction.state.log.replication.factor={brokers}\n\
             transaction.state.log.min.isr={}\ndefault.replication.factor={brokers}",
            options.properties,
            brokers.min(2)
        );
        let options = || Options {
            properties: copies.clone(),
            listeners: options.listeners.clone(),
            scram: options.scram.clone(),
            fast: options.fast,
        };
        is_there().then(|| {
            let mut cluster = vec![Self::start_there(&options())];
            for node in 2..=brokers {
                let controller = Some(cluster[0].controller);
                cluster.push(Self::start_node(&options(), node, controller));
            }
            cluster
        })
    }

    /// Where the records of all topics are, each partition in a folder of its own.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn start_there(options: &Options) -> Self {
        Self::start_node(options, 1, None)
    }

    /// With the controller on this port, or as that itself.
    fn start_node(options: &Options, node: u32, controller: Option<u16>) -> Self {
        let folder = tempfile::Builder::new().prefix("isotherm-kafka-").tempdir().expect("there is room");
        let [port, controller_port] = free_ports();
        let properties = server_properties(folder.path(), port, node, controller.ok_or(controller_port), options);
        fs::write(folder.path().join("server.properties"), properties).expect("there is room");
        format(folder.path(), options);
        let java_flags: &[&str] = if options.fast { &JAVA_FLAGS_FAST } else { &JAVA_FLAGS };
        let controller = controller.unwrap_or(controller_port);
        let broker = Self { folder, port, controller, java_flags, child: Mutex::new(None) };
        broker.restart();
        broker
    }

    /// For `bootstrap.servers`.
    pub fn brokers(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// A name that no other topic of this process has.
    pub fn fresh_topic(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        format!("topic-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
    }

    /// Ends the broker as `kill -9` does, and returns once it is gone.
    pub fn kill(&self) {
        if let Some(mut child) = self.child.lock().expect("no test panicked in here").take() {
            child.kill().expect("it is ours");
            child.wait().expect("it is ours");
        }
    }

    /// Starts it on the same port and data, and returns once it answers.
    pub fn restart(&self) {
        self.kill();
        let mut command = java(self.folder.path(), self.java_flags);
        command.args(["kafka.Kafka", "server.properties"]);
        *self.child.lock().expect("no test panicked in here") = Some(spawn_to_die_with_us(command));
        self.await_ready();
    }

    /// It is there but answers nobody, as a machine that hangs.
    pub fn stop_answering(&self) {
        self.signal(libc::SIGSTOP);
    }

    pub fn answer_again(&self) {
        self.signal(libc::SIGCONT);
    }

    /// Takes the last bytes of a partition off its disk, as a power cut may; to be called while it is killed.
    pub fn lose_the_end(&self, topic: &str, partition: u32, bytes: u64) {
        let segment = self.folder.path().join(format!("data/{topic}-{partition}/{:020}.log", 0));
        let file = File::options().write(true).open(segment).expect("it is there");
        let length = file.metadata().expect("it is open").len();
        file.set_len(length - bytes).expect("it can be shortened");
    }

    fn signal(&self, signal: i32) {
        let child = self.child.lock().expect("no test panicked in here");
        let id = child.as_ref().expect("it runs").id().try_into().expect("a process id");
        // SAFETY: the process is our child and not yet waited for.
        assert_eq!(unsafe { libc::kill(id, signal) }, 0);
    }

    fn await_ready(&self) {
        let deadline = Instant::now() + START_MAX;
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", self.brokers()).set("reconnect.backoff.max.ms", "200");
        let client: BaseConsumer = client.create().expect("it needs no broker");
        loop {
            let metadata = client.fetch_metadata(None, Duration::from_secs(2));
            if metadata.is_ok_and(|metadata| !metadata.brokers().is_empty()) {
                return;
            }
            let ended = self
                .child
                .lock()
                .expect("no test panicked in here")
                .as_mut()
                .and_then(|child| child.try_wait().ok())
                .flatten();
            let late = Instant::now() > deadline;
            assert!(ended.is_none() && !late, "the broker did not start ({ended:?}):\n{}", tail(self.folder.path()));
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

fn cache() -> PathBuf {
    let own = || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/kafka");
    std::env::var_os("ISOTHERM_KAFKA_CACHE").map_or_else(own, PathBuf::from)
}

/// Skips the test that calls it for want of what `tests/run` sets up: with `ISOTHERM_REQUIRE_BROKER=1` it fails instead.
pub fn skip(lacking: &str) {
    assert_ne!(std::env::var("ISOTHERM_REQUIRE_BROKER").as_deref(), Ok("1"), "{lacking}");
    skip_here(lacking);
}

/// Skips the test that calls it for want of what not every machine has. Where `ISOTHERM_SKIPPED` names a file, its name
/// becomes a line of that, so that whoever ran the tests knows how many were none.
pub fn skip_here(lacking: &str) {
    let line = format!("{}: {lacking}\n", thread::current().name().unwrap_or("a test"));
    eprint!("skipped: {line}");
    if let Some(path) = std::env::var_os("ISOTHERM_SKIPPED") {
        let file = File::options().create(true).append(true).open(path);
        file.and_then(|mut file| file.write_all(line.as_bytes())).expect("ISOTHERM_SKIPPED can be written");
    }
}

/// Whether there can be a broker; else the test is skipped.
fn is_there() -> bool {
    static LACKING: OnceLock<Result<(), String>> = OnceLock::new();
    LACKING.get_or_init(lacking).as_ref().inspect_err(|lacking| skip(lacking)).is_ok()
}

/// What is lacking for a broker.
fn lacking() -> Result<(), String> {
    let jars = cache().join("jars/pom.xml");
    if !jars.is_file() {
        return Err(format!("{} is not there; run tests/kafka/get", jars.display()));
    }
    let java = Command::new("java").arg("-version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    match java {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("java -version: {status}")),
        Err(error) => Err(format!("java: {error}")),
    }
}

/// Java in the broker's folder with all it prints in a file there; the class to run is still to be given.
fn java(folder: &Path, flags: &[&str]) -> Command {
    let log = File::options().create(true).append(true).open(folder.join("broker.log")).expect("there is room");
    let mut command = Command::new("java");
    command.args(flags).arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn");
    command.arg("-cp").arg(cache().join("jars/*")).current_dir(folder).stdin(Stdio::null());
    command.stdout(log.try_clone().expect("it is open")).stderr(log);
    command
}

fn server_properties(folder: &Path, port: u16, node: u32, controller: Result<u16, u16>, options: &Options) -> String {
    let usual = format!("PLAINTEXT://127.0.0.1:{port}");
    let advertised: Vec<String> = std::iter::once(usual).chain(options.listeners.iter().cloned()).collect();
    let advertised = advertised.join(",");
    // Another's controller, or one's own.
    let (roles, controller_port, own) = match controller {
        Ok(port) => ("broker", port, String::new()),
        Err(port) => ("broker,controller", port, format!(",CONTROLLER://127.0.0.1:{port}")),
    };
    format!(
        "process.roles={roles}\n\
         node.id={node}\n\
         controller.quorum.voters=1@127.0.0.1:{controller_port}\n\
         controller.listener.names=CONTROLLER\n\
         listeners={advertised}{own}\n\
         advertised.listeners={advertised}\n\
         listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL,SASL_PLAINTEXT:SASL_PLAINTEXT\n\
         log.dirs={data}\n\
         num.network.threads=2\n\
         num.io.threads=2\n\
         log.cleaner.dedupe.buffer.size=4194304\n\
         log.cleaner.backoff.ms=200\n\
         log.initial.task.delay.ms=200\n\
         log.retention.check.interval.ms=200\n\
         group.initial.rebalance.delay.ms=0\n\
         offsets.topic.num.partitions=1\n\
         offsets.topic.replication.factor=1\n\
         transaction.state.log.num.partitions=1\n\
         transaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\n\
         transaction.abort.timed.out.transaction.cleanup.interval.ms=200\n\
         {more}\n",
        data = folder.join("data").display(),
        more = options.properties,
    )
}

fn format(folder: &Path, options: &Options) {
    let mut command = java(folder, &JAVA_FLAGS);
    command.args(["kafka.tools.StorageTool", "format", "--cluster-id", "MkU3OEVBNTcwNTJENDM2Qk"]);
    command.args(["--config", "server.properties"]);
    if let Some((user, password)) = &options.scram {
        command.args(["--add-scram", &format!("SCRAM-SHA-256=[name={user},password={password}]")]);
    }
    let status = command.status().expect("java was there before");
    assert!(status.success(), "the broker's folder could not be made:\n{}", tail(folder));
}

/// Two ports that were free a moment ago. They are named in the configuration, as a broker that restarts must have the same.
pub fn free_ports<const COUNT: usize>() -> [u16; COUNT] {
    let listeners = [(); COUNT].map(|()| TcpListener::bind(("127.0.0.1", 0)).expect("there are free ports"));
    listeners.map(|listener| listener.local_addr().expect("it is bound").port())
}

/// The kernel ends the child when the *thread* that started it ends: so that is one which ends with the process.
pub fn spawn_to_die_with_us(mut command: Command) -> Child {
    // SAFETY: the function is safe to call between fork and exec.
    unsafe {
        command.pre_exec(|| match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        })
    };
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        send.send(command.spawn().expect("it was there before")).expect("somebody waits for it");
        loop {
            thread::park();
        }
    });
    receive.recv().expect("the thread lives")
}

fn tail(folder: &Path) -> String {
    let log = fs::read_to_string(folder.join("broker.log")).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}
