//! The terminal that is drawn on, and restored at the end. Its bytes go out on a thread of their own, so that a terminal
//! that takes none keeps neither a key nor a signal waiting.

use std::cell::RefCell;
use std::convert::Infallible;
use std::io::{self, Write};
use std::rc::Rc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::crossterm::{execute, terminal};
use ratatui::layout::{Rect, Size};

use crate::failure::{Failure, Kind};
use crate::standard_error::FLUSH_MAX;

/// Restores the terminal when it is dropped, whichever way its owner ends; where the terminal takes nothing, it waits for
/// [`FLUSH_MAX`].
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Bytes>>,
    bytes: Bytes,
    frames: Option<Sender<Vec<u8>>>,
    /// Nothing comes, and it is closed when the last frame is written.
    written: Receiver<Infallible>,
}

/// Of the frame that is being drawn.
#[derive(Clone, Default)]
struct Bytes(Rc<RefCell<Vec<u8>>>);

impl Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Screen {
    /// Prepares the terminal. `taken` is called each time that a frame is written; until then there shall be no other.
    pub fn start(taken: impl Fn(io::Result<()>) + Send + 'static) -> Result<Self, Failure> {
        let (frames, to_write) = mpsc::channel::<Vec<u8>>();
        let (end, written) = mpsc::channel();
        spawn("isotherm-screen", move || {
            let _end: Sender<Infallible> = end;
            for frame in to_write {
                let mut stdout = io::stdout().lock();
                taken(stdout.write_all(&frame).and_then(|()| stdout.flush()));
            }
        })?;
        let bytes = Bytes::default();
        let terminal = Terminal::new(CrosstermBackend::new(bytes.clone())).map_err(terminal_failure)?;
        // From here on it is dropped on every way out: a terminal that is half prepared is restored, too.
        let mut screen = Self { terminal, bytes, frames: Some(frames), written };
        enable_raw_mode().and_then(|()| execute!(screen.bytes, EnterAlternateScreen)).map_err(terminal_failure)?;
        Ok(screen)
    }

    pub fn size(&self) -> Result<Size, Failure> {
        terminal::size().map(|(width, height)| Size { width, height }).map_err(terminal_failure)
    }

    pub fn draw(&mut self, draw: impl FnOnce(Rect, &mut Buffer)) -> Result<(), Failure> {
        self.terminal.draw(|frame| draw(frame.area(), frame.buffer_mut())).map_err(terminal_failure)?;
        let frames = self.frames.as_ref().expect("they are closed by the drop alone");
        let died = |_| Failure::fatal(Kind::Internal, "the thread that writes the screen died");
        frames.send(self.bytes.0.take()).map_err(died)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        drop(execute!(self.bytes, LeaveAlternateScreen, Show));
        if let Some(frames) = self.frames.take() {
            drop(frames.send(self.bytes.0.take()));
        }
        let _ = self.written.recv_timeout(FLUSH_MAX);
        drop(disable_raw_mode());
    }
}

pub fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Failure> {
    thread::Builder::new().name(name.to_owned()).spawn(work).map_err(|error| Failure::thread(name, &error))
}

pub fn terminal_failure(error: io::Error) -> Failure {
    Failure::fatal(Kind::Io, format!("the terminal cannot be used: {error}"))
        .advice("isotherm top --once prints one screen and needs none")
}
