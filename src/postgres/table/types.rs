//! Types outside `pg_catalog` as a database defines them: whether two definitions are one, and
//! whether a value's text says all of it.

use crate::sql::{TypeOids, ident};
use postgres_types::{Kind as KnownKind, Type};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The types that a table's columns are made of, at any depth, by their names.
pub type UserTypes = BTreeMap<String, UserType>;

/// A type outside `pg_catalog`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserType {
    /// Its oid in its own database.
    pub oid: u32,
    /// `pg_type.typrelid`: where the catalog keeps the attributes of a composite; 0 of the others.
    pub relation_oid: u32,
    /// What sort of type.
    pub kind: UserTypeKind,
    /// What it is made of, in order: labels of an enum, attributes of a composite; the one base,
    /// subtype or range of the others.
    pub parts: Vec<TypePart>,
}

/// Sorts of types (PostgreSQL manual, `pg_type.typtype`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserTypeKind {
    /// Written in C, perhaps by an extension.
    Base {
        /// Its extension.
        extension: Option<String>,
    },
    /// `CREATE TYPE … AS (…)`, or the rows of a table.
    Composite,
    /// `CREATE DOMAIN`.
    Domain {
        /// Whether it refuses NULL.
        is_not_null: bool,
    },
    /// `CREATE TYPE … AS ENUM`.
    Enum,
    /// `CREATE TYPE … AS RANGE`; the labels of its parts say what else its values depend on: a
    /// canonical function, an operator class, a collation.
    Range,
    /// What came with a range.
    Multirange,
    /// Something else.
    Other,
}

/// A part of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypePart {
    /// A label, the name of an attribute, or of a function.
    pub label: Option<String>,
    /// Its type.
    pub of: Option<TypeUse>,
}

/// A type as a column or a part uses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeUse {
    /// Name with modifier, the same at all servers: `numeric(10,2)`, `public.mood[]`.
    pub name: String,
    /// Its oid; equal on all servers for built-in types only.
    pub oid: u32,
    /// The type outside `pg_catalog` that it is, or is an array of.
    pub refers: Option<String>,
}

/// Whether the text of a value says all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TextFidelity {
    /// Its input function makes the same value of what its output function writes.
    Exact,
    /// `xml`, whose output function leaves the declaration out: its cast to text says all.
    Xml,
    /// It does not say all, or nothing is known of it: this type.
    Unknown(String),
}

impl UserType {
    fn named<'a>(&'a self, name: &'a str) -> NamedType<'a> {
        NamedType { name, of: self }
    }

    fn labels(&self) -> BTreeSet<&str> {
        self.parts.iter().filter_map(|part| part.label.as_deref()).collect()
    }

    /// Whether a value of this type can be stored as the other one without becoming another. More
    /// labels do no harm, and NULLs that are allowed there alone; nor does another order of labels,
    /// unless something is sorted by them (`is_sorted`).
    fn fits_into(&self, other: &Self, is_sorted: bool) -> bool {
        match (&self.kind, &other.kind) {
            (UserTypeKind::Enum, UserTypeKind::Enum) if is_sorted => {
                let ours = self.labels();
                let common = other
                    .parts
                    .iter()
                    .filter(|part| part.label.as_deref().is_some_and(|label| ours.contains(label)));
                self.parts.iter().map(|part| &part.label).eq(common.map(|part| &part.label))
            }
            (UserTypeKind::Enum, UserTypeKind::Enum) => self.labels().is_subset(&other.labels()),
            (ours, theirs) => {
                let is_less_strict = matches!(
                    (ours, theirs),
                    (UserTypeKind::Domain { .. }, UserTypeKind::Domain { is_not_null: false })
                );
                (ours == theirs || is_less_strict)
                    && self.parts.len() == other.parts.len()
                    && self.parts.iter().zip(&other.parts).all(is_same_part)
            }
        }
    }
}

/// By name: oids are those of a database.
fn is_same_part((one, other): (&TypePart, &TypePart)) -> bool {
    let name = |part: &TypePart| part.of.as_ref().map(|of| of.name.clone());
    one.label == other.label && name(one) == name(other)
}

/// What the catalog is asked for to see whether they are still the same.
pub(crate) fn oids(types: &UserTypes) -> TypeOids {
    TypeOids {
        types: types.values().map(|of| of.oid).collect(),
        relations: types.values().map(|of| of.relation_oid).collect(),
    }
}

