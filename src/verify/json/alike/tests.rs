//! The walk against an oracle that takes both texts apart with serde_json.

use super::*;
use proptest::prelude::*;
use serde_json::Value;

const SPELLINGS: &[&str] = &[
    "1",
    "1.0",
    "1.10",
    "1.1",
    "-1",
    "10",
    "1e1",
    "0",
    "0.00",
    "12",
    "9007199254740993",
    "9007199254740992",
    "0.1",
    "0.10000000000000000001",
    "100",
];
const STRINGS: &[&str] = &[
    "",
    "1",
    "1.0",
    "1.1",
    "1.10",
    "x, 1.10, y",
    "\"",
    "\\",
    "\\\"1.10",
    "e",
    "a: 1.0",
    "\u{e9}1.0",
    "a rather long string, so that more than one stride is equal",
];

/// A number by its value: sign, digits without zeros at both ends, places before the point.
fn decimal(text: &str) -> (bool, String, i64) {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa
        .trim_start_matches('-')
        .split_once('.')
        .unwrap_or((mantissa.trim_start_matches('-'), ""));
    let digits = format!("{whole}{fraction}");
    let stripped = digits.trim_start_matches('0');
    if stripped.is_empty() {
        return (false, String::new(), 0);
    }
    let places = whole.len() as i64 - (digits.len() - stripped.len()) as i64
        + exponent.parse::<i64>().expect("an exponent");
    (text.starts_with('-'), stripped.trim_end_matches('0').to_owned(), places)
}

fn is_one_number(a: &str, b: &str) -> bool {
    let (x, y): (f64, f64) = (a.parse().expect("a number"), b.parse().expect("a number"));
    let shortest = decimal(&format!("{x:e}"));
    decimal(a) == decimal(b) || (x == y && (shortest == decimal(a) || shortest == decimal(b)))
}

fn is_one(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => is_one_number(a.as_str(), b.as_str()),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_one(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| is_one(a, b)))
        }
        (a, b) => a == b,
    }
}

fn values() -> impl Strategy<Value = Value> {
    let number = proptest::sample::select(SPELLINGS)
        .prop_map(|text| serde_json::from_str(text).expect("a number"));
    let string = proptest::sample::select(STRINGS).prop_map(|text| Value::String(text.to_owned()));
    let leaf = prop_oneof![4 => number, 2 => string, 1 => Just(Value::Null), 1 => any::<bool>().prop_map(Value::Bool)];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let keys = proptest::sample::select(&["a", "b", "1.10", "n\"1", "amount"][..]);
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::btree_map(keys, inner, 0..4).prop_map(|map| Value::Object(
                map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            )),
        ]
    })
}

/// The same value again, now and then with a number spelt differently, seldom with another value.
fn altered(value: &Value, dice: &mut impl Iterator<Item = u8>) -> Value {
    let roll = dice.next().unwrap_or(9);
    match value {
        _ if roll == 0 => Value::String("1.10".to_owned()),
        Value::Number(number) if roll < 6 => {
            let same =
                SPELLINGS.iter().filter(|other| roll == 1 || is_one_number(number.as_str(), other));
            let chosen =
                same.cycle().nth(usize::from(dice.next().unwrap_or(0))).expect("at least itself");
            serde_json::from_str(chosen).expect("a number")
        }
        Value::Array(list) => Value::Array(list.iter().map(|value| altered(value, dice)).collect()),
        Value::Object(map) => Value::Object(
            map.iter().map(|(key, value)| (key.clone(), altered(value, dice))).collect(),
        ),
        other => other.clone(),
    }
}

/// As `jsonb` writes it.
fn jsonb(value: &Value) -> String {
    match value {
        Value::Array(list) => {
            format!("[{}]", list.iter().map(jsonb).collect::<Vec<_>>().join(", "))
        }
        Value::Object(map) => {
            let member = |(key, value): (&String, &Value)| {
                format!("{}: {}", Value::String(key.clone()), jsonb(value))
            };
            format!("{{{}}}", map.iter().map(member).collect::<Vec<_>>().join(", "))
        }
        leaf => leaf.to_string(),
    }
}

