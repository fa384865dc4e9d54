//! A file that is damaged, foreign or newer is refused with its reason and a way out, and left as it was.

use isotherm::failure::{Failure, Kind};
use isotherm::partition::format::parse;

use super::format::example;
use super::*;

/// The text with the checksum that it should have.
pub fn reseal(text: &str) -> String {
    let (head, rest) = text.rsplit_once("\"checksum\": \"").expect("it has a checksum");
    let blank = format!("{head}\"checksum\": \"00000000{}", &rest[8..]);
    let checksum = crc32c::crc32c(blank.as_bytes());
    format!("{head}\"checksum\": \"{checksum:08x}{}", &rest[8..])
}

pub fn put(disk: &SimulatedDisk, path: &Path, bytes: &[u8]) {
    disk.create_folder(folder()).expect("created");
    let mut file = disk.create_new(path).expect("created");
    file.append(bytes).and_then(|()| file.sync()).and_then(|()| disk.sync_folder(folder())).expect("written");
}

/// What recovery says of these bytes as `partition-2.json`, with the example's rejected records and a stale file beside.
fn refused(bytes: &[u8], rejected: &[u8], identity: &Identity, rules: &Rules) -> Failure {
    let disk = SimulatedDisk::new(4096);
    put(&disk, &partition_path(folder(), 2), bytes);
    put(&disk, &rejected_path(folder(), 2), rejected);
    put(&disk, &folder().join("partition-2.json.tmp-7"), b"stale");
    let before = disk.files();
    let failure = store(&disk, FaultPoints::default()).recover(1, identity, rules).expect_err("it is refused");
    assert_eq!(disk.files(), before, "left as it was");
    assert!(!failure.is_retryable() && failure.what.starts_with("/state/partition-2."), "{failure}");
    failure
}

fn refused_file(bytes: &[u8]) -> Failure {
    let failure = refused(bytes, &example().rejected, &identity(), &Rules::default());
    assert_eq!(failure.kind, Kind::Data, "{failure}");
    assert!(failure.advice.as_ref().is_some_and(|advice| advice.contains("isotherm rebuild 2")), "{failure}");
    failure
}

fn text() -> String {
    String::from_utf8(serialize(VERSION, &identity(), &example().snapshots[0].state)).expect("text")
}

#[test]
fn a_file_with_any_byte_changed_or_cut_anywhere_is_refused() {
    let bytes = text().into_bytes();
    for position in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[position] ^= 1 << bit;
            assert!(parse("x", &changed).is_err(), "byte {position}, bit {bit}");
        }
        let mut changed = bytes.clone();
        changed[position] = b'0' + changed[position] % 2;
        assert!(changed == bytes || refused_file(&changed).what.contains("is damaged"), "byte {position}");
        let cut = refused_file(&bytes[..position]);
        assert!(cut.what.contains(if position == 0 { "is empty" } else { "not JSON" }), "{cut}");
    }
    let longer = [bytes.as_slice(), b"\n"].concat();
    assert!(refused_file(&longer).what.contains("checksum should be"));
}

#[test]
fn a_file_of_another_form_is_refused_by_its_form() {
    let plain = r#"{"offset": 4, "StationC": {"count": 3, "sum": 151.25, "avg": 50.4, "start": "2000-01-01", "end": "2000-01-03"}}"#;
    assert!(refused_file(plain.as_bytes()).what.contains("the older, plain form"));
    for newer in [
        reseal(&text().replace("\"version\": 2", "\"version\": 3")),
        reseal(&text().replace("\"version\": 2,", "\"version\": 3, \"unheard_of\": [],")),
        r#"{"offset": 4, "_checkpoint": {"version": 3}}"#.to_owned(),
    ] {
        let failure = refused_file(newer.as_bytes());
        assert!(failure.what.contains("made by a newer isotherm: it is of version 3"), "{failure}");
    }
    for (from, to, newer) in [
        ("\"counting\": 2", "\"counting\": 3", "it was counted in the way 3, this one knows 2"),
        ("\"protobuf\"", "\"avro\"", "its records are of the format \"avro\", which this one does not know"),
    ] {
        let failure = refused_file(reseal(&text().replace(from, to)).as_bytes());
        assert!(failure.what.contains(&format!("made by a newer isotherm: {newer}")), "{failure}");
    }
    for (other, reason) in [("[]", "damaged"), ("not json", "not JSON"), ("{}", "plain form"), ("5", "damaged")] {
        assert!(refused_file(other.as_bytes()).what.contains(reason), "{other}: {}", refused_file(other.as_bytes()));
    }
}

