//! `counterfoil repair` brings a destination to exactly what its source has, or refuses and writes
//! nothing.

mod asking;
mod holding;
mod interrupted;
mod missing;
pub mod replacing;
mod rewinding;
mod slate;

use crate::command::{counterfoil, told};
use crate::harness::{Database, fresh_database, fresh_destination};
use crate::support::events::{digest, init_destination, init_source_with};
use crate::support::replicator::{Setup, url};
use tempfile::TempDir;

/// Events whose time stamps have microseconds and whose numbers no double holds.
pub const HUNDRED: &str = "insert into events (id, ts, event) overriding system value select i, \
                           timestamptz '2026-04-03 10:11:12.123456+00' + i * interval '1000001 \
                           us', jsonb_build_object('n', i, 'price', 1.10, 'big', \
                           12345678901234567890, 'text', E'tab\\t, \\\\ and \"é\"') from \
                           generate_series(1, 100) i";

/// How ids are given out, and what gives out the next one after the hundred.
pub const KINDS: [(&str, &str); 2] = [
    ("sequence", "select setval('events_id_seq', 100)"),
    ("consecutive", "update id set id = 101"),
];

/// A source and a destination with the same hundred events.
pub async fn pair(kind: (&str, &str)) -> (Database, Database) {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    init_source_with(&source, kind.0, "none").await;
    init_destination(&destination).await;
    source.execute(&format!("{HUNDRED}; {}", kind.1)).await;
    destination.execute(HUNDRED).await;
    (source, destination)
}

/// Lets the events of a source be changed, as a restore from a backup does.
pub const AS_A_RESTORE: &str = "alter table events disable trigger all";

/// A configuration with small batches.
pub fn configuration(source: &Database, destination: &Database) -> String {
    format!(
        "[source]\nurl = '{}'\n[[destinations]]\nname = \"copy\"\nurl = \
         '{}'\n[replication]\nmax_events_per_write = 7\n[log]\nformat = \"json\"\nlevel = \
         \"debug\"\n",
        url(source),
        url(destination)
    )
}

/// Exit code, stdout and stderr of a repair.
pub type Told = (Option<i32>, String, String);

/// Runs a repair of "copy".
pub fn repair(source: &Database, destination: &Database, how: &[&str]) -> Told {
    let dir = TempDir::new().unwrap();
    let mut command = prepared(&dir, source, destination, how);
    told(&command.output().unwrap())
}

/// A repair of "copy" that is not yet started.
pub fn prepared(
    dir: &TempDir,
    source: &Database,
    destination: &Database,
    how: &[&str],
) -> std::process::Command {
    let config = dir.path().join("counterfoil.toml");
    std::fs::write(&config, configuration(source, destination)).unwrap();
    let mut command = counterfoil(&["repair", "--destination", "copy"]);
    command.args(how).arg("--config").arg(config);
    command
}

/// A repair of "copy" that waits no longer than this for a table.
pub fn prepared_to_wait(
    dir: &TempDir,
    source: &Database,
    destination: &Database,
    how: &[&str],
    timeout_ms: u32,
) -> std::process::Command {
    let command = prepared(dir, source, destination, how);
    let config = dir.path().join("counterfoil.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let section = format!("[replication]\nappend_timeout_ms = {timeout_ms}");
    std::fs::write(&config, text.replace("[replication]", &section)).unwrap();
    command
}

/// It must end with this code, say all of these words, and have written nothing at the destination.
pub async fn refuses(
    source: &Database,
    destination: &Database,
    how: &[&str],
    code: i32,
    words: &[&str],
) -> String {
    let before = digest(destination, i64::MAX).await;
    let (ended, printed, complaint) = repair(source, destination, how);
    assert_eq!(ended, Some(code), "{printed}{complaint}");
    for word in words {
        assert!(complaint.contains(word), "{word} is not in {complaint}");
    }
    assert_eq!(digest(destination, i64::MAX).await, before);
    complaint
}

/// It must end with 0 and verify; then the replicator must find nothing wrong and make both sides
/// equal.
pub async fn succeeds(source: &Database, destination: &Database, how: &[&str]) -> String {
    let (code, printed, complaint) = repair(source, destination, how);
    assert_eq!(code, Some(0), "{printed}{complaint}");
    assert!(printed.contains("verified, equal to the source: "), "{printed}");
    follows(source, destination).await;
    printed
}

/// The replicator finds nothing wrong, and afterwards both sides are equal.
pub async fn follows(source: &Database, destination: &Database) {
    let end =
        Setup::from(source).to("copy", destination).start(&["--until-caught-up"]).ends().await;
    assert_eq!(end.code, Some(0), "{end:?}");
    assert_eq!(digest(destination, i64::MAX).await, digest(source, i64::MAX).await);
}
