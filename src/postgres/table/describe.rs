//! Reads an event table from the catalog.

use crate::config::SourceConfig;
use crate::error::{self, Error, Problems, Result};
use crate::event::value::is_binary_stable;
use crate::postgres::session::Session;
use crate::postgres::table::compatible::{binary_edition, text_edition};
use crate::postgres::table::trigger::{self, InsertTrigger};
use crate::postgres::table::types::{self, TypePart, TypeUse, UserType, UserTypeKind, UserTypes};
use crate::postgres::table::{Column, ColumnOrigin, EventTable, TableName};
use crate::sql::{self, ColumnNames, Fingerprint, TypeOids};
use tokio_postgres::Row;

/// The table of a destination, for a reader.
///
/// # Errors
/// `Unsuitable` without the table, or without the privilege to read it; what the server says.
pub(crate) async fn readable(
    session: &Session,
    (name, names): (&TableName, &ColumnNames),
    id_column: &str,
) -> Result<EventTable> {
    let found = destination_table(session, (name, names), id_column).await?;
    require_readable(session, name, found)
}

/// As [`readable`], of a source.
pub(crate) async fn readable_source(
    session: &Session,
    source: &SourceConfig,
) -> Result<EventTable> {
    let found = source_table(session, source).await.map_err(Problems::into_worst)?;
    require_readable(session, &source.table, found)
}

fn require_readable(
    session: &Session,
    name: &TableName,
    found: Option<EventTable>,
) -> Result<EventTable> {
    let missing = || Error::new(error::ErrorKind::Unsuitable, format!("there is no table {name}"));
    let table = found.ok_or_else(|| missing().at(session.place()))?;
    table.require_select().map_err(|error| error.at(session.place()))?;
    Ok(table)
}

/// The table of a destination, with what it calls the columns of its source; `None` as in
/// [`table`].
pub(crate) async fn destination_table(
    session: &Session,
    (name, names): (&TableName, &ColumnNames),
    id_column: &str,
) -> Result<Option<EventTable>> {
    let found = table(session, name, names.there(id_column)).await?;
    Ok(found.map(|table| EventTable { names: names.clone(), ..table }))
}

/// The table of a source, with the columns that are copied; `None` as in [`table`].
///
/// # Errors
/// `Unsuitable`, for each column that is named and not there; what the server says.
pub(crate) async fn source_table(
    session: &Session,
    source: &SourceConfig,
) -> Result<Option<EventTable>, Problems> {
    let found = table(session, &source.table, &source.id_column).await?;
    found.map(|table| table.copying(&source.columns)).transpose()
}

/// Describes a table as it is now; `None` when there is no table, view or foreign table of this
/// name.
///
/// The catalog is readable by every role, so this works before any privilege is granted. A few
/// short statements; a change of the table between them gives a mixed picture, whose fingerprint is
/// older than the change.
pub async fn table(
    session: &Session,
    name: &TableName,
    id_column: &str,
) -> Result<Option<EventTable>> {
    let what = || format!("cannot read the description of {name}");
    let asked = async {
        let value =
            |has_parts| sql::sql(Fingerprint::of(name, has_parts, TypeOids::default()).value());
        let values = [("with_parts", value(true)), ("without_parts", value(false))];
        let ask = sql::fill(include_str!("../../../sql/table/table.sql"), &values);
        let found = session.query_opt(&ask, &[&name.schema, &name.name, &id_column]).await?;
        let Some(row) = found else { return Ok(None) };
        let oid: u32 = row.try_get("oid")?;
        let (columns, triggers) = futures::future::try_join(
            session.query(include_str!("../../../sql/table/columns.sql"), &[&oid]),
            session.query(include_str!("../../../sql/table/insert_triggers.sql"), &[&oid]),
        )
        .await?;
        let version_num = session.server().version_num;
        let columns = columns
            .iter()
            .map(|row| column(row, version_num))
            .collect::<Result<Vec<Column>, _>>()?;
        let has_own_types = columns.iter().any(|column| column.own_type.is_some());
        let mut table = described(name, id_column, &row, columns, &triggers)?;
        table.role.clone_from(&session.server().role);
        table.has_ambiguous_text = session.server().server_encoding == "EUC_JP";
        if has_own_types {
            let fingerprint;
            (table.types, fingerprint) = types_as_they_are(session, oid).await?;
            // As fingerprint.sql writes it.
            table.fingerprint =
                table.fingerprint.map(|of_table| format!("{of_table} {fingerprint}"));
        }
        Ok(Some(table))
    };
    asked.await.map_err(|e: tokio_postgres::Error| session.error(&e, what()))
}

