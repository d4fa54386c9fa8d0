//! `counterfoil status`: where every destination stands, from the databases alone.

use super::args;
use super::begin::configurations;
use super::output::{aside, line, put};
use crate::config::ReplicationConfig;
use crate::error::{Error, ErrorKind, Problems};
use crate::log::escape::{escaped_json, fit};
use crate::replicate::status::{ComparisonDepth, ReplicationStatus, status as ask};
use futures::future::join_all;
use serde::Serialize;

/// Runs it; gives the exit code.
///
/// # Errors
/// Those of the configuration. A database that cannot be asked is part of the answer.
pub(crate) async fn status(arguments: args::Status) -> Result<u8, Problems> {
    let config = configurations(&arguments.file, &arguments.file.flags(Vec::new(), false))?;
    let replications = &config.replications;
    let notes = replications.iter().flat_map(|replication| &replication.notes);
    notes.for_each(|note| aside(&format!("note: {}", fit(note))));
    let depth = if arguments.quick { ComparisonDepth::LastEvent } else { ComparisonDepth::Whole };
    let answers = join_all(replications.iter().map(|config| ask(config, depth))).await;
    if arguments.json {
        let object = match answers.as_slice() {
            [only] => serde_json::to_string(only),
            several => serde_json::to_string(&SeveralStatuses {
                replications: replications.iter().zip(several).map(NamedStatus::of).collect(),
            }),
        };
        let object = object.map_err(|error| {
            Error::new(ErrorKind::Bug, "cannot write the status as JSON").caused_by(&error)
        })?;
        line(&escaped_json(&object))?;
    } else {
        for (replication, answer) in replications.iter().zip(&answers) {
            if answers.len() > 1 {
                put(&format!("replication {}\n", fit(&replication.name)))?;
            }
            put(&answer.to_string())?;
        }
    }
    let codes: Vec<u8> = answers.iter().map(|answer| answer.exit_code(arguments.max_lag)).collect();
    Ok(if codes.contains(&4) { 4 } else { codes.into_iter().max().unwrap_or(0) })
}

/// The object of `--json` where there are several replications.
#[derive(Serialize)]
struct SeveralStatuses<'a> {
    replications: Vec<NamedStatus<'a>>,
}

/// One of them: its name, and what it is alone.
#[derive(Serialize)]
struct NamedStatus<'a> {
    name: &'a str,
    #[serde(flatten)]
    status: &'a ReplicationStatus,
}

impl<'a> NamedStatus<'a> {
    fn of((replication, status): (&'a ReplicationConfig, &'a ReplicationStatus)) -> Self {
        Self { name: &replication.name, status }
    }
}