/// The first type, of those that a use of it is made of, that the destination defines otherwise; as
/// both define it. `None`: values fit.
pub(crate) fn unlike(
    of: &TypeUse,
    source: &UserTypes,
    destination: &UserTypes,
) -> Option<TypeMismatch> {
    let all = reached(of, source);
    // A range is sorted by what it is made of.
    let ranges =
        all.iter().filter_map(|name| source.get(name)).filter(|of| of.kind == UserTypeKind::Range);
    let made_of = ranges.flat_map(|range| range.parts.iter().filter_map(|part| part.of.as_ref()));
    let sorted: BTreeSet<String> = made_of.flat_map(|of| reached(of, source)).collect();
    let name = all.into_iter().find(|name| match (source.get(name), destination.get(name)) {
        (Some(ours), Some(theirs)) => !ours.fits_into(theirs, sorted.contains(name)),
        _ => true,
    })?;
    let shown = |types: &UserTypes| {
        types
            .get(&name)
            .map_or_else(|| format!("{name} is not there"), |of| of.named(&name).to_string())
    };
    let lacking = match (source.get(&name), destination.get(&name)) {
        // Where the destination has others in their place they may have been renamed: values would
        // be told apart that are one.
        (Some(ours), Some(theirs))
            if ours.kind == UserTypeKind::Enum
                && theirs.kind == UserTypeKind::Enum
                && theirs.labels().is_subset(&ours.labels()) =>
        {
            let labels = ours.labels();
            labels.difference(&theirs.labels()).map(|label| (*label).to_owned()).collect()
        }
        _ => Vec::new(),
    };
    Some(TypeMismatch { source: shown(source), destination: shown(destination), lacking, name })
}

/// Two definitions under one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TypeMismatch {
    /// The type.
    pub name: String,
    /// How the source defines it.
    pub source: String,
    /// How the destination does.
    pub destination: String,
    /// Labels that the destination's enum lacks, and that are all that is to be done.
    pub lacking: Vec<String>,
}

/// All types outside `pg_catalog` that a use of a type is made of.
fn reached(of: &TypeUse, types: &UserTypes) -> BTreeSet<String> {
    let (mut reached, mut rest) = (BTreeSet::new(), vec![of]);
    while let Some(of) = rest.pop() {
        let Some(name) = &of.refers else { continue };
        if reached.insert(name.clone()) {
            rest.extend(
                types
                    .get(name)
                    .iter()
                    .flat_map(|known| known.parts.iter().filter_map(|part| part.of.as_ref())),
            );
        }
    }
    reached
}

/// Whether the text of a value of this type says all of it.
pub(crate) fn text_of(of: &TypeUse, types: &UserTypes) -> TextFidelity {
    text_within(of, types, &mut BTreeSet::new())
}

fn text_within<'a>(
    of: &'a TypeUse,
    types: &'a UserTypes,
    within: &mut BTreeSet<&'a str>,
) -> TextFidelity {
    let Some(name) = &of.refers else { return text_of_built_in(of) };
    // One that contains itself is as exact as the rest of it.
    let Some(known) = types.get(name).filter(|_| within.insert(name)) else {
        return if types.contains_key(name) {
            TextFidelity::Exact
        } else {
            TextFidelity::Unknown(name.clone())
        };
    };
    let is_array = of.name.ends_with("[]");
    let text = match &known.kind {
        UserTypeKind::Enum => TextFidelity::Exact,
        UserTypeKind::Base { extension } if is_known_extension(extension.as_deref(), name) => {
            TextFidelity::Exact
        }
        UserTypeKind::Base { .. } | UserTypeKind::Other => TextFidelity::Unknown(name.clone()),
        UserTypeKind::Range if known.parts.iter().any(runs_code) => {
            TextFidelity::Unknown(name.clone())
        }
        UserTypeKind::Domain { .. }
        | UserTypeKind::Composite
        | UserTypeKind::Range
        | UserTypeKind::Multirange => {
            let parts = known.parts.iter().filter_map(|part| part.of.as_ref());
            let texts: Vec<TextFidelity> =
                parts.map(|part| text_within(part, types, within)).collect();
            let is_domain = matches!(known.kind, UserTypeKind::Domain { .. });
            let inexact = texts.into_iter().find(|text| *text != TextFidelity::Exact);
            match inexact {
                None => TextFidelity::Exact,
                // The output function of what contains it leaves the declaration out.
                Some(TextFidelity::Xml) if !is_domain => TextFidelity::Unknown(name.clone()),
                Some(text) => text,
            }
        }
    };
    match text {
        TextFidelity::Xml if is_array => TextFidelity::Unknown(of.name.clone()),
        text => text,
    }
}

