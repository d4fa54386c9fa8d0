//! Whether a destination can hold what a source has, and in which form the rows travel: a pure
//! comparison of two tables.

use crate::error::{Error, ErrorKind, Problems, Warning};
use crate::event::frame::CopyFormat;
use crate::event::wire::{ReadAs, Wire, WireColumn};
use crate::postgres::table::renamed;
use crate::postgres::table::types::{self, TextFidelity, TypeMismatch};
use crate::postgres::table::{Column, ColumnOrigin, EventTable, TableName};
use crate::sql;
use postgres_types::{Kind as TypeKind, Type};

/// Which edition of a type's binary form a server of this version speaks.
///
/// `interval` has had infinite values since PostgreSQL 17 (release notes). An older server stores
/// their bytes as a number of months, days and microseconds that it can neither print nor read
/// again; their text it refuses. (Of `numeric`, which has had them since 14, it refuses the bytes
/// too.)
pub(crate) fn binary_edition(type_oid: u32, version_num: u32) -> u32 {
    let is_interval = [Type::INTERVAL.oid(), Type::INTERVAL_ARRAY.oid()].contains(&type_oid);
    if is_interval && version_num >= 170_000 { 2 } else { 1 }
}

/// Which edition of a type's text form a server of this version speaks.
///
/// `"char"` has been written as `\200` since PostgreSQL 16 where it is not ASCII (release notes);
/// an older server reads the first byte of that.
pub(crate) fn text_edition(type_oid: u32, version_num: u32) -> u32 {
    let is_char = [Type::CHAR.oid(), Type::CHAR_ARRAY.oid()].contains(&type_oid);
    if is_char && version_num >= 160_000 { 2 } else { 1 }
}

/// Finds what travels: every column of the source but those the destination computes itself.
///
/// # Errors
/// `Unsuitable`, all together, each with the statement that cures it: a column the destination
/// lacks, a type that differs in name or in definition (`int4` into `int8` apart) or would change
/// on the way, a column of the destination that must be given and is not there at the source, a
/// destination that computes its id.
pub fn wire(
    source: &EventTable,
    destination: &EventTable,
    id_column: &str,
) -> Result<Wire, Problems> {
    let mut problems = Problems::new();
    let id = destination.column(id_column);
    if let Some(to) = id.filter(|to| to.origin == ColumnOrigin::Generated) {
        problems.push(computes_id(destination, to));
    }
    let unmet = destination
        .columns
        .iter()
        .filter(|to| destination.source_of(to, source).is_none() && must_be_given(to));
    unmet.for_each(|to| problems.push(demands(to, source, destination)));
    let travelling = travelling(source, destination, |to| to.origin != ColumnOrigin::Generated);
    let wire = travelling
        .map_err(|unlike| problems.extend(unlike))
        .unwrap_or_else(|()| Wire::without_columns());
    problems.or_ok(wire)
}

/// Finds what can be compared: every column of the first table, those that the second one computes
/// included.
pub fn compared(first: &EventTable, second: &EventTable) -> Result<Wire, Problems> {
    travelling(first, second, |_| true)
}

fn travelling(
    source: &EventTable,
    destination: &EventTable,
    is_wanted: impl Fn(&Column) -> bool,
) -> Result<Wire, Problems> {
    let mut problems = renamed::problems(source, &destination.names);
    let mut columns = Vec::new();
    for from in &source.columns {
        let Some(to) = destination.column(&from.name) else {
            problems.push(lacks(from, source, destination));
            continue;
        };
        if !is_wanted(to) {
            continue;
        }
        match read_as(from, to, source) {
            None => problems.push(differs(from, to, destination)),
            Some(read_as) => {
                if let Some(unlike) =
                    types::unlike(&from.type_use(), &source.types, &destination.types)
                {
                    problems.push(defined_otherwise((from, to), &unlike, destination));
                }
                columns.push((from, to, read_as));
            }
        }
    }
    let is_same = |from: &Column, to: &Column| {
        from.is_binary_stable && to.is_binary_stable && from.binary_edition == to.binary_edition
    };
    let not_binary =
        columns.iter().find(|(from, to, _)| !is_same(from, to)).map(|(from, ..)| *from);
    if let Some(reason) = not_binary {
        let changing = columns.iter().filter(|(from, to, _)| from.text_edition != to.text_edition);
        changing.for_each(|(_, to, _)| problems.push(changes_as_text(destination, to, reason)));
    }
    let has_forms = |column: &Column| {
        let is_array = |known: Type| matches!(known.kind(), TypeKind::Array(_));
        [Type::FLOAT4.oid(), Type::FLOAT8.oid()].contains(&column.type_oid)
            || Type::from_oid(column.type_oid).is_some_and(is_array)
    };
    let wire_column = |(from, _, read_as): (&Column, &Column, ReadAs)| WireColumn {
        name: from.name.clone(),
        read_as: match read_as {
            ReadAs::Plain if not_binary.is_none() && has_forms(from) => ReadAs::Stored,
            other => other,
        },
        type_oid: match read_as {
            ReadAs::Widened => Some(Type::INT8.oid()),
            ReadAs::Xml => Some(Type::TEXT.oid()),
            _ => from.own_type.is_none().then_some(from.type_oid),
        },
    };
    problems.or_ok(Wire {
        columns: columns.into_iter().map(wire_column).collect(),
        format: if not_binary.is_none() { CopyFormat::Binary } else { CopyFormat::Text },
        rows: None,
    })
}

