//! Differences as they are printed, letter by letter.

use super::lines::{ByColumn, DifferenceCounts, EarlierRun, SummaryLine, json_line};
use super::*;
use crate::verify::difference::Difference;
use crate::verify::difference::DifferenceTally;
use crate::verify::verdict::Verdict;
use postgres_types::Type;
use serde_json::{Value, json};

fn columns() -> Vec<ComparedColumn> {
    let column =
        |name: &str, of: Type| ComparedColumn { name: name.to_owned(), type_oid: of.oid() };
    vec![
        column("id", Type::INT8),
        column("ts", Type::TIMESTAMPTZ),
        column("event", Type::JSONB),
        column("note", Type::TEXT),
    ]
}

fn row(values: &[Option<&str>]) -> RowText {
    let value =
        |text: &str| ValueText { text: text.to_owned(), is_cut: false, bytes: text.len() as u64 };
    RowText { values: values.iter().map(|text| text.map(value)).collect() }
}

fn changed(
    columns: &[usize],
    is_representation_only: bool,
    first: &[Option<&str>],
    second: &[Option<&str>],
) -> ShownDifference {
    let class =
        DifferenceClass::Changed(RowChange { columns: columns.to_vec(), is_representation_only });
    ShownDifference {
        difference: Difference { id: 4711, class },
        first: Some(row(first)),
        second: Some(row(second)),
    }
}

/// A row that differs in its note alone.
fn noted(first: Option<&str>, second: Option<&str>) -> String {
    let row = |note| [Some("4711"), None, None, note];
    text(&changed(&[3], false, &row(first), &row(second)), &columns(), false)
}

/// A row that differs in its event alone.
fn told(first: &str, second: &str, colour: bool) -> String {
    let row = |event| [Some("4711"), None, Some(event), None];
    text(&changed(&[2], false, &row(first), &row(second)), &columns(), colour)
}

#[test]
fn a_changed_row_shows_the_columns_and_the_lines_that_differ() {
    let event = |amount: &str| {
        format!(r#"{{"data": {{"a": 1, "b": 2, "c": 3, "amount": {amount}}}, "name": "paid"}}"#)
    };
    let (first, second) = (event("1.5"), event("2.5"));
    let first = [Some("4711"), Some("2026-01-01 00:00:00.000001+00"), Some(first.as_str()), None];
    let second = [Some("4711"), Some("2026-01-01 00:00:00.000002+00"), Some(second.as_str()), None];
    let expected = r#"changed  id 4711: ts, event (data.amount)
  ts
  - 2026-01-01 00:00:00.000001+00
  + 2026-01-01 00:00:00.000002+00
  event
  @@ -3,7 +3,7 @@
        "a": 1,
        "b": 2,
        "c": 3,
  -     "amount": 1.5
  +     "amount": 2.5
      },
      "name": "paid"
    }"#;
    assert_eq!(text(&changed(&[1, 2], false, &first, &second), &columns(), false), expected);
}