fn described(
    name: &TableName,
    id_column: &str,
    row: &Row,
    columns: Vec<Column>,
    triggers: &[Row],
) -> Result<EventTable, tokio_postgres::Error> {
    let kind: String = row.try_get("kind")?;
    Ok(EventTable {
        name: name.clone(),
        oid: row.try_get("oid")?,
        fingerprint: row.try_get("fingerprint")?,
        has_parts: row.try_get("has_parts")?,
        kind: kind.chars().next().unwrap_or('?'),
        columns,
        not_copied: Vec::new(),
        names: ColumnNames::default(),
        types: UserTypes::new(),
        has_ambiguous_text: false,
        is_unlogged: row.try_get("is_unlogged")?,
        has_id_key: row.try_get("has_id_key")?,
        has_wide_key: row.try_get("has_wide_key")?,
        integer_keys: {
            let mut keys: Vec<String> = row.try_get("integer_keys")?;
            keys.dedup();
            keys
        },
        partitioned_by: row.try_get("partitioned_by")?,
        insert_triggers: triggers
            .iter()
            .map(|row| insert_trigger(row, id_column))
            .collect::<Result<_, _>>()?,
        has_foreign_keys: row.try_get("has_foreign_keys")?,
        has_row_security: row.try_get("has_row_security")?,
        rows_estimated: row.try_get("rows_estimated")?,
        role: String::new(),
        may_use_schema: row.try_get("may_use_schema")?,
        is_subscribed: row.try_get("is_subscribed")?,
        has_children: row.try_get("has_heirs")?,
        is_guarded: row.try_get("is_guarded")?,
    })
}

fn column(row: &Row, version_num: u32) -> Result<Column, tokio_postgres::Error> {
    let of = type_use(row)?;
    let type_oid = of.oid;
    let origin = match (row.try_get("is_generated")?, row.try_get("is_identity")?) {
        (true, _) => ColumnOrigin::Generated,
        (false, true) => ColumnOrigin::Identity,
        (false, false) => ColumnOrigin::Plain,
    };
    Ok(Column {
        name: row.try_get("name")?,
        type_name: of.name,
        type_oid,
        own_type: of.refers,
        is_binary_stable: is_binary_stable(type_oid),
        binary_edition: binary_edition(type_oid, version_num),
        text_edition: text_edition(type_oid, version_num),
        is_not_null: row.try_get("is_not_null")?,
        is_never_null: row.try_get("is_never_null")?,
        has_default: row.try_get("has_default")?,
        is_stamped: row.try_get("is_stamped")?,
        origin,
        computed_as: row.try_get("computed_as")?,
        may_select: row.try_get("may_select")?,
        may_insert: row.try_get("may_insert")?,
    })
}

/// The types outside `pg_catalog` that a table's columns are made of, and their part of its
/// fingerprint.
async fn types_as_they_are(
    session: &Session,
    table_oid: u32,
) -> Result<(UserTypes, String), tokio_postgres::Error> {
    let mut seen = types(session, table_oid).await?;
    loop {
        let ask = format!("select {}::pg_catalog.text", types::oids(&seen).value());
        let fingerprint = session.query_one(&ask, &[]).await?.try_get(0)?;
        // Which types there are was needed to ask: a look after it sees whether the answer belongs
        // to them.
        let again = types(session, table_oid).await?;
        if again == seen {
            return Ok((seen, fingerprint));
        }
        seen = again;
    }
}

