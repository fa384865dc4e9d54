//! The screen that lives in a terminal until a key or a signal ends it.
//!
//! Four threads feed one queue: keys, signals, what the server answers, and that a frame is written. So neither a server
//! that does not answer nor a terminal that takes nothing keeps a key or a signal waiting. The terminal is restored on every
//! way out, by the drop of [`Screen`].

use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use ratatui::crossterm::event::{self, Event, KeyEvent};

use super::client::ApiClient;
use super::draw::draw;
use super::keys::{Command, press};
use super::layout::station_rows;
use super::model::{Answers, TopModel};
use super::screen::{Screen, spawn, terminal_failure};
use crate::failure::{Failure, Kind};
use crate::pipeline::signals::{self, SIGHUP, SIGINT, SIGTERM};
use crate::supervision::panic;
use crate::watch::wire::Which;

enum TopMessage {
    Key(KeyEvent),
    /// The terminal has another size.
    Resized,
    Answered(Box<Result<Answers, Failure>>),
    AuditAskedFor(Result<(), Failure>),
    /// The frame before is written, or could not be.
    Drawn(io::Result<()>),
    /// The screen ends: a signal asks for it, or the terminal is gone.
    Over(Result<(), Failure>),
}

/// What the server is to be asked.
enum Question {
    Ask(Which),
    Audit,
}

/// Shows the process, anew each interval, until a key or a signal ends the screen. A panic is told when the terminal is
/// restored.
pub fn run(model: TopModel, client: ApiClient, interval: Duration) -> Result<(), Failure> {
    panic::install_hook();
    panic::catch(|| watch(model, client, interval))
        .unwrap_or_else(|cause| Err(Failure::fatal(Kind::Internal, format!("the screen died: {cause}"))))
}

fn watch(mut model: TopModel, client: ApiClient, interval: Duration) -> Result<(), Failure> {
    let (sender, messages) = mpsc::channel();
    let (questions, asked) = mpsc::channel();
    let asker = {
        let sender = sender.clone();
        spawn("isotherm-ask", move || ask(&client, &asked, &sender))?
    };
    let signalled = sender.clone();
    let end = move |_| drop(signalled.send(TopMessage::Over(Ok(()))));
    signals::listen(&[SIGINT, SIGTERM, SIGHUP], end, signals::end_by)?;
    let drawn = sender.clone();
    let mut screen = Screen::start(move |result| drop(drawn.send(TopMessage::Drawn(result))))?;
    spawn("isotherm-keys", move || read_keys(&sender))?;

    let mut due = Instant::now();
    let mut waiting = false;
    let mut well_at = Instant::now();
    // Whether there is something new to draw, and whether the frame before is still being written.
    let (mut new, mut drawing) = (true, false);
    loop {
        model.fit(station_rows(screen.size()?.into(), &model));
        model.trouble_ms = well_at.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
        if new && !drawing {
            (new, drawing) = (false, true);
            screen.draw(|area, buffer| draw(&model, area, buffer))?;
        }
        if !waiting && Instant::now() >= due {
            (waiting, due) = (true, Instant::now() + interval);
            drop(questions.send(Question::Ask(model.which.clone())));
        }
        let pause = if waiting { interval } else { due.saturating_duration_since(Instant::now()) };
        let message = messages.recv_timeout(pause);
        new |= !matches!(message, Ok(TopMessage::Drawn(_)));
        match message {
            Ok(TopMessage::Key(key)) => {
                let before = model.which.clone();
                match press(&mut model, key) {
                    Some(Command::Quit) => return Ok(()),
                    Some(Command::Audit) => drop(questions.send(Question::Audit)),
                    None => {}
                }
                if model.which != before {
                    due = Instant::now();
                }
            }
            Ok(TopMessage::Resized) => due = Instant::now(),
            Ok(TopMessage::Answered(outcome)) => {
                waiting = false;
                if outcome.is_ok() {
                    well_at = Instant::now();
                }
                model.answered(*outcome);
            }
            Ok(TopMessage::AuditAskedFor(outcome)) => model.audit_asked_for(outcome),
            Ok(TopMessage::Drawn(result)) => {
                result.map_err(terminal_failure)?;
                drawing = false;
            }
            Ok(TopMessage::Over(outcome)) => return outcome,
            Err(RecvTimeoutError::Timeout) if asker.is_finished() => {
                return Err(Failure::fatal(Kind::Internal, "the thread that asks the server died"));
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
    }
}

/// Asks the server one question after the other, until the screen has ended.
fn ask(client: &ApiClient, questions: &Receiver<Question>, answers: &Sender<TopMessage>) {
    while let Ok(question) = questions.recv() {
        let answer = match question {
            Question::Ask(which) => TopMessage::Answered(Box::new(client.ask(&which))),
            Question::Audit => TopMessage::AuditAskedFor(client.start_audit()),
        };
        if answers.send(answer).is_err() {
            return;
        }
    }
}

/// Passes keys on until the screen has ended, or the terminal is gone.
fn read_keys(messages: &Sender<TopMessage>) {
    loop {
        let message = match event::read() {
            Ok(Event::Key(key)) => TopMessage::Key(key),
            Ok(Event::Resize(..)) => TopMessage::Resized,
            Ok(_) => continue,
            Err(error) => TopMessage::Over(Err(terminal_failure(error))),
        };
        let over = matches!(message, TopMessage::Over(_));
        if messages.send(message).is_err() || over {
            return;
        }
    }
}
