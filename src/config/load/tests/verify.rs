//! `[verify]`: off unless a time is written, and what is no time is refused.

use super::*;
use crate::config::{DifferenceReaction, VerifyConfig};

fn verify(lines: &str) -> VerifyConfig {
    toml(&format!("{SOURCE}{DESTINATION}[verify]\n{lines}\n")).unwrap().verify
}

#[test]
fn nothing_is_verified_unless_a_time_is_written_and_the_defaults_are_those_of_the_keys() {
    assert_eq!(verify(""), VerifyConfig::default());
    assert_eq!(verify("every = \"\"").every, None);
    let written = verify("every = \"7d\"\nrows_per_second = 50\non_difference = \"stop\"");
    let expected = VerifyConfig {
        every: Some(Duration::from_secs(7 * 86_400)),
        rows_per_second: 50,
        on_difference: DifferenceReaction::Stop,
    };
    assert_eq!(written, expected);
}

#[test]
fn what_is_no_time_is_refused_with_how_one_is_written() {
    let text = format!("{SOURCE}{DESTINATION}[verify]\nevery = \"daily\"\n");
    let [what, place, fix] = problem(&text);
    assert_eq!(what, "verify.every cannot be \"daily\"");
    assert!(place.ends_with("verify.every"), "{place}");
    assert!(fix.starts_with("write a number and its unit, such as 90m, 24h or 7d"), "{fix}");
}
