use proptest::prelude::*;
use prost::Message as _;
use serde_json::{Value, json};

use super::super::rules::{RejectReason, Rules};
use super::super::wire::Report;
use super::*;

const STATION: &str = "KNYC";
const DATE: &str = "2014-07-01";

fn plain() -> Vec<u8> {
    Report { date: DATE.to_owned(), degrees: 21.5, station_id: STATION.to_owned() }.encode_to_vec()
}

/// Station, day and degrees of a record that counts; why another one does not, and the detail.
fn read(
    format: RecordFormat,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
) -> Result<(String, String, f64), (RejectReason, &'static str)> {
    let record = Record { offset: 0, key, value };
    let (rules, mut scratch) = (Rules { format, ..Rules::DEFAULT }, Scratch::default());
    let reading = rules.check(record, &mut scratch);
    let reading = reading.map_err(|reason| (reason, reason.detail(record).unwrap_or_default()))?;
    Ok((reading.station_id.to_owned(), reading.day.to_string(), reading.degrees))
}

fn good() -> Result<(String, String, f64), (RejectReason, &'static str)> {
    Ok((STATION.to_owned(), DATE.to_owned(), 21.5))
}

/// As Confluent's serializer for protobuf writes: a zero, the schema's id with its high byte first, and the message's place.
#[test]
fn a_report_within_the_frame_of_a_schema_registry_counts() {
    let framed = |head: &[u8]| [head, &plain()].concat();
    let key = Some(STATION.as_bytes());
    for head in [
        // The first message of the schema, which is shortened to one byte.
        &[0, 0, 0, 0, 7, 0][..],
        &[0, 0, 1, 0x86, 0xa1, 0],
        // In full, [0]; and the second message within the first, [0, 1].
        &[0, 0, 0, 0, 7, 2, 0],
        &[0, 0, 0, 0, 7, 4, 0, 2],
    ] {
        let value = framed(head);
        for format in [RecordFormat::Protobuf, RecordFormat::Detect] {
            assert_eq!(read(format, key, Some(&value)), good(), "{head:?}");
        }
        for format in [RecordFormat::PlainProtobuf, RecordFormat::Json] {
            assert_eq!(
                read(format, key, Some(&value)).map_err(|why| why.0),
                Err(RejectReason::Undecodable),
                "{head:?}"
            );
        }
    }
    let told = "framed: within a schema registry's frame, and not of this format";
    for value in [
        // JSON and Avro within a frame, a negative number of places, places that are cut, and the frame alone.
        [&[0, 0, 0, 0, 7][..], br#"{"station_id":"KNYC","date":"2014-07-01","degrees":21.5}"#].concat(),
        [&[0, 0, 0, 0, 7, 8][..], STATION.as_bytes()].concat(),
        framed(&[0, 0, 0, 0, 7, 1]),
        vec![0, 0, 0, 0, 7, 4, 0x80],
        vec![0, 0, 0, 0, 7],
    ] {
        for format in [RecordFormat::Protobuf, RecordFormat::Detect] {
            let why = read(format, key, Some(&value));
            assert_eq!(why, Err((RejectReason::Undecodable, told)), "{value:?}");
        }
    }
    assert_eq!(read(RecordFormat::Protobuf, key, Some(&[0, 0])), Err((RejectReason::Undecodable, "")));
}

#[test]
fn json_counts_with_a_plain_key_or_one_in_quotes() {
    let value = br#" {"quality": {"a": [1, null]}, "degrees": 21.5, "date": "2014-07-01", "station_id": "KNYC"}"#;
    for key in [&b"KNYC"[..], b"\"KNYC\"", b"\"\\u004bNYC\""] {
        assert_eq!(read(RecordFormat::Json, Some(key), Some(value)), good());
        let trimmed = &value[1..];
        assert_eq!(read(RecordFormat::Detect, Some(key), Some(trimmed)), good());
        let why = read(RecordFormat::Protobuf, Some(key), Some(trimmed)).map_err(|why| why.0);
        assert_eq!(why, Err(RejectReason::Undecodable));
    }
    // As programs write that escape what is not ASCII.
    let escaped = br#"{"station_id": "Z\u00fcrich", "date": "2014\u002d07-01", "degrees": -3}"#;
    for key in ["Zürich".as_bytes(), b"\"Z\\u00fcrich\"", "\"Zürich\"".as_bytes()] {
        let expected = Ok(("Zürich".to_owned(), DATE.to_owned(), -3.0));
        assert_eq!(read(RecordFormat::Json, Some(key), Some(escaped)), expected);
    }
    let other = |key: Option<&[u8]>| read(RecordFormat::Json, key, Some(value));
    assert_eq!(other(None), Err((RejectReason::KeyMismatch, "the key is null")));
    for key in ["KLAX", "\"KNYC", "'KNYC'", "\"KNYC\" ", "{\"KNYC\"}", ""] {
        let is_it = key.trim() == "\"KNYC\"";
        assert_eq!(other(Some(key.as_bytes())).is_ok(), is_it, "{key}");
    }
    // The key of a protobuf record is the station as it is.
    let quoted = read(RecordFormat::Detect, Some(b"\"KNYC\""), Some(&plain()));
    assert_eq!(quoted, Err((RejectReason::KeyMismatch, "")));
}

#[test]
fn what_is_not_quite_json_or_not_quite_a_report_is_undecodable() {
    for value in [
        r#"{"station_id": "KNYC", "date": "2014-07-01", "degrees": "21.5"}"#,
        r#"{"station_id": "KNYC", "date": "2014-07-01", "degrees": null}"#,
        r#"{"station_id": "KNYC", "date": "2014-07-01"}"#,
        r#"{"station_id": "KNYC", "date": "2014-07-01", "degrees": 1e999}"#,
        r#"{"station_id": "KNYC", "date": "2014-07-01", "degrees": NaN}"#,
        r#"{"station_id": "KNYC", "date": "2014-07-01", "degrees": 1, "degrees": 2}"#,
        r#"{"station_id": "KNYC", "date": "2014-07-01", "degrees": 1} {}"#,
        r#"{"station_id": 7, "date": "2014-07-01", "degrees": 1}"#,
        r#"{"station_id": "KNYC", "date": 20140701, "degrees": 1}"#,
        r#"["KNYC", "2014-07-01", 21.5]"#,
        "\u{feff}{}",
        "{",
        "",
    ] {
        let why = read(RecordFormat::Json, Some(b"KNYC"), Some(value.as_bytes()));
        assert!(why.as_ref().is_err_and(|why| why.0 == RejectReason::Undecodable), "{value}: {why:?}");
    }
    let null = read(RecordFormat::Protobuf, Some(b"KNYC"), None);
    assert_eq!(null, Err((RejectReason::Undecodable, "the value is null")));
}

/// What a slower decoder reads in a value, as each format has it.
fn reference(format: RecordFormat, value: &[u8]) -> Option<(String, String, u64)> {
    let of_json = || {
        let all: Value = serde_json::from_slice(value).ok()?;
        let text = |name: &str| all.get(name)?.as_str().map(str::to_owned);
        Some((text("station_id")?, text("date")?, all.get("degrees")?.as_f64()?.to_bits()))
    };
    let of_protobuf = |bytes: &[u8]| {
        let Report { date, degrees, station_id } = Report::decode(bytes).ok()?;
        Some((station_id, date, degrees.to_bits()))
    };
    match (format, value.first()) {
        (RecordFormat::Json, _) | (RecordFormat::Detect, Some(b'{')) => of_json(),
        (RecordFormat::Protobuf | RecordFormat::Detect, Some(0)) => {
            // Places of one byte, as they are made here.
            let places = usize::from(*value.get(5)?);
            let is_short = places % 2 == 0 && value[6..].iter().take(places / 2).all(|byte| *byte < 0x80);
            let report = if is_short { of_protobuf(value.get(6 + places / 2..)?) } else { None };
            report.filter(|(station_id, date, _)| !station_id.is_empty() && !date.is_empty())
        }
        _ => of_protobuf(value),
    }
}

fn agree(value: &[u8]) -> Result<(), TestCaseError> {
    for format in [RecordFormat::Protobuf, RecordFormat::PlainProtobuf, RecordFormat::Json, RecordFormat::Detect] {
        let mut scratch = Scratch::default();
        let decoded = format.decode(Record { offset: 0, key: None, value: Some(value) }, &mut scratch);
        let report = decoded.map(|Decoded { report, .. }| {
            (report.station_id.to_owned(), report.date.to_owned(), report.degrees.to_bits())
        });
        let is_wide = value.first() == Some(&0) && value.get(5).is_some_and(|places| *places >= 0x80);
        let has_wide_place =
            value.first() == Some(&0) && value.len() > 6 && value[6..].iter().any(|byte| *byte >= 0x80);
        if !is_wide && !has_wide_place {
            prop_assert_eq!(report, reference(format, value), "{:?} {:?}", format, value);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn any_bytes_are_read_as_slower_decoders_read_them(
        begin in prop::sample::select(vec![vec![], vec![0], vec![0, 0, 0, 0, 7, 0], vec![0, 0, 0, 0, 7, 2, 0], vec![b'{']]),
        bytes in prop::collection::vec(any::<u8>(), 0..48),
    ) {
        agree(&[begin, bytes].concat())?;
    }

    #[test]
    fn damaged_records_are_read_as_slower_decoders_read_them(
        kind in 0usize..4, date in ".{0,12}", degrees in -200.0..200.0, station_id in ".{0,12}", flip in 0usize..120,
        to in any::<u8>(), cut in 0usize..200,
    ) {
        let json = json!({ "station_id": station_id.clone(), "date": date.clone(), "degrees": degrees, "more": [1] });
        let report = Report { date, degrees, station_id }.encode_to_vec();
        let mut value = match kind {
            0 => report,
            1 => [&[0, 0, 0, 1, 9, 0][..], &report].concat(),
            2 => [&[0, 0, 0, 1, 9, 4, 0, 2][..], &report].concat(),
            _ => json.to_string().into_bytes(),
        };
        agree(&value)?;
        if let Some(byte) = value.get_mut(flip) {
            *byte = to;
        }
        agree(&value)?;
        value.truncate(cut);
        agree(&value)?;
    }
}
