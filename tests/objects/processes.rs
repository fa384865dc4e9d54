//! Whole processes whose states are on a real S3 server, over one embedded log.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use isotherm::durable::objects::{Objects as _, When};
use isotherm::partition::{StateFiles, WithRejected};

use super::object_server::{BUCKET, ObjectServer};
use super::program::{self, Lines, Program, Running, wait_for};
use super::served::Served;

const PARTITIONS: u32 = 4;

/// A log in a folder, and settings for a process over it.
struct Scene<'a> {
    server: &'a ObjectServer,
    folder: tempfile::TempDir,
}

impl<'a> Scene<'a> {
    fn new(server: &'a ObjectServer) -> Self {
        Self { server, folder: tempfile::tempdir().expect("a folder") }
    }

    fn with_log(&self, program: Program) -> Program {
        program
            .set("log.kind=sqlite")
            .set(format!("log.sqlite.path={}", self.folder.path().join("log.sqlite").display()))
            .set(format!("log.partitions={PARTITIONS}"))
            .set("source.simulate.stations=40")
            .set("source.simulate.pace_ms=0")
            .set("source.simulate.duplicates_share=0.1")
    }

    fn state(&self) -> std::path::PathBuf {
        self.folder.path().join("state")
    }

    /// Whose state is in a folder.
    fn in_folder(&self, state: &Path) -> Program {
        self.with_log(Program::new(state))
    }

    /// Whose state is below a prefix.
    fn in_store(&self, prefix: &str) -> Program {
        let program = self.with_log(Program::default()).set(format!("state.url={}", url(prefix)));
        self.server.sets().into_iter().fold(program, Program::set).set("state.commit_interval_ms=50")
    }

    fn produce(&self, days: u32) {
        self.in_folder(&self.state()).set(format!("source.simulate.days={days}")).run_well(&["produce"]);
    }

    /// Goes on producing, a day each 20 ms.
    fn produce_on(&self) -> Running {
        let producer = self.in_folder(&self.state()).set("source.simulate.days=1000000");
        producer.set("source.simulate.pace_ms=20").start(&["produce"])
    }

    /// What a folder would hold below a prefix: the rejected lines in one file.
    fn as_files(&self, prefix: &str) -> Files {
        let state = StateFiles::Objects(Arc::new(self.server.open(prefix)));
        let mut files = BTreeMap::new();
        for partition in 0..PARTITIONS {
            let read = state.read_with_rejected(partition).expect("it answers");
            let Some(WithRejected { file, mut rejected, .. }) = read else { continue };
            files.insert(format!("partition-{partition}.json"), file.bytes);
            let mut lines = Vec::new();
            rejected.read_to_end(&mut lines).expect("it answers");
            if !lines.is_empty() {
                files.insert(format!("partition-{partition}.rejected.jsonl"), lines);
            }
        }
        files.into_iter().map(|(name, bytes)| (name, shown(&bytes))).collect()
    }
}

/// Names with contents as they can be compared and printed.
type Files = BTreeMap<String, (usize, u32)>;

fn shown(bytes: &[u8]) -> (usize, u32) {
    (bytes.len(), crc32c::crc32c(bytes))
}

fn results(folder: &Path) -> Files {
    program::results(folder).into_iter().map(|(name, bytes)| (name, shown(&bytes))).collect()
}

fn url(prefix: &str) -> String {
    format!("s3://{BUCKET}/{prefix}")
}

fn until(lines: &Lines, words: &str) -> String {
    loop {
        let line = lines.next().unwrap_or_else(|| panic!("it ends without {words:?}"));
        if line.contains(words) {
            return line;
        }
    }
}

#[test]
fn a_state_in_a_store_is_that_of_a_folder_and_every_verb_reads_it() {
    let Some(server) = ObjectServer::start() else { return };
    let scene = Scene::new(&server);
    scene.produce(200);
    let (folder, store) = (scene.in_folder(&scene.state()), scene.in_store("verbs"));
    folder.run_well(&["consume", "--until-caught-up"]);
    store.run_well(&["consume", "--until-caught-up"]);
    let files = results(&scene.state());
    assert_eq!(files.len(), 2 * PARTITIONS as usize);
    assert_eq!(scene.as_files("verbs"), files);

    assert_eq!(store.run_well(&["show", "--csv"]), folder.run_well(&["show", "--csv"]));
    assert!(store.run_well(&["show"]).contains(&url("verbs/partition-3.json")));
    assert!(store.run_well(&["audit"]).lines().all(|line| line.contains(": verified, ")));
    let plot = |program: &Program, name: &str| {
        let path = scene.folder.path().join(name);
        program.run_well(&["plot", "StationB", "-o", &path.display().to_string()]);
        std::fs::read(path).expect("it is drawn")
    };
    assert_eq!(plot(&store, "store.svg"), plot(&folder, "folder.svg"));
    let config = store.run_well(&["config"]);
    let in_force = config.lines().find(|line| line.starts_with("consume.commit_interval_ms")).expect("it is listed");
    assert!(in_force.contains(" 50 ") && in_force.contains("as state.commit_interval_ms"), "{in_force}");

    let told = store.run_failing(&["produce"], 78);
    assert!(told.contains("state.url is set") && told.contains("state.dir"), "{told}");
    let told = scene.in_store("nothing").run_failing(&["show"], 65);
    assert!(told.contains(&format!("no partition has a file in {} yet", url("nothing"))), "{told}");

    // A part is taken away, and one is changed: both are told, and nothing else is changed.
    let objects = server.open("verbs");
    let parts = objects.list("partition-1.rejected/").expect("it is listed");
    let [part] = &parts[..] else { panic!("one part is enough for few lines: {parts:?}") };
    let lines = objects.get(part).expect("it answers").expect("it is there").bytes;
    objects.put(part, &lines.to_ascii_uppercase(), &When::Always).expect("it is written");
    let audited = String::from_utf8(store.run(&["audit", "1"]).stdout).expect("UTF-8");
    assert!(audited.contains("FILE WRONG") && audited.contains("partition-1.rejected/"), "{audited}");
    objects.delete(part).expect("it is removed");
    let audited = String::from_utf8(store.run(&["audit", "1"]).stdout).expect("UTF-8");
    assert!(audited.contains("NOT AUDITED") && audited.contains("is not there"), "{audited}");
}

