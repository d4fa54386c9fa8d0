//! "Did you mean": the known word nearest to what was written.

/// Below this share of equal characters two words have nothing to do with each other.
const LIKENESS_MIN: f32 = 0.6;
/// Longer words are not compared: they are not a misspelt key.
const WORD_CHARS_MAX: usize = 64;

/// The known word most like `word`, whatever the case of its letters and whether it has `-` or `_`;
/// `None` when none is like it.
pub(crate) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    if word.chars().count() > WORD_CHARS_MAX {
        return None;
    }
    let plain: Vec<String> = known.iter().map(|candidate| plain(candidate)).collect();
    let candidates: Vec<&str> = plain.iter().map(String::as_str).collect();
    let best =
        *similar::get_close_matches(self::plain(word).as_str(), &candidates, 1, LIKENESS_MIN)
            .first()?;
    plain.iter().position(|candidate| candidate == best).map(|index| known[index])
}

/// `did you mean "…"?`, or nothing when no known word is like it.
pub(crate) fn did_you_mean(word: &str, known: &[&str]) -> String {
    nearest(word, known).map_or_else(String::new, |best| format!("did you mean \"{best}\"?"))
}

fn plain(word: &str) -> String {
    word.to_lowercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found_whatever_its_case_and_hyphens() {
        let known = ["poll_interval_ms", "channel", "maxEventsPerWrite", "url"];
        assert_eq!(nearest("pol_interval_ms", &known), Some("poll_interval_ms"));
        assert_eq!(nearest("poll-interval", &known), Some("poll_interval_ms"));
        assert_eq!(nearest("maxeventsperwrite", &known), Some("maxEventsPerWrite"));
        assert_eq!(nearest("URL", &known), Some("url"));
    }

    #[test]
    fn a_word_like_none_of_them_gets_no_suggestion() {
        assert_eq!(nearest("zebra", &["url", "channel"]), None);
        assert_eq!(nearest(&"u".repeat(100_000), &["url"]), None);
    }
}