/// The columns that travel as text although the text of their type is not known to say all of a
/// value, with that type.
pub fn unknown_texts<'a>(table: &'a EventTable, wire: &Wire) -> Vec<(&'a Column, String)> {
    if wire.format == CopyFormat::Binary {
        return Vec::new();
    }
    let columns = wire.columns.iter().filter_map(|column| table.column(&column.name));
    let unknown = |column: &'a Column| match types::text_of(&column.type_use(), &table.types) {
        TextFidelity::Unknown(of) => Some((column, of)),
        TextFidelity::Exact | TextFidelity::Xml => None,
    };
    columns.filter_map(unknown).collect()
}

/// What fits but can surprise later: a NULL that the destination would refuse, a value it computes
/// instead of copying.
pub fn cautions(source: &EventTable, destination: &EventTable, wire: &Wire) -> Vec<Warning> {
    let both =
        source.columns.iter().filter_map(|from| Some((from, destination.column(&from.name)?)));
    let absent = renamed::absent(source, &destination.names);
    let caution = |(from, to): (&Column, &Column)| {
        let (table, column) = (&destination.name, sql::ident(&to.name));
        if to.origin == ColumnOrigin::Generated {
            return computed_caution(from, to, table);
        }
        (to.is_not_null && !from.is_not_null).then(|| {
            Warning::new(
                format!(
                    "column {column} may be NULL at the source, and the destination would refuse \
                     such an event"
                ),
                format!(
                    "ALTER TABLE {} ALTER COLUMN {column} DROP NOT NULL; at the destination",
                    destination.name
                ),
            )
        })
    };
    let unknown = |(column, of): (&Column, String)| {
        let what = format!(
            "column {} is copied as the text of type {of}, which is not known to represent a value \
             completely: what it omits is neither copied nor compared",
            sql::ident(&column.name)
        );
        Warning::new(what, "")
    };
    both.filter_map(caution)
        .chain(absent)
        .chain(ambiguous_text(source, destination).map(|what| Warning::new(what, "")))
        .chain(unknown_texts(source, wire).into_iter().map(unknown))
        .collect()
}

/// Why texts of a side cannot be told apart, if some cannot.
pub fn ambiguous_text(one: &EventTable, other: &EventTable) -> Option<String> {
    (one.has_ambiguous_text || other.has_ambiguous_text).then(|| {
        "the database's encoding EUC_JP writes some characters in two ways (U+2160, for example), \
         which become one on the way and are not told apart"
            .to_owned()
    })
}

fn computed_caution(from: &Column, to: &Column, table: &TableName) -> Option<Warning> {
    let column = sql::ident(&to.name);
    if from.origin != ColumnOrigin::Generated {
        let what = format!("column {column} of {table} is computed by the destination, not copied");
        return Some(Warning::new(what, ""));
    }
    if from.computed_as == to.computed_as {
        return None;
    }
    let shown = |computed: &Column| computed.computed_as.clone().unwrap_or_default();
    let what = format!(
        "column {column} is computed as {} at the source and as {} at the destination: it is not \
         copied, and its values may differ",
        shown(from),
        shown(to)
    );
    Some(Warning::new(what, ""))
}

/// How a value is read that goes from one column into another; `None`: it does not.
fn read_as(from: &Column, to: &Column, source: &EventTable) -> Option<ReadAs> {
    let is_built_in = |column: &Column, known: &Type| column.type_oid == known.oid();
    if is_built_in(from, &Type::INT4) && is_built_in(to, &Type::INT8) {
        return Some(ReadAs::Widened);
    }
    if from.type_name != to.type_name {
        return None;
    }
    if is_built_in(from, &Type::BYTEA) && is_built_in(to, &Type::BYTEA) {
        return Some(ReadAs::Bytes);
    }
    Some(match types::text_of(&from.type_use(), &source.types) {
        TextFidelity::Xml => ReadAs::Xml,
        TextFidelity::Exact | TextFidelity::Unknown(_) => ReadAs::Plain,
    })
}

fn must_be_given(column: &Column) -> bool {
    column.is_not_null && !column.has_default && column.origin == ColumnOrigin::Plain
}

fn names(table: &EventTable) -> String {
    let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    names.join(", ")
}

fn unlike(destination: &EventTable, what: String) -> Error {
    Error::new(ErrorKind::Unsuitable, what).at(destination.name.to_string())
}

/// Says of a column that is renamed what the source calls it.
fn of_source(from: &Column, destination: &EventTable) -> String {
    if destination.names.there(&from.name) == from.name {
        return String::new();
    }
    format!(" (at the source {})", sql::ident(&from.name))
}

