//! The window: a page in the browser, metrics and probes, in a thread and a runtime of their own. It
//! reads what replications tell of themselves: a slow reader of the page delays no commit, and a
//! stuck loop cannot answer that it is well.

mod access;
mod actions;
mod answer;
mod ask;
mod edit;
mod flow;
mod frame;
mod guard;
mod history;
mod lane_word;
mod listen;
mod live;
mod login;
pub mod metrics;
mod moment;
mod numbers;
mod page;
mod plot;
mod probes;
mod process;
mod proof;
mod report;
mod routes;
mod server;
mod session;
mod sign_in;
mod state;
mod status;
mod tls;
mod verdict;
mod words;

use crate::config::{ConsoleConfig, ListenAddress};
use crate::error::{Error, ErrorKind, Result};
use crate::log::key;
use crate::log::recent::RecentLines;
use crate::supervise::{ReloadCall, Roster};
pub(crate) use ask::{ProbeAnswer, ask};
use edit::desk::EditDesk;
use listen::BoundListener;
pub(crate) use login::hash_password;
use process::ProcessFacts;
pub(crate) use report::{RecordedRun, RunRecorder, is_report};
use server::WindowServer;
use slog::{Logger, info};
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::Instant;
use tokio::sync::{mpsc, watch};

/// What a window shows and where.
pub(crate) struct WindowSettings {
    /// Where it listens and who may use it.
    pub(crate) config: ConsoleConfig,
    /// The replications of the process.
    pub(crate) roster: watch::Receiver<Roster>,
    /// The latest lines of the log.
    pub(crate) recent: RecentLines,
    /// Version of the program.
    pub(crate) version: &'static str,
    /// The files it was started with.
    pub(crate) files: String,
    /// What is needed to change the configuration; `None` where there are no files of it.
    pub(crate) editing: Option<EditSettings>,
}

/// What is needed to change the configuration.
pub(crate) struct EditSettings {
    /// Files and folders, as the command line names them.
    pub(crate) paths: Vec<PathBuf>,
    /// Who reads the files again.
    pub(crate) reloads: mpsc::Sender<ReloadCall>,
}

/// A window that is open, until it is closed.
pub(crate) struct ConsoleWindow {
    address: ListenAddress,
    ending: watch::Sender<Option<u8>>,
    thread: JoinHandle<()>,
}

impl ConsoleWindow {
    /// Opens it: from now on it answers.
    ///
    /// # Errors
    /// `Usage` where it cannot listen there, or a certificate, its key or the hash of the password
    /// cannot be used.
    pub(crate) fn open(
        address: ListenAddress,
        settings: WindowSettings,
        log: &Logger,
    ) -> Result<Self> {
        let listener = BoundListener::bind(&address)?;
        let address = listener.address().clone();
        let is_shown = settings.config.has_login() || address.is_local();
        let facts = ProcessFacts {
            version: settings.version.to_owned(),
            started: Instant::now(),
            files: settings.files,
        };
        let (ending, ended) = watch::channel(None);
        let desk = settings
            .editing
            .filter(|_| settings.config.is_edit)
            .map(|editing| EditDesk::new(editing.paths, editing.reloads, settings.roster.clone()));
        let server = WindowServer::new(
            settings.config,
            listener,
            facts,
            (settings.roster, settings.recent, desk),
            ended,
            log.clone(),
        )?;
        let thread = std::thread::Builder::new()
            .name("console".to_owned())
            .spawn(move || server.run())
            .map_err(|error| {
                Error::new(ErrorKind::Bug, "cannot start the thread of the window")
                    .caused_by(&error)
            })?;
        info!(log, "the window is open"; "address" => address.to_string());
        if !is_shown {
            info!(log, "the page is not served, metrics and probes are: other machines can reach it, and nobody can sign in";
                key::FIX => "set console.password_hash_file and TLS, or listen on 127.0.0.1");
        }
        Ok(Self { address, ending, thread })
    }

    /// Where it listens, with the port that was chosen.
    pub(crate) fn address(&self) -> &ListenAddress {
        &self.address
    }

    /// Shows the end to those who watch, with the exit code of the process, and closes.
    pub(crate) fn close(self, exit_code: u8) {
        self.ending.send_replace(Some(exit_code));
        // It ends by itself within a few seconds, whoever reads slowly.
        let _ = self.thread.join();
        if let ListenAddress::Unix(path) = &self.address {
            let _ = std::fs::remove_file(path);
        }
    }
}
