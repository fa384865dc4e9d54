//! What it answers.

use isotherm::watch::wire;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::program::{Program, wait_for};
use super::served::{Served, program};

/// Ten stations over ninety days, some of them twice, all of it counted; an actor died on the way.
fn counted(folder: &std::path::Path) -> (Served, Program) {
    let program = program(folder)
        .set("source.simulate.days=90")
        .set("source.simulate.pace_ms=0")
        .set("source.simulate.duplicates_share=0.1")
        .set("source.simulate.outliers_share=0.02")
        .set("faults.points=aggregator.apply@2=panic");
    let served = Served::start(&program, &["run", "--open"]);
    served.wait_for("/api/overview", "the end of the run", |overview| {
        !overview["ended"].is_null() && overview["stations_total"] == 10 && overview["lag"] == 0
    });
    served.wait_for("/api/overview", "the last look", |overview| {
        overview["counted"].as_u64().zip(overview["rejected"].as_u64()).map(|(counted, rejected)| counted + rejected)
            == overview["source"]["readings"].as_u64()
    });
    (served, program)
}

#[test]
fn it_answers_what_the_files_hold() {
    let folder = tempfile::tempdir().expect("a folder");
    let (served, program) = counted(folder.path());
    let shown: Value = serde_json::from_str(&program.run_well(&["show", "--json"])).expect("it is JSON");

    let stations = served.get_json("/api/stations?limit=1000");
    let shown_stations = shown["stations"].as_array().expect("a list");
    assert_eq!((stations["stations_total"].as_u64(), shown_stations.len()), (Some(10), 10));
    for (answered, shown) in stations["stations"].as_array().expect("a list").iter().zip(shown_stations) {
        for field in ["station", "partition", "count", "average", "sum", "start", "end"] {
            assert_eq!(answered[field], shown[field], "{field} of {}", shown["station"]);
        }
    }
    // The newest readings are read once stations are asked for.
    served.wait_for("/api/stations?limit=1000", "the newest readings", |stations| {
        let rows = stations["stations"].as_array().expect("a list");
        rows.iter().all(|row| {
            let count = row["count"].as_u64().expect("a number");
            row["recent"].as_array().is_some_and(|recent| recent.len() as u64 == count.min(30))
        })
    });

    let partitions = served.get_json("/api/partitions");
    for (answered, shown) in
        partitions["partitions"].as_array().expect("a list").iter().zip(shown["partitions"].as_array().expect("a list"))
    {
        assert_eq!(answered["committed"], shown["offset"]);
        assert_eq!(answered["rejected"], shown["rejected"]);
        assert_eq!((&answered["lag"], &answered["state"]), (&json!(0), &json!("finished")));
        let rejected = answered["rejected_total"].as_u64().expect("a number");
        let newest = answered["last_rejected"].as_array().expect("a list");
        assert_eq!(newest.len() as u64, rejected.min(3));
        for one in newest {
            assert!(one["station"].is_string() && one["date"].is_string() && one["degrees"].is_number(), "{one}");
        }
    }

    let crash = &served.get_json("/api/supervision")["crashes"][0];
    assert_eq!(crash["actor"], "aggregator");
    assert!(crash["cause"].as_str().is_some_and(|cause| cause.contains("planned fault")), "{crash}");
    assert!(crash["took_ms"].is_number() && crash["resumed_from"].is_number() && crash["replayed"].is_number());
}

