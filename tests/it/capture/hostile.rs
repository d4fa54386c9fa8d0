//! What else databases do to captured tables: logical apply, forged calls, partitions that come and
//! go, and many writers at once.

use super::{capture, captured, changes, orders};
use crate::harness::{Database, fresh_database, fresh_database_on, own_server};
use crate::support::until;
use counterfoil::config::libpq::HostAt;
use counterfoil::postgres::server::ServerSettings;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// Writers at the same time, and statements of each.
const WRITERS: u64 = 6;
const STATEMENTS: u32 = 150;

#[tokio::test]
async fn whatever_a_logical_subscription_applies_is_captured() {
    let settings = ServerSettings::new().set("wal_level", "logical").set("max_wal_senders", "4");
    let server = own_server(&settings);
    let (publisher, subscriber) =
        (fresh_database_on(&server).await, fresh_database_on(&server).await);
    for database in [&publisher, &subscriber] {
        orders(database).await;
    }
    captured("install", &subscriber, &["--table", "orders"]);
    publisher.execute("create publication all_of_it for table orders").await;
    publisher.execute("select pg_create_logical_replication_slot('captured', 'pgoutput')").await;
    let HostAt::Unix(dir) = &publisher.conninfo.hosts[0].at else { panic!("no socket") };
    let subscribe = format!(
        "create subscription captured connection 'host={} port={} user={} dbname={}' publication \
         all_of_it with (create_slot = false, slot_name = 'captured', copy_data = false)",
        dir.display(),
        publisher.conninfo.hosts[0].port,
        publisher.conninfo.user,
        publisher.conninfo.database
    );
    subscriber.execute(&subscribe).await;
    publisher.execute("insert into orders values (1, 'a'), (2, 'b')").await;
    publisher.execute("update orders set item = 'c' where id = 1").await;
    publisher.execute("delete from orders where id = 2").await;
    publisher.execute("truncate orders").await;
    until("all of it is applied", async || changes(&subscriber).await.len() >= 5).await;
    let ops = "select string_agg(op::text, '' order by id) from counterfoil.changes";
    assert_eq!(subscriber.query(ops).await, ["IIUDT"]);
    subscriber.execute("alter subscription captured disable").await;
    let slots = "select count(*) from pg_replication_slots where active";
    until("the slot is free", async || publisher.query(slots).await == ["0"]).await;
    subscriber.execute("drop subscription captured").await;
}

#[tokio::test]
async fn a_role_that_reads_the_log_can_have_nothing_written_into_it() {
    let database = fresh_database().await;
    orders(&database).await;
    captured("install", &database, &["--table", "orders"]);
    let role = format!("forger_of_{}", database.conninfo.database);
    let made = format!(
        "create role {role}; grant usage on schema counterfoil to {role}; grant select on \
         counterfoil.changes to {role}"
    );
    database.execute(&made).await;
    let forger = database.client().await;
    forger
        .batch_execute(&format!("set role {role}; create temp table mine (id int, item text)"))
        .await
        .unwrap();
    for forged in [
        "select counterfoil.\"capture_public.orders\"()",
        "create trigger forged after insert on mine for each row execute function \
         counterfoil.\"capture_public.orders\"('public.orders')",
        "insert into counterfoil.changes (source, op) values ('public.orders', 'D')",
    ] {
        let refused = forger.batch_execute(forged).await.unwrap_err();
        let code = refused.as_db_error().unwrap().code().code().to_owned();
        assert_eq!(code, "42501", "{forged}: {refused:?}");
    }
    assert!(changes(&database).await.is_empty());
    let grant = "grant execute on function counterfoil.\"capture_public.orders\"() to public";
    database.execute(grant).await;
    let (code, out, _) = capture("status", &database, &[]);
    assert!(code == Some(4) && out.contains("NOT CAPTURED AS IT SHOULD BE"), "{out}");
    captured("refresh", &database, &[]);
    captured("status", &database, &[]);
    drop(forger);
    database.execute(&format!("drop owned by {role}; drop role {role}")).await;
}

