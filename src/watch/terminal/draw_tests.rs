use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde::de::DeserializeOwned;

use super::*;
use crate::failure::{Failure, Kind};
use crate::watch::terminal::keys::press;
use crate::watch::terminal::layout::station_rows;
use crate::watch::terminal::text::{plain, plain_answer};
use crate::watch::wire::Partitions;

/// As the client reads an answer: with what a terminal obeys taken out of its texts.
fn read<T: DeserializeOwned>(text: &str) -> T {
    let answer = serde_json::from_str(text).expect("it is JSON");
    serde_json::from_value(plain_answer(answer)).expect("it is what a server answers")
}

fn answers() -> Answers {
    let partitions: Partitions = read(include_str!("../../../tests/data/top/partitions.json"));
    Answers {
        now_ms: 1_700_000_000_000,
        partitions: partitions.partitions,
        supervision: read(include_str!("../../../tests/data/top/supervision.json")),
        audit: read(include_str!("../../../tests/data/top/audit.json")),
        stations: read(include_str!("../../../tests/data/top/stations.json")),
    }
}

fn model() -> TopModel {
    let mut model = TopModel::new("http://127.0.0.1:8470".to_owned());
    model.answered(Ok(answers()));
    model
}

/// Presses keys, none of which leaves anything to do.
fn press_all(model: &mut TopModel, codes: &[KeyCode]) {
    for &code in codes {
        assert_eq!(press(model, KeyEvent::new(code, KeyModifiers::NONE)), None);
    }
}

/// The screen of a terminal of this size.
fn screen(model: &mut TopModel, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("it has no device");
    model.fit(station_rows(Rect::new(0, 0, width, height), model));
    terminal.draw(|frame| draw(model, frame.area(), frame.buffer_mut())).expect("it has no device");
    plain_text(terminal.backend().buffer())
}

#[test]
fn a_screen_is_the_golden_one() {
    for (width, height, golden) in [
        (100, 30, include_str!("../../../tests/golden/top-100x30.txt")),
        (60, 20, include_str!("../../../tests/golden/top-60x20.txt")),
    ] {
        let shown = screen(&mut model(), width, height);
        assert!(shown == golden, "{width} x {height}:\n{shown}");
    }
}

#[test]
fn no_size_of_the_terminal_is_too_small_or_shows_a_control_character() {
    let mut model = model();
    for all_keys in [false, true] {
        model.all_keys = all_keys;
        for (width, height) in (0..=12).flat_map(|small| [(small, 30), (100, small), (small, small)]).chain([(300, 90)])
        {
            let shown = screen(&mut model, width, height);
            assert!(shown.chars().all(|one| one == '\n' || !one.is_control()), "{shown:?}");
        }
    }
}

#[test]
fn of_many_partitions_those_in_trouble_are_shown() {
    let mut answers = answers();
    let well = answers.partitions[0].clone();
    answers.partitions = (0..200).map(|partition| Partition { partition, ..well.clone() }).collect();
    answers.partitions[150].state = LifeState::Failed;
    answers.partitions[170].lag = 9;
    let mut model = model();
    model.answers = Some(answers);
    let shown = screen(&mut model, 100, 30);
    let numbers: Vec<&str> =
        shown.lines().skip(3).take(3).map(|line| line.split_whitespace().next().unwrap_or_default()).collect();
    assert_eq!(numbers, ["150", "170", "0"], "{shown}");
    assert!(shown.contains("… 194 more partitions"), "{shown}");
}

#[test]
fn a_server_that_is_away_is_told_and_what_it_said_last_stays() {
    let mut model = TopModel::new("http://127.0.0.1:8470".to_owned());
    assert!(screen(&mut model, 100, 30).contains("asking …"));
    model.answered(Err(Failure::retryable(Kind::Unavailable, "nothing answers at \u{1b}[2Jthere")));
    model.trouble_ms = 61_000;
    let told = "AWAY for 1 min, tried again: nothing answers at ?[2Jthere";
    assert!(screen(&mut model, 100, 30).contains(told));
    model.answers = Some(answers());
    let shown = screen(&mut model, 100, 30);
    assert!(shown.contains(told) && shown.contains("KCLT"), "{shown}");
    model.answered(Ok(answers()));
    assert!(!screen(&mut model, 100, 30).contains("AWAY"));
}

