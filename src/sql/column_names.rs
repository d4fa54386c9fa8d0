//! What the columns of a source are called in a table that holds their values.

use std::collections::BTreeMap;

/// See the module: those that are not named are called alike.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnNames {
    /// By the source's name.
    renamed: BTreeMap<String, String>,
    /// Whether they are for several tables, not all of which have each of the columns.
    is_of_several: bool,
}

/// Every column is called alike.
pub static ALIKE: ColumnNames = ColumnNames { renamed: BTreeMap::new(), is_of_several: false };

impl ColumnNames {
    /// Of pairs: the name at the source and the name there.
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let renamed = pairs.into_iter().filter(|(source, there)| source != there).collect();
        Self { renamed, is_of_several: false }
    }

    /// The same, for one of several tables: a column that it does not have is another's.
    #[must_use]
    pub fn of_several(self) -> Self {
        Self { is_of_several: true, ..self }
    }

    /// Whether they are for several tables.
    pub fn is_of_several(&self) -> bool {
        self.is_of_several
    }

    /// What a column of the source is called there.
    pub fn there<'a>(&'a self, source: &'a str) -> &'a str {
        self.renamed.get(source).map_or(source, String::as_str)
    }

    /// Which column of the source, if it has one of that name, is called so there; `None` where
    /// none can be.
    pub fn at_source<'a>(&'a self, there: &'a str) -> Option<&'a str> {
        let renamed = self.renamed.iter().find(|(_, name)| *name == there);
        let alike = (!self.renamed.contains_key(there)).then_some(there);
        renamed.map(|(source, _)| source.as_str()).or(alike)
    }

    /// Those that are called otherwise: the name at the source and the name there.
    pub fn renamed(&self) -> impl Iterator<Item = (&str, &str)> {
        self.renamed.iter().map(|(source, there)| (source.as_str(), there.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(pairs: &[(&str, &str)]) -> ColumnNames {
        ColumnNames::new(pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())))
    }

    #[test]
    fn a_name_leads_there_and_back_also_where_two_change_places() {
        let swapped = names(&[("a", "b"), ("b", "a"), ("c", "c")]);
        for name in ["a", "b", "c", "d"] {
            assert_eq!(swapped.at_source(swapped.there(name)), Some(name));
        }
        assert_eq!((swapped.there("a"), swapped.renamed().count()), ("b", 2));
    }

    #[test]
    fn a_name_that_the_source_gave_away_is_no_column_of_it() {
        let moved = names(&[("event", "payload")]);
        assert_eq!((moved.at_source("payload"), moved.at_source("event")), (Some("event"), None));
        assert_eq!(ALIKE.at_source("event"), Some("event"));
    }
}