#[test]
fn a_process_that_is_killed_is_followed_by_another_one_elsewhere() {
    let Some(server) = ObjectServer::start() else { return };
    let scene = Scene::new(&server);
    let mut days = 0;
    for _ in 0..5 {
        days += 60;
        scene.produce(days);
        let store = scene.in_store("killed").set("consume.batch_records=50").set("output.log_level=isotherm=debug");
        let mut process = store.start(&["consume"]);
        until(&process.stderr(), "committed");
        process.kill();
    }
    scene.in_store("killed").run_well(&["consume", "--until-caught-up"]);
    scene.in_folder(&scene.state()).run_well(&["consume", "--until-caught-up"]);
    assert_eq!(scene.as_files("killed"), results(&scene.state()));
}

#[test]
fn of_two_processes_that_count_the_same_partitions_one_gives_up_and_says_where() {
    let Some(server) = ObjectServer::start() else { return };
    let scene = Scene::new(&server);
    scene.produce(10);
    let store = scene.in_store("twice").set("consume.partitions=[2]");
    let producer = scene.produce_on();
    let processes = [store.start(&["consume"]), store.start(&["consume"])];
    let mut processes = processes.map(|mut process| (process.stderr(), process));
    let mut over = None;
    wait_for("the end of one", || {
        over = processes.iter_mut().position(|(_, process)| process.ended().is_some());
        over.is_some()
    });
    producer.kill();
    let over = over.expect("one of them");
    let (told, mut process) = processes.into_iter().nth(over).expect("one of them");
    let superseded = until(&told, "superseded");
    assert!(superseded.contains("was committed by another process, up to the offset"), "{superseded}");
    let failed = until(&told, "failed for good");
    assert!(failed.contains(&url("twice/partition-2.json")) && failed.contains("again within a minute"), "{failed}");
    assert_eq!(process.ended().and_then(|status| status.code()), Some(75));
    store.run_well(&["consume", "--until-caught-up"]);
    scene.in_folder(&scene.state()).run_well(&["consume", "2", "--until-caught-up"]);
    assert_eq!(scene.as_files("twice"), results(&scene.state()));
}

#[test]
fn a_store_that_is_away_is_waited_for_while_records_are_counted() {
    let Some(server) = ObjectServer::start() else { return };
    let scene = Scene::new(&server);
    scene.produce(20);
    let store = scene.in_store("away").set("state.request_timeout_ms=200").set("web.listen=127.0.0.1:0");
    let served = Served::start(&store, &["consume"]);
    // Of all partitions together.
    let metric = |name: &str| {
        let text = served.get("/metrics").text;
        let lines = text.lines().filter(|line| line.starts_with(name));
        lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum::<f64>()
    };
    let committed = || metric("isotherm_committed_offset{");
    wait_for("a commit of all", || committed() > 0.0 && metric("isotherm_lag_records{") == 0.0);
    server.stop_answering();
    let (before, position) = (committed(), metric("isotherm_position_offset{"));
    scene.produce(60);
    until(&served.stderr, "waiting until it works again");
    wait_for("what was produced", || metric("isotherm_position_offset{") > position);
    assert_eq!(committed(), before, "nothing is acknowledged while it is away");
    server.answer_again();
    until(&served.stderr, " works again");
    wait_for("a commit of all", || metric("isotherm_lag_records{") == 0.0);
    let Served { running, .. } = served;
    running.signal(libc::SIGTERM);
    assert!(running.output().status.success());
    scene.in_folder(&scene.state()).run_well(&["consume", "--until-caught-up"]);
    assert_eq!(scene.as_files("away"), results(&scene.state()));
}

