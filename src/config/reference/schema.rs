//! `config/counterfoil.schema.json`: JSON Schema (draft 2020-12) of a configuration file, for TOML
//! and JSON alike.

use crate::config::keys::{
    self, ExampleValue, IDENTIFIER_BYTES_MAX, IntegerRange, Key, KeyDefault, KeyTable,
    LABEL_BYTES_MAX, SlateName, ValueType,
};
use crate::config::kinds::groups_of;
use serde_json::{Map, Value, json};

/// The text of `config/counterfoil.schema.json`.
pub fn schema() -> String {
    let root = table(&keys::ROOT);
    let mut schema = Map::new();
    schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("title".to_owned(), json!("Counterfoil"));
    schema.extend(root);
    let further = keys::TABLES.iter().filter(|table| !table.name.is_empty());
    let mut parts: Map<String, Value> =
        further.map(|known| (known.name.to_owned(), Value::Object(table(known)))).collect();
    let variable = json!({ "description": "A text with an environment variable in it.", "type": "string", "pattern": "\\$\\{" });
    parts.insert("variable".to_owned(), variable);
    schema.insert("$defs".to_owned(), Value::Object(parts));
    format!("{:#}\n", Value::Object(schema))
}

fn table(table: &KeyTable) -> Map<String, Value> {
    let groups = groups_of(table);
    let keys = || groups.iter().flat_map(|group| group.keys);
    let mut properties = Map::new();
    for key in keys() {
        for (name, language) in names(key) {
            properties.insert(name.to_owned(), property(key, language));
        }
    }
    let needed = keys().filter(|key| matches!(key.preset, KeyDefault::Required));
    let needed: Vec<Value> = needed.map(|key| one_of(&[key])).collect();
    let mut schema = Map::new();
    if !table.help.is_empty() {
        schema.insert("description".to_owned(), json!(table.help));
    }
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("properties".to_owned(), Value::Object(properties));
    schema.insert("additionalProperties".to_owned(), json!(false));
    if !needed.is_empty() {
        // Beside other files one may hold nothing of a replication.
        let of_replication: Vec<&Key> = keys()
            .filter(|key| !keys::PROCESS.iter().any(|table| table.name == key.name))
            .collect();
        let alternatives = json!([{ "allOf": needed }, { "not": one_of(&of_replication) }]);
        schema.insert("anyOf".to_owned(), alternatives);
    }
    schema
}

/// The names of a key, each with a remark for slate's.
fn names(key: &Key) -> Vec<(&'static str, &'static str)> {
    match key.slate {
        SlateName::None => vec![(key.name, "")],
        SlateName::Also(slates) => vec![(key.name, ""), (slates, "slate's name; in JSON only.")],
        SlateName::Only => vec![(key.name, "In JSON only.")],
    }
}

/// One of these keys is there, under one of its names.
fn one_of(keys: &[&Key]) -> Value {
    let names = keys.iter().flat_map(|key| key.names(true));
    let required: Vec<Value> = names.map(|name| json!({ "required": [name] })).collect();
    json!({ "anyOf": required })
}

fn property(key: &Key, remark: &str) -> Value {
    let mut property = Map::new();
    let help = [key.help, remark].into_iter().filter(|text| !text.is_empty());
    let help = help.collect::<Vec<_>>().join(" ");
    if !help.is_empty() {
        property.insert("description".to_owned(), json!(help));
    }
    let Value::Object(values) = values(key) else {
        unreachable!("a schema of values is an object")
    };
    property.extend(values);
    let preset = match key.preset {
        KeyDefault::Boolean(preset) => Some(json!(preset)),
        KeyDefault::Integer(preset) => Some(json!(preset)),
        KeyDefault::Text(preset) => Some(json!(preset)),
        KeyDefault::EmptyList => Some(json!([])),
        KeyDefault::Required | KeyDefault::Described(_) => None,
    };
    property.extend(preset.map(|preset| ("default".to_owned(), preset)));
    if let ExampleValue::Set(example) | ExampleValue::Comment(example) = key.shown
        && let Ok(example) = serde_json::from_str::<Value>(example)
    {
        property.insert("examples".to_owned(), json!([example]));
    }
    Value::Object(property)
}

