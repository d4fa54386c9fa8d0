//! What `repair` and `restore` share: limits from the configuration, places, and how what was done
//! is told.

use crate::cli::output::line;
use crate::config::ReplicationConfig;
use crate::config::libpq::Conninfo;
use crate::error::Result;
use crate::recover::batch::TransactionLimits;
use crate::recover::endpoint::TableEndpoint;
use crate::recover::repair::RepairReport;
use crate::sql::{ColumnNames, TableName};
use crate::stop::Stop;

/// Of a transaction.
pub(crate) fn limits(config: &ReplicationConfig) -> TransactionLimits {
    TransactionLimits {
        events_max: config.limits.max_events_per_write,
        bytes_max: config.limits.max_bytes_per_write,
    }
}

/// How a table is reached.
pub(crate) fn place<'a>(
    config: &'a ReplicationConfig,
    what: &'static str,
    conninfo: &'a Conninfo,
    (table, names): (&'a TableName, &'a ColumnNames),
) -> TableEndpoint<'a> {
    TableEndpoint {
        conninfo,
        table,
        id_column: &config.source.id_column,
        rows: None,
        names,
        what,
        timeout: config.limits.connect_timeout,
    }
}

/// Runs the writing to its end; after a stop it may take `shutdown_timeout_ms` to finish the batch
/// in hand, otherwise that is rolled back. What was done is told in either case, also before an
/// error. Gives whether it came to its end.
pub(crate) async fn finish(
    config: &ReplicationConfig,
    stop: &Stop,
    what: &str,
    work: impl AsyncFnOnce(&mut RepairReport) -> Result<()>,
) -> Result<bool> {
    let mut done = RepairReport::default();
    let overdue = async {
        stop.requested().await;
        tokio::time::sleep(config.limits.shutdown_timeout).await;
    };
    let worked = tokio::select! {
        biased;
        worked = work(&mut done) => Some(worked),
        () = overdue => None,
    };
    let is_stopped = worked.is_none() || done.is_stopped;
    let mut told = match done.events {
        1 => format!("1 event was {what}"),
        events => format!("{events} events were {what}"),
    };
    if is_stopped {
        told.push_str("\nstopped before the end: run it again for the rest");
    }
    let is_told = line(&told);
    worked.unwrap_or(Ok(()))?;
    is_told?;
    Ok(!is_stopped)
}

/// Says that a stop came before anything was written.
pub(crate) fn tell_unchanged() -> Result<()> {
    line("nothing was changed")
}
