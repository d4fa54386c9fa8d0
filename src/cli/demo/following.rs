//! The replicator of the demo as the window sees it, and how it goes on after the proof.

use super::servers::DemoServers;
use super::story::DemoStory;
use super::writers::DemoWriters;
use crate::cli::args;
use crate::cli::version::VERSION;
use crate::config::{ConsoleConfig, ReplicationConfig};
use crate::console::{ConsoleWindow, WindowSettings};
use crate::error::{Problems, Result};
use crate::log::recent::{RecentLines, watched};
use crate::stop::Stop;
use crate::supervise::{Roster, SupervisorOptions, supervise};
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// Events that are written before the writers begin again.
const EVENTS_A_ROUND: u64 = 6_000;

/// The replications of the demo: one, again and again.
#[derive(Debug, Default)]
pub(super) struct DemoRoster {
    roster: watch::Sender<Roster>,
    recent: RecentLines,
}

/// A window over the demo, closed in the end.
pub(super) struct DemoWindow(ConsoleWindow);

impl DemoRoster {
    /// Replicates until the stop.
    pub(super) async fn replicate(
        &self,
        config: &Arc<ReplicationConfig>,
        stop: &Stop,
        story: &Arc<DemoStory>,
    ) -> Problems {
        let options = SupervisorOptions {
            until_caught_up: false,
            fail_fast: false,
            heartbeat: None,
            waits_when_empty: false,
        };
        // Nothing is reloaded: the sender is kept until the end.
        let (_reloading, reloads) = mpsc::channel(1);
        let log = watched(story.logger(), self.recent.clone());
        let configs = vec![ReplicationConfig::clone(config)];
        supervise(configs, options, reloads, &self.roster, stop, &log).await
    }
}

/// Opens the window, where one is wanted.
///
/// # Errors
/// `Usage` where it cannot listen there.
pub(super) fn open_window(
    arguments: &args::Demo,
    stage: &DemoRoster,
    story: &Arc<DemoStory>,
) -> Result<Option<DemoWindow>> {
    let Some(address) = arguments.console.clone() else { return Ok(None) };
    let settings = WindowSettings {
        config: ConsoleConfig::listening(Some(address.clone())),
        roster: stage.roster.subscribe(),
        recent: stage.recent.clone(),
        version: VERSION,
        files: "counterfoil demo".to_owned(),
        editing: None,
    };
    let window = ConsoleWindow::open(address, settings, &story.logger())?;
    story.say(&format!("the window is open at http://{}", window.address()));
    Ok(Some(DemoWindow(window)))
}

impl DemoWindow {
    /// What a person can look at now.
    pub(super) fn invitation(&self) -> String {
        format!(
            "The writers go on, and the window stays open at http://{} until Ctrl-C.",
            self.0.address()
        )
    }

    pub(super) fn close(self, exit_code: u8) {
        self.0.close(exit_code);
    }
}

/// Replicates and writes until the stop.
///
/// # Errors
/// What ended either.
pub(super) async fn go_on(
    servers: &DemoServers,
    stage: &DemoRoster,
    story: &Arc<DemoStory>,
    stop: &Stop,
) -> Result<(), Problems> {
    let config = Arc::new(servers.config(true)?);
    let write = async {
        loop {
            DemoWriters::begin(&config.source, EVENTS_A_ROUND).await?.until_ended().await?;
        }
    };
    tokio::select! {
        problems = stage.replicate(&config, stop, story) => problems.or_ok(()),
        written = stop.or(write) => written.unwrap_or(Ok(())),
    }
}
