//! One process owns a partition, and within it one epoch.

use std::sync::atomic::{AtomicU64, Ordering};

use isotherm::durable::{Lock, RealDisk};
use isotherm::failure::Kind;

use super::*;

#[test]
fn the_second_holder_of_a_lock_is_told_who_has_it() {
    let real = tempfile::tempdir().expect("a folder");
    let disks: [(&dyn Disk, PathBuf); 2] =
        [(&RealDisk, real.path().join("new/state")), (&SimulatedDisk::new(64), folder().to_owned())];
    for (disk, folder) in disks {
        let held = Lock::partition(disk, &folder, 2).unwrap_or_else(|failure| panic!("{failure}"));
        let other = Lock::partition(disk, &folder, 3);
        let source = Lock::source(disk, &folder);
        assert!(other.is_ok() && source.is_ok(), "others are free");
        for _ in 0..2 {
            let Err(failure) = Lock::partition(disk, &folder, 2) else { panic!("the lock is held") };
            assert_eq!(failure.kind, Kind::TryAgain);
            let process = format!("process {}", std::process::id());
            assert!(failure.what.contains(&process) && failure.what.contains("partition-2.lock"), "{failure}");
        }
        drop(held);
        assert!(Lock::partition(disk, &folder, 2).is_ok(), "it was given back");
    }
}

#[test]
fn an_old_epoch_stays_outside_also_after_a_panic_inside() {
    let fence = Fence::<()>::new(Duration::from_secs(10), |_| panic!("nothing hangs"));
    drop(fence.enter(3).expect("the first one"));
    drop(fence.enter(3).expect("again"));
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _inside = fence.enter(4);
        panic!("inside");
    }))
    .expect_err("it panicked");
    let Err(failure) = fence.enter(3) else { panic!("an old epoch came in") };
    assert_eq!(failure.kind, Kind::Internal);
    assert!(
        !failure.is_retryable() && failure.what.contains("epoch 3") && failure.what.contains("epoch 4"),
        "{failure}"
    );
    drop(fence.enter(4).expect("the current one"));
}

#[test]
fn who_waits_too_long_reports_that_a_write_hangs() {
    static HUNG_MS: AtomicU64 = AtomicU64::new(0);
    let deadline = Duration::from_millis(30);
    let fence = Fence::<()>::new(deadline, |waited| HUNG_MS.store(waited.as_millis() as u64, Ordering::SeqCst));
    let hanging = fence.enter(1).expect("the first one");
    let Err(failure) = std::thread::scope(|scope| scope.spawn(|| fence.enter(2).map(drop)).join().expect("no panic"))
    else {
        panic!("two are inside")
    };
    assert_eq!(HUNG_MS.load(Ordering::SeqCst), 30);
    assert!(failure.what.contains("30 ms"), "{failure}");
    drop(hanging);
    drop(fence.enter(2).expect("it is free again"));
}
