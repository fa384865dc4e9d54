//! Files of the state folder: accepted are only the bytes that were written, and what is refused stays as it was.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use isotherm::domain::Rules;
use isotherm::durable::{Disk, Fence};
use isotherm::failure::Kind;
use isotherm::ingest::{CursorStore, source_path};
use isotherm::partition::format::{parse, serialize};
use isotherm::partition::{Identity, PartitionStore, partition_path, rejected_path};
use isotherm::proof::simulated::SimulatedDisk;
use proptest::prelude::*;

use super::{arbitrary, check, spoiled};

const GOOD: &[u8] = include_bytes!("../golden/partition-2.json");
const REJECTED: &[u8] = include_bytes!("../golden/partition-2.rejected.jsonl");
const SOURCE: &[u8] = include_bytes!("../golden/source.json");
const SOURCE_FILES: &[u8] = include_bytes!("../golden/source.files-0.jsonl");

const WORDS: &[&str] = &[
    "\"offset\": ",
    "\"_checkpoint\": {",
    "\"checksum\": \"",
    "\"count\": ",
    "\"gaps\": [",
    "null",
    "-1",
    "1e999",
    "18446744073709551615",
    "18446744073709551616",
    "0.1",
    "\"",
    "{",
    "}",
    "[",
    "]",
    ",",
    "\\u0000",
    "\\ud800",
    "==",
    "OjAAAAEA",
    "////",
    "2000-01-01",
    "9999-12-31",
    "{\"a\":",
];

fn folder() -> &'static Path {
    Path::new("/state")
}

fn good_files() -> Vec<Vec<u8>> {
    let others: [&[u8]; 3] = [
        include_bytes!("../golden/every-part.json"),
        include_bytes!("../golden/nothing-read.json"),
        include_bytes!("../golden/version-1-every-part.json"),
    ];
    [GOOD].into_iter().chain(others).map(<[u8]>::to_vec).collect()
}

/// With the checksum that it should have, where there is a place for one: what lies behind the checksum is met.
fn resealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let mark = b"\"checksum\": \"";
    if let Some(at) = bytes.windows(mark.len()).rposition(|part| part == mark).map(|at| at + mark.len())
        && bytes.len() >= at + 8
    {
        bytes[at..at + 8].copy_from_slice(b"00000000");
        let checksum = format!("{:08x}", crc32c::crc32c(&bytes));
        bytes[at..at + 8].copy_from_slice(checksum.as_bytes());
    }
    bytes
}

#[test]
fn a_checkpoint_is_accepted_only_as_it_was_written() {
    let bytes = prop_oneof![8 => spoiled(good_files(), WORDS), 1 => arbitrary(300)];
    check("checkpoints", 150_000, bytes, |bytes| {
        let taken = parse("x", &bytes).is_ok();
        prop_assert_eq!(taken, good_files().contains(&bytes));
        Ok(taken)
    });
}

#[test]
fn a_checkpoint_with_a_right_checksum_is_refused_or_means_something() {
    check("checkpoints with a right checksum", 150_000, spoiled(good_files(), WORDS).prop_map(resealed), |bytes| {
        let Ok(checkpoint) = parse("x", &bytes) else { return Ok(false) };
        let again = serialize(checkpoint.version, &checkpoint.identity, &checkpoint.state);
        prop_assert_eq!(parse("x", &again), Ok(checkpoint), "it is read again as what it was");
        Ok(true)
    });
}

fn disk(files: &BTreeMap<PathBuf, Vec<u8>>) -> SimulatedDisk {
    let disk = SimulatedDisk::new(4096);
    disk.create_folder(folder()).expect("created");
    for (path, bytes) in files {
        let mut file = disk.create_new(path).expect("created");
        file.append(bytes).and_then(|()| file.sync()).expect("written");
    }
    disk.sync_folder(folder()).expect("synced");
    disk
}

