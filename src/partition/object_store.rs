//! Commit and recovery of one partition in a store of objects, which any number of processes may do at once.
//!
//! The state is a function of the log, so equal bytes are equal states, and one condition is all the fence there is: the state is
//! put only in place of the one that it was counted on from. Requests may be delayed, lost, repeated or late: the object goes from a
//! state to one that extends it; a second owner costs work and does no harm; and a process that was thought dead can write
//! nothing but what is right. Rejected lines lie in parts whose names and contents follow from the state: they are put before the
//! state that speaks of them.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::accept::Place;
use super::on_store::{Base, Content, Known, OnStore};
use super::rejected_parts::{self, RejectedParts};
use super::{Identity, advice, format, state_name};
use crate::domain::{Invariant, PartitionState, Rules, Snapshot};
use crate::durable::Fence;
use crate::durable::objects::{Objects, Tag, Trouble, When};
use crate::failure::{Failure, Kind, Origin, Severity};

/// A part that the state names and that is not there is waited for so long: it may have been replaced with the state meanwhile, and
/// some stores show a new object late.
const PART_WAIT_MAX: Duration = Duration::from_secs(10);
/// Refusals of a condition that holds, after which the store is one that cannot be used.
const WRONG_REFUSALS_MAX: u32 = 3;
/// Another process that commits again within this time counts the same partition.
const SUPERSEDED_AGAIN: Duration = Duration::from_secs(60);

/// One partition's `partition-N.json` and its rejected lines in a store of objects. Clones share the fence.
#[derive(Clone)]
pub struct PartitionObjects {
    objects: Arc<dyn Objects>,
    partition: u32,
    chunk_bytes: u64,
    is_in_group: bool,
    /// The log's end when a rebuild began.
    anew: Option<u64>,
    fence: Arc<Fence<OnStore>>,
}

impl PartitionObjects {
    pub fn new(objects: Arc<dyn Objects>, partition: u32, fence: Arc<Fence<OnStore>>) -> Self {
        let (chunk_bytes, is_in_group, anew) = (rejected_parts::CHUNK_BYTES, false, None);
        Self { objects, partition, chunk_bytes, is_in_group, anew, fence }
    }

    /// With parts of another size: an exhaustive search has short lines.
    #[must_use]
    pub fn chunks_of(self, chunk_bytes: u64) -> Self {
        Self { chunk_bytes, ..self }
    }

    /// Of a process in a group, which says who should count: that another one does is no failure there.
    #[must_use]
    pub fn in_group(self) -> Self {
        Self { is_in_group: true, ..self }
    }

    /// Of a rebuild: what is there is passed over, and replaced only by what was counted no less far, as far as the log goes, which
    /// ended at `log_end`. So no rebuild moves the object back, and no part is removed that a late write could still name; but for a
    /// state of another log, whose bytes can never come again.
    #[must_use]
    pub fn anew(self, log_end: u64) -> Self {
        Self { anew: Some(log_end), ..self }
    }

    /// Whether another process has committed since this one last did.
    pub fn was_superseded(&self, epoch: u64) -> Result<bool, Failure> {
        Ok(self.fence.enter(epoch)?.left.was_superseded)
    }

    /// The object that holds the partition's state.
    pub fn name(&self) -> String {
        self.objects.path(&self.key())
    }

    /// What was committed last, or `None` where there is no object. Enters the fence as `epoch`.
    ///
    /// An object that is damaged, foreign or newer is a Fatal failure, and then nothing was changed.
    pub fn recover(&self, epoch: u64, identity: &Identity, rules: &Rules) -> Result<Option<PartitionState>, Failure> {
        let mut entered = self.fence.enter(epoch)?;
        let left = &mut *entered.left;
        left.recovered_by = None;
        let found = self.get(&self.key())?;
        if let Some(log_end) = self.anew {
            left.base = self.anew_in_place_of(found, log_end, identity, rules);
            left.recovered_by = Some(epoch);
            return Ok(None);
        }
        let Some((bytes, tag)) = found else {
            if left.base.object.is_some() {
                return Err(self.removed());
            }
            left.recovered_by = Some(epoch);
            return Ok(None);
        };
        let (version, state) = self.accept(&bytes, identity, rules)?;
        self.check_forward(left, &state)?;
        let parts = RejectedParts::of(version, identity, &state, self.chunk_bytes);
        let stream = self.read_parts(left, &parts, state.rejected_bytes, state.rejected_crc32c)?;
        self.collect_garbage(&parts, state.rejected_bytes);
        let tail_bytes = parts.tail(state.rejected_bytes);
        left.base = Base {
            object: Some(Known { tag, content: Content::of(&bytes), version, next_offset: state.next_offset, parts }),
            rejected_bytes: state.rejected_bytes,
            rejected_crc32c: state.rejected_crc32c,
            tail: stream[stream.len() - (tail_bytes.end - tail_bytes.start) as usize..].to_vec(),
            ..Base::default()
        };
        (left.recovered_by, left.wrong_refusals) = (Some(epoch), 0);
        Ok(Some(state))
    }

