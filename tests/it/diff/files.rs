//! Files that `events-diff` writes: the script that inserts missing rows, and the journal of an
//! interrupted comparison.

use super::interrupted::Interrupted;
use super::{compared, equal_pair, events_diff};
use crate::command::Running;
use crate::harness::{fresh_database, fresh_destination};
use crate::support::events::{init_destination, init_source};
use crate::support::replicator::url;
use counterfoil::verify::compare::identity::TableIdentity;
use counterfoil::verify::compare::journal::{ComparisonJournal, JournalPart, JournalSubject};
use counterfoil::verify::compare::state::TableState;
use counterfoil::verify::difference::DifferenceTally;
use rustix::process::Signal;

#[tokio::test]
async fn the_script_inserts_what_is_missing_and_touches_nothing_else() {
    let (first, second) = equal_pair().await;
    for database in [&first, &second] {
        database
            .execute(
                "alter table events add column note text, add column raw bytea; update events set \
                 note = E'it''s \\\\ 100 % \\n $1 ' || id, raw = '\\xdeadbeef' where id < 20; \
                 update events set event = null where id = 11",
            )
            .await;
    }
    second.execute("delete from events where id < 30; delete from events where id = 1000").await;
    second.execute("update events set note = 'kept' where id = 500").await;
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("repair.sql");
    let flag = format!("--repair-sql={}", script.display());
    let (code, out, err) = compared(&first, &second, &[&flag]).await;
    assert_eq!(code, 1, "{out}{err}");
    let sql = std::fs::read_to_string(&script).unwrap();
    assert!(sql.contains("1 rows differ otherwise"), "{sql}");
    assert_eq!(sql.matches("insert into").count(), 20);
    // Run twice: what is there stays as it is.
    for _ in 0..2 {
        second.execute(&sql).await;
    }
    let (code, out, _) = compared(&first, &second, &[]).await;
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("differences: 1 changed (note in 1)"), "{out}");
    assert_eq!(second.query("select note from events where id = 500").await, ["kept"]);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_script_that_does_not_hold_all_says_so_and_one_cannot_be_made_from_the_middle_on() {
    let (first, second) = equal_pair().await;
    second.execute("delete from events where id in (4, 5, 500) or id > 990").await;
    let dir = tempfile::tempdir().unwrap();
    let flag = format!("--repair-sql={}", dir.path().join("repair.sql").display());
    assert_eq!(compared(&first, &second, &[&flag, "--max-diffs=2"]).await.0, 1);
    let sql = std::fs::read_to_string(dir.path().join("repair.sql")).unwrap();
    assert!(sql.contains("-- Not certain to be all: ended after 2 differences, at id 5"), "{sql}");
    assert!(sql.contains("-- 7 rows beyond the last one that was compared are not here."), "{sql}");
    let (code, _, err) = compared(&first, &second, &[&flag, "--resume=journal"]).await;
    assert_eq!((code, err.contains("cannot be used with")), (2, true), "{err}");
}

#[tokio::test]
async fn a_script_gives_the_same_values_whatever_the_settings_of_who_runs_it() {
    let (first, second) = (fresh_database().await, fresh_destination().await);
    for database in [&first, &second] {
        database
            .execute(
                "create table events (id bigint primary key, price money, names text[], other int \
                 unique)",
            )
            .await;
    }
    first
        .execute(
            "set lc_monetary = 'C'; insert into events values (1, '12.50', '{a,NULL}', 5), (2, \
             '1', '{}', 6), (3, '0', '{}', 7)",
        )
        .await;
    second.execute("insert into events values (3, '0', '{}', 7)").await;
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("repair.sql");
    assert_eq!(
        compared(&first, &second, &[&format!("--repair-sql={}", script.display())]).await.0,
        1
    );
    let sql = std::fs::read_to_string(&script).unwrap();
    assert!(sql.contains("set local lc_monetary = 'C'"), "{sql}");
    second.execute(&format!("set array_nulls = off; {sql}")).await;
    assert_eq!(compared(&first, &second, &[]).await.0, 0);
    // A row that another unique column keeps out is an error, and nothing is inserted.
    second.execute("delete from events where id < 3; update events set other = 6").await;
    let refused = second.client().await.batch_execute(&sql).await.unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "23505");
    assert_eq!(second.query("select count(*) from events").await, ["1"]);
}

