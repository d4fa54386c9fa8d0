//! `columns`: only these travel, are compared, and are made at a destination.

use super::{Configured, same, url_as};
use crate::harness::{Database, fresh_database, fresh_destination};
use crate::support::replicator::{Setup, url};
use crate::support::until;

/// People's names and addresses do not leave the source; groups of three, an index of each sort.
const SHOP: &str = "create schema shop; create type shop.tier as enum ('gold', 'tin');
    create table shop.\"Order Log\" (\"Nr\" bigint generated always as identity primary key, who text not null,
        ts timestamptz not null default now(), \"e\" jsonb, tier shop.tier, address text default 'none');
    create index by_who on shop.\"Order Log\" (who); create index by_e on shop.\"Order Log\" using gin (\"e\");
    create index by_ts on shop.\"Order Log\" (ts, \"Nr\") where \"e\" is not null;
    create index of_gold on shop.\"Order Log\" (ts) where tier = 'gold'; create index low on shop.\"Order Log\" (lower(who), ts)";

fn rows(from: u32, through: u32) -> String {
    format!(
        "insert into shop.\"Order Log\" (who, ts, \"e\", tier) select 'Zoë ' || i, timestamptz \
         '2026-01-01 00:00Z' + (i / 3) * interval '1 s', jsonb_build_object('n', i), 'tin' from \
         generate_series({from}, {through}) i"
    )
}

const COLUMNS: &str = "columns = [\"e\", \"Nr\", \"ts\"]";

async fn shop() -> (Database, Database) {
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    source.execute(SHOP).await;
    source.execute(&rows(1, 300)).await;
    (source, copy)
}

fn setup(source: &str, copy: &Database) -> Setup {
    Setup::from_url(source)
        .source_key("table = 'shop.\"Order Log\"'")
        .source_key("id_column = \"Nr\"")
        .to("copy", copy)
}

/// What both hold of the columns that are copied.
const ALL: &str = "select \"Nr\", ts, \"e\" from shop.\"Order Log\" order by 1";

#[tokio::test]
async fn only_the_columns_that_are_named_are_made_copied_and_compared() {
    let (source, copy) = shop().await;
    let setup = setup(&url(&source), &copy).source_key(COLUMNS).destination_key("writers = 4");
    let configured = Configured::new(&setup.key("max_events_per_write = 7"));
    let made = configured.runs(&["init", "destination", "--with-indexes"], 0);
    assert!(
        made.contains("with columns that are not copied are not made: by_who, low, of_gold"),
        "{made}"
    );
    assert!(!made.contains("type shop.tier"), "{made}");
    let planned = configured.runs(&["run", "--dry-run"], 0);
    assert!(planned.contains("Nr, ts, e as binary COPY"), "{planned}");
    configured.is_copied_and_equal().await;
    same(&source, ALL, &copy, ALL).await;
    let there = "select string_agg(attname || ' ' || attnotnull, ', ' order by attnum) from \
                 pg_attribute where attrelid = 'shop.\"Order Log\"'::regclass and attnum > 0";
    assert_eq!(copy.query(there).await, ["Nr true, ts true, e false"]);
    let indexes = "select indexname from pg_indexes where schemaname = 'shop' order by 1";
    assert_eq!(copy.query(indexes).await, ["Order Log_pkey", "by_e", "by_ts"]);
    // A difference in a column that is not copied is none, in one that is it is one.
    source
        .execute("update shop.\"Order Log\" set who = 'gone', tier = 'gold' where \"Nr\" = 7")
        .await;
    let told = configured.compares(&[], 0).await;
    assert!(
        told.contains(
            "columns (\"who\", \"tier\", \"address\") are not among those that are copied"
        ),
        "{told}"
    );
    copy.execute("update shop.\"Order Log\" set \"e\" = '[]' where \"Nr\" = 7").await;
    configured.compares(&[], 1).await;
}

