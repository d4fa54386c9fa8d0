//! A replication inside the process of the test, what it tells of itself, and commands to it.

use crate::truth::running::{DEADLINE, Running, replication};
use counterfoil::config::ReplicationConfig;
use counterfoil::error::Result;
use counterfoil::replicate::command::{CommandReply, CommandSender, LaneAction, commands};
use counterfoil::replicate::health::Health;
use counterfoil::replicate::snapshot::Snapshot;
use std::sync::Arc;
use tokio::sync::watch;

/// See the module.
pub struct Watched {
    /// The replication.
    pub running: Running,
    /// What it tells.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// Who commands it.
    pub commander: CommandSender,
}

impl Watched {
    /// Starts it.
    pub fn start(config: &ReplicationConfig, until_caught_up: bool) -> Self {
        let run = replication(config, until_caught_up);
        let snapshots = run.snapshots.subscribe();
        let (commander, commands) = commands();
        Self { running: Running::start_by_command(run, commands), snapshots, commander }
    }

    /// Waits for a snapshot that shows it.
    pub async fn shows(
        &mut self,
        what: &str,
        is_so: impl FnMut(&Arc<Snapshot>) -> bool,
    ) -> Arc<Snapshot> {
        let shown = tokio::time::timeout(DEADLINE, self.snapshots.wait_for(is_so)).await;
        let shown = shown.map(|shown| Arc::clone(&shown.unwrap()));
        shown.unwrap_or_else(|_| {
            panic!("no snapshot shows that {what}: {:#?}", self.snapshots.borrow())
        })
    }

    /// Waits until a lane is level at this position.
    pub async fn is_level(&mut self, lane: usize, position: i64) -> Arc<Snapshot> {
        let is_level = |now: &Arc<Snapshot>| {
            now.lanes[lane].health == Health::Level && now.lanes[lane].position == Some(position)
        };
        self.shows("the lane is level", is_level).await
    }

    /// Waits until a lane is in this health.
    pub async fn is(&mut self, lane: usize, health: Health) -> Arc<Snapshot> {
        self.shows(&health.to_string(), |now| now.lanes[lane].health == health).await
    }

    /// Gives a command, and its answer.
    pub async fn command(&self, lane: &str, action: LaneAction) -> Result<CommandReply> {
        tokio::time::timeout(DEADLINE, self.commander.command(lane, action, "a test"))
            .await
            .unwrap()
    }
}
