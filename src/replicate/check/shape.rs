//! What a source looks like, and whether it can be followed.

use crate::config::{GroupBy, ReplicationConfig, SourceConfig, SourceRetention};
use crate::destination::source_schema::SourceSchema;
use crate::error::{Error, ErrorKind, Problems, Result, Warning};
use crate::event::captured::CapturedLog;
use crate::postgres::session::Session;
use crate::postgres::session::server::ServerIdentity;
use crate::postgres::session::settings::{self, ServerOverview};
use crate::postgres::table::EventTable;
use crate::postgres::table::describe;
use crate::postgres::table::fitness;
use crate::replicate::check::conditions;
use crate::replicate::check::lane_stores::ComparedSource;
use crate::replicate::time_column::time_column;
use crate::source::capture::{LogFacts, captured_log};
use crate::source::ids::rule::{MarkRule, accepted_gaps};
use crate::source::ids::{self, Discipline, JudgedDiscipline, facts};
use crate::source::read::batcher::ConsecutiveIds;
use crate::source::wakeup::{self, Wakeup};
use crate::sql::{self, TableName};
use std::sync::Arc;

/// A source that passed every check of its own.
#[derive(Clone, Debug)]
pub struct SourceShape {
    /// Which server and database it is in.
    pub identity: ServerIdentity,
    /// Its server.
    pub server: ServerOverview,
    /// Its event table.
    pub table: EventTable,
    /// Its key.
    pub id_column: String,
    /// How its ids are given out.
    pub ids: JudgedDiscipline,
    /// Which of its events it keeps.
    pub keeps: SourceRetention,
    /// What is beside it, where it is a log of captured changes.
    pub log: Option<LogFacts>,
    /// Its lowest id; `None`: it is empty.
    pub lowest: Option<i64>,
    /// The column whose equal neighbours share one destination transaction.
    pub group_by: Option<String>,
    /// What will wake the replicator.
    pub wakeup: Wakeup,
    /// What is captured into it, where it is a log of changes.
    pub(crate) captured: Option<CapturedLog>,
    /// What a person should know at every start.
    pub warnings: Vec<Warning>,
}

impl SourceShape {
    /// Whether what it shows may be older than what it showed before: a standby that starts again,
    /// a copy that lost its last events.
    pub fn may_be_late(&self) -> bool {
        self.server.is_standby || self.ids.discipline == Discipline::Copy
    }

    /// By which rule its ids are decided.
    pub(crate) fn mark_rule(&self, known_gaps: &[(i64, i64)]) -> MarkRule {
        match &self.ids.discipline {
            Discipline::Consecutive => MarkRule::Consecutive(ConsecutiveIds {
                known_gaps: Arc::from(known_gaps),
                begin_at_one: self.keeps == SourceRetention::All,
            }),
            Discipline::Sequence { lock_relations, readable, .. } => {
                MarkRule::Horizon { relations: lock_relations.clone(), sequence: readable.clone() }
            }
            Discipline::Copy => MarkRule::Copy,
            Discipline::Grace(grace) => MarkRule::Grace(*grace),
        }
    }

    /// What a comparison must know of it.
    pub fn compared(&self) -> ComparedSource<'_> {
        ComparedSource {
            table: &self.table,
            is_standby: self.server.is_standby,
            may_be_late: self.may_be_late(),
            keeps: self.keeps,
            pruned: self.log.as_ref().map_or(&[], |log| &log.certificates),
        }
    }

    /// What a destination must be able to hold.
    pub fn schema(&self) -> SourceSchema<'_> {
        SourceSchema {
            table: &self.table,
            identity: &self.identity,
            server: &self.server,
            id_column: &self.id_column,
            group_by: self.group_by.as_deref(),
            captured: self.captured.as_ref(),
        }
    }

    /// Whether a later look found the same table, and ids that are given out in the same way.
    pub(crate) fn is_still(&self, later: &Self) -> bool {
        let seen = |shape: &Self| (shape.table.oid, shape.ids.discipline.clone());
        seen(self) == seen(later)
            && self.table.columns == later.table.columns
            && self.table.types == later.table.types
    }
}

/// Looks at the source: server, table, privileges, ids, triggers. Reads only.
///
/// # Errors
/// All refusals together, each with its remedy; or what the server says.
pub(crate) async fn source_shape(
    session: &Session,
    replication: &ReplicationConfig,
) -> Result<SourceShape, Problems> {
    let mut shape = look(session, &replication.source).await?;
    if replication.destinations.iter().any(|to| to.reflections().is_some()) {
        shape.captured = captured(session, replication, &shape).await?;
    }
    let checked = conditions::check(session, &shape.table, replication).await;
    checked.map_err(|problems| problems.within(&format!("source {}", session.place())))?;
    Ok(shape)
}

