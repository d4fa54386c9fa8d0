//! Opens a table in a file of SQLite as destination: the file, the checks, the lock, the appender.

use super::SqliteAppender;
use super::batch::{BatchTarget, insert_statement};
use super::lock;
use super::store::{SqliteStore, TableQuestions};
use super::table::{SqliteTable, SqliteTypes};
use super::thread::SqliteThread;
use crate::commands;
use crate::config::SqliteDestinationConfig;
use crate::config::libpq::Conninfo;
use crate::destination::connector::{
    Connector, InspectedPlace, ObservedPlace, OpenLimits, OpenPlace, PlaceOwner, ReadyDestination,
    Replicator, SurveyedPlace,
};
use crate::destination::plain::form::ColumnForm;
use crate::destination::plain::rows::RowCodec;
use crate::destination::plain::shape::{PlainShape, PlainTypes, fitted};
use crate::destination::source_schema::SourceSchema;
use crate::error::{Error, ErrorKind, Problems, Result, Warning};
use crate::event::store::EventStore;
use crate::event::wire::Wire;
use crate::postgres::session::Session;
use crate::postgres::table::EventTable;
use crate::sql::{ColumnNames, ident};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;

/// See the module.
pub(crate) struct SqliteConnector<'a> {
    pub(crate) config: &'a SqliteDestinationConfig,
    pub(crate) name: &'a str,
}

/// A table that was looked at.
struct InspectedFile {
    thread: SqliteThread,
    table: SqliteTable,
    is_read_only: bool,
    config: SqliteDestinationConfig,
    name: String,
    limits: (Duration, Duration),
}

/// A table that can hold what the source has.
struct FittingFile {
    thread: SqliteThread,
    place: String,
    wire: Wire,
    warnings: Vec<Warning>,
    to: BatchTarget,
    names: ColumnNames,
    limits: (Duration, Duration),
}

/// A table as a reader sees it.
struct SurveyedFile<'a> {
    thread: SqliteThread,
    table: SqliteTable,
    config: &'a SqliteDestinationConfig,
    id_column: &'a str,
    replicator: Option<Replicator>,
    connect_timeout: Duration,
}

/// A table that is asked while others append to it.
struct ObservedFile(SqliteStore<SqliteThread>);

impl SqliteConnector<'_> {
    async fn opened(&self, limits: &OpenLimits<'_>) -> Result<(SqliteThread, SqliteTable, bool)> {
        let wait = limits.connect_timeout;
        let thread = SqliteThread::open(&self.config.path, wait).await?;
        let name = self.config.table.clone();
        let asked = thread
            .read(wait, move |file| Ok((SqliteTable::read(file, &name)?, file.is_read_only()?)));
        let asked = tokio::time::timeout(wait * 2, asked).await;
        let (table, is_read_only) = asked.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Unavailable, "a file of SQLite does not answer")
                .at(thread.place()))
        })?;
        let table = table.ok_or_else(|| {
            let made = commands::init_destination(self.name);
            let what = format!("there is no table {}", ident(&self.config.table));
            Error::new(ErrorKind::Unsuitable, what)
                .at(thread.place())
                .fix(format!("{made} makes it in the source's shape; or name another table"))
        })?;
        Ok((thread, table, is_read_only))
    }

    async fn inspected(&self, limits: &OpenLimits<'_>) -> Result<InspectedFile, Problems> {
        let who = format!("destination {:?}", self.name);
        let opened = self.opened(limits).await;
        let (thread, table, is_read_only) =
            opened.map_err(|error| Problems::from(error).within(&who))?;
        Ok(InspectedFile {
            thread,
            table,
            is_read_only,
            config: self.config.clone(),
            name: self.name.to_owned(),
            limits: (limits.connect_timeout, limits.append_timeout),
        })
    }

    async fn surveyed<'a>(&'a self, limits: &OpenLimits<'a>) -> Result<SurveyedFile<'a>> {
        let (thread, table, _) = self.opened(limits).await?;
        let name = self.config.table.clone();
        let replicator =
            thread.read(limits.connect_timeout, move |file| Ok(lock::holder(&file.path, &name)));
        Ok(SurveyedFile {
            replicator: replicator.await?,
            thread,
            table,
            config: self.config,
            id_column: limits.id_column,
            connect_timeout: limits.connect_timeout,
        })
    }

    /// The wire says which columns of the source are asked for; how each is kept, the table.
    async fn observed(&self, wire: &Wire, limits: &OpenLimits<'_>) -> Result<ObservedFile> {
        let (thread, table, _) = self.opened(limits).await?;
        let forms: Option<Vec<(ColumnForm, String)>> = wire
            .columns
            .iter()
            .map(|from| {
                let to = table.plain.column(self.config.rename.there(&from.name))?;
                let form = SqliteTypes.form(from, to)?;
                Some((form, to.name.clone()))
            })
            .collect();
        let (forms, columns): (Vec<_>, Vec<_>) =
            forms.ok_or_else(|| altered(&thread, &table))?.into_iter().unzip();
        let id = self.config.rename.there(limits.id_column);
        Ok(ObservedFile(SqliteStore {
            questions: Arc::new(TableQuestions::new(&table.plain.name, id, &columns)),
            codec: Some(Arc::new(RowCodec::new(wire, &forms, limits.id_column, None)?)),
            thread,
            wire: wire.clone(),
            lock_max: limits.connect_timeout,
        }))
    }
}

