//! A file of Rust as the rules see it: its module, its items, its tokens, and what of it is for
//! tests only.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::Path;

/// A file of the package.
pub struct Source {
    /// From the top, with `/`.
    pub path: String,
    /// From the top of the crate: `["event", "table"]` for src/event/table.rs.
    pub module: Vec<String>,
    pub syntax: syn::File,
    pub tokens: Vec<Token>,
    pub is_of_tests: bool,
    /// Lines that are compiled for tests only.
    tests: Vec<RangeInclusive<usize>>,
}

/// A word, a mark, `::`, a bracket, or `"` for any literal. Comments are no tokens, those of the
/// documentation neither.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    pub text: String,
    /// From 1.
    pub line: usize,
    /// Where it ends: a literal may be long.
    pub last_line: usize,
}

impl Source {
    /// A file by its path from the top. Fails if the text is not Rust.
    pub fn new(path: &str, text: &str) -> Result<Self, String> {
        let not_rust = |error: &dyn std::fmt::Display| format!("{path} is not Rust: {error}");
        let stream: TokenStream = text.parse().map_err(|error| not_rust(&error))?;
        let syntax = syn::parse2(stream.clone()).map_err(|error| not_rust(&error))?;
        let mut tokens = Vec::new();
        flatten(stream, &mut tokens);
        Ok(Self {
            path: path.to_owned(),
            module: by_place(path),
            syntax,
            tests: tests_in(&tokens),
            tokens,
            is_of_tests: path.starts_with("tests/") || path.starts_with("benches/"),
        })
    }

    /// Whether a line is for tests only.
    pub fn is_test(&self, line: usize) -> bool {
        self.is_of_tests || self.tests.iter().any(|lines| lines.contains(&line))
    }

    /// Whether it is part of the library.
    pub fn is_of_library(&self) -> bool {
        self.path.starts_with("src/") && self.path != "src/main.rs"
    }
}

/// Corrects the modules of files that `#[path]` names, and marks what is declared for tests, with
/// all below it.
pub fn place_by_declaration(sources: &mut [Source]) {
    let mut named = BTreeMap::new();
    let mut of_tests = BTreeSet::new();
    for parent in sources.iter() {
        for item in &parent.syntax.items {
            let syn::Item::Mod(item) = item else { continue };
            let module: Vec<String> =
                parent.module.iter().cloned().chain([item.ident.to_string()]).collect();
            if item.content.is_none() && parent.is_test(item.ident.span().start().line) {
                of_tests.insert(module.clone());
            }
            if let Some(name) = item.attrs.iter().find_map(path_of) {
                let dir = parent.path.rsplit_once('/').map_or("", |(dir, _)| dir);
                named.insert(format!("{dir}/{name}"), module);
            }
        }
    }
    for source in sources.iter_mut().filter(|source| source.path.starts_with("src/")) {
        if let Some(module) = named.remove(&source.path) {
            source.module = module;
        }
        source.is_of_tests =
            (1..=source.module.len()).any(|end| of_tests.contains(&source.module[..end]));
    }
}

/// All files below these directories (those that exist) whose name ends in `.extension`, or has no
/// such end for "": path and text, in order.
pub fn files(top: &Path, dirs: &[&str], extension: &str) -> std::io::Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    let mut todo: Vec<_> =
        dirs.iter().map(|dir| top.join(dir)).filter(|dir| dir.exists()).collect();
    while let Some(dir) = todo.pop() {
        for entry in std::fs::read_dir(dir)? {
            let path = entry?.path();
            if path.is_dir() {
                todo.push(path);
            } else if path.extension().unwrap_or_default() == extension {
                let name = path.strip_prefix(top).unwrap_or(&path).to_string_lossy().into_owned();
                files.push((name, std::fs::read_to_string(&path)?));
            }
        }
    }
    files.sort();
    Ok(files)
}

fn by_place(path: &str) -> Vec<String> {
    let place = path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
    place.split('/').filter(|part| *part != "lib").map(str::to_owned).collect()
}

/// What `#[path = "…"]` says.
fn path_of(attribute: &syn::Attribute) -> Option<String> {
    match &attribute.meta {
        syn::Meta::NameValue(syn::MetaNameValue {
            path,
            value: syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(name), .. }),
            ..
        }) if path.is_ident("path") => Some(name.value()),
        _ => None,
    }
}

