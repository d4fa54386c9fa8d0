//! The SQL of docs/security.md gives each role what its commands need, and not one statement more.

use super::{Configured, Told, role_of, run, runs, url_as};
use crate::harness::{Database, connect, fresh_database, fresh_destination};
use crate::support::events::{arrives, digest, highest};
use crate::support::replicator::Setup;
use crate::support::until;
use counterfoil::sql::LOCK_DOORBELL;

const DOCUMENT: &str = include_str!("../../../docs/security.md");
const ROLES: [&str; 4] = ["events_owner", "events_reader", "events_writer", "application"];

/// The statements of the block whose first line begins with this, for this database and roles of
/// its own.
fn block(name: &str, database: &Database) -> Vec<String> {
    let head = format!("```sql\n-- {name}: ");
    let (_, after) = DOCUMENT
        .split_once(&head)
        .unwrap_or_else(|| panic!("docs/security.md has no block {name}"));
    let (text, _) = after.split_once("```").unwrap();
    let statements = text.lines().skip(1).filter(|line| !line.trim().is_empty());
    statements.map(|line| of(line.trim(), database)).collect()
}

fn of(statement: &str, database: &Database) -> String {
    let name = &database.conninfo.database;
    let renamed = ROLES.iter().fold(statement.to_owned(), |statement, role| {
        statement.replace(role, &format!("{role}_{name}"))
    });
    renamed.replace("DATABASE orders", &format!("DATABASE {name}"))
}

async fn grant(database: &Database, blocks: &[&str]) {
    for name in blocks {
        for statement in block(name, database) {
            database.execute(&statement).await;
        }
    }
}

/// The database as this role of the document reaches it.
fn url_of(database: &Database, role: &str) -> String {
    url_as(database, &format!("{role}_{}", database.conninfo.database))
}

/// Takes each GRANT of a block back for a while: meanwhile this must end with 3 and name what is
/// missing.
async fn each_is_needed(name: &str, database: &Database, what: impl AsyncFn() -> Told) {
    each_but_is_needed(name, "nothing", database, what).await;
}

/// As [`each_is_needed`], but for the statements with this word.
async fn each_but_is_needed(
    name: &str,
    except: &str,
    database: &Database,
    what: impl AsyncFn() -> Told,
) {
    let (code, printed, complaint) = what().await;
    assert_eq!(code, Some(0), "{name}: {printed}{complaint}");
    let grants = block(name, database)
        .into_iter()
        .filter(|statement| statement.starts_with("GRANT") && !statement.contains(except));
    for statement in grants {
        let revoke = statement.replace("GRANT", "REVOKE").replace(" TO ", " FROM ");
        database.execute(&revoke).await;
        let (code, printed, complaint) = what().await;
        assert_eq!(code, Some(3), "{name} without {statement}: {printed}{complaint}");
        let words: Vec<&str> = statement.split([' ', ';']).collect();
        let told = format!("{printed}{complaint}");
        let is_grant = |line: &str| {
            line.to_uppercase().contains("GRANT ") && line.to_uppercase().contains(words[1])
        };
        let is_denied = ["table", "function"]
            .iter()
            .any(|kind| told.contains(&format!("permission denied for {kind}")));
        let is_for_table = is_denied && told.contains("docs/security.md has");
        assert!(!told.contains("our role"), "a fix can be pasted: {told}");
        assert!(told.lines().any(is_grant) || is_for_table, "{name} without {statement}: {told}");
        database.execute(&statement).await;
    }
    let (code, printed, complaint) = what().await;
    assert_eq!(code, Some(0), "{name} again: {printed}{complaint}");
}

/// A source and a destination as the document makes them, with a hundred events or so at the
/// source.
async fn pair(ids: &str) -> (Database, Database) {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    grant(&source, &["everybody"]).await;
    grant(&destination, &["everybody"]).await;
    made(source, destination, ids).await
}

/// As [`pair`], of databases in which everybody has what PostgreSQL gives.
async fn made(source: Database, destination: Database, ids: &str) -> (Database, Database) {
    grant(&source, &["owner"]).await;
    grant(&destination, &["destination owner"]).await;
    let (from, to) = (url_of(&source, "events_owner"), url_of(&destination, "events_owner"));
    runs(
        "counterfoil",
        &["init", "source", "--url", &from, "--ids", ids, "--notify", "doorbell"],
        0,
    )
    .await;
    runs("counterfoil", &["init", "destination", "--url", &to, "--guard"], 0).await;
    let application = application(ids);
    grant(&source, &["reader", application]).await;
    grant(&destination, &["writer"]).await;
    let load = ["--url", &url_of(&source, "application"), "--persons", "20", "--fillers", "20"];
    runs("load-fake-data", &load, 0).await;
    (source, destination)
}

