//! Values whose text or JSON is known beforehand, and bytes that are none. Against the server's own
//! words: tests/it/decoding.
#![allow(clippy::unwrap_used)]
use super::*;
use crate::event::value::{BINARY_STABLE, is_binary_stable};
use crate::event::wire::ReadAs;

fn column(of: Option<&Type>) -> WireColumn {
    WireColumn { name: "v".to_owned(), read_as: ReadAs::Plain, type_oid: of.map(Type::oid) }
}

fn decoder(of: &Type, format: CopyFormat) -> FieldDecoder {
    FieldDecoder::new(&column(Some(of)), format).unwrap()
}

fn text(of: &Type, field: &[u8]) -> String {
    decoder(of, CopyFormat::Binary).text(field).unwrap().into_owned()
}

/// Of a value in text form.
fn json(of: &Type, field: &str) -> String {
    let mut into = Vec::new();
    decoder(of, CopyFormat::Text).json(Some(field.as_bytes()), &mut into).unwrap();
    String::from_utf8(into).unwrap()
}

fn refused(of: &Type, format: CopyFormat, field: &[u8]) -> Error {
    let mut into = b"[".to_vec();
    let error = decoder(of, format).json(Some(field), &mut into).unwrap_err();
    assert_eq!(into, b"[", "a part was written");
    assert_eq!(error.kind(), ErrorKind::Bug);
    error
}

/// An array of `int4`: dimensions as length and lower bound, and elements.
fn int4_array(dimensions: &[(i32, i32)], elements: &[Option<i32>]) -> Vec<u8> {
    let mut field =
        [(dimensions.len() as i32).to_be_bytes(), [0; 4], Type::INT4.oid().to_be_bytes()].concat();
    for (length, lower_bound) in dimensions {
        field.extend([length.to_be_bytes(), lower_bound.to_be_bytes()].concat());
    }
    for element in elements {
        field.extend(element.map_or((-1_i32).to_be_bytes().to_vec(), |value| {
            [4_i32.to_be_bytes(), value.to_be_bytes()].concat()
        }));
    }
    field
}

#[test]
fn every_type_that_travels_in_binary_form_has_a_decoder() {
    let all = (1..16_384).filter(|oid| is_binary_stable(*oid)).filter_map(Type::from_oid);
    let decoded =
        all.filter(|of| FieldDecoder::new(&column(Some(of)), CopyFormat::Binary).is_ok()).count();
    // Each, its array, and int2vector.
    assert_eq!(decoded, 2 * BINARY_STABLE.len() + 1);
}

#[test]
fn a_type_whose_binary_form_is_not_known_is_refused_when_the_decoder_is_made() {
    for (of, named) in [
        (Some(&Type::INT4_RANGE), "int4range"),
        (Some(&Type::MONEY_ARRAY), "_money"),
        (Some(&Type::OID), "oid"),
        (None, "one that the database defines itself"),
    ] {
        let refused = FieldDecoder::new(&column(of), CopyFormat::Binary).unwrap_err();
        let told = format!(
            "error: cannot decode column \"v\"\n  cause: its values travel in binary form, which \
             is not known of their type: {named}"
        );
        assert_eq!((refused.kind(), refused.report()), (ErrorKind::Unsuitable, told));
        assert!(FieldDecoder::new(&column(of), CopyFormat::Text).is_ok());
    }
}

/// Rust's own spelling of the last five is another one.
#[test]
fn a_floating_point_number_is_spelt_as_the_server_does() {
    for (bits, spelt) in [
        (0x8000_0000_0000_0000, "-0"),
        (0x7ff8_0000_0000_0000, "NaN"),
        (0xfff0_0000_0000_0000, "-Infinity"),
        (0x0000_0000_0000_0001, "5e-324"),
        (0x42d6_bcc4_1e90_0000, "100000000000000"),
        (0x430c_6bf5_2634_0000, "1e+15"),
        (0x3f1a_36e2_eb1c_432d, "0.0001"),
        (0x3ee4_f8b5_88e3_68f1, "1e-05"),
        (0xc0fe_240c_9fbe_76c9, "-123456.789"),
        (0x3e70_0000_0000_0000, "5.960464477539063e-08"),
        (0x4360_cfc6_9252_ef96, "3.7856411142028464e+16"),
        (0x44e4_d926_46cd_f93a, "7.876242499174399e+23"),
        (0x3e60_0000_0000_0000, "2.9802322387695312e-08"),
        (0x42d3_dd66_f847_6be8, "87366544989615.62"),
        (0x430e_f58a_4952_ff0a, "1.0892779482234572e+15"),
    ] {
        assert_eq!(text(&Type::FLOAT8, &u64::to_be_bytes(bits)), spelt, "{bits:#x}");
    }
    for (value, spelt) in
        [(999_999.0_f32, "999999"), (1e6, "1e+06"), (0.1, "0.1"), (1e-45, "1e-45")]
    {
        assert_eq!(text(&Type::FLOAT4, &value.to_be_bytes()), spelt);
    }
}

