//! Poison: arbitrary bytes, and good inputs that were spoiled, for everything that reads what others wrote. Nothing
//! panics, nothing bad is counted, and no good file is touched. The same inputs in every run.

mod files;
#[path = "../support/readings.rs"]
mod readings;
mod records;
mod settings;
mod sources;

use std::cell::Cell;
use std::fmt::Debug;
use std::time::Instant;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Shows the test so many values, always the same ones. It says of each whether that was accepted: some are, or nothing
/// would be shown.
fn check<S: Strategy>(what: &str, cases: u32, strategy: S, test: impl Fn(S::Value) -> Result<bool, TestCaseError>)
where
    S::Value: Debug,
{
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let begun = Instant::now();
    let accepted = Cell::new(0);
    let counted = |value| test(value).map(|taken| accepted.set(accepted.get() + u32::from(taken)));
    runner.run(&strategy, counted).unwrap_or_else(|failure| panic!("{what}: {failure}"));
    let accepted = accepted.get();
    println!("{what}: {cases} cases, {accepted} accepted, in {:.1} s", begun.elapsed().as_secs_f64());
    assert!(accepted > 0 && accepted < cases, "{what}: {accepted} accepted");
}

/// One way to spoil an input.
#[derive(Clone, Debug)]
enum Change {
    Bit(Index, u8),
    Byte(Index, u8),
    Cut(Index),
    Remove(Index, usize),
    Insert(Index, Vec<u8>),
    /// Writes a part again, behind itself.
    Repeat(Index, usize),
    /// Writes a word that means something over what is there, or into it.
    Word(Index, Index, bool),
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        1 => (at(), 0u8..8).prop_map(|(at, bit)| Change::Bit(at, bit)),
        1 => (at(), any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        1 => at().prop_map(Change::Cut),
        1 => (at(), 1usize..20).prop_map(|(at, length)| Change::Remove(at, length)),
        1 => (at(), prop::collection::vec(any::<u8>(), 1..8)).prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        1 => (at(), 1usize..60).prop_map(|(at, length)| Change::Repeat(at, length)),
        3 => (at(), at(), any::<bool>()).prop_map(|(at, word, over)| Change::Word(at, word, over)),
    ]
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>, words: &[&str]) {
        let length = bytes.len();
        let within = |at: &Index| if length == 0 { 0 } else { at.index(length) };
        let up_to = |from: usize, part: usize| (from + part).min(length);
        match self {
            Self::Bit(at, bit) => bytes.iter_mut().skip(within(at)).take(1).for_each(|byte| *byte ^= 1 << bit),
            Self::Byte(at, to) => bytes.iter_mut().skip(within(at)).take(1).for_each(|byte| *byte = *to),
            Self::Cut(at) => bytes.truncate(within(at)),
            Self::Remove(at, part) => drop(bytes.drain(within(at)..up_to(within(at), *part))),
            Self::Insert(at, more) => drop(bytes.splice(within(at)..within(at), more.iter().copied())),
            Self::Repeat(at, part) => {
                let (start, end) = (within(at), up_to(within(at), *part));
                let again = bytes[start..end].to_vec();
                bytes.splice(end..end, again);
            }
            Self::Word(at, word, over) => {
                let word = words[word.index(words.len())].as_bytes();
                let end = if *over { up_to(within(at), word.len()) } else { within(at) };
                bytes.splice(within(at)..end, word.iter().copied());
            }
        }
    }
}

/// One of the inputs, changed a few times.
fn spoiled(inputs: Vec<Vec<u8>>, words: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    (prop::sample::select(inputs), prop::collection::vec(change(), 1..6)).prop_map(|(mut bytes, changes)| {
        changes.iter().for_each(|change| change.apply(&mut bytes, words));
        bytes
    })
}

fn arbitrary(bytes_max: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..bytes_max)
}