#[tokio::test]
async fn a_column_that_is_not_copied_may_be_altered_while_the_rest_is_followed() {
    let (source, copy) = shop().await;
    let setup = setup(&url(&source), &copy).source_key(COLUMNS).key("retry_wait_max_ms = 300");
    Configured::new(&setup).runs(&["init", "destination"], 0);
    let mut replicator = setup.start(&[]);
    let mut through = 300;
    let arrived = async |through: u32| {
        until(&format!("{through} arrives"), async || {
            copy.query("select max(\"Nr\") from shop.\"Order Log\"").await == [through.to_string()]
        })
        .await;
    };
    arrived(through).await;
    for change in [
        "add column extra int default 3",
        "alter column address drop default",
        "rename address to \"postal address\"",
        "alter column who type varchar(90)",
        "alter column extra type bigint",
        "drop column extra",
    ] {
        source.execute(&format!("alter table shop.\"Order Log\" {change}")).await;
        source.execute(&rows(through + 1, through + 10)).await;
        through += 10;
        arrived(through).await;
        assert!(replicator.is_running(), "{change}: {}", replicator.log());
    }
    source.execute("alter type shop.tier add value 'lead'").await;
    source.execute(&rows(through + 1, through + 10)).await;
    arrived(through + 10).await;
    same(&source, ALL, &copy, ALL).await;
    replicator.stops().await;
}

#[tokio::test]
async fn columns_that_travel_as_text_and_one_that_is_computed_are_chosen_alike() {
    let (source, copy) = shop().await;
    source
        .execute(
            "alter table shop.\"Order Log\" add size int generated always as (length(who)) stored",
        )
        .await;
    let setup = setup(&url(&source), &copy)
        .source_key("columns = [\"Nr\", \"tier\", \"size\"]")
        .source_key("group_by = \"\"");
    let configured = Configured::new(&setup);
    configured.copies_and_is_equal().await;
    let all = "select \"Nr\", tier, size from shop.\"Order Log\" order by 1";
    same(&source, all, &copy, all).await;
    assert!(configured.runs(&["run", "--dry-run"], 0).contains("Nr, tier, size as text COPY"));
}

#[tokio::test]
async fn the_privilege_to_read_the_columns_that_are_copied_is_enough_for_every_command() {
    let (source, copy) = shop().await;
    let role = format!("reader_{}", source.conninfo.database);
    source
        .execute(&format!("create role {role} login; grant usage on schema shop to {role}"))
        .await;
    let configured = Configured::new(&setup(&url_as(&source, &role), &copy).source_key(COLUMNS));
    let cure = format!("GRANT SELECT (\"Nr\", \"ts\", \"e\") ON shop.\"Order Log\" TO \"{role}\";");
    for command in [&["init", "destination"][..], &["run", "--dry-run"], &["run"]] {
        let refused = configured.runs(command, 3);
        assert!(refused.contains(&cure), "{command:?}: {refused}");
    }
    let refused = configured.runs(&["status"], 3);
    assert!(refused.contains("may not read"), "{refused}");
    source.execute(&cure).await;
    configured.copies_and_is_equal().await;
    same(&source, ALL, &copy, ALL).await;
    source.execute(&rows(301, 305)).await;
    copy.execute("delete from shop.\"Order Log\" where \"Nr\" = 9").await;
    configured.runs(&["repair", "--destination", "copy", "--insert-missing", "--yes"], 0);
    configured.is_copied_and_equal().await;
    same(&source, ALL, &copy, ALL).await;
    source.execute(&cure.replace("GRANT", "REVOKE").replace(" TO ", " FROM ")).await;
    assert!(configured.compares(&[], 2).await.contains(&cure));
    source.execute(&cure).await;
    let client = source.client().await;
    client.batch_execute(&format!("set role {role}")).await.unwrap();
    assert!(client.simple_query("select who from shop.\"Order Log\"").await.is_err());
    // What docs/security.md says of a comparison that goes on from a journal.
    let xmin = "select xmin from shop.\"Order Log\" limit 1";
    assert!(client.simple_query(xmin).await.is_err());
    source.execute(&format!("grant select (xmin) on shop.\"Order Log\" to {role}")).await;
    assert!(client.simple_query(xmin).await.is_ok());
}

