//! A replication inside the process of the test, and the signals by which a test knows what it has
//! done.

use crate::harness::Database;
use counterfoil::config::ReplicationConfig;
use counterfoil::error::Problems;
use counterfoil::replicate::command::CommandReceiver;
use counterfoil::replicate::{Replication, replicate_by_command};
use counterfoil::stop::{self, Stop, Stopper};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// Nothing takes so long, however busy the machine is.
pub const DEADLINE: Duration = Duration::from_secs(60);
/// So many statements of the replicator's looks are waited for: at most three make one look, so at
/// least two looks began and ended meanwhile.
const STATEMENTS_OF_LOOKS: u32 = 9;

/// A replication that follows its source.
pub struct Running {
    stopper: Stopper,
    task: JoinHandle<Problems>,
}

impl Running {
    /// Starts it.
    pub fn start(config: &ReplicationConfig) -> Self {
        Self::start_as(replication(config, false))
    }

    /// Starts one with settings of its own.
    pub fn start_as(run: Replication) -> Self {
        Self::start_by_command(run, CommandReceiver::none())
    }

    /// Starts one that takes commands.
    pub fn start_by_command(run: Replication, commands: CommandReceiver) -> Self {
        let (stopper, stop) = stop::channel();
        let task = tokio::spawn(async move { replicate_by_command(&run, commands, &stop).await });
        Self { stopper, task }
    }

    /// Stops it, and gives what had gone wrong.
    pub async fn stopped(self) -> Problems {
        self.stopper.request();
        self.ends().await
    }

    /// Stops it; nothing may have gone wrong.
    pub async fn stop(self) {
        let problems = self.stopped().await;
        assert!(problems.is_empty(), "{}", problems.report());
    }

    /// Waits until it ends by itself, and gives what went wrong.
    pub async fn ends(self) -> Problems {
        tokio::time::timeout(DEADLINE, self.task).await.unwrap().unwrap()
    }

    /// Waits until it ends by itself, however long that takes; may be dropped and called again.
    pub async fn ended(&mut self) -> Problems {
        (&mut self.task).await.unwrap()
    }

    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        self.task.is_finished()
    }
}

/// What is to be done, with a silent log.
pub fn replication(config: &ReplicationConfig, until_caught_up: bool) -> Replication {
    Replication {
        until_caught_up,
        ..Replication::new(Arc::new(config.clone()), counterfoil::log::none())
    }
}

/// Copies what is visible now, and ends; nothing may go wrong.
pub async fn copy_all(config: &ReplicationConfig) {
    let run = replication(config, true);
    let problems = tokio::time::timeout(
        DEADLINE,
        replicate_by_command(&run, CommandReceiver::none(), &Stop::never()),
    )
    .await
    .unwrap();
    assert!(problems.is_empty(), "{}", problems.report());
}

/// Waits until a query gives exactly this.
pub async fn until_answer(database: &Database, query: &str, expected: &[&str]) {
    let start = Instant::now();
    loop {
        let found = database.query(query).await;
        if found == expected {
            return;
        }
        assert!(start.elapsed() < DEADLINE, "{query} gave {found:?}, not {expected:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// How many sessions append to the database.
pub const FED: &str = "select count(*) from pg_stat_activity where datname = current_database() \
                       and application_name = 'counterfoil/append'";

/// Waits until a session of this name waits for a lock in the database.
pub async fn until_waiting(database: &Database, application: &str) {
    let waiting = format!(
        "select count(*) > 0 from pg_stat_activity where datname = current_database() and \
         application_name = '{application}' and wait_event_type = 'Lock'"
    );
    until_answer(database, &waiting, &["t"]).await;
}

/// Waits until the replicator has looked at the source at least twice, from begin to end, and hence
/// has shipped whatever it was going to ship of what was committed before: it does not look again
/// before it has.
pub async fn until_looked_twice(source: &Database) {
    let client = source.client().await;
    // What is asked while the sides are compared at the start is no look; the session that compares
    // stays for some twenty seconds.
    let look = "with ours as (select * from pg_stat_activity where datname = current_database()),
        checks as (select * from ours where application_name = 'counterfoil/check')
        select coalesce(max(m.query_start)::text, '') from ours m where m.application_name = 'counterfoil/mark'
        and not exists (select from checks c where c.state <> 'idle' or c.query_start > m.query_start)
        and (exists (select from checks) or m.backend_start < now() - interval '15 s')";
    let (start, mut last, mut seen) = (Instant::now(), String::new(), 0);
    while seen <= STATEMENTS_OF_LOOKS {
        let now: String = client.query_one(look, &[]).await.unwrap().get(0);
        if now != last {
            seen += 1;
            last = now;
        }
        assert!(start.elapsed() < DEADLINE, "the replicator does not look at the source");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