#[test]
fn a_file_that_contradicts_itself_is_refused_by_the_contradiction() {
    for (from, to, reason) in [
        ("\"version\": 2", "\"version\": 0", "version 0"),
        ("\"version\": 2", "\"version\": 1", "version 1 with the counting Some(2)"),
        ("\"counting\": 2,", "", "version 2 with the counting None"),
        ("\"counting\": 2,", "\"counting\": 0,", "version 2 with the counting Some(0)"),
        ("\"format\": \"protobuf\",", "", "the format None"),
        ("\"offset\": 4,\n  \"S", "\"offset\": 3,\n  \"S", "read only 3 offsets"),
        ("\"count\": 3", "\"count\": 4", "it has 3 days"),
        ("151.25", "151.5", "sum / count"),
        ("50.416666666666664", "50.416666666666666", ""),
        ("\"start\": \"2000-01-01\"", "\"start\": \"2000-01-02\"", "do not go from 2000-01-02"),
        ("\"end\": \"2000-01-03\"", "\"end\": \"2000-02-30\"", "is not a day"),
        ("\"end\": \"2000-01-03\"", "\"end\": \"2000-01-04\"", "to 2000-01-04"),
        ("\"StationC\": {", "\"_tationC\": {", "of \"_tationC\""),
        ("\"StationC\"", "\"_tationC\"", "cannot be a station"),
        ("\"partition\": 2", "\"partition\": 4", "partition 4 of 4"),
        ("\"first_offset\": 0", "\"first_offset\": 1", "read only 3 offsets"),
        ("\"first_offset\": 0", "\"first_offset\": 5", "below its first offset"),
        ("\"offset\": 3,", "\"offset\": 4,", "its last record is at 4"),
        ("\"duplicate_day\": 1", "\"duplicate_day\": 0", "nothing was rejected"),
        ("\"duplicate_day\": 1", "\"no_reason\": 1", "unknown variant"),
        ("\"rejected_bytes\": ", "\"rejected_bytes\": 99999999", "cannot have"),
        ("\"rejected_crc32c\": \"", "\"rejected_crc32c\": \"X", "is not a checksum"),
        ("\"days\": {", "\"gaps\": [{ \"from\": 2, \"to\": 9 }],\n    \"days\": {", "a gap from 2 to 9"),
        ("\"days\": {", "\"more\": 1,\n    \"days\": {", "unknown field `more`"),
        ("\"stations_max\": 1000000", "\"stations_max\": 0", "1 stations and may have 0"),
        ("\"offset\": 4,\n  \"S", "\"offset\": 4,\n  \"offset\": 4,\n  \"S", "duplicate field"),
        ("OjAA", "OjAB", "its days"),
        ("==\"", "AA\"", "its days"),
    ] {
        let changed = text().replacen(from, to, if from == "\"StationC\"" { 2 } else { 1 });
        if reason.is_empty() {
            // Another way to write the same number: the same state, so nothing is wrong with it.
            assert!(parse("x", reseal(&changed).as_bytes()).is_ok());
            continue;
        }
        assert_ne!(changed, text(), "{from} is there");
        let failure = refused_file(reseal(&changed).as_bytes());
        assert!(failure.what.contains(reason) && failure.what.contains("is damaged"), "{from} → {to}: {failure}");
    }
}