#[tokio::test]
async fn names_that_no_column_has_are_refused_all_together_with_those_there_are() {
    let (source, copy) = shop().await;
    let columns = "columns = [\"Nr\", \"TS\", \"nothing alike\"]";
    let configured = Configured::new(&setup(&url(&source), &copy).source_key(columns));
    let refused = |told: String| {
        assert!(told.contains("there is no column \"TS\" to copy"), "{told}");
        assert!(told.contains("correct the name in columns: did you mean \"ts\"?"), "{told}");
        assert!(told.contains("there is no column \"nothing alike\" to copy"), "{told}");
        assert!(told.contains("correct the name in columns, or remove it"), "{told}");
        assert!(told.contains("it has Nr, who, ts, e, tier, address"), "{told}");
    };
    refused(configured.runs(&["init", "destination"], 3));
    refused(configured.runs(&["run"], 3));
    assert_eq!(copy.query("select count(*) from pg_namespace where nspname = 'shop'").await, ["0"]);
    copy.execute(SHOP).await;
    let told = configured.compares(&[], 2).await;
    assert!(told.contains("there is no column \"TS\" to copy"), "{told}");
}

#[tokio::test]
async fn a_destination_that_demands_a_column_that_is_not_copied_is_refused_and_another_is_left_alone()
 {
    let (source, copy) = shop().await;
    let configured = Configured::new(&setup(&url(&source), &copy).source_key(COLUMNS));
    configured.runs(&["init", "destination"], 0);
    copy.execute("alter table shop.\"Order Log\" add who text not null, add note text").await;
    let refused = configured.runs(&["run"], 3);
    let what = "column \"who\" of the destination must be given, and it is not among those that \
                are copied";
    assert!(refused.contains(what), "{refused}");
    let cure = "ALTER TABLE shop.\"Order Log\" ALTER COLUMN \"who\" DROP NOT NULL";
    assert!(refused.contains(&format!("{cure}; or add it to columns in the source")), "{refused}");
    copy.execute(cure).await;
    configured.is_copied_and_equal().await;
    assert_eq!(copy.query("select count(who) from shop.\"Order Log\"").await, ["0"]);
}

#[tokio::test]
async fn a_source_is_not_rebuilt_without_columns_that_no_destination_holds() {
    let (source, copy) = shop().await;
    let setup = |source: &Database| setup(&url(source), &copy).source_key(COLUMNS);
    Configured::new(&setup(&source)).copies_and_is_equal().await;
    let new = fresh_database().await;
    new.execute(SHOP).await;
    let configured = Configured::new(&setup(&new));
    let refused = configured.runs(&["restore", "--from", "copy", "--yes"], 3);
    let why = "no destination holds \"who\", \"tier\", \"address\", which columns leaves out";
    assert!(refused.contains(why) && refused.contains("nothing was written"), "{refused}");
    assert_eq!(new.query("select count(*) from shop.\"Order Log\"").await, ["0"]);
    // A source that is meant to be without them is.
    new.execute("alter table shop.\"Order Log\" drop who, drop tier, drop address").await;
    configured.runs(&["restore", "--from", "copy", "--yes"], 0);
    same(&source, ALL, &new, ALL).await;
}

#[tokio::test]
async fn each_of_several_tables_has_its_columns() {
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    source
        .execute(
            "create table a (id bigserial primary key, x int, secret text); create table b (nr \
             bigserial primary key, y int, z int); insert into a (x, secret) values (1, 's'), (2, \
             't'); insert into b (y, z) values (3, 4)",
        )
        .await;
    let setup = Setup::from(&source)
        .source_key("table = [\"a\", \"b\"]\ncolumns = [\"id\", \"x\"]")
        .source_key("[tables.b]\nid_column = \"nr\"\ncolumns = [\"nr\", \"z\"]")
        .to("copy", &copy);
    let configured = Configured::new(&setup);
    configured.runs(&["init", "destination"], 0);
    configured.runs(&["run", "--until-caught-up"], 0);
    same(&source, "select id, x from a order by 1", &copy, "select * from a order by 1").await;
    same(&source, "select nr, z from b", &copy, "select * from b").await;
}
