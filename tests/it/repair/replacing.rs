//! `--replace`.

use super::{AS_A_RESTORE, HUNDRED, KINDS, follows, pair, prepared, refuses, repair, succeeds};
use crate::command::told;
use crate::diff::run;
use crate::harness::{Database, fresh_database, fresh_destination};
use crate::support::events::{digest, highest, init_destination, init_source_with};
use crate::support::replicator::Setup;
use tempfile::TempDir;

/// Does to a source what its triggers refuse, as the operator does who corrects or erases an event.
pub async fn on_purpose(source: &Database, change: &str) {
    let again = "alter table events enable trigger all";
    source.execute(&format!("{AS_A_RESTORE}; {change}; {again}")).await;
}

/// What docs/repair.md says how an event is changed at a source, and how that is carried over.
#[tokio::test]
async fn what_the_document_says_is_enough_to_erase_an_event_everywhere() {
    let document = include_str!("../../../docs/repair.md");
    let (_, statements) = document.split_once("```sql\n").unwrap();
    let (statements, _) = statements.split_once("```").unwrap();
    let (source, destination) = pair(KINDS[1]).await;
    source.execute(&statements.replace("4711, 4712", "5, 7")).await;
    let erased = "select id from events where event = '{\"erased\": true}' order by id";
    assert_eq!(source.query(erased).await, ["5", "7"]);
    let change = "update events set event = '{}' where id = 5";
    assert!(source.client().await.batch_execute(change).await.is_err(), "the trigger is on again");
    succeeds(&source, &destination, &["--replace", "5,7", "--yes"]).await;
    assert_eq!(destination.query(erased).await, ["5", "7"]);
}

/// Every row but those of these ids, with the transaction that wrote it: another one if it was
/// touched.
async fn others(destination: &Database, ids: &str) -> Vec<String> {
    let rows = format!("select xmin, ctid, events from events where id not in ({ids}) order by id");
    destination.query(&rows).await
}

/// SHA-256 of an event as COPY writes it as text.
async fn sha256(database: &Database, id: i64) -> String {
    let client = database.client().await;
    client.batch_execute("set timezone = 'UTC'; set datestyle = 'ISO'").await.unwrap();
    let text = r"select encode(sha256(convert_to(concat(id, E'\t', ts, E'\t',
                 replace(event::text, E'\\', E'\\\\'), E'\n'), 'UTF8')), 'hex')
                 from events where id = $1";
    client.query_one(text, &[&id]).await.unwrap().get(0)
}

/// A run refuses it as it is, and says what to do.
async fn is_refused(source: &Database, destination: &Database, words: &str) {
    let setup = Setup::from(source).to("copy", destination);
    let end = setup.start(&["--until-caught-up"]).ends().await;
    assert_eq!(end.code, Some(4), "{end:?}");
    assert!(end.report.contains(words), "{end:?}");
}