    /// Replaces the state by the snapshot. Enters the fence as `epoch`, which must have recovered. After a Retryable failure the
    /// same snapshot may be committed again; after one that says so, another process has committed.
    pub fn commit(&self, epoch: u64, identity: &Identity, snapshot: &Snapshot) -> Result<(), Failure> {
        let mut entered = self.fence.enter(epoch)?;
        let left = &mut *entered.left;
        if left.recovered_by != Some(epoch) {
            return Err(self.broken("it was not recovered in this epoch".to_owned()));
        }
        let state = &snapshot.state;
        let known = left.base.object.as_ref();
        if let Some(old) = known.map(|known| known.next_offset).filter(|old| state.next_offset < *old) {
            let back = self.broken(format!("its offset would go back from {old} to {}", state.next_offset));
            return Err(back.origin(Origin::Check(Invariant::CommitsStay)));
        }
        format::check(state).map_err(|reason| self.broken(reason))?;
        if left.base.floor.is_some_and(|floor| state.next_offset < floor) {
            left.base.kept_back.extend_from_slice(&snapshot.rejected_lines);
            return Ok(());
        }
        let version = known.map_or(format::VERSION, |known| known.version);
        let bytes = format::serialize(version, identity, state);
        let parts = RejectedParts::of(version, identity, state, self.chunk_bytes);

        let lines = match &left.base.kept_back[..] {
            [] => Cow::Borrowed(&snapshot.rejected_lines[..]),
            kept_back => Cow::Owned([kept_back, &snapshot.rejected_lines].concat()),
        };
        let tail = self.put_parts(left, &parts, state, &lines)?;
        let tag = self.put_state(left, &bytes, identity, &state.rules)?;
        let object = Known { tag, content: Content::of(&bytes), version, next_offset: state.next_offset, parts };
        let (rejected_bytes, rejected_crc32c) = (state.rejected_bytes, state.rejected_crc32c);
        let base = Base { object: Some(object), rejected_bytes, rejected_crc32c, tail, ..Base::default() };
        let before = std::mem::replace(&mut left.base, base);
        (left.wrong_refusals, left.was_superseded) = (0, false);
        self.delete_tail(before, &left.base);
        Ok(())
    }

    /// The same store for one that must know whether a long commit or recovery gets on.
    pub fn reporting(&self, report: impl Fn() + Send + Sync + 'static) -> Self {
        let fence = self.fence.clone();
        let report = Arc::new(move || {
            fence.got_on();
            report();
        });
        Self { objects: self.objects.reporting(report), ..self.clone() }
    }

    /// What a count anew begins with: the object is there to be replaced, and nothing of it is known.
    fn anew_in_place_of(
        &self,
        found: Option<(Vec<u8>, Tag)>,
        log_end: u64,
        identity: &Identity,
        rules: &Rules,
    ) -> Base {
        let Some((bytes, tag)) = found else { return Base::default() };
        let of_this_log = format::parse(&self.name(), &bytes).ok().filter(|old| old.identity.log_id == identity.log_id);
        let floor = of_this_log.map_or(0, |old| old.state.next_offset.min(log_end));
        let parts = RejectedParts::of(format::VERSION, identity, &PartitionState::new(*rules, 0), self.chunk_bytes);
        let content = Content::of(&bytes);
        let object = Known { tag, content, version: format::VERSION, next_offset: 0, parts };
        Base { object: Some(object), floor: Some(floor), ..Base::default() }
    }

    fn key(&self) -> String {
        state_name(self.partition)
    }

    fn get(&self, key: &str) -> Result<Option<(Vec<u8>, Tag)>, Failure> {
        let got = self.objects.get(key).map_err(|trouble| self.objects.failure("cannot read", key, &trouble))?;
        Ok(got.map(|object| (object.bytes, object.tag)))
    }

