//! What lies at the edges of a comparison: rows without an id, tables that are rewritten or swapped
//! meanwhile, standbys that are late, what an earlier run has compared.

use super::interrupted::Interrupted;
use super::{FILL, TABLE, compared, equal_pair};
use crate::command::{counterfoil, told};
use crate::harness::{Database, fresh_database, fresh_database_on, fresh_destination, own_server};
use crate::support::replicator::{Setup, url};
use crate::support::standby::{level, on, promote, standby_of};
use crate::truth::running::until_answer;
use counterfoil::postgres::server::{PrivateServer, ServerSettings};
use std::sync::Arc;

#[tokio::test]
async fn rows_without_an_id_are_never_equal_and_never_valid() {
    let (first, second) = (fresh_database().await, fresh_destination().await);
    for database in [&first, &second] {
        database
            .execute("create table events (id bigint unique, ts timestamptz, event jsonb)")
            .await;
        database.execute(FILL).await;
    }
    assert_eq!(compared(&first, &second, &["--validate"]).await.0, 0);
    let lost = "insert into events values (null, now(), '{}'), (null, now(), '{}')";
    second.execute(lost).await;
    let (code, out, _) = compared(&first, &second, &[]).await;
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("without an id: 0 rows of first, 2 of second"), "{out}");
    assert_eq!(
        compared(&first, &second, &["--through=500"]).await.0,
        0,
        "the verdict is about these ids"
    );
    first.execute(lost).await;
    let (code, out, _) = compared(&first, &second, &["--exact"]).await;
    assert_eq!(code, 3, "{out}");
    let (code, out, _) = compared(&first, &second, &["--validate", "--format=jsonl"]).await;
    assert_eq!(code, 1, "{out}");
    assert!(
        out.contains("\"kind\":\"without_id\"")
            && out.contains("\"rows_without_id\":{\"first\":2,\"second\":2}"),
        "{out}"
    );
}

/// All questions go by the name: what was compared is said of the table that was opened.
#[tokio::test]
async fn a_table_that_another_takes_the_name_of_meanwhile_is_not_compared() {
    let (first, second) = equal_pair().await;
    second
        .execute(
            "create table other (like events including all); insert into other select * from \
             events",
        )
        .await;
    let renames = second.client().await;
    renames
        .batch_execute(
            "begin; alter table events rename to old; alter table other rename to events",
        )
        .await
        .unwrap();
    let waits = "select count(*) > 0 from pg_stat_activity where datname = current_database() and \
                 application_name = 'counterfoil/diff' and wait_event_type = 'Lock'";
    let (told, ()) = futures::join!(compared(&first, &second, &[]), async {
        until_answer(&second, waits, &["t"]).await;
        renames.batch_execute("commit").await.unwrap();
    });
    let (code, out, err) = told;
    assert_eq!(code, 2, "{out}{err}");
    assert!(
        err.contains("was replaced, altered, emptied or rewritten during the comparison"),
        "{err}"
    );
    assert_eq!(compared(&first, &second, &[]).await.0, 0);
}

#[tokio::test]
async fn what_lies_beyond_the_fence_is_listed_and_counted_where_completeness_is_asked_for() {
    let (first, second) = equal_pair().await;
    second.execute("delete from events where id > 995").await;
    let (code, out, _) = compared(&first, &second, &["--complete"]).await;
    assert_eq!(code, 1, "{out}");
    for words in [
        "missing  id 997",
        "missing  id 1000",
        "differences: 3 missing",
        "compared: ids up to 1000",
    ] {
        assert!(out.contains(words), "{words}: {out}");
    }
    assert!(!out.contains("pending"), "{out}");
    second.execute("insert into events values (2000, now(), '{}')").await;
    let (code, out, _) = compared(&first, &second, &["--complete"]).await;
    assert_eq!(code, 1, "{out}");
    assert!(
        out.contains("extra  id 2000") && out.contains("differences: 3 missing, 1 extra"),
        "{out}"
    );
    second.execute("truncate events").await;
    let (code, out, _) = compared(&first, &second, &["--complete"]).await;
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("differences: 667 missing"), "{out}");
}

