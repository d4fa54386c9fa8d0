//! Sessions that matter to a status: who holds a sequence, who feeds a destination.

use crate::error::Result;
use crate::postgres::session::Session;
use crate::replicate::status::answer::BlockingTransaction;
use tokio_postgres::Row;

/// The transactions that use a sequence, by their virtual ids.
pub(super) async fn holders(
    session: &Session,
    sequence: Option<u32>,
) -> Result<Vec<(String, BlockingTransaction)>> {
    let Some(sequence) = sequence else { return Ok(Vec::new()) };
    let rows = session.query(include_str!("../../../sql/status/holders.sql"), &[&sequence]).await;
    let holders = rows.and_then(|rows| rows.iter().map(holder).collect());
    holders.map_err(|e| session.error(&e, "cannot ask who holds the sequence"))
}

fn holder(row: &Row) -> Result<(String, BlockingTransaction), tokio_postgres::Error> {
    let holder = BlockingTransaction {
        pid: row.try_get("pid")?,
        application_name: row.try_get("application_name")?,
        user: row.try_get("user_name")?,
        seconds: row.try_get("age_s")?,
    };
    Ok((row.try_get("virtualtransaction")?, holder))
}
