//! Whether a store of objects keeps what a commit rests on: of writers that race for one object under a condition, one wins.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;
use uuid::Uuid;

use super::objects::{Object, Objects, Tag, Trouble, When};
use crate::failure::{Failure, Kind};

/// Writers that race.
const WRITERS: usize = 16;
/// Races under each condition, as usual: of a server that fails, one in seven had several winners.
pub const ROUNDS: usize = 40;
/// Of each writer's increments of one number there is one for so many races.
const ROUNDS_AN_INCREMENT: usize = 5;
/// Tries of an increment: while writers go on trying, one of them has won.
const TRIES_MAX: usize = WRITERS * 4;
/// What one measured write holds: about that of a partition with 40 stations.
const MEASURED_BYTES: usize = 10_000;
const MEASURED: usize = 20;

/// What a store did.
#[derive(Debug, Default, Serialize)]
pub struct Conditions {
    pub store: String,
    /// Races in which the object was not there, and those of them with one winner.
    pub absent_rounds: usize,
    pub absent_right: usize,
    /// The same where the object was the one of a tag.
    pub tag_rounds: usize,
    pub tag_right: usize,
    /// Increments that were acknowledged, and the number that there was in the end.
    pub increments: usize,
    pub counted: usize,
    /// What is wrong, in words; empty: the store can be trusted as far as was tried.
    pub wrong: Vec<String>,
    /// What is not wrong and costs something.
    pub notes: Vec<String>,
    pub put_ms: Latency,
    pub get_ms: Latency,
}

/// In milliseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Latency {
    pub median: f64,
    pub max: f64,
}

impl Latency {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let ms = |time: Option<&Duration>| time.map_or(0.0, |time| (time.as_secs_f64() * 1e4).round() / 10.0);
        Self { median: ms(times.get(times.len() / 2)), max: ms(times.last()) }
    }
}

/// Races writers through conditions on objects below `.probe/`, which are removed again, and measures the store.
///
/// A failure if the store cannot be asked at all; what is wrong with it stands in the result.
pub fn check(objects: &dyn Objects, rounds: usize) -> Result<Conditions, Failure> {
    let folder = format!(".probe/{}", Uuid::new_v4());
    let key = |name: &str| format!("{folder}/{name}");
    let mut found = Conditions { store: objects.name(), ..Conditions::default() };
    let one = key("one");
    let checked = one_by_one(objects, &one, &failed(objects, &one), &mut found)
        .and_then(|()| removed(objects, &one, &mut found))
        .and_then(|()| races(objects, &key("race"), rounds, &mut found))
        .and_then(|()| counting(objects, &key("number"), rounds.div_ceil(ROUNDS_AN_INCREMENT), &mut found))
        .and_then(|()| measure(objects, &key("measured"), &mut found));
    let removed = ["one", "race", "number", "measured"].map(|name| objects.delete(&key(name)));
    checked?;
    for (name, removed) in ["one", "race", "number", "measured"].into_iter().zip(removed) {
        if let Err(trouble) = removed {
            found.notes.push(format!("{} could not be removed: {trouble}", objects.path(&key(name))));
        }
    }
    Ok(found)
}

fn failed(objects: &dyn Objects, key: &str) -> impl Fn(Trouble) -> Failure {
    let (name, has_answered) = (objects.path(key), objects.has_answered());
    move |trouble| {
        let kind =
            if matches!(trouble, Trouble::Denied(_)) && !has_answered { Kind::Settings } else { Kind::Unavailable };
        Failure::fatal(kind, format!("{name} cannot be written: {trouble}"))
            .advice("set the address, the credentials and state.s3 right; the user needs the rights to get, put, delete and list")
    }
}

