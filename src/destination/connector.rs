//! Kinds of destinations: how a place is opened before anything is appended to it, whatever it is.
//!
//! A new kind is a file with a [`Connector`] and an [`Appender`](super::appender::Appender), a list of keys and a variant in `config`, a line in
//! [`super::registry`], and a line in the conformance suite.

use crate::config::libpq::Conninfo;
use crate::destination::Destination;
use crate::error::{Result, Warning};
use crate::event::store::EventStore;
use crate::event::wire::Wire;
use crate::postgres::session::Session;
use crate::postgres::session::settings::Server;
use crate::postgres::table::Table;
use futures::future::BoxFuture;
use std::time::Duration;

/// A destination before it is connected to.
pub trait Connector: Send + Sync {
    /// Connects, takes the place for this replicator alone, and looks whether it can hold what the source has. Writes nothing.
    ///
    /// # Errors
    /// `Fed` when another replicator has it; the worst of what is wrong, with everything else beneath it; `Unavailable` without an answer for
    /// [`OpenLimits::connect_timeout`].
    fn open<'a>(&'a self, source: SourceSchema<'a>, limits: OpenLimits) -> BoxFuture<'a, Result<Box<dyn OpenPlace>>>;
}

/// A place that is ours and can hold what the source has; dropping it lets go of it.
pub trait OpenPlace: Send + Sync {
    /// Host and name, never a secret.
    fn place(&self) -> String;

    /// Tells a place from one that bears its name later.
    fn table(&self) -> u32;

    /// What it takes: lanes whose wires are equal share a read of the source.
    fn wire(&self) -> &Wire;

    /// What a person should know of it.
    fn warnings(&self) -> &[Warning];

    /// What it holds of the columns that are copied.
    fn store(&self) -> Box<dyn EventStore + '_>;

    /// Sessions whose servers must be alive while it is compared, with the descriptions by which they were opened; the first is the one that holds it.
    fn sessions(&self) -> Vec<(&Session, &Conninfo)>;

    /// Makes it ready; from here on it only appends.
    fn into_destination(self: Box<Self>) -> BoxFuture<'static, Result<ReadyDestination>>;
}

/// A destination that can be appended to.
pub struct ReadyDestination {
    /// The highest id it holds, asked from itself.
    pub position: Option<i64>,
    /// What appends to it.
    pub destination: Box<dyn Destination>,
}

/// What a destination must be able to hold.
#[derive(Clone, Copy, Debug)]
pub struct SourceSchema<'a> {
    /// The event table of the source.
    pub table: &'a Table,
    /// Its server.
    pub server: &'a Server,
    /// Its key.
    pub id_column: &'a str,
    /// The column whose equal neighbours share one destination transaction.
    pub group_by: Option<&'a str>,
}

/// How a place is opened.
#[derive(Clone, Copy, Debug)]
pub struct OpenLimits {
    /// To connect, and for short questions.
    pub connect_timeout: Duration,
    /// Without progress for so long a batch is given up.
    pub append_timeout: Duration,
    /// The way there was found to keep sessions before.
    pub is_way_known: bool,
}
