//! The metrics: true while sides are killed, paused and held, and taken by Prometheus' own programs.
//! Those come from Debian's packages, which tools/test installs; where they are not there, a test
//! says `skipped` and passes, or fails with COUNTERFOIL_TEST_PROMETHEUS=required.

mod file;
mod http;
mod names;
mod rules;
mod samples;
mod scrape;
mod supervised;
mod values;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A program of Prometheus; `None` where it is not there, which is said.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|dir| dir.join(name)).find(|path| path.is_file());
    if found.is_none() {
        skip(&format!("there is no {name}: tools/setup {PACKAGES} installs it"));
    }
    found
}

/// What the tests need of Debian.
pub const PACKAGES: &str = "prometheus prometheus-node-exporter python3-prometheus-client";

fn skip(reason: &str) {
    let is_required =
        std::env::var_os("COUNTERFOIL_TEST_PROMETHEUS").is_some_and(|value| value == "required");
    assert!(!is_required, "COUNTERFOIL_TEST_PROMETHEUS=required: {reason}");
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test of metrics");
    drop(writeln!(std::io::stderr(), "skipped: {test}: {reason}"));
}

/// A file of the package for Prometheus.
pub fn packaged(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/prometheus").join(name)
}

/// Runs the command on this text; gives what it says.
pub fn fed(command: &mut Command, text: &str) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(text.as_bytes()).unwrap();
    drop(stdin);
    child.wait_with_output().unwrap()
}

/// Asserts that Prometheus takes this text 0.0.4, and has no objection to a name in it.
pub fn assert_taken(text: &str) {
    let Some(promtool) = program("promtool") else { return };
    let output = fed(Command::new(promtool).args(["check", "metrics"]), text);
    let says = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let told = says(&output.stdout) + &says(&output.stderr);
    assert!(output.status.success() && told.is_empty(), "{told}\n{text}");
}
