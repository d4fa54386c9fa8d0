//! Both ways of each form, by many cases; against the server's own words: tests/it/sqlite/values.
#![allow(clippy::unwrap_used)]
use super::*;
use crate::event::wire::ReadAs;
use proptest::prelude::*;

const ALL: [ColumnForm; 6] = [
    ColumnForm::Integer,
    ColumnForm::Boolean,
    ColumnForm::Single,
    ColumnForm::Double,
    ColumnForm::Bytes,
    ColumnForm::Text,
];

fn form(of: &Type) -> ColumnForm {
    let (name, type_oid) = ("v".to_owned(), Some(of.oid()));
    ColumnForm::of(&WireColumn { name, read_as: ReadAs::Plain, type_oid })
}

fn again(form: ColumnForm, text: &str) -> String {
    let value = form.value(text.into()).unwrap();
    form.text(&value).unwrap().into_owned()
}

#[test]
fn each_type_has_the_form_that_loses_nothing_of_it() {
    for (of, expected) in [
        (Type::INT2, ColumnForm::Integer),
        (Type::INT4, ColumnForm::Integer),
        (Type::INT8, ColumnForm::Integer),
        (Type::BOOL, ColumnForm::Boolean),
        (Type::FLOAT4, ColumnForm::Single),
        (Type::FLOAT8, ColumnForm::Double),
        (Type::BYTEA, ColumnForm::Bytes),
        (Type::NUMERIC, ColumnForm::Text),
        (Type::TIMESTAMPTZ, ColumnForm::Text),
        (Type::UUID, ColumnForm::Text),
        (Type::JSON, ColumnForm::Text),
        (Type::BPCHAR, ColumnForm::Text),
        (Type::INT8_ARRAY, ColumnForm::Text),
        (Type::OID, ColumnForm::Text),
    ] {
        assert_eq!(form(&of), expected, "{of}");
    }
    let of_own = WireColumn { name: "v".to_owned(), read_as: ReadAs::Plain, type_oid: None };
    assert_eq!(ColumnForm::of(&of_own), ColumnForm::Text);
}

#[test]
fn what_is_kept_gives_the_text_again() {
    for (form, texts) in [
        (ColumnForm::Integer, &["0", "-1", "9223372036854775807", "-9223372036854775808"][..]),
        (ColumnForm::Boolean, &["t", "f"]),
        (ColumnForm::Double, &["0", "0.1", "1e+300", "5e-324", "-123456.789", "9007199254740993"]),
        (ColumnForm::Single, &["0", "0.1", "1e-45", "3.4028235e+38", "1.6777216e+07"]),
        (ColumnForm::Bytes, &["\\x", "\\x00ff0a5c"]),
        (ColumnForm::Text, &["", "\\N", "a\tb\n", "NaN", "\u{1}é\u{10ffff}"]),
    ] {
        for text in texts {
            // One that PostgreSQL does not write is refused, and not changed.
            match form.value((*text).into()) {
                Ok(_) => assert_eq!(again(form, text), *text),
                Err(why) => assert_eq!(
                    (form, *text, why.0),
                    (
                        ColumnForm::Double,
                        "9007199254740993",
                        "it would not be read as it is written"
                    )
                ),
            }
        }
    }
}

#[test]
fn what_no_engine_keeps_as_it_is_is_refused() {
    for form in [ColumnForm::Single, ColumnForm::Double] {
        for text in ["NaN", "Infinity", "-Infinity", "-0", "1e400", "", "x", "0x10", "+1", "1.0"] {
            assert!(form.value(text.into()).is_err(), "{text}");
        }
        // As text it is kept.
        assert_eq!(again(ColumnForm::Text, "NaN"), "NaN");
    }
    for (form, text) in [
        (ColumnForm::Integer, "1.0"),
        (ColumnForm::Integer, "+1"),
        (ColumnForm::Integer, "01"),
        (ColumnForm::Integer, "9223372036854775808"),
        (ColumnForm::Boolean, "true"),
        (ColumnForm::Bytes, "\\x0"),
        (ColumnForm::Bytes, "\\x0G"),
        (ColumnForm::Bytes, "\\xAB"),
        (ColumnForm::Bytes, "ab"),
        (ColumnForm::Single, "1e39"),
        (ColumnForm::Single, "0.123456789"),
    ] {
        assert!(form.value(text.into()).is_err(), "{form:?} {text}");
    }
}

#[test]
fn a_value_of_another_kind_is_no_text_of_the_form_and_equals_none() {
    let values = [
        PlainValue::Null,
        PlainValue::Integer(7),
        PlainValue::Real(0.5),
        PlainValue::Real(0.1),
        PlainValue::Text("7".into()),
        PlainValue::Bytes(vec![7].into()),
    ];
    for form in ALL {
        for value in &values {
            let Some(text) = form.text(value) else { continue };
            assert_eq!(form.value(text.into_owned().into()).unwrap(), *value, "{form:?}");
        }
    }
    // 0.1 of 64 bits is no number of 32 bits.
    assert_eq!(ColumnForm::Single.text(&PlainValue::Real(0.1)), None);
    for value in &values {
        assert!(foreign_text(value).starts_with('\0'), "no text of PostgreSQL holds NUL");
    }
}

proptest! {
    #[test]
    fn every_finite_number_is_kept(bits: u64) {
        let number = f64::from_bits(bits);
        prop_assume!(number.is_finite() && bits != 1 << 63);
        let text = double_text(number);
        prop_assert_eq!(ColumnForm::Double.value(text.into()).unwrap(), PlainValue::Real(number));
    }

    #[test]
    fn every_finite_number_of_32_bits_is_kept(bits: u32) {
        let number = f32::from_bits(bits);
        prop_assume!(number.is_finite() && bits != 1 << 31);
        let value = ColumnForm::Single.value(single_text(number).into()).unwrap();
        prop_assert_eq!(value, PlainValue::Real(number.into()));
    }

    #[test]
    fn whatever_is_kept_gives_its_text_again(text in "\\PC*|[-+]?[0-9]{0,20}(\\.[0-9]{0,3})?(e[-+]?[0-9]{1,3})?|(\\\\x)?[0-9a-f]*") {
        for form in ALL {
            if let Ok(value) = form.value(text.as_str().into()) {
                let again = form.text(&value);
                prop_assert_eq!(again.as_deref(), Some(text.as_str()), "{:?}", form);
            }
        }
    }
}
