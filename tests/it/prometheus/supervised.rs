//! Replications inside the process of the test, and their metrics.

use super::samples::Samples;
use crate::support::until;
use crate::truth::running::DEADLINE;
use counterfoil::config::ReplicationConfig;
use counterfoil::console::metrics::format::MetricsFormat;
use counterfoil::console::metrics::{ScrapeFacts, exposition};
use counterfoil::error::Problems;
use counterfoil::replicate::command::LaneAction;
use counterfoil::stop::{self, Stopper};
use counterfoil::supervise::{Roster, SupervisorOptions, supervise};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// See the module.
pub struct Supervised {
    stopper: Stopper,
    pub roster: watch::Receiver<Roster>,
    facts: ScrapeFacts,
    task: JoinHandle<Problems>,
}

impl Supervised {
    pub fn start(configs: Vec<ReplicationConfig>, until_caught_up: bool) -> Self {
        let (stopper, stop) = stop::channel();
        let (sender, (reloads, reloaded)) = (watch::Sender::default(), mpsc::channel(1));
        let roster = sender.subscribe();
        let options = SupervisorOptions {
            until_caught_up,
            fail_fast: false,
            heartbeat: None,
            waits_when_empty: false,
        };
        let task = tokio::spawn(async move {
            let _reloads = reloads;
            supervise(configs, options, reloaded, &sender, &stop, &counterfoil::log::none()).await
        });
        let facts = ScrapeFacts::starting(Duration::from_secs(1));
        Self { stopper, roster, facts, task }
    }

    /// The text now.
    pub fn text(&self, format: MetricsFormat) -> String {
        text_of(&self.roster, &self.facts, format)
    }

    /// Waits until the metrics show it; gives them.
    pub async fn shows(&self, what: &str, mut is_so: impl FnMut(&Samples) -> bool) -> Samples {
        let mut shown = None;
        until(what, async || {
            let samples = Samples::parse(&self.text(MetricsFormat::Text));
            let is_shown = is_so(&samples);
            shown = Some(samples);
            is_shown
        })
        .await;
        shown.unwrap()
    }

    /// Waits until a destination holds everything up to this id and follows.
    pub async fn follows(&self, destination: &str, id: f64) -> Samples {
        let follows = |now: &Samples| {
            now.of("position_id", destination) == Some(id)
                && now.of("lag_seconds", destination) == Some(0.0)
        };
        self.shows(&format!("{destination} holds {id}"), follows).await
    }

    /// Commands a lane of the first replication.
    pub async fn command(&self, lane: &str, action: LaneAction) {
        let commander = self.roster.borrow()[0].commander.clone();
        tokio::time::timeout(DEADLINE, commander.command(lane, action, "a test"))
            .await
            .unwrap()
            .unwrap();
    }

    pub async fn stopped(&mut self) -> Problems {
        self.stopper.request();
        self.ends().await
    }

    pub async fn ends(&mut self) -> Problems {
        tokio::time::timeout(DEADLINE, &mut self.task).await.unwrap().unwrap()
    }
}

fn text_of(roster: &watch::Receiver<Roster>, facts: &ScrapeFacts, format: MetricsFormat) -> String {
    let roster = Roster::clone(&roster.borrow());
    exposition(&roster, facts, format)
}
