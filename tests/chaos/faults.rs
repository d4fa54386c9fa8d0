//! The faults, as they are carried out and undone.

use crate::history::History;
use crate::plan::{Break, Ddl, End, Fault, Way};
use crate::replicators::{Replicators, cancel, terminate};
use crate::scene::Scene;
use crate::support::proxy::Network;
use counterfoil::postgres::server::PrivateServer;
use rustix::process::Signal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A break after some bytes that has not come within this time does not come.
const BREAK_MAX: Duration = Duration::from_secs(10);

/// Names of prepared transactions.
static PREPARED: AtomicU32 = AtomicU32::new(0);

/// Whoever carries out faults.
#[derive(Clone)]
pub struct Hand {
    /// Where.
    pub scene: Arc<Scene>,
    /// On whom.
    pub replicators: Arc<Replicators>,
    /// Where it is written down.
    pub history: Arc<History>,
}

impl Hand {
    /// Carries out a fault, and undoes what lasts.
    pub async fn inflict(self, fault: Fault) {
        self.history.note("fault", format!("{fault:?}"));
        self.history.count(&format!("fault: {}", kind(&fault)), 1);
        match fault {
            Fault::Kill { replicator } => {
                _ = self.replicators.signal(replicator, Signal::KILL).await
            }
            Fault::Stop { replicator } => {
                _ = self.replicators.signal(replicator, Signal::TERM).await
            }
            Fault::Freeze { replicator, for_ms } => self.freeze(replicator, for_ms).await,
            Fault::Rival { for_ms } => self.rival(for_ms).await,
            Fault::Forget { after_ms, down_ms } => self.forget(after_ms, down_ms).await,
            Fault::Crash { server, how, down_ms } => self.crash(server, how, down_ms).await,
            Fault::FreezeServer { server, for_ms } => self.freeze_server(server, for_ms).await,
            Fault::Delay { .. } | Fault::Narrow { .. } | Fault::Hole { .. } => {
                self.weather(fault).await
            }
            Fault::Break { link, how, told_ms } => {
                self.scene.links[link].break_all(how);
                self.tell(link, told_ms).await;
            }
            Fault::BreakAfter { link, way, bytes, how, told_ms } => {
                self.scene.links[link].break_after(way, bytes, how);
                self.until_broken(link).await;
                self.tell(link, told_ms).await;
            }
            Fault::LongTransaction { for_ms, is_committed } => {
                self.long_transaction(for_ms, is_committed).await
            }
            Fault::Prepared { for_ms, is_committed } => self.prepared(for_ms, is_committed).await,
            Fault::RestartUnder { .. } | Fault::Seed { .. } | Fault::Swap { .. } => {
                self.estrange(fault).await
            }
            Fault::Ddl { destination, ddl, for_ms } => self.ddl(destination + 1, ddl, for_ms).await,
            Fault::Revoke { server, for_ms } => self.revoke(server, for_ms).await,
            Fault::Terminate { server, share } => {
                _ = self.scene.try_execute(server, &terminate(share)).await
            }
            Fault::Cancel { server } => _ = self.scene.try_execute(server, &cancel()).await,
        }
    }

    async fn freeze(&self, replicator: usize, for_ms: u64) {
        if self.replicators.signal(replicator, Signal::STOP).await {
            rest(for_ms).await;
            self.replicators.signal(replicator, Signal::CONT).await;
        }
    }

    async fn rival(&self, for_ms: u64) {
        self.replicators.is_rival_wanted.store(true, Ordering::Relaxed);
        rest(for_ms).await;
        self.replicators.is_rival_wanted.store(false, Ordering::Relaxed);
        self.replicators
            .signal(1, if for_ms.is_multiple_of(2) { Signal::KILL } else { Signal::TERM })
            .await;
    }

