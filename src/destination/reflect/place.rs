//! Reflections that are opened: held against the log, taken, made ready.

use super::appender::ReflectionAppender;
use super::load::ReflectingDestination;
use super::mapping::TableMapping;
use super::state::{self, EntryState, RememberedState};
use super::statements::TableStatements;
use super::store::ReflectedEvents;
use super::tables::ReflectionTables;
use super::target::TargetTable;
use super::wire::{no_log, wire_of_log};
use crate::config::ReflectionsConfig;
use crate::config::libpq::Conninfo;
use crate::destination::connector::{InspectedPlace, OpenPlace, PlaceOwner, ReadyDestination};
use crate::destination::postgres::lock;
use crate::destination::source_schema::SourceSchema;
use crate::error::{Error, ErrorKind, Problems, Result, Warning};
use crate::event::captured::CapturedLog;
use crate::event::frame::RowLayout;
use crate::event::store::EventStore;
use crate::event::wire::Wire;
use crate::postgres::session::Session;
use crate::postgres::session::patience::Patience;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;

/// A database that was looked at.
pub(super) struct InspectedReflections {
    pub session: Session,
    pub name: String,
    pub config: ReflectionsConfig,
    pub tables: Vec<TargetTable>,
    pub remembered: Option<RememberedState>,
    pub connect_timeout: Duration,
    pub append_timeout: Duration,
}

/// Tables that can hold what is computed of the log.
struct FittingReflections {
    session: Session,
    name: String,
    config: ReflectionsConfig,
    tables: Vec<(TableMapping, TargetTable)>,
    log: CapturedLog,
    /// Which log it is.
    source: String,
    wire: Arc<Wire>,
    layout: RowLayout,
    warnings: Vec<Warning>,
    connect_timeout: Duration,
    append_timeout: Duration,
}

impl InspectedPlace for InspectedReflections {
    fn judge(self: Box<Self>, source: SourceSchema<'_>) -> Result<Box<dyn OpenPlace>, Problems> {
        let who = format!("destination {:?}, {}", self.name, self.session.place());
        self.judged(source)
            .map(|fitting| Box::new(fitting) as Box<dyn OpenPlace>)
            .map_err(|problems| problems.within(&who))
    }
}

impl InspectedReflections {
    fn judged(self, source: SourceSchema<'_>) -> Result<FittingReflections, Problems> {
        let Some(log) = source.captured else { return Err(no_log(source.table).into()) };
        let wire = wire_of_log(source.table)?;
        let layout = wire.layout(source.id_column, None);
        let layout =
            layout.ok_or_else(|| Error::new(ErrorKind::Bug, "the id column does not travel"))?;
        let (mut problems, mut warnings) = (Problems::new(), Vec::new());
        let mut tables = Vec::new();
        for (config, target) in self.config.reflections.iter().zip(self.tables) {
            match TableMapping::new(config, &log.tables) {
                Err(unfit) => problems.extend(unfit),
                Ok(mapping) => {
                    if is_itself(&source, &self.session, (&mapping, &target)) {
                        problems.push(itself(&mapping));
                    }
                    match target.judge(&mapping) {
                        Err(unfit) => problems.extend(unfit),
                        Ok(more) => warnings.extend(more),
                    }
                    tables.push((mapping, target));
                }
            }
        }
        let identity = source_name(source);
        if let Some(remembered) = &self.remembered {
            if remembered.state.source != identity {
                problems.push(another_source());
            }
            for (mapping, target) in &tables {
                let known = remembered.entries.get(&mapping.entry());
                problems.extend(
                    known.map_or_else(Problems::new, |known| changed_since(mapping, target, known)),
                );
            }
        }
        problems.or_ok(())?;
        Ok(FittingReflections {
            session: self.session,
            name: self.name,
            config: self.config,
            tables,
            log: log.clone(),
            source: identity,
            wire: Arc::new(wire),
            layout,
            warnings,
            connect_timeout: self.connect_timeout,
            append_timeout: self.append_timeout,
        })
    }
}

