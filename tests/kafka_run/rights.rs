//! Users who may do no more than the table in docs/operations.md says: each verb works and waits for nothing; with one right fewer,
//! each says which.

use std::ffi::CString;
use std::fs;
use std::process::Output;
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka_sys as sys;
use sys::rd_kafka_AclOperation_t as Operation;
use sys::rd_kafka_ResourcePatternType_t as Pattern;
use sys::rd_kafka_ResourceType_t as Resource;

use super::Fixture;
use super::broker::{Broker, Options, free_ports};
use super::program::{Program, told, wait_for};

const USER: &str = "reader";
const PASSWORD: &str = "a password";
/// Far below the 45 seconds for which librdkafka waits for a group that it may not ask.
const VERB_MAX: Duration = Duration::from_secs(30);

/// What all that begins with this name may be used for.
#[derive(Clone, Debug, PartialEq)]
struct Right {
    resource: Resource,
    prefix: String,
    operation: Operation,
}

/// A broker with an authorizer, and a listener for a user who has no rights but those that are given.
struct Guarded {
    broker: Broker,
    port: u16,
}

impl Guarded {
    fn start() -> Option<Self> {
        let [port] = free_ports();
        let options = Options {
            properties: "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n\
                         super.users=User:ANONYMOUS\n\
                         sasl.enabled.mechanisms=SCRAM-SHA-256\n\
                         listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config=\
                         org.apache.kafka.common.security.scram.ScramLoginModule required;"
                .to_owned(),
            listeners: vec![format!("SASL_PLAINTEXT://127.0.0.1:{port}")],
            scram: Some((USER.to_owned(), PASSWORD.to_owned())),
            ..Options::default()
        };
        Some(Self { broker: Broker::start_with(&options)?, port })
    }

    /// The same topic and files, used by that user.
    fn by_user(&self, fixture: Fixture) -> Fixture {
        let password = fixture.folder.path().join("password");
        fs::write(&password, PASSWORD).expect("there is room");
        let sets = [
            format!("log.kafka.brokers=127.0.0.1:{}", self.port),
            format!("log.kafka.password_file={}", password.display()),
            "log.kafka.client.security.protocol=sasl_plaintext".to_owned(),
            "log.kafka.client.sasl.mechanism=SCRAM-SHA-256".to_owned(),
            format!("log.kafka.client.sasl.username={USER}"),
        ];
        sets.iter().fold(fixture, |fixture, set| fixture.set(set))
    }

    /// Groups that were told what is committed of the topic.
    fn groups(&self, fixture: &Fixture) -> usize {
        let client: BaseConsumer =
            ClientConfig::new().set("bootstrap.servers", self.broker.brokers()).create().expect("it needs no broker");
        let groups = client.fetch_group_list(None, VERB_MAX).expect("the broker answers");
        let prefix = format!("isotherm-{}-", fixture.topic);
        groups.groups().iter().filter(|group| group.name().starts_with(&prefix)).count()
    }

    /// The user has these rights and no others.
    fn allow(&self, rights: &[Right]) {
        let client: BaseConsumer =
            ClientConfig::new().set("bootstrap.servers", self.broker.brokers()).create().expect("it needs no broker");
        let client = client.client().native_ptr();
        // SAFETY: the client is alive to the end; all that is made here is destroyed here, once, after its last use.
        unsafe {
            let queue = sys::rd_kafka_queue_new(client);
            let filter = all();
            sys::rd_kafka_DeleteAcls(client, [filter].as_mut_ptr(), 1, ptr::null(), queue);
            answered(queue);
            let known = || {
                let mut count = 0;
                sys::rd_kafka_DescribeAcls(client, filter, ptr::null(), queue);
                let event = sys::rd_kafka_queue_poll(queue, 10_000);
                assert!(!event.is_null(), "the broker answers");
                assert_eq!(sys::rd_kafka_event_error(event), sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR);
                sys::rd_kafka_DescribeAcls_result_acls(sys::rd_kafka_event_DescribeAcls_result(event), &raw mut count);
                sys::rd_kafka_event_destroy(event);
                count
            };
            wait_for("the broker has forgotten the rights", || known() == 0);
            let mut bindings: Vec<_> = rights.iter().map(Right::binding).collect();
            if !bindings.is_empty() {
                sys::rd_kafka_CreateAcls(client, bindings.as_mut_ptr(), bindings.len(), ptr::null(), queue);
                answered(queue);
            }
            sys::rd_kafka_AclBinding_destroy_array(bindings.as_mut_ptr(), bindings.len());
            wait_for("the broker knows the rights", || known() == rights.len());
            sys::rd_kafka_AclBinding_destroy(filter);
            sys::rd_kafka_queue_destroy(queue);
        }
    }
}