/// Tries the conditions on one object of a name of its own, which is removed again: six requests, at each start of a process that
/// writes. A store that does not keep them is a Fatal failure. Gives what is not wrong and costs something.
pub fn probe(objects: &dyn Objects) -> Result<Vec<String>, Failure> {
    let key = format!(".probe/{}", Uuid::new_v4());
    let mut found = Conditions::default();
    let tried = one_by_one(objects, &key, &|trouble| objects.failure("cannot try", &key, &trouble), &mut found);
    if let Err(failure) = tried {
        drop(objects.delete(&key));
        return Err(failure);
    }
    if found.wrong.is_empty() {
        return Ok(found.notes);
    }
    let what = format!("{} cannot be trusted: {}", objects.name(), found.wrong.join("; "));
    Err(Failure::fatal(Kind::Settings, what).advice(
        "use a store that keeps its conditions, as isotherm store check finds out, or a folder, with state.dir",
    ))
}

/// What each condition must do where nobody else is at work. The object is gone behind it.
fn one_by_one(
    objects: &dyn Objects,
    key: &str,
    failed: &impl Fn(Trouble) -> Failure,
    found: &mut Conditions,
) -> Result<(), Failure> {
    let first = objects.put(key, b"first", &When::Absent).map_err(failed)?;
    let second = objects.put(key, b"second", &When::Is(first.clone())).map_err(failed)?;
    let refusals =
        [("that there is no such object", When::Absent), ("that the object is one that it was", When::Is(first))];
    for (condition, when) in refusals {
        match objects.put(key, b"third", &when) {
            Err(Trouble::Refused) => {}
            Ok(_) => {
                found.wrong.push(format!("a write under the condition {condition} was made though that did not hold"))
            }
            Err(trouble) => return Err(failed(trouble)),
        }
    }
    let read = objects.get(key).map_err(failed)?;
    match read {
        Some(object) if object.bytes == b"second" && object.tag.e_tag == second.e_tag => {}
        Some(Object { tag, .. }) if tag.e_tag != second.e_tag => found.wrong.push(format!(
            "an object has the ETag {:?} where it is read, and {:?} where it was written",
            tag.e_tag, second.e_tag
        )),
        _ => found.wrong.push("an object that was just written is not there, or is another one".to_owned()),
    }
    if second.e_tag.as_ref().is_some_and(|tag| tag.starts_with("W/")) {
        found
            .wrong
            .push("its ETags are weak, which no condition accepts: a proxy in front of it may make them so".to_owned());
    }
    objects.delete(key).map_err(failed)?;
    if second.version.is_some() {
        found.notes.push(
            "it keeps every version of an object, and each commit is one: give the bucket a lifecycle rule that removes old ones"
                .to_owned(),
        );
    }
    Ok(())
}

/// An object that was removed must not be replaced as the one that it was.
fn removed(objects: &dyn Objects, key: &str, found: &mut Conditions) -> Result<(), Failure> {
    let failed = failed(objects, key);
    let tag = objects.put(key, b"first", &When::Always).map_err(&failed)?;
    objects.delete(key).map_err(&failed)?;
    match objects.put(key, b"second", &When::Is(tag)) {
        Err(Trouble::Refused) => {}
        Ok(_) => found.wrong.push("an object that is not there was replaced".to_owned()),
        Err(trouble) => return Err(failed(trouble)),
    }
    Ok(())
}

