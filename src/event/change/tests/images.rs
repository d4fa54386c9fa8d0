//! Images whose JSON is hostile, beside serde_json.

use super::super::*;
use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

fn image(text: &str) -> RowImage {
    RowImage::parse(Bytes::copy_from_slice(text.as_bytes())).unwrap()
}

fn refused(text: &str) -> ErrorKind {
    RowImage::parse(Bytes::copy_from_slice(text.as_bytes())).unwrap_err().kind()
}

/// The value of a column `a`, and how it is written.
fn value(raw: &str) -> String {
    let image = image(&format!("{{\"a\":{raw}}}"));
    let value = image.field("a").unwrap();
    assert_eq!(value.raw(), raw);
    format!("{value:?}")
}

fn string(text: &str, raw: &str) -> String {
    format!("{:?}", ImageValue::String { text: text.into(), raw })
}

#[test]
fn values_keep_their_text() {
    assert_eq!(value("null"), "Null");
    assert_eq!(value("true"), "Bool(true)");
    assert_eq!(value("false"), "Bool(false)");
    let long = format!("-{}.{}e-{}", "9".repeat(5000), "0".repeat(5000), "7".repeat(20));
    for number in
        ["0", "7", "-0", "1e400", "1E+400", "1.10", "0.000", "12345678901234567890123", &long]
    {
        assert_eq!(value(number), format!("Number({number:?})"));
    }
    for json in ["[]", "{}", "[1, 2]", "{\"b\" :\n1}", "{\"b\":1,\"b\":2}", "[\"\\ud800\"]"] {
        assert_eq!(value(json), format!("Json({json:?})"));
    }
}

