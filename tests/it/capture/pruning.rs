//! The oldest events of a log go when no reader needs them, each batch with its certificate; a copy
//! that has them stays provable, and one that lacks them is told.

use super::{capture, captured, orders};
use crate::command::{counterfoil, told};
use crate::harness::{Database, fresh_database, fresh_destination};
use crate::support::replicator::{Setup, url};
use crate::support::until;

/// The digest of a certificate, of what a table holds between two ids.
const DIGEST: &str = "select encode(sha256(string_agg(sha256(record_send(row(id, ts, xact, source, \
                      op, before, after))), ''::bytea order by id)), 'hex') from \
                      counterfoil.changes where id between";

/// A captured table with so many events in its log.
async fn log_of(events: u32) -> Database {
    let database = fresh_database().await;
    orders(&database).await;
    captured("install", &database, &["--table", "orders"]);
    add(&database, events).await;
    database
}

async fn add(database: &Database, events: u32) {
    let insert = format!(
        "insert into orders select (select coalesce(max(id), 0) from orders) + n, 'x' from \
         generate_series(1, {events}) as n"
    );
    database.execute(&insert).await;
}

fn setup(source: &Database, name: &str, copy: &Database, keeps: &str) -> Setup {
    of(Setup::from(source), name, copy, keeps)
}

fn of(source: Setup, name: &str, copy: &Database, keeps: &str) -> Setup {
    source
        .source_key("table = \"counterfoil.changes\"")
        .source_key(&format!("keeps = \"{keeps}\""))
        .to(name, copy)
        .destination_key("table = \"counterfoil.changes\"")
}

/// Runs a command with this configuration.
fn with(setup: &Setup, arguments: &[&str]) -> (Option<i32>, String, String) {
    let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    std::fs::write(file.path(), setup.text()).unwrap();
    told(&counterfoil(arguments).arg("--config").arg(file.path()).output().unwrap())
}

/// A destination that holds everything that is in the log now.
async fn copied(source: &Database, name: &str) -> (Database, Setup) {
    let copy = fresh_destination().await;
    let setup = setup(source, name, &copy, "tail");
    let (code, out, err) = with(&setup, &["init", "destination"]);
    assert_eq!(code, Some(0), "{out}{err}");
    copies(&setup);
    (copy, setup)
}

fn copies(setup: &Setup) {
    let (code, out, err) = with(setup, &["run", "--until-caught-up"]);
    assert_eq!(code, Some(0), "{out}{err}");
}

/// What is left of the log.
async fn ends(database: &Database) -> Vec<String> {
    database.query("select min(id), max(id), count(*) from counterfoil.changes").await
}

