//! What happened: a line for each thing in a file as it happens, and the figures of the whole run.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::watch;

/// See the module.
pub struct History {
    began: Instant,
    file: Mutex<File>,
    figures: Mutex<BTreeMap<String, u64>>,
    violation: watch::Sender<Option<String>>,
    logs: Option<PathBuf>,
}

impl History {
    /// Begins a file, in place of an older one; logs of replicators are kept in a directory, if one
    /// is given.
    pub fn new(path: &Path, logs: Option<&Path>) -> std::io::Result<Self> {
        if let Some(place) = path.parent() {
            std::fs::create_dir_all(place)?;
        }
        Ok(Self {
            began: Instant::now(),
            file: Mutex::new(File::create(path)?),
            figures: Mutex::default(),
            violation: watch::Sender::new(None),
            logs: logs.map(Path::to_owned),
        })
    }

    /// Writes down one thing.
    pub fn note(&self, what: &str, details: impl Into<String>) {
        let at_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap();
        let line = serde_json::json!({ "at_ms": at_ms, "what": what, "details": details.into() });
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(file, "{line}").unwrap();
    }

    /// Keeps a log, if logs are kept.
    pub fn keep(&self, name: &str, log: &str) {
        if let Some(logs) = &self.logs {
            let _ = std::fs::write(logs.join(name), log);
        }
    }

    /// Counts.
    pub fn count(&self, figure: &str, by: u64) {
        *self.figures().entry(figure.to_owned()).or_default() += by;
    }

    /// A promise was broken. The first one ends the run.
    pub fn violated(&self, what: impl Into<String>) {
        let what = what.into();
        self.note("violation", what.clone());
        self.violation.send_if_modified(|first| {
            let is_first = first.is_none();
            first.get_or_insert(what);
            is_first
        });
    }

    /// The first violation.
    pub fn violation(&self) -> Option<String> {
        self.violation.borrow().clone()
    }

    /// Waits for a violation.
    pub async fn broken(&self) {
        let _ = self.violation.subscribe().wait_for(Option::is_some).await;
    }

    /// The figures, by name.
    pub fn figures(&self) -> MutexGuard<'_, BTreeMap<String, u64>> {
        self.figures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
