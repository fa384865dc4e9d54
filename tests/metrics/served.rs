//! What a running program serves at `/metrics`: numbers that are exact, in a form that Prometheus likes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use serde_json::Value;

use super::program::{Program, wait_for};
use super::promtool;

/// What a process served when its run was over.
pub struct Served {
    pub metrics: String,
    supervision: Value,
    /// What `isotherm show --json` says of each partition.
    partitions: Vec<Value>,
}

/// Counts all of a source that has twins and readings out of range, with these faults; commits after the first batch and at
/// the end, so that after a crash some are read again.
fn serve(partitions: usize, points: &str) -> Served {
    let folder = tempfile::tempdir().expect("a folder");
    let program = Program::new(&folder.path().join("state"))
        .set(format!("log.sqlite.path={}", folder.path().join("log.sqlite").display()));
    let run = program
        .clone()
        .set("web.listen=127.0.0.1:0")
        .set(format!("log.partitions={partitions}"))
        .set(format!("faults.points={points}"))
        .set("source.simulate.days=120")
        .set("source.simulate.pace_ms=0")
        .set("source.simulate.duplicates_share=0.1")
        .set("source.simulate.outliers_share=0.1")
        .set("consume.batch_records=50")
        .set("consume.commit_interval_ms=3600000");
    let mut running = run.start(&["run", "--open"]);
    let said = running.stderr();
    let address = said.address();
    let get = |path: &str| {
        let mut answer = ureq::get(format!("{address}{path}")).call().expect("it answers");
        answer.body_mut().read_to_string().expect("it is text")
    };
    let mut supervision = Value::Null;
    wait_for("the end of every branch", || {
        supervision = serde_json::from_str(&get("/api/supervision")).expect("it is JSON");
        let branches = supervision["branches"].as_array().expect("branches");
        branches.len() == partitions + 1 && branches.iter().all(|branch| branch["state"] == "finished")
    });
    let shown: Value = serde_json::from_str(&run.run_well(&["show", "--json"])).expect("it is JSON");
    let partitions = shown["partitions"].as_array().expect("partitions").clone();
    Served { metrics: get("/metrics"), supervision, partitions }
}

/// A run in which one of everything that a metric counts has happened, a crash included; once for all tests.
pub fn recovered() -> &'static Served {
    static RECOVERED: OnceLock<Served> = OnceLock::new();
    RECOVERED.get_or_init(|| serve(1, "aggregator.apply@5=panic"))
}

/// The names of all samples.
pub fn exported(metrics: &str) -> BTreeSet<&str> {
    let samples = metrics.lines().filter(|line| !line.starts_with('#'));
    samples.filter_map(|line| line.split(['{', ' ']).next()).collect()
}

impl Served {
    /// The values of all samples of this name whose label is this.
    fn values(&self, name: &str, label: &str, is: &str) -> Vec<u64> {
        let label = format!("{label}=\"{is}\"");
        let samples =
            self.metrics.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('{')?.rsplit_once("} "));
        let wanted = samples.filter(|(labels, _)| labels.split(',').any(|one| one == label));
        let whole = |value: &str| {
            let value = value.strip_suffix(".0").unwrap_or(value);
            value.parse().expect("a whole number")
        };
        wanted.map(|(_, value)| whole(value)).collect()
    }

    /// The value of the only one of them.
    fn value(&self, name: &str, partition: &str) -> u64 {
        let values = self.values(name, "partition", partition);
        assert_eq!(values.len(), 1, "{name} of partition {partition}: {}", self.metrics);
        values[0]
    }

    fn restarts(&self) -> u64 {
        let samples = self.metrics.lines().filter(|line| line.starts_with("isotherm_restarts_total{"));
        samples.map(|line| line.rsplit(' ').next().expect("a value").parse::<u64>().expect("a whole number")).sum()
    }

    /// Rejected records by reason.
    fn rejected(&self, partition: &str) -> BTreeMap<String, u64> {
        let reasons = ["duplicate_day", "out_of_range"].into_iter().map(|reason| {
            let prefix = format!("isotherm_rejected_total{{partition=\"{partition}\",reason=\"{reason}\"}} ");
            let value = self.metrics.lines().find_map(|line| line.strip_prefix(&prefix));
            (reason.to_owned(), value.expect("both were sent").parse().expect("a whole number"))
        });
        reasons.collect()
    }

    /// Checks what holds after any run, with the records of each partition that were read a second time.
    fn says_what_is_in_the_files(&self, again: impl Fn(u32) -> u64) {
        let mut records = 0;
        for file in &self.partitions {
            let number = u32::try_from(file["partition"].as_u64().expect("a number")).expect("it is small");
            let partition = number.to_string();
            let offset = file["offset"].as_u64().expect("a number");
            let offsets = ["isotherm_position_offset", "isotherm_committed_offset", "isotherm_end_offset"];
            assert_eq!(offsets.map(|name| self.value(name, &partition)), [offset; 3]);
            assert_eq!(self.value("isotherm_lag_records", &partition), 0);
            assert_eq!(self.value("isotherm_stations", &partition), file["stations"].as_u64().expect("a number"));
            let read = self.value("isotherm_records_total", &partition);
            assert_eq!(read, offset + again(number), "records of partition {number}");
            assert_eq!(self.value("isotherm_batch_records_sum", &partition), read, "the batches are of these records");
            assert!(self.value("isotherm_commit_duration_seconds_count", &partition) > 0);
            let rejected = self.rejected(&partition);
            let shown: BTreeMap<String, u64> = serde_json::from_value(file["rejected"].clone()).expect("numbers");
            for (reason, shown) in shown {
                assert!(rejected[&reason] >= shown, "{reason}: {rejected:?}");
                assert!(again(number) > 0 || rejected[&reason] == shown, "{reason}: {rejected:?}");
            }
            records += offset;
        }
        assert!(records > 1200, "the days of ten stations, and twins of them");
        let readings = format!("\nisotherm_readings_total {records}\n");
        assert!(self.metrics.contains(&readings), "{readings} is not in {}", self.metrics);
    }
}

#[test]
fn the_numbers_are_those_of_the_files() {
    let served = serve(4, "");
    assert_eq!(served.partitions.len(), 4);
    served.says_what_is_in_the_files(|_| 0);
    assert_eq!((served.restarts(), &served.supervision["crashes"]), (0, &serde_json::json!([])));
    promtool::is_content(&["check", "metrics"], &served.metrics);
}

#[test]
fn a_crash_is_counted_once_with_what_was_read_again() {
    let served = recovered();
    let crashes = served.supervision["crashes"].as_array().expect("crashes");
    assert_eq!((crashes.len(), served.restarts()), (1, 1));
    let branch = crashes[0]["branch"].as_str().expect("a name");
    assert_eq!((branch, &crashes[0]["actor"]), ("partition 0", &"aggregator".into()));
    let replayed = crashes[0]["replayed"].as_u64().expect("it is over");
    assert!(replayed > 0, "batches were counted before, and at most the first was committed");
    served.says_what_is_in_the_files(|_| replayed);
    assert_eq!(served.values("isotherm_recovery_duration_seconds_count", "branch", branch), [1]);
    assert_eq!(served.values("isotherm_restarts_total", "branch", branch), [1]);
    assert_eq!(served.values("isotherm_branch_up", "branch", branch), [1]);
    promtool::is_content(&["check", "metrics"], &served.metrics);
}
