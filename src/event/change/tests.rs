//! Rows of the log in both forms, and what is refused of them.

mod images;

use super::*;
use crate::event::frame::{RowLayout, rows_of};
use crate::event::wire::{ReadAs, WireColumn};

const COLUMNS: [(&str, Type); 7] = [
    ("id", Type::INT8),
    ("ts", Type::TIMESTAMPTZ),
    ("xact", Type::INT8),
    ("source", Type::TEXT),
    ("op", Type::CHAR),
    ("before", Type::JSON),
    ("after", Type::JSON),
];

fn wire(columns: &[(&str, Type)], format: CopyFormat) -> Wire {
    let column = |(name, of): &(&str, Type)| WireColumn {
        name: (*name).to_owned(),
        read_as: ReadAs::Plain,
        type_oid: Some(of.oid()),
    };
    Wire { columns: columns.iter().map(column).collect(), format, rows: None }
}

fn binary(fields: &[Option<&[u8]>]) -> FramedRow {
    let mut bytes = 7i16.to_be_bytes().to_vec();
    for field in fields {
        let len = field.map_or(-1, |field| i32::try_from(field.len()).unwrap());
        bytes.extend(len.to_be_bytes());
        bytes.extend(field.unwrap_or_default());
    }
    framed(bytes, CopyFormat::Binary)
}

fn framed(bytes: Vec<u8>, format: CopyFormat) -> FramedRow {
    let layout = RowLayout { format, fields: 7, id: 0, group: None };
    rows_of(&Bytes::from(bytes), layout).unwrap().remove(0)
}

fn decoded(row: &FramedRow, format: CopyFormat) -> Result<LoggedChange> {
    ChangeLayout::of(&wire(&COLUMNS, format)).unwrap().decode(row)
}

/// A row of the log with these last fields.
fn of_op(op: &[u8], before: Option<&str>, after: Option<&str>) -> Result<LoggedChange> {
    let (id, xact) = (41i64.to_be_bytes(), 900i64.to_be_bytes());
    let images = [before, after].map(|image| image.map(str::as_bytes));
    let fields = [Some(&id[..]), Some(&[0; 8]), Some(&xact), Some(b"public.t"), Some(op)];
    decoded(&binary(&[&fields[..], &images].concat()), CopyFormat::Binary)
}

