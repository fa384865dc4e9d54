use super::*;
use crate::cli::logging::capture;
use crate::domain::RejectReason;

fn at(start: Instant, seconds: u64) -> Instant {
    start + Duration::from_secs(seconds)
}

#[test]
fn a_line_has_the_numbers_of_all_partitions_and_only_news_is_a_line() {
    let progress = Progress::new(&[0, 1]);
    let start = Instant::now();
    let mut lines = ProgressLines::new(progress.clone());
    assert_eq!(capture("info", || lines.show(start)), "", "nothing has happened");
    for number in 0..2 {
        let partition = progress.partition(number);
        partition.add_records(50);
        partition.position.set(50);
        partition.end.set(60);
        partition.committed.set(40);
        partition.commit_interval_ms.set(1000 + 1000 * u64::from(number));
    }
    progress.partition(1).add_rejected(RejectReason::BadDate, 3);
    progress.source().readings.inc_by(120);
    let logged = capture("info", || lines.show(at(start, 2)));
    let line: serde_json::Value = serde_json::from_str(&logged).expect("a line is JSON");
    assert_eq!(line["target"], target::PROGRESS);
    for (name, number) in [
        ("records", 100),
        ("records_per_second", 50),
        ("lag", 20),
        ("committed", 80),
        ("commit_interval_ms", 2000),
        ("rejected", 3),
        ("readings", 120),
        ("readings_per_second", 60),
    ] {
        assert_eq!(line[name], number, "{name} in {line}");
    }
    assert_eq!(capture("info", || lines.show(at(start, 3))), "", "nothing is new");
}

#[test]
fn a_bar_says_what_matters_and_names_trouble_only_where_there_is_some() {
    let progress = Progress::new(&[0]);
    let partition = progress.partition(0);
    partition.add_records(1_234_567);
    partition.position.set(1_234_567);
    partition.end.set(1_234_600);
    let sum = || Sum::of(&progress, Some(0));
    assert_eq!(sum().message(5_000), "1,234,567 records, 5,000/s, lag 33");
    partition.add_rejected(RejectReason::DuplicateDay, 2);
    progress.branches().add(Branch::Partition(0), 5, ["writer"].into_iter());
    progress.branches().died(Branch::Partition(0), "writer", "panicked: boom", 4, None);
    progress.branches().failed(Branch::Partition(0), "too often");
    assert_eq!(sum().message(0), "1,234,567 records, 0/s, lag 33, 2 rejected, 1 restarts, FAILED");
    let source = progress.source();
    source.readings.inc_by(10);
    source.bytes.set(1024);
    source.bytes_total.set(4096);
    source.add_bad_line("a.csv");
    source.skipped_quality.set(3);
    let text = "10 readings, 7/s, 1.00 KiB of 4.00 KiB, 1 bad lines, 3 values of failed quality";
    assert_eq!(source_message(&progress, 7), text);
}

#[test]
fn bars_follow_the_progress_and_are_bounded() {
    let progress = Progress::new(&[0, 3]);
    let mut bars = Bars::new(progress.clone());
    progress.partition(3).position.set(5);
    progress.partition(3).end.set(10);
    bars.show(Instant::now());
    assert!(bars.source.is_none(), "a process that only counts has no bar for a source");
    let (Bar(bar), ..) = &bars.partitions[1];
    assert_eq!((bar.prefix().as_str(), bar.position(), bar.length()), ("partition 3", 5, Some(10)));
    progress.source().readings.inc_by(1);
    bars.show(Instant::now());
    assert!(bars.source.is_some());
    drop(bars);

    let many: Vec<u32> = (0..10_000).collect();
    let progress = Progress::new(&many);
    progress.partition(9_999).add_records(4);
    let mut bars = Bars::new(progress.clone());
    bars.show(Instant::now());
    assert_eq!(bars.partitions.len(), 1);
    let (Bar(bar), ..) = &bars.partitions[0];
    assert_eq!(bar.prefix(), "10000 partitions");
    assert!(bar.message().starts_with("4 records"), "{}", bar.message());
}

#[test]
fn a_verb_s_bar_is_what_it_was_set_to() {
    let shown = ProgressBar::hidden();
    let copied = Bar(BARS.add(ProgressBar::new(0)));
    shown.set_length(10);
    shown.inc(3);
    shown.set_message("a plan");
    copied.copy(&shown);
    let Bar(bar) = &copied;
    assert_eq!((bar.length(), bar.position(), bar.message().as_str()), (Some(10), 3, "a plan"));
}

#[test]
fn a_display_ends_at_once_whether_it_is_finished_or_dropped() {
    use crate::settings::LogFormat;
    let output = Output { log_format: LogFormat::Text, log_level: "info".to_owned(), progress_interval_ms: 3_600_000 };
    for terminal in [true, false] {
        let (done, finished) = mpsc::channel();
        let output = output.clone();
        std::thread::spawn(move || {
            let progress = Progress::new(&[0]);
            Display::start(progress.clone(), &output, terminal).expect("it starts").finish();
            drop(Display::start(progress, &output, terminal).expect("it starts"));
            done.send(()).expect("the test waits");
        });
        finished.recv_timeout(Duration::from_secs(10)).expect("it did not wait for its interval");
    }
}
