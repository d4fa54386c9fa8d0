//! Opens a PostgreSQL table as destination: a session that holds it, the checks, the sessions that
//! write.

use crate::commands;
use crate::config::PostgresDestinationConfig;
use crate::config::libpq::Conninfo;
use crate::destination::connector::{
    Connector, InspectedPlace, ObservedPlace, OpenLimits, OpenPlace, PlaceOwner, ReadyDestination,
    SurveyedPlace,
};
use crate::destination::postgres::checks::ObservedDestination;
use crate::destination::postgres::concurrent::ConcurrentDestination;
use crate::destination::postgres::lock;
use crate::destination::postgres::survey::SurveyedTable;
use crate::destination::postgres::{AppendTarget, PostgresDestination};
use crate::destination::shape::DestinationShape;
use crate::destination::source_schema::SourceSchema;
use crate::error::{Error, ErrorKind, Problems, Result, Warning};
use crate::event::store::EventStore;
use crate::event::wire::Wire;
use crate::postgres::session::error::ErrorSide;
use crate::postgres::session::patience::Patience;
use crate::postgres::session::{Session, SessionPurpose};
use crate::postgres::table::store::PgTable;
use crate::sql::{self, ColumnNames};
use futures::future::{BoxFuture, try_join_all};
use futures::{FutureExt, TryFutureExt};
use std::time::Duration;

/// See the module.
pub(crate) struct PostgresConnector<'a> {
    pub(crate) config: &'a PostgresDestinationConfig,
    pub(crate) name: &'a str,
}

/// A table that was looked at.
struct InspectedTable {
    session: Session,
    seen: ObservedDestination,
    writing: WriteSettings,
}

/// How a table is written to.
struct WriteSettings {
    name: String,
    config: PostgresDestinationConfig,
    connect_timeout: Duration,
    append_timeout: Duration,
}

/// A table that can hold what the source has.
struct FittingTable {
    session: Session,
    shape: DestinationShape,
    to: AppendTarget,
    /// The key, as the source calls it.
    id_column: String,
    writing: WriteSettings,
}

/// A table that is asked while others append to it.
struct ObservedTable<'a> {
    table: PgTable<Session>,
    conninfo: &'a Conninfo,
}

impl Connector for PostgresConnector<'_> {
    fn describe(&self) -> String {
        self.config.conninfo.describe()
    }

    fn inspect<'a>(
        &'a self,
        limits: &'a OpenLimits<'a>,
    ) -> BoxFuture<'a, Result<Box<dyn InspectedPlace>, Problems>> {
        self.inspected(limits)
            .map(|inspected| {
                inspected.map(|inspected| Box::new(inspected) as Box<dyn InspectedPlace>)
            })
            .boxed()
    }

    fn survey<'a>(
        &'a self,
        limits: &'a OpenLimits<'a>,
    ) -> BoxFuture<'a, Result<Box<dyn SurveyedPlace + 'a>>> {
        let surveyed = async move {
            limits
                .routes
                .probe(&self.config.conninfo, ErrorSide::Destination, limits.connect_timeout)
                .await?;
            let session = self.session(limits).await?;
            let surveyed = SurveyedTable::ask(session, self.config, limits).await;
            let surveyed = surveyed.map_err(|error| self.with_way_out(error))?;
            Ok(Box::new(surveyed) as Box<dyn SurveyedPlace + 'a>)
        };
        surveyed.boxed()
    }

    fn observe<'a>(
        &'a self,
        wire: &'a Wire,
        limits: &'a OpenLimits<'a>,
    ) -> BoxFuture<'a, Result<Box<dyn ObservedPlace + 'a>>> {
        let opened = self.session(limits).map_ok(move |session| {
            let table = PgTable::new(session, &self.config.table, limits.id_column, wire)
                .called(&self.config.rename);
            let conninfo = &self.config.conninfo;
            Box::new(ObservedTable { table, conninfo }) as Box<dyn ObservedPlace + 'a>
        });
        opened.boxed()
    }
}

impl PostgresConnector<'_> {
    /// Says what makes a table that is missing.
    fn with_way_out(&self, error: Error) -> Error {
        let made = format!("{} makes it", commands::init_destination(self.name));
        match (error.kind(), error.remedy()) {
            (ErrorKind::Unsuitable, None) => error.fix(made),
            _ => error,
        }
    }

    async fn session(&self, limits: &OpenLimits<'_>) -> Result<Session> {
        let purpose = SessionPurpose { what: limits.what, side: ErrorSide::Destination };
        Session::open(&self.config.conninfo, purpose, limits.connect_timeout).await
    }

    async fn inspected(&self, limits: &OpenLimits<'_>) -> Result<InspectedTable, Problems> {
        let who = format!("destination {:?}", self.name);
        let within = |problem: Error| Problems::from(problem).within(&who);
        let probed = limits
            .routes
            .probe(&self.config.conninfo, ErrorSide::Destination, limits.connect_timeout)
            .await;
        probed.map_err(within)?;
        let session = self.session(limits).await.map_err(within)?;
        let patience =
            Patience { limit: limits.connect_timeout, who: &who, place: session.place() };
        let asking = async {
            Ok(ObservedDestination::ask(&session, self.name, self.config, limits.id_column).await)
        };
        let seen = patience.with(vec![session.canceller()], asking).await??;
        Ok(InspectedTable {
            session,
            seen,
            writing: WriteSettings {
                name: self.name.to_owned(),
                config: self.config.clone(),
                connect_timeout: limits.connect_timeout,
                append_timeout: limits.append_timeout,
            },
        })
    }
}

