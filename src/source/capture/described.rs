//! What is captured into a log, as a reflection must know it.

use super::facts::{CapturableTable, RememberedTable, TableChoice};
use super::standing::faults_of;
use crate::error::{Error, ErrorKind, Result};
use crate::event::captured::{CapturedColumn, CapturedTable, ImageForm};
use crate::postgres::session::Session;
use crate::postgres::table::TableName;
use std::collections::HashMap;

/// Whether a table is a log of captured changes.
///
/// # Errors
/// Those of the session.
pub(super) async fn is_log(session: &Session, table: &TableName) -> Result<bool> {
    let sql = include_str!("../../../sql/capture/is_log.sql");
    let found = session.query_one(sql, &[&table.schema, &table.name]).await;
    let found = found.map_err(|error| session.error(&error, "cannot look whether it is a log"))?;
    Ok(found.get::<_, Option<bool>>(0).unwrap_or(false))
}

/// Everything that is captured into a log.
///
/// # Errors
/// Those of the session.
pub(super) async fn described(session: &Session, log: &TableName) -> Result<Vec<CapturedTable>> {
    let remembered = RememberedTable::all(session, log).await?;
    let mut tables = Vec::new();
    for known in &remembered {
        let table = CapturableTable::read(session, &TableChoice::Oid(known.oid)).await?;
        tables.push(match table {
            Some(table) => one(session, log, (known, &remembered), table).await?,
            None => CapturedTable {
                source: known.source.clone(),
                oid: known.oid,
                columns: Vec::new(),
                key: Vec::new(),
                is_partitioned: false,
                faults: vec!["the table is gone".to_owned()],
            },
        });
    }
    Ok(tables)
}

async fn one(
    session: &Session,
    log: &TableName,
    (known, remembered): (&RememberedTable, &[RememberedTable]),
    table: CapturableTable,
) -> Result<CapturedTable> {
    let sql = include_str!("../../../sql/capture/forms.sql");
    let forms = session.query(sql, &[&table.oid]).await;
    let forms = forms.map_err(|error| session.error(&error, "cannot look at captured columns"))?;
    let forms: HashMap<String, ImageForm> =
        forms.iter().map(|row| (row.get("name"), form(row.get("form")))).collect();
    let is_held = |name: &String| !known.omitted.contains(name);
    let columns = table.columns.iter().filter(|column| is_held(&column.name));
    let columns = columns.map(|column| CapturedColumn {
        name: column.name.clone(),
        type_name: column.type_name.clone(),
        form: match forms.get(&column.name).copied().unwrap_or(ImageForm::Opaque) {
            ImageForm::Json if column.is_not_null => ImageForm::JsonNeverNull,
            form => form,
        },
        is_virtual: column.generated == "v",
    });
    Ok(CapturedTable {
        source: known.source.clone(),
        oid: table.oid,
        columns: columns.collect(),
        key: table.key.clone().unwrap_or_default(),
        is_partitioned: table.kind == 'p',
        faults: faults_of(session, log, (known, remembered), &table).await?,
    })
}

fn form(word: &str) -> ImageForm {
    match word {
        "scalar" => ImageForm::Scalar,
        "json" => ImageForm::Json,
        "array" => ImageForm::Array,
        "array of json" => ImageForm::ArrayOfJson,
        _ => ImageForm::Opaque,
    }
}

/// The name that the table has now.
pub(super) async fn relation(session: &Session, table: &CapturedTable) -> Result<String> {
    let sql = "select pg_catalog.format('%I.%I', n.nspname, c.relname) from pg_catalog.pg_class c \
               join pg_catalog.pg_namespace n on n.oid operator(pg_catalog.=) c.relnamespace \
               where c.oid operator(pg_catalog.=) $1";
    let found = session.query_opt(sql, &[&table.oid]).await;
    let found = found.map_err(|error| session.error(&error, "cannot find a captured table"))?;
    found.map(|row| row.get(0)).ok_or_else(|| {
        Error::new(ErrorKind::Unsuitable, format!("the captured table {} is gone", table.source))
            .at(session.place())
            .fix("counterfoil capture status tells what is captured")
    })
}
