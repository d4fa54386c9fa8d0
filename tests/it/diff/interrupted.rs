//! A comparison that was interrupted, and the journal it left.

use super::{TABLE, compared, events_diff};
use crate::command::Running;
use crate::harness::{Database, fresh_database, fresh_destination};
use crate::support::replicator::url;
use rustix::process::Signal;
use std::path::PathBuf;
use tempfile::TempDir;

/// Rows of so many chunks that a comparison of them can be interrupted after its first difference
/// was told.
const MANY: &str = "insert into events select i, 'epoch', jsonb_build_object('n', \
                    repeat(md5(i::text), 20)) from generate_series(1, 120000) i; analyze events";

/// Two tables, and the journal of a comparison of them that was interrupted after its first
/// difference, id 5000.
pub struct Interrupted {
    pub first: Database,
    pub second: Database,
    pub journal: PathBuf,
    /// What it printed, and what it ended with.
    pub told: String,
    pub code: Option<i32>,
    _dir: TempDir,
}

impl Interrupted {
    /// The second table lacks these rows, 5000 among them.
    pub async fn new(lacks: &str) -> Self {
        let (first, second) = (fresh_database().await, fresh_destination().await);
        for database in [&first, &second] {
            database.execute(&format!("{TABLE}; {MANY}")).await;
        }
        second.execute(&format!("delete from events where {lacks}")).await;
        let dir = tempfile::tempdir().unwrap();
        let mut command = events_diff(&[&url(&first), &url(&second), "--connections", "1"]);
        command.current_dir(dir.path());
        let mut running = Running::start(command);
        running.line_with("missing  id 5000");
        running.signal(Signal::INT);
        let code = running.end();
        assert!(running.told.contains("--resume events-diff.journal"), "{}", running.told);
        Self {
            journal: dir.path().join("events-diff.journal"),
            told: running.told.clone(),
            code,
            first,
            second,
            _dir: dir,
        }
    }

    /// Goes on from the journal, which stays.
    pub async fn resumed(&self) -> (i32, String, String) {
        let kept = self.journal.with_extension("kept");
        std::fs::copy(&self.journal, &kept).unwrap();
        let told =
            compared(&self.first, &self.second, &[&format!("--resume={}", self.journal.display())])
                .await;
        std::fs::rename(&kept, &self.journal).unwrap();
        told
    }
}