/// What is captured into the source. Only a sequence gives ids out in the order in which rows are
/// locked, and only where they are given out can it be told which transactions go on.
async fn captured(
    session: &Session,
    replication: &ReplicationConfig,
    shape: &SourceShape,
) -> Result<Option<CapturedLog>> {
    if !matches!(shape.ids.discipline, Discipline::Sequence { .. }) {
        return Ok(None);
    }
    let (timeout, log) = (replication.limits.connect_timeout, &shape.table.name);
    captured_log(session, &replication.source, timeout, (log, &shape.ids.discipline)).await
}

/// As [`source_shape`], but for the conditions of its destinations: they stay good while its columns
/// stay the same.
///
/// # Errors
/// The same.
pub(crate) async fn look(
    session: &Session,
    config: &SourceConfig,
) -> Result<SourceShape, Problems> {
    let place = format!("source {}", session.place());
    let looked = async {
        let server = settings::about(session).await?;
        fitness::encoding(&server)?;
        let table = describe::source_table(session, config).await?;
        let table = table.ok_or_else(|| missing(&config.table))?;
        let mut problems = fitness::source(&table, &server, &config.id_column);
        let group_by = problems.note(group_by(&table, &config.group_by)).flatten();
        problems.note(time_column(&table, config));
        problems.or_ok(())?;
        let facts = facts::ask(session, &table, &config.id_column, server.is_standby).await?;
        let gaps = accepted_gaps(config.keeps, &config.known_gaps, facts.lowest);
        let ids = ids::judge(&facts, config.ids, &gaps)?;
        require_unique_ids(&table, &ids.discipline)?;
        let mut warnings = ids.warnings.clone();
        warnings.extend(fitness::source_cautions(&table, &server));
        warnings.extend(wakeup::cautions(&table, &server));
        let log = LogFacts::ask(session, &table).await?;
        warnings.extend(log.as_ref().and_then(|log| unnoted(log, &table, &server)));
        Ok(SourceShape {
            identity: session.server().identity.clone(),
            wakeup: wakeup::wakeup(&table, &server, &config.channel),
            id_column: config.id_column.clone(),
            keeps: config.keeps,
            log,
            lowest: facts.lowest,
            server,
            table,
            ids,
            group_by,
            warnings,
            captured: None,
        })
    };
    looked.await.map_err(|problems: Problems| problems.within(&place))
}

/// Where the key does not say it, only one sequence or a counter keeps ids from being given out
/// twice.
fn require_unique_ids(table: &EventTable, discipline: &Discipline) -> Result<()> {
    if table.has_id_key || !matches!(discipline, Discipline::Grace(_)) {
        return Ok(());
    }
    let what = format!("nothing keeps an id from being in {} twice", table.name);
    Err(Error::new(ErrorKind::Unsuitable, what)
        .because("its unique index has other columns behind the id, and no sequence gives it out")
        .fix("let one sequence give out the ids, and set ids = \"sequence\""))
}

/// A log that cannot be told what is still needed of it.
fn unnoted(log: &LogFacts, table: &EventTable, server: &ServerOverview) -> Option<Warning> {
    let readers = TableName { name: "readers".to_owned(), ..table.name.clone() };
    (log.has_readers && !log.may_note && !server.is_standby).then(|| {
        Warning::new(
            "the log is not told what is still needed of it, and may be pruned beyond that",
            format!(
                "GRANT SELECT, INSERT, UPDATE ON {} TO {};",
                readers.quoted(),
                sql::ident(&table.role)
            ),
        )
    })
}

fn group_by(table: &EventTable, configured: &GroupBy) -> Result<Option<String>> {
    match configured {
        GroupBy::Off => Ok(None),
        GroupBy::IfPresent(name) => Ok(table.column(name).map(|column| column.name.clone())),
        GroupBy::Column(name) if table.column(name).is_some() => Ok(Some(name.clone())),
        GroupBy::Column(name) => Err(Error::new(
            ErrorKind::Unsuitable,
            format!("there is no column {} to group by", sql::ident(name)),
        )
        .at(table.name.to_string())
        .fix("name a column of the table in group_by, or set group_by = \"\"")),
    }
}

/// Says that there is no such table at the source, and how one is made.
pub(crate) fn missing(table: &TableName) -> Error {
    let made = format!(
        "counterfoil init source --url URL --table {} makes one for new events",
        sql::literal(&table.to_string())
    );
    fitness::missing(table, &made)
}
