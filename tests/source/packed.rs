//! Files that are packed, and texts that are not in UTF-8.

use std::io::{Cursor, Read as _, Write as _};

use flate2::Compression;
use flate2::write::GzEncoder;
use isotherm::failure::Kind;
use isotherm::settings::{Encoding, SourceKind};
use isotherm::source::FileNews;
use isotherm::source::content;
use isotherm::source::files::survey::{Standing, survey};
use proptest::prelude::*;

use super::readings::OwnedReading;
use super::revise::{Publisher, Row, last_values, owned, text};
use super::{drain, settings};

/// How a file is packed.
#[derive(Clone, Copy, Debug)]
pub enum Packed {
    No,
    /// In so many members, one behind the other.
    Gzip(usize),
    Zstd(usize),
}

pub fn packed() -> impl Strategy<Value = Packed> {
    prop_oneof![Just(Packed::No), (1usize..4).prop_map(Packed::Gzip), (1usize..4).prop_map(Packed::Zstd)]
}

impl Packed {
    pub fn pack(self, text: &[u8]) -> Vec<u8> {
        let members = |count: usize| text.chunks(text.len().div_ceil(count).max(1));
        match self {
            Self::No => text.to_vec(),
            Self::Gzip(count) => members(count).flat_map(gzip).collect(),
            Self::Zstd(count) => members(count).flat_map(zstd).collect(),
        }
    }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).and_then(|()| encoder.finish()).expect("there is memory")
}

fn zstd(text: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).expect("there is memory");
    encoder.include_checksum(true).expect("it can");
    encoder.write_all(text).and_then(|()| encoder.finish()).expect("there is memory")
}

pub fn unpack(bytes: Vec<u8>) -> Vec<u8> {
    let mut text = Vec::new();
    let unpacked = content::text(Cursor::new(bytes), Encoding::Utf8).and_then(|mut bytes| bytes.read_to_end(&mut text));
    unpacked.expect("it is whole");
    text
}

fn rows() -> Vec<Row> {
    (0..200).map(|at| (1 + at % 28, at as i32, char::from(b'A' + (at / 28) as u8))).collect()
}

fn publish(packed: &[u8]) -> Publisher {
    let mut publisher = Publisher::new();
    publisher.settings.rest_ms = 5_000;
    publisher.readings_max = 7;
    publisher.disk.replace("A.csv", packed);
    publisher.disk.pass_ms(10_000);
    publisher
}

#[test]
fn what_is_packed_is_read_as_what_is_not_and_packed_anew_is_unchanged() {
    let all = owned(&rows());
    let mut publisher = publish(text(&rows()).as_bytes());
    assert_eq!(publisher.sent(), all);
    for packed in [Packed::Gzip(1), Packed::Gzip(3), Packed::Zstd(1), Packed::Zstd(3), Packed::No, Packed::Gzip(2)] {
        let bytes = packed.pack(text(&rows()).as_bytes());
        assert_eq!(publish(&bytes).sent(), all, "{packed:?}");
        publisher.disk.replace("A.csv", &bytes);
        publisher.disk.pass_ms(10_000);
        let news = publisher.run();
        assert_eq!((publisher.log.len(), news), (all.len(), Vec::new()), "{packed:?}");
        let names = ["A.csv".to_owned()];
        for verify in [None, Some(Encoding::Utf8)] {
            let files = survey(&publisher.disk, &names, &publisher.kept, verify).expect("it is there");
            assert_eq!(files.last().map(|file| file.standing), Some(Standing::Read), "{packed:?}");
        }
    }
    let mut grown = rows();
    grown.push((29, 7, 'A'));
    publisher.disk.replace("A.csv", &Packed::Zstd(2).pack(text(&grown).as_bytes()));
    publisher.disk.pass_ms(10_000);
    assert_eq!(publisher.run(), Vec::new(), "a file that has grown is not compared");
    assert_eq!(publisher.log[all.len()..], owned(&grown)[all.len()..]);
}

/// The reading of half a line, or nothing that is made of what is damaged, must not be among them.
fn assert_begins(all: &[OwnedReading], log: &[OwnedReading]) {
    assert!(all.starts_with(log), "{log:?}");
}

