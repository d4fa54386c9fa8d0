//! Kinds of destinations: how a place is opened before anything is appended to it, whatever it is.
//!
//! A new kind is a file here, or a folder, with a [`Connector`], its places and an
//! [`Appender`](super::appender::Appender). Besides: its `pub mod`; an arm in [`super::registry`];
//! in `config` a variant with its settings (`destination.rs`) and an entry with its schemes and
//! reader (`kinds.rs`), and a list of keys (`keys/destination.rs`) if it has any; a place and a
//! line in the conformance suite (`tests/it/conformance`).

use crate::config::ReplicationConfig;
use crate::config::libpq::Conninfo;
use crate::destination::Destination;
use crate::destination::shape::DestinationShape;
use crate::destination::source_schema::SourceSchema;
use crate::error::{Error, Problems, Result, Warning};
use crate::event::store::EventStore;
use crate::event::wire::Wire;
use crate::postgres::session::Session;
use crate::postgres::session::pooler::RouteCache;
use crate::postgres::table::EventTable;
use crate::sql::{ALIKE, ColumnNames};
use futures::future::BoxFuture;
use serde::Serialize;
use std::time::Duration;

/// A destination before it is connected to.
pub trait Connector: Send + Sync {
    /// Host and name as configured, never a secret.
    fn describe(&self) -> String;

    /// Connects and looks at the place by itself. Takes and writes nothing.
    ///
    /// # Errors
    /// All that is wrong with it, together; `Unavailable` without an answer for
    /// [`OpenLimits::connect_timeout`].
    fn inspect<'a>(
        &'a self,
        limits: &'a OpenLimits<'a>,
    ) -> BoxFuture<'a, Result<Box<dyn InspectedPlace>, Problems>>;

    /// Connects and looks who holds the place, for which reading it must be allowed and no more.
    /// Takes and writes nothing.
    ///
    /// # Errors
    /// Those of the connection; `Unsuitable` when there is nothing to read.
    fn survey<'a>(
        &'a self,
        limits: &'a OpenLimits<'a>,
    ) -> BoxFuture<'a, Result<Box<dyn SurveyedPlace + 'a>>>;

    /// A connection of its own that asks the place of these columns what it holds.
    ///
    /// # Errors
    /// Those of the connection.
    fn observe<'a>(
        &'a self,
        wire: &'a Wire,
        limits: &'a OpenLimits<'a>,
    ) -> BoxFuture<'a, Result<Box<dyn ObservedPlace + 'a>>>;
}

/// A place as a reader sees it who may look and no more.
pub trait SurveyedPlace: Send + Sync {
    /// Host and name, never a secret.
    fn place(&self) -> String;

    /// Who holds it.
    fn replicator(&self) -> Option<&Replicator>;

    /// The sessions over which it is asked, with the descriptions by which they were opened.
    fn sessions(&self) -> Vec<(&Session, &Conninfo)>;

    /// What it holds of the columns of the source's table; without that, of none: its ends can
    /// still be asked.
    ///
    /// # Errors
    /// Why the two cannot be compared.
    fn store(&self, source: Option<&EventTable>) -> Result<Box<dyn EventStore + '_>>;
}

/// A session that holds a destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Replicator {
    /// Its server process at the destination; itself, where that is a file.
    pub pid: Option<i32>,
    /// As it calls itself.
    pub application_name: Option<String>,
    /// Where it comes from; null for a local socket, and where our role may not know.
    pub client_address: Option<String>,
}

/// A place that was looked at by itself.
pub trait InspectedPlace: Send + Sync {
    /// Whether it can hold what the source has. Asks nothing more.
    ///
    /// # Errors
    /// All refusals together, each with its remedy.
    fn judge(self: Box<Self>, source: SourceSchema<'_>) -> Result<Box<dyn OpenPlace>, Problems>;
}

/// A place that can be asked while others append to it.
pub trait ObservedPlace: Send + Sync {
    /// What it holds.
    fn store(&self) -> &dyn EventStore;

    /// The sessions over which it is asked, with the descriptions by which they were opened.
    fn sessions(&self) -> Vec<(&Session, &Conninfo)>;
}

/// Whose a place is.
#[derive(Clone, Debug)]
pub enum PlaceOwner {
    /// It is ours, and this key tells us from whoever else holds a place.
    Ours(String),
    /// Another replicator holds it, known by this key where it could be seen; the error says who.
    Another(Option<String>, Error),
}

/// A place that can hold what the source has; dropping it lets go of it.
pub trait OpenPlace: Send + Sync {
    /// Host and name, never a secret.
    fn place(&self) -> String;

    /// What it is called there: the table with its schema.
    fn name(&self) -> String;

    /// Tells a place from one that bears its name later; another number at each opening where
    /// nothing tells them apart.
    fn table(&self) -> u32;

    /// What it takes: lanes whose wires are equal share a read of the source.
    fn wire(&self) -> &Wire;

    /// What it calls the columns of the source.
    fn names(&self) -> &ColumnNames {
        &ALIKE
    }

    /// What a person should know of it.
    fn warnings(&self) -> &[Warning];

    /// What it holds of the columns that are copied.
    fn store(&self) -> Box<dyn EventStore + '_>;

    /// Sessions whose servers must be alive while it is compared, with the descriptions by which
    /// they were opened; the first is the one that holds it. None of a place that has no server of
    /// PostgreSQL.
    fn sessions(&self) -> Vec<(&Session, &Conninfo)>;

    /// Takes it for this replicator alone, for as long as this lives, without waiting. Writes
    /// nothing.
    ///
    /// # Errors
    /// Those of the place.
    fn take(&self) -> BoxFuture<'_, Result<PlaceOwner>>;

    /// What `repair` and `restore` need of a PostgreSQL table; `None` for any other kind.
    fn postgres(&self) -> Option<&DestinationShape> {
        None
    }

    /// Makes it ready; from here on it only appends.
    fn into_destination(self: Box<Self>) -> BoxFuture<'static, Result<ReadyDestination>>;
}

/// A destination that can be appended to.
pub struct ReadyDestination {
    /// The highest id it holds, asked from itself.
    pub position: Option<i64>,
    /// Whether it begins at this position just now, and held nothing when it was compared.
    pub has_just_begun: bool,
    /// What appends to it.
    pub destination: Box<dyn Destination>,
}

/// How a place is opened.
#[derive(Clone, Debug)]
pub struct OpenLimits<'a> {
    /// What its connections are called: `counterfoil/append`.
    pub what: &'static str,
    /// The key.
    pub id_column: &'a str,
    /// To connect, and for short questions.
    pub connect_timeout: Duration,
    /// Without progress for so long a batch is given up.
    pub append_timeout: Duration,
    /// What is known of the ways.
    pub routes: RouteCache,
}

impl<'a> OpenLimits<'a> {
    /// Those of a replication, for connections that are called `what`.
    pub fn of(config: &'a ReplicationConfig, what: &'static str, routes: RouteCache) -> Self {
        Self {
            what,
            id_column: &config.source.id_column,
            connect_timeout: config.limits.connect_timeout,
            append_timeout: config.limits.append_timeout,
            routes,
        }
    }
}
