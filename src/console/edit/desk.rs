//! Where configuration is changed: which files there are, and what was changed of them and not saved
//! yet.

use super::draft::FileDraft;
use super::store;
use crate::commands;
use crate::config::load::{files_of, revision};
use crate::error::{Error, ErrorKind, Problems};
use crate::supervise::{ReloadCall, ReloadOutcome, Roster};
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

/// So many files are changed at a time; one more takes the place of one that has no changes, or is
/// refused.
const DRAFTS_MAX: usize = 32;
/// So many looks at databases at a time.
const TRIES_MAX: usize = 2;
/// A reload that takes longer goes on, and its answer is in the log.
const RELOAD_WAIT_MAX: Duration = Duration::from_secs(60);
/// The name of a new file is not longer.
const NAME_BYTES_MAX: usize = 60;

/// See the module.
pub(crate) struct EditDesk {
    /// Files and folders, as the command line names them.
    pub(super) paths: Vec<PathBuf>,
    drafts: Mutex<BTreeMap<PathBuf, FileDraft>>,
    reloads: mpsc::Sender<ReloadCall>,
    roster: watch::Receiver<Roster>,
    /// The texts that were there when the window was opened: what belongs to the process runs by
    /// them.
    at_start: HashMap<PathBuf, u64>,
    pub(super) tries: Semaphore,
    /// One save at a time.
    pub(super) saving: tokio::sync::Mutex<()>,
}

/// How a file stands to what runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileStanding {
    /// What it says runs.
    Running,
    /// It is newer than what runs.
    Newer,
    /// Nothing of it runs yet.
    NotRunning,
    /// It holds what belongs to the process, as at the start.
    OfProcess,
    /// It holds what belongs to the process, and has changed since the start.
    ForNextStart,
}

impl EditDesk {
    /// For these files and folders.
    pub(crate) fn new(
        paths: Vec<PathBuf>,
        reloads: mpsc::Sender<ReloadCall>,
        roster: watch::Receiver<Roster>,
    ) -> Self {
        let text = |path: &PathBuf| Some((path.clone(), revision(&store::read(path).ok()??)));
        let at_start = files_of(&paths).unwrap_or_default().iter().filter_map(text).collect();
        Self {
            paths,
            drafts: Mutex::default(),
            reloads,
            roster,
            at_start,
            tries: Semaphore::new(TRIES_MAX),
            saving: tokio::sync::Mutex::default(),
        }
    }