    fn accept(&self, bytes: &[u8], identity: &Identity, rules: &Rules) -> Result<(u64, PartitionState), Failure> {
        Place { file: &self.name(), setting: "state.url", partition: self.partition }.accept(bytes, identity, rules)
    }

    fn broken(&self, reason: String) -> Failure {
        Failure::fatal(Kind::Internal, format!("{} is not written: {reason}", self.name()))
            .advice("this is an error in isotherm; the object is as it was")
            .origin(Origin::Check(Invariant::FilesEqualReplay))
    }

    fn removed(&self) -> Failure {
        Failure::fatal(Kind::Data, format!("{} was removed while it was counted on; nothing was written", self.name()))
            .advice(format!("restore it, or {}", advice::rebuild(self.partition)))
    }

    /// An object of which this process knew more was restored from a copy, or is counted anew.
    fn check_forward(&self, left: &OnStore, found: &PartitionState) -> Result<(), Failure> {
        match &left.base.object {
            Some(known) if found.next_offset < known.next_offset => {
                let (was, is) = (known.next_offset, found.next_offset);
                let what = format!("{} goes back from the offset {was} to {is}; nothing was written", self.name());
                Err(Failure::fatal(Kind::Data, what)
                    .advice("start again if that is meant: it is then counted on from there"))
            }
            _ => Ok(()),
        }
    }

    /// The whole stream of rejected lines, which must be the one that the state speaks of.
    fn read_parts(
        &self,
        left: &mut OnStore,
        parts: &RejectedParts,
        bytes: u64,
        crc32c: u32,
    ) -> Result<Vec<u8>, Failure> {
        let mut stream = Vec::new();
        for range in parts.ranges(0, bytes) {
            let key = parts.key(&range);
            let Some((part, _)) = self.get(&key)? else { return Err(self.missing(left, key)) };
            if part.len() as u64 != range.end - range.start {
                return Err(self.damaged(&key, format!("it has {} bytes", part.len())));
            }
            stream.extend_from_slice(&part);
        }
        left.missing = None;
        if crc32c::crc32c(&stream) != crc32c {
            let of = parts.key(&parts.tail(bytes));
            return Err(self.damaged(&of, "it and the parts before it are not what was committed".to_owned()));
        }
        Ok(stream)
    }

    /// The state is read again with the next try: it may be another one by then, with other parts.
    fn missing(&self, left: &mut OnStore, key: String) -> Failure {
        let what = format!("{} is not there, of which {} speaks", self.objects.path(&key), self.name());
        let now = Instant::now();
        match &left.missing {
            Some((missing, since)) if *missing == key && now - *since > PART_WAIT_MAX => self.damaged(&key, what),
            Some((missing, _)) if *missing == key => Failure::retryable(Kind::Unavailable, what),
            _ => {
                left.missing = Some((key, now));
                Failure::retryable(Kind::Unavailable, what)
            }
        }
    }

    fn damaged(&self, key: &str, reason: String) -> Failure {
        Failure::fatal(Kind::Data, format!("{} is damaged: {reason}", self.objects.path(key)))
            .advice(format!("restore a copy of it, or {}", advice::rebuild(self.partition)))
    }

    /// Puts the parts that hold the snapshot's new lines; all of them in a lineage that is new. Gives the last part's bytes.
    fn put_parts(
        &self,
        left: &mut OnStore,
        parts: &RejectedParts,
        state: &PartitionState,
        lines: &[u8],
    ) -> Result<Vec<u8>, Failure> {
        let Base { object, rejected_bytes, rejected_crc32c, tail, .. } = &left.base;
        let goes_on = *rejected_bytes + lines.len() as u64 == state.rejected_bytes
            && crc32c::crc32c_append(*rejected_crc32c, lines) == state.rejected_crc32c;
        if !goes_on {
            return Err(self
                .broken(format!("its rejected records do not go on from the {rejected_bytes} bytes that are there")));
        }
        let (bytes, crc32c) = (*rejected_bytes, *rejected_crc32c);
        let mut stream = match object {
            Some(Known { parts: old, .. }) if old != parts && bytes > 0 => {
                let old = old.clone();
                self.read_parts(left, &old, bytes, crc32c)?
            }
            Some(Known { parts: old, .. }) if old == parts && lines.is_empty() => return Ok(tail.clone()),
            _ => tail.clone(),
        };
        let begin = bytes - stream.len() as u64;
        stream.extend_from_slice(lines);
        let mut last = &stream[..0];
        for range in parts.ranges(begin, state.rejected_bytes) {
            last = &stream[(range.start - begin) as usize..(range.end - begin) as usize];
            let key = parts.key(&range);
            let put = self.objects.put(&key, last, &When::Always);
            put.map_err(|trouble| self.objects.failure("cannot write", &key, &trouble))?;
        }
        let tail_bytes = parts.tail(state.rejected_bytes);
        Ok(if tail_bytes.is_empty() { Vec::new() } else { last.to_vec() })
    }

