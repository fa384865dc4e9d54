use std::sync::mpsc;

use prost::Message as _;

use super::*;
use crate::domain::wire::Report;
use crate::domain::{Batch, Record};
use crate::failure::Kind;

fn report(station_id: &str, date: &str, degrees: f64) -> Vec<u8> {
    Report { station_id: station_id.to_owned(), date: date.to_owned(), degrees }.encode_to_vec()
}

fn batch(first_offset: u64, values: &[Option<&[u8]>]) -> Batch {
    let mut batch = Batch::default();
    for (offset, &value) in (first_offset..).zip(values) {
        batch.push(Record { offset, key: Some(b"StationC"), value });
    }
    batch
}

/// Prints batches of partition 2 until the readers have ended.
fn printed(batches: Vec<Batch>, json: bool, limit: u64) -> Vec<String> {
    let (sender, messages) = mpsc::channel();
    for batch in batches {
        sender.send(Ok((2, batch))).expect("the channel is open");
    }
    drop(sender);
    let mut output = Vec::new();
    print(&messages, json, limit, &Rules::DEFAULT, &mut output, || false).expect("it prints");
    String::from_utf8(output).expect("lines are UTF-8").lines().map(str::to_owned).collect()
}

#[test]
fn a_record_is_a_line_as_the_original_prints_it() {
    let good = report("StationC", "2008-12-17", 35.2621);
    let odd = report("O'Hare", "", f64::NAN);
    let lines = printed(vec![batch(7, &[Some(&good), Some(&odd), Some(b"\xff\xff"), None])], false, u64::MAX);
    assert_eq!(lines[0], "{'station_id': 'StationC', 'date': '2008-12-17', 'degrees': 35.2621, 'partition': 2}");
    assert_eq!(
        lines[1],
        "{'station_id': \"O'Hare\", 'date': '', 'degrees': nan, 'partition': 2, 'offset': 8, 'rejected': 'key_mismatch', 'key': 'StationC'}"
    );
    assert!(lines[2].starts_with("{'undecodable': '"), "{}", lines[2]);
    let rest = "'partition': 2, 'offset': 9, 'key_bytes': 8, 'key': 'U3RhdGlvbkM=', 'value_bytes': 2, 'value': '//8='}";
    assert!(lines[2].ends_with(rest), "{}", lines[2]);
    assert!(
        lines[3].contains("tombstone") && lines[3].ends_with("'value_bytes': None, 'value': None}"),
        "{}",
        lines[3]
    );
}

#[test]
fn a_huge_record_has_a_short_line() {
    let huge = vec![0xff; 1 << 20];
    for json in [false, true] {
        let lines = printed(vec![batch(0, &[Some(&huge)])], json, u64::MAX);
        assert!(lines[0].len() < 500 && lines[0].contains("1048576"), "{}", lines[0]);
    }
}

#[test]
fn json_lines_have_offsets_and_hold_what_is_not_finite() {
    let good = report("StationC", "2008-12-17", 35.0);
    let odd = report("StationC", "2008-12-18", f64::NEG_INFINITY);
    let lines = printed(vec![batch(7, &[Some(&good), Some(&odd), Some(b"\xff\xff")])], true, u64::MAX);
    assert_eq!(lines[0], r#"{"partition":2,"offset":7,"station_id":"StationC","date":"2008-12-17","degrees":35.0}"#);
    assert!(lines[1].ends_with(r#""degrees":"-inf","rejected":"not_finite","key":"StationC"}"#), "{}", lines[1]);
    let bad: serde_json::Value = serde_json::from_str(&lines[2]).expect("JSON");
    assert_eq!((&bad["offset"], &bad["value"]), (&9.into(), &"//8=".into()));
    assert!(bad["undecodable"].is_string());
}

#[test]
fn the_limit_counts_records_over_batches() {
    let good = report("StationC", "2008-12-17", 35.0);
    let batches = || vec![batch(0, &[Some(&good), Some(&good)]), batch(2, &[Some(&good), Some(&good)])];
    assert_eq!(printed(batches(), false, 3).len(), 3);
    assert_eq!(printed(batches(), false, 2).len(), 2);
    assert_eq!(printed(batches(), false, u64::MAX).len(), 4);
}

#[test]
fn a_closed_output_ends_it_quietly_and_a_failure_does_not() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let (sender, messages) = mpsc::channel();
    sender.send(Ok((0, batch(0, &[None])))).expect("the channel is open");
    assert_eq!(print(&messages, false, 9, &Rules::DEFAULT, &mut Closed, || false), Ok(()));
    // Nothing comes any more, the readers are still there.
    assert_eq!(print(&messages, false, 9, &Rules::DEFAULT, &mut Vec::new(), || true), Ok(()));
    let gone = Failure::fatal(Kind::Data, "gone");
    sender.send(Err(gone.clone())).expect("the channel is open");
    assert_eq!(print(&messages, false, 9, &Rules::DEFAULT, &mut Vec::new(), || false), Err(gone));
}

/// Producers whose serializer wraps keys, and those that send none.
#[test]
fn a_record_that_would_not_count_shows_its_key() {
    let value = report("KAAA", "2020-01-01", 50.5);
    for (key, shown, in_json) in [
        (Some(&b"\"KAAA\""[..]), "'\"KAAA\"'", r#""\"KAAA\"""#),
        (None, "None", "null"),
        (Some(b"\xff"), "'\u{fffd}'", "\"\u{fffd}\""),
    ] {
        let batch = || {
            let mut batch = Batch::default();
            batch.push(Record { offset: 3, key, value: Some(&value) });
            batch
        };
        let line = printed(vec![batch()], false, 1);
        let end = format!("'partition': 2, 'offset': 3, 'rejected': 'key_mismatch', 'key': {shown}}}");
        assert!(line[0].ends_with(&end), "{}", line[0]);
        let line = printed(vec![batch()], true, 1);
        assert!(line[0].ends_with(&format!(r#""rejected":"key_mismatch","key":{in_json}}}"#)), "{}", line[0]);
    }
}
