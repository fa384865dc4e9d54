use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::domain::day::Day;
use crate::domain::wire::Report;
use prost::Message;

/// A record as it is drawn: mostly readings of few stations and days, some of them broken in one way or another.
#[derive(Clone, Debug)]
struct Drawn {
    skipped: u64,
    key: Option<String>,
    value: Option<Vec<u8>>,
    /// What the record says, where it says something.
    report: Option<Report>,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let station = prop::sample::select(vec!["StationA", "StationB", "Zürich", "B", "C", "offset", "_x", "", "a\nb"]);
    let date = prop_oneof![
        8 => (730_000u32..730_006).prop_map(|number| Day::from_number(number).expect("a day").to_string()),
        1 => prop::sample::select(vec!["2000-02-30", "2000-1-1", "", "9999-12-31", "0001-01-01"]).prop_map(str::to_owned),
    ];
    let degrees = prop_oneof![
        8 => -1500i32..1500,
        1 => Just(0),
    ]
    .prop_map(|tenths| f64::from(tenths) / 10.0);
    let odd = prop_oneof![
        12 => Just(None),
        1 => prop::sample::select(vec![f64::NAN, f64::INFINITY, -0.0, 150.0, -150.0, 150.00000000000003, -1e300]).prop_map(Some),
    ];
    let shape = prop_oneof![12 => Just(0u8), 1 => Just(1), 1 => Just(2), 1 => Just(3)];
    (0u64..3, station, date, degrees, odd, shape).prop_map(|(skipped, station, date, degrees, odd, shape)| {
        let report = Report { date, degrees: odd.unwrap_or(degrees), station_id: station.to_owned() };
        let value = report.encode_to_vec();
        let key = Some(station.to_owned());
        match shape {
            0 => Drawn { skipped, key, value: Some(value), report: Some(report) },
            1 => Drawn { skipped, key: Some("another".to_owned()), value: Some(value), report: Some(report) },
            2 => Drawn { skipped, key: None, value: Some(vec![0xff]), report: None },
            _ => Drawn { skipped, key, value: None, report: None },
        }
    })
}

fn rules() -> Rules {
    Rules { stations_max: 3, rejected_bytes_max: 2000, ..Rules::default() }
}

fn records(drawn: &[Drawn]) -> Vec<Record<'_>> {
    let mut next_offset = 100;
    let mut records = Vec::new();
    for Drawn { skipped, key, value, .. } in drawn {
        let offset = next_offset + skipped;
        records.push(Record { offset, key: key.as_deref().map(str::as_bytes), value: value.as_deref() });
        next_offset = offset + 1;
    }
    records
}

fn applied(records: &[Record<'_>], cuts: &[usize]) -> PartitionState {
    let mut state = PartitionState::new(rules(), 100);
    let mut start = 0;
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (records.len() + 1)).chain([records.len()]).collect();
    cuts.sort_unstable();
    for end in cuts {
        let mut batch = Batch::default();
        records[start..end].iter().for_each(|record| batch.push(*record));
        state.apply(&batch);
        start = end;
    }
    state
}

/// What is expected of a record, written anew from the description, with every reading kept.
#[derive(Default)]
struct Model {
    readings: BTreeMap<String, Vec<(Day, f64)>>,
    rejected: Vec<(u64, RejectReason)>,
}

impl Model {
    fn judge(&self, drawn: &Drawn) -> Result<(String, Day, f64), RejectReason> {
        let report = drawn.report.as_ref().ok_or(RejectReason::Undecodable)?;
        let id = report.station_id.clone();
        if drawn.key.as_ref() != Some(&id) {
            return Err(RejectReason::KeyMismatch);
        }
        if id.is_empty() || id == "offset" || id.starts_with('_') || id.contains('\n') {
            return Err(RejectReason::BadStation);
        }
        let day = Day::parse(&report.date).ok_or(RejectReason::BadDate)?;
        if report.degrees.is_nan() || report.degrees.is_infinite() {
            return Err(RejectReason::NotFinite);
        }
        if report.degrees < -150.0 || report.degrees > 150.0 {
            return Err(RejectReason::OutOfRange);
        }
        if !self.readings.contains_key(&id) && self.readings.len() == 3 {
            return Err(RejectReason::TooManyStations);
        }
        if self.readings.get(&id).is_some_and(|readings| readings.iter().any(|(counted, _)| *counted == day)) {
            return Err(RejectReason::DuplicateDay);
        }
        Ok((id, day, report.degrees))
    }

