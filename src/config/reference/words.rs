//! Keys in words, and words in lines.

use crate::config::keys::{AllowedWord, Key, KeyDefault, ValueType};

/// The example and comments in it are not wider.
pub(super) const WIDTH_MAX: usize = 100;

/// What holds when a key is not written, as TOML; `None` where that is found out.
pub(crate) fn literal(key: &Key) -> Option<String> {
    match key.preset {
        KeyDefault::Boolean(preset) => Some(preset.to_string()),
        KeyDefault::Integer(preset) => Some(preset.to_string()),
        KeyDefault::Text(preset) => Some(format!("{preset:?}")),
        KeyDefault::EmptyList => Some("[]".to_owned()),
        KeyDefault::Required | KeyDefault::Described(_) => None,
    }
}

/// The words of a key with what they mean.
pub(super) fn words(key: &Key) -> &'static [AllowedWord] {
    match key.value {
        ValueType::Choice(words) | ValueType::Ids(words) => words,
        _ => &[],
    }
}

/// `a, b (what it means) or c`, where that is short.
pub(super) fn words_in_line(words: &[AllowedWord]) -> Option<String> {
    let shown: Vec<String> = words
        .iter()
        .map(
            |AllowedWord { word, help }| {
                if help.is_empty() { (*word).to_owned() } else { format!("{word} ({help})") }
            },
        )
        .collect();
    let (last, before) = shown.split_last()?;
    let line = format!("One of {} or {last}.", before.join(", "));
    (line.len() <= WIDTH_MAX).then_some(line)
}

/// Lines of at most `width` characters; a longer word has a line of its own.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
