//! Faults of those who do as they like with a table: they put another in its place, or fill a
//! destination themselves. Meanwhile a replicator may refuse it; afterwards the old table is back,
//! or it is empty, and the replicator is started again.

use crate::faults::{Hand, rest};
use crate::plan::{Fault, Guest};
use futures::SinkExt;
use rustix::process::Signal;
use std::pin::pin;
use std::sync::atomic::Ordering;
use tokio_postgres::{Client, Error};

/// What is held by those who wait is waited for so long.
const LOCK_MAX: &str = "set lock_timeout = '2s'";
/// Gives the name back, if it was taken.
const BACK: &str = "do $$ begin
    if to_regclass('events_away') is not null then drop table if exists events; alter table events_away rename to events; end if;
    end $$";

impl Hand {
    /// Carries out such a fault, and undoes it.
    pub async fn estrange(&self, fault: Fault) {
        match fault {
            Fault::RestartUnder { for_ms, is_committed } => {
                self.restart_under(for_ms, is_committed).await
            }
            Fault::Swap { server, guest, for_ms } => self.swap(server, guest, for_ms).await,
            Fault::Seed { destination, for_ms, is_committed, is_restarted } => {
                self.seed(destination + 1, for_ms, is_committed, is_restarted).await
            }
            _ => {}
        }
    }

    async fn restart_under(&self, for_ms: u64, is_committed: bool) {
        let Some(holder) = self.holder().await else { return };
        // Others commit above it meanwhile.
        rest(300).await;
        self.replicators.signal(0, Signal::KILL).await;
        rest(for_ms).await;
        end(&holder, is_committed).await;
    }

    /// A session whose transaction has drawn an id; `None` where ids have no gaps, or the source is
    /// away.
    async fn holder(&self) -> Option<Client> {
        let client = self.scene.client(0).await?;
        let draw = "begin; insert into events (event) values ('{}')";
        client.batch_execute(draw).await.is_ok().then_some(client)
    }

    async fn swap(&self, server: usize, guest: Guest, for_ms: u64) {
        let _judges = self.scene.tables[server].write().await;
        // An id that was drawn from the counter of one table would be inserted into the other.
        let _loaders = if server == 0 { Some(self.scene.loading.write().await) } else { None };
        let order = if server == 0 { "desc" } else { "asc" };
        let made = match guest {
            Guest::Nobody => String::new(),
            Guest::Half => format!(
                "create table guest (like events including all);
                 insert into guest select * from events order by id {order} limit (select count(*) / 2 from events);"
            ),
            Guest::OtherTypes => "create table guest (id bigint primary key, ts timestamptz(0) not null, event jsonb not null);
                 insert into guest select id, ts, event from events;"
                .to_owned(),
        };
        let named = match guest {
            Guest::Nobody => String::new(),
            Guest::Half | Guest::OtherTypes => {
                format!("alter table guest rename to events; {};", self.scene.grant(server))
            }
        };
        let swap = format!(
            "{LOCK_MAX}; begin; lock table events in access exclusive mode; {made}
             alter table events rename to events_away; {named} commit"
        );
        self.replicators.strange.fetch_add(1, Ordering::Relaxed);
        if self.scene.try_execute(server, &swap).await {
            self.history.count("tables swapped", 1);
            rest(for_ms).await;
        }
        self.scene.execute(server, BACK).await;
        // Rights may have been given to the guest meanwhile.
        self.scene.execute(server, &self.scene.grant(server)).await;
        self.start_again().await;
    }

    async fn seed(&self, server: usize, for_ms: u64, is_committed: bool, is_restarted: bool) {
        let Some(holder) = self.holder().await else { return };
        rest(300).await;
        let _judges = self.scene.tables[server].write().await;
        self.replicators.strange.fetch_add(1, Ordering::Relaxed);
        if self.fill(server).await.is_ok_and(|is_full| is_full) {
            self.history.count("destinations filled by other hands", 1);
        }
        if is_restarted {
            self.replicators.signal(0, Signal::KILL).await;
        }
        rest(for_ms).await;
        end(&holder, is_committed).await;
        rest(500).await;
        self.scene.execute(server, "truncate events").await;
        self.start_again().await;
    }

    /// Fills a destination with what the source shows just now; whether both sides were there.
    async fn fill(&self, server: usize) -> Result<bool, Error> {
        let (Some(source), Some(destination)) =
            (self.scene.client(0).await, self.scene.client(server).await)
        else {
            return Ok(false);
        };
        destination.batch_execute(&format!("{LOCK_MAX}; begin; truncate events")).await?;
        let rows = source.copy_out("copy (select id, ts, event from events) to stdout").await?;
        let mut into = pin!(destination.copy_in("copy events (id, ts, event) from stdin").await?);
        into.send_all(&mut pin!(rows)).await?;
        into.finish().await?;
        destination.batch_execute("commit").await?;
        Ok(true)
    }

    /// A destination that was refused begins again with the next start.
    async fn start_again(&self) {
        for slot in 0..2 {
            self.replicators.signal(slot, Signal::KILL).await;
        }
        rest(500).await;
        self.replicators.strange.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn end(holder: &Client, is_committed: bool) {
    let _ = holder.batch_execute(if is_committed { "commit" } else { "rollback" }).await;
}