/// Writers that begin together; how many have won, and whether one does not know. `race`: no two races write the same bytes, as
/// the tag of these would be the same, too.
fn race(objects: &dyn Objects, key: &str, when: &When, race: usize) -> (usize, bool) {
    let barrier = Barrier::new(WRITERS);
    let write = |writer: usize| {
        barrier.wait();
        objects.put(key, format!("race {race}, writer {writer}").as_bytes(), when)
    };
    let write = &write;
    let results = thread::scope(|scope| {
        let threads: Vec<_> = (0..WRITERS).map(|writer| scope.spawn(move || write(writer))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a writer does not panic")).collect::<Vec<_>>()
    });
    let winners = results.iter().filter(|result| result.is_ok()).count();
    (winners, results.iter().any(|result| matches!(result, Err(Trouble::Unsure(_)))))
}

fn races(objects: &dyn Objects, key: &str, rounds: usize, found: &mut Conditions) -> Result<(), Failure> {
    let failed = failed(objects, key);
    let is_right = |(winners, is_unsure): (usize, bool)| winners == 1 || (winners == 0 && is_unsure);
    for round in 0..rounds {
        objects.delete(key).map_err(&failed)?;
        found.absent_rounds += 1;
        found.absent_right += usize::from(is_right(race(objects, key, &When::Absent, 2 * round)));
        let Object { tag, .. } = objects.get(key).map_err(&failed)?.ok_or_else(|| failed(Trouble::Refused))?;
        found.tag_rounds += 1;
        found.tag_right += usize::from(is_right(race(objects, key, &When::Is(tag), 2 * round + 1)));
    }
    for (condition, rounds, right) in [
        ("there is no such object", found.absent_rounds, found.absent_right),
        ("the object is the one of a tag", found.tag_rounds, found.tag_right),
    ] {
        if right < rounds {
            let wrong = rounds - right;
            found.wrong.push(format!(
                "in {wrong} of {rounds} races of {WRITERS} writers under the condition that {condition}, not one has won"
            ));
        }
    }
    Ok(())
}

/// Each writer reads a number and puts the next one in its place: none may be lost.
fn counting(objects: &dyn Objects, key: &str, increments: usize, found: &mut Conditions) -> Result<(), Failure> {
    let failed = failed(objects, key);
    objects.put(key, b"0", &When::Absent).map_err(&failed)?;
    let number = |bytes: &[u8]| std::str::from_utf8(bytes).ok().and_then(|text| text.parse::<usize>().ok());
    let read = || -> Result<(usize, Tag), Trouble> {
        let Object { bytes, tag, .. } = objects.get(key)?.ok_or(Trouble::Refused)?;
        number(&bytes).map(|number| (number, tag)).ok_or_else(|| Trouble::Unsure("it holds no number".to_owned()))
    };
    let count = || {
        let (mut done, mut unsure) = (0, 0);
        for _ in 0..increments * TRIES_MAX {
            let Ok((number, tag)) = read() else { continue };
            match objects.put(key, (number + 1).to_string().as_bytes(), &When::Is(tag)) {
                Ok(_) => done += 1,
                Err(Trouble::Unsure(_)) => unsure += 1,
                Err(_) => {}
            }
            if done == increments {
                break;
            }
        }
        (done, unsure)
    };
    let count = &count;
    let counts: Vec<(usize, usize)> = thread::scope(|scope| {
        let threads: Vec<_> = (0..WRITERS).map(|_| scope.spawn(count)).collect();
        threads.into_iter().map(|thread| thread.join().expect("a writer does not panic")).collect()
    });
    let unsure: usize = counts.iter().map(|(_, unsure)| unsure).sum();
    found.increments = counts.iter().map(|(done, _)| done).sum();
    found.counted = read().map_err(&failed)?.0;
    if !(found.increments..=found.increments + unsure).contains(&found.counted) {
        found.wrong.push(format!(
            "{} increments of a number were acknowledged, and it is {} in the end",
            found.increments, found.counted
        ));
    }
    Ok(())
}

fn measure(objects: &dyn Objects, key: &str, found: &mut Conditions) -> Result<(), Failure> {
    let failed = failed(objects, key);
    let (mut puts, mut gets) = (Vec::new(), Vec::new());
    let mut bytes = vec![b' '; MEASURED_BYTES];
    let mut when = When::Absent;
    for round in 0..MEASURED {
        bytes[0] = u8::try_from(round).expect("a few");
        let begun = Instant::now();
        let tag = objects.put(key, &bytes, &when).map_err(&failed)?;
        puts.push(begun.elapsed());
        let begun = Instant::now();
        objects.get(key).map_err(&failed)?;
        gets.push(begun.elapsed());
        when = When::Is(tag);
    }
    (found.put_ms, found.get_ms) = (Latency::of(puts), Latency::of(gets));
    Ok(())
}
