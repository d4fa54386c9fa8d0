//! A JSON text as a tree that borrows it, with keys that occur twice and the spelling of numbers.

use super::token::{JsonToken, JsonTokens};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Deeper values are not taken apart.
const DEPTH_MAX: usize = 100;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum JsonNode<'a> {
    /// A number, `true`, `false` or `null` as it is spelt.
    Atom(&'a str),
    /// A string, without its quotes and escapes.
    Text(Cow<'a, str>),
    Array(Vec<JsonNode<'a>>),
    /// Members in their order.
    Object(Vec<(Cow<'a, str>, JsonNode<'a>)>),
}

impl<'a> JsonNode<'a> {
    /// Takes a text apart; `None` when it is no JSON (cut off, for one), or deeper than
    /// `DEPTH_MAX`.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let mut tokens = JsonTokens::of(text);
        let first = tokens.next()?;
        let node = value(first, &mut tokens, DEPTH_MAX)?;
        tokens.next().is_none().then_some(node)
    }
}

/// The members by key; `None` when a key occurs twice.
pub(super) fn by_key<'n, 'a>(
    members: &'n [(Cow<'a, str>, JsonNode<'a>)],
) -> Option<BTreeMap<&'n str, &'n JsonNode<'a>>> {
    let map: BTreeMap<&str, &JsonNode<'_>> =
        members.iter().map(|(key, node)| (key.as_ref(), node)).collect();
    (map.len() == members.len()).then_some(map)
}

/// What a string with its quotes says.
pub(super) fn unquoted(text: &str) -> Option<Cow<'_, str>> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(text).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

fn value<'a>(
    first: JsonToken<'a>,
    tokens: &mut JsonTokens<'a>,
    depth: usize,
) -> Option<JsonNode<'a>> {
    match first {
        JsonToken::Atom(text) => Some(JsonNode::Atom(text)),
        JsonToken::Text(text) => unquoted(text).map(JsonNode::Text),
        JsonToken::Open('[') => {
            members(']', tokens, depth, |first, tokens, depth| value(first, tokens, depth))
                .map(JsonNode::Array)
        }
        JsonToken::Open(_) => members('}', tokens, depth, member).map(JsonNode::Object),
        _ => None,
    }
}

fn member<'a>(
    first: JsonToken<'a>,
    tokens: &mut JsonTokens<'a>,
    depth: usize,
) -> Option<(Cow<'a, str>, JsonNode<'a>)> {
    let JsonToken::Text(key) = first else { return None };
    if tokens.next()? != JsonToken::Colon {
        return None;
    }
    let first = tokens.next()?;
    Some((unquoted(key)?, value(first, tokens, depth)?))
}

fn members<'a, T>(
    close: char,
    tokens: &mut JsonTokens<'a>,
    depth: usize,
    read: impl Fn(JsonToken<'a>, &mut JsonTokens<'a>, usize) -> Option<T>,
) -> Option<Vec<T>> {
    let depth = depth.checked_sub(1)?;
    let mut all = Vec::new();
    let mut next = tokens.next()?;
    while next != JsonToken::Close(close) {
        if !all.is_empty() {
            if next != JsonToken::Comma {
                return None;
            }
            next = tokens.next()?;
        }
        all.push(read(next, tokens, depth)?);
        next = tokens.next()?;
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order_numbers_their_spelling_and_keys_may_occur_twice() {
        let node =
            JsonNode::parse("{\"b\": [1.10, \"\\u0041\"], \"a\": {}, \"a\": null}").expect("JSON");
        let JsonNode::Object(members) = node else { panic!("an object") };
        let list = JsonNode::Array(vec![JsonNode::Atom("1.10"), JsonNode::Text("A".into())]);
        assert_eq!(members[0], ("b".into(), list));
        assert_eq!(members[2], ("a".into(), JsonNode::Atom("null")));
        assert!(by_key(&members).is_none() && by_key(&members[..2]).is_some());
    }

    #[test]
    fn what_is_cut_off_garbled_or_too_deep_is_no_tree() {
        for text in ["", "[1", "{\"a\"}", "[1 2]", "[,1]", "{1: 2}", "\"a", "[1] 2"] {
            assert_eq!(JsonNode::parse(text), None, "{text}");
        }
        let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(
            JsonNode::parse(&deep(DEPTH_MAX)).is_some()
                && JsonNode::parse(&deep(DEPTH_MAX + 1)).is_none()
        );
    }
}