#[test]
fn a_state_goes_to_a_store_and_back_and_is_rebuilt_there() {
    let Some(server) = ObjectServer::start() else { return };
    let scene = Scene::new(&server);
    scene.produce(100);
    let folder = scene.in_folder(&scene.state());
    folder.run_well(&["consume", "--until-caught-up"]);
    let (state, back) = (scene.state().display().to_string(), scene.folder.path().join("back"));
    let store = scene.in_store("copied").set("state.request_timeout_ms=1000").set("state.commit_interval_ms=10");
    let copied = store.run_well(&["store", "copy", &state, &url("copied")]);
    assert_eq!(copied.lines().filter(|line| line.contains(": verified, ")).count(), PARTITIONS as usize, "{copied}");
    let files = results(&scene.state());
    assert_eq!(scene.as_files("copied"), files);
    store.run_well(&["store", "copy", &url("copied"), &back.display().to_string(), "--accept-risk"]);
    assert_eq!(results(&back), files);

    // Both go on from there.
    scene.produce(120);
    for program in [&folder, &store, &scene.in_folder(&back)] {
        program.run_well(&["consume", "--until-caught-up"]);
    }
    let files = results(&scene.state());
    assert_eq!((scene.as_files("copied"), results(&back)), (files.clone(), files.clone()));
    scene.produce(130);
    folder.run_well(&["consume", "--until-caught-up"]);
    let told = store.run_failing(&["store", "copy", &state, &url("copied"), "--accept-risk"], 65);
    assert!(told.contains("is another state than") && told.contains("nothing was copied"), "{told}");
    assert_eq!(scene.as_files("copied"), files, "it is left as it was");

    let objects = server.open("copied");
    let old = objects.get("partition-2.json").expect("it answers").expect("it is there").bytes;
    store.run_well(&["rebuild", "2"]);
    let rebuilt = results(&scene.state());
    assert_eq!(scene.as_files("copied")["partition-2.json"], rebuilt["partition-2.json"]);
    assert_eq!(scene.as_files("copied")["partition-2.rejected.jsonl"], rebuilt["partition-2.rejected.jsonl"]);
    let kept = |name: &str| {
        shown(&objects.get(&format!("{name}.before-rebuild")).expect("it answers").expect("it is kept").bytes)
    };
    assert_eq!(kept("partition-2.json"), shown(&old));
    assert_eq!(kept("partition-2.rejected.jsonl"), files["partition-2.rejected.jsonl"]);
    let told = store.clone().set("quality.degrees_max=60").run_failing(&["rebuild", "2", "--accept-risk"], 65);
    assert!(told.contains("kept by an earlier rebuild"), "{told}");
}

#[test]
fn a_rebuild_mends_a_lost_part_and_counts_a_log_that_is_another_or_shorter_where_that_is_accepted() {
    let Some(server) = ObjectServer::start() else { return };
    let scene = Scene::new(&server);
    scene.produce(100);
    let store = scene.in_store("mended");
    store.run_well(&["consume", "--until-caught-up"]);
    let before = scene.as_files("mended");
    let objects = server.open("mended");
    for part in objects.list("partition-2.rejected/").expect("it is listed") {
        objects.delete(&part).expect("it is removed");
    }
    let output = store.run(&["rebuild", "2", "--accept-risk"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && told.contains("the old rejected lines are not kept"), "{told}");
    assert_eq!(scene.as_files("mended"), before);

    // Another log, which has fewer records.
    let other = Scene::new(&server);
    other.produce(30);
    for name in ["partition-2.json.before-rebuild", "partition-2.rejected.jsonl.before-rebuild"] {
        objects.delete(name).expect("it is moved away");
    }
    let store = other.in_store("mended");
    let told = store.run_failing(&["rebuild", "2", "--accept-risk"], 65);
    assert!(told.contains("it counted another log"), "{told}");
    assert_eq!(scene.as_files("mended"), before, "it is left as it was");
    store.run_well(&["rebuild", "2", "--accept-risk", "--accept-loss"]);
    other.in_folder(&other.state()).run_well(&["consume", "--until-caught-up"]);
    let expected = results(&other.state());
    for name in ["partition-2.json", "partition-2.rejected.jsonl"] {
        assert_eq!(other.as_files("mended").get(name), expected.get(name), "{name}");
    }
}

#[test]
fn what_is_counted_is_neither_copied_nor_rebuilt() {
    let Some(server) = ObjectServer::start() else { return };
    let scene = Scene::new(&server);
    scene.produce(30);
    let store = scene.in_store("busy").set("consume.partitions=[1]");
    let mut process = store.clone().set("output.log_level=isotherm=debug").start(&["consume"]);
    until(&process.stderr(), "committed");
    let _producer = scene.produce_on();
    let quick = store.set("state.request_timeout_ms=1000");
    let back = scene.folder.path().join("back").display().to_string();
    let verbs: [&[&str]; 2] = [&["rebuild", "1"], &["store", "copy", &url("busy"), &back]];
    for verb in verbs {
        let told = quick.run_failing(verb, 75);
        assert!(told.contains("another process counts the partition"), "{told}");
    }
    let folder = scene.in_folder(&scene.state());
    let told = folder.run_failing(&["rebuild", "1", "--accept-risk"], 64);
    assert!(told.contains("is for an object store"), "{told}");
}
