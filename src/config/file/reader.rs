//! Takes values out of the tree of a file: known keys, types, ranges and variables; whatever is
//! wrong becomes a problem with its place.

use super::document::Document;
use super::tree::{ConfigEntry, ConfigNode, ConfigValue, FileFormat};
use crate::config::keys::{IDENTIFIER_BYTES_MAX, IntegerRange, Key, Unit};
use crate::config::libpq::Environment;
use crate::config::nearest::did_you_mean;
use crate::error::{Error, ErrorKind, Problems, Result};

/// A value of a variable from this length on is shown in no problem.
const VARIABLE_HIDDEN_BYTES_MIN: usize = 4;

/// Reads one file, collecting problems and notes on the way.
pub(crate) struct ConfigReader<'a> {
    pub(crate) document: &'a Document,
    pub(crate) env: &'a Environment<'a>,
    /// All tables of a file, as TOML heads them.
    tables: Vec<KnownTable>,
    /// With the byte they belong to.
    problems: Vec<(usize, Error)>,
    /// The variables that were filled in, and their values, which no problem shows.
    variables: Vec<(String, String)>,
    pub(crate) notes: Vec<String>,
    /// Whether the file holds a password that does not come from a variable.
    pub(crate) holds_password: bool,
}

/// A table that is known, by its header, and its keys.
pub(crate) type KnownTable = (&'static str, Vec<&'static Key>);

/// A table whose keys are all known.
pub(crate) struct ConfigSection<'a> {
    /// How it is called in messages: `source`, `destinations[0]`, or nothing for the file itself.
    pub(crate) path: String,
    /// Where it begins: the place of what is missing in it.
    pub(crate) at: usize,
    entries: &'a [ConfigEntry],
    keys: Vec<&'static Key>,
}

/// A value that was found, with its full name.
pub(crate) struct NamedValue<'a> {
    pub(crate) node: &'a ConfigNode,
    pub(crate) key: String,
}

/// A text with its variables filled in.
pub(crate) struct ExpandedText {
    /// With variables filled in.
    pub(crate) value: String,
    /// As it stands in the file: the form to show, for a variable can hold a secret.
    pub(crate) written: String,
}

impl ConfigSection<'_> {
    /// A table that is not in the file.
    pub(crate) fn empty(path: &str, keys: Vec<&'static Key>) -> Self {
        ConfigSection { path: path.to_owned(), at: 0, entries: &[], keys }
    }

    /// Whether a key stands here under our name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == name)
    }

    /// What the table of keys says of a key.
    pub(crate) fn known(&self, name: &str) -> &'static Key {
        let key = self.keys.iter().find(|key| key.name == name);
        key.unwrap_or_else(|| {
            unreachable!("the key {name} is asked for and not in the table of keys")
        })
    }

    /// The full name of a key, as `source.url`.
    fn key(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}

impl<'a> ConfigReader<'a> {
    /// `tables` are all that a file can have: a key that is unknown in its own may belong to
    /// another.
    pub(crate) fn new(
        document: &'a Document,
        env: &'a Environment<'a>,
        tables: Vec<KnownTable>,
    ) -> Self {
        Self {
            document,
            env,
            tables,
            problems: Vec::new(),
            variables: Vec::new(),
            notes: Vec::new(),
            holds_password: false,
        }
    }

    /// Takes note of a problem at a byte of the file, under a key.
    pub(crate) fn problem(
        &mut self,
        at: usize,
        key: &str,
        what: impl Into<String>,
        fix: impl Into<String>,
    ) {
        let error = Error::new(ErrorKind::Usage, what).at(self.document.place(at, key)).fix(fix);
        self.problems.push((at, error));
    }

    /// All problems in the order of the file.
    pub(crate) fn into_problems(mut self) -> Problems {
        self.problems.sort_by_key(|(at, _)| *at);
        let mut problems = Problems::new();
        // The longest first: one value can hold another.
        self.variables.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
        for (_, problem) in self.problems {
            let discreet = |problem: Error, (name, value): &(String, String)| {
                problem.without(value, &format!("${{{name}}}"))
            };
            problems.push(self.variables.iter().fold(problem, discreet));
        }
        problems
    }

    /// Takes the value, or takes note of the problem at the place of `found`.
    pub(crate) fn note<T>(&mut self, found: &NamedValue<'_>, result: Result<T>) -> Option<T> {
        let place = self.document.place(found.node.at, &found.key);
        result.map_err(|error| self.problems.push((found.node.at, error.at(place)))).ok()
    }