fn application(ids: &str) -> &'static str {
    match ids {
        "sequence" => "application with a sequence",
        _ => "application with consecutive ids",
    }
}

fn configured(source: &Database, destination: &Database, writer: &str) -> Configured {
    Configured::new(&url_of(source, "events_reader"), &[("copy", &url_of(destination, writer))])
}

#[tokio::test]
async fn an_owner_needs_each_statement_to_init() {
    let database = fresh_database().await;
    grant(&database, &["everybody", "owner"]).await;
    let url = url_of(&database, "events_owner");
    each_is_needed("owner", &database, async || {
        database
            .execute(
                "drop table if exists events, id; drop function if exists insert_events(jsonb[]), \
                 insert_events(text), filter_sql_command, counterfoil_doorbell",
            )
            .await;
        run("counterfoil", &["init", "source", "--url", &url, "--notify", "doorbell"]).await
    })
    .await;
    let database = fresh_destination().await;
    grant(&database, &["everybody", "destination owner"]).await;
    let url = url_of(&database, "events_owner");
    each_is_needed("destination owner", &database, async || {
        database
            .execute("drop table if exists events; drop function if exists counterfoil_guard")
            .await;
        run("counterfoil", &["init", "destination", "--url", &url, "--guard"]).await
    })
    .await;
}

#[tokio::test]
async fn a_reader_and_a_writer_need_each_statement_to_run() {
    for ids in ["sequence", "consecutive"] {
        let (source, destination) = pair(ids).await;
        let configured = configured(&source, &destination, "events_writer");
        for (name, database) in [("reader", &source), ("writer", &destination)] {
            each_is_needed(name, database, async || {
                configured.run("counterfoil", &["run", "--until-caught-up"]).await
            })
            .await;
            each_is_needed(name, database, async || {
                configured.run("counterfoil", &["run", "--dry-run"]).await
            })
            .await;
        }
        assert_eq!(digest(&source, i64::MAX).await, digest(&destination, i64::MAX).await);
    }
}

/// What an application of others does that nobody granted anything to, but PostgreSQL itself; and
/// as which role it does so.
async fn stranger(database: &Database) -> String {
    let role = format!("stranger_{}", database.conninfo.database);
    database.execute(&format!("create role {role} login; create table public.theirs ()")).await;
    database.execute(&format!("grant select on public.theirs to {role}")).await;
    role
}

/// Whether it can connect, read its table and make a temporary one.
async fn works(database: &Database, role: &str) -> bool {
    let mut conninfo = database.conninfo.clone();
    conninfo.user = role.to_owned();
    let Ok(client) = connect(&conninfo).await else { return false };
    client.batch_execute("table public.theirs; create temporary table mine ()").await.is_ok()
}

#[tokio::test]
async fn in_a_shared_database_the_roles_need_no_revoke_which_would_lock_out_the_others() {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    let role = stranger(&source).await;
    let (source, destination) = made(source, destination, "sequence").await;
    configured(&source, &destination, "events_writer")
        .runs("counterfoil", &["run", "--until-caught-up"], 0)
        .await;
    assert_eq!(digest(&source, i64::MAX).await, digest(&destination, i64::MAX).await);
    assert!(works(&source, &role).await, "the grants took something away");
    grant(&source, &["everybody"]).await;
    assert!(!works(&source, &role).await, "the document warns of what does no harm");
}