#[tokio::test]
async fn what_an_earlier_run_has_compared_is_said_and_is_compared_again_where_anything_was_written()
{
    let all = Interrupted::new("id = 5000").await;
    let (code, out, err) = all.resumed().await;
    assert_eq!(code, 1, "{out}{err}");
    assert!(out.contains("of these ") && out.contains(" by a run of 2"), "{out}");
    assert!(
        out.contains("120000 rows of first, 119999 of second")
            && out.contains("differences: 1 missing"),
        "{out}"
    );
    // Nothing of it is among the rows that are left to compare.
    for change in [
        "update events set event = '{}' where id = 7",
        "delete from events where id = 8",
        "insert into events values (-5, now(), '{}')",
        "begin; delete from events where id = 9; insert into events values (9, now(), '{}'); \
         commit",
        "begin; savepoint s; update events set event = '{}' where id = 10; release s; commit",
    ] {
        all.second.execute(change).await;
        let (code, out, err) = all.resumed().await;
        assert_eq!(code, 1, "{change}: {out}{err}");
        assert!(out.contains("everything was compared again"), "{change}: {out}");
        assert!(!out.contains("of these"), "{change}: {out}");
    }
    let (_, out, _) = all.resumed().await;
    assert!(out.contains("differences: 2 missing, 1 extra, 3 changed"), "{out}");
    assert_eq!(compared(&all.first, &all.second, &[]).await.1.lines().last(), out.lines().last());
}

/// An event that was erased at the source, another that was corrected there, and what carries both
/// over.
#[tokio::test]
async fn a_journal_is_not_believed_when_events_below_it_were_corrected_erased_or_replaced() {
    let all = Interrupted::new("id = 5000").await;
    let (_, out, err) = all.resumed().await;
    assert!(out.contains("of these "), "{out}{err}");
    let anew = async |differences: &str| {
        let (code, out, err) = all.resumed().await;
        assert_eq!(code, 1, "{out}{err}");
        assert!(
            out.contains("everything was compared again") && out.contains(differences),
            "{out}"
        );
    };
    all.first.execute("update events set event = '{}' where id = 7").await;
    anew("differences: 1 missing, 1 changed").await;
    all.first.execute("delete from events where id = 8").await;
    anew("differences: 1 missing, 1 extra, 1 changed").await;
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("counterfoil.toml");
    let setup = Setup::from(&all.first).source_key("ids = \"consecutive\"");
    let text = setup.source_key("known_gaps = [8]").to("copy", &all.second).text();
    std::fs::write(&config, text).unwrap();
    let mut replace =
        counterfoil(&["repair", "--destination", "copy", "--replace", "7,8", "--yes"]);
    let (code, printed, complaint) = told(&replace.arg("--config").arg(&config).output().unwrap());
    // Another event is missing there.
    assert_eq!(code, Some(4), "{printed}{complaint}");
    anew("differences: 1 missing\n").await;
}

#[tokio::test]
async fn a_rewrite_of_a_table_or_of_the_journal_makes_it_worthless() {
    let all = Interrupted::new("id = 5000").await;
    all.second.execute("vacuum full events").await;
    let (code, out, err) = all.resumed().await;
    assert_eq!(code, 1, "{out}{err}");
    assert!(out.contains("everything was compared again"), "{out}");
    let text = std::fs::read_to_string(&all.journal).unwrap();
    let mut edited: serde_json::Value = serde_json::from_str(&text).unwrap();
    edited["parts"][0]["through"] = 119_999.into();
    std::fs::write(&all.journal, edited.to_string()).unwrap();
    let (code, out, err) = all.resumed().await;
    assert_eq!(code, 2, "{out}");
    assert!(err.contains("its digest does not match"), "{err}");
}

