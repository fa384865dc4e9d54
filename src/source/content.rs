//! The text that a file or a stream holds: unpacked where it is packed, as its first bytes say, and in UTF-8.
//!
//! Places in it, and all that is known of it, are those of this text: what is packed anew is the same. Unpacking and converting
//! go forward only, so a step back begins at the file's beginning.

use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::Arc;

use encoding_rs::{UTF_16BE, UTF_16LE, WINDOWS_1252};
use encoding_rs_io::DecodeReaderBytesBuilder;
use flate2::read::MultiGzDecoder;
use parking_lot::Mutex;

use crate::settings::Encoding;

/// Of what packs a file: its name, its first bytes, and whether it is unpacked here.
const PACKERS: [(&str, &[u8], Packing); 8] = [
    ("gzip", b"\x1f\x8b", Packing::Gzip),
    ("zstd", b"\x28\xb5\x2f\xfd", Packing::Zstd),
    // A frame to be passed over, with which pzstd begins.
    ("zstd", b"\x50\x2a\x4d\x18", Packing::Zstd),
    ("xz", b"\xfd7zXZ", Packing::Other),
    ("bzip2", b"BZh91AY&SY", Packing::Other),
    ("zip", b"PK\x03\x04", Packing::Other),
    ("7-Zip", b"7z\xbc\xaf", Packing::Other),
    ("compress", b"\x1f\x9d", Packing::Other),
];
/// Of a file or a stream, that what was packed has no end.
pub const CUT_OFF: &str = "ends in the middle of what was packed";
/// What ends the message about a file that is whole, and not read.
pub const UNPACK_IT: &str = "unpack it";
/// What is unpacked in one step of a longer way.
const PIECE_BYTES: u64 = 1 << 20;
/// What is unpacked at once, and what is kept of that: a step back over a line, or over a quote that is not closed, is no longer
/// than this.
const FETCH_BYTES: usize = 64 << 10;
const RECENT_BYTES: usize = 192 << 10;
/// What an archive of files has within its first block, by POSIX.
const TAR: &[u8] = b"ustar";
const TAR_AT: Range<usize> = 257..262;

/// A file that is open.
pub trait SourceFile: Read + Seek + Send {}

impl<Opened: Read + Seek + Send> SourceFile for Opened {}

#[derive(Clone, Copy, PartialEq)]
enum Packing {
    Gzip,
    Zstd,
    Other,
}

/// A text that can be read again from any place. What unpacking finds damaged is an error of the kind `InvalidData`.
pub enum Content {
    /// The bytes of the file.
    AsIs(Box<dyn SourceFile>),
    Decoded(Decoded),
}

pub struct Decoded {
    file: Shared,
    encoding: Encoding,
    text: Box<dyn Read + Send>,
    /// In the text, and how far that was read.
    position: u64,
    read_to: u64,
    /// The last bytes before `read_to`: a short step back reads nothing again.
    recent: Vec<u8>,
    /// What reading met behind `read_to`.
    failed: Option<io::Error>,
    is_cut: bool,
}

/// A file that a reader has, and that can be begun anew.
#[derive(Clone)]
struct Shared(Arc<Mutex<Box<dyn SourceFile>>>);

impl Content {
    /// The text of a file, from its beginning on.
    pub fn of(mut file: Box<dyn SourceFile>, encoding: Encoding) -> io::Result<Self> {
        file.rewind()?;
        let head = Head::read(&mut file)?;
        file.rewind()?;
        let mut content = match head.packer {
            None if encoding == Encoding::Utf8 => Self::AsIs(file),
            _ => Self::Decoded(Decoded::new(file, encoding)?),
        };
        let mut first = Vec::new();
        match content.by_ref().take(TAR_AT.end as u64).read_to_end(&mut first) {
            // Each file of an archive would be one line with what describes the next.
            Ok(_) if first.get(TAR_AT).is_some_and(|at| at == TAR) => {
                let what = format!("it holds an archive of files (tar), which is not read: {UNPACK_IT}");
                return Err(io::Error::new(io::ErrorKind::InvalidData, what));
            }
            // Damage is met again where it stands.
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {}
            read => drop(read?),
        }
        content.rewind()?;
        Ok(content)
    }

    /// Whether places in the text are not those in the file.
    pub fn is_decoded(&self) -> bool {
        matches!(self, Self::Decoded(_))
    }

    /// Whether what was packed ended in the middle, as far as it was read.
    pub fn is_cut(&self) -> bool {
        matches!(self, Self::Decoded(decoded) if decoded.is_cut && decoded.position == decoded.read_to)
    }

    /// Whether there is more behind what was read, or the end is missing or damaged. A byte of that is read.
    pub fn has_more(&mut self) -> io::Result<bool> {
        match self.read(&mut [0]) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(true),
            read => Ok(read? > 0 || self.is_cut()),
        }
    }

    /// How far the file was read of which this is not as it is.
    pub fn file_bytes(&self) -> Option<u64> {
        match self {
            Self::AsIs(_) => None,
            Self::Decoded(decoded) => decoded.file.0.lock().stream_position().ok(),
        }
    }

    /// Goes towards a place as far as it takes no long time; `true` once there is no way left that does.
    pub fn approach(&mut self, place: u64) -> io::Result<bool> {
        let Self::Decoded(decoded) = self else { return Ok(true) };
        if decoded.position >= place {
            return Ok(true);
        }
        let next = place.min(decoded.position + PIECE_BYTES);
        let reached = decoded.seek(SeekFrom::Start(next))?;
        Ok(reached < next || next == place)
    }
}

