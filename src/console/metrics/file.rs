//! `[metrics] file`: the metrics as a file, for processes that are over before they are asked.

use super::{ScrapeFacts, file_text};
use crate::log::key;
use crate::stop::{self, Stop, Stopper};
use crate::supervise::Roster;
use slog::{Logger, info, warn};
use std::ffi::OsString;
use std::fs::{OpenOptions, Permissions, remove_file, rename};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// How often it is written.
const WRITE_INTERVAL: Duration = Duration::from_secs(15);
/// Everybody may read it: whoever collects it runs as another user.
const MODE: u32 = 0o644;

/// Writes the file until this is dropped, or ended.
pub(crate) struct MetricsFile {
    writer: FileWriter,
    stopper: Stopper,
    task: AbortOnDropHandle<Option<String>>,
}

/// See the module.
#[derive(Clone)]
struct FileWriter {
    path: PathBuf,
    facts: ScrapeFacts,
    roster: watch::Receiver<Roster>,
    /// Why the last write failed, as that was told.
    failure: Option<String>,
    log: Logger,
}

impl MetricsFile {
    /// Begins; nothing is written before there is a replication.
    pub(crate) fn start(
        path: PathBuf,
        facts: ScrapeFacts,
        roster: watch::Receiver<Roster>,
        log: &Logger,
    ) -> Self {
        let writer = FileWriter { path, facts, roster, failure: None, log: log.clone() };
        let (stopper, stop) = stop::channel();
        let task = AbortOnDropHandle::new(tokio::spawn(writer.clone().write_until(stop)));
        Self { writer, stopper, task }
    }

    /// Writes it for the last time: how each replication has ended.
    pub(crate) async fn end(self) {
        let Self { mut writer, stopper, task } = self;
        stopper.request();
        writer.failure = task.await.unwrap_or_default();
        writer.write().await;
    }
}

impl FileWriter {
    /// Writes again and again; gives what was told of the last failure.
    async fn write_until(mut self, stop: Stop) -> Option<String> {
        let is_there = self.roster.wait_for(|roster| !roster.is_empty());
        if !matches!(stop.or(is_there).await, Some(Ok(_))) {
            return None;
        }
        while !stop.is_requested() {
            self.write().await;
            stop.or(tokio::time::sleep(WRITE_INTERVAL)).await;
        }
        self.failure
    }

    async fn write(&mut self) {
        let roster = Arc::clone(&self.roster.borrow());
        let (path, facts) = (self.path.clone(), self.facts);
        // A slow disk holds up no replication.
        let writing =
            tokio::task::spawn_blocking(move || replace(&path, &file_text(&roster, &facts)));
        let written = writing.await.unwrap_or_else(|panic| Err(io::Error::other(panic)));
        let failure = written.err().map(|error| error.to_string());
        let path = self.path.display().to_string();
        match (&failure, &self.failure) {
            (Some(error), before) if before.as_ref() != Some(error) => {
                warn!(self.log, "the file of metrics cannot be written"; "file" => path,
                    key::ERROR => error,
                    key::FIX => "look at the disk, and at this user's right to create and rename \
                                 files in its folder; replication goes on, and the file is tried \
                                 again");
            }
            (None, Some(_)) => {
                info!(self.log, "the file of metrics is written again"; "file" => path)
            }
            _ => {}
        }
        self.failure = failure;
    }
}

/// Puts this text in the place of the file: whoever reads it sees the old one or the new one whole,
/// and a crash leaves one of them.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let beside = beside(path);
    // What a crash has left: no link of another user is followed.
    match remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(&beside)?;
    let written = file
        .set_permissions(Permissions::from_mode(MODE))
        .and_then(|()| file.write_all(text.as_bytes()))
        .and_then(|()| rename(&beside, path));
    if written.is_err() {
        let _ = remove_file(&beside);
    }
    written
}

/// Where it is written first: hidden, and with no ending that would be collected.
fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".new");
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_file_is_replaced_whole_and_everybody_may_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("counterfoil.prom");
        fs::write(beside(&path), "half of it, left by a crash").unwrap();
        replace(&path, "one\n").unwrap();
        let before = fs::File::open(&path).unwrap();
        replace(&path, "two\n").unwrap();
        assert_eq!(io::read_to_string(before).unwrap(), "one\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "two\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn where_it_cannot_be_replaced_nothing_is_left_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("counterfoil.prom");
        fs::create_dir_all(path.join("a folder in its place")).unwrap();
        assert!(replace(&path, "one\n").is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        let nowhere = dir.path().join("nowhere/counterfoil.prom");
        assert_eq!(replace(&nowhere, "one\n").unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
