//! The program in a terminal that a test holds the other end of.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::program::{Running, command};

/// Nothing that is waited for takes longer.
const DEADLINE: Duration = Duration::from_secs(60);

const ALTERNATE_SCREEN: &str = "\x1b[?1049h";
const USUAL_SCREEN: &str = "\x1b[?1049l";

/// A program in a terminal of 100 columns and 30 lines.
pub struct Terminal {
    keys: File,
    /// The program's end, which shows how the terminal is set also when the program is gone.
    device: OwnedFd,
    before: libc::termios,
    shown: mpsc::Receiver<Vec<u8>>,
    /// All that was written to it, and how much of that was waited for.
    seen: String,
    passed: usize,
    program: Running,
}

impl Terminal {
    pub fn start(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::start_in(Path::new("."), arguments, variables)
    }

    pub fn start_in(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let size = libc::winsize { ws_row: 30, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
        let (mut master, mut device) = (-1, -1);
        // SAFETY: two numbers are written; no name and no settings are asked for.
        let opened = unsafe {
            libc::openpty(&raw mut master, &raw mut device, std::ptr::null_mut(), std::ptr::null(), &raw const size)
        };
        assert_eq!(opened, 0, "there is a terminal");
        // SAFETY: both are open, and nobody else's.
        let (master, device) = unsafe { (File::from_raw_fd(master), OwnedFd::from_raw_fd(device)) };
        let mut command = command(folder, arguments);
        command.env("TERM", "xterm-256color").envs(variables.iter().copied());
        let end = || device.try_clone().expect("it is open");
        command.stdin(end()).stdout(end()).stderr(end());
        // SAFETY: both functions may be called between fork and exec.
        unsafe {
            command.pre_exec(|| match libc::setsid() {
                -1 => Err(std::io::Error::last_os_error()),
                _ if libc::ioctl(0, libc::TIOCSCTTY, 0) == -1 => Err(std::io::Error::last_os_error()),
                _ => Ok(()),
            })
        };
        let before = settings(&device);
        let program = Running::start(command);
        let (sender, shown) = mpsc::channel();
        let mut screen = master.try_clone().expect("it is open");
        std::thread::spawn(move || {
            let mut bytes = [0; 1 << 16];
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                if sender.send(bytes[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { keys: master, device, before, shown, seen: String::new(), passed: 0, program }
    }

    /// Waits until this was written to the terminal, after all that was waited for before.
    pub fn wait_for(&mut self, text: &str) {
        self.wait_until(text, |terminal| {
            let at = terminal.seen[terminal.passed..].find(text);
            terminal.passed += at.map_or(0, |at| at + text.len());
            at.is_some()
        });
    }

    /// Waits until this stands on its screen.
    pub fn wait_to_see(&mut self, text: &str) {
        self.wait_until(text, |terminal| screen(&terminal.seen).contains(text));
    }

    fn wait_until(&mut self, what: &str, come: impl Fn(&mut Self) -> bool) {
        let begun = Instant::now();
        while !come(self) {
            let left = DEADLINE.saturating_sub(begun.elapsed());
            let Ok(bytes) = self.shown.recv_timeout(left) else {
                panic!("{what:?} does not come:\n{}", screen(&self.seen));
            };
            self.seen.push_str(&String::from_utf8_lossy(&bytes));
        }
    }

    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("somebody reads it");
    }

    /// As by Ctrl-S: from now on the terminal takes nothing.
    pub fn stop(&self) {
        // SAFETY: it is an open terminal.
        assert_eq!(unsafe { libc::tcflow(self.device.as_raw_fd(), libc::TCOOFF) }, 0);
    }

    pub fn signal(&self, signal: i32) {
        self.program.signal(signal);
    }

    /// Waits for the end with exit code 0, which leaves the terminal as it was; all that was written to it.
    pub fn ends_well(mut self) -> String {
        self.wait_for(USUAL_SCREEN);
        let status = self.program.output().status;
        assert_eq!(status.code(), Some(0), "{status}: {:?}", self.seen);
        is_as_it_was(&self.device, &self.before);
        self.seen
    }

    /// The same where the terminal takes nothing any more.
    pub fn ends_stopped(self, ends: impl FnOnce(Running)) {
        ends(self.program);
        is_as_it_was(&self.device, &self.before);
    }
}

/// What a terminal shows after this was written to it. Only changes are written, so no text need stand there in one piece.
fn screen(written: &str) -> String {
    let mut lines = vec![vec![' '; 100]; 30];
    let (mut line, mut column) = (0, 0);
    let mut letters = written.chars();
    while let Some(letter) = letters.next() {
        if letter != '\u{1b}' {
            if let Some(cell) = lines.get_mut(line).and_then(|cells: &mut Vec<char>| cells.get_mut(column)) {
                *cell = letter;
            }
            column += 1;
            continue;
        }
        let mut sequence = String::new();
        for letter in letters.by_ref() {
            sequence.push(letter);
            if letter.is_ascii_alphabetic() {
                break;
            }
        }
        let to = sequence.strip_prefix('[').and_then(|rest| rest.strip_suffix('H')?.split_once(';'));
        if let Some((to_line, to_column)) = to {
            let place = |number: &str| number.parse::<usize>().expect("places are numbers from 1") - 1;
            (line, column) = (place(to_line), place(to_column));
        }
    }
    lines.iter().map(|cells| cells.iter().collect::<String>() + "\n").collect()
}

fn is_as_it_was(device: &OwnedFd, before: &libc::termios) {
    let modes = |one: &libc::termios| [one.c_iflag, one.c_oflag, one.c_cflag, one.c_lflag];
    assert_eq!(modes(&settings(device)), modes(before), "the terminal is as it was");
}

fn settings(device: &OwnedFd) -> libc::termios {
    let mut settings = std::mem::MaybeUninit::uninit();
    // SAFETY: it is an open terminal; where the call succeeds, all is written.
    unsafe {
        assert_eq!(libc::tcgetattr(device.as_raw_fd(), settings.as_mut_ptr()), 0);
        settings.assume_init()
    }
}

/// Until the first screen is there.
pub fn start(address: &str, variables: &[(&str, &str)]) -> Terminal {
    let mut terminal = Terminal::start(&["top", address, "--interval-ms", "100"], variables);
    terminal.wait_for(ALTERNATE_SCREEN);
    terminal
}
