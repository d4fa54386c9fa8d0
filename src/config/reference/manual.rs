//! `docs/configuration.md`: every key with its values and its default.

use super::words::{literal, words, words_in_line, wrapped};
use crate::config::keys::{
    self, IntegerRange, Key, KeyDefault, KeyGroup, KeyTable, SlateName, Unit, ValueType,
};
use crate::config::kinds::KINDS;

const WIDTH_MAX: usize = 140;

const HEAD: &str = "\
# Configuration

<!-- Written from src/config/keys: COUNTERFOIL_RECORD=1 cargo test --test docs renews it. -->

Every key, with what may be written and its default. [config/example.toml](../config/example.toml) shows them all with their defaults,
[config/minimal.toml](../config/minimal.toml) the shortest file that works. A file is TOML, or JSON with the same keys when its name ends in `.json`.
[config/counterfoil.schema.json](../config/counterfoil.schema.json) is their JSON Schema: an editor that knows it completes keys and marks mistakes.

- A key that is not known is an error, with the nearest known name. All problems of a file are told together, with line and column.
- `${NAME}` in any text, and in a text in place of a number, takes the environment variable `NAME`; `$${` stands for the characters `${`.
- A relative path is looked for beside the file.
";

/// The text of `docs/configuration.md`.
pub fn manual() -> String {
    let tables: Vec<String> = keys::TABLES.iter().map(of_table).collect();
    format!("{HEAD}\n{}", tables.join("\n"))
}

fn of_table(table: &KeyTable) -> String {
    let heading = if table.name.is_empty() {
        "The top of the file".to_owned()
    } else {
        format!("`{}`", table.header)
    };
    let mut parts = vec![format!("## {heading}")];
    parts.extend(paragraph(table.help));
    parts.extend(table.groups.iter().flat_map(of_group));
    for kind in KINDS.iter().filter(|_| table.name == keys::DESTINATION.name) {
        let schemes: Vec<String> =
            kind.schemes.iter().map(|scheme| format!("`{scheme}:`")).collect();
        parts.push(format!("In {} ({}) there are these besides.", kind.name, schemes.join(", ")));
        parts.extend(kind.keys.iter().flat_map(of_group));
    }
    format!("{}\n", parts.join("\n\n"))
}

fn of_group(group: &KeyGroup) -> Vec<String> {
    let help = paragraph(group.help);
    if group.explained_in.is_empty() {
        return help.into_iter().chain(group.keys.iter().map(of_key)).collect();
    }
    help.into_iter().chain(paragraph(&explained_elsewhere(group))).collect()
}

fn explained_elsewhere(group: &KeyGroup) -> String {
    let names: Vec<String> = group.keys.iter().map(|key| format!("`{}`", key.name)).collect();
    format!("{}: as in `{}`.", names.join(", "), group.explained_in)
}

fn of_key(key: &Key) -> String {
    let mut facts = vec![format!("{}.", values(key))];
    facts.extend(preset(key));
    match key.slate {
        SlateName::None => {}
        SlateName::Also(name) => facts.push(format!("In slate's JSON: `{name}`.")),
        SlateName::Only => facts.push("In slate's JSON only.".to_owned()),
    }
    let mut parts = vec![format!("### `{}`", key.name)];
    parts.extend(paragraph(&facts.join(" ")));
    parts.extend(paragraph(&sentence(key.help)));
    let words = words(key);
    match words_in_line(words) {
        Some(line) => parts.extend(paragraph(&line)),
        None => {
            let lines: Vec<String> = words.iter().map(|word| item(word.word, word.help)).collect();
            parts.extend((!lines.is_empty()).then(|| lines.join("\n")));
        }
    }
    parts.join("\n\n")
}

fn item(word: &str, help: &str) -> String {
    let text = if help.is_empty() { format!("- `{word}`") } else { format!("- `{word}`: {help}") };
    wrapped(&text, WIDTH_MAX).join("\n  ")
}

fn paragraph(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| wrapped(text, WIDTH_MAX).join("\n"))
}

/// What may be written, in words.
fn values(key: &Key) -> String {
    match key.value {
        ValueType::Section => format!("The table `[{}]`", key.name),
        ValueType::SectionList => {
            let named = keys::TABLES.iter().find(|table| table.name == key.name);
            format!("The tables `{}`", named.map_or(key.name, |table| table.header))
        }
        ValueType::SectionMap => format!("Tables such as `{}`", keys::TABLE.header),
        ValueType::Text => "Text".to_owned(),
        ValueType::Label => format!("Text of one line, 1 to {} bytes", keys::LABEL_BYTES_MAX),
        ValueType::Identifier { may_be_empty } => {
            let empty = if may_be_empty { ", or \"\"" } else { "" };
            format!("A name, 1 to {} bytes{empty}", keys::IDENTIFIER_BYTES_MAX)
        }
        ValueType::TableName => "A table, as in SQL".to_owned(),
        ValueType::TableNames => "A table, as in SQL, or a list of them".to_owned(),
        ValueType::Port => format!("{}, or text", range(&keys::PORT)),
        ValueType::Boolean => "`true` or `false`".to_owned(),
        ValueType::Integer(of) => range(&of),
        ValueType::Choice(_) => "A word".to_owned(),
        ValueType::Ids(_) => "A word, or `grace:` with a time".to_owned(),
        ValueType::IdRanges => "A list of ids and ranges of ids".to_owned(),
        ValueType::NamePairs => {
            format!(
                "A table of names, each 1 to {} bytes: the source's, then the destination's",
                keys::IDENTIFIER_BYTES_MAX
            )
        }
        ValueType::Mapping => {
            "`\"same\"`, or a table of columns, each with an expression as text".to_owned()
        }
        ValueType::Names => {
            format!("A list of names, each 1 to {} bytes", keys::IDENTIFIER_BYTES_MAX)
        }
        ValueType::Texts => "A list of texts".to_owned(),
        ValueType::CommandLine => "A list: a program, then its arguments".to_owned(),
    }
}

fn range(range: &IntegerRange) -> String {
    let unit = match range.unit {
        Unit::None => "",
        Unit::Bytes => " bytes",
        Unit::Events => " events",
        Unit::Milliseconds => " milliseconds",
    };
    if range.least == i64::MIN {
        return format!("A whole number up to {}{unit}", range.most);
    }
    format!("A whole number from {} to {}{unit}", range.least, range.most)
}

fn preset(key: &Key) -> Option<String> {
    match key.preset {
        KeyDefault::Required => Some("Required.".to_owned()),
        KeyDefault::Described(words) => Some(format!("Default: {words}.")),
        _ => literal(key).map(|literal| format!("Default: `{literal}`.")),
    }
}

/// A help text that begins and ends as a sentence does.
fn sentence(help: &str) -> String {
    let mut chars = help.chars();
    let Some(first) = chars.next() else { return String::new() };
    let end = if help.ends_with('.') { "" } else { "." };
    format!("{}{}{end}", first.to_uppercase(), chars.as_str())
}
