//! What an `init` has done, in words.

use crate::cli::output::line;
use crate::error::Result;
use crate::log::escape::{fit, fit_lines};
use crate::postgres::ddl::script::SetupReport;

pub(crate) fn tell(report: &SetupReport) -> Result<()> {
    let created = report.created.iter().map(|what| format!("created {}", fit(what)));
    let present = report.present.iter().map(|what| format!("already there: {}", fit(what)));
    let notes = report.notes.iter().map(|note| format!("note: {}", fit_lines(note)));
    let nothing =
        report.created.is_empty().then(|| "nothing was missing, nothing was changed".to_owned());
    created.chain(present).chain(notes).chain(nothing).try_for_each(|told| line(&told))
}