fn lacks(from: &Column, source: &EventTable, destination: &EventTable) -> Error {
    let column = sql::ident(destination.names.there(&from.name));
    unlike(
        destination,
        format!("the destination has no column {column}{}", of_source(from, destination)),
    )
    .because(format!(
        "the source has {}; the destination has {}",
        names(source),
        names(destination)
    ))
    .fix(if is_name_of_type(&from.type_name) {
        format!("ALTER TABLE {} ADD COLUMN {column} {};", destination.name, from.type_name)
    } else {
        format!("add the column to {}, of the type it has at the source", destination.name)
    })
}

fn differs(from: &Column, to: &Column, destination: &EventTable) -> Error {
    let column = sql::ident(&to.name);
    unlike(
        destination,
        format!(
            "column {column}{} is {} at the source and {} at the destination",
            of_source(from, destination),
            from.type_name,
            to.type_name
        ),
    )
    .fix(if is_name_of_type(&from.type_name) {
        format!(
            "ALTER TABLE {} ALTER COLUMN {column} TYPE {type_name} USING {column}::{type_name};",
            destination.name,
            type_name = from.type_name
        )
    } else {
        format!("give column {column} of {} the type it has at the source", destination.name)
    })
}

fn defined_otherwise(
    (from, to): (&Column, &Column),
    unlike: &TypeMismatch,
    destination: &EventTable,
) -> Error {
    let column = sql::ident(&to.name) + &of_source(from, destination);
    let what = format!(
        "column {column} is {} on both sides, and the definitions of type {} differ",
        from.type_name, unlike.name
    );
    let error = self::unlike(destination, what)
        .because(format!("at the source: {}", unlike.source))
        .because(format!("at the destination: {}", unlike.destination));
    let add =
        |label: &String| format!("ALTER TYPE {} ADD VALUE {};", unlike.name, sql::literal(label));
    match unlike.lacking.as_slice() {
        [] => error.fix(format!(
            "give {} of the destination the definition it has at the source (a label that was \
             renamed there: ALTER TYPE … RENAME VALUE): values would become others on the way",
            unlike.name
        )),
        labels => error.fix(labels.iter().map(add).collect::<Vec<_>>().join(" ")),
    }
}

/// Whether a type, as the source's server calls it, can stand in a statement that a person runs at
/// the destination: outside of quotes there is nothing but names and modifiers, and no word that
/// begins something else, such as a default.
fn is_name_of_type(type_name: &str) -> bool {
    const OTHERS: [&str; 11] = [
        "default",
        "check",
        "references",
        "generated",
        "constraint",
        "unique",
        "primary",
        "not",
        "null",
        "collate",
        "using",
    ];
    let mut within = 0_u8;
    let mut is_plain = |c: char| match c {
        '(' if within == 0 => {
            within = 1;
            true
        }
        ')' => std::mem::take(&mut within) == 1,
        ',' => within == 1,
        _ => c.is_alphanumeric() || "_ .[]".contains(c),
    };
    let outside: Vec<&str> = type_name.split('"').step_by(2).collect();
    type_name.matches('"').count().is_multiple_of(2)
        && outside.iter().all(|part| part.chars().all(&mut is_plain))
        && within == 0
        && outside
            .iter()
            .flat_map(|part| part.split(|c: char| !c.is_alphanumeric() && c != '_'))
            .all(|word| !OTHERS.contains(&word.to_lowercase().as_str()))
}

fn demands(to: &Column, source: &EventTable, destination: &EventTable) -> Error {
    let column = sql::ident(&to.name);
    let (why, otherwise) = if source
        .not_copied
        .iter()
        .any(|from| destination.names.at_source(&to.name) == Some(&from.name))
    {
        ("and it is not among those that are copied", "; or add it to columns in the source")
    } else {
        ("and the source has no such column", "; or give it a default")
    };
    unlike(destination, format!("column {column} of the destination must be given, {why}")).fix(
        format!("ALTER TABLE {} ALTER COLUMN {column} DROP NOT NULL{otherwise}", destination.name),
    )
}

fn changes_as_text(destination: &EventTable, from: &Column, reason: &Column) -> Error {
    let column = sql::ident(&from.name);
    let what = format!(
        "column {column} is {}, which PostgreSQL writes differently since version 16",
        from.type_name
    );
    let wider = if from.type_oid == Type::CHAR.oid() { "text" } else { "text[]" };
    unlike(destination, what)
        .because(format!(
            "the table is copied as text because of column {}, and only one of the two servers is \
             older",
            sql::ident(&reason.name)
        ))
        .fix(format!(
            "ALTER TABLE {} ALTER COLUMN {column} TYPE {wider}; at the destination and the same at \
             the source, or use servers that both are older than 16 or neither",
            destination.name
        ))
}

fn computes_id(destination: &EventTable, id: &Column) -> Error {
    let column = sql::ident(&id.name);
    unlike(
        destination,
        format!("the destination computes its id column {column} instead of taking the source's"),
    )
    .fix(format!("ALTER TABLE {} ALTER COLUMN {column} DROP EXPRESSION;", destination.name))
}

#[cfg(test)]
mod tests;