#[tokio::test]
async fn a_schema_of_their_own_keeps_events_apart_from_the_others_of_a_shared_database() {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    let apart = async |database: &Database, blocks: &[&str]| {
        for name in blocks {
            for statement in block(name, database) {
                let statement = statement.replace(" public.", " ledger.");
                database.execute(&statement.replace("SCHEMA public", "SCHEMA ledger")).await;
            }
        }
    };
    apart(&source, &["own schema", "owner"]).await;
    apart(&destination, &["own schema", "destination owner"]).await;
    for (side, database) in [("source", &source), ("destination", &destination)] {
        let url = url_of(database, "events_owner");
        runs("counterfoil", &["init", side, "--url", &url, "--table", "ledger.events"], 0).await;
    }
    apart(&source, &["reader", "application with consecutive ids"]).await;
    apart(&destination, &["writer"]).await;
    let url = url_of(&source, "application");
    let load = ["--url", &url, "--table", "ledger.events", "--persons", "2", "--fillers", "2"];
    runs("load-fake-data", &load, 0).await;
    let setup = Setup::from_url(&url_of(&source, "events_reader"))
        .source_key("table = \"ledger.events\"")
        .and_url("copy", &url_of(&destination, "events_writer"));
    let mut running = setup.start(&["--until-caught-up"]);
    let end = running.ends().await;
    assert_eq!(end.code, Some(0), "{}{}", end.report, end.log);
    let count = "select count(*)::text from ledger.events";
    assert_eq!(source.query(count).await, destination.query(count).await);
}

/// How many sessions sleep beside the doorbell of this database.
async fn doorbells(database: &Database) -> usize {
    let asked = format!(
        "select 1 from pg_locks where locktype = 'advisory' and classid = {LOCK_DOORBELL} and mode \
         = 'ExclusiveLock' and database = (select oid from pg_database where datname = \
         current_database())"
    );
    database.query(&asked).await.len()
}

#[tokio::test]
async fn the_doorbell_is_rung_by_an_application_and_heard_by_a_reader_without_more() {
    for ids in ["sequence", "consecutive"] {
        let (source, destination) = pair(ids).await;
        let setup = Setup::from_url(&url_of(&source, "events_reader"))
            .source_key("poll_interval_ms = 60000")
            .and_url("copy", &url_of(&destination, "events_writer"))
            .destination_key("writers = 2");
        let running = setup.start(&[]);
        arrives(&destination, highest(&source).await).await;
        until("the doorbell is armed", async || doorbells(&source).await == 1).await;
        let load = ["--url", &url_of(&source, "application"), "--persons", "1", "--fillers", "1"];
        runs("load-fake-data", &load, 0).await;
        arrives(&destination, highest(&source).await).await;
        running.stops().await;
    }
}

#[tokio::test]
async fn readers_need_each_statement_for_status_and_events_diff() {
    let (source, destination) = pair("sequence").await;
    configured(&source, &destination, "events_writer")
        .runs("counterfoil", &["run", "--until-caught-up"], 0)
        .await;
    grant(&destination, &["destination reader"]).await;
    let configured = configured(&source, &destination, "events_reader");
    for (name, database) in [("reader", &source), ("destination reader", &destination)] {
        each_is_needed(name, database, async || {
            let (code, printed, complaint) = configured.run("events-diff", &["--validate"]).await;
            (code.map(|code| if code == 2 { 3 } else { code }), printed, complaint)
        })
        .await;
        each_is_needed(name, database, async || {
            let (code, printed, complaint) = configured.run("counterfoil", &["status"]).await;
            // It tells what it knows of every side, each with what is wrong, and remedies are for
            // those who run.
            let told = format!("{printed}{complaint}")
                .replace("permission denied", "permission denied: GRANT USAGE, CONNECT, SELECT");
            (if told.contains("GRANT") { Some(3) } else { code }, String::new(), told)
        })
        .await;
    }
}

#[tokio::test]
async fn an_application_needs_each_statement_to_load() {
    for (ids, methods) in
        [("sequence", ["insert", "copy"]), ("consecutive", ["insert-events", "copy"])]
    {
        let (source, _) = pair(ids).await;
        let url = url_of(&source, "application");
        for method in methods {
            let except = if method == "copy" { "EXECUTE" } else { "nothing" };
            each_but_is_needed(application(ids), except, &source, async || {
                run(
                    "load-fake-data",
                    &["--url", &url, "--persons", "1", "--fillers", "1", "--method", method],
                )
                .await
            })
            .await;
        }
    }
}

