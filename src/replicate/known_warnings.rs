//! What a person was told to beware of: each thing once, and again when it is gone and comes back.

use crate::error::Warning;
use crate::log::key;
use slog::{Logger, warn};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// The warnings of the last look at each side, by the destination's name; `None`: the source.
#[derive(Debug, Default)]
pub struct KnownWarnings(Mutex<BTreeMap<Option<String>, Vec<Warning>>>);

impl KnownWarnings {
    /// Tells what the last look at the source did not find.
    pub fn of_source(&self, warnings: &[Warning], log: &Logger) {
        for what in self.new_ones(None, warnings) {
            warn!(log, "about the source"; "what" => what);
        }
    }

    /// Tells what the last look at a destination did not find.
    pub(crate) fn of_destination(&self, name: &str, warnings: &[Warning], log: &Logger) {
        for what in self.new_ones(Some(name), warnings) {
            warn!(log, "about the destination"; key::DESTINATION => name, "what" => what);
        }
    }

    /// What the last look at a destination, or at the source, warned of.
    pub fn warnings(&self, of: Option<&str>) -> Vec<Warning> {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.get(&of.map(str::to_owned)).cloned().unwrap_or_default()
    }

    fn new_ones(&self, of: Option<&str>, warnings: &[Warning]) -> Vec<String> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = told.insert(of.map(str::to_owned), warnings.to_vec()).unwrap_or_default();
        let new = warnings.iter().filter(|warning| !before.contains(warning));
        new.map(Warning::to_string).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_is_told_once_to_each_and_what_comes_back_again() {
        let told = KnownWarnings::default();
        let warnings =
            |of: &[&str]| of.iter().map(|what| Warning::new(*what, "")).collect::<Vec<_>>();
        let new = |of: Option<&str>, now: &[&str]| told.new_ones(of, &warnings(now)).len();
        assert_eq!(new(None, &["a", "b"]), 2);
        assert_eq!(new(Some("x"), &["a"]), 1);
        assert_eq!(new(None, &["b", "a"]), 0);
        assert_eq!(new(None, &["b"]), 0);
        assert_eq!(new(None, &["b", "a"]), 1);
        assert_eq!(told.warnings(None), warnings(&["b", "a"]));
        assert_eq!(told.warnings(Some("y")), []);
    }
}
