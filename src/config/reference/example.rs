//! `config/example.toml`: every key with its default, and what it is for.

use super::words::{WIDTH_MAX, literal, words, words_in_line, wrapped};
use crate::config::keys::{self, ExampleValue, Key, KeyGroup};
use crate::config::kinds::groups_of;

const HEAD: &str = "\
#:schema ./counterfoil.schema.json
# One file describes one replication: a source, its destinations, and how it is done.
#
# Every key is here with its default; a key after \"# \" has no default, or another form is shown above it.
# A key that is not known here is an error, so that a typing mistake never goes unnoticed.
# ${NAME} in any text takes the environment variable NAME; write $${ for the characters ${ themselves.
# The same keys work in JSON when the file's name ends in .json; slate's own configuration does, too.
";

/// The text of `config/example.toml`.
pub fn example() -> String {
    let mut lines = vec![HEAD.to_owned()];
    for table in keys::TABLES {
        if !table.name.is_empty() {
            lines.extend(comment(table.help, ""));
            let behind = if table.is_rare { "# " } else { "" };
            lines.push(format!("{behind}{}", table.header));
        }
        let keys: Vec<String> =
            groups_of(table).iter().flat_map(|group| of_group(group, table.is_rare)).collect();
        lines.push(keys.join("\n\n"));
        lines.push("\n".to_owned());
    }
    format!("{}\n", lines.join("\n").trim_end())
}

/// Its keys one by one, or in one piece where they have something in common.
fn of_group(group: &KeyGroup, is_rare: bool) -> Vec<String> {
    let shown = group.keys.iter().filter(|key| !matches!(key.shown, ExampleValue::Hidden));
    if group.help.is_empty() && !is_rare {
        return shown.map(of_key).collect();
    }
    if !group.explained_in.is_empty() {
        let names: Vec<&str> = shown.map(|key| key.name).collect();
        let text = format!(
            "As in {}, in place of url or to complete it: {}.",
            group.explained_in,
            names.join(", ")
        );
        return vec![comment(&text, "").join("\n")];
    }
    let assigned: Vec<(String, &Key)> = shown.map(|key| (assignment(key), key)).collect();
    let width = assigned.iter().map(|(line, _)| line.chars().count()).max().unwrap_or_default();
    let keys = assigned.iter().map(|(line, key)| format!("{line:width$}  # {}", key.help));
    vec![comment(group.help, "").into_iter().chain(keys).collect::<Vec<_>>().join("\n")]
}

fn of_key(key: &Key) -> String {
    let mut lines = comment(key.help, "");
    let words = words(key);
    match words_in_line(words) {
        Some(line) => lines.extend(comment(&line, "")),
        None => {
            let width = words.iter().map(|word| word.word.len()).max().unwrap_or_default();
            for word in words {
                let text = comment(word.help, &" ".repeat(width + 5));
                let first = format!("#   {:width$}  ", word.word);
                lines.push(text.join("\n").replacen(
                    &format!("#{}", " ".repeat(width + 5)),
                    &first,
                    1,
                ));
            }
        }
    }
    lines.push(assignment(key));
    lines.join("\n")
}

/// `key = value`, behind `#` where that is not to hold.
fn assignment(key: &Key) -> String {
    match key.shown {
        ExampleValue::Set(value) => format!("{} = {value}", key.name),
        ExampleValue::Comment(value) => format!("# {} = {value}", key.name),
        ExampleValue::Preset | ExampleValue::Hidden => {
            format!("{} = {}", key.name, literal(key).unwrap_or_default())
        }
    }
}

/// Lines of a comment, each with this indent.
fn comment(text: &str, indent: &str) -> Vec<String> {
    let prefix = if indent.is_empty() { " " } else { indent };
    let lines = wrapped(text, WIDTH_MAX - 1 - prefix.len());
    lines.into_iter().map(|line| format!("#{prefix}{line}")).collect()
}