/// What may be written.
fn values(key: &Key) -> Value {
    match key.value {
        ValueType::Section => json!({ "$ref": format!("#/$defs/{}", key.name) }),
        ValueType::SectionList => {
            json!({ "type": "array", "minItems": 1, "items": { "$ref": format!("#/$defs/{}", key.name) } })
        }
        ValueType::SectionMap => {
            json!({ "type": "object", "additionalProperties": { "$ref": format!("#/$defs/{}", key.name) } })
        }
        ValueType::Text => json!({ "type": "string" }),
        ValueType::Label => or_variable(&[text(1, LABEL_BYTES_MAX)]),
        ValueType::Identifier { may_be_empty } => {
            or_variable(&[text(usize::from(!may_be_empty), IDENTIFIER_BYTES_MAX)])
        }
        ValueType::TableName => text_of_table(),
        ValueType::TableNames => {
            json!({ "anyOf": [text_of_table(), { "type": "array", "minItems": 1, "items": text_of_table() }] })
        }
        ValueType::Port => json!({ "anyOf": [integer(&keys::PORT), { "type": "string" }] }),
        ValueType::Boolean => json!({ "type": "boolean" }),
        ValueType::Integer(range) => or_variable(&[integer(&range)]),
        ValueType::Choice(words) => or_variable(&[
            json!({ "enum": words.iter().map(|word| word.word).collect::<Vec<_>>() }),
        ]),
        ValueType::Ids(words) => {
            let words: Vec<&str> = words
                .iter()
                .map(|word| word.word)
                .filter(|word| !word.starts_with("grace:"))
                .collect();
            or_variable(&[
                json!({ "enum": words }),
                json!({ "type": "string", "pattern": "^grace:[0-9]+m?s$" }),
            ])
        }
        ValueType::NamePairs => {
            let name = or_variable(&[text(1, IDENTIFIER_BYTES_MAX)]);
            json!({ "type": "object", "additionalProperties": name })
        }
        ValueType::Mapping => {
            let expressions =
                json!({ "type": "object", "additionalProperties": { "type": "string" } });
            json!({ "anyOf": [{ "enum": ["same"] }, expressions] })
        }
        ValueType::Names => {
            let name = or_variable(&[text(1, IDENTIFIER_BYTES_MAX)]);
            json!({ "type": "array", "items": name, "uniqueItems": true })
        }
        ValueType::Texts | ValueType::CommandLine => {
            json!({ "type": "array", "items": { "type": "string" } })
        }
        ValueType::IdRanges => {
            let range = json!({ "type": "string", "pattern": "^\\s*[+-]?[0-9]+\\s*(\\.\\.\\s*[+-]?[0-9]+\\s*)?$" });
            json!({ "type": "array", "items": or_variable(&[json!({ "type": "integer" }), range]) })
        }
    }
}

fn text_of_table() -> Value {
    json!({ "type": "string", "minLength": 1 })
}

/// Characters are counted here and bytes in the reader, so that this refuses nothing that is right.
fn text(least: usize, most: usize) -> Value {
    json!({ "type": "string", "minLength": least, "maxLength": most })
}

fn integer(range: &IntegerRange) -> Value {
    if range.least == i64::MIN {
        return json!({ "type": "integer", "maximum": range.most });
    }
    json!({ "type": "integer", "minimum": range.least, "maximum": range.most })
}

/// One of these, or a text that takes an environment variable.
fn or_variable(values: &[Value]) -> Value {
    let variable = json!({ "$ref": "#/$defs/variable" });
    json!({ "anyOf": values.iter().cloned().chain([variable]).collect::<Vec<_>>() })
}