fn altered(thread: &SqliteThread, table: &SqliteTable) -> Error {
    Error::new(ErrorKind::Unavailable, "the destination's table has changed")
        .at(format!("{}, {}", thread.place(), table.plain.name))
        .of_schema()
}

impl Connector for SqliteConnector<'_> {
    fn describe(&self) -> String {
        self.config.path.display().to_string()
    }

    fn inspect<'a>(
        &'a self,
        limits: &'a OpenLimits<'a>,
    ) -> BoxFuture<'a, Result<Box<dyn InspectedPlace>, Problems>> {
        let boxed = |inspected: Result<InspectedFile, Problems>| {
            inspected.map(|inspected| Box::new(inspected) as Box<dyn InspectedPlace>)
        };
        self.inspected(limits).map(boxed).boxed()
    }

    fn survey<'a>(
        &'a self,
        limits: &'a OpenLimits<'a>,
    ) -> BoxFuture<'a, Result<Box<dyn SurveyedPlace + 'a>>> {
        let boxed = |surveyed: Result<SurveyedFile<'a>>| {
            surveyed.map(|surveyed| Box::new(surveyed) as Box<dyn SurveyedPlace + 'a>)
        };
        self.surveyed(limits).map(boxed).boxed()
    }

    fn observe<'a>(
        &'a self,
        wire: &'a Wire,
        limits: &'a OpenLimits<'a>,
    ) -> BoxFuture<'a, Result<Box<dyn ObservedPlace + 'a>>> {
        let boxed = |observed: Result<ObservedFile>| {
            observed.map(|observed| Box::new(observed) as Box<dyn ObservedPlace + 'a>)
        };
        self.observed(wire, limits).map(boxed).boxed()
    }
}

impl InspectedPlace for InspectedFile {
    fn judge(self: Box<Self>, source: SourceSchema<'_>) -> Result<Box<dyn OpenPlace>, Problems> {
        let Self { thread, table, is_read_only, config, name, limits } = *self;
        let place = format!("destination {name:?}, {}", thread.place());
        let id = config.rename.there(source.id_column).to_owned();
        let mut problems = table.problems(&id);
        if is_read_only {
            problems.push(read_only());
        }
        let shape = fitted(
            source.table,
            &table.plain,
            (&config.rename, config.rows.as_ref()),
            &SqliteTypes,
        );
        let shape = shape.map_err(|unlike| problems.extend(unlike)).ok();
        let codec = shape.as_ref().map(|shape| {
            RowCodec::new(&shape.wire, &shape.forms, source.id_column, source.group_by)
        });
        let codec = codec.and_then(|codec| problems.note(codec));
        let judged = problems.or_ok(shape.zip(codec)).map_err(|wrong| wrong.within(&place))?;
        let (shape, codec) = judged
            .ok_or_else(|| Error::new(ErrorKind::Bug, "a shape without problems is missing"))?;
        let PlainShape { wire, forms: _, names: columns, mut warnings } = shape;
        warnings.extend(table.warnings());
        let table_name = table.plain.name.clone();
        let to = BatchTarget {
            name,
            insert: insert_statement(&table_name, &columns),
            questions: Arc::new(TableQuestions::new(&table_name, &id, &columns)),
            table: table_name,
            definition: table.definition,
            codec: Arc::new(codec),
        };
        Ok(Box::new(FittingFile {
            place: thread.place().to_owned(),
            thread,
            wire,
            warnings,
            to,
            names: config.rename,
            limits,
        }))
    }
}