#[test]
fn a_packed_file_that_is_cut_is_never_at_its_end_and_goes_on_when_it_is_whole() {
    let all = owned(&rows());
    for packed in [Packed::Gzip(1), Packed::Gzip(3), Packed::Zstd(1), Packed::Zstd(3)] {
        let whole = packed.pack(text(&rows()).as_bytes());
        for length in (0..whole.len()).step_by(7).chain([whole.len() - 1]) {
            let mut publisher = publish(&whole[..length]);
            let ended = publisher.attempt(usize::MAX, |_, _| ());
            let failure = ended.err().or_else(|| publisher.end.clone().err());
            assert_begins(&all, &publisher.log);
            // A file of some members may have been cut between them.
            let is_member = publisher.log.len() < all.len() && unpacks(&whole[..length]);
            if let Some(failure) = failure {
                assert_eq!(failure.kind, Kind::Data, "{packed:?} {length}: {failure}");
                let told = failure.to_string();
                let is_clear = told.contains("ends in the middle of what was packed") || length < 4;
                assert!(is_clear, "{packed:?} {length}: {told}");
            } else {
                assert!(is_member, "{packed:?} {length}: it looked like success");
            }
            publisher.disk.write_over("A.csv", &whole);
            publisher.disk.pass_ms(10_000);
            publisher.run();
            assert_eq!((publisher.log, publisher.end), (all.clone(), Ok(())), "{packed:?} {length}");
        }
    }
}

/// The last reading of each day is that of the file; what was damaged may have given days beside.
#[track_caller]
fn assert_has(log: &[OwnedReading], all: &[OwnedReading]) {
    let logged = last_values(log);
    for (key, degrees) in last_values(all) {
        assert_eq!(logged.get(&key), Some(&degrees), "{key:?}");
    }
}

fn unpacks(bytes: &[u8]) -> bool {
    let mut text = Vec::new();
    content::text(Cursor::new(bytes.to_vec()), Encoding::Utf8)
        .and_then(|mut bytes| bytes.read_to_end(&mut text))
        .is_ok()
}

#[test]
fn a_packed_file_that_is_being_written_is_waited_for() {
    let (all, whole) = (owned(&rows()), Packed::Gzip(2).pack(text(&rows()).as_bytes()));
    let mut damaged = whole.clone();
    damaged[whole.len() * 3 / 4] ^= 0x55;
    let length = whole.len();
    // And at which call the rest comes: once what is there was read.
    for (begun, calls) in
        [(&whole[..length / 4], 10), (&whole[..length / 2], 17), (&whole[..length - 4], 31), (&damaged, 24)]
    {
        let mut publisher = publish(begun);
        publisher.settings.rest_ms = 60_000;
        publisher.disk.write_over("A.csv", begun);
        let news = publisher.run_for(usize::MAX, |disk, call| {
            disk.pass_ms(1_000);
            if call == calls {
                disk.write_over("A.csv", &whole);
            }
        });
        assert_eq!(publisher.end, Ok(()));
        assert_has(&publisher.log, &all);
        let is_half = news.contains(&FileNews::Half { files: 1, first: "A.csv".to_owned() });
        assert!(is_half, "{calls}: {news:?}");
        // What is damaged may have given another value before that shows.
        let is_compared = news.iter().any(|news| matches!(news, FileNews::Compared(_)));
        assert!(is_compared == (begun == damaged) && (is_compared || publisher.log == all), "{calls}: {news:?}");
    }
}

#[test]
fn what_is_damaged_is_told_with_what_stands_before_and_a_good_copy_puts_it_right() {
    // More than is unpacked at once.
    let row = |at: u32| (1 + at % 28, (at.wrapping_mul(at) % 97) as i32, char::from(b'A' + (at / 28 % 26) as u8));
    let rows: Vec<Row> = (0..20_000).map(row).collect();
    let all = owned(&rows);
    for packed in [Packed::Gzip(1), Packed::Zstd(1)] {
        let good = packed.pack(text(&rows).as_bytes());
        let mut told = 0;
        for at in (12..good.len()).step_by(good.len() / 40) {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            let mut publisher = publish(&bad);
            publisher.readings_max = 1_000;
            let failure = match publisher.attempt(usize::MAX, |_, _| ()) {
                Err(failure) => failure,
                // A bit of no meaning.
                Ok(_) if publisher.end.is_ok() && publisher.log == all => continue,
                Ok(_) => publisher.end.clone().expect_err("it looked like success"),
            };
            assert_eq!(failure.kind, Kind::Data, "{packed:?} {at}: {failure}");
            told += usize::from(failure.what.contains("readings stand before that"));
            publisher.disk.replace("A.csv", &good);
            publisher.disk.pass_ms(10_000);
            publisher.run();
            assert_eq!(publisher.end, Ok(()));
            assert_has(&publisher.log, &all);
        }
        assert!(told > 20, "{told}");
    }
}

