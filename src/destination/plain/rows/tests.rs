//! Rows taken apart and made again: as COPY writes them.
#![allow(clippy::unwrap_used)]
use super::*;
use crate::event::frame::rows_of;
use crate::event::wire::ReadAs;
use bytes::Bytes;
use postgres_types::Type;
use proptest::prelude::*;

fn codec(format: CopyFormat) -> RowCodec {
    let column = |(name, of): (&str, Type)| WireColumn {
        name: name.to_owned(),
        read_as: ReadAs::Plain,
        type_oid: Some(of.oid()),
    };
    let columns = [("id", Type::INT8), ("note", Type::TEXT), ("size", Type::FLOAT8)];
    let wire = Wire { columns: columns.map(column).into(), format, rows: None };
    let forms: Vec<ColumnForm> = wire.columns.iter().map(ColumnForm::of).collect();
    RowCodec::new(&wire, &forms, "id", None).unwrap()
}

fn again(codec: &RowCodec, line: &str) -> String {
    let rows = rows_of(&Bytes::from(line.to_owned()), codec.layout()).unwrap();
    let mut made = Vec::new();
    rows.iter().for_each(|row| codec.push_row(&codec.values(row).unwrap(), &mut made));
    String::from_utf8(made).unwrap()
}

#[test]
fn rows_are_made_again_as_they_came() {
    let codec = codec(CopyFormat::Text);
    for line in [
        "1\tnote\t0.5\n",
        "-9223372036854775808\t\\N\t\\N\n",
        "2\t\\\\N\t1e+300\n3\t\t0\n",
        "4\ta\\tb\\nc\\rd\\be\\ff\\vg\\\\h\u{1}\u{7f}é\t1\n",
    ] {
        assert_eq!(again(&codec, line), line);
    }
}

#[test]
fn a_value_that_cannot_be_kept_is_named_by_id_and_column_and_never_shown() {
    let codec = codec(CopyFormat::Text);
    let rows = rows_of(&Bytes::from_static(b"7\tsecret\tNaN\n"), codec.layout()).unwrap();
    let refused = codec.values(&rows[0]).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Rejected);
    let report = refused.report();
    assert!(report.contains("id 7, column \"size\"") && !report.contains("secret"), "{report}");
    let broken = rows_of(&Bytes::from_static(b"8\t\xff\t1\n"), codec.layout()).unwrap();
    let refused = codec.values(&broken[0]).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Rejected);
    assert!(refused.report().contains("id 8, column \"note\""), "{refused}");
}

#[test]
fn rows_in_binary_form_are_taken_apart_alike() {
    let row = [
        &[0, 3, 0, 0, 0, 8][..],
        &7_i64.to_be_bytes(),
        &[0, 0, 0, 2],
        b"a\t",
        &[0, 0, 0, 8],
        &0.5_f64.to_be_bytes(),
    ];
    let codec = codec(CopyFormat::Binary);
    let rows = rows_of(&Bytes::from(row.concat()), codec.layout()).unwrap();
    let values = codec.values(&rows[0]).unwrap();
    let expected = [PlainValue::Integer(7), PlainValue::Text("a\t".into()), PlainValue::Real(0.5)];
    assert_eq!(values, expected);
}

#[test]
fn a_value_that_somebody_else_stored_makes_a_row_that_differs() {
    let codec = codec(CopyFormat::Text);
    let mut line = Vec::new();
    let values =
        [PlainValue::Integer(1), PlainValue::Bytes(b"a".to_vec().into()), PlainValue::Integer(1)];
    codec.push_row(&values, &mut line);
    assert_eq!(line, b"1\t\0bytes \\\\x61\t\0integer 1\n");
}

proptest! {
    #[test]
    fn any_text_survives(text in "[^\0]*") {
        let codec = codec(CopyFormat::Text);
        let mut line = b"1\t".to_vec();
        push_escaped(&text, &mut line);
        line.extend_from_slice(b"\t\\N\n");
        let row = &rows_of(&Bytes::from(line.clone()), codec.layout()).unwrap()[0];
        prop_assert_eq!(&codec.values(row).unwrap()[1], &PlainValue::Text(text.as_str().into()));
        prop_assert_eq!(again(&codec, std::str::from_utf8(&line).unwrap()).into_bytes(), line);
    }
}