#[tokio::test]
async fn events_go_as_far_as_the_slowest_reader_with_a_certificate_that_a_copy_proves() {
    let source = log_of(25_000).await;
    let (copy, setup) = copied(&source, "quick").await;
    let out = captured("prune", &source, &["--dry-run"]);
    assert!(out.contains("no event may go; those after it are younger than --keep"), "{out}");
    let slow = "insert into counterfoil.readers (name, position) values ('slow', 24001)";
    source.execute(slow).await;
    let (code, _, err) = capture("prune", &source, &["--keep", "0s"]);
    assert!(code == Some(2) && err.contains("give --yes"), "{err}");
    let out = captured("prune", &source, &["--keep", "0s", "--dry-run"]);
    assert!(
        out.contains("24000 events, ids 1 to 24000; reader slow needs those after it"),
        "{out}"
    );
    assert_eq!(ends(&source).await, ["1|25000|25000"]);
    let out = captured("prune", &source, &["--keep", "0s", "--yes"]);
    assert!(out.contains("24000 events, ids 1 to 24000, in 3 batches"), "{out}");
    assert_eq!(ends(&source).await, ["24001|25000|1000"]);
    let certificates = "select first_id, through, events, encode(digest, 'hex') from \
                        counterfoil.pruned order by through";
    let mut proved = Vec::new();
    for (first, through) in [(1, 10_000), (10_001, 20_000), (20_001, 24_000)] {
        let digest = copy.query(&format!("{DIGEST} {first} and {through}")).await.remove(0);
        proved.push(format!("{first}|{through}|{}|{digest}", through - first + 1));
    }
    assert_eq!(source.query(certificates).await, proved);
    let status = captured("status", &source, &[]);
    assert!(status.contains("pruned: 24000 events, certified"), "{status}");
    assert!(status.contains("reader slow: at id 24001"), "{status}");
    let out = captured("prune", &source, &["--keep", "0s", "--forget", "slow", "--yes"]);
    assert!(out.contains("ids 24001 to 24999"), "{out}");
    add(&source, 10).await;
    copies(&setup);
    let (code, out, err) = with(&setup, &["status"]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert_eq!(copy.query("select count(*) from counterfoil.changes").await, ["25010"]);
}

#[tokio::test]
async fn nothing_goes_where_no_reader_is_known_or_one_was_told_that_the_log_keeps_all() {
    let source = log_of(20).await;
    let (code, _, err) = capture("prune", &source, &["--keep", "0s", "--yes"]);
    assert!(code == Some(3) && err.contains("no reader of it is known"), "{err}");
    let (code, _, err) = capture("prune", &source, &["--forget", "nobody", "--yes"]);
    assert!(code == Some(2) && err.contains("nobody is no reader"), "{err}");
    let (_, tail) = copied(&source, "copy").await;
    let keeping = tail.text().replace("keeps = \"tail\"", "keeps = \"all\"");
    let path = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    std::fs::write(path.path(), keeping).unwrap();
    let run = counterfoil(&["run", "--until-caught-up", "--config", path.path().to_str().unwrap()])
        .output()
        .unwrap();
    assert!(run.status.success(), "{run:?}");
    let (code, _, err) = capture("prune", &source, &["--keep", "0s", "--yes"]);
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains("its reader copy keeps all") && err.contains("keeps = \"tail\""), "{err}");
    assert_eq!(ends(&source).await, ["1|20|20"]);
    copies(&tail);
    captured("prune", &source, &["--keep", "0s", "--yes"]);
    assert_eq!(ends(&source).await, ["20|20|1"]);
}

#[tokio::test]
async fn by_age_alone_nothing_goes_while_a_transaction_may_still_add_an_event() {
    let source = log_of(20).await;
    let writer = source.client().await;
    writer.batch_execute("begin; insert into orders values (1000, 'late')").await.unwrap();
    let flags = ["--keep", "0s", "--without-readers", "--yes"];
    let (code, _, err) = capture("prune", &source, &flags);
    assert!(code == Some(8) && err.contains("transactions are open"), "{err}");
    writer.batch_execute("commit").await.unwrap();
    captured("prune", &source, &flags);
    assert_eq!(ends(&source).await, ["21|21|1"]);
}

#[tokio::test]
async fn a_destination_that_lacks_what_was_pruned_stops_with_its_cure() {
    let source = log_of(20).await;
    let (_, late) = copied(&source, "late").await;
    add(&source, 20).await;
    let (_, full) = copied(&source, "full").await;
    captured("prune", &source, &["--keep", "0s", "--forget", "late", "--yes"]);
    assert_eq!(ends(&source).await, ["40|40|1"]);
    copies(&full);
    let (code, _, err) = with(&late, &["run", "--until-caught-up"]);
    assert_eq!(code, Some(4), "{err}");
    assert!(err.contains("may not have received: ids 21..39"), "{err}");
    assert!(err.contains("the log was pruned through id 39"), "{err}");
    assert!(err.contains("name an empty one"), "{err}");
}

#[tokio::test]
async fn what_was_pruned_is_counted_at_its_copies_by_the_certificates() {
    let source = log_of(20).await;
    let (copy, setup) = copied(&source, "copy").await;
    captured("prune", &source, &["--keep", "0s", "--yes"]);
    copies(&setup);
    copy.execute("delete from counterfoil.changes where id = 7").await;
    let (code, _, err) = with(&setup, &["run", "--until-caught-up"]);
    assert_eq!(code, Some(4), "{err}");
    assert!(
        err.contains("holds 18 events of what was pruned at the source, which were 19"),
        "{err}"
    );
    let (code, out, err) = with(&setup, &["status"]);
    assert_eq!(code, Some(4), "{out}{err}");
    // A copy that begins where the log begins now lacks nothing.
    copied(&source, "young").await;
}