/// Whether a table would be computed into itself.
fn is_itself(
    source: &SourceSchema<'_>,
    session: &Session,
    (mapping, target): (&TableMapping, &TargetTable),
) -> bool {
    // The same run of the same server: a copy of it can have the same oids.
    *source.identity == session.server().identity && mapping.source.oid == target.oid
}

fn itself(mapping: &TableMapping) -> Error {
    Error::new(ErrorKind::Unsuitable, format!("cannot compute {}", mapping.table))
        .because("it is the captured table itself")
        .fix("give the reflection another table, or the destination another database")
}

/// Which log it is: the cluster, the database and the table. Transactions are known by numbers that
/// are those of one cluster.
fn source_name(source: SourceSchema<'_>) -> String {
    let cluster = source.identity.system_identifier;
    let cluster = cluster.map_or_else(|| "unknown".to_owned(), |number| number.to_string());
    format!(
        "cluster {cluster} database {} table {}",
        source.identity.database_oid, source.table.oid
    )
}

fn another_source() -> Error {
    Error::new(ErrorKind::Contents, "the reflections were computed from another log")
        .because(
            "the cluster, the database or the table is another one than that which they follow",
        )
        .fix(
            "correct [source], or have every row loaded again from this log: counterfoil reflect \
             load; nothing was written",
        )
}

/// A table that is another one, or is computed otherwise, than when its rows were.
fn changed_since(mapping: &TableMapping, target: &TargetTable, known: &EntryState) -> Problems {
    let mut problems = Problems::new();
    let fix = "have its rows loaded again: counterfoil reflect load; nothing was written";
    if known.target != target.oid {
        let what = format!("{} is another table than the one that was computed", mapping.table);
        problems.push(
            Error::new(ErrorKind::Contents, what)
                .because("it was dropped and made again, or another one has its name now")
                .fix(fix),
        );
    }
    if known.mapping != mapping.written() {
        let what = format!("{} is computed otherwise than its rows were", mapping.table);
        problems.push(
            Error::new(ErrorKind::Unsuitable, what)
                .because("its reflection was changed, or the captured table was")
                .fix(fix),
        );
    }
    problems
}

impl OpenPlace for FittingReflections {
    fn place(&self) -> String {
        self.session.place().to_owned()
    }

    fn name(&self) -> String {
        let names: Vec<String> = self.tables.iter().map(|(of, _)| of.table.to_string()).collect();
        names.join(", ")
    }

    fn table(&self) -> u32 {
        self.tables.first().map_or(0, |(_, target)| target.oid)
    }

    fn wire(&self) -> &Wire {
        &self.wire
    }

    fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    fn store(&self) -> Box<dyn EventStore + '_> {
        Box::new(ReflectedEvents::new(&self.session, &self.name, Arc::clone(&self.wire)))
    }

    fn sessions(&self) -> Vec<(&Session, &Conninfo)> {
        vec![(&self.session, &self.config.conninfo)]
    }

    fn take(&self) -> BoxFuture<'_, Result<PlaceOwner>> {
        let who = format!("destination {:?}", self.name);
        async move {
            let patience =
                Patience { limit: self.connect_timeout, who: &who, place: self.session.place() };
            patience.with(vec![self.session.canceller()], self.taken()).await
        }
        .boxed()
    }

    fn into_destination(self: Box<Self>) -> BoxFuture<'static, Result<ReadyDestination>> {
        self.prepared().boxed()
    }
}

impl FittingReflections {
    /// Each of its tables, so that no two replicators write one of them.
    async fn taken(&self) -> Result<PlaceOwner> {
        let mut first = None;
        for (_, target) in &self.tables {
            match lock::take(&self.session, &self.name, target.oid).await? {
                PlaceOwner::Ours(key) => first = first.or(Some(key)),
                another => return Ok(another),
            }
        }
        let none = || Error::new(ErrorKind::Bug, "a destination has no reflection");
        Ok(PlaceOwner::Ours(first.ok_or_else(none)?))
    }