    fn drafts(&self) -> MutexGuard<'_, BTreeMap<PathBuf, FileDraft>> {
        self.drafts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All files, those too that are not saved yet.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let mut files = files_of(&self.paths).unwrap_or_default();
        files.extend(self.drafts().values().map(|draft| draft.path.clone()));
        files.sort();
        files.dedup();
        files
    }

    /// Whether there is no file but this one.
    pub(super) fn is_alone(&self, path: &Path) -> bool {
        files_of(&self.paths).unwrap_or_default().iter().all(|file| file == path)
    }

    /// How a file is called in an address: by its name, and with its folder where another has it.
    pub(super) fn id_of(&self, path: &Path) -> String {
        let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
        let files = self.files();
        let alike = files.iter().filter(|file| name(file) == name(path)).count();
        name(path).filter(|_| alike <= 1).unwrap_or_else(|| path.display().to_string())
    }

    /// The file that is called so.
    pub(super) fn find(&self, id: &str) -> Option<PathBuf> {
        self.files().into_iter().find(|path| self.id_of(path) == id)
    }

    /// Where a new file would be; `None` where no folder was named.
    pub(super) fn folder(&self) -> Option<&PathBuf> {
        self.paths.iter().find(|path| path.is_dir())
    }

    /// Begins a new file.
    ///
    /// # Errors
    /// In words, why not.
    pub(super) fn begin(&self, name: &str) -> Result<FileDraft, String> {
        let is_plain = !name.is_empty()
            && name.len() <= NAME_BYTES_MAX
            && name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
        let folder = self.folder().ok_or("the process was started with files and no folder")?;
        if !is_plain {
            let what = "the name begins with a letter or digit, and has letters, digits, - and _";
            return Err(format!("{what}, {NAME_BYTES_MAX} at most"));
        }
        let path = folder.join(format!("{name}.toml"));
        if path.exists() || self.files().contains(&path) {
            return Err(format!("there is a file {name}.toml already"));
        }
        let draft = FileDraft { path, base: None, text: String::new(), secrets: BTreeMap::new() };
        self.keep(draft.clone())?;
        Ok(draft)
    }

    /// What was changed of a file; otherwise the file as it is now.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub(super) fn draft(&self, path: &Path) -> io::Result<FileDraft> {
        // One without changes is as good as the file, which may be another by now.
        let kept = self.drafts().get(path).filter(|draft| draft.is_changed()).cloned();
        kept.map_or_else(|| FileDraft::of(path), Ok)
    }

    /// Keeps what was changed.
    ///
    /// # Errors
    /// In words, where too many files are being changed.
    pub(super) fn keep(&self, draft: FileDraft) -> Result<(), String> {
        let mut drafts = self.drafts();
        if !drafts.contains_key(&draft.path) && drafts.len() >= DRAFTS_MAX {
            let idle = drafts.values().find(|draft| !draft.is_changed());
            let idle = idle.map(|draft| draft.path.clone());
            let idle = idle.ok_or_else(|| {
                format!("{DRAFTS_MAX} files are being changed: save or drop one of them first")
            })?;
            drafts.remove(&idle);
        }
        drafts.insert(draft.path.clone(), draft);
        Ok(())
    }

    /// Forgets what was changed.
    pub(super) fn drop_draft(&self, path: &Path) {
        self.drafts().remove(path);
    }

    /// How a file with this text stands to what runs.
    pub(super) fn standing(&self, path: &Path, text: &str) -> FileStanding {
        let now = revision(text);
        let roster = self.roster.borrow();
        let is_of_file = |name: &str, flags: &str| {
            [None, Some(name)].into_iter().any(|name| commands::configuration(path, name) == flags)
        };
        let mut running = roster.iter().filter(|one| is_of_file(&one.name, &one.config.flags));
        if let Some(first) = running.next() {
            let is_as_written =
                first.config.revision == now && running.all(|other| other.config.revision == now);
            return if is_as_written { FileStanding::Running } else { FileStanding::Newer };
        }
        match self.at_start.get(path) {
            _ if holds_replication(text) => FileStanding::NotRunning,
            Some(before) if *before == now => FileStanding::OfProcess,
            _ => FileStanding::ForNextStart,
        }
    }

    /// Has all files read again, as SIGHUP does.
    ///
    /// # Errors
    /// Why nothing was changed.
    pub(super) async fn reload(&self) -> ReloadOutcome {
        let unanswered = |what: &str| -> Problems {
            Error::new(ErrorKind::Unavailable, what)
                .fix("look at the log; SIGHUP reads the files again")
                .into()
        };
        let (call, answer) = oneshot::channel();
        let asked = async {
            if self.reloads.send(call).await.is_err() {
                return Err(unanswered("the process is ending, and reads no file again"));
            }
            let gone = || Err(unanswered("the process is ending, and the reload was not done"));
            answer.await.unwrap_or_else(|_| gone())
        };
        let late = || Err(unanswered("the reload takes long, and goes on"));
        tokio::time::timeout(RELOAD_WAIT_MAX, asked).await.unwrap_or_else(|_| late())
    }
}

/// Whether a text is that of a replication, and not of what belongs to the process alone.
fn holds_replication(text: &str) -> bool {
    let begins = |line: &str, header: &str| line.trim_start().starts_with(header);
    text.lines()
        .any(|line| ["[source", "[[destinations", "source"].iter().any(|of| begins(line, of)))
}
