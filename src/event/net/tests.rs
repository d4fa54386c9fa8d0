//! What is left of changes, case by case.

mod lost;
mod rows;
mod source;
mod target;
mod whole;

use super::key::KeyValue;
use super::*;
use crate::error::ErrorKind;
use crate::event::change::ImageValue;
use bytes::Bytes;

fn image(text: &str) -> RowImage {
    RowImage::parse(Bytes::copy_from_slice(text.as_bytes())).unwrap()
}

/// A change of a row with the key `k` and one more column, each told as `k v`; nothing is no row.
fn change(id: i64, xact: i64, before: &str, after: &str) -> LoggedChange {
    let row = |row: &str| {
        let (key, value) = row.split_once(' ')?;
        Some(image(&format!(r#"{{"k":{key},"v":"{value}"}}"#)))
    };
    let (before, after) = (row(before), row(after));
    let kind = match (&before, &after) {
        (None, Some(_)) => ChangeKind::Insert,
        (Some(_), Some(_)) => ChangeKind::Update,
        (Some(_), None) => ChangeKind::Delete,
        (None, None) => ChangeKind::Truncate,
    };
    LoggedChange { id, xact, source: "public.t".into(), kind, before, after }
}

/// Changes told as `before > after`, with ids from 1 on, each of a transaction that is called like
/// its id.
fn changes(told: &[&str]) -> Vec<LoggedChange> {
    let of = |(id, text): (i64, &&str)| {
        let (before, after) = text.split_once('>').unwrap();
        change(id, id, before.trim(), after.trim())
    };
    (1..).zip(told).map(of).collect()
}

/// A net in short: `T` emptied, `-row` gone, `+row` there, `row>row` changed; `!` torn.
fn shown(net: &NetChanges) -> Vec<String> {
    let row = |image: &RowImage| {
        let fields = image.fields().map(|(_, value)| match value {
            ImageValue::String { text, .. } => text.into_owned(),
            other => other.raw().to_owned(),
        });
        fields.collect::<Vec<_>>().join(" ")
    };
    let torn = |is_torn: bool| if is_torn { "!" } else { "" };
    let emptied = net.emptied.iter().map(|by| format!("T{} of {}", by.id, by.xact));
    let gone = net.gone.iter().map(|gone| format!("{}-{}", torn(gone.is_torn), row(&gone.before)));
    let changed = net.changed.iter().map(|changed| {
        let before = changed
            .before
            .as_ref()
            .map_or_else(|| "+".to_owned(), |row_before| row(row_before) + ">");
        format!("{}{before}{}", torn(changed.is_torn), row(&changed.after))
    });
    emptied.chain(gone).chain(changed).collect()
}

fn left_of(told: &[&str]) -> Vec<String> {
    left_unseen(told, &|_, _| false)
}

fn left_unseen(told: &[&str], is_seen: &dyn Fn(&RowKey, i64) -> bool) -> Vec<String> {
    shown(&net(&changes(told), &["k".to_owned()], is_seen).unwrap())
}

#[test]
fn a_row_that_came_went_or_changed_is_told_with_what_it_was() {
    assert_eq!(left_of(&[]), [""; 0]);
    assert_eq!(left_of(&["> 1 a"]), ["+1 a"]);
    assert_eq!(left_of(&["1 a >"]), ["-1 a"]);
    assert_eq!(left_of(&["1 a > 1 b", "1 b > 1 c"]), ["1 a>1 c"]);
}

#[test]
fn a_row_that_is_as_it_was_is_left_out() {
    assert_eq!(left_of(&["1 a > 1 b", "1 b > 1 a"]), [""; 0]);
    assert_eq!(left_of(&["> 1 a", "1 a >"]), [""; 0]);
    assert_eq!(left_of(&["1 a >", "> 1 a"]), [""; 0]);
    assert_eq!(left_of(&["1 a > 1 a"]), [""; 0]);
    assert_eq!(left_of(&["1 a > 2 a", "2 a > 1 a"]), [""; 0], "its key came back");
}

#[test]
fn the_order_of_ids_within_a_transaction_does_not_matter() {
    let nested = ["2 v1 > 2 v99", "1 a > 1 b", "2 v0 > 2 v1"];
    assert_eq!(left_of(&nested), ["1 a>1 b", "2 v0>2 v99"]);
    assert_eq!(left_of(&["2 b >", "2 a > 2 b"]), ["-2 a"]);
    assert_eq!(left_of(&["2 a > 2 b", "> 2 a"]), ["+2 b"]);
    assert_eq!(left_of(&["3 c > 3 d", "3 b > 3 c", "3 d > 3 e", "3 a > 3 b"]), ["3 a>3 e"]);
}

#[test]
fn a_key_change_is_a_row_that_went_and_a_row_that_came() {
    assert_eq!(left_of(&["1 a > 2 a"]), ["-1 a", "+2 a"]);
    let shifted = ["3 c > 4 c", "2 b > 3 b", "1 a > 2 a"];
    assert_eq!(left_of(&shifted), ["-1 a", "2 b>2 a", "3 c>3 b", "+4 c"]);
    let swapped = ["1 a > 9 a", "2 b > 1 b", "9 a > 2 a"];
    assert_eq!(left_of(&swapped), ["1 a>1 b", "2 b>2 a"]);
    assert_eq!(left_of(&["1 a > 2 a", "> 1 c"]), ["1 a>1 c", "+2 a"]);
}

#[test]
fn a_row_that_was_deleted_and_inserted_again_has_changed() {
    assert_eq!(left_of(&["1 a >", "> 1 b"]), ["1 a>1 b"]);
    assert_eq!(left_of(&["> 1 a", "1 a >", "> 1 b", "1 b >"]), [""; 0]);
}

#[test]
fn a_truncate_makes_all_before_it_forgotten() {
    assert_eq!(left_of(&["1 a > 1 b", "> 2 a", ">"]), ["T3 of 3"]);
    assert_eq!(left_of(&["1 a > 1 b", ">", "> 1 b"]), ["T2 of 2", "+1 b"]);
    assert_eq!(left_of(&["1 a >", ">", "> 1 a"]), ["T2 of 2", "+1 a"]);
    assert_eq!(left_of(&[">", "> 1 a", ">", "> 1 c", "1 c > 1 d"]), ["T3 of 3", "+1 d"]);
}

#[test]
fn the_first_and_the_last_id_of_a_key_are_told_with_it() {
    let all = changes(&["1 a > 1 b", "2 a >", "1 b > 1 c", "> 3 a", "1 c > 1 d"]);
    let net = net(&all, &["k".to_owned()], &|_, xact| xact == 1).unwrap();
    assert_eq!((net.gone[0].first_id, net.gone[0].last_id), (2, 2));
    assert_eq!(
        (net.changed[0].first_id, net.changed[0].last_id),
        (3, 5),
        "what is seen is not counted"
    );
}

#[test]
fn what_a_loaded_row_has_in_it_is_left_out() {
    let there_and_back = ["1 a > 1 b", "1 b > 1 a"];
    assert_eq!(left_unseen(&there_and_back, &|_, xact| xact == 1), ["1 b>1 a"]);
    assert_eq!(left_unseen(&there_and_back, &|_, _| true), [""; 0]);
    assert_eq!(left_unseen(&["1 a >", "> 1 b"], &|_, xact| xact == 1), ["+1 b"]);
}

#[test]
fn each_image_of_a_key_change_is_judged_by_its_own_key() {
    let is_of = |wanted: &'static str| move |key: &RowKey, _| key.texts()[0] == wanted;
    assert_eq!(left_unseen(&["1 a > 2 a"], &is_of("1")), ["+2 a"]);
    assert_eq!(left_unseen(&["1 a > 2 a"], &is_of("2")), ["-1 a"]);
}

#[test]
fn what_does_not_join_is_torn_and_the_last_of_it_is_believed() {
    // Changes are missing from the log where the letters jump.
    assert_eq!(left_of(&["1 a > 1 b", "1 c > 1 d"]), ["!1 c>1 d"]);
    assert_eq!(left_of(&["> 1 a", "> 1 b"]), ["!+1 b"]);
    assert_eq!(left_of(&["> 1 a", "> 1 a"]), ["!+1 a"]);
    assert_eq!(left_of(&["1 a >", "1 b >"]), ["!-1 b"]);
    assert_eq!(left_of(&["1 a >", "1 a >"]), ["!-1 a"]);
    assert_eq!(left_of(&["1 a > 1 b", "1 c >"]), ["!-1 c"], "it went after what is left was there");
    assert_eq!(left_of(&["1 a >", "1 c > 1 d"]), ["!1 c>1 d"]);
    assert_eq!(left_of(&["1 a > 1 b", "1 c > 1 b"]), ["!1 c>1 b"]);
    assert_eq!(left_of(&["1 c > 1 d", "1 a > 1 b", "1 d > 1 e"]), ["!1 a>1 e"]);
}

#[test]
fn a_gap_before_all_changes_of_a_key_shows_in_the_row_before() {
    assert_eq!(left_of(&["1 lost > 1 b"]), ["1 lost>1 b"]);
    assert_eq!(
        left_of(&["> 1 a", "1 b >"]),
        ["1 b>1 a"],
        "left as a change of a row that was not there"
    );
}

#[test]
fn rows_come_in_the_order_of_their_keys() {
    assert_eq!(left_of(&["3 c >", "> 2 b", "1 a >", "> 10 b"]), ["-1 a", "-3 c", "+10 b", "+2 b"]);
}

#[test]
fn a_key_is_told_by_the_text_of_its_columns() {
    let of = |text: &str, columns: &[&str]| {
        RowKey::of(&image(text), &columns.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    };
    let key =
        of(r#"{"b":true,"n":1.10,"s":"é\n","j":[1, 2],"B":1}"#, &["s", "n", "b", "j"]).unwrap();
    assert_eq!(
        &*key.0,
        [
            KeyValue::String("é\n".into()),
            KeyValue::Number("1.10".into()),
            KeyValue::Bool(true),
            KeyValue::Json("[1, 2]".into()),
        ]
    );
    let texts: Vec<_> = key.texts();
    assert_eq!(texts, ["é\n", "1.10", "true", "[1, 2]"]);
    assert_eq!(KeyValue::Bool(false).text(), "false");
    let k = |text: &str| of(text, &["k"]).unwrap();
    assert_eq!(k(r#"{"k":"\u00e9"}"#), k(r#"{"v":1,"k":"é"}"#));
    assert_ne!(k(r#"{"k":"1"}"#), k(r#"{"k":1}"#));
    assert_ne!(k(r#"{"k":1.0}"#), k(r#"{"k":1.00}"#), "as they are written");
    let both = |text: &str| of(text, &["a", "c"]).unwrap();
    assert_ne!(both(r#"{"a":"b","c":"d"}"#), both(r#"{"a":"d","c":"b"}"#));
}

#[test]
fn a_key_column_that_is_missing_or_null_is_refused_by_its_name() {
    for (columns, why) in [
        (["k", "id"], "key column \"id\" is not in the image of a row"),
        (["k", "K"], "key column \"K\" is not in the image of a row"),
        (["k", "v"], "key column \"v\" is NULL"),
    ] {
        let mut secret = change(1, 1, "", "1 secret");
        secret.after = Some(image(r#"{"k":"secret","v":null}"#));
        let error = net(&[secret], &columns.map(str::to_owned), &|_, _| false).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsuitable);
        let report = error.report();
        assert!(report.contains(why) && report.contains("capture refresh"), "{report}");
        assert!(!report.contains("secret"), "{report}");
    }
}
