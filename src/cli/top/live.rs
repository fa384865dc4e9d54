//! The screen that lives in a terminal until a key or a signal ends it.
//!
//! Three threads feed one queue: keys, signals, and what the server answers. So a server that does not answer never keeps
//! a key waiting. The terminal is restored on every way out: by the guard here, and by ratatui's hook in a panic.

use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ratatui::crossterm::event::{self, Event, KeyEvent};
use tokio::signal::unix::{SignalKind, signal};

use super::answers::Look;
use super::client::Client;
use super::draw::draw;
use super::keys::{Action, action};
use super::layout::station_rows;
use super::model::{Model, Query};
use crate::faults::{Failure, Kind};

enum Message {
    Key(KeyEvent),
    /// The terminal has another size.
    Resized,
    Looked(Box<Result<Look, Failure>>),
    AuditAskedFor(Result<(), Failure>),
    /// Whoever watches it shall or can watch it no longer.
    Over(Result<(), Failure>),
}

enum Question {
    Look(Query),
    Audit,
}

/// Restores the terminal, whichever way its owner ends.
struct Restore;

impl Drop for Restore {
    fn drop(&mut self) {
        ratatui::restore();
    }
}

/// Shows it, anew each interval, until a key or a signal ends it.
pub fn run(mut model: Model, client: Client, interval: Duration) -> Result<(), Failure> {
    let (sender, messages) = mpsc::channel();
    let (questions, asked) = mpsc::channel();
    let asker = {
        let sender = sender.clone();
        spawn("isotherm-ask", move || ask(&client, &asked, &sender))?
    };
    {
        let sender = sender.clone();
        spawn("isotherm-signals", move || drop(sender.send(Message::Over(until_signal()))))?;
    }
    // The guard is there first: a terminal that is half prepared is restored, too.
    let _restore = Restore;
    let mut terminal = ratatui::try_init().map_err(|error| terminal_failure(&error))?;
    spawn("isotherm-keys", move || read_keys(&sender))?;

    let mut due = Instant::now();
    let mut waiting = false;
    let mut well_at = Instant::now();
    loop {
        let size = terminal.size().map_err(|error| terminal_failure(&error))?;
        model.fit(station_rows(size.into(), &model));
        model.trouble_ms = well_at.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
        terminal
            .draw(|frame| draw(&model, frame.area(), frame.buffer_mut()))
            .map_err(|error| terminal_failure(&error))?;
        if !waiting && Instant::now() >= due {
            (waiting, due) = (true, Instant::now() + interval);
            drop(questions.send(Question::Look(model.query.clone())));
        }
        let pause = if waiting { interval } else { due.saturating_duration_since(Instant::now()) };
        match messages.recv_timeout(pause) {
            Ok(Message::Key(key)) => match action(key, model.typing) {
                Some(Action::Quit) => return Ok(()),
                Some(action) => {
                    let before = model.query.clone();
                    model.apply(action);
                    if action == Action::Audit {
                        drop(questions.send(Question::Audit));
                    }
                    if model.query != before {
                        due = Instant::now();
                    }
                }
                None => {}
            },
            Ok(Message::Resized) => due = Instant::now(),
            Ok(Message::Looked(outcome)) => {
                waiting = false;
                if outcome.is_ok() {
                    well_at = Instant::now();
                }
                model.looked(*outcome);
            }
            Ok(Message::AuditAskedFor(outcome)) => model.audit_asked_for(outcome),
            Ok(Message::Over(outcome)) => return outcome,
            Err(RecvTimeoutError::Timeout) if asker.is_finished() => {
                return Err(Failure::fatal(Kind::Internal, "the thread that asks the server died"));
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Failure> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map_err(|error| Failure::fatal(Kind::Internal, format!("a thread could not be started: {error}")))
}

/// Asks one question after the other until nobody has any.
fn ask(client: &Client, questions: &Receiver<Question>, answers: &Sender<Message>) {
    while let Ok(question) = questions.recv() {
        let answer = match question {
            Question::Look(query) => Message::Looked(Box::new(client.look(&query))),
            Question::Audit => Message::AuditAskedFor(client.start_audit()),
        };
        if answers.send(answer).is_err() {
            return;
        }
    }
}

/// Until nobody wants them any more, or the terminal is gone.
fn read_keys(messages: &Sender<Message>) {
    loop {
        let message = match event::read() {
            Ok(Event::Key(key)) => Message::Key(key),
            Ok(Event::Resize(..)) => Message::Resized,
            Ok(_) => continue,
            Err(error) => Message::Over(Err(terminal_failure(&error))),
        };
        let over = matches!(message, Message::Over(_));
        if messages.send(message).is_err() || over {
            return;
        }
    }
}

/// Waits for a signal to end by.
fn until_signal() -> Result<(), Failure> {
    let internal = |error: io::Error| Failure::fatal(Kind::Internal, format!("signals cannot be waited for: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(internal)?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt()).map_err(internal)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(internal)?;
        let mut hangup = signal(SignalKind::hangup()).map_err(internal)?;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
        Ok(())
    })
}

fn terminal_failure(error: &io::Error) -> Failure {
    Failure::fatal(Kind::Io, format!("the terminal cannot be used: {error}"))
        .advice("isotherm top --once prints one screen and needs none")
}
