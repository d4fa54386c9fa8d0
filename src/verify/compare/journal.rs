//! How far an interrupted comparison came, so that it can go on from there.
//!
//! Everything at or below `through` was compared and counted. It holds for the same two tables and
//! columns only, and as long as no session has written there since, which
//! `JournalPart::is_untouched` finds out: each part remembers which transactions had ended before
//! it was compared.

use crate::error::{Error, ErrorKind, Result};
use crate::event::range::IdRange;
use crate::stop::Stop;
use crate::verify::compare::both::both;
use crate::verify::compare::identity::TableIdentity;
use crate::verify::compare::side::{ComparisonSide, SharedColumns};
use crate::verify::compare::state::TableState;
use crate::verify::compare::task::ComparisonTask;
use crate::verify::compare::whole_file::WholeFile;
use crate::verify::difference::DifferenceTally;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::io::Write;
use std::path::Path;

/// Of this file's form.
const VERSION: u32 = 2;
/// A larger file is no journal.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComparisonJournal {
    /// Of its form.
    pub version: u32,
    /// What was compared.
    pub subject: JournalSubject,
    /// What each run has compared, one after the other.
    pub parts: Vec<JournalPart>,
    /// What differed.
    pub tally: DifferenceTally,
    /// Of everything above, so that an edited file is not taken for one of ours.
    pub sha256: String,
}

/// What a journal is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JournalSubject {
    /// Both tables.
    pub sides: (TableIdentity, TableIdentity),
    /// What both are asked for, as SQL.
    pub columns: String,
    /// The lowest id that was asked for.
    pub from: Option<i64>,
    /// The highest id that was asked for.
    pub through: Option<i64>,
    /// Whether rows beyond the fence were compared too.
    pub is_complete: bool,
}

/// What one run has compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JournalPart {
    /// The highest id that was compared.
    pub through: i64,
    /// Rows that were compared on each side, those of earlier parts included.
    pub rows: (u64, u64),
    /// When it began, by the first side's clock.
    pub began: String,
    /// Both tables when it began.
    pub states: (TableState, TableState),
}

impl JournalSubject {
    /// Of these two sides.
    pub fn of(task: ComparisonTask<'_>) -> Self {
        Self {
            sides: (task.first.identity().clone(), task.second.identity().clone()),
            columns: columns(task),
            from: task.options.from,
            through: task.options.through,
            is_complete: task.options.must_be_complete,
        }
    }
}

/// What both sides are asked for, where they do not call it alike.
fn columns(task: ComparisonTask<'_>) -> String {
    let wire = &task.columns.wire;
    let [first, second] = [task.first, task.second].map(|side| wire.called(&side.table.names));
    if first == second {
        return first.select_list();
    }
    format!("{} / {}", first.select_list(), second.select_list())
}

impl JournalPart {
    /// Whether both sides still hold what was compared: the same files of the same past, as many
    /// rows, and none written since. `range`: what this part compared; `rows`: how many rows of
    /// each side it was.
    async fn is_untouched(
        &self,
        sides: (&ComparisonSide, &ComparisonSide),
        (columns, range, rows): (&SharedColumns, IdRange, (u64, u64)),
        now: &(TableState, TableState),
        stop: &Stop,
    ) -> Result<bool> {
        let is_same =
            |then: &TableState, now: &TableState| then.goes_on_as(now) && then.is_comparable(now);
        if !is_same(&self.states.0, &now.0) || !is_same(&self.states.1, &now.1) {
            return Ok(false);
        }
        let ((ours, is_ours_new), (theirs, is_theirs_new)) = both(
            stop,
            |stop| async move { sides.0.written_since(columns, range, &self.states.0, &stop).await },
            |stop| async move { sides.1.written_since(columns, range, &self.states.1, &stop).await },
        )
        .await?;
        Ok((ours, theirs) == rows && !is_ours_new && !is_theirs_new)
    }
}

impl ComparisonJournal {
    /// Of a comparison that came this far.
    pub fn new(subject: JournalSubject, parts: Vec<JournalPart>, tally: DifferenceTally) -> Self {
        let mut journal = Self { version: VERSION, subject, parts, tally, sha256: String::new() };
        journal.sha256 = journal.digest();
        journal
    }

    /// What was compared in all: the highest id, and rows of each side.
    pub fn reached(&self) -> Option<(i64, (u64, u64))> {
        self.parts.last().map(|part| (part.through, part.rows))
    }

    /// The first part that was written into since it was compared; `None`: all of it still holds.
    pub(crate) async fn touched(
        &self,
        sides: (&ComparisonSide, &ComparisonSide),
        columns: &SharedColumns,
        now: &(TableState, TableState),
        stop: &Stop,
    ) -> Result<Option<&JournalPart>> {
        let (mut after, mut before) =
            (self.subject.from.and_then(|from| from.checked_sub(1)), (0, 0));
        for part in &self.parts {
            let range = IdRange { after, through: part.through };
            let rows = (part.rows.0.saturating_sub(before.0), part.rows.1.saturating_sub(before.1));
            if !part.is_untouched(sides, (columns, range, rows), now, stop).await? {
                return Ok(Some(part));
            }
            (after, before) = (Some(part.through), part.rows);
        }
        Ok(None)
    }

