//! The lock by which one process at a time feeds a table of a file: a lock of the operating system
//! on a file beside, which dies with the process however that ends.
//!
//! It is not on the file itself, whose locks are SQLite's. It is a courtesy that is told early: what
//! protects the events is that each transaction asks for the position under SQLite's own write
//! lock. Over NFS it is a lock of the server, as SQLite's are.

use crate::destination::connector::{PlaceOwner, Replicator};
use crate::error::{Error, ErrorKind, Result};
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// What is written in it is not longer.
const NOTE_BYTES_MAX: u64 = 1024;
/// Whoever only looks has it for a moment: so often it is tried again.
const ATTEMPTS_MAX: u32 = 5;
const ATTEMPT_PAUSE: std::time::Duration = std::time::Duration::from_millis(20);

/// A lock that is held; it ends with its drop.
#[derive(Debug)]
pub(crate) struct ReplicatorLock {
    _file: File,
}

/// What a holder wrote of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct HolderNote {
    pid: Option<i32>,
    key: Option<String>,
}

impl HolderNote {
    fn written(&self) -> String {
        let pid = self.pid.map_or_else(String::new, |pid| pid.to_string());
        format!("pid {pid}\nkey {}\n", self.key.as_deref().unwrap_or_default())
    }

    fn read(text: &str) -> Self {
        let line = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
        Self {
            pid: line("pid ").and_then(|pid| pid.parse().ok()),
            key: line("key ").filter(|key| !key.is_empty()).map(str::to_owned),
        }
    }
}

/// Takes the lock of a table, without waiting, or tells who has it.
///
/// # Errors
/// `Access` where the file beside cannot be made.
pub(crate) fn take(
    path: &Path,
    table: &str,
    name: &str,
) -> Result<(PlaceOwner, Option<ReplicatorLock>)> {
    let beside = lock_path(path, table);
    let failed = |error: &std::io::Error| {
        Error::new(ErrorKind::Access, format!("cannot lock destination \"{name}\""))
            .at(beside.display().to_string())
            .caused_by(error)
            .fix("let the user of this process write the folder of the file")
    };
    let opened = File::options().create(true).truncate(false).read(true).write(true).open(&beside);
    let mut file = opened.map_err(|error| failed(&error))?;
    for attempt in 1..=ATTEMPTS_MAX {
        match file.try_lock() {
            Ok(()) => {
                let key = format!("{:016x}", rand::random::<u64>());
                let pid = i32::try_from(std::process::id()).ok();
                let note = HolderNote { pid, key: Some(key.clone()) };
                write_note(&mut file, &note).map_err(|error| failed(&error))?;
                return Ok((PlaceOwner::Ours(key), Some(ReplicatorLock { _file: file })));
            }
            Err(TryLockError::WouldBlock) if attempt < ATTEMPTS_MAX => {
                std::thread::sleep(ATTEMPT_PAUSE);
            }
            Err(TryLockError::WouldBlock) => break,
            Err(TryLockError::Error(error)) => return Err(failed(&error)),
        }
    }
    let note = read_note(&mut file);
    let who = note.pid.map_or_else(
        || "it does not say who it is".to_owned(),
        |pid| format!("pid {pid}, which holds {}", beside.display()),
    );
    let held = Error::new(
        ErrorKind::Fed,
        format!("another replicator feeds destination \"{name}\""),
    )
    .at(path.display().to_string())
    .because(who)
    .fix(
        "no action needed for a standby: it takes over when the other one ends; otherwise stop \
             one of them",
    );
    Ok((PlaceOwner::Another(note.key, held), None))
}

/// Who holds a table, if anybody does; takes nothing.
pub(crate) fn holder(path: &Path, table: &str) -> Option<Replicator> {
    let mut file = File::open(lock_path(path, table)).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => {
            let note = read_note(&mut file);
            Some(Replicator {
                pid: note.pid,
                application_name: Some("counterfoil/append".to_owned()),
                client_address: None,
            })
        }
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

fn write_note(file: &mut File, note: &HolderNote) -> std::io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(note.written().as_bytes())
}

fn read_note(file: &mut File) -> HolderNote {
    let mut text = String::new();
    let read = file
        .seek(SeekFrom::Start(0))
        .and_then(|_| file.take(NOTE_BYTES_MAX).read_to_string(&mut text));
    read.map(|_| HolderNote::read(&text)).unwrap_or_default()
}

/// Beside the file, with a name that no other table's has: characters that a file cannot have in
/// its name by their numbers.
fn lock_path(path: &Path, table: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    for c in table.to_ascii_lowercase().chars() {
        if c.is_ascii_alphanumeric() || c == '_' {
            name.push(c.to_string());
        } else {
            name.push(format!("%{:x}.", u32::from(c)));
        }
    }
    name.push(".counterfoil");
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_table_has_a_file_of_its_own_beside_and_case_does_not_matter() {
        let path = Path::new("/var/lib/orders.db");
        let names = ["events", "a b", "a%20.b", "../x", "é", "É", "e", "events."];
        let paths: BTreeSet<PathBuf> = names.iter().map(|name| lock_path(path, name)).collect();
        assert_eq!(paths.len(), names.len());
        assert!(paths.iter().all(|beside| beside.parent() == path.parent()));
        assert_eq!(lock_path(path, "Events"), Path::new("/var/lib/orders.db.events.counterfoil"));
    }

    #[test]
    fn what_a_holder_wrote_is_read_again_and_anything_else_names_nobody() {
        let note = HolderNote { pid: Some(7), key: Some("ab".to_owned()) };
        assert_eq!(HolderNote::read(&note.written()), note);
        for text in ["", "pid x\nkey \n", "\0\0\0"] {
            assert_eq!(HolderNote::read(text), HolderNote::default());
        }
    }

    #[test]
    fn a_lock_is_held_once_and_told_to_whoever_looks_until_it_is_dropped() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("orders.db");
        assert_eq!(holder(&path, "events"), None);
        let (owner, lock) = take(&path, "events", "copy").expect("a lock");
        let PlaceOwner::Ours(key) = owner else { panic!("it is another's") };
        let pid = i32::try_from(std::process::id()).ok();
        assert_eq!(holder(&path, "events").expect("a holder").pid, pid);
        let (other, none) = take(&path, "events", "copy").expect("an answer");
        let PlaceOwner::Another(held_by, error) = other else { panic!("it was taken twice") };
        assert_eq!((held_by, none.is_none(), error.kind()), (Some(key), true, ErrorKind::Fed));
        assert!(matches!(take(&path, "others", "copy"), Ok((PlaceOwner::Ours(_), Some(_)))));
        drop(lock);
        assert_eq!(holder(&path, "events"), None);
        assert!(matches!(take(&path, "events", "copy"), Ok((PlaceOwner::Ours(_), Some(_)))));
    }
}