#[test]
fn a_long_way_to_where_a_packed_file_was_left_is_gone_in_steps() {
    for header in [true, false] {
        a_long_way(header);
    }
}

fn a_long_way(header: bool) {
    let mut wide = text(&rows());
    for number in 0..150_000 {
        wide.push_str(&format!("2014-7-{},{number},Z\n", 1 + number % 31));
    }
    if !header {
        wide = wide.split_once('\n').expect("there are lines").1.to_owned();
    }
    let publish = |bytes: &[u8]| {
        let mut publisher = publish(bytes);
        publisher.readings_max = 5_000;
        let csv = &mut publisher.settings.csv;
        csv.header = header;
        if !header {
            for (column, number) in
                [(&mut csv.date_column, "1"), (&mut csv.degrees_column, "2"), (&mut csv.station_column, "3")]
            {
                number.clone_into(column);
            }
        }
        publisher
    };
    let mut publisher = publish(&Packed::Gzip(1).pack(wide.as_bytes()));
    let mut reference = publish(wide.as_bytes());
    reference.run();
    publisher.run_for(28, |_, _| ());
    let before = publisher.log.len();
    assert!(before > 130_000 && before < reference.log.len(), "{before}");
    // What was given in the last call was not kept.
    let kept_readings = before - 5_000;
    let mut source = publisher.open();
    let rest = drain(&mut *source, 5_000);
    assert_eq!(rest, reference.log[kept_readings..]);
}

#[test]
fn the_format_of_the_network_is_unpacked_too() {
    let mut settings = settings(SourceKind::GhcnDaily);
    let plain = super::read_all(&settings);
    let folder = tempfile::tempdir().expect("a folder");
    for file in std::fs::read_dir("tests/data").expect("samples") {
        let path = file.expect("a file").path();
        if path.extension().is_some_and(|extension| extension == "dly") {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            let bytes = gzip(&std::fs::read(&path).expect("it can be read"));
            std::fs::write(folder.path().join(format!("{name}.gz")), bytes).expect("written");
        }
    }
    settings.ghcn_daily.files = format!("{}/*.dly.gz", folder.path().display());
    assert_eq!(super::read_all(&settings), plain);
}

/// The first look at a file reads more than such a text has.
#[test]
fn damage_is_told_of_the_shortest_files_and_members_too() {
    let rows = &rows()[..3];
    let members: Vec<Vec<u8>> =
        [text(&rows[..1]), text(&rows[1..2])].iter().map(|text| gzip(text.as_bytes())).collect();
    let mut damaged = members[1].clone();
    let sum = damaged.len() - 8;
    damaged[sum] ^= 1;
    for bytes in [damaged.clone(), [&members[0][..], &damaged, &members[0]].concat()] {
        let mut publisher = publish(&bytes);
        let failure = publisher.attempt(usize::MAX, |_, _| ()).expect_err("its sum is wrong");
        assert_eq!(failure.kind, Kind::Data, "{failure}");
    }
}