#[test]
fn a_row_in_binary_form_is_read() {
    let change = of_op(b"U", Some(r#"{"k":1}"#), Some(r#"{"k":2}"#)).unwrap();
    assert_eq!((change.id, change.xact, &*change.source), (41, 900, "public.t"));
    assert_eq!(change.kind, ChangeKind::Update);
    assert_eq!(change.before.unwrap().text(), r#"{"k":1}"#);
    assert_eq!(change.after.unwrap().text(), r#"{"k":2}"#);
}

#[test]
fn a_row_in_text_form_is_read_with_its_escapes() {
    let line = b"41\t2026-01-02 03:04:05+00\t900\ta\\\\b\\tc\tI\t\\N\t{\"k\":\"\\\\n\\\\\\\\\"}\n";
    let change = decoded(&framed(line.to_vec(), CopyFormat::Text), CopyFormat::Text).unwrap();
    assert_eq!((change.id, change.xact, &*change.source), (41, 900, "a\\b\tc"));
    assert_eq!((change.kind, &change.before), (ChangeKind::Insert, &None));
    let image = change.after.unwrap();
    assert_eq!(image.text(), r#"{"k":"\n\\"}"#);
    let ImageValue::String { text, .. } = image.field("k").unwrap() else { panic!("no string") };
    assert_eq!(text, "\n\\");
}

#[test]
fn each_operation_has_its_images_and_no_others() {
    let image = Some(r#"{"k":1}"#);
    for (op, kind, has_before, has_after) in [
        (b"I", ChangeKind::Insert, false, true),
        (b"U", ChangeKind::Update, true, true),
        (b"D", ChangeKind::Delete, true, false),
        (b"T", ChangeKind::Truncate, false, false),
    ] {
        for (before, after) in [(false, false), (false, true), (true, false), (true, true)] {
            let found = of_op(op, image.filter(|_| before), image.filter(|_| after));
            if (before, after) == (has_before, has_after) {
                assert_eq!(found.unwrap().kind, kind);
                assert_eq!(kind.letter(), op[0]);
            } else {
                let error = found.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Contents, "{kind:?} {before} {after}");
                assert_eq!(error.place(), Some("id 41 of the log of changes"));
            }
        }
    }
}

#[test]
fn an_operation_of_a_later_version_is_refused_with_the_cure() {
    for op in [&b"S"[..], b"i", b"", b"II"] {
        let error = of_op(op, None, None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsuitable);
        assert!(error.remedy().unwrap().contains("version of counterfoil"), "{error}");
    }
}

#[test]
fn what_is_never_null_is_refused_where_it_is_and_what_is_no_value_too() {
    let (eight, images) = ([0; 8], [None, Some(&b"{}"[..])]);
    let of = |fields: [Option<&[u8]>; 5]| {
        decoded(&binary(&[&fields[..], &images].concat()), CopyFormat::Binary)
            .map_err(|error| error.kind())
    };
    let id = Some(&eight[..]);
    assert!(of([id, None, id, Some(b"s"), Some(b"I")]).is_ok(), "nobody reads ts");
    for (xact, source, op) in
        [(None, Some(&b"s"[..]), Some(&b"I"[..])), (id, None, Some(b"I")), (id, Some(b"s"), None)]
    {
        assert_eq!(of([id, None, xact, source, op]), Err(ErrorKind::Contents));
    }
    assert_eq!(of([id, id, Some(&[0; 4]), Some(b"s"), Some(b"I")]), Err(ErrorKind::Bug));
    assert_eq!(of([id, id, id, Some(b"\xff"), Some(b"I")]), Err(ErrorKind::Bug));
}

#[test]
fn an_image_that_cannot_be_read_is_told_with_its_id_and_without_its_content() {
    for (image, kind, cause) in [
        (r#"{"secret":01}"#, ErrorKind::Bug, "missing at byte 11"),
        (r#"["secret"]"#, ErrorKind::Contents, "it is no object"),
        (r#"{"a":"secret","\u0061":"secret"}"#, ErrorKind::Contents, "column \"a\" is there twice"),
    ] {
        let error = of_op(b"I", None, Some(image)).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(error.place(), Some("id 41 of the log of changes"));
        let report = error.report();
        assert!(report.contains(cause) && !report.contains("secret"), "{report}");
    }
    let fields =
        [Some(&[0; 8][..]), None, Some(&[0; 8]), Some(b"s"), Some(b"D"), Some(b"{\"\xff"), None];
    let error = decoded(&binary(&fields), CopyFormat::Binary).unwrap_err();
    assert!(error.report().contains("no UTF-8 at byte 2"), "{error}");
    assert!(!format!("{:?}", of_op(b"I", None, Some(r#"{"k":"secret"}"#))).contains("secret"));
}

#[test]
fn columns_are_found_by_name_wherever_they_stand_and_others_may_be_there() {
    let mut columns = COLUMNS.to_vec();
    columns.reverse();
    columns.push(("who", Type::TEXT));
    let layout = ChangeLayout::of(&wire(&columns, CopyFormat::Text)).unwrap();
    let line = "{}\t\\N\tI\ts\t7\t2026-01-02\t5\tme\n".as_bytes();
    let rows = RowLayout { format: CopyFormat::Text, fields: 8, id: 6, group: None };
    let row = rows_of(&Bytes::from_static(line), rows).unwrap().remove(0);
    let change = layout.decode(&row).unwrap();
    assert_eq!((change.id, change.xact, change.kind), (5, 7, ChangeKind::Insert));
}

#[test]
fn a_table_that_is_no_log_is_refused_with_what_it_lacks() {
    for at in 0..COLUMNS.len() {
        let name = COLUMNS[at].0;
        if name == "ts" {
            // Nobody needs it here.
            continue;
        }
        let mut columns = COLUMNS.to_vec();
        columns[at].1 = Type::JSONB;
        let other = ChangeLayout::of(&wire(&columns, CopyFormat::Binary)).unwrap_err();
        columns.remove(at);
        let missing = ChangeLayout::of(&wire(&columns, CopyFormat::Binary)).unwrap_err();
        for (error, why) in [(other, "is not of type"), (missing, "it has no column")] {
            assert_eq!(error.kind(), ErrorKind::Unsuitable);
            assert!(error.remedy().unwrap().contains("counterfoil capture install"));
            let report = error.report();
            assert!(report.contains(why) && report.contains(&format!("\"{name}\"")), "{report}");
        }
    }
    let mut own = wire(&COLUMNS, CopyFormat::Text);
    own.columns[4].type_oid = None;
    assert!(ChangeLayout::of(&own).is_err(), "a type of the database's own");
}

#[test]
fn the_bytes_of_a_row_are_not_copied() {
    let row = binary(&[
        Some(&[0; 8]),
        None,
        Some(&[0; 8]),
        Some(b"s"),
        Some(b"D"),
        Some(br#"{"k":1}"#),
        None,
    ]);
    let change = decoded(&row, CopyFormat::Binary).unwrap();
    let whole = row.bytes.as_ptr_range();
    assert!(whole.contains(&change.before.unwrap().text().as_ptr()));
}
