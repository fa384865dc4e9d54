//! Files whose last line is still being written.

use std::time::Duration;

use isotherm::source::files::survey::{Standing, survey};
use isotherm::source::{FileNews, Kept, Progressed};

use super::reading;
use super::readings::{keep, next};
use super::revise::Publisher;

const WHOLE: &str = "station,date,degrees\nA,2001-02-01,1\n";
const REST_MS: u64 = 10_000;

fn publisher(rest_ms: u64) -> Publisher {
    let mut publisher = Publisher::new();
    publisher.settings.rest_ms = rest_ms;
    publisher.disk.replace("A.csv", format!("{WHOLE}A,2001-02-02,7").as_bytes());
    publisher
}

/// Runs to the end while time goes by; whether a last line was waited for.
fn waits(publisher: &mut Publisher) -> bool {
    let news = publisher.run_for(100, |disk, _| disk.pass_ms(REST_MS / 3));
    news.contains(&FileNews::Half { files: 1, first: "A.csv".to_owned() })
}

#[test]
fn a_last_line_without_its_end_counts_once_the_file_is_at_rest() {
    let both = [reading("A", "2001-02-01", 1.0), reading("A", "2001-02-02", 7.0)];
    let mut fresh = publisher(REST_MS);
    assert!(waits(&mut fresh));
    assert_eq!(fresh.log, both);
    let mut old = publisher(REST_MS);
    old.disk.pass_ms(REST_MS);
    assert!(!waits(&mut old), "an old file costs no wait");
    assert_eq!(old.log, both);
    let mut complete = publisher(0);
    assert!(!waits(&mut complete), "files are complete");
    assert_eq!(complete.log, both);
}

#[test]
fn a_line_that_was_half_written_is_read_whole_in_the_same_run_and_in_the_next() {
    let whole = format!("{WHOLE}A,2001-02-02,71.5\nA,2001-02-03,3\n");
    let all = [("2001-02-01", 1.0), ("2001-02-02", 71.5), ("2001-02-03", 3.0)];
    let all = all.map(|(date, degrees)| reading("A", date, degrees));
    let mut same = publisher(REST_MS);
    let news = same.run_for(100, |disk, call| {
        if call == 3 {
            disk.write_over("A.csv", whole.as_bytes());
        }
        disk.pass_ms(1000);
    });
    assert_eq!(same.log, all);
    assert!(news.iter().all(|news| matches!(news, FileNews::Half { .. })), "nothing is compared: {news:?}");

    let mut stopped = publisher(REST_MS);
    let (mut source, mut progressed) = (stopped.open(), Progressed::More);
    while progressed == Progressed::More {
        progressed = next(&mut *source, &mut stopped.log, 10).expect("it goes on");
        keep(&mut *source, &mut stopped.kept);
    }
    assert_eq!(progressed, Progressed::Wait(Duration::from_millis(REST_MS)), "of the clock that stands still");
    assert_eq!(stopped.log, all[..1]);
    // As what is kept is read: the last line of a file counts.
    let last = Kept { files: stopped.kept.files.last().cloned().into_iter().collect(), ..stopped.kept.clone() };
    let disk = stopped.disk.clone();
    let standing = || survey(&disk, &["A.csv".to_owned()], &last, None).expect("it is there")[0].standing;
    assert_eq!(standing(), Standing::Reading);
    stopped.disk.pass_ms(1);
    stopped.disk.write_over("A.csv", whole.as_bytes());
    assert_eq!(standing(), Standing::Changed);
    assert!(!waits(&mut stopped));
    assert_eq!(stopped.log, all, "what was left is what the file has grown by");
}