#[test]
fn rows_of_one_side_are_shown_whole() {
    let values = [Some("-5"), Some("2026-01-01 00:00:00+00"), Some(r#"{"a": []}"#), None];
    let mut shown = ShownDifference {
        difference: Difference { id: -5, class: DifferenceClass::Missing },
        first: Some(row(&values)),
        second: None,
    };
    let expected = r#"missing  id -5
  id
  - -5
  ts
  - 2026-01-01 00:00:00+00
  event
  - {
  -   "a": []
  - }
  note
  - NULL"#;
    assert_eq!(text(&shown, &columns(), false), expected);
    shown.difference.class = DifferenceClass::Extra;
    (shown.first, shown.second) = (shown.second, shown.first);
    let expected = expected.replace("missing", "extra").replace("  - ", "  + ");
    assert_eq!(text(&shown, &columns(), false), expected);
    shown.second = None;
    assert_eq!(text(&shown, &columns(), false), "extra  id -5\n  its values were not read");
}

#[test]
fn null_nothing_and_the_word_null_are_told_apart() {
    assert_eq!(noted(None, Some("")), "changed  id 4711: note\n  note\n  - NULL\n  + ''");
    assert_eq!(noted(Some("NULL"), None), "changed  id 4711: note\n  note\n  - 'NULL'\n  + NULL");
    assert_eq!(
        noted(Some("'NULL'"), Some("a ")),
        "changed  id 4711: note\n  note\n  - ''NULL''\n  + 'a '"
    );
}

#[test]
fn a_line_feed_at_the_end_is_a_line() {
    assert_eq!(
        noted(Some("a"), Some("a\n")),
        "changed  id 4711: note\n  note\n  @@ -1 +1,2 @@\n    a\n  +"
    );
}

#[test]
fn what_a_text_holds_cannot_write_to_the_terminal() {
    let shown = noted(Some("\x1b[2J\rgone\u{9b}"), Some("\\u{1b}[2J"));
    assert_eq!(
        shown,
        "changed  id 4711: note\n  note\n  - \\u{1b}[2J\\u{d}gone\\u{9b}\n  + \\u{5c}u{1b}[2J"
    );
    let shown = told("{\"\u{202e}\": 1}", "{\"\u{202e}\": 2, \"\x7f\": 1}", true);
    let ours = ["\x1b[31m", "\x1b[32m", "\x1b[7m", "\x1b[27m", "\x1b[0m"];
    let rest = ours.iter().fold(shown, |shown, sequence| shown.replace(sequence, ""));
    assert!(
        !rest.replace('\n', "").contains(|c: char| c.is_control() || c == '\u{202e}'),
        "{rest:?}"
    );
    let mut columns = columns();
    columns[3].name = "no\x1bte".to_owned();
    let shown = changed(&[3], false, &[None; 4], &[None, None, None, Some("1")]);
    assert!(!text(&shown, &columns, false).contains('\x1b'));
}

#[test]
fn words_that_changed_are_highlighted_in_colour() {
    let expected = "changed  id 4711: event\n  event\n  \x1b[31m- \"one \x1b[7mtwo\x1b[27m \
                    three\"\x1b[0m\n  \x1b[32m+ \"one \x1b[7m2\x1b[27m three\"\x1b[0m";
    assert_eq!(told("\"one two three\"", "\"one 2 three\"", true), expected);
}

#[test]
fn what_is_laid_out_alike_is_shown_as_it_is_stored() {
    let expected = "changed  id 4711: event\n  event\n  - {\"a\":1}\n  + {\"a\": 1}\n  only the \
                    representation differs";
    assert_eq!(told("{\"a\":1}", "{\"a\": 1}", false), expected);
    let row = |event| [Some("4711"), None, Some(event), None];
    let shown = text(&changed(&[2], true, &row("[1.10]"), &row("[1.1]")), &columns(), false);
    assert!(
        shown.starts_with(
            "changed  id 4711: event ([0] representation) (only the representation differs)\n"
        ),
        "{shown}"
    );
}

#[test]
fn many_lines_are_counted_and_many_paths_too() {
    let list = |value: &str| format!("[{}]", vec![value; 300].join(", "));
    let shown = told(&list("1"), &list("2"), false);
    assert_eq!(shown.lines().count(), LINES_MAX + 1);
    assert!(
        shown.lines().next().is_some_and(|head| head.ends_with("[19], and 280 more)")),
        "{shown}"
    );
    // Title, name of the column, head of the hunk, both brackets, 300 lines of each side.
    assert!(shown.ends_with(&format!("  … and {} more lines", 5 + 600 - LINES_MAX)), "{shown}");
}

#[test]
fn a_value_that_was_cut_says_so() {
    let mut shown = changed(
        &[2],
        false,
        &[None, None, Some("{\"a\": \"xx"), None],
        &[None, None, Some("{\"a\": \"xx"), None],
    );
    for row in [&mut shown.first, &mut shown.second] {
        let value = row.as_mut().unwrap().values[2].as_mut().unwrap();
        (value.is_cut, value.bytes) = (true, 5_000);
    }
    let expected = "changed  id 4711: event\n  event\n  what is shown of both is equal: they \
                    differ further on\n  of the first 9 of 5000 bytes are shown\n  of the second 9 \
                    of 5000 bytes are shown";
    assert_eq!(text(&shown, &columns(), false), expected);
    let line: Value = serde_json::from_str(&lines::difference(&shown, &columns())).unwrap();
    assert_eq!(line["second_cut"], json!({"event": 5000}));
}

#[test]
fn a_difference_is_one_line_of_json_with_exact_texts() {
    let first =
        [Some("4711"), Some("a"), Some("{\"n\": 9007199254740993, \"k y\": 1}"), Some("\u{9b}\n")];
    let second = [Some("4711"), Some("a"), Some("{\"n\": 9007199254740992}"), None];
    let line = lines::difference(&changed(&[2, 3], false, &first, &second), &columns());
    assert_eq!(
        line,
        r#"{"type":"difference","schema_version":1,"id":4711,"class":"changed","columns":["event","note"],"paths":[{"column":"event","path":"[\"k y\"]","kind":"missing"},{"column":"event","path":"n","kind":"representation"}],"first":{"id":"4711","ts":"a","event":"{\"n\": 9007199254740993, \"k y\": 1}","note":"\u009b\n"},"second":{"id":"4711","ts":"a","event":"{\"n\": 9007199254740992}","note":null}}"#
    );
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["first"]["note"], json!("\u{9b}\n"));
}

#[test]
fn a_summary_is_one_line_of_json() {
    let tally = DifferenceTally { extra: 1, by_column: vec![0, 3], ..DifferenceTally::default() };
    let earlier =
        EarlierRun { began: "2026-01-02T03:04:05Z".to_owned(), through: 9, rows: (4, 5).into() };
    let summary = SummaryLine {
        verdict: Verdict::Different,
        fence: Some(99),
        rows: (10, 11).into(),
        earlier_runs: vec![earlier],
        rows_without_id: (0, 1).into(),
        pending: 2,
        pending_second: 3,
        differences: DifferenceCounts::of(&tally, (0, 1).into()),
        by_column: ByColumn(vec![("id", 0), ("ts", 3)]),
        schema_notes: vec!["column x is not compared".to_owned()],
        skipped: &[],
        problems: &["two\nlines".to_owned()],
    };
    assert_eq!(
        json_line("summary", &summary),
        r#"{"type":"summary","schema_version":1,"verdict":"different","fence":99,"rows":{"first":10,"second":11},"earlier_runs":[{"began":"2026-01-02T03:04:05Z","through":9,"rows":{"first":4,"second":5}}],"rows_without_id":{"first":0,"second":1},"pending":2,"pending_second":3,"differences":{"total":2,"missing":0,"extra":1,"changed":0,"representation":0,"without_id":1},"by_column":{"id":0,"ts":3},"schema_notes":["column x is not compared"],"skipped":[],"problems":["two\nlines"]}"#
    );
}
