//! The lower end of a terminal: a few lines that are drawn again and again, and that are taken away
//! while something else is written.

use crate::log::LineFrame;
use rustix::termios::tcgetwinsize;
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where the terminal does not say how wide it is.
const COLUMNS_DEFAULT: usize = 80;

/// Standard error, where it is a terminal. Copies are of one screen.
#[derive(Clone, Debug)]
pub(crate) struct TerminalScreen(Arc<Mutex<DrawnLines>>);

/// What stands there, the cursor at the end of it.
#[derive(Debug, Default)]
struct DrawnLines {
    lines: Vec<String>,
    /// Nothing is drawn any more.
    has_ended: bool,
}

impl TerminalScreen {
    /// `None` where standard error is no terminal, or one that cannot move its cursor.
    pub(crate) fn of_stderr() -> Option<Self> {
        let is_able = std::env::var_os("TERM").is_some_and(|term| term != "dumb");
        (is_able && std::io::stderr().is_terminal()).then(|| Self(Arc::default()))
    }

    /// Draws lines in the place of those before. `lines`: made for so many columns.
    pub(crate) fn draw(&self, lines: impl FnOnce(usize) -> Vec<String>) {
        let mut drawn = self.drawn();
        let width = columns();
        // The last column stays free: a full line would move the cursor.
        let lines = lines(width - 1);
        if !drawn.has_ended && drawn.lines != lines {
            let text = format!("{}{}", drawn.taken_away(width), lines.join("\n"));
            drawn.lines = lines;
            put(&text);
        }
    }

    /// Takes the lines away.
    pub(crate) fn clear(&self) {
        self.draw(|_| Vec::new());
    }

    /// Takes the lines away; none comes any more.
    pub(crate) fn end(&self) {
        self.clear();
        self.drawn().has_ended = true;
    }

    /// Takes the lines away while something else is written here, in whole lines.
    pub(crate) fn write_beside<T>(&self, write: impl FnOnce() -> T) -> T {
        let drawn = self.drawn();
        put(&drawn.taken_away(columns()));
        let written = write();
        put(&drawn.lines.join("\n"));
        written
    }

    /// The same for lines of the log.
    pub(crate) fn log_frame(&self) -> LineFrame {
        let screen = self.clone();
        Arc::new(move |write: &mut dyn FnMut()| screen.write_beside(write))
    }

    fn drawn(&self) -> MutexGuard<'_, DrawnLines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DrawnLines {
    /// What takes them away, on a terminal that may have become narrower since.
    fn taken_away(&self, width: usize) -> String {
        let rows = self.lines.iter().map(|line| line.chars().count().max(1).div_ceil(width)).sum();
        match rows {
            0 => String::new(),
            1 => "\r\x1b[J".to_owned(),
            rows => format!("\r\x1b[{}A\x1b[J", rows - 1),
        }
    }
}

fn columns() -> usize {
    let size = tcgetwinsize(std::io::stderr());
    size.map_or(COLUMNS_DEFAULT, |size| match size.ws_col {
        0 => COLUMNS_DEFAULT,
        columns => usize::from(columns),
    })
}

/// Where the terminal is gone nothing can be drawn, and nothing is lost.
fn put(text: &str) {
    if !text.is_empty() {
        let mut terminal = std::io::stderr().lock();
        let _ = terminal.write_all(text.as_bytes()).and_then(|()| terminal.flush());
    }
}
