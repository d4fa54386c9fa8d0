//! Rows of every type in both forms.

use super::*;
use crate::event::frame::{HEADER, RowFramer, RowLayout};
use crate::event::representation::slate::{ColumnTexts, is_slates_work};
use bytes::Bytes;

type Field<'a> = Option<&'a [u8]>;

fn columns(oids: &[Type]) -> Vec<ComparedColumn> {
    let column =
        |(at, oid): (usize, &Type)| ComparedColumn { name: format!("c{at}"), type_oid: oid.oid() };
    oids.iter().enumerate().map(column).collect()
}

fn row(format: CopyFormat, fields: &[Field<'_>]) -> FramedRow {
    let mut rows = RowFramer::new(RowLayout { format, fields: fields.len(), id: 0, group: None });
    let bytes = match format {
        CopyFormat::Binary => {
            let mut bytes =
                [HEADER.as_slice(), &u16::try_from(fields.len()).expect("few").to_be_bytes()]
                    .concat();
            for field in fields {
                let length = field.map_or(-1, |field| i32::try_from(field.len()).expect("short"));
                bytes.extend(length.to_be_bytes());
                bytes.extend(field.unwrap_or_default());
            }
            bytes
        }
        CopyFormat::Text => {
            let fields: Vec<&[u8]> = fields.iter().map(|field| field.unwrap_or(b"\\N")).collect();
            [fields.join(&b'\t'), b"\n".to_vec()].concat()
        }
    };
    rows.push(Bytes::from(bytes));
    rows.next().expect("a row").expect("a whole row")
}

/// The change of a row with an id and one more column.
fn changed(column: Type, format: CopyFormat, first: Field<'_>, second: Field<'_>) -> RowChange {
    let id: &[u8] = match format {
        CopyFormat::Binary => &[0, 0, 0, 0, 0, 0, 0, 7],
        CopyFormat::Text => b"7",
    };
    let unlike =
        RowMismatch::Changed(row(format, &[Some(id), first]), row(format, &[Some(id), second]));
    let difference = difference(&unlike, &columns(&[Type::INT8, column]), format);
    assert_eq!(difference.id, 7);
    match difference.class {
        DifferenceClass::Changed(change) => change,
        other => panic!("{other:?}"),
    }
}

fn is_only_represented(column: Type, format: CopyFormat, first: &[u8], second: &[u8]) -> bool {
    let change = changed(column, format, Some(first), Some(second));
    assert_eq!(change.columns, [1]);
    change.is_representation_only
}

/// `numeric_send`: number of digits, weight, sign, scale, digits.
fn numeric_of(weight: i16, sign: u16, scale: u16, digits: &[u16]) -> Vec<u8> {
    let count = u16::try_from(digits.len()).expect("few");
    let head = [count, weight.cast_unsigned(), sign, scale];
    head.iter().chain(digits).flat_map(|word| word.to_be_bytes()).collect()
}

#[test]
fn null_against_an_empty_value_is_a_real_change_in_both_forms() {
    for format in [CopyFormat::Binary, CopyFormat::Text] {
        for (first, second) in [(None, Some(&b""[..])), (Some(&b""[..]), None)] {
            let change = changed(Type::TEXT, format, first, second);
            assert_eq!((change.columns, change.is_representation_only), (vec![1], false));
        }
    }
}

#[test]
fn a_time_stamp_may_lose_its_microseconds_on_the_second_side_alone() {
    let moment = |us: i64| us.to_be_bytes();
    for column in [Type::TIMESTAMP, Type::TIMESTAMPTZ] {
        let binary = |first, second| {
            is_only_represented(column.clone(), CopyFormat::Binary, &moment(first), &moment(second))
        };
        assert!(binary(1_234_567, 1_234_000) && binary(1_234_567, 1_235_000));
        assert!(!binary(1_234_000, 1_234_567) && !binary(1_234_567, 1_234_568));
        let text = |first: &str, second: &str| {
            is_only_represented(
                column.clone(),
                CopyFormat::Text,
                first.as_bytes(),
                second.as_bytes(),
            )
        };
        assert!(text("2025-12-31 23:59:59.999612+00", "2026-01-01 00:00:00+00"));
        assert!(text("2026-01-02 03:04:05.123456+00", "2026-01-02 03:04:05.123+00"));
        assert!(!text("2026-01-02 03:04:05.123456+00", "2026-01-02 03:04:05.123455+00"));
        assert!(!text("infinity", "2026-01-02 03:04:05+00"));
    }
}

#[test]
fn what_slate_altered_differs_in_the_representation_alone_and_of_that_slate_rounds_no_time_stamp() {
    let (ts, big, double) =
        ("2026-01-02 03:04:05.123756+00", "9007199254740993", "9007199254740992");
    for (column, source, destination, is_represented, is_slates) in [
        (Type::TIMESTAMPTZ, ts, "2026-01-02 03:04:05.123+00", true, true),
        (Type::TIMESTAMPTZ, ts, "2026-01-02 03:04:05.124+00", true, false),
        (Type::TIMESTAMPTZ, ts, "2026-01-02 03:04:05.123755+00", false, false),
        (Type::TIMESTAMP, "0044-03-15 12:00:00.0005 BC", "0044-03-15 12:00:00 BC", true, true),
        (Type::TIMESTAMP, "infinity", "2026-01-02 03:04:05", false, false),
        (Type::JSONB, "1.10", "1.1", true, true),
        (Type::JSONB, "1.1", "1.10", true, false),
        (Type::JSONB, big, double, true, true),
        (Type::JSONB, double, big, true, false),
        (Type::JSONB, "1.1", "1.2", false, false),
        (Type::JSON, "1e21", "1e+21", true, true),
        (Type::JSON, big, double, true, true),
        (Type::JSON, double, big, true, false),
        (Type::JSON, big, "9007199254740992.1", false, false),
        (Type::JSON, r#"{"a": 1.0, "b": 2}"#, r#"{"b":2,"a":1}"#, true, true),
        (Type::NUMERIC, "1.10", "1.1", true, false),
        (Type::TEXT, "1.10", "1.1", false, false),
    ] {
        let texts = ColumnTexts {
            type_oid: column.oid(),
            source: Some(source),
            destination: Some(destination),
        };
        assert_eq!(is_slates_work(&[texts]), is_slates, "{column}: {source} {destination}");
        let represented = is_only_represented(
            column.clone(),
            CopyFormat::Text,
            source.as_bytes(),
            destination.as_bytes(),
        );
        assert_eq!(represented, is_represented, "{column}: {source} {destination}");
    }
}

#[test]
fn a_numeric_may_have_another_scale_and_no_other_value() {
    let ten = |scale, digits: &[u16]| numeric_of(0, 0, scale, digits);
    let binary = |first: &[u8], second: &[u8]| {
        is_only_represented(Type::NUMERIC, CopyFormat::Binary, first, second)
    };
    assert!(binary(&ten(2, &[10, 5000]), &ten(3, &[10, 5000])));
    assert!(binary(&ten(2, &[10]), &ten(4, &[10, 0])), "a zero digit at the end");
    assert!(
        binary(&numeric_of(1, 0, 0, &[0, 10]), &ten(0, &[10])[..]),
        "a zero digit at the start"
    );
    assert!(binary(&numeric_of(0, 0, 0, &[]), &numeric_of(0, 0, 2, &[])));
    assert!(!binary(&ten(2, &[10, 5000]), &ten(2, &[10, 5001])));
    assert!(!binary(&numeric_of(1, 0, 0, &[10]), &ten(0, &[10])), "another weight");
    assert!(!binary(&numeric_of(0, 0x4000, 0, &[10]), &ten(0, &[10])), "another sign");
    assert!(!binary(&numeric_of(0, 0xC000, 0, &[]), &numeric_of(0, 0, 0, &[])), "NaN is not zero");
    assert!(!binary(&[0, 1], &[0, 1, 0]), "no numeric at all");
    assert!(is_only_represented(Type::NUMERIC, CopyFormat::Text, b"1.10", b"1.1"));
    assert!(!is_only_represented(Type::NUMERIC, CopyFormat::Text, b"NaN", b"0"));
    assert!(!is_only_represented(
        Type::NUMERIC,
        CopyFormat::Text,
        b"9007199254740993",
        b"9007199254740992"
    ));
}

#[test]
fn jsonb_may_spell_its_numbers_anew_and_json_everything() {
    let both = |column: Type, first: &str, second: &str| {
        let version: &[u8] = if column == Type::JSONB { &[1] } else { &[] };
        let binary = |text: &str| [version, text.as_bytes()].concat();
        let escaped = |text: &str| text.replace('\\', "\\\\").replace('\n', "\\n").into_bytes();
        let is_binary = is_only_represented(
            column.clone(),
            CopyFormat::Binary,
            &binary(first),
            &binary(second),
        );
        assert_eq!(
            is_only_represented(column, CopyFormat::Text, &escaped(first), &escaped(second)),
            is_binary
        );
        is_binary
    };
    for column in [Type::JSONB, Type::JSON] {
        assert!(both(
            column.clone(),
            r#"{"a\\": 9007199254740993}"#,
            r#"{"a\\": 9007199254740992}"#
        ));
        assert!(both(column.clone(), r#"{"\"": 1.10}"#, r#"{"\"": 1.1}"#));
        assert!(!both(column.clone(), r#"{"a": 1.10, "b": 1}"#, r#"{"a": 1.1, "b": 2}"#));
        assert!(!both(column, "[[1], 2]", "[[1, 2]]"));
    }
    assert!(both(Type::JSON, "{\"a\": 1,\n\"b\": 2}", "{\"b\":2,\"a\":1.0}"));
    assert!(!both(Type::JSONB, "{\"a\": 1, \"b\": 2}", "{\"b\": 2, \"a\": 1}"));
}

#[test]
fn one_real_change_beside_others_makes_the_row_a_changed_one() {
    let types = columns(&[Type::INT8, Type::TIMESTAMPTZ, Type::TEXT, Type::JSONB]);
    let rows = |ts: i64, text: &[u8], event: &[u8]| {
        row(
            CopyFormat::Binary,
            &[Some(&[0, 0, 0, 0, 0, 0, 0, 7]), Some(&ts.to_be_bytes()), Some(text), Some(event)],
        )
    };
    let classed = |first: FramedRow, second: FramedRow| match difference(
        &RowMismatch::Changed(first, second),
        &types,
        CopyFormat::Binary,
    )
    .class
    {
        DifferenceClass::Changed(change) => (change.columns, change.is_representation_only),
        other => panic!("{other:?}"),
    };
    let first = || rows(1_567, b"x", b"\x01[1.0]");
    assert_eq!(classed(first(), rows(1_000, b"x", b"\x01[1]")), (vec![1, 3], true));
    assert_eq!(classed(first(), rows(1_000, b"y", b"\x01[1]")), (vec![1, 2, 3], false));
}

#[test]
fn a_row_of_one_side_is_missing_or_extra() {
    let of = |unlike: RowMismatch| difference(&unlike, &columns(&[Type::INT8]), CopyFormat::Text);
    let row = || row(CopyFormat::Text, &[Some(b"-5")]);
    assert_eq!(
        of(RowMismatch::Missing(row())),
        Difference { id: -5, class: DifferenceClass::Missing }
    );
    assert_eq!(of(RowMismatch::Extra(row())), Difference { id: -5, class: DifferenceClass::Extra });
}
