//! The proof: counts, last ids and a SHA-256 over every row of all three, each read from its own
//! server.

use super::servers::{CONNECT_TIMEOUT, purpose};
use super::story::{DemoStory, counted, position};
use crate::config::ReplicationConfig;
use crate::config::libpq::Conninfo;
use crate::error::{Error, ErrorKind, Problems, Result};
use crate::event::range::IdRange;
use crate::event::store::{EventStore, TableDigest};
use crate::event::wire::Wire;
use crate::postgres::session::Session;
use crate::postgres::table::TableName;
use crate::postgres::table::compatible;
use crate::postgres::table::describe;
use crate::postgres::table::store::PgTable;
use futures::future::try_join_all;
use std::time::Instant;

/// Reads every row of every table, and judges: the source must hold what its writers were told is
/// committed, and every destination what the source holds.
///
/// # Errors
/// `Contents` when something is not equal; otherwise what a server says.
pub(crate) async fn prove(
    config: &ReplicationConfig,
    committed: u64,
    story: &DemoStory,
) -> Result<(), Problems> {
    let began = Instant::now();
    let id_column = &config.source.id_column;
    let wire = everything(config).await?;
    let source = ("source", &config.source.conninfo, &config.source.table);
    let mut sides = vec![source];
    for to in &config.destinations {
        let postgres = to.require_postgres()?;
        sides.push((to.name.as_str(), &postgres.conninfo, &postgres.table));
    }
    let proving = sides.iter().map(|(_, conninfo, table)| read(conninfo, table, id_column, &wire));
    let proofs = try_join_all(proving).await?;
    let names = sides.iter().map(|(name, ..)| *name);
    let proofs: Vec<(&str, TableDigest)> = names.zip(proofs).collect();
    story.say(&format!(
        "every row of all three has been read, in {} ms",
        began.elapsed().as_millis()
    ));
    story.text(&table(&proofs));
    judge(&proofs, committed)?;
    story.text(&format!(
        "equal: all {} committed events are in every copy, each once, in order, byte for byte \
         ({:.1} s in all)",
        counted(committed),
        story.elapsed().as_secs_f64()
    ));
    Ok(())
}

/// All columns of the source, in the form in which they travel.
async fn everything(config: &ReplicationConfig) -> Result<Wire, Problems> {
    let source = &config.source;
    let session = Session::open(&source.conninfo, purpose(), CONNECT_TIMEOUT).await?;
    let table = describe::table(&session, &source.table, &source.id_column).await?;
    let table = table.ok_or_else(|| {
        Error::new(ErrorKind::Unsuitable, format!("there is no table {}", source.table))
    })?;
    compatible::wire(&table, &table, &source.id_column)
}

async fn read(
    conninfo: &Conninfo,
    table: &TableName,
    id_column: &str,
    wire: &Wire,
) -> Result<TableDigest> {
    let session = Session::open(conninfo, purpose(), CONNECT_TIMEOUT).await?;
    PgTable::new(session, table, id_column, wire).table_digest(IdRange::ALL).await
}

fn table(proofs: &[(&str, TableDigest)]) -> String {
    let line = |name: &str, events: &str, last_id: &str, sha256: &str| {
        format!("  {name:<8} {events:>12} {last_id:>12}  {sha256}")
    };
    let head = line("", "events", "last id", "SHA-256 over every row in id order");
    let row = |(name, proof): &(&str, TableDigest)| {
        line(name, &counted(proof.events), &position(proof.last_id), &proof.sha256_hex())
    };
    let rows: Vec<String> = std::iter::once(head).chain(proofs.iter().map(row)).collect();
    rows.join("\n")
}

/// The first proof is the source's.
fn judge(proofs: &[(&str, TableDigest)], committed: u64) -> Result<(), Problems> {
    let mut problems = Problems::new();
    let different = |what: String| {
        Error::new(ErrorKind::Contents, what)
            .fix("this must never happen: please report it with the output above")
    };
    let Some(((_, source), destinations)) = proofs.split_first() else {
        return Err(Error::new(ErrorKind::Bug, "nothing was proved").into());
    };
    if source.events != committed {
        let what = format!(
            "the source holds {} events, and its writers were told that {committed} are committed",
            source.events
        );
        problems.push(different(what));
    }
    for (name, proof) in destinations {
        if let Some(how) = source.difference(proof) {
            problems.push(different(format!(
                "destination \"{name}\" is not a copy of the source: {how}"
            )));
        }
    }
    problems.or_ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROOF: TableDigest = TableDigest { events: 7, last_id: Some(9), sha256: [0xab; 32] };

    fn exit_code(proofs: &[(&str, TableDigest)], committed: u64) -> Option<u8> {
        let problems = judge(proofs, committed).err()?;
        problems.worst().map(|worst| worst.kind().consequence().exit_code)
    }

    #[test]
    fn equal_proofs_of_what_was_committed_are_no_failure() {
        assert_eq!(exit_code(&[("source", PROOF), ("north", PROOF), ("south", PROOF)], 7), None);
    }

    #[test]
    fn one_copy_with_other_bytes_ends_with_4() {
        let other = TableDigest { sha256: [0xac; 32], ..PROOF };
        assert_eq!(exit_code(&[("source", PROOF), ("north", PROOF), ("south", other)], 7), Some(4));
    }

    #[test]
    fn a_source_that_lost_what_was_committed_ends_with_4_though_its_copies_equal_it() {
        assert_eq!(exit_code(&[("source", PROOF), ("north", PROOF), ("south", PROOF)], 8), Some(4));
    }

    #[test]
    fn the_table_shows_each_side_with_all_digits_of_its_digest() {
        let shown = table(&[("source", PROOF), ("north", PROOF)]);
        assert_eq!(shown.lines().count(), 3);
        assert!(
            shown.lines().nth(2).is_some_and(|line| line.ends_with(&"ab".repeat(32))),
            "{shown}"
        );
    }
}
