//! Puts what a form says into the text of a file: what is not changed keeps its bytes, comments and
//! order stay, and a new key stands where the table of keys has it.

use super::lines::with_lines_of;
use super::place::{KeyPlace, SectionText, first_table};
use super::values::{shown, written};
use toml_edit::{Array, ArrayOfTables, Decor, DocumentMut, InlineTable, Item, Table, Value, value};

/// What a form says of a key; an empty text: it is not to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldEdit {
    /// Its full name: `source.url`.
    pub(crate) path: String,
    /// As the form has it.
    pub(crate) text: String,
}

/// What is wrong with what a form says of a key, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldProblem {
    pub(crate) path: String,
    pub(crate) words: String,
}

const BY_HAND: &str =
    "this key is written in a way that the form does not show: change it in the file";

/// The text with these keys changed.
///
/// # Errors
/// What cannot be written, all together; where the text is no TOML, without a key.
pub(crate) fn edited(text: &str, edits: &[FieldEdit]) -> Result<String, Vec<FieldProblem>> {
    let mut document = parsed(text)?;
    let mut problems = Vec::new();
    let mut is_changed = false;
    for edit in edits {
        match put(&mut document, edit) {
            Ok(changed) => is_changed |= changed,
            Err(words) => {
                problems.push(FieldProblem { path: edit.path.clone(), words: words.to_owned() });
            }
        }
    }
    match (problems.is_empty(), is_changed) {
        (false, _) => Err(problems),
        (true, true) => Ok(with_lines_of(text, &document.to_string())),
        (true, false) => Ok(text.to_owned()),
    }
}

/// The text with one more destination at the end of those that are there.
///
/// # Errors
/// As [`edited`].
pub(crate) fn add_destination(text: &str) -> Result<String, Vec<FieldProblem>> {
    let mut document = parsed(text)?;
    if !document.contains_key("destinations") {
        let table = first_table(&mut document);
        let mut tables = ArrayOfTables::new();
        tables.push(table);
        document.insert("destinations", Item::ArrayOfTables(tables));
        return Ok(with_lines_of(text, &document.to_string()));
    }
    match document.get_mut("destinations") {
        Some(Item::ArrayOfTables(tables)) => tables.push(Table::new()),
        Some(Item::Value(Value::Array(tables))) => push_inline(tables),
        _ => return Err(vec![by_hand("destinations")]),
    }
    Ok(with_lines_of(text, &document.to_string()))
}

fn push_inline(tables: &mut Array) {
    tables.push(InlineTable::new());
}

/// The text without the destination of this index.
///
/// # Errors
/// As [`edited`]; where there is no such destination.
pub(crate) fn remove_destination(text: &str, index: usize) -> Result<String, Vec<FieldProblem>> {
    let mut document = parsed(text)?;
    match document.get_mut("destinations") {
        Some(Item::ArrayOfTables(tables)) if index < tables.len() => {
            tables.remove(index);
            if tables.is_empty() {
                document.remove("destinations");
            }
        }
        Some(Item::Value(Value::Array(tables))) if index < tables.len() => {
            tables.remove(index);
        }
        _ => return Err(vec![by_hand("destinations")]),
    }
    Ok(with_lines_of(text, &document.to_string()))
}

fn parsed(text: &str) -> Result<DocumentMut, Vec<FieldProblem>> {
    text.parse::<DocumentMut>().map_err(|_| {
        let words = "the file is no TOML: correct it by hand first".to_owned();
        vec![FieldProblem { path: String::new(), words }]
    })
}

fn by_hand(path: &str) -> FieldProblem {
    FieldProblem { path: path.to_owned(), words: BY_HAND.to_owned() }
}

/// Changes a key; gives whether that changed anything.
fn put(document: &mut DocumentMut, edit: &FieldEdit) -> Result<bool, &'static str> {
    let place = KeyPlace::of(document, &edit.path).ok_or("there is no such key here")?;
    let text = edit.text.replace("\r\n", "\n");
    let text = text.trim_end_matches('\n');
    let now = place.item(document);
    match now.map(|item| shown(item, place.key.value)) {
        Some(None) => return Err(BY_HAND),
        Some(Some(now)) if now == text => return Ok(false),
        None if text.is_empty() => return Ok(false),
        _ => {}
    }
    let order: Vec<&str> = place.section.keys(document).iter().map(|key| key.name).collect();
    if text.is_empty() {
        let table = place.section.table_mut(document).ok_or(BY_HAND)?;
        table.remove(place.key.name);
        return Ok(true);
    }
    let new = written(text, place.key.value)?;
    let table = place.section.table_mut(document).ok_or(BY_HAND)?;
    table.set(place.key.name, new, &order);
    Ok(true)
}

