use super::*;
use crate::failure::Kind;
use crate::supervision::Spawn;

const MS: Duration = Duration::from_millis(1);

fn noted() -> (Outage, Arc<Mutex<Vec<String>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let outage = Outage::new(100 * MS, Duration::from_secs(3600), {
        let told = told.clone();
        move |event| {
            told.lock().push(match event {
                OutageEvent::Began(failure) => format!("began: {failure}"),
                OutageEvent::Lasts(failure, lasted) => format!("{failure} after {lasted:?}"),
                OutageEvent::Ended { lasted } => format!("ended after {lasted:?}"),
            });
        }
    });
    (outage, told)
}

/// A worker whose calls note when they were made.
fn worker() -> Arc<Worker<Vec<Instant>>> {
    let worker = Worker::new(Spawn::Inline { latency: || Duration::ZERO }, "tries", Vec::new());
    Arc::new(worker.expect("nothing is started"))
}

async fn waits(worker: &Worker<Vec<Instant>>) -> Vec<Duration> {
    let tries = worker.call("looking", |tries| tries.clone()).await.expect("no panic");
    tries.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

fn away(what: &str) -> Failure {
    Failure::retryable(Kind::Unavailable, what)
}

#[tokio::test(start_paused = true)]
async fn each_end_is_told_once() {
    let (outage, told) = noted();
    outage.works();
    outage.failed(&away("no broker"));
    tokio::time::sleep(Duration::from_secs(3)).await;
    outage.clone().failed(&away("still no broker"));
    outage.works();
    outage.works();
    outage.failed(&away("again"));
    assert_eq!(*told.lock(), ["began: no broker", "ended after 3s", "began: again"]);
}

#[tokio::test(start_paused = true)]
async fn one_that_lasts_is_told_each_minute_with_its_cause_of_then() {
    let (outage, told) = noted();
    for second in 0..130 {
        outage.failed(&away(if second < 30 { "no broker" } else { "no leader" }));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    outage.works();
    let expected = ["began: no broker", "no leader after 60s", "no leader after 120s", "ended after 130s"];
    assert_eq!(*told.lock(), expected);
}

/// As a full disk, while the log can be read.
#[tokio::test(start_paused = true)]
async fn what_works_meanwhile_ends_no_outage() {
    let (reading, told) = noted();
    let writing = reading.part();
    writing.failed(&away("the disk is full"));
    for _ in 0..3 {
        reading.works();
        writing.clone().failed(&away("the disk is still full"));
    }
    reading.failed(&away("no broker"));
    writing.works();
    assert_eq!(*told.lock(), ["began: the disk is full"]);
    reading.works();
    assert_eq!(*told.lock(), ["began: the disk is full", "ended after 0ns"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_back_is_noticed_within_a_second_however_long_it_was_away() {
    let (outage, _) = noted();
    let worker = worker();
    let call = |tries: &mut Vec<Instant>, _: &Steps| {
        tries.push(Instant::now());
        if tries.len() < 100 { Err(away("no broker")) } else { Ok(()) }
    };
    outage.call(&worker, "trying", call).await.expect("it works in the end");
    let longest = waits(&worker).await.into_iter().max();
    assert!(longest <= Some(WAIT_MAX + MS), "{longest:?}");
}

#[tokio::test(start_paused = true)]
async fn retries_end_with_the_first_success() {
    let (outage, told) = noted();
    let worker = worker();
    let call = |tries: &mut Vec<Instant>, _: &Steps| {
        tries.push(Instant::now());
        if tries.len() < 8 { Err(away("no broker")) } else { Ok(tries.len()) }
    };
    assert!(matches!(outage.call(&worker, "trying", call).await, Ok(8)));
    let waits = waits(&worker).await;
    for (wait, whole_ms) in waits.iter().zip([100, 200, 400, 800, 1000, 1000, 1000]) {
        let whole = whole_ms * MS;
        // Timers have a resolution of a millisecond.
        assert!(whole / 2 <= *wait && *wait <= whole + MS, "{waits:?}");
    }
    assert_eq!(told.lock().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_fatal_failure_is_given_back_and_ends_no_outage() {
    let (outage, told) = noted();
    let worker = worker();
    let call = |tries: &mut Vec<Instant>, _: &Steps| -> Result<(), Failure> {
        tries.push(Instant::now());
        Err(if tries.len() < 2 { away("no broker") } else { Failure::fatal(Kind::Data, "another topic") })
    };
    let result = outage.call(&worker, "trying", call).await;
    assert!(matches!(result, Err(Ending::Failed(failure)) if failure.what == "another topic"));
    assert_eq!(*told.lock(), ["began: no broker"]);
}

#[test]
fn a_thread_waits_for_what_can_get_better_and_for_nothing_else() {
    let (outage, told) = noted();
    let mut calls = 0;
    let result = outage.retry_blocking(
        |_| false,
        || {
            calls += 1;
            if calls < 3 { Err(away("no broker")) } else { Ok(calls) }
        },
    );
    assert_eq!(result, Ok(3));
    assert_eq!(told.lock().len(), 2);
    let fatal = Failure::fatal(Kind::Data, "gone");
    assert_eq!(outage.retry_blocking::<()>(|_| false, || Err(fatal.clone())), Err(fatal));
    let mut calls = 0;
    let given_up = outage.retry_blocking::<()>(
        |waited| waited >= Duration::from_millis(1),
        || {
            calls += 1;
            Err(away("no broker"))
        },
    );
    assert_eq!((given_up, calls), (Err(away("no broker")), 2));
}

#[test]
fn waits_are_drawn_from_the_failure() {
    assert_eq!(seed(&away("no broker")), seed(&away("no broker")));
    assert_ne!(seed(&away("no broker")), seed(&away("no disk")));
}
