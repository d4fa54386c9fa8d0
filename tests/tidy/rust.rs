//! Just enough of Rust's grammar: text without comments and literals, its tokens, its functions.

/// A function with a body.
#[derive(Debug, PartialEq)]
pub struct Function {
    pub name: String,
    /// From `fn` to the closing brace.
    pub lines: usize,
}

/// A token and the line it stands on, from 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Token<'a> {
    pub text: &'a str,
    pub line: usize,
}

/// The text with comments and the contents of string and character literals replaced by spaces;
/// lines stay where they are.
pub fn mask(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut masked = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = literal_end(&chars, at);
        if end == at {
            masked.push(chars[at]);
            at += 1;
        } else {
            masked.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    masked
}

/// Where the comment or literal that starts here ends; `at` if none does.
fn literal_end(chars: &[char], at: usize) -> usize {
    let rest = &chars[at..];
    let is_word = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    match rest {
        ['/', '/', ..] => at + rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()),
        ['/', '*', ..] => at + block_comment_length(rest),
        ['"', ..] => at + quoted_length(rest, '"'),
        // 'a' and '\n' are characters, 'a alone is a lifetime.
        ['\'', '\\', ..] | ['\'', _, '\'', ..] => at + quoted_length(rest, '\''),
        ['r' | 'b' | 'c', ..] if !is_word => at + raw_string_length(rest),
        _ => at,
    }
}

fn block_comment_length(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn quoted_length(rest: &[char], quote: char) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

/// The length of `r"…"`, `r#"…"#`, `br"…"`, `cr"…"`; 0 if it is none.
fn raw_string_length(rest: &[char]) -> usize {
    let prefix = rest.iter().take(2).take_while(|c| "rbc".contains(**c)).count();
    let hashes = rest[prefix..].iter().take_while(|c| **c == '#').count();
    let open = prefix + hashes;
    if !rest[..prefix].contains(&'r') || rest.get(open) != Some(&'"') {
        return 0;
    }
    let is_close = |at: &usize| {
        rest[*at] == '"'
            && rest[at + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes
    };
    (open + 1..rest.len()).find(is_close).map_or(rest.len(), |at| at + 1 + hashes)
}

/// Words, `::`, and every other character on its own.
pub fn tokens(masked: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    for (line, content) in masked.lines().enumerate() {
        let mut rest = content.trim_start();
        while let Some(first) = rest.chars().next() {
            let is_word = |c: char| c.is_alphanumeric() || c == '_';
            let length = match first {
                c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
                ':' if rest.starts_with("::") => 2,
                other => other.len_utf8(),
            };
            tokens.push(Token { text: &rest[..length], line: line + 1 });
            rest = rest[length..].trim_start();
        }
    }
    tokens
}

/// All functions with a body, closures and function pointers aside.
pub fn functions(masked: &str) -> Vec<Function> {
    let tokens = tokens(masked);
    let starts = (0..tokens.len()).filter(|at| {
        tokens[*at].text == "fn" && tokens.get(at + 1).is_some_and(|name| name.text != "(")
    });
    starts
        .filter_map(|start| {
            let (mut nesting, mut braces) = (0, 0);
            let end = tokens[start..].iter().find(|token| {
                match token.text {
                    "(" | "[" => nesting += 1,
                    ")" | "]" => nesting -= 1,
                    "{" => braces += 1,
                    "}" => braces -= 1,
                    _ => {}
                }
                braces == 0 && (token.text == "}" || (token.text == ";" && nesting == 0))
            })?;
            (end.text == "}").then(|| Function {
                name: tokens[start + 1].text.to_owned(),
                lines: end.line - tokens[start].line + 1,
            })
        })
        .collect()
}

#[test]
fn comments_and_literals_are_masked_and_lifetimes_are_not() {
    let text = "a /* b /* c */ \" */ d // e \"\nf(\"\\\"g\", 'h', '\\'', r#\"i \" j\"#, b\"k\", \
                br\"l\\\", &'m n) for r in bar";
    let words: Vec<_> = tokens(&mask(text))
        .iter()
        .map(|token| token.text.to_owned())
        .filter(|text| text.len() == 1 && text != ",")
        .collect();
    assert_eq!(words.join(""), "adf(b&'mn)r");
    assert_eq!(mask(text).lines().count(), 2);
}

#[test]
fn functions_are_measured_from_fn_to_the_closing_brace() {
    let text = "trait T { fn declared(a: [u8; 4]); }\nimpl T {\n  fn one() -> [u8; 2] { \"}\"; }\n  \
                pub fn four<F: Fn(fn(u8))>()\n  {\n    if x { y }\n  }\n}\n";
    let found: Vec<_> = functions(&mask(text)).into_iter().map(|f| (f.name, f.lines)).collect();
    assert_eq!(found, [("one".to_owned(), 1), ("four".to_owned(), 4)]);
}
