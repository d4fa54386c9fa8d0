//! Whether two JSON texts mean the same, without taking them apart: both are walked at once, up to
//! the first difference that is one.

use super::token::{JsonToken, JsonTokens};
use super::tree::{JsonNode, by_key, unquoted};
use crate::event::representation::number::{is_number, is_same_value};

/// Bytes that are compared at once.
const STRIDE: usize = 32;

/// Whether two texts of `jsonb` differ in nothing but the spelling of numbers. The server writes
/// white space and the order of keys always alike.
pub(crate) fn is_alike_jsonb(first: &[u8], second: &[u8]) -> bool {
    // Both places are never within a string.
    let (mut first, mut second) = (first, second);
    loop {
        let equal = equal_bytes(first, second);
        if equal == first.len() && equal == second.len() {
            return true;
        }
        let start =
            equal - first[..equal].iter().rev().take_while(|byte| is_of_number(**byte)).count();
        let (a, b) = (number_at(&first[start..]), number_at(&second[start..]));
        if a == b || !is_same_value(a, b) || !ends_outside_of_a_string(&first[..start]) {
            return false;
        }
        (first, second) = (&first[start + a.len()..], &second[start + b.len()..]);
    }
}

/// Whether two texts of `json` differ in nothing but the spelling of numbers and strings, white
/// space and the order of keys. Where keys occur twice in an object, their order matters.
pub(crate) fn is_alike_json(first: &str, second: &str) -> bool {
    if is_unlike_at_once(first.as_bytes(), second.as_bytes()) {
        return false;
    }
    let (mut ours, mut theirs) = (JsonTokens::of(first), JsonTokens::of(second));
    loop {
        let (a, b) = (ours.next(), theirs.next());
        match (a, b) {
            (None, None) => return true,
            (Some(JsonToken::Rest(_)), _) | (_, Some(JsonToken::Rest(_))) => return false,
            _ if a == b => {}
            (Some(JsonToken::Atom(a)), Some(JsonToken::Atom(b)))
                if is_same_value(a.as_bytes(), b.as_bytes()) => {}
            (Some(JsonToken::Text(a)), Some(JsonToken::Text(b))) if is_one_string(a, b) => {}
            // Another key at this place: only the order may differ.
            (Some(JsonToken::Text(_)), Some(JsonToken::Text(_)))
                if ours.next() == Some(JsonToken::Colon) =>
            {
                break;
            }
            _ => return false,
        }
    }
    match (JsonNode::parse(first), JsonNode::parse(second)) {
        (Some(first), Some(second)) => is_one_value(&first, &second),
        _ => false,
    }
}

/// Whether the first bytes that differ belong to values of the same key that are unlike for
/// certain. It saves most texts that are unlike the walk by tokens.
fn is_unlike_at_once(first: &[u8], second: &[u8]) -> bool {
    let equal = equal_bytes(first, second);
    let same = &first[..equal];
    if let Some(quote) = open_quote(same) {
        // A string without escapes is spelt in one way alone.
        let is_plain = |text: &[u8]| {
            text[quote + 1..].iter().find(|byte| matches!(byte, b'\\' | b'"')) == Some(&b'"')
        };
        return is_value_at(&same[..quote]) && is_plain(first) && is_plain(second);
    }
    let start = equal - same.iter().rev().take_while(|byte| is_of_number(**byte)).count();
    let (a, b) = (number_at(&first[start..]), number_at(&second[start..]));
    is_value_at(&same[..start]) && is_number(a) && is_number(b) && !is_same_value(a, b)
}

/// Whether the value of a key comes next.
fn is_value_at(text: &[u8]) -> bool {
    text.trim_ascii_end().last() == Some(&b':')
}

fn equal_bytes(first: &[u8], second: &[u8]) -> usize {
    let strides = first.chunks_exact(STRIDE).zip(second.chunks_exact(STRIDE));
    let start = STRIDE * strides.take_while(|(a, b)| a == b).count();
    let rest = first[start..].iter().zip(&second[start..]);
    start + rest.take_while(|(a, b)| a == b).count()
}

fn is_of_number(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E')
}

fn number_at(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| !is_of_number(*byte));
    &text[..end.unwrap_or(text.len())]
}

/// Of a text that begins outside of one.
fn ends_outside_of_a_string(text: &[u8]) -> bool {
    open_quote(text).is_none()
}

/// Where the string begins within which a text ends, if it does; it begins outside of one.
fn open_quote(text: &[u8]) -> Option<usize> {
    let (mut quote, mut is_escaped) = (None, false);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => quote = if quote.is_some() { None } else { Some(at) },
            _ => {}
        }
    }
    quote
}

fn is_one_string(first: &str, second: &str) -> bool {
    let is_escaped = first.contains('\\') || second.contains('\\');
    is_escaped && unquoted(first).is_some_and(|first| Some(first) == unquoted(second))
}

fn is_one_value(first: &JsonNode<'_>, second: &JsonNode<'_>) -> bool {
    match (first, second) {
        (JsonNode::Atom(a), JsonNode::Atom(b)) => {
            a == b || is_same_value(a.as_bytes(), b.as_bytes())
        }
        (JsonNode::Array(a), JsonNode::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_one_value(a, b))
        }
        (JsonNode::Object(a), JsonNode::Object(b)) => match (by_key(a), by_key(b)) {
            (Some(a), Some(b)) => {
                a.len() == b.len()
                    && a.iter().zip(&b).all(|((j, a), (k, b))| j == k && is_one_value(a, b))
            }
            (None, None) => {
                a.len() == b.len()
                    && a.iter().zip(b).all(|((j, a), (k, b))| j == k && is_one_value(a, b))
            }
            _ => false,
        },
        (a, b) => a == b,
    }
}

#[cfg(test)]
mod tests;
