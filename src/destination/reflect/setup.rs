//! What `init destination` makes for reflections: the tables in which they remember where they
//! stand, and those of the reflections that ask for it.

use super::mapping::TableMapping;
use super::place::wrong_expressions;
use super::state;
use super::statements::TableStatements;
use super::target::TargetTable;
use crate::config::ReflectionsConfig;
use crate::error::{Error, ErrorKind, Problems, Result};
use crate::event::captured::CapturedTable;
use crate::postgres::session::Session;
use crate::sql::{ident, without_header};

/// What is missing, with the statements that make it.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReflectionsSetup {
    /// What each makes, and the statement.
    pub(crate) steps: Vec<(String, String)>,
    /// What is there already.
    pub(crate) present: Vec<String>,
}

impl ReflectionsSetup {
    /// Finds out what is missing. Nothing stays that is made on the way.
    ///
    /// # Errors
    /// `Unsuitable` for a reflection that cannot be computed; those of the session.
    pub(crate) async fn plan(
        session: &Session,
        config: &ReflectionsConfig,
        captured: &[CapturedTable],
    ) -> Result<Self, Problems> {
        let mut setup = Self::default();
        let what = "what the reflections remember, in schema counterfoil".to_owned();
        if state::is_set_up(session).await? {
            setup.present.push(what);
        } else {
            let sql = without_header(include_str!("../../../sql/reflect/state.sql"));
            setup.steps.push((what, sql.to_owned()));
        }
        let mut problems = Problems::new();
        for (at, reflection) in config.reflections.iter().enumerate() {
            let what = format!("table {}", reflection.table);
            match TargetTable::read(session, &reflection.table).await? {
                Some(_) => setup.present.push(what),
                None if !reflection.creates => {}
                None => match TableMapping::new(reflection, captured) {
                    Err(unfit) => problems.extend(unfit),
                    Ok(mapping) => match create(session, at, &mapping).await {
                        Err(error) => problems.push(error),
                        Ok(sql) => setup.steps.push((what, sql)),
                    },
                },
            }
        }
        problems.or_ok(setup)
    }
}

/// Makes what is missing, all of it or nothing.
///
/// # Errors
/// Those of the session. A crash leaves all of it or nothing.
pub(crate) async fn set_up(session: &Session, setup: &ReflectionsSetup) -> Result<()> {
    let failed = |error: tokio_postgres::Error| {
        session.error(&error, "cannot make the tables of the reflections")
    };
    session.batch_execute("begin").await.map_err(failed)?;
    for (_, sql) in &setup.steps {
        session.batch_execute(sql).await.map_err(failed)?;
    }
    session.batch_execute("commit").await.map_err(failed)
}

/// The statement that makes the table of a reflection: its columns have the types of their
/// expressions.
async fn create(session: &Session, at: usize, mapping: &TableMapping) -> Result<String> {
    let what = || format!("cannot make {}", mapping.table);
    let failed = |error: tokio_postgres::Error| session.error(&error, what());
    let mut target = TargetTable::of_none(&mapping.table);
    target.learn_types(session, &mapping.source.columns).await?;
    let statements = TableStatements::new(at, mapping, &target);
    session.batch_execute(&statements.create_stage).await.map_err(failed)?;
    let prepared = session.prepare(&statements.select).await;
    let prepared = prepared.map_err(|error| wrong_expressions(failed(error)))?;
    let mut columns = Vec::new();
    for (column, of) in mapping.columns.iter().zip(prepared.columns().iter().skip(1)) {
        let plain = mapping.source.columns.iter().find(|source| {
            ident(&source.name) == column.expression.trim()
                || source.name == column.expression.trim()
        });
        let type_name = match plain.filter(|source| target.stage_type(source) == source.type_name) {
            Some(source) => source.type_name.clone(),
            None => type_name(session, of.type_().oid()).await?,
        };
        columns.push(format!("{} {type_name}", ident(&column.name)));
    }
    let key: Vec<String> = mapping.key.iter().map(|key| ident(&key.name)).collect();
    Ok(format!(
        "create table {} (\n    {},\n    primary key ({})\n);",
        mapping.table.quoted(),
        columns.join(",\n    "),
        key.join(", ")
    ))
}

async fn type_name(session: &Session, oid: u32) -> Result<String> {
    let sql = "select pg_catalog.format_type($1, null)";
    let found = session.query_one(sql, &[&oid]).await;
    let found = found.map_err(|error| session.error(&error, "cannot name a type"))?;
    found
        .get::<_, Option<String>>(0)
        .ok_or_else(|| Error::new(ErrorKind::Unsuitable, "an expression has no type"))
}