/// One of a hundred lines finds room: what is not kept is told, once.
#[test]
fn rejected_records_that_are_only_counted_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = program(folder.path())
        .set("log.partitions=1")
        .set("source.simulate.days=90")
        .set("source.simulate.pace_ms=0")
        .set("source.simulate.duplicates_share=1.0")
        .set("consume.batch_records=10")
        .set("quality.rejected_bytes_max=1000");
    let served = Served::start(&program, &["run", "--open"]);
    served.wait_for("/api/overview", "the end of the run", |overview| !overview["ended"].is_null());
    let partition = served.get_json("/api/partitions")["partitions"][0].clone();
    let kept = std::fs::read_to_string(folder.path().join("state/partition-0.rejected.jsonl")).expect("it is there");
    let unkept = partition["rejected_total"].as_u64().map(|total| total - kept.lines().count() as u64);
    assert_eq!((partition["rejected_unkept"].as_u64(), &partition["rejected_total"]), (unkept, &json!(900)));
    let sample = format!("\nisotherm_rejected_unkept_total{{partition=\"0\"}} {}\n", partition["rejected_unkept"]);
    let metrics = served.get("/metrics").text;
    assert!(metrics.contains(&sample), "{sample} is not in {metrics}");
    let shown = program.run_well(&["show"]);
    assert!(shown.contains("partition-0.rejected.jsonl (full: those that do not fit are only counted)"), "{shown}");

    served.running.signal(libc::SIGTERM);
    let said: Vec<String> = std::iter::from_fn(|| served.stderr.next()).collect();
    let lines: Vec<&String> = said.iter().filter(|line| line.contains("rejected records is full")).collect();
    assert_eq!(lines.len(), 1, "{said:?}");
    for words in ["WARN", "partition=0", "partition-0.rejected.jsonl", "quality.rejected_bytes_max=1000"] {
        assert!(lines[0].contains(words), "{}", lines[0]);
    }
}

#[test]
fn a_window_of_the_table_is_sorted_and_filtered() {
    let folder = tempfile::tempdir().expect("a folder");
    let (served, _) = counted(folder.path());
    let names = |query: &str| -> Vec<String> {
        let rows = served.get_json(&format!("/api/stations?{query}"));
        rows["stations"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|row| row["station"].as_str().expect("a name").to_owned())
            .collect()
    };
    assert_eq!(names("sort=station&order=desc&limit=2"), ["StationJ", "StationI"]);
    assert_eq!(names("offset=8"), ["StationI", "StationJ"]);
    assert_eq!(names("filter=ONB"), ["StationB"]);
    let averages: Vec<f64> = served.get_json("/api/stations?sort=average&order=desc")["stations"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|row| row["average"].as_f64().expect("a number"))
        .collect();
    assert!(averages.is_sorted_by(|one, next| one >= next), "{averages:?}");
    for (query, word) in
        [("limit=0", "limit"), ("limit=1001", "limit"), ("sort=size", "size"), ("x=1", "x"), ("offset=-1", "digit")]
    {
        let answer = served.get(&format!("/api/stations?{query}"));
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.json()["error"].as_str().is_some_and(|error| error.contains(word)), "{query}: {}", answer.text);
    }
}

#[test]
fn a_station_has_its_missing_days_and_a_history_that_is_told_on_demand() {
    let folder = tempfile::tempdir().expect("a folder");
    let (served, _) = counted(folder.path());
    let before = served.get_json("/api/stations/StationA");
    let within = &before["partitions"][0];
    assert_eq!((&before["history"], before["partitions"].as_array().map(Vec::len)), (&Value::Null, Some(1)));
    let missing = within["missing_days"].as_u64().expect("a number");
    let listed: u64 =
        within["gaps"].as_array().expect("a list").iter().map(|gap| gap["days"].as_u64().expect("a number")).sum();
    assert_eq!(
        (missing, within["gaps_total"].as_u64()),
        (listed, within["gaps"].as_array().map(|gaps| gaps.len() as u64))
    );

    let plot = "/api/stations/StationA/plot.svg?kind=years&theme=dark";
    assert_eq!(served.get(plot).status, 404, "it is not ready");
    assert_eq!(served.post("/api/stations/StationA/history").status, 202);
    let station =
        served.wait_for("/api/stations/StationA", "the history", |station| station["history"]["status"] == "ready");
    let history = &station["history"];
    let counts = |of: &str| -> u64 {
        history[of].as_array().expect("a list").iter().map(|one| one["count"].as_u64().expect("a number")).sum()
    };
    assert_eq!(
        (counts("months"), counts("years")),
        (within["count"].as_u64().expect("a number"), within["count"].as_u64().expect("a number"))
    );
    assert_eq!((&history["offset"], &history["lost_records"]), (&within["offset"], &json!(0)));
    let answer = served.get(plot);
    assert_eq!((answer.status, answer.headers["content-type"].to_str().expect("text")), (200, "image/svg+xml"));
    assert!(answer.text.starts_with("<svg") && answer.text.contains("StationA"));

    assert_eq!(served.get("/api/stations/nobody").status, 404);
    assert_eq!(served.post("/api/stations/nobody/history").status, 404);
}

