//! As much of JSON Schema (draft 2020-12) as our own schema uses; a keyword that is not known here
//! fails the test that meets it.

use regex_lite::Regex;
use serde_json::Value;

/// What a schema finds wrong with a value, one a line with its path.
pub fn problems(root: &Value, value: &Value) -> Vec<String> {
    judge(root, root, value, "")
}

fn judge(root: &Value, schema: &Value, value: &Value, path: &str) -> Vec<String> {
    let mut problems = Vec::new();
    for (keyword, wanted) in schema.as_object().expect("a schema is an object") {
        problems.extend(match keyword.as_str() {
            "$schema" | "title" | "description" | "default" | "examples" | "$defs" => Vec::new(),
            "additionalProperties" => further_keys(root, schema, wanted, value, path),
            "properties" => properties(root, wanted, value, path),
            "items" => items(root, wanted, value, path),
            "$ref" => judge(root, referred(root, wanted), value, path),
            "allOf" => each(wanted).flat_map(|schema| judge(root, schema, value, path)).collect(),
            "anyOf" => any_of(root, wanted, value, path),
            "not" => {
                let is_met = judge(root, wanted, value, path).is_empty();
                let told = || format!("{path}: this must not be: {wanted}");
                is_met.then(told).into_iter().collect()
            }
            _ => {
                let is_met = is_met(keyword, wanted, value);
                let told = || format!("{path}: {keyword} {wanted} is not met by {value}");
                (!is_met).then(told).into_iter().collect()
            }
        });
    }
    problems
}

fn each(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().expect("a list of schemas").iter()
}

fn referred<'a>(root: &'a Value, reference: &Value) -> &'a Value {
    let pointer = reference.as_str().and_then(|reference| reference.strip_prefix('#'));
    root.pointer(pointer.expect("a reference into this file")).expect("a part that is there")
}

fn any_of(root: &Value, schemas: &Value, value: &Value, path: &str) -> Vec<String> {
    let all: Vec<Vec<String>> =
        each(schemas).map(|schema| judge(root, schema, value, path)).collect();
    if all.iter().any(Vec::is_empty) { Vec::new() } else { all.concat() }
}

/// What `additionalProperties` says of keys that `properties` does not name: none, or a schema for
/// each.
fn further_keys(
    root: &Value,
    schema: &Value,
    allowed: &Value,
    value: &Value,
    path: &str,
) -> Vec<String> {
    let is_known =
        |key: &str| schema.pointer("/properties").is_some_and(|known| known.get(key).is_some());
    let members = value.as_object().into_iter().flatten().filter(|(key, _)| !is_known(key));
    let told = |(key, value): (&String, &Value)| {
        let path = format!("{path}/{key}");
        if *allowed == false {
            vec![format!("{path}: unknown key")]
        } else {
            judge(root, allowed, value, &path)
        }
    };
    members.flat_map(told).collect()
}

fn properties(root: &Value, schemas: &Value, value: &Value, path: &str) -> Vec<String> {
    let members = value.as_object().into_iter().flatten();
    let known = members.filter_map(|(key, value)| Some((key, value, schemas.get(key)?)));
    known
        .flat_map(|(key, value, schema)| judge(root, schema, value, &format!("{path}/{key}")))
        .collect()
}

fn items(root: &Value, schema: &Value, value: &Value, path: &str) -> Vec<String> {
    let items = value.as_array().into_iter().flatten().enumerate();
    items
        .flat_map(|(index, value)| judge(root, schema, value, &format!("{path}/{index}")))
        .collect()
}

/// A keyword that looks at the value alone; it is met by values of another type.
fn is_met(keyword: &str, wanted: &Value, value: &Value) -> bool {
    let length = value.as_str().map(|text| text.chars().count() as u64);
    match keyword {
        "type" => match wanted.as_str().expect("one type") {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" => value.as_i64().is_some(),
            other => panic!("unknown type {other}"),
        },
        "enum" => each(wanted).any(|word| word == value),
        "required" => value.as_object().is_none_or(|object| {
            each(wanted).all(|key| object.contains_key(key.as_str().unwrap()))
        }),
        "minimum" => value.as_i64().is_none_or(|number| number >= wanted.as_i64().unwrap()),
        "maximum" => value.as_i64().is_none_or(|number| number <= wanted.as_i64().unwrap()),
        "minLength" => length.is_none_or(|length| length >= wanted.as_u64().unwrap()),
        "maxLength" => length.is_none_or(|length| length <= wanted.as_u64().unwrap()),
        "minItems" => {
            value.as_array().is_none_or(|list| list.len() as u64 >= wanted.as_u64().unwrap())
        }
        "pattern" => value
            .as_str()
            .is_none_or(|text| Regex::new(wanted.as_str().unwrap()).unwrap().is_match(text)),
        other => panic!("this test does not know the keyword {other}: teach it"),
    }
}