    async fn crash(&self, server: usize, how: End, down_ms: u64) {
        let _alone = self.scene.locks[server].lock().await;
        let server = &self.scene.databases[server].server;
        let end = match how {
            End::Immediate => PrivateServer::stop_immediate,
            End::Killed => PrivateServer::kill_nine,
            End::Fast => PrivateServer::stop_fast,
        };
        server.aside(end).await.unwrap();
        rest(down_ms).await;
        server.aside(PrivateServer::start).await.unwrap();
        self.history.count("servers restarted", 1);
    }

    async fn forget(&self, after_ms: u64, down_ms: u64) {
        self.scene.is_forgetful.store(true, Ordering::Relaxed);
        rest(after_ms).await;
        // What was written last comes to a destination, if it comes without being on disk, and then
        // the source forgets it.
        self.scene.is_paused.store(true, Ordering::Relaxed);
        rest(after_ms / 2).await;
        self.crash(0, End::Immediate, down_ms).await;
        self.scene.is_paused.store(false, Ordering::Relaxed);
        self.scene.is_forgetful.store(false, Ordering::Relaxed);
    }

    async fn freeze_server(&self, server: usize, for_ms: u64) {
        let _alone = self.scene.locks[server].lock().await;
        let server = &self.scene.databases[server].server;
        server.aside(PrivateServer::freeze).await;
        rest(for_ms).await;
        server.aside(PrivateServer::thaw).await;
    }

    async fn weather(&self, fault: Fault) {
        let (link, for_ms) = match fault {
            Fault::Delay { link, delay_ms, for_ms } => {
                self.scene.links[link]
                    .set(Network { delay: Duration::from_millis(delay_ms), ..Network::default() });
                (link, for_ms)
            }
            Fault::Narrow { link, way, bytes_per_s, for_ms } => {
                let narrow = Some(bytes_per_s);
                self.scene.links[link].set(match way {
                    Way::ToServer => Network { bytes_per_s: narrow, ..Network::default() },
                    Way::ToClient => Network { bytes_per_s_back: narrow, ..Network::default() },
                });
                (link, for_ms)
            }
            Fault::Hole { link, both, way, for_ms } => {
                let ways = if both { vec![Way::ToServer, Way::ToClient] } else { vec![way] };
                self.scene.links[link].swallow(&ways);
                (link, for_ms)
            }
            _ => return,
        };
        rest(for_ms).await;
        match fault {
            Fault::Hole { .. } => self.scene.links[link].swallow(&[]),
            _ => self.scene.calm(link),
        }
    }

    /// Waits for a break that was to come after some bytes. One that comes after those who were
    /// forgotten had been told would leave a server with a transaction for ever: it comes in time
    /// or not at all.
    async fn until_broken(&self, link: usize) {
        let link = &self.scene.links[link];
        let began = Instant::now();
        while !link.has_broken() && began.elapsed() < BREAK_MAX {
            rest(10).await;
        }
        link.spare();
    }

    async fn tell(&self, link: usize, told_ms: u64) {
        rest(told_ms).await;
        self.scene.links[link].tell();
    }

    async fn long_transaction(&self, for_ms: u64, is_committed: bool) {
        let Some(client) = self.scene.client(0).await else { return };
        let draw = "set synchronous_commit = off; begin; insert into events (event) values ('{}')";
        // Where ids have no gaps, somebody who holds the counter holds everybody.
        let draws = client.batch_execute(draw).await.is_ok()
            || client.batch_execute("rollback; begin; update id set id = id").await.is_ok();
        if draws {
            rest(for_ms).await;
            let _ = client.batch_execute(if is_committed { "commit" } else { "rollback" }).await;
        }
    }

    async fn prepared(&self, for_ms: u64, is_committed: bool) {
        let name = format!("forgotten {}", PREPARED.fetch_add(1, Ordering::Relaxed));
        let prepare = format!(
            "begin; insert into events (event) values ('{{}}'); prepare transaction '{name}'"
        );
        if self.scene.try_execute(0, &prepare).await {
            rest(for_ms).await;
            let end = if is_committed { "commit" } else { "rollback" };
            self.scene.try_execute(0, &format!("{end} prepared '{name}'")).await;
        }
    }

