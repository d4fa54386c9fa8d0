//! What is left of changes, case by case.

use super::key::KeyValue;
use super::*;
use bytes::Bytes;

/// A change of this transaction, of images `id value`; the key column is `k`.
fn change(id: i64, xact: i64, before: &str, after: &str) -> LoggedChange {
    let image = |row: &str| {
        let (key, value) = row.split_once(' ')?;
        let text = format!(r#"{{"k":{key},"v":"{value}"}}"#);
        Some(RowImage::parse(Bytes::from(text)).unwrap())
    };
    let (before, after) = (image(before), image(after));
    let kind = match (&before, &after) {
        (None, Some(_)) => ChangeKind::Insert,
        (Some(_), Some(_)) => ChangeKind::Update,
        (Some(_), None) => ChangeKind::Delete,
        (None, None) => ChangeKind::Truncate,
    };
    LoggedChange { id, xact, source: "s".into(), kind, before, after }
}

/// The net of changes of one transaction `before > after`, with ids from 1 on, in short: `-` gone,
/// `+` there, `before>after`; `!` torn.
fn left_of(changes: &[&str]) -> Vec<String> {
    let changes: Vec<_> = (1..)
        .zip(changes)
        .map(|(id, text)| {
            let (before, after) = text.split_once('>').unwrap();
            change(id, 1, before.trim(), after.trim())
        })
        .collect();
    shown(&net(&changes, &["k".to_owned()], &|_, _| false).unwrap())
}

fn shown(net: &NetChanges) -> Vec<String> {
    let row = |image: &RowImage| {
        let field = |name| match image.field(name).unwrap() {
            ImageValue::String { text, .. } => text.into_owned(),
            other => other.raw().to_owned(),
        };
        format!("{} {}", field("k"), field("v"))
    };
    let torn = |is_torn: bool| if is_torn { "!" } else { "" };
    let emptied = net.emptied.iter().map(|by| format!("T{} by {}", by.id, by.xact));
    let gone = net.gone.iter().map(|gone| format!("{}-{}", torn(gone.is_torn), row(&gone.before)));
    let changed = net.changed.iter().map(|changed| {
        let before =
            changed.before.as_ref().map_or_else(|| "+".to_owned(), |before| row(before) + ">");
        format!("{}{before}{}", torn(changed.is_torn), row(&changed.after))
    });
    emptied.chain(gone).chain(changed).collect()
}

use crate::event::change::ImageValue;

#[test]
fn a_row_that_came_went_or_changed_is_told_with_what_it_was() {
    assert_eq!(left_of(&["> 1 a"]), ["+1 a"]);
    assert_eq!(left_of(&["1 a >"]), ["-1 a"]);
    assert_eq!(left_of(&["1 a > 1 b", "1 b > 1 c"]), ["1 a>1 c"]);
}
