//! The status as a table for a person.

use crate::destination::connector::Replicator;
use crate::event::range;
use crate::log::escape::fit;
use crate::replicate::health::Health;
use crate::replicate::status::answer::{
    BlockingTransaction, ComparedBy, DestinationStatus, EVENTS_BEHIND_COUNTED_MAX,
    ReplicationStatus,
};
use std::fmt;

const HEAD: [&str; 7] =
    ["destination", "health", "position", "events behind", "seconds behind", "fed by", "database"];

impl fmt::Display for ReplicationStatus {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = &self.source;
        writeln!(
            out,
            "source {}, {}: {}, highest id {}",
            fit(&source.database),
            fit(&source.table),
            source.health,
            range::shown(source.highest_id)
        )?;
        source.error.iter().try_for_each(|error| writeln!(out, "  {}", fit(error)))?;
        writeln!(out)?;
        let mut rows = vec![HEAD.map(str::to_owned)];
        rows.extend(self.destinations.iter().map(cells));
        let width = |column: usize| {
            rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
        for row in &rows {
            let cells: Vec<String> =
                row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
            writeln!(out, "{}", cells.join("  ").trim_end())?;
        }
        self.destinations.iter().try_for_each(|destination| write_notes(out, destination))?;
        match self.destinations.iter().find_map(|destination| destination.compared_by) {
            Some(ComparedBy::FirstLastAndCount) => writeln!(
                out,
                "\ncompared by first event, last event and count; events-diff compares every row"
            ),
            Some(ComparedBy::LastEvent) => writeln!(
                out,
                "\ncompared by the last event of each destination alone (--quick); without that \
                 flag events are counted too"
            ),
            None => Ok(()),
        }
    }
}

fn cells(destination: &DestinationStatus) -> [String; 7] {
    [
        destination.name.clone(),
        destination.health.to_string(),
        destination.position.map_or_else(|| "-".to_owned(), |position| position.to_string()),
        match (destination.events_behind, destination.is_events_behind_exact) {
            (None, _) => "-".to_owned(),
            (Some(events), true) => events.to_string(),
            (Some(_), false) => format!("at least {EVENTS_BEHIND_COUNTED_MAX}"),
        },
        destination
            .seconds_behind
            .map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.1}")),
        destination.replicator.as_ref().map_or_else(|| "none".to_owned(), Replicator::to_string),
        fit(&format!("{}, {}", destination.database, destination.table)).into_owned(),
    ]
}

fn write_notes(out: &mut fmt::Formatter<'_>, destination: &DestinationStatus) -> fmt::Result {
    let name = &destination.name;
    if let Some(holder) = &destination.held_by {
        writeln!(out, "{name}: waits for {holder}")?;
    }
    if destination.health == Health::Level && destination.replicator.is_none() {
        writeln!(out, "{name}: no replicator feeds it, new events are not copied")?;
    }
    destination.error.iter().try_for_each(|error| writeln!(out, "{name}: {}", fit(error)))?;
    destination.fix.iter().try_for_each(|fix| writeln!(out, "{name}: fix: {}", fit(fix)))
}

impl fmt::Display for Replicator {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(out, "pid {pid}")?,
            None => write!(out, "an unknown session")?,
        }
        self.application_name.iter().try_for_each(|name| write!(out, " ({})", fit(name)))
    }
}

impl fmt::Display for BlockingTransaction {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(out, "a transaction of pid {pid} at the source")?,
            None => write!(out, "a prepared transaction at the source (see pg_prepared_xacts)")?,
        }
        self.application_name
            .iter()
            .filter(|name| !name.is_empty())
            .try_for_each(|name| write!(out, ", application {name:?}"))?;
        self.user.iter().try_for_each(|user| write!(out, ", user {user:?}"))?;
        self.seconds.iter().try_for_each(|seconds| write!(out, ", open for {seconds:.0} s"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replicate::status::SourceStatus;

    #[test]
    fn a_person_sees_a_line_for_each_destination_and_why_it_waits() {
        let status = ReplicationStatus {
            source: SourceStatus {
                database: "db1:5432/orders".to_owned(),
                table: "public.events".to_owned(),
                health: Health::Reachable,
                highest_id: Some(2_000_000),
                error: None,
                is_refused: false,
            },
            destinations: vec![DestinationStatus {
                name: "copy".to_owned(),
                database: "db2:5432/orders".to_owned(),
                table: "public.events".to_owned(),
                health: Health::Held,
                compared_by: Some(ComparedBy::FirstLastAndCount),
                position: Some(7),
                events_behind: Some(EVENTS_BEHIND_COUNTED_MAX),
                is_events_behind_exact: false,
                seconds_behind: Some(12.34),
                replicator: Some(Replicator {
                    pid: Some(99),
                    application_name: Some("counterfoil/append".to_owned()),
                    client_address: None,
                }),
                held_by: Some(BlockingTransaction {
                    pid: Some(55),
                    application_name: Some("worker".to_owned()),
                    user: Some("app".to_owned()),
                    seconds: Some(312.2),
                }),
                error: None,
                fix: None,
                is_refused: false,
            }],
        };
        let lines: Vec<String> = status.to_string().lines().map(str::to_owned).collect();
        assert_eq!(
            lines[0],
            "source db1:5432/orders, public.events: reachable, highest id 2000000"
        );
        assert_eq!(
            lines[3],
            "copy         held    7         at least 1000000  12.3            pid 99 \
             (counterfoil/append)  db2:5432/orders, public.events"
        );
        assert_eq!(
            lines[4],
            "copy: waits for a transaction of pid 55 at the source, application \"worker\", user \
             \"app\", open for 312 s"
        );
        assert_eq!(
            lines[6],
            "compared by first event, last event and count; events-diff compares every row"
        );
    }
}