    async fn ddl(&self, server: usize, ddl: Ddl, for_ms: u64) {
        let (change, back) = match ddl {
            Ddl::Index => {
                ("create index if not exists chaos on events (ts)", "drop index if exists chaos")
            }
            Ddl::Column => (
                "alter table events add column if not exists chaos text",
                "alter table events drop column if exists chaos",
            ),
            Ddl::Storage => (
                "alter table events set (fillfactor = 70)",
                "alter table events reset (fillfactor)",
            ),
            Ddl::Lock => {
                let lock = format!(
                    "begin; lock table events in access exclusive mode; select pg_sleep({}); \
                     commit",
                    for_ms as f64 / 1000.0
                );
                self.scene.try_execute(server, &lock).await;
                return;
            }
        };
        if self.scene.try_execute(server, change).await {
            rest(for_ms).await;
        }
        self.scene.execute(server, back).await;
    }

    async fn revoke(&self, server: usize, for_ms: u64) {
        self.replicators.revoked.fetch_add(1, Ordering::Relaxed);
        if self.scene.try_execute(server, &self.scene.revoke(server)).await {
            rest(for_ms).await;
        }
        self.scene.execute(server, &self.scene.grant(server)).await;
        // A process that was refused just now may still be on its way out.
        rest(500).await;
        self.replicators.revoked.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Lets some time pass.
pub async fn rest(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

/// What a fault counts as.
fn kind(fault: &Fault) -> String {
    match fault {
        Fault::Kill { .. } => "replicator killed",
        Fault::Stop { .. } => "replicator stopped (SIGTERM)",
        Fault::Freeze { .. } => "replicator frozen",
        Fault::Rival { .. } => "rival replicator",
        Fault::Forget { .. } => "source immediate after asynchronous commits alone",
        Fault::Crash { server, how, .. } => {
            return format!("{} {how:?}", if *server == 0 { "source" } else { "destination" })
                .to_lowercase();
        }
        Fault::FreezeServer { .. } => "server frozen",
        Fault::Delay { .. } => "network: delay",
        Fault::Narrow { way: Way::ToServer, .. } => "network: little bandwidth",
        Fault::Narrow { .. } => "network: slow reader",
        Fault::Break { how, .. } => return broken("network: all connections", *how),
        Fault::BreakAfter { how, .. } => return broken("network: after N bytes", *how),
        Fault::Hole { both: true, .. } => "network: black hole both ways",
        Fault::Hole { way: Way::ToServer, .. } => "network: black hole to the server",
        Fault::Hole { .. } => "network: black hole from the server",
        Fault::LongTransaction { .. } => "long transaction with an id",
        Fault::Prepared { .. } => "forgotten prepared transaction",
        Fault::RestartUnder { .. } => "replicator restarted under an open transaction",
        Fault::Seed { .. } => "destination filled by other hands under an open transaction",
        Fault::Swap { server: 0, guest, .. } => {
            return format!("source's name taken: {guest:?}").to_lowercase();
        }
        Fault::Swap { guest, .. } => {
            return format!("destination's name taken: {guest:?}").to_lowercase();
        }
        Fault::Ddl { ddl, .. } => return format!("ddl: {ddl:?}").to_lowercase(),
        Fault::Revoke { .. } => "rights revoked",
        Fault::Terminate { .. } => "sessions terminated",
        Fault::Cancel { .. } => "statements cancelled",
    }
    .to_owned()
}

fn broken(what: &str, how: Break) -> String {
    let how = match how {
        Break::Close => "closed",
        Break::Reset => "reset",
        Break::ClientForgotten => "half-open, client never told",
        Break::ServerForgotten => "half-open, server never told",
    };
    format!("{what}: {how}")
}
