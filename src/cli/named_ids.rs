//! Ids that are named one by one: `--replace 5,17 --replace 23`.

use crate::error::{Error, ErrorKind, Result};
use crate::recover::repair::NAMED_IDS_MAX;

/// What cannot be read of one flag or several, in a message, at most.
const TOLD_MAX: usize = 20;

/// Ids as they were named: ascending, each once.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NamedIds {
    /// The ids.
    pub ids: Vec<i64>,
    /// Those that were named more than once.
    pub repeated: Vec<i64>,
}

impl NamedIds {
    /// Reads them, of every flag together.
    ///
    /// # Errors
    /// `Usage` with everything that is no id, or when they are too many.
    pub(super) fn read(flags: &[String]) -> Result<Self> {
        let (mut ids, mut wrong) = (Vec::new(), Vec::new());
        for word in flags.iter().flat_map(|flag| flag.split(',')).map(str::trim) {
            match word.parse::<i64>() {
                Ok(id) => ids.push(id),
                Err(_) => wrong.push(complaint(word)),
            }
        }
        if !wrong.is_empty() {
            let more = wrong.len().saturating_sub(TOLD_MAX);
            wrong.truncate(TOLD_MAX);
            wrong.extend((more > 0).then(|| format!("and {more} more")));
            let error = Error::new(ErrorKind::Usage, "cannot read the ids of --replace");
            return Err(wrong.into_iter().fold(error, Error::because).fix(
                "name each id by itself, separated by commas: --replace 5,17; nothing was written",
            ));
        }
        ids.sort_unstable();
        let mut repeated: Vec<i64> =
            ids.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
        repeated.dedup();
        ids.dedup();
        if ids.len() > NAMED_IDS_MAX {
            let what = format!("{} ids are too many for --replace", ids.len());
            return Err(Error::new(ErrorKind::Usage, what)
                .because(format!("at most {NAMED_IDS_MAX} are replaced in one transaction"))
                .fix("name fewer, and run it once more for the rest; nothing was written"));
        }
        Ok(Self { ids, repeated })
    }
}

/// What is wrong with a word that is no id.
fn complaint(word: &str) -> String {
    let is_range = word.contains("..") || word.trim_start_matches('-').contains('-');
    let digits = word.trim_start_matches('-');
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    match word {
        "" => "an id is empty: there is nothing between two commas, or beside one".to_owned(),
        _ if is_number => format!("{word} is larger than any id"),
        _ if is_range => format!("{word:?} is a range: only single ids are replaced"),
        _ => format!("{word:?} is not an id: ids are whole numbers"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(flags: &[&str]) -> Result<NamedIds> {
        NamedIds::read(&flags.iter().map(|flag| (*flag).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn ids_of_all_flags_are_read_in_order_and_each_once() {
        let named = read(&["17,5", " -3 , 5", "9223372036854775807", "17"]).expect("ids");
        assert_eq!(named.ids, [-3, 5, 17, i64::MAX]);
        assert_eq!(named.repeated, [5, 17]);
    }

    #[test]
    fn everything_that_is_no_id_is_told_at_once() {
        let error = read(&["5,x", "1..9,,3-7", "9223372036854775808,1.5"]).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert_eq!(
            error.causes(),
            [
                "\"x\" is not an id: ids are whole numbers",
                "\"1..9\" is a range: only single ids are replaced",
                "an id is empty: there is nothing between two commas, or beside one",
                "\"3-7\" is a range: only single ids are replaced",
                "9223372036854775808 is larger than any id",
                "\"1.5\" is not an id: ids are whole numbers",
            ]
        );
        let many = vec!["x"; TOLD_MAX + 2].join(",");
        let error = read(&[&many]).expect_err("refused");
        assert_eq!(error.causes().len(), TOLD_MAX + 1);
        assert_eq!(error.causes().last().map(String::as_str), Some("and 2 more"));
    }

    #[test]
    fn as_many_ids_are_taken_as_one_transaction_replaces_and_no_more() {
        let ids = |count: usize| (0..count).map(|id| id.to_string()).collect::<Vec<_>>().join(",");
        assert_eq!(read(&[&ids(NAMED_IDS_MAX)]).expect("ids").ids.len(), NAMED_IDS_MAX);
        let error = read(&[&ids(NAMED_IDS_MAX + 1)]).expect_err("refused");
        assert_eq!(error.what(), "1001 ids are too many for --replace");
    }
}