    /// Opens a table and tells its unknown keys; `at` is where a person looks for it.
    pub(crate) fn section(
        &mut self,
        node: &'a ConfigNode,
        at: usize,
        path: &str,
        keys: Vec<&'static Key>,
    ) -> Option<ConfigSection<'a>> {
        let ConfigValue::Table(entries) = &node.value else {
            let what = format!("{} must be a table, not {}", name_of(path), node.value.describe());
            let fix = match self.document.format {
                FileFormat::Toml => format!("write it as [{path}] with its keys beneath"),
                FileFormat::Json => "write it as { … }".to_owned(),
            };
            self.problem(node.at, path, what, fix);
            return None;
        };
        let section = ConfigSection { path: path.to_owned(), at, entries, keys };
        self.tell_unknown(&section);
        Some(section)
    }

    fn tell_unknown(&mut self, section: &ConfigSection<'a>) {
        let known = self.names(&section.keys);
        for entry in section.entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            let key = section.key(&entry.key);
            let elsewhere = self
                .tables
                .iter()
                .filter(|(_, keys)| self.names(keys).contains(&entry.key.as_str()));
            let elsewhere: Vec<&str> = elsewhere.map(|(table, _)| *table).collect();
            let guess = did_you_mean(&entry.key, &known);
            let own = section.path.split('[').next().unwrap_or_default();
            let is_of_another_kind =
                elsewhere.iter().any(|table| table.trim_matches(['[', ']']) == own);
            let fix = match guess.as_str() {
                _ if is_of_another_kind => {
                    "it belongs to another kind of destination than the URL names: remove it"
                        .to_owned()
                }
                _ if !elsewhere.is_empty() => {
                    format!("\"{}\" belongs to {}", entry.key, elsewhere.join(" or "))
                }
                "" => format!("known here: {}", known.join(", ")),
                _ => guess,
            };
            self.problem(entry.key_at, &key, format!("unknown key \"{}\"", entry.key), fix);
        }
    }

    fn names(&self, keys: &[&'static Key]) -> Vec<&'static str> {
        let is_json = self.document.format == FileFormat::Json;
        keys.iter().flat_map(|key| key.names(is_json)).collect()
    }

    /// The value of a key, under our name or slate's; a problem when it stands there under both.
    pub(crate) fn find(
        &mut self,
        section: &ConfigSection<'a>,
        name: &str,
    ) -> Option<NamedValue<'a>> {
        let names = self.names(&[section.known(name)]);
        let mut found = section.entries.iter().filter(|entry| names.contains(&entry.key.as_str()));
        let first = found.next()?;
        if let Some(second) = found.next() {
            let what = format!("\"{}\" and \"{}\" are the same setting", first.key, second.key);
            self.problem(second.key_at, &section.key(&second.key), what, "keep one of them");
        }
        Some(NamedValue { node: &first.node, key: section.key(&first.key) })
    }

    /// A text of a table that is not opened yet, if it can be read. What is wrong with it is told
    /// when it is read from the open table.
    pub(crate) fn peek(&mut self, node: &'a ConfigNode, name: &str) -> Option<String> {
        let ConfigValue::Table(entries) = &node.value else { return None };
        let entry = entries.iter().find(|entry| entry.key == name)?;
        let ConfigValue::Text(written) = &entry.node.value else {
            return None;
        };
        let found = NamedValue { node: &entry.node, key: name.to_owned() };
        let told = self.problems.len();
        let filled = self.filled(&found, written);
        self.problems.truncate(told);
        filled
    }

    fn wrong_type(&mut self, found: &NamedValue<'_>, wanted: &str) {
        let what = format!("{} must be {wanted}, not {}", found.key, found.node.value.describe());
        let fix = format!("write {wanted}");
        self.problem(found.node.at, &found.key, what, fix);
    }

    /// A text, with its variables filled in.
    pub(crate) fn text(&mut self, found: &NamedValue<'_>) -> Option<ExpandedText> {
        let ConfigValue::Text(written) = &found.node.value else {
            self.wrong_type(found, "text");
            return None;
        };
        let value = self.filled(found, written)?;
        Some(ExpandedText { value, written: written.clone() })
    }

    /// Fills `${NAME}` with the variable of this name; `$${` stands for `${` itself.
    fn filled(&mut self, found: &NamedValue<'_>, written: &str) -> Option<String> {
        let mut filled = String::with_capacity(written.len());
        let mut is_complete = true;
        let mut rest = written;
        while let Some(dollar) = rest.find("${") {
            if let Some(before) = rest[..dollar].strip_suffix('$') {
                filled.push_str(before);
                filled.push_str("${");
                rest = &rest[dollar + 2..];
                continue;
            }
            filled.push_str(&rest[..dollar]);
            let name = rest[dollar + 2..].split_once('}').filter(|(name, _)| is_variable(name));
            let Some((name, after)) = name else {
                let fix = "write ${NAME} for an environment variable, or $${ for the characters ${ \
                           themselves";
                let what = format!(
                    "{} holds ${{ without the name of a variable and a closing brace",
                    found.key
                );
                self.problem(found.node.at, &found.key, what, fix);
                return None;
            };
            match (self.env.var)(name) {
                Some(value) => {
                    filled.push_str(&value);
                    // A shorter one is no secret, and would be found in other words.
                    if value.len() >= VARIABLE_HIDDEN_BYTES_MIN {
                        self.variables.push((name.to_owned(), value));
                    }
                }
                None => {
                    is_complete = false;
                    let what = format!("the environment variable {name} is not set");
                    self.problem(
                        found.node.at,
                        &found.key,
                        what,
                        "set it, or write the value itself; $${ stands for the characters ${",
                    );
                }
            }
            rest = after;
        }
        filled.push_str(rest);
        is_complete.then_some(filled)
    }

    /// A whole number within `range`; also one that comes out of a variable.
    pub(crate) fn integer(&mut self, found: &NamedValue<'_>, range: IntegerRange) -> Option<i64> {
        let number = match &found.node.value {
            ConfigValue::Integer(number) => Some(*number),
            ConfigValue::Text(written) if written.contains("${") => {
                let filled = self.filled(found, written)?;
                let number = filled.trim().parse().ok();
                if number.is_none() {
                    let what = format!("{} must be a number, and {written} is none", found.key);
                    self.problem(found.node.at, &found.key, what, "set the variable to a number");
                    return None;
                }
                number
            }
            ConfigValue::Other("a number far too large") => None,
            _ => {
                self.wrong_type(found, "a whole number");
                return None;
            }
        };
        let fitting = number
            .and_then(|number| i64::try_from(number).ok())
            .filter(|number| (range.least..=range.most).contains(number));
        if fitting.is_none() {
            let unit = if range.unit == Unit::Milliseconds { " milliseconds" } else { "" };
            let shown = number.map_or_else(String::new, |number| format!(", not {number}"));
            let (least, most) = (range.least, range.most);
            let what = format!("{} must be between {least} and {most}{unit}{shown}", found.key);
            let fix = format!(
                "write a number between {least} and {most}, or leave it out for the default"
            );
            self.problem(found.node.at, &found.key, what, fix);
        }
        fitting
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&mut self, found: &NamedValue<'_>) -> Option<bool> {
        if let ConfigValue::Boolean(is_true) = found.node.value {
            return Some(is_true);
        }
        self.wrong_type(found, "true or false");
        None
    }

    /// One of the known words.
    pub(crate) fn choice(
        &mut self,
        found: &NamedValue<'_>,
        known: &[&'static str],
    ) -> Option<&'static str> {
        let text = self.text(found)?;
        let choice = known.iter().copied().find(|word| *word == text.value);
        if choice.is_none() {
            let guess = did_you_mean(&text.written, known);
            let separator = if guess.is_empty() { "" } else { "; " };
            let what = format!("{} cannot be {:?}", found.key, text.written);
            let fix = format!("use one of {}{separator}{guess}", known.join(", "));
            self.problem(found.node.at, &found.key, what, fix);
        }
        choice
    }

    /// A text that is not empty and not longer than an identifier of PostgreSQL (63 bytes).
    pub(crate) fn identifier(&mut self, found: &NamedValue<'_>) -> Option<String> {
        let text = self.text(found)?;
        if text.value.is_empty()
            || text.value.len() > IDENTIFIER_BYTES_MAX
            || text.value.contains('\0')
        {
            let what =
                format!("{} must have between 1 and {IDENTIFIER_BYTES_MAX} bytes", found.key);
            self.problem(
                found.node.at,
                &found.key,
                what,
                "write a name as PostgreSQL has it, or leave it out for the default",
            );
            return None;
        }
        Some(text.value)
    }
}

fn is_variable(name: &str) -> bool {
    let mut chars = name.chars();
    let begins_well = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    begins_well && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn name_of(path: &str) -> &str {
    if path.is_empty() { "the configuration" } else { path }
}