#[tokio::test]
async fn a_script_never_takes_the_place_of_what_is_no_file() {
    let (first, second) = equal_pair().await;
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let (code, out, err) =
        compared(&first, &second, &[&format!("--repair-sql={}", socket.display())]).await;
    assert_eq!(code, 2, "{out}");
    assert!(err.contains("it is there and is not a regular file"), "{err}");
    assert!(!socket.is_file());
}

#[tokio::test]
async fn a_comparison_that_fails_leaves_no_script() {
    let (first, second) = equal_pair().await;
    second.execute("drop table events").await;
    let dir = tempfile::tempdir().unwrap();
    let flag = format!("--repair-sql={}", dir.path().join("repair.sql").display());
    assert_eq!(compared(&first, &second, &[&flag]).await.0, 2);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn an_interrupted_comparison_is_inconclusive_and_goes_on_from_its_journal() {
    let Interrupted { ref first, ref second, ref journal, ref told, code, .. } =
        Interrupted::new("id in (5000, 119999)").await;
    assert_eq!(code, Some(3), "{told}");
    assert!(told.contains("interrupted after id"), "{told}");
    let through: i64 =
        serde_json::from_str::<serde_json::Value>(&std::fs::read_to_string(journal).unwrap())
            .unwrap()["parts"][0]["through"]
            .as_i64()
            .unwrap();
    assert!((1..120_000).contains(&through), "{through}");
    let flag = format!("--resume={}", journal.display());
    let (code, out, err) = compared(first, second, &[&flag]).await;
    assert_eq!(code, 1, "{out}{err}");
    assert!(
        out.contains("120000 rows of first, 119998 of second")
            && out.contains("differences: 2 missing"),
        "{out}"
    );
    assert!(!journal.exists());
}

#[tokio::test]
async fn no_journal_is_left_that_would_forget_what_could_not_be_decided() {
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    init_source(&source).await;
    init_destination(&copy).await;
    let open = source.client().await;
    open.batch_execute("begin; insert into events (ts, event) values (now(), '{}')").await.unwrap();
    let many = "'epoch', jsonb_build_object('n', repeat(md5(i::text), 20)) from generate_series(2, \
                120000) i";
    source.execute(&format!("insert into events (ts, event) select {many}; analyze events")).await;
    copy.execute(&format!("insert into events select i, {many}; analyze events")).await;
    // The source may still bring id 1; id 5000 will never come.
    copy.execute("insert into events values (1, now(), '{}'); delete from events where id = 5000")
        .await;
    let dir = tempfile::tempdir().unwrap();
    let mut command =
        events_diff(&[&url(&source), &url(&copy), "--connections", "1", "--max-diffs", "2"]);
    command.current_dir(dir.path());
    let mut running = Running::start(command);
    running.line_with("missing  id 5000");
    running.signal(Signal::INT);
    // Nobody has counted, so that an index could hide what seems to be missing.
    assert_eq!(running.end(), Some(3), "{}", running.told);
    assert!(running.told.contains("interrupted after id"), "{}", running.told);
    assert!(
        running.told.contains("what a side seems to lack was not confirmed by a count"),
        "{}",
        running.told
    );
    assert!(running.told.contains("may still fill (ids 1;"), "{}", running.told);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_journal_of_another_comparison_is_refused() {
    let (first, second) = equal_pair().await;
    let dir = tempfile::tempdir().unwrap();
    let journal = dir.path().join("journal");
    let side = |database: &str| TableIdentity {
        system_identifier: Some(1),
        database: database.to_owned(),
        table: "public.events".to_owned(),
        oid: 1,
        is_standby: false,
    };
    let state = TableState {
        timeline: None,
        started_at_us: 0,
        definition: String::new(),
        files: String::new(),
        xmin: 3,
    };
    let subject = JournalSubject {
        sides: (side("a"), side("b")),
        columns: String::new(),
        from: None,
        through: None,
        is_complete: false,
    };
    let part = JournalPart {
        through: 900,
        rows: (600, 600),
        began: String::new(),
        states: (state.clone(), state),
    };
    ComparisonJournal::new(subject, vec![part], DifferenceTally::of_columns(3))
        .write(&journal)
        .unwrap();
    let flag = format!("--resume={}", journal.display());
    let (code, out, err) = compared(&first, &second, &[&flag]).await;
    assert_eq!(code, 2, "{out}");
    assert!(err.contains("the journal is about another comparison"), "{err}");
}