impl Right {
    fn new(resource: Resource, prefix: impl Into<String>, operation: Operation) -> Self {
        Self { resource, prefix: prefix.into(), operation }
    }

    fn binding(&self) -> *mut sys::rd_kafka_AclBinding_t {
        let [prefix, user, host] =
            [&self.prefix, &format!("User:{USER}"), "*"].map(|text| CString::new(text).expect("no zero byte in it"));
        // SAFETY: the texts are alive during the call, which copies them.
        unsafe {
            sys::rd_kafka_AclBinding_new(
                self.resource,
                prefix.as_ptr(),
                Pattern::RD_KAFKA_RESOURCE_PATTERN_PREFIXED,
                user.as_ptr(),
                host.as_ptr(),
                self.operation,
                sys::rd_kafka_AclPermissionType_t::RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW,
                ptr::null_mut(),
                0,
            )
        }
    }
}

/// A filter that takes every right.
fn all() -> *mut sys::rd_kafka_AclBindingFilter_t {
    // SAFETY: nothing is pointed to.
    unsafe {
        sys::rd_kafka_AclBindingFilter_new(
            Resource::RD_KAFKA_RESOURCE_ANY,
            ptr::null(),
            Pattern::RD_KAFKA_RESOURCE_PATTERN_ANY,
            ptr::null(),
            ptr::null(),
            Operation::RD_KAFKA_ACL_OPERATION_ANY,
            sys::rd_kafka_AclPermissionType_t::RD_KAFKA_ACL_PERMISSION_TYPE_ANY,
            ptr::null_mut(),
            0,
        )
    }
}

/// # Safety
/// The queue is alive.
unsafe fn answered(queue: *mut sys::rd_kafka_queue_t) {
    // SAFETY: as said above; the event is ours.
    unsafe {
        let event = sys::rd_kafka_queue_poll(queue, 10_000);
        assert!(!event.is_null(), "the broker answers");
        assert_eq!(sys::rd_kafka_event_error(event), sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR);
        sys::rd_kafka_event_destroy(event);
    }
}

