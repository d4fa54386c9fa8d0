//! Whether an event differs from the source's only as slate's replicator alters events: time stamps
//! cut to milliseconds, JSON numbers rewritten as doubles.

use crate::event::representation::number::is_written_as_double;
use crate::event::representation::timestamp::{is_cut_to_ms, microseconds};
use postgres_types::Type;
use serde_json::{Number, Value};

/// One column of an event: what the source has, and what the destination has. `None` is NULL or too
/// long to look at.
#[derive(Clone, Copy, Debug)]
pub struct ColumnTexts<'a> {
    /// The type of the column at the source.
    pub type_oid: u32,
    /// Its text at the source.
    pub source: Option<&'a str>,
    /// Its text at the destination.
    pub destination: Option<&'a str>,
}

/// Whether every column is equal or altered in slate's way, and at least one is altered.
pub fn is_slates_work(columns: &[ColumnTexts<'_>]) -> bool {
    let is_altered = |texts: &&ColumnTexts<'_>| texts.source != texts.destination;
    let mut altered = columns.iter().filter(is_altered).peekable();
    altered.peek().is_some() && altered.all(is_slates_alteration)
}

fn is_slates_alteration(texts: &ColumnTexts<'_>) -> bool {
    let (Some(source), Some(destination)) = (texts.source, texts.destination) else {
        return false;
    };
    match texts.type_oid {
        oid if oid == Type::TIMESTAMPTZ.oid() || oid == Type::TIMESTAMP.oid() => {
            is_cut(source, destination)
        }
        oid if oid == Type::JSONB.oid() => is_rewritten(source, destination, is_shortest_double),
        oid if oid == Type::JSON.oid() => is_rewritten(source, destination, is_double),
        _ => false,
    }
}

/// A time stamp after a stay in a JavaScript `Date`.
fn is_cut(source: &str, destination: &str) -> bool {
    let moments = microseconds(source).zip(microseconds(destination));
    moments.is_some_and(|(source, destination)| is_cut_to_ms(source, destination))
}

/// How a number of the source may be found at the destination.
type NumberRewriting = fn(&Number, &Number) -> bool;

fn is_rewritten(source: &str, destination: &str, number: NumberRewriting) -> bool {
    match (serde_json::from_str(source), serde_json::from_str(destination)) {
        (Ok(source), Ok(destination)) => are_equal(&source, &destination, number),
        _ => false,
    }
}

/// A `jsonb` number after a stay in JavaScript: the shortest digits that give the same double, as
/// `numeric` writes them out.
fn is_shortest_double(source: &Number, destination: &Number) -> bool {
    let written = destination.to_string();
    written == source.to_string()
        || source.as_f64().is_some_and(|double| written == double.to_string())
}

/// A number of `json`, which keeps how JavaScript writes it: `1e+21`.
fn is_double(source: &Number, destination: &Number) -> bool {
    is_written_as_double(source.to_string().as_bytes(), destination.to_string().as_bytes())
}

fn are_equal(source: &Value, destination: &Value, number: NumberRewriting) -> bool {
    match (source, destination) {
        (Value::Number(source), Value::Number(destination)) => number(source, destination),
        (Value::Array(source), Value::Array(destination)) => {
            let mut pairs = source.iter().zip(destination);
            source.len() == destination.len()
                && pairs.all(|(source, destination)| are_equal(source, destination, number))
        }
        (Value::Object(source), Value::Object(destination)) => {
            let has_equal = |(key, value)| {
                destination.get(key).is_some_and(|other| are_equal(value, other, number))
            };
            source.len() == destination.len() && source.iter().all(has_equal)
        }
        _ => source == destination,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_slates(of: &Type, source: &str, destination: &str) -> bool {
        is_slates_work(&[ColumnTexts {
            type_oid: of.oid(),
            source: Some(source),
            destination: Some(destination),
        }])
    }

    #[test]
    fn a_time_stamp_cut_to_milliseconds_is_slates_and_any_other_is_not() {
        let ts = |source, destination| is_slates(&Type::TIMESTAMPTZ, source, destination);
        assert!(ts("2026-04-03 10:11:12.123456+00", "2026-04-03 10:11:12.123+00"));
        assert!(ts("2026-04-03 10:11:12.120456+00", "2026-04-03 10:11:12.12+00"));
        assert!(ts("2026-04-03 10:11:12.000456+00", "2026-04-03 10:11:12+00"));
        assert!(!ts("2026-04-03 10:11:12.123456+00", "2026-04-03 10:11:12.124+00"));
        assert!(!ts("2026-04-03 10:11:12+00", "2026-04-03 10:11:12+00"));
    }

    #[test]
    fn numbers_rewritten_as_doubles_are_slates_and_other_values_are_not() {
        let json = |source, destination| is_slates(&Type::JSONB, source, destination);
        assert!(json(
            r#"{"n": [1.10, 12345678901234567890]}"#,
            r#"{"n": [1.1, 12345678901234567000]}"#
        ));
        assert!(!json(r#"{"n": 1}"#, r#"{"n": 2}"#));
        assert!(!json(r#"{"n": 1.10, "s": "a"}"#, r#"{"n": 1.1, "s": "b"}"#));
        assert!(!is_slates(&Type::TEXT, "1.10", "1.1"));
    }

    #[test]
    fn a_number_that_no_double_is_written_as_is_not_slates() {
        for (source, destination, is_its) in [
            ("1.10", "1.1", true),
            ("1.1", "1.1000000000000000001", false),
            ("12345678901234567890", "12345678901234567000", true),
            ("12345678901234567890", "12345678901234567891", false),
            ("1e21", "1000000000000000000000", true),
            ("0.00000015000", "0.00000015", true),
            ("0.0", "0", true),
            ("100.00", "100", true),
        ] {
            assert_eq!(
                is_slates(&Type::JSONB, source, destination),
                is_its,
                "{source} {destination}"
            );
        }
        assert!(is_slates(&Type::JSON, "[1e21]", "[1000000000000000000000]"));
    }
}