#[test]
fn a_partition_recovers_from_what_was_written_and_from_nothing_else() {
    let identity = Identity {
        topic: "temperatures".to_owned(),
        log_id: "f2b6c1de-30c4-4b3f-9a51-7d1f0f6a9a11".to_owned(),
        partition: 2,
        partitions: 4,
    };
    let json = prop_oneof![
        2 => Just(GOOD.to_vec()),
        2 => spoiled(vec![GOOD.to_vec()], WORDS),
        1 => spoiled(vec![GOOD.to_vec()], WORDS).prop_map(resealed),
    ];
    let longer = arbitrary(40).prop_map(|more| [REJECTED, &more].concat());
    let rejected = prop_oneof![
        Just(Some(REJECTED.to_vec())),
        longer.prop_map(Some),
        spoiled(vec![REJECTED.to_vec()], WORDS).prop_map(Some),
        Just(None),
    ];
    check("recoveries of a partition", 50_000, (json, rejected, arbitrary(20)), |(json, rejected, stale)| {
        let (path, rejected_path) = (partition_path(folder(), 2), rejected_path(folder(), 2));
        let mut files = BTreeMap::from([(path.clone(), json.clone())]);
        files.extend(rejected.clone().map(|rejected| (rejected_path.clone(), rejected)));
        files.insert(folder().join("partition-2.json.tmp-7"), stale);
        let disk = disk(&files);
        let fence = Arc::new(Fence::new(Duration::from_secs(10), |_| panic!("hung")));
        let store = PartitionStore::new(Arc::new(disk.clone()), folder().to_owned(), 2, fence);
        match store.recover(1, &identity, &Rules::default()) {
            Err(failure) => {
                prop_assert!(!failure.is_retryable() && failure.what.contains("partition-2."), "{}", failure);
                prop_assert!(json != GOOD || rejected.is_none_or(|rejected| !rejected.starts_with(REJECTED)));
                prop_assert_eq!(disk.files(), files, "refused, and left as it was");
                Ok(false)
            }
            Ok(state) => {
                let state = state.expect("there is a file");
                prop_assert!(json == GOOD || json == resealed(json.clone()), "accepted as it was written");
                let kept = rejected.unwrap_or_default()[..state.rejected_bytes as usize].to_vec();
                prop_assert_eq!(crc32c::crc32c(&kept), state.rejected_crc32c);
                let mut left = BTreeMap::from([(path, json)]);
                left.extend((!kept.is_empty()).then_some((rejected_path, kept)));
                prop_assert_eq!(disk.files(), left, "the same bytes, and nothing beside");
                Ok(true)
            }
        }
    });
}

#[test]
fn a_cursor_recovers_from_what_was_written_and_from_nothing_else() {
    let bytes = prop_oneof![
        1 => Just(SOURCE.to_vec()),
        6 => spoiled(vec![SOURCE.to_vec()], WORDS),
        2 => spoiled(vec![SOURCE.to_vec()], WORDS).prop_map(resealed),
        1 => arbitrary(200),
    ];
    check("recoveries of a cursor", 50_000, bytes, |bytes| {
        let lines = (folder().join("source.files-0.jsonl"), SOURCE_FILES.to_vec());
        let files = BTreeMap::from([(source_path(folder()), bytes.clone()), lines]);
        let disk = disk(&files);
        let fence = Arc::new(Fence::new(Duration::from_secs(10), |_| panic!("hung")));
        let store = CursorStore::new(Arc::new(disk.clone()), folder().to_owned(), fence);
        let recovered = store.recover(&store.enter(1).expect("it is free"));
        match &recovered {
            Err(failure) => {
                prop_assert!(failure.kind == Kind::Data && failure.what.contains("source."), "{}", failure);
                prop_assert!(bytes != SOURCE);
            }
            Ok(state) => prop_assert!(state.is_some() && (bytes == SOURCE || bytes == resealed(bytes.clone()))),
        }
        let mut left = disk.files();
        if recovered.is_ok() && bytes != SOURCE {
            // One with a right checksum that names no lines: there are none then.
            left.entry(folder().join("source.files-0.jsonl")).or_insert_with(|| SOURCE_FILES.to_vec());
        }
        prop_assert_eq!(left, files, "left as it was");
        Ok(recovered.is_ok())
    });
}
