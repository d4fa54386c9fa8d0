//! Flags that take one of a few words: each word with its help and what it means.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

/// A word, its help, what it means.
pub(super) type FlagWord<T> = (&'static str, &'static str, T);

/// Takes one of these words.
pub(super) fn one_of<T: Copy + Send + Sync>(
    choices: &'static [FlagWord<T>],
) -> impl TypedValueParser<Value = T> {
    let words = choices.iter().map(|(word, help, _)| PossibleValue::new(*word).help(*help));
    PossibleValuesParser::new(words).map(|given| {
        let choice = choices.iter().find(|(word, ..)| *word == given);
        choice.expect("clap refuses every other word").2
    })
}

/// The word that means this.
pub(super) fn word_of<T: PartialEq>(choices: &'static [FlagWord<T>], meaning: &T) -> &'static str {
    let choice = choices.iter().find(|(.., value)| value == meaning);
    choice.map_or("", |(word, ..)| *word)
}
