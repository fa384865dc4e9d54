//! Records and states to measure with: a partition as the source `simulate` fills it, day by day from 2000-01-01, within
//! a day station by station.

use isotherm::domain::{Batch, Day, PartitionState, Reading, Record, Rules};
use isotherm::partition::Identity;
use isotherm::source::simulate::station_name;

/// Records in a batch.
pub const BATCH_RECORDS: u32 = 1_000;

/// 2000-01-01.
const START: u32 = 730_119;

/// What a station of that name reads on a day, both counted from 0: tenths of a degree, from -50 to 50.
pub fn reading(station_id: &str, station: u32, day: u32) -> Reading<'_> {
    let tenths = (station.wrapping_mul(7919) ^ day.wrapping_mul(104_729)) % 1001;
    Reading { station_id, day: self::day(day), degrees: f64::from(tenths) / 10.0 - 50.0 }
}

/// A day, counted from 0.
pub fn day(number: u32) -> Day {
    Day::from_number(START + number).expect("within the calendar")
}

/// All records of that many stations and days, in batches of [`BATCH_RECORDS`].
pub fn batches(stations: u32, days: u32) -> impl Iterator<Item = Batch> {
    let records = stations * days;
    let mut value = Vec::new();
    (0..records).step_by(BATCH_RECORDS as usize).map(move |first| {
        let mut batch = Batch::default();
        for number in first..records.min(first + BATCH_RECORDS) {
            let (station, day) = (number % stations, number / stations);
            let name = station_name(station);
            let reading = reading(&name, station, day);
            value.clear();
            reading.encode(&mut value);
            let key = Some(reading.station_id.as_bytes());
            batch.push(Record { offset: u64::from(number), key, value: Some(&value) });
        }
        batch
    })
}

/// The first batch of many stations.
pub fn batch() -> Batch {
    batches(BATCH_RECORDS, 1).next().expect("it has records")
}

/// What is kept of that many stations and days.
pub fn state(stations: u32, days: u32) -> PartitionState {
    let mut state = PartitionState::new(Rules::default(), 0);
    for batch in batches(stations, days) {
        state.apply(&batch);
    }
    assert_eq!(state.counted(), u64::from(stations * days), "every record counts");
    state
}

pub fn identity() -> Identity {
    Identity {
        topic: "temperatures".to_owned(),
        log_id: "f2b6c1de-30c4-4b3f-9a51-7d1f0f6a9a11".to_owned(),
        partition: 0,
        partitions: 4,
    }
}