impl Read for Content {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::AsIs(file) => file.read(bytes),
            Self::Decoded(decoded) => decoded.read(bytes),
        }
    }
}

impl Seek for Content {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Self::AsIs(file) => file.seek(to),
            Self::Decoded(decoded) => decoded.seek(to),
        }
    }
}

impl Decoded {
    fn new(file: Box<dyn SourceFile>, encoding: Encoding) -> io::Result<Self> {
        let file = Shared(Arc::new(Mutex::new(file)));
        let text = text(file.clone(), encoding)?;
        Ok(Self { file, encoding, text, position: 0, read_to: 0, recent: Vec::new(), failed: None, is_cut: false })
    }

    /// Reads on, a whole piece where there is one. What it meets behind some bytes is told once these were taken.
    fn fetch(&mut self) -> io::Result<()> {
        let too_many = self.recent.len().saturating_sub(RECENT_BYTES);
        self.recent.drain(..too_many);
        let start = self.recent.len();
        self.recent.resize(start + FETCH_BYTES, 0);
        let mut end = start;
        while end < self.recent.len() && self.failed.is_none() {
            match self.text.read(&mut self.recent[end..]) {
                Ok(0) => break,
                Ok(read) => end += read,
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    self.is_cut = true;
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.failed = Some(of_content(error)),
            }
        }
        self.recent.truncate(end);
        self.read_to += (end - start) as u64;
        match &self.failed {
            // What is damaged is so also behind a step back.
            Some(error) if end == start => Err(again(error)),
            _ => Ok(()),
        }
    }

    /// What was read and not taken.
    fn waiting(&self) -> &[u8] {
        let left = usize::try_from(self.read_to - self.position).expect("it is in memory");
        &self.recent[self.recent.len() - left..]
    }
}

impl Read for Decoded {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.position == self.read_to {
            self.fetch()?;
        }
        let read = self.waiting().read(bytes)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for Decoded {
    /// A place behind the end is the end.
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(_) => None,
        };
        let place = place.ok_or(io::ErrorKind::InvalidInput)?;
        if place + (self.recent.len() as u64) < self.read_to {
            self.file.0.lock().rewind()?;
            self.text = text(self.file.clone(), self.encoding)?;
            self.recent.clear();
            (self.position, self.read_to, self.failed, self.is_cut) = (0, 0, None, false);
        }
        self.position = place.min(self.read_to);
        while self.position < place {
            let before = self.read_to;
            self.fetch()?;
            self.position = place.min(self.read_to);
            if self.read_to == before {
                break;
            }
        }
        Ok(self.position)
    }
}

impl Read for Shared {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.lock().read(bytes)
    }
}

fn again(error: &io::Error) -> io::Error {
    error.raw_os_error().map_or_else(|| io::Error::new(error.kind(), error.to_string()), io::Error::from_raw_os_error)
}

/// An error of reading a text, where what was packed is damaged: those of the file itself have the system's number.
pub fn of_content(error: io::Error) -> io::Error {
    if error.raw_os_error().is_some() { error } else { io::Error::new(io::ErrorKind::InvalidData, error) }
}

/// What a file or a stream holds that stands at its beginning.
pub fn text(mut packed: impl Read + Send + 'static, encoding: Encoding) -> io::Result<Box<dyn Read + Send>> {
    let head = Head::read(&mut packed)?;
    // Without a mark: no text begins with a letter whose number ends in 0x00.
    let utf_16 = if head.bytes.starts_with(&[0]) { UTF_16BE } else { UTF_16LE };
    let packed = Cursor::new(head.bytes).chain(packed);
    let bytes: Box<dyn Read + Send> = match head.packer {
        None => Box::new(packed),
        Some((_, Packing::Gzip)) => Box::new(MultiGzDecoder::new(packed)),
        Some((_, Packing::Zstd)) => Box::new(zstd::Decoder::new(packed)?),
        Some((name, Packing::Other)) => {
            let what = format!("it is packed by {name}, and only gzip and zstd are unpacked here: {UNPACK_IT}");
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
    };
    let mut converting = DecodeReaderBytesBuilder::new();
    Ok(match encoding {
        Encoding::Utf8 => bytes,
        Encoding::Utf16 => Box::new(converting.encoding(Some(utf_16)).bom_override(true).build(bytes)),
        Encoding::Latin1 => Box::new(converting.encoding(Some(WINDOWS_1252)).build(bytes)),
    })
}

/// As many of the first bytes as it takes to know what packs the others, if anything does.
struct Head {
    bytes: Vec<u8>,
    packer: Option<(&'static str, Packing)>,
}

impl Head {
    fn read(packed: &mut impl Read) -> io::Result<Self> {
        let mut bytes = Vec::new();
        loop {
            let packer = PACKERS.iter().find(|(_, magic, _)| bytes.starts_with(magic));
            let may_be_one = PACKERS.iter().any(|(_, magic, _)| magic.starts_with(&bytes));
            if packer.is_some() || !may_be_one || packed.take(1).read_to_end(&mut bytes)? == 0 {
                return Ok(Self { bytes, packer: packer.map(|(name, _, packing)| (*name, *packing)) });
            }
        }
    }
}
