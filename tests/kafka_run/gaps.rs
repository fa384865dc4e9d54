//! Records that the broker removes before and after they were counted.

use rdkafka::Offset;
use serde_json::json;

use super::Fixture;
use super::broker::Broker;
use super::program::{results, wait_for};
use super::topics::with_results;

/// The partition that loses records.
const PARTITION: u32 = 0;

fn at(offset: u64) -> Offset {
    Offset::Offset(i64::try_from(offset).expect("a small number"))
}

/// By request, all but the last ten; returns where the partition starts then.
fn delete_records(fixture: &Fixture) -> u64 {
    let start = fixture.ends()[&PARTITION] - 10;
    fixture.elsewhere().delete_records(PARTITION, at(start));
    start
}

/// By the retention, all.
fn retain_nothing(fixture: &Fixture) -> u64 {
    let end = fixture.ends()[&PARTITION];
    let start = || fixture.log().extent(PARTITION).expect("it is there").start;
    fixture.elsewhere().configure(&[("retention.ms", "1")]);
    wait_for("the retention", || start() == end);
    fixture.elsewhere().configure(&[("retention.ms", "-1")]);
    end
}

#[test]
fn records_removed_before_they_were_counted_are_a_gap_that_must_be_accepted() {
    let Some(broker) = Broker::shared() else { return };
    for (case, remove) in
        [("DeleteRecords", delete_records as fn(&Fixture) -> u64), ("retention", retain_nothing as fn(&_) -> _)]
    {
        let fixture = with_results(broker);
        let produce = |days| fixture.program().set(format!("source.simulate.days={days}")).run_well(&["produce"]);
        let (counted, from) = (fixture.counted(), fixture.offsets()[&PARTITION]);
        produce(2000);
        let to = remove(&fixture);
        assert!(to > from, "{case}: there is a gap");
        let before = results(fixture.folder.path());
        let partition = PARTITION.to_string();
        let consume = ["consume", &partition, "--until-caught-up"];
        for _ in 0..2 {
            let said = fixture.program().run_failing(&consume, 65);
            let offsets = [format!("starts at offset {to}"), format!("our offset {from}")];
            for part in [&offsets[0], &offsets[1], "--accept-gap"] {
                assert!(said.contains(part), "{case}: {said} lacks {part}");
            }
            assert!(results(fixture.folder.path()) == before, "{case}: nothing was written");
        }

        fixture.program().run_well(&[&consume[..], &["--accept-gap"]].concat());
        let file = fixture.file(PARTITION);
        assert_eq!(file["_checkpoint"]["gaps"], json!([{"from": from, "to": to}]), "{case}");
        let end = fixture.ends()[&PARTITION];
        assert_eq!((file["offset"].as_u64(), fixture.counted()), (Some(end), counted + (end - to)), "{case}");
        // What was counted before the gap cannot be verified any more, and that is said rather than guessed.
        fixture.program().run_failing(&["audit", &partition], 65);

        // From then on it is a partition as any other: the gap stays as it was written down.
        produce(2500);
        fixture.program().run_well(&consume);
        let file = fixture.file(PARTITION);
        assert_eq!(file["_checkpoint"]["gaps"], json!([{"from": from, "to": to}]), "{case}");
        let later = fixture.ends()[&PARTITION];
        assert_eq!((file["offset"].as_u64(), fixture.counted()), (Some(later), counted + (later - to)), "{case}");
    }
}

#[test]
fn where_only_counted_records_are_gone_counting_goes_on_and_says_that_it_could_not_check() {
    let Some(broker) = Broker::shared() else { return };
    let fixture = with_results(broker);
    let offset = fixture.offsets()[&PARTITION];
    fixture.program().set("source.simulate.days=2000").run_well(&["produce"]);
    let undisturbed = fixture.beside();
    undisturbed.program().run_well(&["consume", "--until-caught-up"]);
    // Below the last counted record all is as ever; with it gone, there is nothing left to compare.
    for (before, told) in [(offset - 1, false), (offset, true)] {
        fixture.elsewhere().delete_records(PARTITION, at(before));
        let resumed = fixture.beside();
        for (name, bytes) in results(fixture.folder.path()) {
            std::fs::write(resumed.folder.path().join(name), bytes).expect("there is room");
        }
        let output = resumed.program().run(&["consume", "--until-caught-up"]);
        let said = super::program::told(&output);
        assert!(output.status.success() && said.contains("resuming unchecked") == told, "{before}: {said}");
        assert!(results(resumed.folder.path()) == results(undisturbed.folder.path()), "{before}: the files differ");
    }
}