/// As another program writes it: other white space, keys the other way round, strings escaped.
fn json(value: &Value) -> String {
    match value {
        Value::Array(list) => {
            format!("[ {}]", list.iter().map(json).collect::<Vec<_>>().join(" ,\n"))
        }
        Value::Object(map) => {
            let member =
                |(key, value): (&String, &Value)| format!("{} :{}", escaped(key), json(value));
            format!("{{{}\t}}", map.iter().rev().map(member).collect::<Vec<_>>().join(","))
        }
        Value::String(text) => escaped(text),
        leaf => leaf.to_string(),
    }
}

fn escaped(text: &str) -> String {
    let units: Vec<String> = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
    format!("\"{}\"", units.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn the_walk_over_jsonb_tells_what_the_oracle_tells(value in values(), dice in proptest::collection::vec(0u8..40, 0..60)) {
        let other = altered(&value, &mut dice.into_iter());
        let (first, second) = (jsonb(&value), jsonb(&other));
        prop_assert_eq!(is_alike_jsonb(first.as_bytes(), second.as_bytes()), is_one(&value, &other), "{} {}", first, second);
        prop_assert_eq!(is_alike_jsonb(second.as_bytes(), first.as_bytes()), is_one(&value, &other));
    }

    #[test]
    fn the_walk_over_json_tells_what_the_oracle_tells(value in values(), dice in proptest::collection::vec(0u8..40, 0..60)) {
        let other = altered(&value, &mut dice.into_iter());
        for (first, second) in [(jsonb(&value), jsonb(&other)), (jsonb(&value), json(&other)), (json(&value), json(&other))] {
            prop_assert_eq!(is_alike_json(&first, &second), is_one(&value, &other), "{} {}", first, second);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(first in "[\\[\\]{}\",:\\\\ 01e.a-]{0,40}", second in "[\\[\\]{}\",:\\\\ 01e.a-]{0,40}") {
        is_alike_jsonb(first.as_bytes(), second.as_bytes());
        is_alike_json(&first, &second);
        prop_assert!(is_alike_jsonb(first.as_bytes(), first.as_bytes()));
    }
}

#[test]
fn a_number_within_a_string_is_no_number() {
    assert!(!is_alike_jsonb(b"{\"a\": \"1.10\"}", b"{\"a\": \"1.1\"}"));
    assert!(!is_alike_jsonb(b"{\"a, 1.10\": 1}", b"{\"a, 1.1\": 1}"));
    assert!(is_alike_jsonb(b"{\"a\\\"\": 1.10, \"b\": 2}", b"{\"a\\\"\": 1.1, \"b\": 2.0}"));
    assert!(!is_alike_jsonb(b"{\"a\": 1.10, \"b\": \"2\"}", b"{\"a\": 1.1, \"b\": \"2.0\"}"));
}

#[test]
fn a_string_of_json_may_be_spelt_with_escapes() {
    assert!(is_alike_json("{\"a\": \"x\\u0041\"}", "{\"a\": \"xA\"}"));
    assert!(is_alike_json("{\"a\": \"\\u00e9\"}", "{\"a\": \"\\u00E9\"}"));
    assert!(!is_alike_json("{\"a\": \"x\\u0041\"}", "{\"a\": \"xB\"}"));
    assert!(!is_alike_json("{\"a\": \"x\"}", "{\"a\": \"xB\"}"));
    assert!(is_alike_json("{\"x: 1\": 1, \"x: 2\": 2}", "{\"x: 2\": 2, \"x: 1\": 1}"));
}

#[test]
fn keys_that_occur_twice_may_not_change_places() {
    assert!(is_alike_json("{\"a\":1,\"a\":2}", "{\"a\": 1.0, \"a\": 2}"));
    assert!(!is_alike_json("{\"a\":1,\"a\":2}", "{\"a\":2,\"a\":1}"));
    assert!(!is_alike_json("{\"a\":1,\"b\":3,\"a\":2}", "{\"b\":3,\"a\":2,\"a\":1}"));
    assert!(!is_alike_json("{\"a\":1,\"a\":1}", "{\"a\":1,\"b\":1}"));
}
