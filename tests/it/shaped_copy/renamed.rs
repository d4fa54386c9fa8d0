//! `rename`: columns are called otherwise at a destination, and everything that is done there uses
//! its names.

use super::{Configured, same};
use crate::harness::{Database, fresh_database, fresh_destination};
use crate::support::replicator::{Setup, url};
use crate::support::until;

/// Names that only quotes can tell, one that is the default of a key, and one that statements of
/// ours use.
const SOURCE: &str = "create table log (\"Nr\" bigint generated always as identity primary key, id text,
        ts timestamptz not null default now(), \"e\" jsonb, \"Sp ace\" numeric, secret text, blob bytea);
    create index by_e on log using gin (\"e\"); create index by_id on log (lower(id), ts desc) where \"Sp ace\" is not null;";

/// With microseconds and numbers that slate would lose; groups of three.
fn rows(from: u32, through: u32) -> String {
    format!(
        "insert into log (id, ts, \"e\", \"Sp ace\", secret, blob) select 'x' || i, timestamptz \
         '2026-01-01 00:00:00.123456Z' + (i / 3) * interval '1 s', jsonb_build_object('n', i), \
         i + 0.10, 's', '\\x00ff' from generate_series({from}, {through}) i"
    )
}

const COLUMNS: &str = "columns = [\"Nr\", \"id\", \"ts\", \"e\", \"Sp ace\", \"blob\"]";
/// One takes the name that another gives away; quotes, spaces and capitals come and go.
const NAMES: &str = "rename = { Nr = 'Entry \"No\"', id = \"Nr\", e = \"pay load\", \"Sp ace\" = \
                     \"price\", ts = \"At\" }";

const ALL: &str = "select \"Nr\", id, ts, \"e\", \"Sp ace\", blob from log order by 1";
const ALL_THERE: &str = "select \"Entry \"\"No\"\"\", \"Nr\", \"At\", \"pay load\", price, blob \
                         from log order by 1";

fn setup(source: &Database, copy: &Database) -> Setup {
    setup_of(source, copy, COLUMNS)
}

fn setup_of(source: &Database, copy: &Database, columns: &str) -> Setup {
    Setup::from(source)
        .source_key("table = \"log\"")
        .source_key("id_column = \"Nr\"")
        .source_key(columns)
        .to("copy", copy)
        .destination_key(NAMES)
        .key("max_events_per_write = 7")
}

async fn log() -> (Database, Database) {
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    source.execute(SOURCE).await;
    source.execute(&rows(1, 100)).await;
    (source, copy)
}

/// Both, with everything copied.
async fn copied() -> (Database, Database, Configured) {
    let (source, copy) = log().await;
    let configured = Configured::new(&setup(&source, &copy));
    configured.copies_and_is_equal().await;
    (source, copy, configured)
}

#[tokio::test]
async fn a_destination_with_names_of_its_own_is_made_filled_and_proven_equal() {
    let (source, copy, configured) = copied().await;
    same(&source, ALL, &copy, ALL_THERE).await;
    let planned = configured.runs(&["run", "--dry-run"], 0);
    let words = "Nr (there Entry \"No\"), id (there Nr), ts (there At), e (there pay load), Sp ace \
                 (there price), blob as binary COPY";
    assert!(planned.contains(words), "{planned}");
    let indexes = "select indexdef from pg_indexes where tablename = 'log' order by indexname";
    assert_eq!(
        copy.query(indexes).await,
        [
            "CREATE INDEX by_e ON public.log USING gin (\"pay load\")",
            "CREATE INDEX by_id ON public.log USING btree (lower(\"Nr\"), \"At\" DESC) WHERE \
             (price IS NOT NULL)",
            "CREATE UNIQUE INDEX log_pkey ON public.log USING btree (\"Entry \"\"No\"\"\")",
        ]
    );
    // What differs is found, in each column, and called as at the source.
    copy.execute("update log set price = 0 where \"Entry \"\"No\"\"\" = 7").await;
    let told = configured.compares(&[], 1).await;
    assert!(told.contains("Sp ace"), "{told}");
}

#[tokio::test]
async fn rows_that_come_one_by_one_in_groups_and_by_four_writers_arrive_under_their_new_names() {
    for writers in ["writers = 1", "writers = 4"] {
        let (source, copy) = log().await;
        let setup = setup(&source, &copy).destination_key(writers);
        Configured::new(&setup).runs(&["init", "destination"], 0);
        let replicator = setup.start(&[]);
        for through in 101..110 {
            source.execute(&rows(through, through)).await;
            until("it arrives", async || {
                copy.query("select count(*) from log").await == [through.to_string()]
            })
            .await;
        }
        source.execute(&rows(110, 500)).await;
        until("all arrive", async || copy.query("select count(*) from log").await == ["500"]).await;
        same(&source, ALL, &copy, ALL_THERE).await;
        replicator.stops().await;
        Configured::new(&setup).is_copied_and_equal().await;
    }
}

#[tokio::test]
async fn destinations_with_names_of_their_own_share_one_read_of_the_source() {
    let (source, copy) = log().await;
    let other = fresh_destination().await;
    let setup = setup(&source, &copy)
        .to("other", &other)
        .destination_key("rename = { e = \"id\", id = \"e\" }");
    Configured::new(&setup).runs(&["init", "destination"], 0);
    let mut replicator = setup.start(&["--until-caught-up"]);
    let end = replicator.ends().await;
    assert_eq!(end.code, Some(0), "{end:?}");
    assert!(replicator.lines(&["a pass began", "\"lanes\":2"]) > 0, "{}", end.log);
    assert_eq!(replicator.lines(&["a pass began", "\"lanes\":1"]), 0, "{}", end.log);
    same(&source, ALL, &copy, ALL_THERE).await;
    let there = "select \"Nr\", \"e\", ts, id, \"Sp ace\", blob from log order by 1";
    same(&source, ALL, &other, there).await;
    Configured::new(&setup).is_copied_and_equal().await;
}

#[tokio::test]
async fn columns_that_travel_as_text_are_renamed_alike_and_a_guard_lets_us_through() {
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    source
        .execute(
            "create type mood as enum ('sad', 'ok'); create table log (id bigserial primary key, m \
             mood, t text, n int4); insert into log (m, t, n) select 'ok', E'a\\tb\\n\\\\' || i, i \
             from generate_series(1, 50) i",
        )
        .await;
    let setup = Setup::from(&source)
        .source_key("table = \"log\"")
        .to("copy", &copy)
        .destination_key("rename = { m = \"t\", t = \"m\", id = \"key\" }");
    let configured = Configured::new(&setup);
    configured.runs(&["init", "destination", "--guard"], 0);
    configured.is_copied_and_equal().await;
    let all = "select id, m, t, n from log order by 1";
    same(&source, all, &copy, "select key, t, m, n from log order by 1").await;
    // Wider than at the source.
    copy.execute("alter table log alter column n type bigint").await;
    source.execute("insert into log (m, t, n) values ('sad', 'x', 7)").await;
    configured.is_copied_and_equal().await;
}

#[tokio::test]
async fn every_repair_works_under_the_new_names() {
    let (source, copy) = log().await;
    // Slate's alterations are told by text, and byte strings are not read as text.
    source.execute("alter table log drop blob").await;
    let setup = setup_of(&source, &copy, &COLUMNS.replace(", \"blob\"", ""));
    let (all, all_there) = (&ALL.replace(", blob", ""), &ALL_THERE.replace(", blob", ""));
    let configured = Configured::new(&setup);
    configured.copies_and_is_equal().await;
    let repairs = |how: &[&str]| {
        configured.runs(&[&["repair", "--destination", "copy", "--yes"], how].concat(), 0)
    };
    copy.execute("delete from log where \"Entry \"\"No\"\"\" in (1, 40, 41)").await;
    let told = repairs(&["--insert-missing"]);
    assert!(told.contains("3 events were written"), "{told}");
    same(&source, all, &copy, all_there).await;
    copy.execute("update log set \"At\" = date_trunc('milliseconds', \"At\"), price = price").await;
    configured.runs(&["run", "--until-caught-up"], 4);
    let told = repairs(&["--accept-slate"]);
    assert!(told.contains("100 events were written"), "{told}");
    same(&source, all, &copy, all_there).await;
    source.execute("update log set \"e\" = '\"corrected\"' where \"Nr\" = 17; delete from log where \"Nr\" = 50").await;
    let told = repairs(&["--replace", "17,50"]);
    assert!(told.contains("id 17 was replaced") && told.contains("id 50 was removed"), "{told}");
    same(&source, all, &copy, all_there).await;
    let told = repairs(&["--rewind-to", "60"]);
    assert!(told.contains("40 events were deleted"), "{told}");
    configured.is_copied_and_equal().await;
    same(&source, all, &copy, all_there).await;
}

#[tokio::test]
async fn a_script_of_what_is_missing_runs_at_the_destination() {
    let (source, copy, configured) = copied().await;
    copy.execute("delete from log where \"Entry \"\"No\"\"\" in (5, 6, 77)").await;
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("missing.sql");
    configured.compares(&["--repair-sql", script.to_str().unwrap()], 1).await;
    let script = std::fs::read_to_string(script).unwrap();
    assert!(script.contains("on conflict (\"Entry \"\"No\"\"\") do nothing"), "{script}");
    copy.execute(&script).await;
    same(&source, ALL, &copy, ALL_THERE).await;
    configured.compares(&[], 0).await;
}

#[tokio::test]
async fn a_lost_source_gets_its_own_names_back() {
    let (source, copy, _) = copied().await;
    let new = fresh_database().await;
    new.execute(SOURCE).await;
    new.execute("alter table log drop secret").await;
    let configured = Configured::new(&setup(&new, &copy));
    let told = configured.runs(&["restore", "--from", "copy", "--yes"], 0);
    assert!(told.contains("verified, equal to the destination"), "{told}");
    same(&source, ALL, &new, ALL).await;
    configured.is_copied_and_equal().await;
}

#[tokio::test]
async fn the_lag_is_told_by_the_position_of_the_renamed_key() {
    let (source, copy, configured) = copied().await;
    source.execute(&rows(101, 104)).await;
    let told = configured.runs(&["status", "--json"], 0);
    let told: serde_json::Value = serde_json::from_str(told.lines().next().unwrap())
        .or_else(|_| serde_json::from_str(&told))
        .unwrap();
    let there = &told["destinations"][0];
    assert_eq!((&there["position"], &there["events_behind"]), (&100.into(), &4.into()), "{told}");
    copy.execute("update log set \"pay load\" = '1' where \"Entry \"\"No\"\"\" = 100").await;
    let told = configured.runs(&["status"], 4);
    assert!(told.contains("diverged"), "{told}");
}

/// What a refused run says.
fn refused(setup: &Setup) -> String {
    Configured::new(setup).runs(&["run"], 3)
}

#[tokio::test]
async fn names_that_cannot_be_are_refused_all_together() {
    let (source, copy) = log().await;
    let setup = |names: &str| {
        Setup::from(&source)
            .source_key("table = \"log\"\nid_column = \"Nr\"")
            .to("copy", &copy)
            .destination_key(names)
    };
    let names = setup("rename = { E = \"a\", nothing = \"b\", id = \"secret\", ts = \"id\" }");
    for told in [refused(&names), Configured::new(&names).runs(&["init", "destination"], 3)] {
        for words in [
            "there is no column \"E\" to rename",
            "did you mean \"e\"? correct it in rename, which has the source's name before the =",
            "there is no column \"nothing\" to rename",
            "the source has Nr, id, ts, e, Sp ace, secret, blob",
            "columns \"id\" and \"secret\" would both be \"secret\"",
        ] {
            let is_there = told.contains(words) || told.contains("there is no table");
            assert!(is_there, "{words}: {told}");
        }
    }
    let made = Configured::new(&names).runs(&["init", "destination"], 3);
    assert!(made.contains("columns \"id\" and \"secret\" would both be \"secret\""), "{made}");
    assert!(!made.contains("\"ts\" and"), "{made}");
}

#[tokio::test]
async fn what_a_destination_lacks_or_has_otherwise_is_told_by_its_own_name() {
    let (source, copy) = log().await;
    copy.execute(
        "create table log (\"Entry \"\"No\"\"\" bigint primary key, \"Nr\" int, \"At\" timestamptz, \
         price numeric, blob bytea, e text not null)",
    )
    .await;
    let told = refused(&setup(&source, &copy));
    for words in [
        "the destination has no column \"pay load\" (at the source \"e\")",
        "ALTER TABLE public.log ADD COLUMN \"pay load\" jsonb;",
        "column \"Nr\" (at the source \"id\") is text at the source and integer at the destination",
        "ALTER TABLE public.log ALTER COLUMN \"Nr\" TYPE text USING \"Nr\"::text;",
        // It is not the source's e, which is called otherwise there.
        "column \"e\" of the destination must be given, and the source has no such column",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    copy.execute(
        "alter table log add \"pay load\" jsonb, alter \"Nr\" type text, drop e, drop constraint \
         log_pkey",
    )
    .await;
    let told = refused(&setup(&source, &copy));
    let cure = "CREATE UNIQUE INDEX CONCURRENTLY ON public.log (\"Entry \"\"No\"\"\");";
    assert!(told.contains(cure), "{told}");
    copy.execute(cure).await;
    Configured::new(&setup(&source, &copy)).is_copied_and_equal().await;
}

#[tokio::test]
async fn of_several_tables_those_are_renamed_that_have_the_column() {
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    source
        .execute(
            "create table a (id bigserial primary key, x int); create table b (id bigserial \
             primary key, y int); insert into a (x) values (1); insert into b (y) values (2)",
        )
        .await;
    let setup = Setup::from(&source)
        .source_key("table = [\"a\", \"b\"]")
        .to("copy", &copy)
        .destination_key("rename = { x = \"z\", id = \"key\" }");
    let configured = Configured::new(&setup);
    configured.runs(&["init", "destination"], 0);
    let planned = configured.runs(&["run", "--dry-run"], 0);
    let told = "rename has columns that public.b does not have, or does not copy: \"x\"";
    assert!(planned.contains(told), "{planned}");
    configured.runs(&["run", "--until-caught-up"], 0);
    same(&source, "select id, x from a", &copy, "select key, z from a").await;
    same(&source, "select id, y from b", &copy, "select key, y from b").await;
}

#[tokio::test]
async fn two_urls_have_no_other_names() {
    let (source, copy, _) = copied().await;
    let arguments = [&url(&source), &url(&copy), "--table", "log", "--id-column", "Nr"];
    let (code, out, err) = crate::diff::run(&arguments).await;
    assert_eq!(code, 2, "{out}{err}");
}

#[tokio::test]
async fn a_destination_that_others_filled_is_counted_again_under_its_names_when_a_transaction_has_ended()
 {
    let (source, copy, _) = copied().await;
    let late = source.client().await;
    late.batch_execute(&format!("begin; {}", rows(101, 101))).await.unwrap();
    source.execute(&rows(102, 110)).await;
    copy.execute(
        "insert into log values (102, 'x102', timestamptz '2026-01-01 00:00:34.123456Z', '{\"n\": \
         102}', 102.10, '\\x00ff')",
    )
    .await;
    let mut replicator = setup(&source, &copy).start(&[]);
    replicator.says(&["the destination is ready"]).await;
    late.batch_execute("rollback").await.unwrap();
    replicator.says(&["the destination was counted again and agrees"]).await;
    until("all arrive", async || copy.query("select count(*) from log").await == ["109"]).await;
    same(&source, ALL, &copy, ALL_THERE).await;
    replicator.stops().await;
}