    async fn prepared(self: Box<Self>) -> Result<ReadyDestination> {
        let Self { session, name, config, mut tables, log, source, wire, layout, .. } = *self;
        let mut statements = Vec::new();
        for (at, (mapping, target)) in tables.iter_mut().enumerate() {
            target.learn_types(&session, &mapping.source.columns).await?;
            let of_table = TableStatements::new(at, mapping, target);
            try_out(&session, mapping, &of_table).await?;
            statements.push(of_table);
        }
        let had_begun = state::read_position(&session, &name).await?.is_some();
        let remembered = begun(&session, &name, &tables, (&log, &wire, &source)).await?;
        let position = remembered.state.position;
        let tables = ReflectionTables::new(tables, statements, remembered.entries);
        let appender = ReflectionAppender::new(
            (session, name, config.drift),
            tables,
            (log, wire, layout),
            (remembered.state, remembered.pending),
            self.append_timeout,
        )?;
        let destination = ReflectingDestination::new(appender, layout).await?;
        Ok(ReadyDestination {
            position,
            has_just_begun: !had_begun,
            destination: Box::new(destination),
        })
    }
}

/// What a server says of expressions that it does not take, whoever sends them (class 42).
pub(super) fn wrong_expressions(error: Error) -> Error {
    let is_of_syntax = error.sqlstate().is_some_and(|sqlstate| sqlstate.starts_with("42"));
    match error.kind() {
        ErrorKind::Unavailable if !is_of_syntax => error,
        _ => error
            .of_kind(ErrorKind::Unsuitable)
            .fix("correct the expressions of its columns: they are SQL over the captured columns"),
    }
}

/// Evaluates the expressions of a table over no row, so that what is wrong with one is told before
/// anything is written.
async fn try_out(
    session: &Session,
    mapping: &TableMapping,
    statements: &TableStatements,
) -> Result<()> {
    let what = || format!("cannot compute {}", mapping.table);
    let made = session.batch_execute(&statements.create_stage).await;
    made.map_err(|error| session.error(&error, what()))?;
    let tried = session.execute(&statements.try_out, &[]).await;
    tried.map_err(|error| wrong_expressions(session.error(&error, what())))?;
    Ok(())
}

/// What is remembered, of tables too that are new; of a destination that is new, from the present
/// end of the log on.
async fn begun(
    session: &Session,
    name: &str,
    tables: &[(TableMapping, TargetTable)],
    (log, wire, source): (&CapturedLog, &Arc<Wire>, &str),
) -> Result<RememberedState> {
    let failed =
        |error: tokio_postgres::Error| session.error(&error, "cannot begin the reflections");
    let remembered = state::read(session, name).await?;
    let beginning = match &remembered {
        Some(_) => None,
        None => Some(log.changes.beginning(Arc::clone(wire)).await?),
    };
    session.batch_execute("begin").await.map_err(failed)?;
    if let Some(beginning) = &beginning {
        state::begin(session, name, beginning, source).await?;
    }
    // Their changes go by from now on: should they come back, their rows are loaded again.
    let present: Vec<String> = tables.iter().map(|(mapping, _)| mapping.entry()).collect();
    state::forget_others(session, name, &present).await?;
    for (mapping, target) in tables {
        let entry = mapping.entry();
        if remembered.as_ref().is_none_or(|known| !known.entries.contains_key(&entry)) {
            let new = EntryState::new(target.oid, mapping);
            state::write_entry(session, name, (&entry, &new)).await?;
        }
    }
    session.batch_execute("commit").await.map_err(failed)?;
    let lost = || Error::new(ErrorKind::Bug, "what was written is not there");
    state::read(session, name).await?.ok_or_else(lost)
}
