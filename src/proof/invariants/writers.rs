//! Who may write.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Invariant::OnlyOwnersWrite;
use super::Violation;
use crate::proof::simulated::Rename;

/// `OnlyOwnersWrite`: the files of one life were replaced by newer and newer epochs, each while the lock of what it
/// wrote was held.
pub fn entitled(renames: &[Rename]) -> Result<(), Violation> {
    let mut newest: BTreeMap<&Path, u64> = BTreeMap::new();
    for Rename { from, to, locks } in renames {
        let told = |what: &str| format!("{} was replaced by {}, {what}", to.display(), from.display());
        if let Some(lock) = lock_of(to) {
            OnlyOwnersWrite.require(locks.contains(&lock), || told("while nobody held the lock"))?;
        }
        let epoch = from.to_str().and_then(|from| from.rsplit_once(".tmp-")?.1.parse().ok());
        let Some(epoch) = epoch else { continue };
        let newest = newest.entry(to).or_default();
        OnlyOwnersWrite.require(epoch >= *newest, || told(&format!("after epoch {newest} had written")))?;
        *newest = epoch;
    }
    Ok(())
}

/// As `partition-2.lock` for `partition-2.rejected.jsonl`.
fn lock_of(path: &Path) -> Option<PathBuf> {
    let stem = path.file_name()?.to_str()?.split('.').next()?;
    Some(path.with_file_name(format!("{stem}.lock")))
}