/// A primary with equal tables beside a standby of it, whose replay is paused before the last
/// transaction of the first of these statements.
async fn paused(primary: &Database, standby: &Arc<PrivateServer>, last: &str) {
    level(&primary.server, standby).await;
    on(standby, "postgres").execute("select pg_wal_replay_pause()").await;
    // A record that comes from now on is not applied: it is asked before each (PostgreSQL 13 to 18).
    until_answer(&on(standby, "postgres"), "select pg_is_wal_replay_paused()", &["t"]).await;
    primary.execute(last).await;
}

#[tokio::test]
async fn a_standby_is_compared_with_its_primary_and_what_only_it_lacks_is_waited_for_and_then_inconclusive()
 {
    let server = own_server(&ServerSettings::new().set("wal_keep_size", "64MB"));
    let primary = fresh_database_on(&server).await;
    let copy = fresh_destination().await;
    for database in [&primary, &copy] {
        database.execute(&format!("{TABLE}; {FILL}")).await;
    }
    let standby = standby_of(&server).await;
    let late = on(&standby, &primary.conninfo.database);
    let (code, out, err) = compared(&primary, &late, &["--exact"]).await;
    assert_eq!(code, 0, "a standby is no other name of its primary: {out}{err}");
    // The higher id was drawn later and committed before.
    let higher = "insert into events values (1101, '2026-01-01', '{}')";
    let lower =
        "insert into events values (1100, '2026-01-01', '{}'); delete from events where id = 2";
    primary.execute(higher).await;
    copy.execute(&format!("{higher}; {lower}")).await;
    paused(&primary, &standby, lower).await;
    // What the standby of a truth has, and the copy lacks, is a difference.
    let (code, out, _) = compared(&late, &copy, &[]).await;
    assert_eq!(code, 1, "{out}");
    assert!(
        out.contains(
            "1 rows are only at second, and first is a standby or a subscriber that may lag (ids \
             1100)"
        ) && out.contains("differences: 1 missing"),
        "{out}"
    );
    let (code, out, _) = compared(&primary, &late, &[]).await;
    assert_eq!(code, 3, "{out}");
    assert!(
        out.contains(
            "1 rows are only at first, and second is a standby or a subscriber that may lag (ids \
             1100)"
        ) && out.contains(
            "1 rows are only at second, a standby or a subscriber that may still have what was \
             deleted (ids 2)"
        ),
        "{out}"
    );
    // A change is a difference wherever it is seen.
    copy.execute("update events set event = '{\"n\": 0}' where id = 1").await;
    let (code, out, _) = compared(&late, &copy, &[]).await;
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("differences: 1 missing, 1 changed"), "{out}");
    copy.execute(
        "update events set event = (select event || '{\"n\": 1}' from events where id = 4) || \
         '{\"name\": \"Zoë 1\"}' where id = 1",
    )
    .await;
    waited_for_and_promoted(&primary, &standby, &late, &copy).await;
}

async fn waited_for_and_promoted(
    primary: &Database,
    standby: &Arc<PrivateServer>,
    late: &Database,
    copy: &Database,
) {
    // It comes while it is waited for, and what was deleted goes: then rows went meanwhile, and
    // nothing that hangs on that is called a difference.
    let (told, ()) = futures::join!(compared(late, copy, &[]), async {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        on(standby, "postgres").execute("select pg_wal_replay_resume()").await;
    });
    assert!(matches!(told.0, 0 | 3), "{}{}", told.1, told.2);
    assert_eq!(compared(late, copy, &[]).await.0, 0);
    promote(standby).await;
    let (code, out, err) = compared(primary, late, &[]).await;
    assert_eq!(code, 0, "nor is a copy that was promoted: {out}{err}");
    late.execute("delete from events where id = 4").await;
    assert_eq!(compared(primary, late, &[]).await.0, 1);
}