    /// Reads one.
    ///
    /// # Errors
    /// `Usage` when it is none.
    pub fn read(path: &Path) -> Result<Self> {
        let wrong =
            || {
                Error::new(ErrorKind::Usage, "cannot read the journal")
                .at(path.display().to_string())
                .fix("name the file that an interrupted comparison left, or leave --resume out to \
                      start over")
            };
        let about = std::fs::metadata(path).map_err(|error| wrong().caused_by(&error))?;
        if !about.is_file() {
            return Err(wrong().because("it is not a regular file"));
        }
        if about.len() > FILE_BYTES_MAX {
            return Err(wrong().because("it is too large to be one"));
        }
        let text = std::fs::read_to_string(path).map_err(|error| wrong().caused_by(&error))?;
        let version = serde_json::from_str::<serde_json::Value>(&text)
            .map_err(|error| wrong().caused_by(&error))?["version"]
            .as_u64();
        if version != Some(u64::from(VERSION)) {
            let version = version.map_or_else(
                || "an unknown version".to_owned(),
                |version| format!("version {version}"),
            );
            return Err(
                wrong().because(format!("it is of {version}, this program writes {VERSION}"))
            );
        }
        let journal: Self =
            serde_json::from_str(&text).map_err(|error| wrong().caused_by(&error))?;
        if journal.sha256 != journal.digest() || journal.parts.is_empty() {
            return Err(
                wrong().because("it was changed since it was written: its digest does not match")
            );
        }
        Ok(journal)
    }

    /// Writes it whole or not at all: a crash leaves the one that was there before.
    ///
    /// # Errors
    /// `Unavailable` when the system does not let us.
    pub fn write(&self, path: &Path) -> Result<()> {
        let failed = |error: &(dyn std::error::Error + 'static)| {
            Error::new(ErrorKind::Unavailable, "cannot write the journal")
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
    pub fn confirm(&self, subject: &JournalSubject) -> Result<()> {
        if self.subject == *subject {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Usage, "the journal is about another comparison")
            .because(format!(
                "it compared {} and {}",
                shown(&self.subject.sides.0),
                shown(&self.subject.sides.1)
            ))
            .fix(
                "compare the same tables with the same --from, --through and --complete, or leave \
                 --resume out",
            ))
    }

    fn digest(&self) -> String {
        let said = (&self.version, &self.subject, &self.parts, &self.tally);
        let text = serde_json::to_string(&said).unwrap_or_default();
        Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn shown(side: &TableIdentity) -> String {
    format!("table {} of database {}", side.table, side.database)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal() -> ComparisonJournal {
        let side = |database: &str| TableIdentity {
            system_identifier: Some(7),
            database: database.to_owned(),
            table: "public.events".to_owned(),
            oid: 42,
            is_standby: false,
        };
        let state = TableState {
            timeline: Some(1),
            started_at_us: 5,
            definition: "6".to_owned(),
            files: "4".to_owned(),
            xmin: 733,
        };
        let subject = JournalSubject {
            sides: (side("a"), side("b")),
            columns: "e.\"id\"".to_owned(),
            from: None,
            through: None,
            is_complete: false,
        };
        let part = JournalPart {
            through: 12,
            rows: (10, 9),
            began: "2026-01-02T03:04:05Z".to_owned(),
            states: (state.clone(), state),
        };
        ComparisonJournal::new(subject, vec![part], DifferenceTally::of_columns(1))
    }

    #[test]
    fn what_is_written_is_read_again() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("journal");
        journal().write(&path).expect("written");
        assert_eq!(ComparisonJournal::read(&path).expect("read"), journal());
        assert_eq!(std::fs::read_dir(dir.path()).expect("a directory").count(), 1);
    }

    #[test]
    fn another_subject_another_version_and_what_was_edited_are_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("journal");
        let mut other = journal();
        other.subject.from = Some(5);
        assert!(journal().confirm(&other.subject).is_err());
        assert!(journal().confirm(&journal().subject).is_ok());
        let refused = |changed: &ComparisonJournal, why: &str| {
            changed.write(&path).expect("written");
            let error = ComparisonJournal::read(&path).expect_err("refused").report();
            assert!(error.contains(why), "{error}");
        };
        let mut of_old = journal();
        of_old.version = 1;
        refused(&of_old, "it is of version 1");
        let mut edited = journal();
        edited.parts[0].through = 13;
        refused(&edited, "its digest does not match");
        std::fs::write(&path, "{\"version\": 1, \"through\": 7}").expect("written");
        assert!(
            ComparisonJournal::read(&path)
                .expect_err("refused")
                .report()
                .contains("it is of version 1")
        );
    }
}
