use std::sync::mpsc::{Receiver, sync_channel};

use futures_util::FutureExt;

use super::*;

const INLINE: Spawn = Spawn::Inline { latency: || Duration::from_millis(5) };

fn gone(panic: &str) -> impl Fn(&Gone) -> bool {
    move |gone| {
        &*gone.thread == "toy"
            && gone.end.starts_with(&format!("panicked: {panic}"))
            && gone.end.contains("worker_tests.rs")
    }
}

#[tokio::test(start_paused = true)]
async fn calls_are_done_in_order_even_if_nobody_waits() {
    for spawn in [Spawn::Threads, INLINE] {
        let worker = Arc::new(Worker::new(spawn, "toy", Vec::new()).expect("it starts"));
        drop(worker.call("a toy call", |list| list.push(1)));
        let second = worker.call("a toy call", |list| list.push(2));
        let third = worker.call("a toy call", |list| list.clone());
        drop(worker);
        assert_eq!((third.await, second.await), (Ok(vec![1, 2]), Ok(())), "{spawn:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_told_to_all_who_wait_and_to_all_who_come() {
    for spawn in [Spawn::Threads, INLINE] {
        let worker = Worker::new(spawn, "toy", 0).expect("it starts");
        let (panics, queued) =
            (worker.call("a toy call", |_| panic!("no disk")), worker.call("a toy call", |value| *value));
        assert!(panics.await.is_err_and(|error: Gone| gone("no disk")(&error)), "{spawn:?}");
        assert!(queued.await.is_err_and(|error| gone("no disk")(&error)), "{spawn:?}");
        let error = worker.call("a toy call", |value| *value).await.expect_err("it is gone");
        assert!(error.to_string().starts_with("the thread toy panicked: no disk"), "{error}");
        wait_for("its end", || worker.busy().is_none());
    }
}

/// A thread that closes what it worked on is not over yet, whether a call panicked or there are no more of them.
#[test]
fn a_value_that_hangs_when_it_is_closed_counts_as_a_call() {
    struct HangsAtTheEnd(Receiver<()>);
    impl Drop for HangsAtTheEnd {
        fn drop(&mut self) {
            let _ = self.0.recv();
        }
    }
    for panics in [true, false] {
        let (end, hangs) = sync_channel(0);
        let worker = Worker::new(Spawn::Threads, "toy", HangsAtTheEnd(hangs)).expect("it starts");
        if panics {
            drop(worker.call("a toy call", |_| panic!("no disk")));
        }
        let queue = worker.queue.clone();
        drop(worker);
        wait_for("the end of the calls", || queue.busy().is_some_and(|busy| busy.call == "closing"));
        drop(end);
        wait_for("its end", || queue.busy().is_none());
    }
}

fn wait_for(what: &str, mut seen: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !seen() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what} does not come");
        std::thread::yield_now();
    }
}

#[tokio::test(start_paused = true)]
async fn busy_is_the_age_of_the_oldest_call() {
    let worker = Worker::new(INLINE, "toy", ()).expect("it starts");
    assert_eq!(worker.busy(), None);
    let first = worker.call("a toy call", |()| ());
    tokio::time::advance(Duration::from_millis(2)).await;
    let second = worker.call("a toy call", |()| ());
    tokio::time::advance(Duration::from_millis(1)).await;
    let busy = Busy { call: "a toy call", thread: "toy".into(), time: Duration::from_millis(3) };
    assert_eq!(worker.busy(), Some(busy));
    assert_eq!(first.await, Ok(()));
    assert!(worker.busy().is_some_and(|busy| busy.time < Duration::from_millis(5)), "{:?}", worker.busy());
    assert_eq!((second.await, worker.busy()), (Ok(()), None));
}

#[tokio::test(start_paused = true)]
async fn a_call_knows_how_long_it_ran() {
    let worker = Worker::new(INLINE, "toy", 7).expect("it starts");
    let (begun, steps) = (Instant::now(), worker.steps());
    let timed = move |value: &mut u32| (*value, steps.ran());
    let call = worker.call("a toy call", timed.clone());
    tokio::time::advance(Duration::from_millis(40)).await;
    assert_eq!(call.await, Ok((7, begun.elapsed())), "it is done late where time is moved by hand");
    assert_eq!(worker.call("a toy call", timed).await, Ok((7, Duration::from_millis(5))));
}

#[tokio::test]
async fn a_thread_that_hangs_is_busy_and_can_be_left() {
    let worker = Worker::new(Spawn::Threads, "toy", ()).expect("it starts");
    let (running, runs) = sync_channel(0);
    let (goes_on, wait) = sync_channel::<()>(0);
    let call = worker.call("a toy call", move |()| {
        running.send(()).expect("somebody listens");
        wait.recv().expect("somebody lets it go on");
        std::thread::current().name().map(str::to_owned)
    });
    runs.recv().expect("it runs");
    assert!(worker.busy().is_some());
    goes_on.send(()).expect("it waits");
    assert_eq!((call.await, worker.busy()), (Ok(Some("toy".to_owned())), None));
}

#[tokio::test(start_paused = true)]
async fn each_step_of_a_call_has_a_clock_and_a_name_of_its_own() {
    let worker = Arc::new(Worker::new(INLINE, "toy", ()).expect("it starts"));
    let (steps, watched) = (worker.steps(), worker.clone());
    let busy = move || watched.busy().map(|busy| (busy.call, busy.time.as_millis()));
    let call = worker.call("a toy call", move |()| {
        let waited = busy();
        steps.begin("a toy step");
        let began = busy();
        tokio::time::advance(Duration::from_millis(3)).now_or_never();
        let went_on = busy();
        steps.got_on();
        (waited, began, went_on, busy())
    });
    let step = |ms| Some(("a toy step", ms));
    assert_eq!(call.await, Ok((Some(("a toy call", 5)), step(0), step(3), step(0))));
    worker.steps().got_on();
    assert_eq!(worker.busy(), None);
}
