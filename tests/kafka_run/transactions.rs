//! Producers that write in transactions: what is aborted is not counted, and what a transaction leaves in the log beside
//! its records (a marker at its end, and the aborted records) is passed over as offsets that hold nothing.

use serde_json::Value;

use super::broker::{Broker, Options};
use super::elsewhere::Transactions;
use super::other_client::python;
use super::owned::{OwnedRecord, WriteOwned as _};
use super::served::Served;
use super::{Fixture, PARTITIONS, outgoing};

const STATIONS: [&str; 5] = ["StationA", "StationB", "StationC", "StationD", "StationE"];

/// How a day of all stations is written.
#[derive(Clone, Copy, PartialEq)]
enum Day {
    /// Without a transaction.
    Plain,
    Committed,
    Aborted,
}

use Day::{Aborted, Committed, Plain};

fn readings(month: u32, day: u32) -> [OwnedRecord; 5] {
    STATIONS.map(|station| outgoing(station, &format!("2020-{month:02}-{day:02}"), f64::from(day)))
}

fn write(fixture: &Fixture, records: &[OwnedRecord]) {
    fixture.log().open_writer("a test").expect("it opens").write_owned(records).expect("it is written");
}

#[test]
fn aborted_records_are_not_counted_and_markers_stop_nothing() {
    let Some(broker) = Broker::shared() else { return };
    let cases: [(&str, &[Day]); 6] = [
        ("committed", &[Committed, Committed]),
        ("ends in an aborted one", &[Committed, Aborted]),
        ("begins with an aborted one", &[Aborted, Committed, Committed]),
        ("ends in many aborted ones", &[Committed, Aborted, Aborted, Aborted]),
        ("nothing but aborted ones", &[Aborted, Aborted]),
        ("among records without transactions", &[Plain, Aborted, Plain, Committed, Plain, Aborted]),
    ];
    for (case, days) in cases {
        let fixture = Fixture::new(broker);
        fixture.create_topic();
        let transactions = fixture.elsewhere().transactions();
        // A second time over the first one's files: it resumes behind markers.
        for run in 1..=2 {
            for (number, day) in (1..).zip(days) {
                let records = readings(run, number);
                match day {
                    Plain => write(&fixture, &records),
                    Committed | Aborted => transactions.write(&records),
                }
                match day {
                    Plain => {}
                    Committed => transactions.commit(),
                    Aborted => transactions.abort(),
                }
            }
            fixture.program().run_well(&["consume", "--until-caught-up"]);
            let counted = days.iter().filter(|day| **day != Aborted).count() * run as usize * STATIONS.len();
            assert_eq!(fixture.counted(), counted as u64, "{case}, run {run}");
            assert_eq!(fixture.offsets(), fixture.ends(), "{case}, run {run}: markers at the end are passed");
            for partition in 0..PARTITIONS {
                assert_eq!(fixture.file(partition)["_checkpoint"].get("gaps"), None, "{case}, run {run}: no gap");
            }
            fixture.assert_undisturbed(case);
        }
    }
}

#[test]
fn a_transaction_that_is_open_is_the_end_until_it_is_decided() {
    let Some(broker) = Broker::shared() else { return };
    for (end, counted) in [(Transactions::commit as fn(&_), 3), (Transactions::abort as fn(&_), 2)] {
        let fixture = Fixture::new(broker);
        fixture.create_topic();
        let transactions = fixture.elsewhere().transactions();
        write(&fixture, &readings(1, 1));
        transactions.write(&readings(1, 2));
        // Behind it, by somebody who knows of no transactions.
        write(&fixture, &readings(1, 3));
        fixture.program().run_well(&["consume", "--until-caught-up"]);
        assert_eq!(fixture.counted(), STATIONS.len() as u64, "only what is before it");
        fixture.program().run_well(&["audit"]);
        end(&transactions);
        fixture.program().run_well(&["consume", "--until-caught-up"]);
        assert_eq!(fixture.counted(), counted * STATIONS.len() as u64);
        fixture.assert_undisturbed("decided");
    }
}