#[test]
fn an_audit_runs_in_the_background_one_at_a_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = program(folder.path()).set("source.simulate.days=3000").set("source.simulate.pace_ms=0");
    let served = Served::start(&program, &["run", "--open"]);
    served.wait_for("/api/overview", "the end of the run", |overview| !overview["ended"].is_null());
    assert_eq!(served.get_json("/api/audit"), json!({ "running": null, "last": null, "failed": null }));
    let answers: Vec<u16> = (0..2).map(|_| served.post("/api/audit").status).collect();
    assert_eq!(answers, [202, 409]);
    let audit =
        served.wait_for("/api/audit", "the result", |audit| !audit["last"].is_null() && audit["running"].is_null());
    assert_eq!(audit["last"]["result"], "verified");
    assert_eq!(audit["last"]["partitions"].as_array().map(Vec::len), Some(4));

    // Somebody changes a digit of a file.
    let path = folder.path().join("state/partition-0.json");
    let text = std::fs::read_to_string(&path).expect("it is there");
    std::fs::write(&path, text.replacen("\"count\":", "\"count\":1", 1)).expect("it is written");
    assert_eq!(served.post("/api/audit").status, 202);
    let audit = served.wait_for("/api/audit", "the result", |audit| audit["last"]["result"] != "verified");
    assert_eq!(
        (&audit["last"]["result"], &audit["last"]["partitions"][0]["result"]),
        (&json!("file_wrong"), &json!("file_wrong"))
    );
}

/// It has counted records that it will never commit: that is no news, again and again.
#[test]
fn a_partition_that_failed_stands_still() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = program(folder.path())
        .set("log.partitions=1")
        .set("source.simulate.days=400")
        .set("source.simulate.pace_ms=0")
        .set("consume.batch_records=100")
        .set("consume.commit_interval_ms=3600000")
        .set("faults.points=aggregator.apply@3=fatal");
    let running = Served::start(&program, &["run", "--open"]);
    let supervision = running.wait_for("/api/supervision", "the end of the branch", |supervision| {
        supervision["branches"].as_array().is_some_and(|all| all.iter().any(|one| one["state"] == "failed"))
    });
    assert_eq!(
        (&supervision["crashes"][0]["outcome"], &supervision["crashes"][0]["took_ms"]),
        (&json!("failed"), &Value::Null)
    );
    let overview = || running.get_json("/api/overview");
    assert!(overview()["stations_total"].is_number());
    // As long as a table stays fresh, and longer than a look takes.
    let version = overview()["stations_version"].clone();
    let begun = std::time::Instant::now();
    wait_for("a few looks", || overview()["now_ms"].is_number() && begun.elapsed().as_millis() > 1500);
    assert_eq!(overview()["stations_version"], version);
}

/// Who hangs reads nothing and asks nobody: what comes meanwhile is behind all the same.
#[test]
fn the_lag_of_a_partition_that_hangs_grows() {
    let folder = tempfile::tempdir().expect("a folder");
    let program = program(folder.path())
        .set("log.partitions=1")
        .set("source.simulate.pace_ms=10")
        .set("faults.points=consumer.read@50=hang")
        // Nobody ends the hang as long as the test may take.
        .set("supervision.heartbeat_ms=3600000");
    let served = Served::start(&program, &["run"]);
    let lags = |at_least: u64| {
        served.wait_for("/api/partitions", "the lag", |answer| {
            answer["partitions"][0]["lag"].as_u64().is_some_and(|lag| lag >= at_least)
        })
    };
    let hangs = lags(1_000)["partitions"][0].clone();
    let later = lags(3_000)["partitions"][0].clone();
    assert_eq!(hangs["position"], later["position"], "it hangs");
}

