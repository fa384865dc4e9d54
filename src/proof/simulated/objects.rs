//! A store of objects in memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;

use crate::durable::objects::{Object, Objects, Report, Tag, Trouble, When};

/// What tags say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagMode {
    /// The content: an object that has an old content again has its old tag again, as with the MD5 of S3.
    Content,
    /// Each write has one of its own.
    Write,
}

/// A call that is about to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectCall {
    Get,
    Put,
    Delete,
    List,
}

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectFault {
    /// It is never sent.
    NotSent,
    /// It is sent and lost.
    RequestLost,
    /// It is made, and its answer lost.
    AnswerLost,
    /// It is made after so many other calls, and its answer lost.
    Late(usize),
    /// It is made, and once more after so many other calls.
    Twice(usize),
    Denied,
}

type Plan = Box<dyn FnMut(ObjectCall, &str) -> Option<ObjectFault> + Send>;

#[derive(Default)]
struct Inside {
    /// Contents with the number of the write that made them.
    objects: BTreeMap<String, (Vec<u8>, u64)>,
    writes: u64,
    calls: usize,
    /// Writes that are under way, and the call before which each arrives.
    late: Vec<(usize, Write)>,
    plan: Option<Plan>,
    has_answered: bool,
    away_since: Option<Instant>,
}

impl Inside {
    fn note(&mut self, is_answered: bool) {
        self.has_answered |= is_answered;
        self.away_since = if is_answered { None } else { self.away_since.or_else(|| Some(Instant::now())) };
    }
}

#[derive(Clone)]
enum Write {
    Put { key: String, bytes: Vec<u8>, when: When },
    Delete { key: String },
}

/// A store of objects within this process. Clones are the same store.
#[derive(Clone)]
pub struct SimulatedObjects {
    tags: TagMode,
    inside: Arc<Mutex<Inside>>,
}

impl SimulatedObjects {
    pub fn new(tags: TagMode) -> Self {
        Self { tags, inside: Arc::default() }
    }

    /// What becomes of each call from now on.
    pub fn plan(&self, plan: impl FnMut(ObjectCall, &str) -> Option<ObjectFault> + Send + 'static) {
        self.inside.lock().plan = Some(Box::new(plan));
    }

    /// No call goes wrong from now on; those that are under way arrive.
    pub fn heal(&self) {
        let mut inside = self.inside.lock();
        inside.plan = None;
        for (_, write) in std::mem::take(&mut inside.late) {
            drop(self.make(&mut inside, write));
        }
    }