#[test]
fn a_file_that_does_not_know_up_to_which_record_it_was_counted_is_refused() {
    let (counted, rejected) = (("StationC", 0, 50.0), ("StationC", 0, f64::NAN));
    for readings in [vec![counted], vec![rejected], vec![counted, rejected]] {
        let state = Life::new(Rules::default(), &[readings]).snapshots.remove(0).state;
        assert!(parse("x", &serialize(VERSION, &identity(), &state)).is_ok());
        let state = PartitionState { last_record: None, ..state };
        let failure = parse("x", &serialize(VERSION, &identity(), &state)).expect_err("it has a last record");
        assert!(failure.what.contains("has records, but no last one"), "{failure}");
    }
}

#[test]
fn a_file_of_something_else_is_refused_by_the_difference() {
    let (same, rules, rejected) = (identity(), Rules::default(), example().rejected);
    let refused = |identity: Identity, rules: Rules, kind: Kind, reasons: &[&str]| {
        let failure = refused(text().as_bytes(), &rejected, &identity, &rules);
        assert_eq!(failure.kind, kind, "{failure}");
        for reason in reasons {
            assert!(failure.to_string().contains(reason), "{reason}: {failure}");
        }
    };
    let other = Identity { topic: "humidity".to_owned(), ..same.clone() };
    refused(other, rules, Kind::Settings, &["\"temperatures\", not to \"humidity\"", "log.topic"]);
    let other = Identity { log_id: "another".to_owned(), ..same.clone() };
    refused(
        other,
        rules,
        Kind::Data,
        &["f2b6c1de", "has another now", "deleted and created again", "isotherm rebuild 2"],
    );
    refused(Identity { partition: 1, ..same.clone() }, rules, Kind::Data, &["holds partition 2, not 1"]);
    let other = Identity { partitions: 6, ..same.clone() };
    refused(other, rules, Kind::Settings, &["had 4 partitions; it has 6 now", "log.on_start = \"recreate\""]);
    let other = Rules { degrees_max: 120.5, stations_max: 7, ..rules };
    let reasons =
        ["quality.degrees_max was 150 and is 120.5", "stations_max was 1000000 and is 7", "isotherm rebuild 2"];
    refused(same, other, Kind::Settings, &reasons);
}

#[test]
fn rejected_records_that_are_too_few_or_others_are_damage_and_too_many_are_cut() {
    let (text, whole) = (text(), example().rejected);
    let mut flipped = whole.clone();
    flipped[9] ^= 1;
    for (rejected, reason) in
        [(&whole[..whole.len() - 1], "should have"), (&[], "should have"), (&flipped, "not those")]
    {
        let failure = refused(text.as_bytes(), rejected, &identity(), &Rules::default());
        assert!(failure.what.contains(reason) && failure.what.contains(".rejected.jsonl is damaged"), "{failure}");
        assert!(failure.to_string().contains("isotherm rebuild 2"), "{failure}");
    }
    let disk = SimulatedDisk::new(64);
    put(&disk, &partition_path(folder(), 2), text.as_bytes());
    put(&disk, &rejected_path(folder(), 2), &[whole.as_slice(), b"{\"offset\""].concat());
    put(&disk, &folder().join("partition-2.rejected.jsonl.tmp-3"), b"stale");
    put(&disk, &folder().join("partition-22.json.tmp-3"), b"another's");
    let state = store(&disk, FaultPoints::default()).recover(1, &identity(), &Rules::default()).expect("it is whole");
    assert_eq!(example().number(state.as_ref()), Some(0));
    let mut files = disk.files();
    assert_eq!(files.remove(&folder().join("partition-22.json.tmp-3")).as_deref(), Some(&b"another's"[..]));
    assert_eq!(files, example().files(Some(0)));
}
