//! Consecutive ids: a source that slate made, with slate's configuration, works unchanged; a hole
//! ends with 6 and its name.

use super::prefix::assert_same_bytes;
use super::program::{Program, finish, init, rows};
use super::running::{until_answer, until_looked_twice};
use crate::harness::{Database, fresh_database, fresh_destination};

const SLATES_SOURCE: &str = include_str!("../init/slates_source.sql");
/// What slate makes at a destination.
const SLATES_DESTINATION: &str = "create table events (id bigint not null primary key, ts timestamptz not null, event jsonb not null);
    create index on events ((event #>> '{entityName}')); create index on events ((event #>> '{operation}'));
    create index on events ((event #>> '{propertyName}')); create index on events ((event #>> '{entityId}')); create index on events (ts)";
const TWO_EVENTS: &str = r#"select insert_events('($1[1], $2, ''{"name": "A", "n": 1.10}''), ($1[2], $2, ''{"name": "B"}'')')"#;
const IDS: &str = "select string_agg(id::text, ',' order by id) from events";

async fn slates() -> (Database, Database) {
    let (source, destination) = (fresh_database().await, fresh_database().await);
    source.execute(SLATES_SOURCE).await;
    destination.execute(SLATES_DESTINATION).await;
    (source, destination)
}

/// A source that `init source` made with what it makes by default.
async fn consecutive() -> (Database, Database) {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    for (side, database) in [("source", &source), ("destination", &destination)] {
        let ended = finish(init(side, &database.conninfo)).await;
        assert_eq!(ended.code, 0, "{ended}");
    }
    (source, destination)
}

async fn insert(source: &Database, count: u32) {
    source
        .execute(&format!(
            "select insert_events(array(select jsonb_build_object('n', i) from generate_series(1, \
             {count}) i))"
        ))
        .await;
}

/// Removes events, which only an owner can who takes the trigger away first.
async fn remove(source: &Database, condition: &str) {
    let remove = format!(
        "alter table events disable trigger check_sql_command; delete from events where \
         {condition}; alter table events enable always trigger check_sql_command"
    );
    source.execute(&remove).await;
}

#[tokio::test]
async fn slates_source_and_configuration_work_unchanged() {
    let (source, destination) = slates().await;
    for _ in 0..30 {
        source.execute(TWO_EVENTS).await;
    }
    let of = |database: &Database| {
        format!(
            r#"{{"host": "127.0.0.1", "databaseName": "{}", "user": "postgres", "password": "unused"}}"#,
            database.conninfo.database
        )
    };
    let text = format!(
        r#"{{"maxEventsPerWrite": 500, "connectTimeout": 15000, "eventSource": {}, "replicationDestinations": [{}]}}"#,
        of(&source),
        of(&destination)
    );
    let program = Program::configured("config.json", &text);
    let port = source.server.port().to_string();
    let mut command = program.command(&["--until-caught-up"]);
    command.env("PGPORT", &port);
    let ended = finish(command).await;
    assert_eq!(ended.code, 0, "{ended}");
    assert!(ended.stdout.contains("maxEventsPerWrite was raised from 500 to 10000"), "{ended}");
    assert!(ended.stdout.contains("consecutive"), "{ended}");
    let mut command = program.command(&[]);
    let mut following =
        command.env("PGPORT", &port).stdout(std::process::Stdio::null()).spawn().unwrap();
    until_looked_twice(&source).await;
    source
        .execute(
            "notify eventsinsert, 'no JSON at all'; notify eventsinsert; notify counterfoil, \
             '{\"id\": \"what\"}'",
        )
        .await;
    source.execute(TWO_EVENTS).await;
    until_answer(&destination, "select count(*) from events", &["62"]).await;
    following.kill().await.unwrap();
    assert_same_bytes(&source, &destination, "select * from public.events order by id", "binary")
        .await;
    assert_eq!(
        destination
            .query(
                "select count(*) from (select from events group by ts having count(distinct \
                 xmin::text) > 1) split"
            )
            .await,
        ["0"]
    );
}

#[tokio::test]
async fn a_source_of_consecutive_ids_is_copied_and_followed() {
    let (source, destination) = consecutive().await;
    insert(&source, 1_000).await;
    let program = Program::between(&source.conninfo, "", &[("copy", &destination.conninfo)]);
    let ended = program.run(&["--until-caught-up"]).await;
    assert_eq!(ended.code, 0, "{ended}");
    let mut following = program.spawn();
    until_answer(
        &source,
        "select count(*) from pg_stat_activity where datname = current_database() and \
         application_name = 'counterfoil/mark'",
        &["1"],
    )
    .await;
    for _ in 0..20 {
        insert(&source, 3).await;
    }
    until_answer(&destination, "select count(*), max(id) from events", &["1060|1060"]).await;
    following.kill().await.unwrap();
    assert_eq!(rows(&destination).await, rows(&source).await);
}

#[tokio::test]
async fn a_hole_that_is_there_at_the_start_ends_with_6_and_writes_nothing() {
    let (source, destination) = consecutive().await;
    insert(&source, 10).await;
    remove(&source, "id between 4 and 5").await;
    let ended = Program::between(&source.conninfo, "", &[("copy", &destination.conninfo)])
        .run(&["--until-caught-up"])
        .await;
    assert_eq!(ended.code, 6, "{ended}");
    assert!(ended.stderr.contains("gap: ids 4..5 are missing, 6 exists"), "{ended}");
    assert!(ended.stderr.contains("known_gaps = [\"4..5\"]"), "{ended}");
    assert_eq!(rows(&destination).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_hole_that_appears_while_it_follows_ends_with_6_after_everything_before_it() {
    let (source, destination) = consecutive().await;
    insert(&source, 3).await;
    source.execute("alter table events disable trigger check_sql_command").await;
    let program = Program::between(&source.conninfo, "", &[("copy", &destination.conninfo)]);
    let following = tokio::spawn(async move { program.run(&[]).await });
    until_answer(&destination, IDS, &["1,2,3"]).await;
    insert(&source, 1).await;
    until_answer(&destination, IDS, &["1,2,3,4"]).await;
    let hole = "begin; select insert_events(array['{}', '{}']::jsonb[]); delete from events where \
                id = 5; commit";
    source.execute(hole).await;
    let ended = following.await.unwrap();
    assert_eq!(ended.code, 6, "{ended}");
    assert!(
        ended.stderr.contains(
            "an id is missing: 4 is followed by 6, and nothing can still appear between them"
        ),
        "{ended}"
    );
    assert!(ended.stderr.contains("known_gaps"), "{ended}");
    assert_eq!(destination.query(IDS).await, ["1,2,3,4"]);
}

#[tokio::test]
async fn known_gaps_are_accepted_and_everything_around_them_is_copied() {
    let (source, destination) = consecutive().await;
    insert(&source, 20).await;
    remove(&source, "id in (1, 7) or id between 10 and 12").await;
    let more = "known_gaps = [\"7\", \"10..12\", \"1\"]";
    let ended = Program::between(&source.conninfo, more, &[("copy", &destination.conninfo)])
        .run(&["--until-caught-up"])
        .await;
    assert_eq!(ended.code, 0, "{ended}");
    assert_eq!(rows(&destination).await, rows(&source).await);
    assert_eq!(destination.query("select count(*) from events").await, ["15"]);
}