#[test]
fn a_producer_goes_on_behind_a_transaction_of_another_that_is_open() {
    let Some(broker) = Broker::shared() else { return };
    let fixture = Fixture::new(broker).set("source.simulate.days=100");
    fixture.create_topic();
    let transactions = fixture.elsewhere().transactions();
    transactions.write(&readings(1, 1));
    // Nobody sees what is behind it, and this is waited for, unless it is not to be.
    let skipping = fixture.program().set("produce.skip_hidden=true");
    skipping.run_well(&["produce"]);
    assert_eq!(fixture.ends()[&0], 0, "it is hidden");
    let summary = fixture.program().run_well(&["consume", "--until-caught-up"]);
    assert!(summary.contains("records are not counted: an open transaction hides them"), "{summary}");
    let mut waiting = fixture.program().set("source.simulate.days=200").start(&["produce"]);
    let told = waiting.stderr();
    let waits = std::iter::from_fn(|| told.next()).find(|line| line.contains("waiting until it works again"));
    let waits = waits.expect("it waits for what it has sent before it sends more");
    assert!(waits.contains("can be read up to offset 0 and has records up to"), "{waits}");
    assert!(waits.contains("produce.skip_hidden"), "{waits}");
    transactions.abort();
    let output = waiting.output();
    assert!(output.status.success(), "{output:?}");
    let summary = fixture.program().run_well(&["consume", "--until-caught-up"]);
    assert!(!summary.contains("hides them"), "{summary}");
    assert_eq!(fixture.counted(), 2_000, "each of 200 days of ten stations was sent");
    fixture.assert_undisturbed("decided");
}

/// Five days in the topic, of which a reader sees none as long as the transaction of the first is open.
#[test]
fn records_behind_an_open_transaction_are_shown_until_it_ends() {
    let Some(broker) = Broker::shared() else { return };
    let fixture = Fixture::new(broker);
    fixture.create_topic();
    let transactions = fixture.elsewhere().transactions();
    transactions.write(&readings(1, 1));
    for day in 2..=5 {
        write(&fixture, &readings(1, day));
    }
    let served = Served::start(&fixture.program().set("web.listen=127.0.0.1:0"), &["consume"]);
    let shown = |partitions: &Value, what: &str| {
        let all = partitions["partitions"].as_array().into_iter().flatten();
        all.map(|one| one[what].as_u64().expect("a number")).sum::<u64>()
    };
    served
        .wait_for("/api/partitions", "the hidden records", |all| (shown(all, "hidden"), shown(all, "end")) == (25, 0));
    let metrics = served.get("/metrics").text;
    let samples = metrics.lines().filter(|line| line.starts_with("isotherm_hidden_records{"));
    let values =
        samples.map(|sample| sample.rsplit_once(' ').expect("it has a value").1.parse::<u64>().expect("a number"));
    assert_eq!(values.sum::<u64>(), 25);
    transactions.commit();
    served.wait_for("/api/partitions", "all of them", |all| (shown(all, "hidden"), shown(all, "records")) == (0, 25));
}

#[test]
fn where_the_user_has_no_right_to_transactions_that_is_said_once_or_is_a_stop() {
    let properties = "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n\
                      super.users=User:nobody\n\
                      allow.everyone.if.no.acl.found=true";
    let options = Options { properties: properties.to_owned(), ..Options::default() };
    let Some(broker) = Broker::start_with(&options) else { return };
    let Some(_) = python(&["refuse", &broker.brokers(), "isotherm-"]) else { return };
    let fixture = Fixture::new(&broker);
    let said = fixture.program().set("produce.transactions=on").run_failing(&["produce"], 78);
    assert!(said.contains("transactional ids that begin with isotherm-"), "{said}");
    let output = fixture.program().set("produce.transactions=auto").run(&["run"]);
    let told = super::program::told(&output);
    assert!(output.status.success(), "{told}");
    assert_eq!(told.matches("readings are written without transactions").count(), 1, "{told}");
    assert_eq!(fixture.counted(), 10_000);
}
