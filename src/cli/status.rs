//! `counterfoil status`: where every destination stands, from the databases alone.

use super::args;
use super::begin::configuration;
use super::output::{aside, line, put};
use crate::config::load::Flags;
use crate::error::{Error, Kind, Problems};
use crate::log::escape::{escaped_json, fit};
use crate::replicate::status::status as ask;

/// Runs it; gives the exit code.
///
/// # Errors
/// Those of the configuration. A database that cannot be asked is part of the answer.
pub(crate) async fn status(arguments: args::Status) -> Result<u8, Problems> {
    let (_, config) = configuration(&arguments.file, &Flags::default())?;
    config.notes.iter().for_each(|note| aside(&format!("note: {}", fit(note))));
    let status = ask(&config).await;
    if arguments.json {
        let object = serde_json::to_string(&status);
        let object = object.map_err(|error| Error::new(Kind::Bug, "cannot write the status as JSON").caused_by(&error))?;
        line(&escaped_json(&object))?;
    } else {
        put(&status.to_string())?;
    }
    Ok(status.exit_code(arguments.max_lag))
}
