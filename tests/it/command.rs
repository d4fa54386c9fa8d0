//! The program itself, as a person or a script runs it.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

/// Our program with these arguments, without a configuration or a URL from outside.
pub fn counterfoil(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_counterfoil"));
    command.args(arguments).env_remove("COUNTERFOIL_CONFIG").env_remove("COUNTERFOIL_URL");
    command.stdin(Stdio::null());
    command
}

/// Its exit code, what it printed and what it complained of.
pub fn told(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// A program on its way, of which every line so far is known. Dropping it kills it.
pub struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
    /// What it printed so far.
    pub told: String,
}

impl Running {
    /// Starts it.
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines, told: String::new() }
    }

    /// Waits for a line that contains this, and gives it.
    pub fn line_with(&mut self, wanted: &str) -> String {
        loop {
            let mut line = String::new();
            let is_over = self.lines.read_line(&mut line).unwrap() == 0;
            assert!(!is_over, "it ended without {wanted:?}:\n{}", self.told);
            self.told.push_str(&line);
            if line.contains(wanted) {
                return line;
            }
        }
    }

    /// Sends a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Waits for its end, reading what it prints; gives its exit code.
    pub fn end(&mut self) -> Option<i32> {
        std::io::Read::read_to_string(&mut self.lines, &mut self.told).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
