//! The wire format: `Report` of `proto/report.proto`, written with prost and read in place.

use std::io::Write as _;

use prost::encoding::{
    DecodeContext, WireType, decode_key, decode_varint, double, encode_key, encode_varint, skip_field,
};

use super::day::Day;

/// The generated message, for writers and for readers that do not mind an allocation a field (the audit is one).
#[allow(missing_docs, reason = "generated")]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/_.rs"));
}
pub use generated::Report;

/// One station's temperature on one day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading<'a> {
    pub station_id: &'a str,
    pub day: Day,
    pub degrees: f64,
}

impl Reading<'_> {
    /// Appends the reading as a `Report`, without an allocation. The same bytes as prost's own encoder makes (a property
    /// test compares them): what is zero or empty is left out.
    pub fn encode(&self, to: &mut Vec<u8>) {
        encode_key(1, WireType::LengthDelimited, to);
        encode_varint(DATE_BYTES, to);
        write!(to, "{}", self.day).expect("a Vec has room");
        if self.degrees != 0.0 {
            double::encode(2, &self.degrees, to);
        }
        if !self.station_id.is_empty() {
            encode_key(3, WireType::LengthDelimited, to);
            encode_varint(self.station_id.len() as u64, to);
            to.extend_from_slice(self.station_id.as_bytes());
        }
    }
}

/// Of a date as `YYYY-MM-DD`: a [`Day`] has no other year.
const DATE_BYTES: u64 = 10;

/// A `Report` whose texts still lie in the record.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BorrowedReport<'a> {
    pub date: &'a str,
    pub degrees: f64,
    pub station_id: &'a str,
}

impl<'a> BorrowedReport<'a> {
    /// Reads a `Report` without copying. Same result as prost's own decoder (a property test compares them): the last of
    /// a repeated field wins, unknown fields are passed over, texts must be UTF-8. `None`: not a `Report`.
    pub fn decode(mut bytes: &'a [u8]) -> Option<Self> {
        let mut report = Self::default();
        while !bytes.is_empty() {
            let (tag, wire_type) = decode_key(&mut bytes).ok()?;
            match (tag, wire_type) {
                (1, WireType::LengthDelimited) => report.date = text(&mut bytes)?,
                (2, WireType::SixtyFourBit) => {
                    report.degrees = f64::from_le_bytes(*bytes.split_off(..8)?.first_chunk()?)
                }
                (3, WireType::LengthDelimited) => report.station_id = text(&mut bytes)?,
                (1..=3, _) => return None,
                _ => skip_field(wire_type, tag, &mut bytes, DecodeContext::default()).ok()?,
            }
        }
        Some(report)
    }
}

fn text<'a>(bytes: &mut &'a [u8]) -> Option<&'a str> {
    let length = usize::try_from(decode_varint(bytes).ok()?).ok()?;
    std::str::from_utf8(bytes.split_off(..length)?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message;

    use super::*;

    fn agree(bytes: &[u8]) -> Result<(), TestCaseError> {
        let owned = Report::decode(bytes).ok();
        let borrowed = BorrowedReport::decode(bytes);
        prop_assert_eq!(owned.is_some(), borrowed.is_some());
        if let (Some(owned), Some(borrowed)) = (owned, borrowed) {
            prop_assert_eq!(owned.date, borrowed.date);
            prop_assert_eq!(owned.station_id, borrowed.station_id);
            prop_assert_eq!(owned.degrees.to_bits(), borrowed.degrees.to_bits());
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn a_reading_is_encoded_as_prost_encodes_it(
            number in 0u32..3_652_059, degrees in prop_oneof![Just(0.0), Just(-0.0), any::<f64>()], station_id in ".{0,300}",
        ) {
            let day = Day::from_number(number).expect("in range");
            let mut bytes = Vec::new();
            Reading { station_id: &station_id, day, degrees }.encode(&mut bytes);
            prop_assert_eq!(bytes, Report { date: day.to_string(), degrees, station_id }.encode_to_vec());
        }

        #[test]
        fn arbitrary_bytes_decode_as_prost_decodes_them(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            agree(&bytes)?;
        }

        #[test]
        fn damaged_reports_decode_as_prost_decodes_them(
            date in ".{0,12}", degrees in any::<f64>(), station_id in ".{0,12}",
            extra in prop::collection::vec(0u8..64, 0..12), cut in 0usize..80, flip in 0usize..80, to in any::<u8>(),
        ) {
            let mut bytes = Report { date, degrees, station_id }.encode_to_vec();
            bytes.extend(extra);
            agree(&bytes)?;
            if let Some(byte) = bytes.get_mut(flip) {
                *byte = to;
            }
            agree(&bytes)?;
            bytes.truncate(cut);
            agree(&bytes)?;
        }
    }
}