async fn types(session: &Session, table_oid: u32) -> Result<UserTypes, tokio_postgres::Error> {
    let parts = [("parts", sql::sql(sql::type_parts("$1")))];
    let rows = session
        .query(&sql::fill(include_str!("../../../sql/table/types.sql"), &parts), &[&table_oid])
        .await?;
    let mut types = UserTypes::new();
    for row in &rows {
        let kind: String = row.try_get("kind")?;
        let kind = match kind.as_str() {
            "b" => UserTypeKind::Base { extension: row.try_get("extension")? },
            "c" => UserTypeKind::Composite,
            "d" => UserTypeKind::Domain { is_not_null: row.try_get("is_not_null")? },
            "e" => UserTypeKind::Enum,
            "r" => UserTypeKind::Range,
            "m" => UserTypeKind::Multirange,
            _ => UserTypeKind::Other,
        };
        let name = named(row.try_get("schema")?, row.try_get("name")?);
        let (oid, relation_oid) = (row.try_get("oid")?, row.try_get("relation_oid")?);
        let known = types.entry(name).or_insert_with(|| UserType {
            oid,
            relation_oid,
            kind,
            parts: Vec::new(),
        });
        let has_type: bool = row.try_get("has_type")?;
        let label: Option<String> = row.try_get("label")?;
        if has_type || label.is_some() {
            known
                .parts
                .push(TypePart { label, of: if has_type { Some(type_use(row)?) } else { None } });
        }
    }
    Ok(types)
}

/// The type that a row of columns.sql or types.sql names.
fn type_use(row: &Row) -> Result<TypeUse, tokio_postgres::Error> {
    let (shown, oid): (String, u32) = (row.try_get("type_shown")?, row.try_get("type_oid")?);
    if row.try_get("is_built_in")? {
        return Ok(TypeUse { name: shown, oid, refers: None });
    }
    let name = named(row.try_get("type_schema")?, row.try_get("type_name")?);
    let array = if row.try_get("is_array")? { "[]" } else { "" };
    Ok(TypeUse { name: format!("{name}{}{array}", modifier(&shown)), oid, refers: Some(name) })
}

/// The modifier in what format_type wrote, such as `(10,2)`: at the end, whatever the name before
/// it is.
fn modifier(shown: &str) -> &str {
    let shown = shown.strip_suffix("[]").unwrap_or(shown);
    let is_modifier = |c: char| c.is_ascii_alphanumeric() || ", ".contains(c);
    let within = shown.strip_suffix(')').and_then(|shown| shown.rsplit_once('('));
    match within {
        Some((name, within)) if within.chars().all(is_modifier) && !name.is_empty() => {
            &shown[name.len()..]
        }
        _ => "",
    }
}

/// Schema and name, quoted by a rule of our own: what a version quotes depends on its key words,
/// and both sides must give one type one name.
fn named(schema: &str, name: &str) -> String {
    let is_plain = |part: &str| {
        let is_of_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        part.chars().all(is_of_name)
            && !part.starts_with(|c: char| c.is_ascii_digit())
            && !part.is_empty()
    };
    let quoted = |part: &str| if is_plain(part) { part.to_owned() } else { sql::ident(part) };
    format!("{}.{}", quoted(schema), quoted(name))
}

fn insert_trigger(row: &Row, id_column: &str) -> Result<InsertTrigger, tokio_postgres::Error> {
    let function: String = row.try_get("function")?;
    let name: String = row.try_get("name")?;
    Ok(InsertTrigger {
        is_harmless: name == sql::GUARD || trigger::writes_nothing(&function),
        name,
        is_enabled: row.try_get("is_enabled")?,
        is_before: row.try_get("is_before")?,
        draws_from_sequence: trigger::draws_from_sequence(&function),
        notifies: trigger::notifies(&function, id_column),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_modifier_is_what_stands_in_parentheses_at_the_end() {
        for (shown, expected) in [
            ("hstore", ""),
            ("geometry(PointZ,4326)", "(PointZ,4326)"),
            ("geometry(Point,4326)[]", "(Point,4326)"),
            ("\"a(1)\"", ""),
            ("\"a(1)\"[]", ""),
            ("public.\"a(1)\"(3)", "(3)"),
        ] {
            assert_eq!(modifier(shown), expected, "{shown}");
        }
    }

    #[test]
    fn a_name_is_quoted_where_it_is_not_plain_and_never_by_the_words_of_a_version() {
        assert_eq!(named("public", "json_value"), "public.json_value");
        assert_eq!(named("My \"S\"", "1st"), "\"My \"\"S\"\"\".\"1st\"");
    }
}
