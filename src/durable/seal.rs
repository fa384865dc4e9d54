//! Files of JSON that carry their own checksum as their last field.

use std::ops::Range;

use serde::Serialize;

/// What stands in a file for its checksum while that is computed.
pub const BLANK: &str = "00000000";

/// Why a file's checksum does not hold.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// The file does not end as a sealed one does.
    #[error("it does not end with its checksum")]
    Missing,
    #[error("its checksum should be {computed:?} and is {written:?}")]
    Wrong { written: String, computed: String },
}

/// The value as JSON, laid out as by Python's `json.dumps(value, indent=2)`. Its last field, at any depth, must be a
/// `checksum` of [`BLANK`]; in the result it is the CRC-32C of the file with the blank one.
pub fn seal(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("texts and numbers always serialize");
    let digits = digits(&bytes).expect("the last field is the checksum");
    let checksum = format!("{:08x}", crc32c::crc32c(&bytes));
    bytes[digits].copy_from_slice(checksum.as_bytes());
    bytes
}

/// Whether the bytes are, but for chance, those that [`seal`] gave.
pub fn verify(bytes: &[u8]) -> Result<(), Broken> {
    let digits = digits(bytes).ok_or(Broken::Missing)?;
    let mut crc = crc32c::crc32c(&bytes[..digits.start]);
    crc = crc32c::crc32c_append(crc, BLANK.as_bytes());
    crc = crc32c::crc32c_append(crc, &bytes[digits.end..]);
    let computed = format!("{crc:08x}");
    let written = &bytes[digits];
    if written == computed.as_bytes() {
        return Ok(());
    }
    Err(Broken::Wrong { written: String::from_utf8_lossy(written).into_owned(), computed })
}

/// Where the eight digits are: behind them come a quote, closing braces and white space only.
fn digits(bytes: &[u8]) -> Option<Range<usize>> {
    let last = bytes.iter().rposition(|byte| !(byte.is_ascii_whitespace() || *byte == b'}'))?;
    let start = last.checked_sub(BLANK.len())?;
    (bytes[last] == b'"' && bytes[..start].ends_with(b"\"checksum\": \"")).then_some(start..last)
}
