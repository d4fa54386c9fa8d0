//! The types that a table needs and that a new database does not have: each as the statement that
//! creates it, or why there is none.

use crate::error::{self, Error, ErrorKind};
use crate::postgres::ddl::script::{ObjectParent, SetupScript};
use crate::postgres::session::Session;
use crate::postgres::table::EventTable;
use crate::postgres::table::types::{TypePart, UserType, UserTypeKind, UserTypes};
use crate::sql::{ident, literal};
use std::collections::{BTreeMap, BTreeSet};

/// A type that a table needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TypeShape {
    schema: String,
    name: String,
    /// Schema and name as the server writes them.
    quoted: String,
    origin: TypeOrigin,
    /// Whether its values are checked at the source by constraints that are not made elsewhere.
    has_checks: bool,
}

/// Where a type comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum TypeOrigin {
    /// An extension, in a schema.
    Extension(String, String),
    /// This statement; empty where it comes with another type.
    Statement(String),
    /// It cannot be made, for this reason.
    Unknown(&'static str),
}

impl TypeShape {
    /// Schema and name.
    pub fn key(&self) -> (String, String) {
        (self.schema.clone(), self.name.clone())
    }

    /// The schema in which it is made.
    pub fn schema(&self) -> &String {
        match &self.origin {
            TypeOrigin::Extension(_, schema) => schema,
            _ => &self.schema,
        }
    }

    /// Adds what makes it.
    pub fn create(&self, script: &mut SetupScript) {
        let name = &self.quoted;
        match &self.origin {
            TypeOrigin::Extension(extension, schema) => {
                let sql = format!(
                    "create extension if not exists {} with schema {};",
                    ident(extension),
                    ident(schema)
                );
                script.create(
                    format!("type {name}, of extension {extension}"),
                    sql,
                    ObjectParent::Database,
                );
            }
            TypeOrigin::Statement(sql) if sql.is_empty() => {}
            TypeOrigin::Statement(sql) => {
                script.create(format!("type {name}"), sql.clone(), ObjectParent::Schema);
            }
            TypeOrigin::Unknown(why) => {
                let refused =
                    Error::new(ErrorKind::Unsuitable, format!("cannot create type {name}"));
                script.refuse(refused.because(*why).fix(
                    "nothing was changed; create this type at the destination as it is at the \
                     source, then start again",
                ));
            }
        }
        if self.has_checks {
            script.note(format!(
                "domain {name} is made without its CHECK constraints: what is copied has passed \
                 them at the source"
            ));
        }
    }
}

/// The types of a table, each after those that it is made of.
pub(super) async fn type_shapes(
    session: &Session,
    table: &EventTable,
) -> error::Result<Vec<TypeShape>> {
    let oids: Vec<u32> = table.types.values().map(|of| of.oid).collect();
    let rows = session.query(include_str!("../../../../sql/ddl/shape_types.sql"), &[&oids]).await;
    let rows = rows.map_err(|error| session.error(&error, "cannot read the types of the table"))?;
    let mut found: BTreeMap<u32, _> = rows.iter().map(|row| (row.get("oid"), row)).collect();
    let shape = |name: &String| {
        let of = table.types.get(name)?;
        let row = found.remove(&of.oid)?;
        let (schema, type_name): (String, String) = (row.get("schema"), row.get("name"));
        let extension: Option<String> = row.get("extension");
        let extension_schema: Option<String> = row.get("extension_schema");
        let origin = match extension.zip(extension_schema) {
            Some((extension, schema)) => TypeOrigin::Extension(extension, schema),
            None => statement_of(name, of, &table.types)
                .map_or_else(TypeOrigin::Unknown, TypeOrigin::Statement),
        };
        Some(TypeShape {
            quoted: name.clone(),
            schema,
            name: type_name,
            origin,
            has_checks: row.get("has_checks"),
        })
    };
    let needed = table.columns.iter().filter_map(|column| column.own_type.as_ref());
    Ok(in_order(needed, &table.types).iter().filter_map(shape).collect())
}

/// The names of these types and those that they are made of, each after those.
pub(super) fn in_order<'a>(
    needed: impl Iterator<Item = &'a String>,
    types: &UserTypes,
) -> Vec<String> {
    fn visit(name: &String, types: &UserTypes, seen: &mut BTreeSet<String>, all: &mut Vec<String>) {
        if !seen.insert(name.clone()) {
            return;
        }
        let parts = types.get(name).map(|of| of.parts.as_slice()).unwrap_or_default();
        for needed in parts.iter().filter_map(|part| part.of.as_ref()?.refers.as_ref()) {
            visit(needed, types, seen, all);
        }
        all.push(name.clone());
    }
    let (mut seen, mut all) = (BTreeSet::new(), Vec::new());
    needed.for_each(|name| visit(name, types, &mut seen, &mut all));
    all
}

/// The statement that makes a type; empty for one that comes with another.
///
/// # Errors
/// Why there is none.
pub(super) fn statement_of(
    name: &str,
    of: &UserType,
    types: &UserTypes,
) -> Result<String, &'static str> {
    let made_of = || of.parts.iter().filter_map(|part| part.of.as_ref()).map(|of| &of.name);
    Ok(match &of.kind {
        UserTypeKind::Enum => {
            let labels = of.parts.iter().filter_map(|part| part.label.as_deref()).map(literal);
            format!("create type {name} as enum ({});", listed(labels))
        }
        UserTypeKind::Domain { is_not_null } => {
            let base = made_of().next().map_or("", String::as_str);
            let not_null = if *is_not_null { " not null" } else { "" };
            format!("create domain {name} as {base}{not_null};")
        }
        UserTypeKind::Composite => {
            let attribute = |part: &TypePart| {
                Some(format!("{} {}", ident(part.label.as_deref()?), part.of.as_ref()?.name))
            };
            let attributes = of.parts.iter().filter_map(attribute);
            format!("create type {name} as ({});", listed(attributes))
        }
        UserTypeKind::Range => {
            let options = range_options(name, of, types)
                .ok_or("it is a range with a function, operator class or collation of its own")?;
            format!("create type {name} as range ({options});")
        }
        UserTypeKind::Multirange => String::new(),
        UserTypeKind::Base { .. } => return Err("it is a base type, which is written in C"),
        UserTypeKind::Other => return Err("it is a type of another sort"),
    })
}

/// Of a range without functions of its own, with the name of its multirange where that is needed.
fn range_options(name: &str, of: &UserType, types: &UserTypes) -> Option<String> {
    if of.parts.iter().any(|part| part.label.is_some() && part.of.is_none()) {
        return None;
    }
    let subtype =
        of.parts.iter().find_map(|part| part.of.as_ref().filter(|_| part.label.is_none()));
    let is_its_own = |other: &&UserType| {
        other.kind == UserTypeKind::Multirange
            && other
                .parts
                .iter()
                .any(|part| part.of.as_ref().is_some_and(|of| of.refers.as_deref() == Some(name)))
    };
    let multirange = types.iter().find(|(_, other)| is_its_own(other)).map(|(name, _)| name);
    let options = [format!("subtype = {}", subtype?.name)]
        .into_iter()
        .chain(multirange.map(|name| format!("multirange_type_name = {name}")));
    Some(listed(options))
}

fn listed(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(", ")
}