#[tokio::test]
async fn what_only_one_side_has_is_undecided_where_the_other_is_a_subscriber() {
    let (first, second) = equal_pair().await;
    // As a subscription that was made, and whose worker is away.
    let subscribe = "create subscription away_NUMBER connection 'dbname=nowhere' publication p \
                     with (connect = false, slot_name = none); insert into pg_subscription_rel \
                     (srsubid, srrelid, srsubstate) select oid, 'events'::regclass, 'r' from \
                     pg_subscription where subname = 'away_NUMBER'";
    second.execute("delete from events where id = 4").await;
    let number = std::process::id().to_string();
    for (side, lacks) in [(&second, "second"), (&first, "first")] {
        side.execute(&subscribe.replace("NUMBER", &format!("{number}_{lacks}"))).await;
        let (code, out, err) = compared(&first, &second, &[]).await;
        side.execute(&format!("drop subscription away_{number}_{lacks}")).await;
        // What the second lacks may only be late where it is the second that is fed.
        assert_eq!(code, if lacks == "second" { 3 } else { 1 }, "{lacks}: {out}{err}");
        let is_late = out.contains("a standby or a subscriber that may") && out.contains("(ids 4)");
        assert_eq!(is_late, lacks == "second", "{out}");
    }
    assert_eq!(compared(&first, &second, &[]).await.0, 1);
}

#[tokio::test]
async fn one_table_by_two_names_of_its_host_is_no_comparison() {
    let database = fresh_database().await;
    database.execute(&format!("{TABLE}; {FILL}")).await;
    let by_tcp = format!(
        "host=127.0.0.1 port={} user=postgres dbname={} sslmode=disable",
        database.server.port(),
        database.conninfo.database
    );
    let (code, _, err) = super::run(&[&url(&database), &by_tcp]).await;
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("both sides are the same table"), "{err}");
}

/// A NaN can have a sign, which its text does not say and nothing compares.
#[tokio::test]
async fn a_nan_is_a_nan_and_a_repair_brings_it() {
    let (first, second) = (fresh_database().await, fresh_destination().await);
    second.execute("create table events (id bigint primary key, v float8, w float4)").await;
    first
        .execute(
            "create table events (id bigserial primary key, v float8, w float4); select \
             setval('events_id_seq', 4)",
        )
        .await;
    first
        .execute(
            "insert into events values (1, 0, '-0'), (2, 'inf'::float8 - 'inf', 'inf'::float4 - \
             'inf'), (3, 0.1, 0.1), (4, 'inf'::float8 - 'inf', 1)",
        )
        .await;
    second
        .execute("insert into events values (1, 0, '-0'), (2, 'NaN', 'NaN'), (4, 'NaN', 1)")
        .await;
    let sign = "select get_bit(float8send(v), 7) from events where id = 2";
    assert_ne!(first.query(sign).await, second.query(sign).await, "nothing is tried");
    let (code, out, err) = compared(&first, &second, &[]).await;
    assert_eq!(code, 1, "{out}{err}");
    assert!(out.contains("differences: 1 missing"), "{out}");
    let (code, out, err) = crate::repair::repair(&first, &second, &["--insert-missing", "--yes"]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert_eq!(compared(&first, &second, &["--exact"]).await.0, 0);
    second.execute("update events set w = 0 where id = 1").await;
    assert_eq!(
        compared(&first, &second, &[]).await.0,
        1,
        "a zero has a sign too, which its text says"
    );
}

#[tokio::test]
async fn texts_of_an_encoding_that_writes_one_character_in_two_ways_are_never_called_equal() {
    let (first, second) = (fresh_database().await, fresh_destination().await);
    let name = format!("{}_euc", first.conninfo.database);
    first
        .execute(&format!(
            "create database {name} encoding 'EUC_JP' lc_collate 'C' lc_ctype 'C' template \
             template0"
        ))
        .await;
    let in_euc = on(&first.server, &name);
    for database in [&in_euc, &second] {
        database.execute("create table events (id bigint primary key, v text)").await;
        database.execute("insert into events values (1, 'a')").await;
    }
    let (code, out, err) = compared(&in_euc, &second, &[]).await;
    first.execute(&format!("drop database {name} with (force)")).await;
    assert_eq!(code, 3, "{out}{err}");
    assert!(out.contains("EUC_JP writes some characters in two ways"), "{out}");
}
