//! A JSON text as a tree that borrows it, with keys that occur twice and the spelling of numbers.

use super::token::{Token, Tokens};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Deeper values are not taken apart.
const DEPTH_MAX: usize = 100;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node<'a> {
    /// A number, `true`, `false` or `null` as it is spelt.
    Atom(&'a str),
    /// A string, without its quotes and escapes.
    Text(Cow<'a, str>),
    Array(Vec<Node<'a>>),
    /// Members in their order.
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
}

impl<'a> Node<'a> {
    /// Takes a text apart; `None` when it is no JSON (cut off, for one), or deeper than `DEPTH_MAX`.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let mut tokens = Tokens::of(text);
        let first = tokens.next()?;
        let node = value(first, &mut tokens, DEPTH_MAX)?;
        tokens.next().is_none().then_some(node)
    }
}

/// The members by key; `None` when a key occurs twice.
pub(super) fn by_key<'n, 'a>(members: &'n [(Cow<'a, str>, Node<'a>)]) -> Option<BTreeMap<&'n str, &'n Node<'a>>> {
    let map: BTreeMap<&str, &Node<'_>> = members.iter().map(|(key, node)| (key.as_ref(), node)).collect();
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

fn value<'a>(first: Token<'a>, tokens: &mut Tokens<'a>, depth: usize) -> Option<Node<'a>> {
    match first {
        Token::Atom(text) => Some(Node::Atom(text)),
        Token::Text(text) => unquoted(text).map(Node::Text),
        Token::Open('[') => members(']', tokens, depth, |first, tokens, depth| value(first, tokens, depth)).map(Node::Array),
        Token::Open(_) => members('}', tokens, depth, member).map(Node::Object),
        _ => None,
    }
}

fn member<'a>(first: Token<'a>, tokens: &mut Tokens<'a>, depth: usize) -> Option<(Cow<'a, str>, Node<'a>)> {
    let Token::Text(key) = first else { return None };
    if tokens.next()? != Token::Colon {
        return None;
    }
    let first = tokens.next()?;
    Some((unquoted(key)?, value(first, tokens, depth)?))
}

fn members<'a, T>(
    close: char,
    tokens: &mut Tokens<'a>,
    depth: usize,
    read: impl Fn(Token<'a>, &mut Tokens<'a>, usize) -> Option<T>,
) -> Option<Vec<T>> {
    let depth = depth.checked_sub(1)?;
    let mut all = Vec::new();
    let mut next = tokens.next()?;
    while next != Token::Close(close) {
        if !all.is_empty() {
            if next != Token::Comma {
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
        let node = Node::parse("{\"b\": [1.10, \"\\u0041\"], \"a\": {}, \"a\": null}").expect("JSON");
        let Node::Object(members) = node else { panic!("an object") };
        let list = Node::Array(vec![Node::Atom("1.10"), Node::Text("A".into())]);
        assert_eq!(members[0], ("b".into(), list));
        assert_eq!(members[2], ("a".into(), Node::Atom("null")));
        assert!(by_key(&members).is_none() && by_key(&members[..2]).is_some());
    }

    #[test]
    fn what_is_cut_off_garbled_or_too_deep_is_no_tree() {
        for text in ["", "[1", "{\"a\"}", "[1 2]", "[,1]", "{1: 2}", "\"a", "[1] 2"] {
            assert_eq!(Node::parse(text), None, "{text}");
        }
        let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(Node::parse(&deep(DEPTH_MAX)).is_some() && Node::parse(&deep(DEPTH_MAX + 1)).is_none());
    }
}