    /// All objects by their keys.
    pub fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        self.inside.lock().objects.iter().map(|(key, (bytes, _))| (key.clone(), bytes.clone())).collect()
    }

    fn tag(&self, (bytes, write): &(Vec<u8>, u64)) -> Tag {
        let e_tag = match self.tags {
            TagMode::Content => format!("\"{:08x}-{}\"", crc32c::crc32c(bytes), bytes.len()),
            TagMode::Write => format!("\"{write}\""),
        };
        Tag { e_tag: Some(e_tag), version: None }
    }

    fn make(&self, inside: &mut Inside, write: Write) -> Result<Option<Tag>, Trouble> {
        match write {
            Write::Put { key, bytes, when } => {
                let now = inside.objects.get(&key).map(|object| self.tag(object));
                let holds = match when {
                    When::Always => true,
                    When::Absent => now.is_none(),
                    When::Is(tag) => now == Some(tag),
                };
                if !holds {
                    return Err(Trouble::Refused);
                }
                inside.writes += 1;
                let object = (bytes, inside.writes);
                let tag = self.tag(&object);
                inside.objects.insert(key, object);
                Ok(Some(tag))
            }
            Write::Delete { key } => {
                inside.objects.remove(&key);
                Ok(None)
            }
        }
    }

    /// Makes what arrives before the next call, and says what becomes of that one.
    fn begin(&self, inside: &mut Inside, call: ObjectCall, key: &str) -> Option<ObjectFault> {
        inside.calls += 1;
        let calls = inside.calls;
        let (arrived, late) = std::mem::take(&mut inside.late).into_iter().partition(|(at, _)| *at <= calls);
        inside.late = late;
        for (_, write) in Vec::from_iter::<Vec<(usize, Write)>>(arrived) {
            drop(self.make(inside, write));
        }
        inside.plan.as_mut().and_then(|plan| plan(call, key))
    }

    fn write(&self, call: ObjectCall, key: &str, write: Write) -> Result<Option<Tag>, Trouble> {
        let inside = &mut *self.inside.lock();
        let lost = || Trouble::Unsure("the answer did not come".to_owned());
        let result = match self.begin(inside, call, key) {
            None => self.make(inside, write),
            Some(ObjectFault::NotSent) => Err(Trouble::NotDone("there is no way to it".to_owned())),
            Some(ObjectFault::Denied) => Err(Trouble::Denied("403 Forbidden".to_owned())),
            Some(ObjectFault::RequestLost) => Err(lost()),
            Some(ObjectFault::AnswerLost) => {
                drop(self.make(inside, write));
                Err(lost())
            }
            Some(ObjectFault::Late(calls)) => {
                inside.late.push((inside.calls + calls, write));
                Err(lost())
            }
            Some(ObjectFault::Twice(calls)) => {
                inside.late.push((inside.calls + calls, write.clone()));
                self.make(inside, write)
            }
        };
        inside.note(matches!(result, Ok(_) | Err(Trouble::Refused)));
        result
    }

    fn read<T>(&self, call: ObjectCall, key: &str, read: impl FnOnce(&Inside) -> T) -> Result<T, Trouble> {
        let inside = &mut *self.inside.lock();
        let fault = self.begin(inside, call, key);
        inside.note(matches!(fault, None | Some(ObjectFault::Twice(_))));
        match fault {
            None | Some(ObjectFault::Twice(_)) => Ok(read(inside)),
            Some(ObjectFault::Denied) => Err(Trouble::Denied("403 Forbidden".to_owned())),
            Some(ObjectFault::NotSent) => Err(Trouble::NotDone("there is no way to it".to_owned())),
            Some(_) => Err(Trouble::Unsure("the answer did not come".to_owned())),
        }
    }
}

impl Objects for SimulatedObjects {
    fn name(&self) -> String {
        "memory://objects".to_owned()
    }

    fn get(&self, key: &str) -> Result<Option<Object>, Trouble> {
        self.read(ObjectCall::Get, key, |inside| {
            let object = inside.objects.get(key)?;
            Some(Object { bytes: object.0.clone(), tag: self.tag(object), modified: None })
        })
    }

    fn put(&self, key: &str, bytes: &[u8], when: &When) -> Result<Tag, Trouble> {
        let write = Write::Put { key: key.to_owned(), bytes: bytes.to_vec(), when: when.clone() };
        self.write(ObjectCall::Put, key, write).map(|tag| tag.expect("a put gives one"))
    }

    fn delete(&self, key: &str) -> Result<(), Trouble> {
        self.write(ObjectCall::Delete, key, Write::Delete { key: key.to_owned() }).map(drop)
    }

    fn list(&self, prefix: &str) -> Result<Vec<String>, Trouble> {
        self.read(ObjectCall::List, prefix, |inside| {
            inside.objects.keys().filter(|key| key.starts_with(prefix)).cloned().collect()
        })
    }

    fn list_top(&self) -> Result<Vec<String>, Trouble> {
        self.read(ObjectCall::List, "", |inside| {
            inside.objects.keys().filter(|key| !key.contains('/')).cloned().collect()
        })
    }

    /// A call takes no time.
    fn reporting(&self, _: Report) -> Arc<dyn Objects> {
        Arc::new(self.clone())
    }

    fn has_answered(&self) -> bool {
        self.inside.lock().has_answered
    }

    fn away_since(&self) -> Option<Instant> {
        self.inside.lock().away_since
    }
}