/// The lines of the log about single events.
fn logged(log: &str) -> Vec<serde_json::Value> {
    let lines = log.lines().filter(|line| line.contains("a named event was exchanged"));
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn corrected_events_become_the_sources_wherever_they_are_and_no_other_is_touched() {
    for kind in KINDS {
        let (source, destination) = pair(kind).await;
        on_purpose(
            &source,
            "update events set event = '{\"is\": \"corrected\"}' where id in (1, 50, 100)",
        )
        .await;
        let cure = "if the source's event 1 was changed on purpose, counterfoil repair --config /";
        is_refused(&source, &destination, cure).await;
        let before = others(&destination, "1, 50, 100").await;
        let printed =
            succeeds(&source, &destination, &["--replace", "50,1", "--replace=100", "--yes"]).await;
        for id in [1, 50, 100] {
            let will = format!("id {id} will be replaced by the source's row\n");
            let was = format!("id {id} was replaced: sha256 ");
            assert!(printed.contains(&will) && printed.contains(&was), "{printed}");
        }
        assert!(printed.contains("3 events were replaced or removed"), "{printed}");
        assert!(
            printed.contains("verified, equal to the source: 100 events, last id 100, sha256 "),
            "{printed}"
        );
        assert_eq!(others(&destination, "1, 50, 100").await, before);
    }
}

#[tokio::test]
async fn erased_events_of_a_sequence_are_removed_wherever_they_are_and_no_other_is_touched() {
    for (ids, cure) in [
        ("1", "--replace 1 carries that over"),
        ("50", "events-diff --config /"),
        ("100", "--replace 100 carries that over"),
        ("1, 50, 100", "events-diff --config /"),
    ] {
        let (source, destination) = pair(KINDS[0]).await;
        on_purpose(&source, &format!("delete from events where id in ({ids})")).await;
        is_refused(&source, &destination, cure).await;
        let before = others(&destination, ids).await;
        let printed = succeeds(&source, &destination, &["--replace", ids, "--yes"]).await;
        assert!(
            printed.contains(
                " will be removed: the source does not have it, so this may be its only copy\n"
            ),
            "{printed}"
        );
        assert!(printed.contains(" was removed: sha256 "), "{printed}");
        assert!(printed.contains(" before, none after\n"), "{printed}");
        assert_eq!(others(&destination, ids).await, before);
    }
}

/// Consecutive ids have no holes but those that are known, and then every check is content.
#[tokio::test]
async fn an_erased_event_of_consecutive_ids_is_removed_once_its_gap_is_known() {
    for id in [1, 50, 100] {
        let (source, destination) = pair(KINDS[1]).await;
        on_purpose(&source, &format!("delete from events where id = {id}")).await;
        let (id, gap) = (id.to_string(), format!("known_gaps = [\"{id}\"]"));
        let how = ["--replace", &id, "--yes"];
        match id.as_str() {
            "50" => {
                let words = ["gap: id 50 is missing, 51 exists", gap.as_str()];
                refuses(&source, &destination, &how, 6, &words).await;
            }
            "1" => {
                refuses(&source, &destination, &how, 3, &["known_gaps = [\"1..1\"]"]).await;
            }
            // That there is an event missing at the end is not seen before the next one comes.
            _ => {}
        }
        let dir = TempDir::new().unwrap();
        let mut command = prepared(&dir, &source, &destination, &how);
        let config = dir.path().join("counterfoil.toml");
        let text = std::fs::read_to_string(&config).unwrap();
        std::fs::write(&config, text.replacen("[source]\n", &format!("[source]\n{gap}\n"), 1))
            .unwrap();
        let (code, printed, complaint) = told(&command.output().unwrap());
        assert_eq!(code, Some(0), "{printed}{complaint}");
        assert!(printed.contains("verified, equal to the source: 99 events"), "{printed}");
        source.execute("select insert_events(array['{}'::jsonb])").await;
        let setup = Setup::from(&source).source_key(&gap).to("copy", &destination);
        let end = setup.start(&["--until-caught-up"]).ends().await;
        assert_eq!(end.code, Some(0), "{end:?}");
        assert_eq!(highest(&destination).await, 101);
        let config = config.to_str().unwrap();
        let (code, out, err) = run(&["--config", config, "--validate", "--complete"]).await;
        assert_eq!(code, 0, "{out}{err}");
    }
}

#[tokio::test]
async fn each_event_is_logged_with_the_digest_of_either_row_and_never_with_its_content() {
    let (source, destination) = pair(KINDS[0]).await;
    on_purpose(&source, "update events set event = '{\"is\": \"confidential\"}' where id = 7; delete from events where id = 9").await;
    let (old, erased) = (sha256(&destination, 7).await, sha256(&destination, 9).await);
    let new = sha256(&source, 7).await;
    let (code, printed, log) =
        repair(&source, &destination, &["--replace", "7,8,9,9,200", "--yes"]);
    assert_eq!(code, Some(2), "an id above the position: {printed}{log}");
    let (code, printed, log) = repair(&source, &destination, &["--replace", "7,8,9,9", "--yes"]);
    assert_eq!(code, Some(0), "{printed}{log}");
    assert!(log.contains("note: id 9 was named more than once"), "{log}");
    let lines = logged(&log);
    let facts: Vec<_> = lines
        .iter()
        .map(|line| {
            (line["id"].as_i64(), line["sha256_before"].as_str(), line["sha256_after"].as_str())
        })
        .collect();
    assert_eq!(
        facts,
        [(Some(7), Some(&*old), Some(&*new)), (Some(9), Some(&*erased), Some("none"))]
    );
    assert!(
        lines.iter().all(|line| line["destination"] == "copy" && line["level"] == "info"),
        "{log}"
    );
    let (exchanged, committed) = (
        log.rfind("a named event was exchanged, its commit follows"),
        log.find("the named events were committed"),
    );
    assert!(exchanged < committed && exchanged.is_some(), "{log}");
    for line in [
        format!("id 7 was replaced: sha256 {old} before, {new} after\n"),
        format!("id 9 was removed: sha256 {erased} before, none after\n"),
    ] {
        assert!(printed.contains(&line), "{line} is not in {printed}");
    }
    assert!(printed.contains("id 8 was already equal: sha256 "), "{printed}");
    assert!(!log.contains("confidential") && !printed.contains("confidential"), "{log}{printed}");
    follows(&source, &destination).await;
}

#[tokio::test]
async fn what_is_equal_or_on_neither_side_is_nothing_to_replace() {
    let (source, destination) = pair(KINDS[0]).await;
    on_purpose(&source, "delete from events where id = 9").await;
    destination.execute("delete from events where id = 9").await;
    let before = others(&destination, "-1").await;
    let (code, printed, complaint) = repair(&source, &destination, &["--replace", "8,9"]);
    assert_eq!(code, Some(0), "{printed}{complaint}");
    for line in [
        "nothing to replace at destination \"copy\"\n",
        "id 8 is already equal on both sides\n",
        "id 9 is on neither side\n",
    ] {
        assert!(printed.contains(line), "{printed}");
    }
    assert_eq!(others(&destination, "-1").await, before);
}

#[tokio::test]
async fn what_else_differs_is_told_and_left_and_the_end_is_4() {
    let (source, destination) = pair(KINDS[0]).await;
    on_purpose(&source, "update events set event = '{}' where id in (5, 33)").await;
    destination.execute("delete from events where id = 40").await;
    let before = others(&destination, "5").await;
    let (code, printed, complaint) = repair(&source, &destination, &["--replace", "5", "--yes"]);
    assert_eq!(code, Some(4), "{printed}{complaint}");
    assert!(
        printed.contains(
            "besides these ids differs, and stays as it is:\nmissing at the destination: 1 event, \
             id 40\nchanged: 1 event, id 33\nevents-diff --config /"
        ),
        "{printed}"
    );
    assert!(printed.contains("id 5 was replaced: sha256 "), "{printed}");
    let words = [
        "destination \"copy\" has what the source has of the named ids, and differs in others",
        "changed: 1 event, id 33",
        "events-diff --config /",
    ];
    assert!(words.iter().all(|word| complaint.contains(word)), "{complaint}");
    assert_eq!(others(&destination, "5").await, before);
    refuses(&source, &destination, &["--replace", "5", "--yes"], 4, &words).await;
    // Each cure that was named does the rest.
    let (code, printed, complaint) = repair(&source, &destination, &["--replace", "33", "--yes"]);
    assert_eq!(code, Some(4), "{printed}{complaint}");
    succeeds(&source, &destination, &["--insert-missing", "--yes"]).await;
}

#[tokio::test]
async fn events_diff_names_the_command_for_a_few_events_that_were_changed_or_erased() {
    let (source, destination) = pair(KINDS[0]).await;
    on_purpose(
        &source,
        "update events set event = '{}' where id = 5; delete from events where id = 7",
    )
    .await;
    let dir = TempDir::new().unwrap();
    let _ = prepared(&dir, &source, &destination, &[]);
    let config = dir.path().join("counterfoil.toml");
    let config = config.to_str().unwrap();
    let (code, out, err) = run(&["--config", config]).await;
    assert_eq!(code, 1, "{out}{err}");
    let command = out.lines().find(|line| line.contains(" carries that over")).unwrap_or(&out);
    let (_, command) = command
        .split_once("if the source changed or erased these on purpose, counterfoil ")
        .unwrap_or_else(|| panic!("{out}"));
    let command = command.trim_end_matches(" carries that over");
    assert_eq!(command, format!("repair --config {config} --destination copy --replace 5,7"));
    let (_, out, _) = run(&["--config", config, "--format", "jsonl"]).await;
    assert!(!out.contains("carries that over"), "{out}");
    // As it stands, with consent.
    let words: Vec<&str> = command.split(' ').chain(["--yes"]).collect();
    let (code, printed, complaint) = told(&crate::command::counterfoil(&words).output().unwrap());
    assert_eq!(code, Some(0), "{printed}{complaint}");
    let (code, out, err) = run(&["--config", config, "--validate"]).await;
    assert_eq!(code, 0, "{out}{err}");
}

#[tokio::test]
async fn an_id_without_an_event_to_replace_is_refused_with_what_brings_it() {
    let (source, destination) = pair(KINDS[0]).await;
    on_purpose(&source, "update events set event = '{}' where id = 5").await;
    destination.execute("delete from events where id = 40 or id > 90").await;
    let words = [
        "cannot replace ids 91, 95 of destination \"copy\"",
        "its highest id is 90",
        "the replicator will copy what the source has of them; nothing was written",
    ];
    refuses(&source, &destination, &["--replace", "5,91,95", "--yes"], 2, &words).await;
    let words = [
        "cannot replace id 40 of destination \"copy\"",
        "the destination lacks what the source has",
        "--destination copy --insert-missing inserts what is missing",
        "; nothing was written",
    ];
    refuses(&source, &destination, &["--replace", "5,40", "--yes"], 4, &words).await;
    destination.execute("truncate events").await;
    refuses(&source, &destination, &["--replace", "5", "--yes"], 2, &["its highest id is none"])
        .await;
}

#[tokio::test]
async fn what_is_no_id_is_told_at_once_before_anything_is_asked() {
    let (source, destination) = pair(KINDS[0]).await;
    let how = ["--replace", "5,x", "--replace", "3..9", "--yes"];
    let words = [
        "cannot read the ids of --replace",
        "\"x\" is not an id: ids are whole numbers",
        "\"3..9\" is a range: only single ids are replaced",
        "name each id by itself, separated by commas: --replace 5,17; nothing was written",
    ];
    refuses(&source, &destination, &how, 2, &words).await;
    let many: Vec<String> = (1..=1001).map(|id| id.to_string()).collect();
    let words = ["1001 ids are too many for --replace", "at most 1000", "name fewer"];
    refuses(&source, &destination, &["--replace", &many.join(","), "--yes"], 2, &words).await;
    let both = ["--replace", "5", "--insert-missing", "--yes"];
    refuses(&source, &destination, &both, 2, &["cannot be used with"]).await;
}

#[tokio::test]
async fn all_rows_go_before_the_first_comes_so_that_a_unique_index_sees_no_mixture() {
    let (source, destination) = pair(KINDS[0]).await;
    for database in [&source, &destination] {
        let place = "alter table events add place integer unique";
        on_purpose(database, &format!("{place}; update events set place = id")).await;
    }
    let swap = "update events set place = null where id in (5, 6); update events set place = 6 \
                where id = 5; update events set place = 5 where id = 6";
    on_purpose(&source, swap).await;
    succeeds(&source, &destination, &["--replace", "5,6", "--yes"]).await;
}

/// In text form, because of a type that is not built in, and with a column of bytes, which never
/// becomes text.
#[tokio::test]
async fn the_bytes_of_every_type_are_the_sources_in_either_form() {
    for more in [
        "create type mood as enum ('glad', 'sad'); alter table events add mood mood default 'glad'",
        "alter table events add bytes bytea default '\\x00ff', add real float8, add numbers \
         integer[] default '[0:1]={1,2}'",
    ] {
        let (source, destination) = pair(KINDS[0]).await;
        for database in [&source, &destination] {
            on_purpose(database, more).await;
        }
        let event = "update events set event = jsonb_build_object('text', E'tab\\t, \\\\ and \
                     \"é\"', 'big', 1.10), ts = 'infinity' where id in (1, 50, 100)";
        on_purpose(&source, event).await;
        succeeds(&source, &destination, &["--replace", "1,50,100", "--yes"]).await;
    }
}

#[tokio::test]
async fn a_row_that_is_larger_than_a_transaction_may_be_is_replaced_too() {
    let (source, destination) = pair(KINDS[0]).await;
    let large = "update events set event = to_jsonb(repeat('large', 5000000)) where id = 50";
    on_purpose(&source, large).await;
    succeeds(&source, &destination, &["--replace", "50", "--yes"]).await;
    on_purpose(&source, "update events set event = '{}' where id = 50").await;
    succeeds(&source, &destination, &["--replace", "50", "--yes"]).await;
}

#[tokio::test]
async fn what_a_destination_has_of_its_own_is_not_lost_by_a_replacement() {
    let (source, destination) = pair(KINDS[0]).await;
    on_purpose(
        &source,
        "update events set event = '{}' where id = 5; delete from events where id = 7",
    )
    .await;
    destination
        .execute("alter table events add seen_by text; update events set seen_by = 'us'")
        .await;
    let words = ["its column \"seen_by\" is not the source's", "nothing was written"];
    refuses(&source, &destination, &["--replace", "5,7", "--yes"], 3, &words).await;
    destination
        .execute(
            "alter table events drop seen_by; create table notes (id bigint references events on \
             delete cascade); insert into notes values (7)",
        )
        .await;
    let words = ["foreign key notes_id_fkey of public.notes would delete or change rows"];
    refuses(&source, &destination, &["--replace", "5,7", "--yes"], 3, &words).await;
    destination.execute("alter table notes drop constraint notes_id_fkey, add foreign key (id) references events").await;
    let words = ["violates foreign key constraint", "nothing of this batch was written"];
    refuses(&source, &destination, &["--replace", "5,7", "--yes"], 7, &words).await;
    destination.execute("drop table notes").await;
    succeeds(&source, &destination, &["--replace", "5,7", "--yes"]).await;
}

#[tokio::test]
async fn a_trigger_that_changes_what_is_inserted_leaves_every_old_row() {
    let (source, destination) = pair(KINDS[0]).await;
    on_purpose(&source, "update events set event = '{\"n\": 1}' where id in (5, 6)").await;
    destination
        .execute(
            "create function changes() returns trigger language plpgsql as 'begin new.event = \
             ''{}''; return new; end'; create trigger changes before insert on events for each row \
             when (new.id = 6) execute function changes()",
        )
        .await;
    let words = [
        "an event that was put in is not the source's",
        "id 6",
        "a trigger of the destination changes what is inserted",
        "nothing of this batch was written",
    ];
    refuses(&source, &destination, &["--replace", "5,6", "--yes"], 4, &words).await;
}

#[tokio::test]
async fn what_changes_a_named_row_after_its_commit_is_found_by_the_comparison_at_the_end() {
    let (source, destination) = pair(KINDS[0]).await;
    on_purpose(&source, "update events set event = '{\"n\": 1}' where id = 5").await;
    destination
        .execute(
            "create function late() returns trigger language plpgsql as 'begin update events set \
             event = ''{}'' where id = new.id; return null; end'; create constraint trigger late \
             after insert on events deferrable initially deferred for each row execute function \
             late()",
        )
        .await;
    let (code, printed, complaint) = repair(&source, &destination, &["--replace", "5", "--yes"]);
    assert_eq!(code, Some(4), "{printed}{complaint}");
    for word in [
        "id 5 of destination \"copy\" differs again",
        "a deferred trigger of the destination changed it",
        "start again; events-diff --config /",
    ] {
        assert!(complaint.contains(word), "{complaint}");
    }
}

#[tokio::test]
async fn one_destination_alone_is_mended_of_two() {
    let (source, first, second) =
        (fresh_database().await, fresh_destination().await, fresh_destination().await);
    init_source_with(&source, "sequence", "none").await;
    source.execute(&format!("{HUNDRED}; {}", KINDS[0].1)).await;
    for destination in [&first, &second] {
        init_destination(destination).await;
        destination.execute(HUNDRED).await;
    }
    on_purpose(&source, "update events set event = '{}' where id = 5").await;
    let dir = TempDir::new().unwrap();
    let mut command = prepared(&dir, &source, &first, &["--replace", "5", "--yes"]);
    let config = dir.path().join("counterfoil.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let other = format!(
        "[[destinations]]\nname = \"other\"\nurl = '{}'\n[replication]",
        crate::support::replicator::url(&second)
    );
    std::fs::write(&config, text.replace("[replication]", &other)).unwrap();
    let before = digest(&second, i64::MAX).await;
    let (code, printed, complaint) = told(&command.output().unwrap());
    assert_eq!(code, Some(0), "{printed}{complaint}");
    assert_eq!(digest(&first, i64::MAX).await, digest(&source, i64::MAX).await);
    assert_eq!(digest(&second, i64::MAX).await, before);
}
