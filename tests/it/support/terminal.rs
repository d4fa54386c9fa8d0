//! A terminal of a test's own: what a program writes to it, and what then stands on its screen.

use super::LONG;
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use std::fs::File;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A program whose standard output and standard error are a terminal. Dropping it kills it.
pub struct OnTerminal {
    child: Child,
    columns: usize,
    written: Arc<Mutex<Vec<u8>>>,
    reader: Option<std::thread::JoinHandle<()>>,
}

impl OnTerminal {
    /// Starts it on a terminal of so many columns.
    pub fn start(mut command: Command, columns: u16) -> Self {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&keyboard, size).unwrap();
        let name = ptsname(&keyboard, Vec::new()).unwrap().into_string().unwrap();
        let terminal = || File::options().read(true).write(true).open(&name).unwrap();
        command.env("TERM", "xterm").env_remove("NO_COLOR").stdin(Stdio::null());
        let child = command.stdout(terminal()).stderr(terminal()).spawn().unwrap();
        // What holds its ends of the terminal would keep it open.
        drop(command);
        let written = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&written);
        let reader = std::thread::spawn(move || {
            let (mut screen, mut bytes) = (File::from(keyboard), [0; 4096]);
            // It fails when nobody has the other end any more.
            while let Ok(read @ 1..) = screen.read(&mut bytes) {
                seen.lock().unwrap().extend(&bytes[..read]);
            }
        });
        Self { child, columns: usize::from(columns), written, reader: Some(reader) }
    }

    /// Its screen now.
    pub fn screen(&self) -> Screen {
        Screen::after(&self.written.lock().unwrap(), self.columns)
    }

    /// Waits until its screen is so.
    pub async fn shows(&self, what: &str, is_so: impl Fn(&Screen) -> bool) {
        let start = Instant::now();
        while !is_so(&self.screen()) {
            assert!(start.elapsed() < LONG, "it does not show {what}:\n{}", self.screen().text());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end; gives its exit code.
    pub fn end(&mut self) -> Option<i32> {
        let code = self.child.wait().unwrap().code();
        self.reader.take().unwrap().join().unwrap();
        code
    }

    /// Every screen there was, after each character that was written.
    pub fn screens(&self, mut look: impl FnMut(&Screen)) {
        let written = self.written.lock().unwrap().clone();
        let mut screen = Screen::new(self.columns);
        for character in String::from_utf8_lossy(&written).chars() {
            screen.take(character);
            look(&screen);
        }
    }
}

impl Drop for OnTerminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What stands on a terminal that is as high as it must be.
pub struct Screen {
    columns: usize,
    rows: Vec<Vec<char>>,
    row: usize,
    column: usize,
    /// The sequence that has begun.
    sequence: String,
}

impl Screen {
    fn new(columns: usize) -> Self {
        Self { columns, rows: vec![Vec::new()], row: 0, column: 0, sequence: String::new() }
    }

    fn after(written: &[u8], columns: usize) -> Self {
        let mut screen = Self::new(columns);
        String::from_utf8_lossy(written).chars().for_each(|character| screen.take(character));
        screen
    }

    fn take(&mut self, character: char) {
        match character {
            '\u{1b}' => self.sequence.push(character),
            _ if !self.sequence.is_empty() => {
                self.sequence.push(character);
                self.obey();
            }
            '\r' => self.column = 0,
            '\n' => self.down(),
            character => {
                if self.column == self.columns {
                    self.column = 0;
                    self.down();
                }
                let row = &mut self.rows[self.row];
                row.resize(row.len().max(self.column + 1), ' ');
                row[self.column] = character;
                self.column += 1;
            }
        }
    }

    fn down(&mut self) {
        self.row += 1;
        if self.row == self.rows.len() {
            self.rows.push(Vec::new());
        }
    }

    /// Does what a sequence says, once it is complete.
    fn obey(&mut self) {
        let sequence: Vec<char> = self.sequence.chars().skip(1).collect();
        match sequence.as_slice() {
            ['[' | '('] | ['[', .., '0'..='9' | ';'] => return,
            ['(', _] | ['[', .., 'm'] => {}
            ['[', 'J'] => {
                self.rows.truncate(self.row + 1);
                self.rows[self.row].truncate(self.column);
            }
            ['[', digits @ .., 'A'] => {
                let rows: usize = digits.iter().collect::<String>().parse().unwrap();
                self.row = self.row.checked_sub(rows).unwrap();
            }
            other => panic!("this terminal knows no {other:?}"),
        }
        self.sequence.clear();
    }

    /// Its rows.
    pub fn rows(&self) -> Vec<String> {
        self.rows.iter().map(|row| row.iter().collect()).collect()
    }

    /// The row of the cursor.
    pub fn last(&self) -> String {
        self.rows[self.row].iter().collect()
    }

    /// All rows with a bar.
    pub fn bars(&self) -> usize {
        self.rows.iter().filter(|row| row.contains(&'█') || row.contains(&'░')).count()
    }

    /// All of it, also what it wrapped.
    pub fn text(&self) -> String {
        self.rows().join("\n")
    }

    /// All of it, as it was before it was wrapped.
    pub fn unwrapped(&self) -> String {
        let mut text = String::new();
        for row in self.rows() {
            text.push_str(&row);
            if row.chars().count() < self.columns {
                text.push('\n');
            }
        }
        text
    }
}