    /// Puts the state in place of the one that it was counted on from. Every doubtful answer is resolved by reading the object: the
    /// bytes say whose they are.
    fn put_state(&self, left: &mut OnStore, bytes: &[u8], identity: &Identity, rules: &Rules) -> Result<Tag, Failure> {
        let key = self.key();
        let when = left.base.object.as_ref().map_or(When::Absent, |known| When::Is(known.tag.clone()));
        let trouble = match self.objects.put(&key, bytes, &when) {
            Ok(tag) => return Ok(tag),
            Err(trouble) => trouble,
        };
        let failure = |trouble: &Trouble| self.objects.failure("cannot write", &key, trouble);
        if let Trouble::NotDone(_) | Trouble::Denied(_) = trouble {
            return Err(failure(&trouble));
        }
        let found = self.get(&key)?;
        match (found, &mut left.base.object) {
            // Written by this process, or by another one that counts as well.
            (Some((found, tag)), _) if found == bytes => Ok(tag),
            (Some((found, tag)), Some(known)) if Content::of(&found) == known.content => {
                known.tag = tag;
                left.wrong_refusals += u32::from(trouble == Trouble::Refused);
                if left.wrong_refusals >= WRONG_REFUSALS_MAX {
                    let what = format!(
                        "{} refuses writes under a condition that holds, {WRONG_REFUSALS_MAX} times: the ETag of {key} is \
                         {:?}",
                        self.objects.name(),
                        known.tag.e_tag
                    );
                    let advice = "a proxy in front of the store may make ETags weak: reach the store without it";
                    return Err(Failure::fatal(Kind::Settings, what).advice(advice));
                }
                Err(failure(&trouble))
            }
            (None, None) => Err(failure(&trouble)),
            (None, Some(_)) => Err(self.removed()),
            (Some((found, _)), _) => {
                let (_, found) = self.accept(&found, identity, rules)?;
                self.check_forward(left, &found)?;
                Err(self.superseded(left, found.next_offset))
            }
        }
    }

    /// The life of the branch ends, and the next one goes on from what the other process has committed.
    fn superseded(&self, left: &mut OnStore, found_offset: u64) -> Failure {
        let what = format!("{} was committed by another process, up to the offset {found_offset}", self.name());
        let now = Instant::now();
        let before = left.superseded_at.replace(now);
        left.was_superseded = true;
        left.recovered_by = None;
        if !self.is_in_group && before.is_some_and(|before| now - before < SUPERSEDED_AGAIN) {
            return Failure::fatal(Kind::TryAgain, format!("{what}, again within a minute"))
                .advice("another process counts the same partition: end one of them");
        }
        Failure { severity: Severity::Superseded, ..Failure::fatal(Kind::TryAgain, what) }
    }

    /// The tail of the state before is named by no state that can come. To keep it costs a few bytes, so that a failure is passed over.
    fn delete_tail(&self, before: Base, now: &Base) {
        let (Some(old), Some(new)) = (before.object, &now.object) else { return };
        let tail = old.parts.tail(before.rejected_bytes);
        if !tail.is_empty() && old.parts == new.parts && before.rejected_bytes < now.rejected_bytes {
            drop(self.objects.delete(&old.parts.key(&tail)));
        }
    }

    /// Removes what earlier processes have left, which nobody can name any more. A listing that lacks some leaves them to the next
    /// recovery.
    fn collect_garbage(&self, parts: &RejectedParts, committed_bytes: u64) {
        let Ok(keys) = self.objects.list(&rejected_parts::prefix(self.partition)) else { return };
        for key in keys.iter().filter(|key| parts.is_garbage(key, committed_bytes)) {
            drop(self.objects.delete(key));
        }
    }
}