#[test]
fn strings_are_read_with_all_their_escapes() {
    for (raw, text) in [
        (r#""""#, ""),
        (r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
        (r#""\u0000""#, "\0"),
        (r#""\u00e9\u00E9é""#, "ééé"),
        (r#""\ud83e\udd80🦀""#, "🦀🦀"),
        (r#""null""#, "null"),
        (r#""\\u0041""#, "\\u0041"),
        ("\"\u{7f}\u{2028}\"", "\u{7f}\u{2028}"),
    ] {
        assert_eq!(value(raw), string(text, raw));
    }
    let image = image(r#"{"a":"plain"}"#);
    let Some(ImageValue::String { text: Cow::Borrowed("plain"), .. }) = image.field("a") else {
        panic!("it was copied")
    };
}

#[test]
fn half_a_surrogate_pair_is_kept_as_it_is_written() {
    for raw in [
        r#""\ud800""#,
        r#""\udc00""#,
        r#""\udc00\ud800""#,
        r#""\ud800\ud800""#,
        r#""\ud800x""#,
        r#""\ud800abcdef""#,
        r#""\ud800\n""#,
        r#""\ud800\u0041""#,
        r#""\ud800é""#,
    ] {
        assert_eq!(value(raw), format!("Json({raw:?})"));
    }
}

#[test]
fn blanks_around_a_json_value_belong_to_it() {
    for raw in [" null", "null ", "\n1", " \"x\"", "\t{\"b\":1} ", "\r[]"] {
        assert_eq!(value(raw), format!("Json({raw:?})"));
    }
    let spaced = image(" \t{ \"a\" :1,\n \"b\":2} \r\n");
    let raws: Vec<_> =
        spaced.fields().map(|(name, value)| format!("{name}={}", value.raw())).collect();
    assert_eq!(raws, ["a=1", "b=2"], "those before and after a name do not");
    assert_eq!(spaced.text(), " \t{ \"a\" :1,\n \"b\":2} \r\n");
}

#[test]
fn nesting_may_be_as_deep_as_it_likes() {
    let deep = "[{\"a\":".repeat(200_000) + "1" + &"}]".repeat(200_000);
    let whole = image(&format!("{{\"a\":{deep},\"b\":1}}"));
    assert_eq!(whole.field("a"), Some(ImageValue::Json(&deep)));
    assert_eq!(whole.field("b"), Some(ImageValue::Number("1")));
    assert_eq!(refused(&format!("{{\"a\":{}", "[".repeat(200_000))), ErrorKind::Bug);
}

#[test]
fn columns_are_found_whatever_they_are_called_and_come_in_their_order() {
    let text = r#"{"z":1,"":2,"say \"hi\"":3,"🦀":4,"back\\slash":5,"a,b:{":6,"tab\there":7}"#;
    let image = image(text);
    let names = ["z", "", "say \"hi\"", "🦀", "back\\slash", "a,b:{", "tab\there"];
    assert_eq!(image.fields().map(|(name, _)| name).collect::<Vec<_>>(), names);
    for (at, name) in (1..).zip(names) {
        assert_eq!(image.field(name), Some(ImageValue::Number(&at.to_string())), "{name}");
    }
    for name in ["Z", "say", "\\\"", "a", "b"] {
        assert_eq!(image.field(name), None, "{name}");
    }
}

#[test]
fn an_empty_object_is_an_image_without_columns() {
    for text in ["{}", " { } "] {
        assert_eq!(image(text).fields().count(), 0);
    }
}

#[test]
fn what_is_no_json_or_no_object_or_names_a_column_twice_is_refused() {
    for text in [
        "",
        " ",
        "{",
        "}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1",
        "{\"a\":1,}",
        "{,}",
        "{\"a\":1}}",
        "{\"a\":1} x",
        "{\"a\":01}",
        "{\"a\":+1}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":1e}",
        "{\"a\":-}",
        "{\"a\":0x1}",
        "{\"a\":NaN}",
        "{\"a\":Infinity}",
        "{\"a\":nul}",
        "{\"a\":nulls}",
        "{\"a\":True}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\u{1f}\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"\\u12g4\"}",
        "{\"a\":\"\\u+123\"}",
        "{\"a\":\"x}",
        "{\"a\":\"\\\"}",
        "{\"a\":[1,]}",
        "{\"a\":[1 2]}",
        "{\"a\":[1}}",
        "{\"a\":{\"b\"}}",
        "{\"a\":{1:2}}",
        "\u{feff}{}",
        "{\"a\":\u{a0}1}",
        "{\"a\":1 \"b\":2}",
    ] {
        assert_eq!(refused(text), ErrorKind::Bug, "{text}");
    }
    for text in [
        "null",
        "1",
        "\"{}\"",
        "[{\"a\":1}]",
        " true ",
        "{\"a\":1,\"a\":1}",
        "{\"a\":1,\"b\":2,\"\\u0061\":3}",
    ] {
        assert_eq!(refused(text), ErrorKind::Contents, "{text}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "-?[1-9][0-9]{0,30}(\\.[0-9]{1,9})?"
            .prop_map(|digits| serde_json::from_str(&digits).unwrap()),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// A value that says the same, of what we read.
fn read(value: &ImageValue<'_>) -> Value {
    match value {
        ImageValue::Null => Value::Null,
        ImageValue::Bool(value) => Value::Bool(*value),
        ImageValue::String { text, raw } => {
            assert_eq!(serde_json::from_str::<String>(raw).unwrap(), **text);
            Value::from(&**text)
        }
        ImageValue::Number(raw) | ImageValue::Json(raw) => serde_json::from_str(raw).unwrap(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn an_image_says_what_another_reader_finds_in_it(
        members in proptest::collection::btree_map(any::<String>(), any_json(), 0..8),
        is_pretty in any::<bool>(),
    ) {
        let members: Map<String, Value> = members.into_iter().collect();
        let print = if is_pretty { serde_json::to_string_pretty } else { serde_json::to_string };
        let image = image(&print(&members).unwrap());
        let found: Map<String, Value> =
            image.fields().map(|(name, value)| (name.into_owned(), read(&value))).collect();
        prop_assert!(found.iter().eq(members.iter()), "{found:?} {members:?}");
        for (name, value) in &members {
            prop_assert_eq!(image.field(name).map(|value| read(&value)), Some(value.clone()));
        }
    }

    /// Bytes are put in, left out and changed: the two readers agree on what is JSON.
    #[test]
    fn what_is_json_is_so_for_another_reader_too(
        value in any_json(),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), 0..3u8, "[-+.0-9eE\\[\\]{},:\"\\\\ntrufalsebd \t\n]"), 0..4),
    ) {
        let mut text: Vec<char> = serde_json::to_string(&value).unwrap().chars().collect();
        for (at, edit, by) in edits {
            let at = at.index(text.len().max(1)).min(text.len());
            let by = by.chars().next().unwrap();
            match edit {
                0 => text.insert(at, by),
                1 if at < text.len() => drop(text.remove(at)),
                _ if at < text.len() => text[at] = by,
                _ => {}
            }
        }
        let text: String = text.into_iter().collect();
        let theirs = serde_json::from_str::<IgnoredAny>(&text).is_ok();
        let ours = RowImage::parse(Bytes::from(text.clone())).map(drop).map_err(|error| error.kind());
        prop_assert_eq!(ours != Err(ErrorKind::Bug), theirs, "{}", text);
    }

    #[test]
    fn no_bytes_make_it_fail_otherwise_than_with_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        if let Ok(image) = RowImage::parse(Bytes::from(bytes)) {
            image.fields().for_each(|(name, value)| { read(&value); name.into_owned(); });
        }
    }
}
