//! The raw pipe, `psql COPY out | psql COPY in`: it checks nothing and knows no position, the least
//! work that a copy can be.

use crate::Result;
use crate::figures::{Figures, timed, watch};
use crate::stage::Stage;
use std::process::{Child, Stdio};

const COPY_OUT: &str = "copy events to stdout (format binary)";
const COPY_IN: &str = "copy events from stdin (format binary)";

/// One pipe of two psql for each destination, all at the same time.
pub fn copy(stage: &Stage, targets: &[&str]) -> Result<Figures> {
    timed(&stage.source, &stage.destination, |figures| {
        let pipes =
            targets.iter().map(|target| start(stage, target)).collect::<Result<Vec<_>>>()?;
        let mut ends: Vec<Child> = pipes.into_iter().flatten().collect();
        if watch(&mut ends, figures)? { Ok(()) } else { Err("the raw pipe failed".into()) }
    })
}

fn start(stage: &Stage, target: &str) -> Result<[Child; 2]> {
    let mut out =
        stage.psql.command(&stage.source, "source", COPY_OUT).stdout(Stdio::piped()).spawn()?;
    let rows = out.stdout.take().ok_or("psql has no output")?;
    let into = stage.psql.command(&stage.destination, target, COPY_IN).stdin(rows).spawn()?;
    Ok([out, into])
}
