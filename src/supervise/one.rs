//! One replication of a process, from its first line in the log to its last.

use crate::config::ReplicationConfig;
use crate::error::Problems;
use crate::log::recent::ROUTINE;
use crate::log::{key, logged_id};
use crate::replicate::command::CommandReceiver;
use crate::replicate::last_word::confirm;
use crate::replicate::snapshot::Snapshot;
use crate::replicate::{Replication, replicate_by_command};
use crate::source::read::batcher::GROUP_KEPT_BYTES;
use crate::stop::Stop;
use crate::supervise::needed::ReaderNotes;
use crate::supervise::verifying::{self, VerificationParts};
use crate::verify::continuous::snapshot::{VerificationSnapshot, VerificationState};
use slog::{Logger, info};

/// Tells what it is to do.
pub(super) fn tell_parameters(config: &ReplicationConfig, until_caught_up: bool, log: &Logger) {
    let limits = &config.limits;
    info!(log, # ROUTINE, "replication started"; "source" => config.source.conninfo.describe(), key::TABLE => config.source.table.to_string(),
        "until_caught_up" => until_caught_up, "max_events_per_write" => limits.max_events_per_write,
        "max_bytes_per_write" => limits.max_bytes_per_write, "buffer_bytes_max" => limits.buffer_bytes_max,
        "readers_max" => limits.readers_max, "rows_in_memory_max_bytes" => rows_in_memory_max(config));
    for destination in &config.destinations {
        let settings = destination.settings();
        info!(log, # ROUTINE, "destination"; key::DESTINATION => &destination.name, key::DATABASE => settings.describe(),
            key::TABLE => settings.target(), "writers" => destination.postgres().map(|postgres| postgres.writers));
    }
    for note in &config.notes {
        info!(log, "note on the configuration"; "note" => note);
    }
}

/// What rows can take in memory, in bytes, besides twice the largest row for each reader: the
/// buffer, and for each reader an unfinished group.
fn rows_in_memory_max(config: &ReplicationConfig) -> u64 {
    let limits = &config.limits;
    let readers = config.destinations.len().min(limits.readers_max + 1) as u64;
    limits.buffer_bytes_max as u64 + readers * GROUP_KEPT_BYTES
}

/// Replicates, and where it ends by itself has the last word.
pub(super) async fn replicate_to_the_end(
    run: &Replication,
    commands: CommandReceiver,
    verification: VerificationParts,
    stop: &Stop,
) -> Problems {
    let verified = verification.publisher.subscribe();
    let snapshots = run.snapshots.subscribe();
    let notes = ReaderNotes { config: &run.config, snapshots: snapshots.clone(), log: &run.log };
    let replicate =
        async |stop: &Stop| notes.beside(replicate_by_command(run, commands, stop)).await;
    let (mut problems, different) =
        verifying::beside(verification, snapshots, stop, replicate).await;
    problems.extend(different.err().map(Problems::from).unwrap_or_default());
    summarise(&run.snapshots.borrow(), &verified.borrow(), &run.log);
    if problems.is_empty() && run.until_caught_up {
        return confirm(&run.config, stop, &run.log).await.err().unwrap_or_default();
    }
    problems
}

fn summarise(end: &Snapshot, verified: &VerificationSnapshot, log: &Logger) {
    let seconds = end.run.elapsed_seconds;
    for (lane, verified) in end.lanes.iter().zip(&verified.destinations) {
        let per_second = lane.events as f64 / seconds.max(0.001);
        info!(log, # ROUTINE, "summary"; key::DESTINATION => &*lane.name, key::EVENTS => lane.events, key::BYTES => lane.bytes,
            "seconds" => (seconds * 1000.0).round() / 1000.0, "events_per_s" => per_second.round(), key::POSITION => logged_id(lane.position));
        if verified.state != VerificationState::Off {
            info!(log, "verification summary"; key::DESTINATION => &*lane.name,
                "verified_through" => logged_id(verified.verified_through_id),
                "events_compared" => verified.events_compared, "rounds" => verified.round.number,
                "differences" => verified.differences_ever.total());
        }
    }
}