#[test]
fn the_line_of_proof_says_what_the_audit_found_and_how_far_it_is() {
    let mut model = model();
    let mut line = |audit: &str| {
        let answers = model.answers.as_mut().expect("there is one");
        answers.audit = read(audit);
        let shown = screen(&mut model, 100, 30);
        shown.lines().find_map(|line| line.strip_prefix("PROOF  ")).expect("the line is there").to_owned()
    };
    assert_eq!(line(r#"{"running":null,"last":null}"#), "no audit yet; a starts one");
    assert_eq!(
        line(r#"{"running":{"started_at_ms":1,"done":1200,"total":4000},"last":null}"#),
        "an audit runs: 1,200 of 4,000 records"
    );
    let wrong = r#"{"running":null,"last":{"started_at_ms":1,"finished_at_ms":1699999999000,"result":"file_wrong",
        "partitions":[{"partition":0,"result":"verified","text":"verified","details":{}},
        {"partition":3,"result":"file_wrong","text":"station A, sum: file 1.75, replay 2.0","details":{}}]}}"#;
    assert_eq!(line(wrong), "partition 3: file wrong: station A, sum: file 1.75, replay 2.0, 1 s ago");
    let failed = r#"{"running":null,"last":{"started_at_ms":1,"finished_at_ms":2,"result":"verified","partitions":[]},
        "failed":{"at_ms":1699999997000,"why":"an audit panicked: no"}}"#;
    assert_eq!(line(failed), "the last audit failed 3 s ago: an audit panicked: no");
}

#[test]
fn what_came_of_asking_for_an_audit_stands_there_until_the_next_key() {
    let mut model = model();
    model.audit_asked_for(Err(Failure::retryable(Kind::Unavailable, "an audit runs already")));
    assert!(screen(&mut model, 60, 20).contains("an audit runs already"));
    press_all(&mut model, &[KeyCode::Char('?')]);
    let shown = screen(&mut model, 60, 20);
    assert!(!shown.contains("already") && shown.contains("PROOF") && shown.contains("Home End"), "{shown}");
}

#[test]
fn keys_change_what_is_asked_for() {
    let mut model = model();
    model.fit(4);
    let mut after = |codes: &[KeyCode]| {
        press_all(&mut model, codes);
        let [sort, order, filter, offset, limit] = model.which.parameters().map(|(_, value)| value);
        assert_eq!(limit, "4");
        format!("{sort} {order} {filter} {offset}")
    };
    let letter = KeyCode::Char;
    assert_eq!(after(&[]), "station asc  0");
    assert_eq!(after(&[KeyCode::Down, KeyCode::PageDown]), "station asc  5");
    assert_eq!(after(&[KeyCode::PageDown]), "station asc  6", "the last page is full");
    assert_eq!(after(&[KeyCode::Up, KeyCode::PageUp, KeyCode::PageUp]), "station asc  0");
    assert_eq!(after(&[KeyCode::End]), "station asc  6");
    assert_eq!(after(&[letter('S'), letter('r')]), "partition desc  0");
    assert_eq!(after(&[letter('s'), letter('s')]), "count desc  0");
    assert_eq!(after(&[KeyCode::End, letter('/')]), "count desc  6");
    assert_eq!(after(&[letter('k'), letter('\u{1b}'), letter('ü')]), "count desc kü 0");
    assert_eq!(after(&[KeyCode::Backspace, KeyCode::Enter]), "count desc k 0");
    assert!(!model.typing);
    assert!(screen(&mut model, 100, 30).contains("by count, greatest first that contain: k\n"));
    press_all(&mut model, &[letter('/')]);
    assert!(screen(&mut model, 100, 30).contains("that contain: k_"));
    press_all(&mut model, &[KeyCode::Esc]);
    assert_eq!((model.typing, model.which.filter.as_str()), (false, ""));
    assert_eq!(plain("a"), "a");
}

#[test]
fn a_list_that_became_shorter_is_scrolled_back() {
    let mut model = model();
    model.fit(4);
    press_all(&mut model, &[KeyCode::End]);
    assert_eq!(model.which.offset, 6);
    let mut shorter = answers();
    shorter.stations.matching = 5;
    model.answered(Ok(shorter));
    assert_eq!(model.which.offset, 1);
}