/// What a verb has to do with, and what it says where a right is not there.
struct Case {
    arguments: String,
    sets: &'static [&'static str],
    /// With what is said without it.
    needs: Vec<(Right, &'static str)>,
    /// Without these the verb goes on, and says so.
    wants: Vec<(Right, &'static str)>,
}

impl Case {
    fn rights(&self) -> Vec<Right> {
        self.needs.iter().chain(&self.wants).map(|(right, _)| right.clone()).collect()
    }

    /// The verb's exit code and all that it said, in a copy of the state folder, with further days in the source.
    fn run(&self, guarded: &Guarded, fixture: &Fixture) -> (Option<i32>, String) {
        static DAYS: AtomicU32 = AtomicU32::new(60);
        let days = format!("source.simulate.days={}", DAYS.fetch_add(10, Ordering::Relaxed) + 10);
        let copy = fixture.beside();
        for entry in fs::read_dir(fixture.folder.path()).expect("it is there") {
            let file = entry.expect("it is listed");
            fs::copy(file.path(), copy.folder.path().join(file.file_name())).expect("there is room");
        }
        let fixture = self.sets.iter().fold(guarded.by_user(copy).set(&days), |fixture, set| fixture.set(set));
        let output = output_of(&fixture.program(), &self.arguments);
        (output.status.code(), told(&output))
    }
}

/// Its output, which must come soon.
fn output_of(program: &Program, arguments: &str) -> Output {
    let running = program.start(&arguments.split(' ').collect::<Vec<_>>());
    let (pid, (ends, end)) = (running.pid(), mpsc::channel());
    let waiting = thread::spawn(move || drop(ends.send(running.output())));
    let output = end.recv_timeout(VERB_MAX);
    if output.is_err() {
        // SAFETY: a process of our own, whose end the thread waits for.
        unsafe { libc::kill(pid, libc::SIGKILL) };
        let killed = end.recv().expect("it was killed");
        panic!("{arguments} stands still: {}", told(&killed));
    }
    waiting.join().expect("it only waits");
    output.expect("it is there")
}

#[test]
fn each_verb_works_with_the_rights_that_the_docs_list_and_says_which_one_is_missing() {
    let Some(guarded) = Guarded::start() else { return };
    let fixture = Fixture::new(&guarded.broker);
    fixture.program().set("source.simulate.days=50").run_well(&["run"]);
    // Each has something to do.
    fixture.program().set("source.simulate.days=60").run_well(&["produce"]);
    let topic = |operation| Right::new(Resource::RD_KAFKA_RESOURCE_TOPIC, &fixture.topic, operation);
    let read = || (topic(Operation::RD_KAFKA_ACL_OPERATION_READ), "Read on the topic");
    let write = || (topic(Operation::RD_KAFKA_ACL_OPERATION_WRITE), "Write on the topic");
    let create = || (topic(Operation::RD_KAFKA_ACL_OPERATION_CREATE), "Create on the topic");
    let delete = || (topic(Operation::RD_KAFKA_ACL_OPERATION_DELETE), "Delete on the topic");
    let look = || (topic(Operation::RD_KAFKA_ACL_OPERATION_DESCRIBE_CONFIGS), "DescribeConfigs on the topic");
    let group = || {
        let prefix = format!("isotherm-{}-", fixture.topic);
        let read = Operation::RD_KAFKA_ACL_OPERATION_READ;
        (Right::new(Resource::RD_KAFKA_RESOURCE_GROUP, prefix, read), "Read on the group")
    };
    let transactions = || {
        let prefix = format!("isotherm-{}-", fixture.topic);
        let write = Operation::RD_KAFKA_ACL_OPERATION_WRITE;
        (Right::new(Resource::RD_KAFKA_RESOURCE_TRANSACTIONAL_ID, prefix, write), "Write on the transactional ids")
    };
    let case = |arguments: &str, needs, wants| Case { arguments: arguments.to_owned(), sets: &[], needs, wants };
    let plot = format!("plot StationA --output={}", fixture.folder.path().join("plot.svg").display());
    let cases = [
        case("consume --until-caught-up", vec![read()], vec![group(), look()]),
        case("produce", vec![read(), write()], vec![look()]),
        Case {
            sets: &["produce.transactions=auto"],
            ..case("produce", vec![read(), write()], vec![transactions(), look()])
        },
        Case {
            sets: &["produce.transactions=on"],
            ..case("produce", vec![read(), write(), transactions()], vec![look()])
        },
        case("run", vec![read(), write()], vec![group(), look()]),
        case("debug --from-beginning --limit=10", vec![read()], vec![]),
        case("audit", vec![read()], vec![]),
        case(&plot, vec![read()], vec![]),
        case("rebuild 0", vec![read()], vec![group(), look()]),
        // Behind the others, as a topic that is made anew has nothing of theirs.
        Case { sets: &["log.on_start=recreate"], ..case("produce", vec![delete(), create(), write()], vec![look()]) },
    ];
    guarded.allow(&[]);
    let (code, said) = cases[0].run(&guarded, &fixture);
    assert!(code == Some(78) && said.contains("Describe on the topic, which Read and Write contain"), "{said}");
    for case in &cases {
        let name = format!("{} {:?}", case.arguments, case.sets);
        guarded.allow(&case.rights());
        let groups = guarded.groups(&fixture);
        let (code, said) = case.run(&guarded, &fixture);
        println!("== {name} with all: {said}");
        assert_eq!(code, Some(0), "{name}: {said}");
        assert!(!said.contains("give the user"), "{name}: {said}");
        if case.wants.contains(&group()) {
            assert!(guarded.groups(&fixture) > groups, "{name}: no group was told");
        }
        for (needed, advice) in &case.needs {
            let mut rights = case.rights();
            rights.retain(|right| right != needed);
            // Which the one that is missing may have contained.
            rights.push(topic(Operation::RD_KAFKA_ACL_OPERATION_DESCRIBE));
            guarded.allow(&rights);
            let (code, said) = case.run(&guarded, &fixture);
            println!("== {name} without {needed:?}: {said}");
            assert!(code == Some(78) && said.contains(advice), "{name} without {needed:?}: {said}");
        }
        for (wanted, advice) in &case.wants {
            let mut rights = case.rights();
            rights.retain(|right| right != wanted);
            guarded.allow(&rights);
            let (code, said) = case.run(&guarded, &fixture);
            println!("== {name} without {wanted:?}: {said}");
            assert!(code == Some(0) && said.matches(advice).count() == 1, "{name} without {wanted:?}: {said}");
        }
    }
    let of_chaos = |(right, _): (Right, _)| Right { prefix: format!("{}-chaos-", right.prefix), ..right };
    guarded.allow(&[read(), write(), create(), delete()].map(of_chaos));
    let chaos = case("chaos --process --runs=1 --seed=3", vec![], vec![]);
    let (code, said) = chaos.run(&guarded, &fixture);
    assert_eq!(code, Some(0), "{said}");
}