#[test]
fn it_is_ready_when_all_branches_are_up_and_not_far_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let (served, _) = counted(folder.path());
    assert_eq!(served.get_json("/healthz"), json!({ "status": "ok" }));
    assert_eq!(served.get_json("/readyz"), json!({ "ready": true, "why": [] }));
    drop(served);

    let folder = tempfile::tempdir().expect("a folder");
    let program = program(folder.path()).set("faults.points=aggregator.load@1=fatal").set("source.simulate.days=400");
    let served = Served::start(&program, &["run"]);
    let mut why = String::new();
    wait_for("a branch that failed", || {
        let answer = served.get("/readyz");
        why = answer.text.clone();
        answer.status == 503 && why.contains("planned fault")
    });
    assert!(why.contains("\"ready\":false") && why.contains("partition "), "{why}");
}

/// The description is a file of the documentation, and every answer is as it says.
#[test]
fn every_answer_is_as_described() {
    let folder = tempfile::tempdir().expect("a folder");
    let (served, _) = counted(folder.path());
    let described = served.get_json("/api/openapi.json");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");
    if std::env::var_os("ISOTHERM_WRITE_GOLDEN").is_some() {
        std::fs::write(path, isotherm::watch::dashboard::openapi()).expect("it is written");
    }
    let golden = std::fs::read_to_string(path).expect("docs/openapi.json is there");
    assert_eq!(golden, isotherm::watch::dashboard::openapi(), "write it anew with ISOTHERM_WRITE_GOLDEN=1");

    assert_eq!(served.post("/api/stations/StationA/history").status, 202);
    served.wait_for("/api/stations/StationA", "the history", |station| station["history"]["status"] == "ready");
    assert_eq!(served.post("/api/audit").status, 202);
    served.wait_for("/api/audit", "the result", |audit| !audit["last"].is_null());
    let mut checked = 0;
    for (path, methods) in described["paths"].as_object().expect("paths") {
        let Some(answers) = methods["get"]["responses"].as_object() else { continue };
        let path = path.replace("{station}", "StationA");
        if path == "/api/events" {
            continue;
        }
        let answer = served.get(&path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        let content = answers["200"]["content"].as_object().expect("what it is");
        let media_type = answer.headers["content-type"].to_str().expect("text").split(';').next().expect("a type");
        let described_as = content.get(media_type).unwrap_or_else(|| panic!("{path} answers {media_type}"));
        if media_type == "application/json" {
            let mut schema = described_as["schema"].clone();
            schema["components"] = described["components"].clone();
            let validator = jsonschema::validator_for(&schema).expect("it is a schema");
            let wrong: Vec<String> = validator.iter_errors(&answer.json()).map(|error| error.to_string()).collect();
            assert!(wrong.is_empty(), "{path}: {wrong:?}");
            // It can be wrong.
            assert!(!validator.is_valid(&json!([])), "{path} would take anything");
        }
        checked += 1;
    }
    assert!(checked >= 10, "{checked} addresses were asked");
    reads_back::<wire::Overview>(&served, "/api/overview");
    reads_back::<wire::Partitions>(&served, "/api/partitions");
    reads_back::<wire::Supervision>(&served, "/api/supervision");
    reads_back::<wire::Stations>(&served, "/api/stations");
    reads_back::<wire::Station>(&served, "/api/stations/StationA");
    reads_back::<wire::Audit>(&served, "/api/audit");
    reads_back::<wire::Ready>(&served, "/readyz");
}

/// Who reads an answer by its type, as `isotherm top` does, loses nothing of it.
fn reads_back<T: Serialize + DeserializeOwned>(served: &Served, path: &str) {
    let text = served.get(path).text;
    let answer: T = serde_json::from_str(&text).expect(path);
    assert_eq!(serde_json::to_string(&answer).expect("it is written"), text, "{path}");
}
