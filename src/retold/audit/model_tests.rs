use proptest::prelude::*;
use prost::Message as _;
use serde_json::json;

use super::*;
use crate::domain::wire::Report;
use crate::domain::{Day, PartitionState, RecordFormat};
use crate::log::test_log::{KeyValue, TestLog, reading};

fn rules() -> Rules {
    Rules {
        format: RecordFormat::Protobuf,
        degrees_min: -50.0,
        degrees_max: 60.5,
        stations_max: 3,
        rejected_bytes_max: 2000,
    }
}

#[test]
fn every_reason_is_found_in_its_order() {
    let mut model = Model::new(rules());
    let long = "x".repeat(256);
    let cases = [
        (reading("A", "2024-02-29", 60.5), None),
        (reading("A", "2024-02-29", 60.5), Some(RejectReason::DuplicateDay)),
        ((Some(b"A".to_vec()), None), Some(RejectReason::Undecodable)),
        ((Some(b"A".to_vec()), Some(vec![0xff])), Some(RejectReason::Undecodable)),
        ((None, reading("A", "2024-03-01", 1.0).1), Some(RejectReason::KeyMismatch)),
        ((Some(b"B".to_vec()), reading("offset", "x", f64::NAN).1), Some(RejectReason::KeyMismatch)),
        (reading("offset", "x", f64::NAN), Some(RejectReason::BadStation)),
        (reading("_x", "2024-03-01", 1.0), Some(RejectReason::BadStation)),
        (reading("", "2024-03-01", 1.0), Some(RejectReason::BadStation)),
        (reading(&long, "2024-03-01", 1.0), Some(RejectReason::BadStation)),
        (reading("a\u{85}", "2024-03-01", 1.0), Some(RejectReason::BadStation)),
        (reading("A", "2024-02-30", f64::NAN), Some(RejectReason::BadDate)),
        (reading("A", "2024-03-01", f64::NEG_INFINITY), Some(RejectReason::NotFinite)),
        (reading("A", "2024-03-01", 60.6), Some(RejectReason::OutOfRange)),
        (reading("B", "2024-03-01", -50.0), None),
        (reading("C", "2024-03-01", 0.0), None),
        (reading("D", "2024-03-01", 0.0), Some(RejectReason::TooManyStations)),
        (reading("C", "2024-03-01", 0.5), Some(RejectReason::DuplicateDay)),
    ];
    for (offset, ((key, value), expected)) in (0..).zip(cases) {
        let record = Record { offset, key: key.as_deref(), value: value.as_deref() };
        assert_eq!(model.count(record).err(), expected, "case {offset}");
    }
    assert_eq!(model.stations.len(), 3);
}

fn date() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => (2000u32..2002, 1u32..3, 1u32..31).prop_map(|(year, month, day)| format!("{year}-{month:02}-{day:02}")),
        1 => ".{0,11}",
        1 => "[0-9]{4}-[0-9]{2}-[0-9]{2}",
    ]
}

fn record() -> impl Strategy<Value = KeyValue> {
    let station = prop_oneof![8 => "[A-E]", 1 => "[_a\u{7f}]{0,2}", 1 => Just("offset".to_owned())];
    let degrees = prop_oneof![8 => -60.0..70.0, 1 => any::<f64>()];
    let good =
        (station, date(), degrees).prop_map(|(station, date, degrees)| reading(&station, &date, degrees)).boxed();
    let other_key = (good.clone(), any::<Option<u8>>()).prop_map(|((_, value), key)| (key.map(|key| vec![key]), value));
    let noise = (prop::option::of(prop::collection::vec(any::<u8>(), 0..9)), prop::option::of(any::<[u8; 9]>()))
        .prop_map(|(key, value)| (key, value.map(Vec::from)));
    // As others write it: within a frame, whose place may be any, and in JSON, whose key may be in quotes.
    let framed = (good.clone(), prop::collection::vec(0u8..6, 0..4))
        .prop_map(|((key, value), place)| (key, value.map(|value| [&[0, 0, 0, 0, 7][..], &place, &value].concat())));
    let more = prop_oneof![
        Just(""),
        Just(r#","degrees":1"#),
        Just(r#","more":{"degrees":[]}"#),
        Just(r#","more":"\ud83d""#),
        Just(r#","more":1e999"#),
        Just("} ")
    ];
    let json = (good.clone(), any::<bool>(), more).prop_map(|((key, value), quoted, more)| {
        let report = Report::decode(&*value.expect("a reading")).expect("a report");
        let Report { station_id, date, degrees } = report;
        let text = json!({ "station_id": station_id.clone(), "date": date, "degrees": degrees }).to_string();
        let text = format!("{}{more}}}", &text[..text.len() - 1]);
        (if quoted { Some(json!(station_id).to_string().into_bytes()) } else { key }, Some(text.into_bytes()))
    });
    prop_oneof![20 => good, 1 => other_key, 1 => noise, 5 => framed, 5 => json]
}

fn format() -> impl Strategy<Value = RecordFormat> {
    use RecordFormat::{Detect, Json, PlainProtobuf, Protobuf};
    prop_oneof![Just(Protobuf), Just(PlainProtobuf), Just(Json), Just(Detect)]
}

proptest! {
    #[test]
    fn any_date_is_the_same_day_for_both(text in prop_oneof![date(), "[0-9+-]{10}"]) {
        prop_assert_eq!(day_number(&text), Day::parse(&text).map(Day::number));
    }

    #[test]
    fn every_day_has_its_number(number in 0u32..3_652_059) {
        prop_assert_eq!(day_number(&Day::from_number(number).expect("in range").to_string()), Some(number));
    }

    /// The two ways to compute a partition agree; this is what makes an audit worth something.
    #[test]
    fn any_records_give_what_the_processor_counts(
        format in format(), records in prop::collection::vec(record(), 0..120),
    ) {
        let rules = Rules { format, ..rules() };
        let log = TestLog::new(records);
        let batch = log.batch();
        let mut state = PartitionState::new(rules, 0);
        state.apply(&batch);
        let mut model = Model::new(rules);
        let lines: Vec<u8> = batch.records().filter_map(|record| model.apply(record)).flatten().collect();
        prop_assert_eq!(String::from_utf8(lines), String::from_utf8(state.pending_rejected));
        prop_assert_eq!(model.records, batch.len() as u64);
        prop_assert_eq!(model.rejected, state.rejected);
        prop_assert_eq!(model.rejected_bytes, state.rejected_bytes);
        prop_assert_eq!(model.rejected_crc32c, state.rejected_crc32c);
        prop_assert_eq!(model.last_record, state.last_record.map(|last| (last.offset, last.fingerprint)));
        prop_assert_eq!(model.stations.len(), state.stations.len());
        for (name, station) in &model.stations {
            let stats = &state.stations[name.as_str()];
            prop_assert_eq!(station.sum.to_bits(), stats.sum.to_bits());
            prop_assert_eq!(&station.days, &stats.days.to_bitmap());
        }
    }
}