#[tokio::test]
async fn a_mender_needs_each_statement_to_repair() {
    let (source, destination) = pair("sequence").await;
    let configured = configured(&source, &destination, "events_writer");
    configured.runs("counterfoil", &["run", "--until-caught-up"], 0).await;
    let damage = "begin; alter table events disable trigger all; delete from events where id \
                  between 5 and 9; alter table events enable always trigger counterfoil_guard; \
                  commit";
    let repair = async |how: &[&str]| {
        let arguments = [&["repair", "--destination", "copy", "--yes"], how].concat();
        configured.run("counterfoil", &arguments).await
    };
    for (name, database) in [("reader", &source), ("writer", &destination)] {
        each_is_needed(name, database, async || {
            destination.execute(damage).await;
            repair(&["--insert-missing"]).await
        })
        .await;
    }
    grant(&destination, &["mender"]).await;
    each_is_needed("mender", &destination, async || {
        let (code, _, complaint) =
            configured.run("counterfoil", &["run", "--until-caught-up"]).await;
        assert_eq!(code, Some(0), "{complaint}");
        repair(&["--rewind-to", "20"]).await
    })
    .await;
    configured.runs("counterfoil", &["run", "--until-caught-up"], 0).await;
    let outdated = "begin; alter table events disable trigger all; update events set event = '{}' \
                    where id = 5; alter table events enable always trigger counterfoil_guard; \
                    commit";
    for (name, database) in
        [("reader", &source), ("writer", &destination), ("mender", &destination)]
    {
        each_is_needed(name, database, async || {
            destination.execute(outdated).await;
            repair(&["--replace", "5"]).await
        })
        .await;
    }
}

#[tokio::test]
async fn an_owner_and_writers_need_each_statement_to_restore() {
    for ids in ["sequence", "consecutive"] {
        let (source, destination) = pair(ids).await;
        configured(&source, &destination, "events_writer")
            .runs("counterfoil", &["run", "--until-caught-up"], 0)
            .await;
        let lost = fresh_database().await;
        grant(&lost, &["everybody", "owner"]).await;
        let from = url_of(&lost, "events_owner");
        runs(
            "counterfoil",
            &["init", "source", "--url", &from, "--ids", ids, "--notify", "doorbell"],
            0,
        )
        .await;
        let restored = Configured::new(&from, &[("copy", &url_of(&destination, "events_writer"))]);
        restored.runs("counterfoil", &["restore", "--from", "copy", "--yes"], 0).await;
        assert_eq!(digest(&lost, i64::MAX).await, digest(&destination, i64::MAX).await);
        let again =
            async || restored.run("counterfoil", &["restore", "--from", "copy", "--yes"]).await;
        each_is_needed("writer", &destination, again).await;
        each_but_is_needed("owner", "CREATE", &lost, again).await;
    }
}

#[tokio::test]
async fn whoever_has_nothing_can_do_nothing_and_who_may_only_look_cannot_write() {
    let (source, destination) = pair("consecutive").await;
    let stranger = role_of(&source, "stranger").await;
    let refused = async |database: &Database, role: &str, statement: &str| {
        let mut conninfo = database.conninfo.clone();
        conninfo.user = role.to_owned();
        match connect(&conninfo).await {
            Err(error) => error.code().unwrap().code().to_owned(),
            Ok(client) => {
                client.batch_execute(statement).await.unwrap_err().code().unwrap().code().to_owned()
            }
        }
    };
    assert_eq!(refused(&source, &stranger, "select 1").await, "42501");
    let call = "select public.insert_events(array['{}']::jsonb[])";
    let (name, reader) =
        (&source.conninfo.database, format!("events_reader_{}", source.conninfo.database));
    let writer = format!("events_writer_{}", destination.conninfo.database);
    source
        .execute(&format!(
            "grant connect on database {name} to {stranger}; grant usage on schema public to \
             {stranger}"
        ))
        .await;
    for role in [&stranger, &reader] {
        assert_eq!(refused(&source, role, call).await, "42501");
        assert_eq!(refused(&source, role, "create temporary table t ()").await, "42501");
        assert_eq!(
            refused(
                &source,
                role,
                "create function public.max(int8) returns int8 language sql as 'select 1'"
            )
            .await,
            "42501"
        );
        assert_eq!(
            refused(&source, role, "insert into public.events values (1000, now(), '{}')").await,
            "42501"
        );
    }
    for change in [
        "update public.events set id = 0",
        "delete from public.events",
        "truncate public.events",
        "create table public.t ()",
    ] {
        assert_eq!(refused(&destination, &writer, change).await, "42501");
    }
    // The guard: a writer that is not Counterfoil may not insert either.
    assert_eq!(
        refused(&destination, &writer, "insert into public.events values (1000, now(), '{}')")
            .await,
        "42501"
    );
}