#[test]
fn texts_in_other_encodings_are_read_packed_or_not() {
    let text = "Datum;Ort;Mittel °C\n2014-07-01;Köln;21.5\n2014-07-02;Köln;19\n";
    let utf_16 = |mark: bool, low_first: bool| -> Vec<u8> {
        let units = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
        units.flat_map(|unit| if low_first { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
    };
    let latin_1: Vec<u8> =
        text.chars().map(|letter| u8::try_from(u32::from(letter)).expect("Latin-1 has it")).collect();
    let cases = [
        (Encoding::Utf8, text.as_bytes().to_vec()),
        (Encoding::Utf8, [b"\xef\xbb\xbf", text.as_bytes()].concat()),
        (Encoding::Utf16, utf_16(true, true)),
        (Encoding::Utf16, utf_16(true, false)),
        (Encoding::Utf16, utf_16(false, true)),
        (Encoding::Utf16, utf_16(false, false)),
        (Encoding::Latin1, latin_1.clone()),
    ];
    for (encoding, bytes) in cases {
        // Which byte comes first is seen without a mark only of what is not packed.
        let packings = if bytes.starts_with(&[0]) { 1 } else { 3 };
        for packed in [Packed::No, Packed::Gzip(2), Packed::Zstd(1)].into_iter().take(packings) {
            let mut publisher = publish(&packed.pack(&bytes));
            let csv = &mut publisher.settings.csv;
            (csv.encoding, csv.delimiter) = (encoding, ";".to_owned());
            for (column, name) in [
                (&mut csv.date_column, "Datum"),
                (&mut csv.station_column, "Ort"),
                (&mut csv.degrees_column, "Mittel °C"),
            ] {
                name.clone_into(column);
            }
            let expected = [super::reading("Köln", "2014-07-01", 21.5), super::reading("Köln", "2014-07-02", 19.0)];
            assert_eq!(publisher.sent(), expected, "{encoding:?} {packed:?}");
            assert_eq!(publisher.sent(), []);
        }
    }
    // What they say who read it as something else.
    for (bytes, advice) in [(utf_16(true, true), "\"utf-16\""), (latin_1, "\"latin-1\"")] {
        let mut publisher = publish(&bytes);
        ";".clone_into(&mut publisher.settings.csv.delimiter);
        "Mittel °C".clone_into(&mut publisher.settings.csv.degrees_column);
        "Datum".clone_into(&mut publisher.settings.csv.date_column);
        "Ort".clone_into(&mut publisher.settings.csv.station_column);
        let failure = publisher.attempt(usize::MAX, |_, _| ()).expect_err("it is not UTF-8");
        assert!(failure.to_string().contains(&format!("set source.csv.encoding = {advice}")), "{failure}");
    }
}

/// As programs of old Macintoshes wrote, whose bytes are no UTF-8.
#[test]
fn lines_of_cr_alone_are_read_in_every_encoding() {
    let text = "date,degrees,station\r2014-7-1,21,A\r2014-7-2,19,A\r";
    let latin_1 = text.replace('A', "\u{c4}").chars().map(|letter| u32::from(letter) as u8).collect();
    let utf_16 = text.replace('A', "\u{c4}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (encoding, bytes) in [(Encoding::Latin1, latin_1), (Encoding::Utf16, utf_16)] as [(_, Vec<u8>); 2] {
        let mut publisher = publish(&bytes);
        publisher.settings.csv.encoding = encoding;
        let expected = [super::reading("Ä", "2014-07-01", 21.0), super::reading("Ä", "2014-07-02", 19.0)];
        assert_eq!(publisher.sent(), expected, "{encoding:?}");
    }
}

/// Each goes on behind the line of the quote, which is a step back.
#[test]
fn stray_quotes_in_a_packed_file_are_bad_lines_as_in_a_plain_one() {
    let line = |at: u32| match at % 9_000 {
        1_000 => format!("2014-7-{},\"{at},A\n", 1 + at % 28),
        _ => format!("2014-7-{},{at},A\n", 1 + at % 28),
    };
    let text = "date,degrees,station\n".to_owned() + &(0..46_000).map(line).collect::<String>();
    let all = publish(text.as_bytes()).sent();
    // Five quotes, and 9999 stands for no value.
    assert_eq!(all.len(), 45_994);
    for packed in [Packed::Gzip(1), Packed::Gzip(3), Packed::Zstd(1)] {
        assert!(publish(&packed.pack(text.as_bytes())).sent() == all, "{packed:?}");
    }
}

#[test]
fn an_archive_of_files_is_not_taken_for_one() {
    let mut tar = vec![0; 512];
    tar[..6].copy_from_slice(b"A.dly\0");
    tar[257..262].copy_from_slice(b"ustar");
    tar.extend(text(&rows()).into_bytes());
    for packed in [Packed::No, Packed::Gzip(1), Packed::Zstd(2)] {
        let failure = publish(&packed.pack(&tar)).attempt(usize::MAX, |_, _| ()).expect_err("it is an archive");
        assert!(failure.kind == Kind::Data && failure.what.contains("an archive of files (tar)"), "{failure}");
    }
}

#[test]
fn what_others_pack_is_named() {
    for (magic, name) in [
        (&b"\xfd7zXZ\0\0\x04"[..], "xz"),
        (b"BZh91AY&SY\0", "bzip2"),
        (b"PK\x03\x04\x14\0", "zip"),
        (b"\x1f\x9d\x90", "compress"),
        (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    ] {
        let failure = publish(magic).attempt(usize::MAX, |_, _| ()).expect_err(name);
        assert!(failure.kind == Kind::Data && failure.what.contains(&format!("packed by {name}")), "{failure}");
    }
}
