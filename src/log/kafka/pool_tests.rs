use std::ffi::CString;

use super::*;
use crate::log::kafka::client::{Properties, Role, Subject};

/// No broker is needed for a client that is asked nothing.
fn client() -> Result<Client, Failure> {
    of(Role::Consumer)
}

fn of(role: Role) -> Result<Client, Failure> {
    let mut properties = Properties::default();
    properties.set("group.id", "g").set("bootstrap.servers", "127.0.0.1:1");
    let topic = CString::new("t").expect("no NUL");
    Client::new(&properties, role, &Arc::new(Subject::new(topic, "topic t".to_owned())))
}

fn is_one_of(shared: &Arc<SharedClient>, others: &[Arc<SharedClient>]) -> bool {
    others.iter().any(|other| Arc::ptr_eq(shared, other))
}

#[test]
fn readers_have_clients_of_their_own_as_long_as_there_are_few() {
    let pool = Pool::default();
    let mut taken: Vec<Arc<SharedClient>> = Vec::new();
    for partition in 0..CLIENTS_MAX as u32 {
        let shared = pool.take(partition, client).unwrap();
        assert!(!is_one_of(&shared, &taken));
        taken.push(shared);
    }
    // One that is dropped makes room for one that is new.
    let dropped = Arc::downgrade(&taken.swap_remove(3));
    assert!(dropped.upgrade().is_none());
    let shared = pool.take(3, client).unwrap();
    assert!(!is_one_of(&shared, &taken));
}

#[test]
fn many_readers_share_evenly() {
    let pool = Pool::default();
    let taken: Vec<_> = (0..64).map(|partition| pool.take(partition, client).unwrap()).collect();
    let clients: BTreeSet<_> = taken.iter().map(Arc::as_ptr).collect();
    assert_eq!(clients.len(), CLIENTS_MAX);
    assert!(taken.iter().all(|shared| shared.held.lock().len() == 64 / CLIENTS_MAX));
}

#[test]
fn no_client_has_two_readers_of_a_partition() {
    let pool = Pool::default();
    let taken: Vec<_> = (0..64).map(|partition| pool.take(partition, client).unwrap()).collect();
    // Readers of partition 5 that hang: it is held everywhere in the end.
    let mut of_one = vec![taken[5].clone()];
    for _ in 1..CLIENTS_MAX {
        let shared = pool.take(5, client).unwrap();
        assert!(is_one_of(&shared, &taken) && !is_one_of(&shared, &of_one));
        of_one.push(shared);
    }
    let one_more = pool.take(5, client).unwrap();
    assert!(!is_one_of(&one_more, &taken));
    // What it costs is used: others join it.
    assert!(Arc::ptr_eq(&pool.take(64, client).unwrap(), &one_more));
}

#[test]
fn a_client_that_cannot_be_made_is_none() {
    let pool = Pool::default();
    let failed = || Err(Failure::fatal(Kind::Settings, "no"));
    assert!(pool.take(0, failed).is_err());
    assert!(pool.clients.lock().is_empty());
}

#[test]
fn a_partition_that_has_no_queue_is_not_held() {
    let pool = Pool::default();
    // A client that writes has no queues to read from.
    let writes = pool.take(0, || of(Role::Producer)).unwrap();
    let others: Vec<_> = (1..CLIENTS_MAX as u32).map(|one| pool.take(one, client).unwrap()).collect();
    let failure = Held::new(&pool, 99, client).err().expect("it has no queue");
    assert!(failure.what.contains("no queue for 99"), "{failure}");
    assert_eq!((writes.held.lock().len(), others.len()), (1, CLIENTS_MAX - 1));
}