#[tokio::test]
async fn what_changes_rows_without_an_event_is_told_by_its_name() {
    let database = fresh_database().await;
    let tables = "create table parts (id int primary key, item text) partition by range (id); \
                  create table low partition of parts for values from (0) to (10); \
                  create table high (id int primary key, item text); \
                  insert into high values (11, 'x')";
    database.execute(tables).await;
    captured("install", &database, &["--table", "parts"]);
    for (change, told) in [
        (
            "alter table parts attach partition high for values from (10) to (20)",
            "partition public.high is new",
        ),
        ("alter table parts detach partition low", "partition public.low is gone"),
        (
            "alter table parts alter column item type int using length(item)",
            "column item was text, and is integer",
        ),
        ("alter table parts add column made int not null default 7", "column made is new"),
        ("alter table parts drop constraint parts_pkey", "the key was (id), and is nothing"),
        ("alter table high disable trigger user", "trigger ~counterfoil on public.high"),
    ] {
        database.execute(change).await;
        let (code, out, err) = capture("status", &database, &[]);
        assert!(code == Some(4) && out.contains(told), "{change}: {out}{err}");
        captured("refresh", &database, &[]);
        captured("status", &database, &[]);
    }
    database.execute("insert into high values (12, 3); insert into low values (1, 'gone')").await;
    assert_eq!(changes(&database).await, [r#"I|-|{"id":12,"item":3,"made":7}"#]);
}

/// Computed when they are read: PostgreSQL 18 has such columns.
#[tokio::test]
async fn a_virtual_column_is_null_in_an_image_and_install_says_so() {
    let database = fresh_database().await;
    if database.server.version_num() < 180_000 {
        return;
    }
    let table = "create table sums (id int primary key, a int, b int generated always as (a * 2) \
                 virtual)";
    database.execute(table).await;
    let out = captured("install", &database, &["--table", "sums"]);
    assert!(out.contains("b is computed when it is read, and null in the images"), "{out}");
    database.execute("insert into sums values (1, 21)").await;
    assert_eq!(changes(&database).await, [r#"I|-|{"id":1,"a":21,"b":null}"#]);
}

#[tokio::test]
async fn a_busy_table_is_not_taken_by_force_and_a_second_removal_goes_on() {
    let database = fresh_database().await;
    orders(&database).await;
    captured("install", &database, &["--table", "orders"]);
    let holder = database.client().await;
    holder.batch_execute("begin; insert into orders values (1, 'a')").await.unwrap();
    let flags = ["--all", "--yes", "--lock-timeout", "100ms", "--lock-for", "1s"];
    let (code, _, err) = capture("remove", &database, &flags);
    assert!(code == Some(8) && err.contains("held by process "), "{err}");
    holder.batch_execute("commit").await.unwrap();
    assert_eq!(changes(&database).await.len(), 1);
    captured("remove", &database, &flags);
    assert!(captured("status", &database, &[]).contains("nothing is captured"));
}

/// What a writer does in one transaction, right or wrong: others may have taken the row.
fn statement(random: &mut SmallRng) -> String {
    let (id, other) = (random.random_range(1..=20), random.random_range(1..=20));
    let change = match random.random_range(0..8) {
        0 => format!(
            "insert into accounts values ({id}, {other}) on conflict (id) do update set amount = accounts.amount + 1"
        ),
        1 => format!("update accounts set id = id + 20 where id = {id}"),
        2 => format!("update accounts set id = id - 20 where id = {id} + 20"),
        3 => format!("update accounts set amount = amount + 1 where id in ({id}, {other})"),
        4 => format!("delete from accounts where id = {id}; insert into accounts values ({id}, 0)"),
        5 => format!("insert into entries (account) values ({id})"),
        6 => format!("delete from accounts where id = {id}"),
        _ => format!(
            "savepoint s; delete from accounts where id = {id}; rollback to s; update accounts set amount = -amount where id = {other}"
        ),
    };
    let end = if random.random_range(0..5) == 0 { "rollback" } else { "commit" };
    format!("begin; {change}; {end}")
}

async fn write(database: &Database, seed: u64) {
    let client = database.client().await;
    let mut random = SmallRng::seed_from_u64(seed);
    for _ in 0..STATEMENTS {
        if client.batch_execute(&statement(&mut random)).await.is_err() {
            client.batch_execute("rollback").await.unwrap();
        }
    }
}

#[tokio::test]
async fn the_images_after_minus_those_before_are_the_table_whatever_many_writers_did() {
    let database = fresh_database().await;
    // The user's trigger changes another row of the same statement before our event of it is written.
    let tables = "create table accounts (id int primary key, amount int); \
                  create table entries (id int primary key generated always as identity, account int references accounts on update cascade on delete cascade); \
                  insert into accounts select n, 0 from generate_series(1, 20) as n; \
                  create function nested() returns trigger language plpgsql as \
                  $$ begin update accounts set amount = amount + 100 where id = new.id + 1 and pg_trigger_depth() < 2; return null; end $$; \
                  create trigger nested after update of amount on accounts for each row execute function nested()";
    database.execute(tables).await;
    let before = "create table before_it as select row_to_json(a)::text as image, 'public.accounts' as source from accounts as a";
    captured("install", &database, &["--table", "accounts", "--table", "entries"]);
    database.execute(before).await;
    let writers = (0..WRITERS).map(|seed| write(&database, seed));
    futures::future::join_all(writers).await;
    let events: i64 =
        database.query("select count(*) from counterfoil.changes").await[0].parse().unwrap();
    assert!(events > 300, "only {events} events");
    let net = "with log as ( \
                 select source, after::text as image, 1 as n from counterfoil.changes where after is not null \
                 union all select source, before::text, -1 from counterfoil.changes where before is not null \
                 union all select source, image, 1 from before_it), \
               is_there as (select 'public.accounts' as source, row_to_json(a)::text as image, -1 as n from accounts as a \
                 union all select 'public.entries', row_to_json(e)::text, -1 from entries as e) \
               select source, image, sum(n) from (select * from log union all select * from is_there) as both_sides \
                group by source, image having sum(n) <> 0";
    assert_eq!(database.query(net).await, Vec::<String>::new());
}