impl ObservedPlace for ObservedTable<'_> {
    fn store(&self) -> &dyn EventStore {
        &self.table
    }

    fn sessions(&self) -> Vec<(&Session, &Conninfo)> {
        vec![(self.table.session(), self.conninfo)]
    }
}

impl InspectedPlace for InspectedTable {
    fn judge(self: Box<Self>, source: SourceSchema<'_>) -> Result<Box<dyn OpenPlace>, Problems> {
        let Self { session, seen, writing } = *self;
        let shape = seen.judge(&writing.config, source)?;
        let layout = shape.wire.layout(source.id_column, source.group_by);
        let to = AppendTarget {
            name: writing.name.clone(),
            table: writing.config.table.clone(),
            oid: shape.table.oid,
            fingerprint: shape.table.fingerprint.clone(),
            asks: shape.table.asks(),
            id_column: writing.config.rename.there(source.id_column).to_owned(),
            wire: shape.wire.called(&writing.config.rename),
            layout: layout
                .ok_or_else(|| Error::new(ErrorKind::Bug, "the id column does not travel"))?,
            stall_max: writing.append_timeout,
            is_relaxed: writing.config.synchronous_commit.is_none(),
        };
        let id_column = source.id_column.to_owned();
        Ok(Box::new(FittingTable { session, shape, to, id_column, writing }))
    }
}

impl OpenPlace for FittingTable {
    fn place(&self) -> String {
        self.session.place().to_owned()
    }

    fn name(&self) -> String {
        self.shape.table.name.to_string()
    }

    fn table(&self) -> u32 {
        self.shape.table.oid
    }

    fn wire(&self) -> &Wire {
        &self.shape.wire
    }

    fn names(&self) -> &ColumnNames {
        &self.shape.table.names
    }

    fn warnings(&self) -> &[Warning] {
        &self.shape.warnings
    }

    fn store(&self) -> Box<dyn EventStore + '_> {
        let table = &self.shape.table.name;
        let store = PgTable::new(&self.session, table, &self.id_column, &self.shape.wire);
        Box::new(store.keyed_as(&self.shape.table))
    }

    fn sessions(&self) -> Vec<(&Session, &Conninfo)> {
        vec![(&self.session, &self.writing.config.conninfo)]
    }

    fn take(&self) -> BoxFuture<'_, Result<PlaceOwner>> {
        let taking = lock::take(&self.session, &self.to.name, self.to.oid);
        let who = format!("destination {:?}", self.to.name);
        async move {
            let patience = Patience {
                limit: self.writing.connect_timeout,
                who: &who,
                place: self.session.place(),
            };
            patience.with(vec![self.session.canceller()], taking).await
        }
        .boxed()
    }

    fn postgres(&self) -> Option<&DestinationShape> {
        Some(&self.shape)
    }

    fn into_destination(self: Box<Self>) -> BoxFuture<'static, Result<ReadyDestination>> {
        self.prepared().boxed()
    }
}

impl FittingTable {
    /// The destination itself, and what it holds when it is ready.
    async fn prepared(self: Box<Self>) -> Result<ReadyDestination> {
        let Self { session, shape, to, id_column: _, writing } = *self;
        let WriteSettings { config, connect_timeout, .. } = writing;
        let writing = writing_sessions(&config, connect_timeout, &session, shape.writers).await?;
        let cancellers =
            std::iter::once(&session).chain(&writing).map(Session::canceller).collect();
        let (place, who) = (session.place().to_owned(), format!("destination {:?}", to.name));
        let patience = Patience { limit: connect_timeout, who: &who, place: &place };
        let takes_inserts = shape.table.allows_concurrent_writers();
        let preparing = async {
            let all = std::iter::once(&session).chain(&writing);
            try_join_all(all.map(|session| set_synchronous_commit(session, &config, &who))).await?;
            if writing.is_empty() {
                let destination = PostgresDestination::open(session, to, takes_inserts).await?;
                return Ok(ReadyDestination {
                    position: destination.known_position(),
                    has_just_begun: false,
                    destination: Box::new(destination),
                });
            }
            let destination = ConcurrentDestination::new(session, writing, to).await?;
            Ok(ReadyDestination {
                position: destination.known_position(),
                has_just_begun: false,
                destination: Box::new(destination),
            })
        };
        patience.with(cancellers, preparing).await
    }
}

async fn appending_session(
    config: &PostgresDestinationConfig,
    connect_timeout: Duration,
) -> Result<Session> {
    let purpose = SessionPurpose { what: "append", side: ErrorSide::Destination };
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
    let sessions =
        try_join_all((0..writers).map(|_| appending_session(config, connect_timeout))).await?;
    match sessions.iter().find(|session| session.server().identity != first.server().identity) {
        Some(other) => {
            Err(Error::new(ErrorKind::Unavailable, "another server answers than before")
                .at(other.place()))
        }
        None => Ok(sessions),
    }
}

async fn set_synchronous_commit(
    session: &Session,
    config: &PostgresDestinationConfig,
    who: &str,
) -> Result<()> {
    let set = format!("set synchronous_commit = {}", sql::literal(config.commits()));
    let what = || format!("cannot set synchronous_commit of {who}");
    session.batch_execute(&set).await.map_err(|error| session.error(&error, what()))
}
