//! The paths a file names: in `use`, in code, in macros; resolved from the top of the crate.

use super::source::{Source, Token};
use std::collections::{BTreeMap, BTreeSet};

/// The library's name, as programs and tests outside of it write it.
const LIBRARY: &str = "counterfoil";

/// A path that a file names, from the top of the crate: `["event", "table", "Column"]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    pub line: usize,
    pub segments: Vec<String>,
    /// Whether it is compiled for tests only.
    pub is_test: bool,
}

/// A path as it is written, and the name it has from there on if it is imported.
struct Written<'a> {
    segments: Vec<&'a str>,
    name: Option<&'a str>,
}

/// All paths into the library that a file names. `modules` are all of the library's.
pub fn paths(source: &Source, modules: &BTreeSet<Vec<String>>) -> Vec<Path> {
    let tokens = &source.tokens;
    let mut found = Vec::new();
    let mut imported: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut later = Vec::new();
    // The module blocks we are in: `Some` for `mod name {`, `None` for any other brace.
    let mut blocks: Vec<Option<&str>> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let mut written = Vec::new();
        let line = tokens[at].line;
        let mut is_import = false;
        match text_at(tokens, at) {
            "{" => blocks.push(
                (at >= 2 && text_at(tokens, at - 2) == "mod").then(|| text_at(tokens, at - 1)),
            ),
            "}" => drop(blocks.pop()),
            "use" if text_at(tokens, at + 1) != "<" => {
                is_import = true;
                at = tree(tokens, at + 1, &[], &mut written) - 1;
            }
            word if is_word(word)
                && text_at(tokens, at + 1) == "::"
                && (at == 0 || text_at(tokens, at - 1) != "::") =>
            {
                at = tree(tokens, at, &[], &mut written) - 1;
            }
            _ => {}
        }
        at += 1;
        let mut here: Vec<&str> = source.module.iter().map(String::as_str).collect();
        here.extend(blocks.iter().flatten());
        let mut note = |segments| {
            found.push(Path { line, segments, is_test: source.is_test(line) });
        };
        for path in written {
            match resolve(&path.segments, &here, source.is_of_library(), modules) {
                Some(segments) => {
                    if let Some(name) = path.name.filter(|_| is_import) {
                        imported.insert(name, segments.clone());
                    }
                    note(segments);
                }
                None => later.push((line, path.segments)),
            }
        }
    }
    // A path may stand before the import it needs.
    for (line, segments) in later {
        if let Some(start) = imported.get(segments[0]) {
            let rest = segments[1..].iter().map(|segment| (*segment).to_owned());
            found.push(Path {
                line,
                segments: start.iter().cloned().chain(rest).collect(),
                is_test: source.is_test(line),
            });
        }
    }
    found
}

/// Reads a path or a tree of paths that starts at a token; returns where it ends, further on in any
/// case.
fn tree<'a>(
    tokens: &'a [Token],
    start: usize,
    prefix: &[&'a str],
    paths: &mut Vec<Written<'a>>,
) -> usize {
    let mut segments = prefix.to_vec();
    let mut at = start + usize::from(text_at(tokens, start) == "::");
    if text_at(tokens, at) == "{" {
        at += 1;
        while !["}", ""].contains(&text_at(tokens, at)) {
            at = tree(tokens, at, &segments, paths);
            at += usize::from(text_at(tokens, at) == ",");
        }
        return at + 1;
    }
    let mut name = None;
    if text_at(tokens, at) == "*" || is_word(text_at(tokens, at)) {
        segments.push(text_at(tokens, at));
        if text_at(tokens, at + 1) == "::" {
            return tree(tokens, at + 1, &segments, paths);
        }
        name = segments.iter().rev().copied().find(|segment| *segment != "self");
        if text_at(tokens, at + 1) == "as" {
            name = Some(text_at(tokens, at + 2));
            at += 2;
        }
    }
    if !segments.is_empty() {
        paths.push(Written { segments, name });
    }
    at + 1
}

/// The path from the top of the crate; `None` for another crate, or a name that an import has
/// brought.
fn resolve(
    path: &[&str],
    here: &[&str],
    is_of_library: bool,
    modules: &BTreeSet<Vec<String>>,
) -> Option<Vec<String>> {
    let child = || -> Vec<String> {
        here.iter().chain(path.first()).map(|segment| (*segment).to_owned()).collect()
    };
    let mut base: Vec<&str> = match *path.first()? {
        LIBRARY if !is_of_library => Vec::new(),
        "crate" | "super" | "self" if !is_of_library => return None,
        "crate" => Vec::new(),
        "super" | "self" => here.to_vec(),
        _ if is_of_library && modules.contains(&child()) => here.to_vec(),
        _ => return None,
    };
    for (at, segment) in path.iter().enumerate() {
        match *segment {
            "crate" | "self" => {}
            LIBRARY if at == 0 => {}
            "super" => drop(base.pop()),
            name => base.push(name),
        }
    }
    Some(base.into_iter().map(str::to_owned).collect())
}

fn text_at(tokens: &[Token], at: usize) -> &str {
    tokens.get(at).map_or("", |token| &token.text)
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(path: &str, text: &str) -> Vec<String> {
        let modules =
            ["a", "a::b", "c"].map(|module| module.split("::").map(str::to_owned).collect());
        let paths = paths(&Source::new(path, text).unwrap(), &modules.into());
        paths.iter().map(|path| path.segments.join("::")).collect()
    }

    #[test]
    fn a_path_is_found_however_it_is_written() {
        for (text, found) in [
            ("use crate::{c::{D, self}, a};", "c::D c a"),
            ("use super::c as e; fn f() { e::G::new() }", "c c::G::new"),
            ("fn f() { b::g(); mac!(x = self::b::H) } use slog::info;", "a::b::g a::b::H"),
            ("fn f() { D::new() } use crate::c::D;", "c::D c::D::new"),
            ("mod tests { use super::*; }", "a::*"),
            ("fn f() -> impl Sized + use<> { Vec::<u8>::new(); \"crate::c\" }", ""),
        ] {
            assert_eq!(told("src/a/mod.rs", text).join(" "), found, "{text}");
        }
    }

    #[test]
    fn outside_of_the_library_its_name_stands_for_the_top() {
        for path in ["src/main.rs", "tests/it/a.rs", "tools/a.rs"] {
            assert_eq!(
                told(path, "use counterfoil::a::B; use crate::c; fn f() { super::g(); B::h() }"),
                ["a::B", "a::B::h"]
            );
        }
    }
}
