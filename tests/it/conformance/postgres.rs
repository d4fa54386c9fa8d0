//! PostgreSQL's kinds: one writer, and several.

use super::{Opened, Place};
use crate::harness::Database;
use crate::support::proxy::{Break, Network, Proxy, Way};
use crate::writers::{appending, destination};
use counterfoil::config::libpq::{Conninfo, Environment};
use counterfoil::destination::postgres::PostgresDestination;
use counterfoil::destination::postgres::concurrent::ConcurrentDestination;
use counterfoil::error::Result;
use counterfoil::postgres::session::error::ErrorSide;
use counterfoil::postgres::session::{Session, SessionPurpose};
use futures::FutureExt;
use futures::future::{BoxFuture, try_join_all};
use std::ops::RangeInclusive;
use std::time::Duration;

/// So many bytes on the way are a step.
const STEP_BYTES: u64 = 90;

pub(super) struct Postgres {
    database: Database,
    proxy: Proxy,
    writers: usize,
}

impl Postgres {
    pub(super) async fn new(writers: usize) -> Self {
        let database = destination().await;
        let (socket_dir, port) = (database.server.socket_dir(), database.server.port());
        Self { proxy: Proxy::new(&socket_dir, port, Network::default()).await, database, writers }
    }

    async fn session(&self) -> Result<Session> {
        let conninfo = Conninfo::parse(
            &self.proxy.url(&self.database.conninfo.database),
            &Environment::empty(),
        )?;
        let purpose = SessionPurpose { what: "append", side: ErrorSide::Destination };
        Session::open(&conninfo, purpose, Duration::from_secs(20)).await
    }

    async fn opened(&self) -> Result<Opened> {
        let first = self.session().await?;
        let to = appending(&first).await?;
        if self.writers == 1 {
            let one = PostgresDestination::open(first, to, true).await?;
            return Ok((one.known_position(), Box::new(one)));
        }
        let others = try_join_all((0..self.writers).map(|_| self.session())).await?;
        let several = ConcurrentDestination::new(first, others, to).await?;
        Ok((several.known_position(), Box::new(several)))
    }
}

impl Place for Postgres {
    fn open(&self) -> BoxFuture<'_, Result<Opened>> {
        self.opened().boxed()
    }

    fn ids(&self) -> BoxFuture<'_, Vec<i64>> {
        async {
            let ids = self.database.query("select id from events order by id").await;
            ids.iter().map(|id| id.parse().unwrap()).collect()
        }
        .boxed()
    }

    fn fill(&self, ids: RangeInclusive<i64>) -> BoxFuture<'_, ()> {
        let fill = format!(
            "insert into events select i, 'note ' || i from generate_series({}, {}) i",
            ids.start(),
            ids.end()
        );
        async move { self.database.execute(&fill).await }.boxed()
    }

    fn kill(&self) -> BoxFuture<'_, ()> {
        async {
            let kill = "select pg_terminate_backend(pid) from pg_stat_activity where datname = \
                        current_database() and application_name = 'counterfoil/append'";
            self.database.query(kill).await;
        }
        .boxed()
    }

    fn break_after(&self, steps: u64) {
        let way = if steps.is_multiple_of(2) { Way::ToServer } else { Way::ToClient };
        self.proxy.break_after(way, steps / 2 * STEP_BYTES, Break::Reset);
    }

    fn heal(&self) {
        self.proxy.heal();
    }

    fn is_atomic(&self) -> bool {
        true
    }
}
