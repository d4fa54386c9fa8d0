//! A script of INSERTs for the rows the second side lacks: one transaction, nothing else. Rows that
//! differ otherwise are never touched by it.

use crate::error::{Error, ErrorKind, Result};
use crate::event::wire::Wire;
use crate::log::escape::fit;
use crate::sql;
use crate::verify::compare::outcome::ComparisonOutcome;
use crate::verify::compare::side::{ComparisonSide, SharedColumns};
use crate::verify::compare::whole_file::WholeFile;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// A script on its way: a file beside the one that was asked for, which takes its name only when
/// all is in it.
#[derive(Debug)]
pub struct RepairScript {
    path: PathBuf,
    out: BufWriter<WholeFile>,
    inserted: Wire,
}

impl RepairScript {
    /// Begins one for the second side, of INSERTs that give these columns.
    ///
    /// # Errors
    /// `Usage` when the file cannot be created.
    pub fn create(path: &Path, second: &ComparisonSide, inserted: Wire) -> Result<Self> {
        let file = WholeFile::create(path)
            .map_err(|error| cannot(path, &error).of_kind(ErrorKind::Usage))?;
        let mut script = Self { path: path.to_owned(), out: BufWriter::new(file), inserted };
        script.put(&format!(
            "-- Inserts the rows that {} lacks; rows that are there stay as they are.\n\
             -- Run it there: psql -v ON_ERROR_STOP=1 -f FILE. Where `init destination --guard` \
             was used, `counterfoil repair` is the way.\n\
             begin;\nset local client_encoding = 'UTF8';\nset local standard_conforming_strings = \
             on;\nset local datestyle = 'ISO, YMD';\n\
             set local intervalstyle = 'iso_8601';\nset local timezone = 'UTC';\nset local \
             xmloption = 'content';\nset local lc_monetary = 'C';\n\
             set local array_nulls = on;\nset local search_path = pg_catalog;\n",
            fit(&second.shown())
        ))?;
        Ok(script)
    }

    /// Adds rows of the first side.
    ///
    /// # Errors
    /// Those of the server, such as a row whose text is too long for it; `Unavailable` when the
    /// disk is full.
    pub async fn add(
        &mut self,
        first: &ComparisonSide,
        second: &ComparisonSide,
        columns: &SharedColumns,
        ids: &[i64],
    ) -> Result<()> {
        let texts: Vec<String> =
            self.inserted.columns.iter().map(|column| column.text("e")).collect();
        let asked = include_str!("../../../sql/verify/whole_texts.sql");
        for row in first.about_ids(asked, columns, texts.join(", "), ids).await? {
            let values: Option<Vec<Option<&str>>> =
                (0..texts.len()).map(|place| row.try_get(place).ok()).collect();
            let values = values.ok_or_else(|| {
                Error::new(ErrorKind::Bug, "cannot read the missing rows").at(first.shown())
            })?;
            self.put(&statement(second, &self.inserted, &columns.id, &values))?;
        }
        Ok(())
    }

    /// Ends the transaction and gives the file its name; unless what is missing may be there, so
    /// that it would be there twice. Gives whether it did.
    ///
    /// # Errors
    /// `Unavailable` when the disk is full.
    pub fn finish(mut self, outcome: &ComparisonOutcome) -> Result<bool> {
        if outcome.is_missing_uncertain() {
            return Ok(false);
        }
        let others = outcome.tally.total() - outcome.tally.missing;
        if others > 0 {
            self.put(&format!(
                "-- {others} rows differ otherwise (changed, or only at the second side); nothing \
                 is done about them here.\n"
            ))?;
        }
        if outcome.pending.0 > 0 {
            self.put(&format!(
                "-- {} rows beyond the last one that was compared are not here.\n",
                outcome.pending.0
            ))?;
        }
        for skipped in &outcome.skipped {
            self.put(&format!("-- Not certain to be all: {}\n", fit(skipped)))?;
        }
        self.put("commit;\n")?;
        let file = self.out.into_inner().map_err(|error| cannot(&self.path, error.error()))?;
        file.finish().map_err(|error| cannot(&self.path, &error))?;
        Ok(true)
    }

    fn put(&mut self, text: &str) -> Result<()> {
        self.out.write_all(text.as_bytes()).map_err(|error| cannot(&self.path, &error))
    }
}

/// The statement of one row. Every value is quoted here: whatever the first side answers can be
/// nothing but a value.
fn statement(
    second: &ComparisonSide,
    inserted: &Wire,
    id_column: &str,
    values: &[Option<&str>],
) -> String {
    let quoted: Vec<String> =
        values.iter().map(|value| value.map_or_else(|| "NULL".to_owned(), sql::literal)).collect();
    // Of the id alone: another unique column that refuses a row is an error, not a row that is left
    // out in silence.
    format!(
        "insert into {} ({}) overriding system value values ({}) on conflict ({}) do nothing;\n",
        second.table.name.quoted(),
        inserted.called(&second.table.names).column_list(),
        quoted.join(", "),
        sql::ident(second.table.names.there(id_column))
    )
}

fn cannot(path: &Path, error: &std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "cannot write the script")
        .at(path.display().to_string())
        .caused_by(error)
}
