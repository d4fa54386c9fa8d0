//! One tree for TOML and JSON: values with the place where they were written.

/// The two ways a file can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Toml,
    Json,
}

/// A value and the byte at which it begins.
pub(crate) struct Node {
    pub(crate) at: usize,
    pub(crate) value: Value,
}

/// What was written. It can hold passwords and has no `Debug`.
pub(crate) enum Value {
    /// Keys in the order of the file.
    Table(Vec<Entry>),
    List(Vec<Node>),
    Text(String),
    Integer(i128),
    Boolean(bool),
    /// Something no setting takes, by its name.
    Other(&'static str),
}

/// A key with its value.
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_at: usize,
    pub(crate) node: Node,
}

impl Value {
    /// What it is called in a message.
    pub(crate) fn describe(&self) -> &'static str {
        match self {
            Value::Table(_) => "a table",
            Value::List(_) => "a list",
            Value::Text(_) => "text",
            Value::Integer(_) => "a number",
            Value::Boolean(_) => "true or false",
            Value::Other(what) => what,
        }
    }
}

/// What is wrong with the syntax, and where.
#[derive(Debug)]
pub(crate) struct SyntaxError {
    pub(crate) at: usize,
    pub(crate) what: String,
    pub(crate) fix: String,
}