/// Whether a function of a user decides what a range becomes.
fn runs_code(part: &TypePart) -> bool {
    part.label.as_deref().is_some_and(|label| !label.starts_with("collation "))
}

/// Types of extensions whose text says all of a value, each tried with thousands of values against
/// the bytes that are stored. Others (`upc`, `ltxtquery`, `seg`, `query_int`) failed or were not
/// tried.
const EXTENSION_TYPES: [(&str, &[&str]); 9] = [
    ("citext", &["citext"]),
    ("cube", &["cube"]),
    ("hstore", &["hstore"]),
    ("ip4r", &["ip4", "ip6", "ipaddress"]),
    ("isn", &["ean13", "isbn", "isbn13", "ismn", "ismn13", "issn13"]),
    ("lo", &["lo"]),
    ("ltree", &["lquery", "ltree"]),
    ("postgis", &["geography", "geometry"]),
    ("vector", &["halfvec", "sparsevec", "vector"]),
];

fn is_known_extension(extension: Option<&str>, name: &str) -> bool {
    let of = EXTENSION_TYPES.iter().find(|(known, _)| Some(*known) == extension);
    of.is_some_and(|(_, types)| types.iter().any(|known| name.rsplit('.').next() == Some(*known)))
}

/// Of a built-in type or an array of one.
fn text_of_built_in(of: &TypeUse) -> TextFidelity {
    let Some(known) = Type::from_oid(of.oid) else {
        return TextFidelity::Unknown(of.name.clone());
    };
    let element = match known.kind() {
        KnownKind::Array(element) => element.clone(),
        _ => known.clone(),
    };
    match element {
        Type::XML if known == Type::XML => TextFidelity::Xml,
        element if INEXACT.contains(&element) => TextFidelity::Unknown(of.name.clone()),
        _ => TextFidelity::Exact,
    }
}

/// Built-in types whose text does not say all of a value, or means another one in another database.
const INEXACT: [Type; 19] = [
    Type::XML,
    Type::REGCLASS,
    Type::REGPROC,
    Type::REGPROCEDURE,
    Type::REGOPER,
    Type::REGOPERATOR,
    Type::REGTYPE,
    Type::REGROLE,
    Type::REGNAMESPACE,
    Type::REGCONFIG,
    Type::REGDICTIONARY,
    Type::REGCOLLATION,
    Type::ACLITEM,
    Type::GTS_VECTOR,
    Type::JSONPATH,
    Type::PG_NODE_TREE,
    Type::PG_NDISTINCT,
    Type::PG_DEPENDENCIES,
    Type::PG_MCV_LIST,
];

struct NamedType<'a> {
    name: &'a str,
    of: &'a UserType,
}

/// As a person reads a definition: `public.amount = domain of numeric(10,2)`.
impl fmt::Display for NamedType<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, parts) = (self.name, &self.of.parts);
        let of = parts.iter().find_map(|part| part.of.as_ref()).map_or("", |of| of.name.as_str());
        match &self.of.kind {
            UserTypeKind::Base { extension: Some(extension) } => {
                write!(out, "{name} = type of extension {extension}")
            }
            UserTypeKind::Base { extension: None } => write!(out, "{name} = base type"),
            UserTypeKind::Domain { is_not_null: true } => {
                write!(out, "{name} = domain of {of} not null")
            }
            UserTypeKind::Domain { is_not_null: false } => write!(out, "{name} = domain of {of}"),
            UserTypeKind::Range => {
                write!(out, "{name} = range of {of}")?;
                parts
                    .iter()
                    .filter_map(|part| part.label.as_ref())
                    .try_for_each(|label| write!(out, ", {label}"))
            }
            UserTypeKind::Multirange => write!(out, "{name} = multirange of {of}"),
            UserTypeKind::Enum => {
                let labels: Vec<String> = parts
                    .iter()
                    .filter_map(|part| part.label.as_deref())
                    .map(crate::sql::literal)
                    .collect();
                write!(out, "{name} = enum ({})", labels.join(", "))
            }
            UserTypeKind::Composite => {
                let attribute = |part: &TypePart| {
                    Some(format!("{} {}", ident(part.label.as_deref()?), part.of.as_ref()?.name))
                };
                let attributes: Vec<String> = parts.iter().filter_map(attribute).collect();
                write!(out, "{name} = ({})", attributes.join(", "))
            }
            UserTypeKind::Other => write!(out, "{name} = a type of another sort"),
        }
    }
}

#[cfg(test)]
mod tests;