#[tokio::test]
async fn events_go_with_their_certificate_and_in_no_other_way() {
    let source = log_of(20).await;
    let client = source.client().await;
    let certificate = "insert into counterfoil.pruned (first_id, through, events, digest) values \
                       (1, 5, 5, '')";
    client.batch_execute(certificate).await.unwrap();
    let plain = client.batch_execute("delete from counterfoil.changes where id <= 5").await;
    let said = plain.unwrap_err().as_db_error().unwrap().hint().unwrap_or("").to_owned();
    assert!(said.contains("counterfoil capture prune"), "{said}");
    for change in ["update counterfoil.changes set op = 'X'", "truncate counterfoil.changes"] {
        let another = certificate.replace("(1, 5", "(1, 6");
        let both = format!("begin; {another}; {change}");
        assert!(client.batch_execute(&both).await.is_err(), "{change} went through");
        client.batch_execute("rollback").await.unwrap();
    }
}

#[tokio::test]
async fn a_replication_that_follows_tells_the_log_what_it_still_needs() {
    let source = log_of(20).await;
    let (_, setup) = copied(&source, "copy").await;
    source.execute("delete from counterfoil.readers").await;
    let running = setup.start(&[]);
    let position = async |wanted: &str| {
        let sql = "select name, position, keeps from counterfoil.readers";
        source.query(sql).await == [wanted]
    };
    until("the reader is noted", async || position("copy|20|tail").await).await;
    add(&source, 5).await;
    until("it has come further", async || position("copy|25|tail").await).await;
    drop(running);
}

#[tokio::test]
async fn a_replication_that_may_not_tell_the_log_says_so_with_the_grant() {
    let source = log_of(20).await;
    let role = format!("follower_{}", source.conninfo.database);
    let grants = format!(
        "create role {role} login; grant usage on schema counterfoil to {role}; grant select on \
         counterfoil.changes to {role}"
    );
    source.execute(&grants).await;
    let copy = fresh_destination().await;
    let setup = setup(&source, "copy", &copy, "tail");
    let (code, out, err) = with(&setup, &["init", "destination"]);
    assert_eq!(code, Some(0), "{out}{err}");
    let theirs = url(&source);
    let theirs = Setup::from_url(&theirs.replace("user=postgres", &format!("user={role}")));
    let theirs = of(theirs, "copy", &copy, "tail");
    let warned = "the log is not told what is still needed of it";
    let (code, out, err) = with(&theirs, &["run", "--until-caught-up"]);
    assert!(code == Some(0) && out.contains(warned), "{out}{err}");
    assert!(source.query("select name from counterfoil.readers").await.is_empty());
    let grant =
        format!("GRANT SELECT, INSERT, UPDATE ON \"counterfoil\".\"readers\" TO \"{role}\";");
    assert!(out.contains(&grant.replace('"', "\\\"")) || out.contains(&grant), "{out}");
    source.execute(&grant).await;
    let (code, out, err) = with(&theirs, &["run", "--until-caught-up"]);
    assert!(code == Some(0) && !out.contains(warned), "{out}{err}");
    assert_eq!(source.query("select name from counterfoil.readers").await, ["copy"]);
    source.execute(&format!("drop owned by {role}; drop role {role}")).await;
}

#[tokio::test]
async fn a_reader_that_appears_while_events_are_pruned_loses_none_and_two_prunings_take_turns() {
    let source = log_of(20).await;
    let (_, _) = copied(&source, "copy").await;
    let holder = source.client().await;
    holder.batch_execute("begin; lock table counterfoil.pruned in share mode").await.unwrap();
    let theirs = url(&source);
    let prune = move || {
        let arguments = ["capture", "prune", "--url", theirs.as_str(), "--keep", "0s", "--yes"];
        told(&counterfoil(&arguments).output().unwrap())
    };
    let both = [tokio::task::spawn_blocking(prune.clone()), tokio::task::spawn_blocking(prune)];
    let waiting = "select count(*) from pg_locks where relation = 'counterfoil.pruned'::regclass \
                   and not granted";
    until("both wait", async || source.query(waiting).await == ["2"]).await;
    source.execute("insert into counterfoil.readers (name, position) values ('new', 5)").await;
    holder.batch_execute("commit").await.unwrap();
    for one in both {
        let (code, out, err) = one.await.unwrap();
        assert_eq!(code, Some(0), "{out}{err}");
    }
    assert_eq!(ends(&source).await, ["5|20|16"]);
    let certificates = "select first_id, through, events from counterfoil.pruned";
    assert_eq!(source.query(certificates).await, ["1|4|4"]);
}