fn read_only() -> Error {
    Error::new(ErrorKind::Access, "the file cannot be written").fix(
        "let the user of this process write the file and its folder, in which SQLite keeps its \
         journal",
    )
}

impl OpenPlace for FittingFile {
    fn place(&self) -> String {
        self.place.clone()
    }

    fn name(&self) -> String {
        self.to.table.clone()
    }

    /// Nothing tells a file from a copy of it that took its place: each is one of its own.
    fn table(&self) -> u32 {
        rand::random()
    }

    fn wire(&self) -> &Wire {
        &self.wire
    }

    fn names(&self) -> &ColumnNames {
        &self.names
    }

    fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    fn store(&self) -> Box<dyn EventStore + '_> {
        Box::new(SqliteStore {
            thread: &self.thread,
            questions: Arc::clone(&self.to.questions),
            codec: Some(Arc::clone(&self.to.codec)),
            wire: self.wire.clone(),
            lock_max: self.limits.0,
        })
    }

    fn sessions(&self) -> Vec<(&Session, &Conninfo)> {
        Vec::new()
    }

    fn take(&self) -> BoxFuture<'_, Result<PlaceOwner>> {
        let (table, name) = (self.to.table.clone(), self.to.name.clone());
        let taking = self.thread.ask(self.limits.0, move |file, _| {
            if file.lock.is_some() {
                let what = "a place is taken that is ours";
                return Err(Error::new(ErrorKind::Bug, what));
            }
            let (owner, lock) = lock::take(&file.path, &table, &name)?;
            file.lock = lock;
            Ok(owner)
        });
        taking.boxed()
    }

    fn into_destination(self: Box<Self>) -> BoxFuture<'static, Result<ReadyDestination>> {
        let Self { thread, to, limits, .. } = *self;
        async move {
            let destination = SqliteAppender::destination(thread, to, limits.1).await?;
            Ok(ReadyDestination {
                has_just_begun: false,
                position: destination.known_position(),
                destination: Box::new(destination),
            })
        }
        .boxed()
    }
}

impl SurveyedPlace for SurveyedFile<'_> {
    fn place(&self) -> String {
        self.thread.place().to_owned()
    }

    fn replicator(&self) -> Option<&Replicator> {
        self.replicator.as_ref()
    }

    fn sessions(&self) -> Vec<(&Session, &Conninfo)> {
        Vec::new()
    }

    fn store(&self, source: Option<&EventTable>) -> Result<Box<dyn EventStore + '_>> {
        let id = self.config.rename.there(self.id_column);
        let table = &self.table.plain;
        let of = |columns: &[String], codec, wire| SqliteStore {
            thread: &self.thread,
            questions: Arc::new(TableQuestions::new(&table.name, id, columns)),
            codec,
            wire,
            lock_max: self.connect_timeout,
        };
        let Some(source) = source else {
            return Ok(Box::new(of(&[], None, Wire::without_columns())));
        };
        let mut problems = self.table.problems(id);
        let names = (&self.config.rename, self.config.rows.as_ref());
        let shape = fitted(source, table, names, &SqliteTypes);
        let shape = shape.map_err(|unlike| problems.extend(unlike)).ok();
        let shape = problems.or_ok(shape).map_err(Problems::into_worst)?;
        let shape = shape
            .ok_or_else(|| Error::new(ErrorKind::Bug, "a shape without problems is missing"))?;
        let codec = RowCodec::new(&shape.wire, &shape.forms, self.id_column, None)?;
        Ok(Box::new(of(&shape.names, Some(Arc::new(codec)), shape.wire)))
    }
}

impl ObservedPlace for ObservedFile {
    fn store(&self) -> &dyn EventStore {
        &self.0
    }

    fn sessions(&self) -> Vec<(&Session, &Conninfo)> {
        Vec::new()
    }
}