/// A server of another version would have written them otherwise, or refused them.
#[test]
fn values_that_servers_write_in_several_ways_have_one_text() {
    let infinite = |us: i64, rest: i32| {
        [&us.to_be_bytes()[..], &rest.to_be_bytes(), &rest.to_be_bytes()].concat()
    };
    assert_eq!(text(&Type::INTERVAL, &infinite(i64::MAX, i32::MAX)), "infinity");
    assert_eq!(text(&Type::INTERVAL, &infinite(i64::MIN, i32::MIN)), "-infinity");
    assert_eq!(
        text(&Type::INTERVAL, &infinite(i64::MAX, 0)),
        "PT2562047788H54.775807S",
        "its minutes are none"
    );
    for (sign, spelt) in [(0xD000_u16, "Infinity"), (0xF000, "-Infinity"), (0xC000, "NaN")] {
        assert_eq!(
            text(&Type::NUMERIC, &[&[0; 4][..], &sign.to_be_bytes(), &[0; 2]].concat()),
            spelt
        );
    }
    for format in [CopyFormat::Binary, CopyFormat::Text] {
        assert_eq!(decoder(&Type::CHAR, format).text(b"\xc8").unwrap(), r"\310");
        assert_eq!(decoder(&Type::CHAR, format).text(b"a").unwrap(), "a");
    }
    assert_eq!(decoder(&Type::CHAR, CopyFormat::Text).text(br"\\310").unwrap(), r"\310");
}

