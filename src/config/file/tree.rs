//! One tree for TOML and JSON: values with the place where they were written.

/// The two ways a file can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileFormat {
    Toml,
    Json,
}

/// A value and the byte at which it begins.
pub(crate) struct ConfigNode {
    pub(crate) at: usize,
    pub(crate) value: ConfigValue,
}

/// What was written. It can hold passwords and has no `Debug`.
pub(crate) enum ConfigValue {
    /// Keys in the order of the file.
    Table(Vec<ConfigEntry>),
    List(Vec<ConfigNode>),
    Text(String),
    Integer(i128),
    Boolean(bool),
    /// Something no setting takes, by its name.
    Other(&'static str),
}

/// A key with its value.
pub(crate) struct ConfigEntry {
    pub(crate) key: String,
    pub(crate) key_at: usize,
    pub(crate) node: ConfigNode,
}

impl ConfigValue {
    /// What it is called in a message.
    pub(crate) fn describe(&self) -> &'static str {
        match self {
            ConfigValue::Table(_) => "a table",
            ConfigValue::List(_) => "a list",
            ConfigValue::Text(_) => "text",
            ConfigValue::Integer(_) => "a number",
            ConfigValue::Boolean(_) => "true or false",
            ConfigValue::Other(what) => what,
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
