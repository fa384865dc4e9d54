//! What every store of objects does: the simulated one, and a real server.

use std::sync::Arc;

use isotherm::durable::objects::{Object, Objects, Report, Tag, Trouble, When};
use isotherm::proof::simulated::{SimulatedObjects, TagMode};

pub fn keeps_the_contract(objects: &dyn Objects) {
    let get = |key: &str| objects.get(key).expect("it answers").map(|object| (object.bytes, object.tag));
    let put = |key: &str, bytes: &[u8], when: &When| objects.put(key, bytes, when);
    assert_eq!(get("a/one.json"), None);
    let first = put("a/one.json", b"first", &When::Absent).expect("the key is free");
    assert!(objects.has_answered());
    assert_eq!(get("a/one.json"), Some((b"first".to_vec(), first.clone())));
    assert_eq!(put("a/one.json", b"other", &When::Absent), Err(Trouble::Refused));
    let second = put("a/one.json", b"second", &When::Is(first.clone())).expect("it is the one");
    assert_ne!(first, second);
    assert_eq!(put("a/one.json", b"third", &When::Is(first.clone())), Err(Trouble::Refused));
    assert_eq!(put("none", b"third", &When::Is(second.clone())), Err(Trouble::Refused));
    assert_eq!(get("a/one.json"), Some((b"second".to_vec(), second)));
    assert_eq!(get("none"), None);
    let third = put("a/one.json", b"", &When::Always).expect("under no condition");
    assert_eq!(get("a/one.json"), Some((Vec::new(), third)));
    let large: Vec<u8> = (0..3_000_000u32).map(|at| (at % 251) as u8).collect();
    put("a/large", &large, &When::Absent).expect("the key is free");
    assert!(get("a/large").is_some_and(|(bytes, _)| bytes == large));
    put("ab", b"x", &When::Always).expect("under no condition");
    let mut keys = objects.list("a/").expect("it is listed");
    keys.sort_unstable();
    assert_eq!(keys, ["a/large", "a/one.json"]);
    assert_eq!(objects.list("nothing/"), Ok(Vec::new()));
    for key in ["a/one.json", "a/large", "ab", "none"] {
        objects.delete(key).expect("it is removed, or was not there");
        assert_eq!(get(key), None);
    }
    assert_eq!(put("a/one.json", b"again", &When::Is(first)), Err(Trouble::Refused));
    assert_eq!(objects.list("a/"), Ok(Vec::new()));
    let foreign = Tag { e_tag: Some("\"foreign\"".to_owned()), version: None };
    assert_eq!(put("a/one.json", b"again", &When::Is(foreign)), Err(Trouble::Refused));
}

#[test]
fn the_simulated_store_keeps_the_contract() {
    for tags in [TagMode::Content, TagMode::Write] {
        keeps_the_contract(&SimulatedObjects::new(tags));
    }
}

#[test]
fn a_store_that_keeps_its_conditions_is_trusted_and_one_that_does_not_is_told() {
    use isotherm::durable::conditions::{ROUNDS, check};

    let objects = SimulatedObjects::new(TagMode::Content);
    let found = check(&objects, ROUNDS).expect("it answers");
    assert_eq!((found.wrong.as_slice(), found.absent_right, found.tag_right), (&[][..], 40, 40), "{found:?}");
    assert_eq!((found.increments, found.counted), (128, 128), "{found:?}");
    assert!(objects.contents().is_empty(), "what was written is removed");

    let found = check(&Unconditional(SimulatedObjects::new(TagMode::Content)), ROUNDS).expect("it answers");
    let wrong = found.wrong.join("; ");
    for told in
        ["that there is no such object was made", "races of 16 writers", "an object that is not there was replaced"]
    {
        assert!(wrong.contains(told), "{told}: {wrong}");
    }
    let found = check(&Weak(SimulatedObjects::new(TagMode::Content)), ROUNDS).expect("it answers");
    assert!(found.wrong.join("; ").contains("its ETags are weak"), "{found:?}");
}

/// Takes no notice of conditions.
struct Unconditional(SimulatedObjects);

/// Has a proxy in front that makes tags weak, and strong again for the server.
struct Weak(SimulatedObjects);

macro_rules! like_the_one_within {
    ($store:ident, $get:expr, $put:expr) => {
        impl Objects for $store {
            fn name(&self) -> String {
                self.0.name()
            }
            fn get(&self, key: &str) -> Result<Option<Object>, Trouble> {
                $get(&self.0, key)
            }
            fn put(&self, key: &str, bytes: &[u8], when: &When) -> Result<Tag, Trouble> {
                $put(&self.0, key, bytes, when)
            }
            fn delete(&self, key: &str) -> Result<(), Trouble> {
                self.0.delete(key)
            }
            fn list(&self, prefix: &str) -> Result<Vec<String>, Trouble> {
                self.0.list(prefix)
            }
            fn list_top(&self) -> Result<Vec<String>, Trouble> {
                self.0.list_top()
            }
            fn reporting(&self, _: Report) -> Arc<dyn Objects> {
                Arc::new(Self(self.0.clone()))
            }
            fn has_answered(&self) -> bool {
                self.0.has_answered()
            }
        }
    };
}
pub(super) use like_the_one_within;

fn weakened(Tag { e_tag, version }: Tag) -> Tag {
    Tag { e_tag: e_tag.map(|tag| format!("W/{tag}")), version }
}

like_the_one_within!(Unconditional, SimulatedObjects::get, |objects: &SimulatedObjects, key, bytes, _: &When| {
    objects.put(key, bytes, &When::Always)
});
like_the_one_within!(
    Weak,
    |objects: &SimulatedObjects, key| Ok(objects
        .get(key)?
        .map(|object| Object { tag: weakened(object.tag), ..object })),
    |objects: &SimulatedObjects, key, bytes, when: &When| {
        let strong = |tag: &Tag| Tag {
            e_tag: tag.e_tag.as_ref().map(|tag| tag.trim_start_matches("W/").to_owned()),
            ..tag.clone()
        };
        let when = if let When::Is(tag) = when { When::Is(strong(tag)) } else { when.clone() };
        objects.put(key, bytes, &when).map(weakened)
    }
);