impl SectionText<'_> {
    /// Writes a value in place of the old one, or as a new line where the order of keys has it.
    fn set(self, name: &str, mut new: Value, order: &[&str]) {
        match self {
            Self::Headed(table) => {
                if let Some(Item::Value(old)) = table.get_mut(name) {
                    *new.decor_mut() = old.decor().clone();
                    *old = new;
                    return;
                }
                table.insert(name, value(new));
                bring_in_order(table, name, order);
            }
            Self::Inline(table) => {
                if let Some(old) = table.get_mut(name) {
                    *new.decor_mut() = old.decor().clone();
                    *old = new;
                    return;
                }
                append_inline(table, name, new);
            }
        }
    }

    /// Takes a key out; the comments above it stay.
    fn remove(self, name: &str) {
        match self {
            Self::Headed(table) => remove_line(table, name),
            Self::Inline(table) => {
                table.remove(name);
            }
        }
    }
}

/// The space before the closing brace stays there.
fn append_inline(table: &mut InlineTable, name: &str, mut new: Value) {
    let last = table.iter().last().map(|(key, _)| key.to_owned());
    if let Some(last) = last.and_then(|last| table.get_mut(&last)) {
        let space = last.decor().suffix().and_then(|suffix| suffix.as_str()).unwrap_or_default();
        *new.decor_mut() = Decor::new(" ", space.to_owned());
        last.decor_mut().set_suffix("");
    }
    table.insert(name, new);
}

/// A key that was put at the end goes after the last one that the order of keys has before it.
fn bring_in_order(table: &mut Table, name: &str, order: &[&str]) {
    let rank = |key: &str| order.iter().position(|known| *known == key);
    let mut names: Vec<String> =
        table.iter().map(|(key, _)| key.to_owned()).filter(|key| key != name).collect();
    let own = rank(name);
    let before = names.iter().rposition(|key| {
        let is_line = table.get(key).is_some_and(Item::is_value);
        is_line && rank(key).is_some_and(|rank| Some(rank) < own)
    });
    names.insert(before.map_or(0, |before| before + 1), name.to_owned());
    let at = |key: &str| names.iter().position(|known| known == key);
    table.sort_values_by(|one, _, other, _| at(one.get()).cmp(&at(other.get())));
}

/// The comments above a key that goes belong to what follows as well as to it: they stay.
fn remove_line(table: &mut Table, name: &str) {
    let names: Vec<String> =
        table.iter().filter(|(_, item)| item.is_value()).map(|(key, _)| key.to_owned()).collect();
    let Some(at) = names.iter().position(|key| key == name) else {
        table.remove(name);
        return;
    };
    let Some((key, _)) = table.remove_entry(name) else { return };
    let above = key.leaf_decor().prefix().and_then(|prefix| prefix.as_str()).unwrap_or_default();
    if above.trim().is_empty() {
        return;
    }
    let text = |raw: Option<&toml_edit::RawString>| {
        raw.and_then(|raw| raw.as_str()).unwrap_or_default().to_owned()
    };
    let behind = format!("\n{}", above.trim_end_matches('\n'));
    if let Some(mut next) = names.get(at + 1).and_then(|next| table.key_mut(next)) {
        let prefix = text(next.leaf_decor().prefix());
        next.leaf_decor_mut().set_prefix(format!("{above}{prefix}"));
        return;
    }
    let last = at.checked_sub(1).and_then(|last| table.get_mut(&names[last]));
    if let Some(Item::Value(last)) = last {
        let suffix = text(last.decor().suffix());
        last.decor_mut().set_suffix(format!("{suffix}{behind}"));
        return;
    }
    let suffix = text(table.decor().suffix());
    table.decor_mut().set_suffix(format!("{suffix}{behind}"));
}