#[test]
fn json_is_made_by_type() {
    for (of, field, made) in [
        (Type::BOOL, "t", "true"),
        (Type::INT8, "-9223372036854775808", "-9223372036854775808"),
        (Type::NUMERIC, "12345678901234567890.10", "12345678901234567890.10"),
        (Type::NUMERIC, "NaN", "\"NaN\""),
        (Type::FLOAT8, "1e+20", "1e+20"),
        (Type::FLOAT4, "-Infinity", "\"-Infinity\""),
        (Type::JSON, r#" {"a": 1,"a":1.0}"#, r#" {"a": 1,"a":1.0}"#),
        (Type::JSONB, "null", "null"),
        (Type::BYTEA, r"\\x00ff", r#""\\x00ff""#),
        (Type::TIMESTAMPTZ, "2026-01-02 03:04:05.678901+00", "\"2026-01-02 03:04:05.678901+00\""),
        (Type::TEXT, r#"a\tb "c""#, r#""a\tb \"c\"""#),
        (
            Type::TEXT_ARRAY,
            r#"{{a,"b c","NULL"},{NULL,"",","}}"#,
            r#"[["a","b c","NULL"],[null,"",","]]"#,
        ),
        (Type::TEXT_ARRAY, r#"{"\\"\\\\"}"#, r#"["\"\\"]"#),
        (Type::BOOL_ARRAY, "{t,f,NULL}", "[true,false,null]"),
        (Type::FLOAT8_ARRAY, "{1.5,NaN}", "[1.5,\"NaN\"]"),
        (Type::JSONB_ARRAY, r#"{"{\\"a\\": [1, null]}",2}"#, r#"[{"a": [1, null]},2]"#),
        (Type::INT4_ARRAY, "{}", "[]"),
        (Type::INT4_ARRAY, "[0:1]={1,2}", "\"[0:1]={1,2}\""),
        (Type::OID_ARRAY, "{1,2}", "\"{1,2}\""),
        (Type::OID, "1", "\"1\""),
        (Type::INT2_VECTOR, "1 2", "\"1 2\""),
    ] {
        assert_eq!(json(&of, field), made, "{of}");
    }
    let mut into = Vec::new();
    decoder(&Type::JSONB, CopyFormat::Binary).json(None, &mut into).unwrap();
    assert_eq!(into, b"null");
}

#[test]
fn arrays_keep_their_bounds() {
    let of = |dimensions: &[(i32, i32)], elements: &[Option<i32>]| {
        text(&Type::INT4_ARRAY, &int4_array(dimensions, elements))
    };
    assert_eq!(of(&[(2, 1), (2, 1)], &[Some(1), None, Some(-3), Some(4)]), "{{1,NULL},{-3,4}}");
    assert_eq!(of(&[(2, 1), (1, 0)], &[Some(1), Some(2)]), "[1:2][0:0]={{1},{2}}");
    assert_eq!(of(&[(1, -2_147_483_648)], &[Some(1)]), "[-2147483648:-2147483648]={1}");
    assert_eq!(of(&[], &[]), "{}");
    assert_eq!(of(&[(0, 7)], &[]), "{}");
    assert_eq!(of(&[(0, 1), (i32::MAX - 1, 1), (i32::MAX - 1, 1), (i32::MAX - 1, 1)], &[]), "{}");
}

#[test]
fn bytes_that_are_no_value_are_an_error_that_does_not_show_them() {
    let secret = b"hunter2".as_slice();
    let no_digit = [0, 1, 0, 0, 0, 0, 0, 0, 0x27, 0x10];
    let long = int4_array(&[(3, 1)], &[Some(1), Some(2)]);
    let crowded = int4_array(&[(i32::MAX, 1), (i32::MAX, 1), (i32::MAX, 1)], &[Some(1)]);
    let goes_on = int4_array(&[(1, 1)], &[Some(1), Some(2)]);
    let of_text = [&[0, 0, 0, 0, 0, 0, 0, 0][..], &Type::TEXT.oid().to_be_bytes()].concat();
    for (of, field) in [
        (Type::BOOL, &[2][..]),
        (Type::INT8, secret),
        (Type::FLOAT4, secret),
        (Type::NUMERIC, secret),
        (Type::NUMERIC, &no_digit),
        (Type::NUMERIC, &[0, 0, 0, 0, 0x12, 0, 0, 0]),
        (Type::NUMERIC, &[0, 0, 0, 0, 0, 0, 0x40, 0]),
        (Type::TEXT, b"\xff"),
        (Type::CHAR, b""),
        (Type::UUID, secret),
        (Type::DATE, &i32::to_be_bytes(i32::MAX - 1)),
        (Type::TIME, &i64::to_be_bytes(-1)),
        (Type::TIMESTAMPTZ, &i64::to_be_bytes(i64::MIN + 1)),
        (Type::TIMETZ, &[0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0]),
        (Type::INTERVAL, secret),
        (Type::JSONB, b"\x02{}"),
        (Type::JSONB, b"\x01{hunter2"),
        (Type::JSON, b""),
        (Type::VARBIT, &[0, 0, 0, 9, 0xff]),
        (Type::VARBIT, &[0xff, 0xff, 0xff, 0xff]),
        (Type::INET, &[2, 33, 0, 4, 1, 2, 3, 4]),
        (Type::INET, &[4, 32, 0, 4, 1, 2, 3, 4]),
        (Type::CIDR, &[2, 32, 0, 4, 1, 2, 3, 4]),
        (Type::MACADDR, secret),
        (Type::INT4_ARRAY, secret),
        (Type::INT4_ARRAY, &long),
        (Type::INT4_ARRAY, &crowded),
        (Type::INT4_ARRAY, &goes_on),
        (Type::INT4_ARRAY, &of_text),
        (Type::INT4_ARRAY, &[0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0x17]),
    ] {
        let report = refused(&of, CopyFormat::Binary, field).report();
        assert!(
            report.starts_with(
                "error: cannot decode a value of the source\n  where: column \"v\"\n  cause: it"
            ),
            "{report}"
        );
        assert!(!report.contains("hunter"), "{of}: {report}");
    }
}

#[test]
fn text_that_is_no_value_makes_no_json() {
    for (of, field) in [
        (Type::BOOL, "true"),
        (Type::INT4, " 1"),
        (Type::INT4, "[1]"),
        (Type::NUMERIC, "1e"),
        (Type::NUMERIC, "infinity"),
        (Type::JSON, "{} {}"),
        (Type::TEXT, "cut\\"),
        (Type::INT4_ARRAY, "1"),
        (Type::INT4_ARRAY, "{1}{2}"),
        (Type::INT4_ARRAY, "{1,{2}"),
        (Type::INT4_ARRAY, "{,}"),
        (Type::TEXT_ARRAY, "{\"a"),
    ] {
        refused(&of, CopyFormat::Text, field.as_bytes());
    }
}

/// It is looked at without recursion.
#[test]
fn json_may_be_nested_as_deep_as_it_is_stored() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(json(&Type::JSON, &deep), deep);
}
