//! Opens a PostgreSQL table as destination: a session that holds it, the checks, the sessions that write.

use crate::config::libpq::Conninfo;
use crate::config::{DestinationConfig, PostgresDestinationConfig};
use crate::destination::connector::{Connector, OpenLimits, OpenPlace, ReadyDestination, SourceSchema};
use crate::destination::postgres::checks::{DestinationShape, destination_shape};
use crate::destination::postgres::concurrent::ConcurrentDestination;
use crate::destination::postgres::lock;
use crate::destination::postgres::{Appending, PostgresDestination};
use crate::error::{Error, Kind, Problems, Result, Warning};
use crate::event::store::EventStore;
use crate::event::wire::Wire;
use crate::postgres::session::error::Side;
use crate::postgres::session::patience::Patience;
use crate::postgres::session::pooler;
use crate::postgres::session::{Purpose, Session};
use crate::postgres::table::store::PgTable;
use crate::sql;
use futures::FutureExt;
use futures::future::{BoxFuture, try_join_all};
use std::time::Duration;

/// See the module.
pub(crate) struct PostgresConnector<'a> {
    pub(crate) name: &'a str,
    pub(crate) config: &'a PostgresDestinationConfig,
    pub(crate) destination: &'a DestinationConfig,
}

/// A table that is held.
struct HeldTable {
    session: Session,
    config: PostgresDestinationConfig,
    shape: DestinationShape,
    to: Appending,
    who: String,
    connect_timeout: Duration,
}

impl Connector for PostgresConnector<'_> {
    fn open<'a>(&'a self, source: SourceSchema<'a>, limits: OpenLimits) -> BoxFuture<'a, Result<Box<dyn OpenPlace>>> {
        self.held(source, limits)
            .map(|held| held.map(|held| Box::new(held) as Box<dyn OpenPlace>))
            .boxed()
    }
}

impl PostgresConnector<'_> {
    async fn held(&self, source: SourceSchema<'_>, limits: OpenLimits) -> Result<HeldTable> {
        if !limits.is_way_known {
            pooler::probe(&self.config.conninfo, Side::Destination, limits.connect_timeout).await?;
        }
        let session = appending_session(self.config, limits.connect_timeout).await?;
        let (place, who) = (session.place().to_owned(), format!("destination \"{}\"", self.name));
        let patience = Patience {
            limit: limits.connect_timeout,
            who: &who,
            place: &place,
        };
        let holding = async {
            set_synchronous_commit(&session, self.config, &who).await?;
            let shape = destination_shape(&session, self.destination, source).await;
            let shape = shape.map_err(Problems::into_worst)?;
            lock::hold(&session, self.name, shape.table.oid).await.map(|()| shape)
        };
        let shape = patience.with(vec![session.canceller()], holding).await?;
        let layout = shape.wire.layout(source.id_column, source.group_by);
        let to = Appending {
            name: self.name.to_owned(),
            table: self.config.table.clone(),
            oid: shape.table.oid,
            fingerprint: shape.table.fingerprint.clone(),
            asks: shape.table.asks(),
            id_column: source.id_column.to_owned(),
            wire: shape.wire.clone(),
            layout: layout.ok_or_else(|| Error::new(Kind::Bug, "the id column does not travel"))?,
            stall_max: limits.append_timeout,
            is_relaxed: self.config.synchronous_commit.is_none(),
        };
        Ok(HeldTable {
            session,
            config: self.config.clone(),
            shape,
            to,
            who,
            connect_timeout: limits.connect_timeout,
        })
    }
}

impl OpenPlace for HeldTable {
    fn place(&self) -> String {
        self.session.place().to_owned()
    }

    fn table(&self) -> u32 {
        self.shape.table.oid
    }

    fn wire(&self) -> &Wire {
        &self.shape.wire
    }

    fn warnings(&self) -> &[Warning] {
        &self.shape.warnings
    }

    fn store(&self) -> Box<dyn EventStore + '_> {
        let table = &self.shape.table.name;
        Box::new(PgTable::new(&self.session, table, &self.to.id_column, &self.shape.wire))
    }

    fn sessions(&self) -> Vec<(&Session, &Conninfo)> {
        vec![(&self.session, &self.config.conninfo)]
    }

    fn into_destination(self: Box<Self>) -> BoxFuture<'static, Result<ReadyDestination>> {
        self.prepared().boxed()
    }
}

impl HeldTable {
    /// The destination itself, and what it holds when it is ready.
    async fn prepared(self: Box<Self>) -> Result<ReadyDestination> {
        let Self {
            session,
            config,
            shape,
            to,
            who,
            connect_timeout,
        } = *self;
        let writing = writing_sessions(&config, connect_timeout, &session, shape.writers).await?;
        let cancellers = std::iter::once(&session).chain(&writing).map(Session::canceller).collect();
        let place = session.place().to_owned();
        let patience = Patience {
            limit: connect_timeout,
            who: &who,
            place: &place,
        };
        let takes_inserts = shape.table.allows_concurrent_writers();
        let preparing = async {
            if writing.is_empty() {
                let destination = PostgresDestination::open(session, to, takes_inserts).await?;
                return Ok(ReadyDestination {
                    position: destination.known_position(),
                    destination: Box::new(destination),
                });
            }
            try_join_all(writing.iter().map(|session| set_synchronous_commit(session, &config, &who))).await?;
            let destination = ConcurrentDestination::new(session, writing, to).await?;
            Ok(ReadyDestination {
                position: destination.known_position(),
                destination: Box::new(destination),
            })
        };
        patience.with(cancellers, preparing).await
    }
}

async fn appending_session(config: &PostgresDestinationConfig, connect_timeout: Duration) -> Result<Session> {
    let purpose = Purpose {
        what: "append",
        side: Side::Destination,
    };
    Session::open(&config.conninfo, purpose, connect_timeout).await
}

/// For more than one writer, a session for each, to the same server as the first.
async fn writing_sessions(
    config: &PostgresDestinationConfig,
    connect_timeout: Duration,
    first: &Session,
    writers: u8,
) -> Result<Vec<Session>> {
    let writers = if writers > 1 { writers } else { 0 };
    let sessions = try_join_all((0..writers).map(|_| appending_session(config, connect_timeout))).await?;
    match sessions.iter().find(|session| session.server().identity != first.server().identity) {
        Some(other) => Err(Error::new(Kind::Unavailable, "another server answers than before").at(other.place())),
        None => Ok(sessions),
    }
}

async fn set_synchronous_commit(session: &Session, config: &PostgresDestinationConfig, who: &str) -> Result<()> {
    let set = format!("set synchronous_commit = {}", sql::literal(config.commits()));
    let what = || format!("cannot set synchronous_commit of {who}");
    session.batch_execute(&set).await.map_err(|error| session.error(&error, what()))
}
