//! How far an interrupted comparison came, so that it can go on from there.
//!
//! Everything at or below `through` was compared and counted; rows there never change, so a later run may trust it. It holds for the same
//! two tables and columns only.

use crate::audit::compare::side::{Columns, Identity, Side};
use crate::audit::compare::whole_file::WholeFile;
use crate::audit::difference::Tally;
use crate::error::{Error, Kind, Result};
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::Path;

/// Of this file's form.
const VERSION: u32 = 1;
/// A larger file is no journal.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    /// Of its form.
    pub version: u32,
    /// What was compared.
    pub subject: Subject,
    /// The highest id that was compared.
    pub through: i64,
    /// Rows that were compared on each side.
    pub rows: (u64, u64),
    /// What differed.
    pub tally: Tally,
}

/// What a journal is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// Both tables.
    pub sides: (Identity, Identity),
    /// What both are asked for, as SQL.
    pub columns: String,
    /// The lowest id that was asked for.
    pub from: Option<i64>,
}

impl Subject {
    /// Of these two sides.
    pub fn of(first: &Side, second: &Side, columns: &Columns, from: Option<i64>) -> Self {
        Self {
            sides: (first.identity().clone(), second.identity().clone()),
            columns: columns.wire.select_list(),
            from,
        }
    }
}

impl Journal {
    /// Of a comparison that came this far.
    pub fn new(subject: Subject, through: i64, rows: (u64, u64), tally: Tally) -> Self {
        Self {
            version: VERSION,
            subject,
            through,
            rows,
            tally,
        }
    }

    /// Reads one.
    ///
    /// # Errors
    /// `Usage` when it is none.
    pub fn read(path: &Path) -> Result<Self> {
        let wrong = || {
            Error::new(Kind::Usage, "cannot read the journal")
                .at(path.display().to_string())
                .fix("name the file an interrupted comparison left, or leave --resume out to begin anew")
        };
        let about = std::fs::metadata(path).map_err(|error| wrong().caused_by(&error))?;
        if !about.is_file() {
            return Err(wrong().because("it is not a regular file"));
        }
        if about.len() > FILE_BYTES_MAX {
            return Err(wrong().because("it is too large to be one"));
        }
        let text = std::fs::read_to_string(path).map_err(|error| wrong().caused_by(&error))?;
        let journal: Self = serde_json::from_str(&text).map_err(|error| wrong().caused_by(&error))?;
        if journal.version != VERSION {
            return Err(wrong().because(format!("it is of version {}, this program writes {VERSION}", journal.version)));
        }
        Ok(journal)
    }

    /// Writes it whole or not at all: a crash leaves the one that was there before.
    ///
    /// # Errors
    /// `Unavailable` when the system does not let us.
    pub fn write(&self, path: &Path) -> Result<()> {
        let failed = |error: &(dyn std::error::Error + 'static)| {
            Error::new(Kind::Unavailable, "cannot write the journal")
                .at(path.display().to_string())
                .caused_by(error)
        };
        let text = serde_json::to_string_pretty(self).map_err(|error| failed(&error))?;
        let written = WholeFile::create(path).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.finish()
        });
        written.map_err(|error| failed(&error))
    }

    /// Confirms that it is about this.
    ///
    /// # Errors
    /// `Usage` when it is about other tables, columns or ids.
    pub fn confirm(&self, subject: &Subject) -> Result<()> {
        if self.subject == *subject {
            return Ok(());
        }
        Err(Error::new(Kind::Usage, "the journal is about another comparison")
            .because(format!(
                "it compared {} and {}",
                shown(&self.subject.sides.0),
                shown(&self.subject.sides.1)
            ))
            .fix("compare the same tables with the same --from, or leave --resume out"))
    }
}

fn shown(side: &Identity) -> String {
    format!("table {} of database {}", side.table, side.database)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal() -> Journal {
        let side = |database: &str| Identity {
            system_identifier: Some(7),
            database: database.to_owned(),
            table: "public.events".to_owned(),
            oid: 42,
        };
        let subject = Subject {
            sides: (side("a"), side("b")),
            columns: "e.\"id\"".to_owned(),
            from: None,
        };
        Journal::new(subject, 12, (10, 9), Tally::of_columns(1))
    }

    #[test]
    fn what_is_written_is_read_again() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("journal");
        journal().write(&path).expect("written");
        assert_eq!(Journal::read(&path).expect("read"), journal());
        assert_eq!(std::fs::read_dir(dir.path()).expect("a directory").count(), 1);
    }

    #[test]
    fn another_subject_and_another_version_are_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("journal");
        let mut other = journal();
        other.subject.from = Some(5);
        assert!(journal().confirm(&other.subject).is_err());
        assert!(journal().confirm(&journal().subject).is_ok());
        other.version = 2;
        other.write(&path).expect("written");
        assert!(Journal::read(&path).is_err());
    }
}