fn flatten(stream: TokenStream, tokens: &mut Vec<Token>) {
    let trees: Vec<TokenTree> = stream.into_iter().collect();
    let mut at = 0;
    while at < trees.len() {
        let rest = &trees[at..];
        at += comment_length(rest).max(1);
        if comment_length(rest) > 0 {
            continue;
        }
        match &rest[0] {
            TokenTree::Ident(word) => {
                push(tokens, word.to_string().trim_start_matches("r#"), word.span())
            }
            TokenTree::Literal(literal) => push(tokens, "\"", literal.span()),
            TokenTree::Punct(mark)
                if is_mark(&rest[0], ':') && rest.get(1).is_some_and(|next| is_mark(next, ':')) =>
            {
                push(tokens, "::", mark.span());
                at += 1;
            }
            TokenTree::Punct(mark) => push(tokens, &mark.as_char().to_string(), mark.span()),
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::None => ("", ""),
                };
                push(tokens, open, group.span_open());
                flatten(group.stream(), tokens);
                push(tokens, close, group.span_close());
            }
        }
    }
}

fn push(tokens: &mut Vec<Token>, text: &str, span: Span) {
    tokens.push(Token {
        text: text.to_owned(),
        line: span.start().line,
        last_line: span.end().line,
    });
}

/// How many of these make a comment of the documentation, `#[doc = "…"]` or `#![doc = "…"]`; 0 if
/// none starts here.
fn comment_length(trees: &[TokenTree]) -> usize {
    let is_inner = trees.get(1).is_some_and(|tree| is_mark(tree, '!'));
    let length = if is_inner { 3 } else { 2 };
    match trees.get(length - 1) {
        Some(TokenTree::Group(group)) if is_mark(&trees[0], '#') => {
            let mut inside = group.stream().into_iter();
            let is_doc = matches!(inside.next(), Some(TokenTree::Ident(word)) if word == "doc");
            if is_doc && inside.next().is_some_and(|tree| is_mark(&tree, '=')) { length } else { 0 }
        }
        _ => 0,
    }
}

fn is_mark(tree: &TokenTree, mark: char) -> bool {
    matches!(tree, TokenTree::Punct(punct) if punct.as_char() == mark)
}

/// From `#[cfg(test)]`, `#[test]` or `#[tokio::test]` to the end of the item below it.
fn tests_in(tokens: &[Token]) -> Vec<RangeInclusive<usize>> {
    let mut lines = Vec::new();
    for start in (0..tokens.len()).filter(|start| is_test_attribute(&tokens[*start..])) {
        let mut depth = 0;
        for token in &tokens[start..] {
            match token.text.as_str() {
                "{" | "[" | "(" => depth += 1,
                "}" | "]" | ")" => depth -= 1,
                _ => {}
            }
            if depth == 0 && [";", "}"].contains(&token.text.as_str()) {
                lines.push(tokens[start].line..=token.last_line);
                break;
            }
        }
    }
    lines
}

fn is_test_attribute(tokens: &[Token]) -> bool {
    let words: Vec<&str> = tokens.iter().take(7).map(|token| token.text.as_str()).collect();
    let starts: [&[&str]; 4] = [
        &["#", "[", "cfg", "(", "test", ")", "]"],
        &["#", "[", "cfg", "(", "all", "(", "test"],
        &["#", "[", "test", "]"],
        &["#", "[", "tokio", "::", "test"],
    ];
    starts.iter().any(|start| words.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_stand_on_their_lines_and_comments_are_none() {
        let source = Source::new(
            "src/a.rs",
            "//! A.\n/// B `c`.\nfn d() { e::f(\"g\n h\", 'i', 1) } // j\n",
        )
        .unwrap();
        let texts: Vec<&str> = source.tokens.iter().map(|token| token.text.as_str()).collect();
        assert_eq!(texts.concat(), "fnd(){e::f(\",\",\")}");
        let literal = source.tokens.iter().find(|token| token.text == "\"").unwrap();
        assert_eq!((literal.line, literal.last_line), (3, 4));
    }

    #[test]
    fn what_is_for_tests_ends_with_its_item_and_reaches_into_other_files() {
        let text = "use a::b;\n#[cfg(test)]\nuse c::d;\nfn e() {}\n#[cfg(test)]\nmod tests {\n    \
                    f!();\n}\nfn g() {}\n#[cfg(test)]\n#[path = \"h_i.rs\"]\nmod h;\n";
        let mut sources = vec![
            Source::new("src/a/mod.rs", text).unwrap(),
            Source::new("src/a/h_i.rs", "").unwrap(),
            Source::new("src/a/h.rs", "").unwrap(),
        ];
        place_by_declaration(&mut sources);
        let tests: Vec<usize> = (1..=12).filter(|line| sources[0].is_test(*line)).collect();
        assert_eq!(tests, [2, 3, 5, 6, 7, 8, 10, 11, 12]);
        assert_eq!(sources[1].module, ["a", "h"]);
        assert!(sources[1].is_of_tests && !sources[0].is_of_tests);
    }

    #[test]
    fn what_is_not_rust_is_told_with_its_file() {
        assert!(
            Source::new("src/a.rs", "fn (").err().unwrap().starts_with("src/a.rs is not Rust: ")
        );
    }
}
