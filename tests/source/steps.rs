//! What is unpacked is unpacked once: each beginning anew shows as a step to the beginning of the file.

use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use isotherm::settings::Encoding;
use isotherm::source::content::Content;
use isotherm::source::lines::{Line, Lines};

use super::packed::Packed;

/// A file that counts how often it is read from its beginning.
struct Counted(Cursor<Vec<u8>>, Arc<AtomicUsize>);

impl Read for Counted {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.1.fetch_add(usize::from(self.0.position() == 0), Relaxed);
        self.0.read(bytes)
    }
}

impl Seek for Counted {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

/// Lines of 20 bytes in a packed file, and how often it was begun since it was opened.
fn lines() -> (Lines, impl Fn() -> usize) {
    let text: String = (0..300_000).map(|number| format!("{number:019}\n")).collect();
    let begun = Arc::<AtomicUsize>::default();
    let file = Counted(Cursor::new(Packed::Gzip(1).pack(text.as_bytes())), begun.clone());
    let content = Content::of(Box::new(file), Encoding::Utf8).expect("it is whole");
    let opened = begun.load(Relaxed);
    (Lines::new(content), move || begun.load(Relaxed) - opened)
}

fn next(lines: &mut Lines) -> String {
    let mut line = Vec::new();
    assert_eq!(lines.read(&mut line).expect("it is whole"), Line::Whole);
    String::from_utf8(line).expect("digits")
}

#[test]
fn a_step_back_over_as_much_as_a_record_may_have_unpacks_nothing_again() {
    let (mut lines, begun) = lines();
    for _ in 0..20 {
        let before = lines.position();
        let first = next(&mut lines);
        (0..3_300).for_each(|_| drop(next(&mut lines)));
        lines.go_to(before).expect("it is near");
        assert_eq!(next(&mut lines), first);
        (0..1_000).for_each(|_| drop(next(&mut lines)));
    }
    assert_eq!(begun(), 0);
}

#[test]
fn the_way_to_a_place_of_an_earlier_run_is_unpacked_once_in_steps() {
    let (mut whole, _) = lines();
    (0..250_000).for_each(|_| drop(next(&mut whole)));
    let place = whole.position();
    let (mut lines, begun) = lines();
    let mut steps = 1;
    while !lines.approach(place.bytes).expect("it is whole") {
        steps += 1;
    }
    assert!(lines.go_on_from(place).expect("it is whole"));
    assert_eq!((next(&mut lines), begun()), (next(&mut whole), 0));
    assert!(steps >= 4, "5 MB in {steps} steps");
}