    fn of(drawn: &[Drawn], records: &[Record<'_>]) -> Self {
        let mut model = Self::default();
        for (drawn, record) in drawn.iter().zip(records) {
            match model.judge(drawn) {
                Ok((id, day, degrees)) => model.readings.entry(id).or_default().push((day, degrees)),
                Err(reason) => model.rejected.push((record.offset, reason)),
            }
        }
        model
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_state_is_what_a_model_that_keeps_every_reading_says(drawn in prop::collection::vec(drawn(), 0..60)) {
        let records = records(&drawn);
        let state = applied(&records, &[]);
        let model = Model::of(&drawn, &records);

        prop_assert_eq!(state.stations.len(), model.readings.len());
        for (id, readings) in &model.readings {
            let stats = &state.stations[id.as_str()];
            let days: BTreeSet<Day> = readings.iter().map(|(day, _)| *day).collect();
            let sum = readings.iter().fold(0.0, |sum, (_, degrees)| sum + degrees);
            prop_assert_eq!(stats.count(), readings.len() as u64);
            prop_assert_eq!(stats.count(), days.len() as u64);
            prop_assert_eq!(stats.sum.to_bits(), sum.to_bits());
            prop_assert_eq!(stats.average().to_bits(), (sum / readings.len() as f64).to_bits());
            prop_assert_eq!(Some(&stats.start), days.first());
            prop_assert_eq!(Some(&stats.end), days.last());
            prop_assert!(days.iter().map(|day| day.number()).eq(stats.days.iter()));
        }

        let mut by_reason = BTreeMap::new();
        for (_, reason) in &model.rejected {
            *by_reason.entry(*reason).or_insert(0) += 1;
        }
        prop_assert_eq!(&state.rejected, &by_reason);
        prop_assert_eq!(state.counted() + state.rejected_total(), records.len() as u64);
        let last = records.last();
        prop_assert_eq!(state.next_offset, last.map_or(100, |last| last.offset + 1));
        prop_assert_eq!(state.last_record.map(|last| last.offset), last.map(|last| last.offset));

        // The lines are those of the rejected records that have room, in order.
        let lines = String::from_utf8(state.pending_rejected).expect("text");
        let mut kept = String::new();
        for (offset, reason) in &model.rejected {
            let record = records.iter().find(|record| record.offset == *offset).expect("it was rejected");
            let line = String::from_utf8(rejected_line(*record, *reason, RecordFormat::Protobuf)).expect("text");
            if kept.len() + line.len() <= 2000 {
                kept += &line;
            }
        }
        prop_assert_eq!(&lines, &kept);
        prop_assert_eq!(state.rejected_bytes, lines.len() as u64);
        prop_assert_eq!(state.rejected_crc32c, crc32c::crc32c(lines.as_bytes()));
    }

    #[test]
    fn how_the_records_come_in_batches_makes_no_difference(
        drawn in prop::collection::vec(drawn(), 0..60), cuts in prop::collection::vec(any::<usize>(), 0..8),
    ) {
        let records = records(&drawn);
        prop_assert_eq!(applied(&records, &cuts), applied(&records, &[]));
    }

    #[test]
    fn snapshots_hand_out_each_rejected_line_once(
        drawn in prop::collection::vec(drawn(), 0..60), cuts in prop::collection::vec(any::<usize>(), 0..8),
    ) {
        let records = records(&drawn);
        let whole = applied(&records, &[]);
        let mut state = PartitionState::new(rules(), 100);
        let mut lines = Vec::new();
        for (number, record) in records.iter().enumerate() {
            let mut batch = Batch::default();
            batch.push(*record);
            state.apply(&batch);
            if cuts.iter().any(|cut| cut % records.len() == number) {
                let snapshot = state.snapshot();
                lines.extend(snapshot.rejected_lines);
                prop_assert_eq!(lines.len() as u64, snapshot.state.rejected_bytes);
                prop_assert_eq!(crc32c::crc32c(&lines), snapshot.state.rejected_crc32c);
            }
        }
        lines.extend(state.snapshot().rejected_lines);
        prop_assert_eq!(lines, whole.pending_rejected.clone());
        prop_assert_eq!(state, PartitionState { pending_rejected: Vec::new(), ..whole });
    }
}

#[test]
fn a_rejected_record_that_does_not_fit_is_counted_and_said() {
    let mut batch = Batch::default();
    for offset in 0..50 {
        batch.push(Record { offset, key: None, value: Some(&[0xff; 20]) });
    }
    let mut state = PartitionState::new(rules(), 0);
    let unkept = state.apply(&batch);
    let kept = String::from_utf8(state.pending_rejected.clone()).expect("text").lines().count() as u64;
    assert!(kept > 0 && unkept > 0);
    assert_eq!((kept + unkept, state.rejected_total()), (50, 50));
    assert!(state.rejected_file_is_full());
    assert!(!PartitionState::new(Rules::default(), 0).rejected_file_is_full());
}

#[test]
fn no_line_of_a_rejected_record_is_longer_than_what_a_full_file_lacks() {
    // Of the longest detail: a frame.
    let (offset, bytes) = (u64::MAX, vec![0; 1 << 20]);
    for reason in RejectReason::ALL {
        let line =
            rejected_line(Record { offset, key: Some(&bytes), value: Some(&bytes) }, reason, RecordFormat::Protobuf);
        assert!((2_800..=REJECTED_LINE_BYTES_MAX).contains(&(line.len() as u64)), "{}", line.len());
    }
}
