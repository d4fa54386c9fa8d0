//! Names that mean harm, of everything that has one, change nothing but what is meant; and none of
//! them reaches a terminal as it is.

use super::{Told, run, runs};
use crate::harness::{Database, fresh_database, fresh_destination};
use crate::support::events::digest;
use counterfoil::config::libpq::{Conninfo, HostAt};
use counterfoil::sql::{TableName, ident, literal};
use std::fmt::Write as _;
use tempfile::TempDir;

/// Schema and table.
const TABLES: [(&str, &str); 7] = [
    ("public", "\"; drop table canary"),
    ("'; drop table canary; --", "a' || (drop table canary) || '"),
    ("$$; drop table canary; $$", "$counterfoil$; drop table canary; --"),
    ("new\nline; drop table canary; --", "tab\t \\' back\\slash %I %s %L %1$s"),
    (":schema :'table' :\"id\" $1", "{name} {} :table :columns ::"),
    ("\u{1b}[2J\u{202e}evil", "日本\u{9b}31m\u{7f}\r\nerror: forged"),
    ("E'\\'; drop table canary; --", "*/ drop table canary; /*"),
];
/// A column, a trigger and a sequence besides.
const OTHERS: [&str; 3] =
    ["c\"'; drop table canary; --", "t$$\n\u{1b}]0;evil\u{7}%s", "s'\"\\; drop table canary"];
const DATABASES: [&str; 2] = ["d\"'; drop table canary; -- \\", "d\n\u{1b}[31m{name}$$ ="];
const ROLE: &str = "r\"'; drop role postgres; -- \\";
const DESTINATION: &str = "to \"'; drop table canary; -- %s {name} \\";

/// A database of this name beside that one, with something to lose.
async fn named(beside: &Database, name: &str) -> Database {
    let name = format!("{name}{}", beside.conninfo.database);
    beside.execute(&format!("create database {}", ident(&name))).await;
    let database = Database {
        conninfo: Conninfo { database: name, ..beside.conninfo.clone() },
        server: std::sync::Arc::clone(&beside.server),
    };
    database.execute("create table public.canary as select 1 as n").await;
    database
}

/// A connection string in which every value is quoted as libpq wants it.
fn url(database: &Database, user: &str) -> String {
    let host = &database.conninfo.hosts[0];
    let HostAt::Unix(dir) = &host.at else { panic!("a private server has a socket") };
    let quoted = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
    let (user, name) = (quoted(user), quoted(&database.conninfo.database));
    format!("host={} port={} user={user} dbname={name}", dir.display(), host.port)
}

/// A source, a destination and how they are called.
struct Play {
    dir: TempDir,
    source: Database,
    destination: Database,
    table: TableName,
    role: String,
}

impl Play {
    async fn new(at: usize, (schema, name): (&str, &str)) -> Self {
        let (first, second) = (fresh_database().await, fresh_destination().await);
        let database = DATABASES[at % DATABASES.len()];
        let (source, destination) = (named(&first, database).await, named(&second, database).await);
        let role = format!("{ROLE}{}", first.conninfo.database);
        for database in [&source, &destination] {
            database
                .execute(&format!(
                    "do $do$ begin create role {0} superuser login; exception when \
                     duplicate_object then null; end $do$",
                    ident(&role)
                ))
                .await;
        }
        let table = TableName { schema: schema.to_owned(), name: name.to_owned() };
        let dir = TempDir::new().unwrap();
        Self { dir, source, destination, table, role }
    }

    fn url(&self, database: &Database) -> String {
        url(database, &self.role)
    }

    /// A configuration that copies from this source; JSON's way to write a string is TOML's as
    /// well, but for DEL.
    fn configured(&self, source: &Database) -> String {
        let quoted = |text: &str| serde_json::to_string(text).unwrap().replace('\u{7f}', "\\u007f");
        let (table, name) = (quoted(&self.table.quoted()), quoted(DESTINATION));
        let mut text = String::new();
        writeln!(text, "[source]\nurl = {}\ntable = {table}", quoted(&self.url(source))).unwrap();
        writeln!(
            text,
            "[[destinations]]\nname = {name}\nurl = {}\ntable = {table}",
            quoted(&self.url(&self.destination))
        )
        .unwrap();
        let path = self.dir.path().join("counterfoil.toml");
        std::fs::write(&path, text + "[log]\nformat = \"text\"\nlevel = \"debug\"\n").unwrap();
        path.display().to_string()
    }

    /// Makes both tables and fills the source.
    async fn make(&self, ids: &str) {
        let (from, to, table) =
            (self.url(&self.source), self.url(&self.destination), self.table.quoted());
        let source = [
            "init", "source", "--url", &from, "--table", &table, "--ids", ids, "--notify",
            "doorbell",
        ];
        for flags in [&["--dry-run"][..], &[]] {
            is_fit(&runs("counterfoil", &[&source[..], flags].concat(), 0).await, flags.is_empty());
            let destination = ["init", "destination", "--url", &to, "--table", &table, "--guard"];
            is_fit(
                &runs("counterfoil", &[&destination[..], flags].concat(), 0).await,
                flags.is_empty(),
            );
        }
        let load = ["--url", &from, "--table", &table, "--persons", "10", "--fillers", "10"];
        is_fit(&runs("load-fake-data", &load, 0).await, true);
        is_fit(
            &runs("load-fake-data", &[&load[..], &["--method", "copy"]].concat(), 0).await,
            true,
        );
        let [column, trigger, sequence] = OTHERS.map(ident);
        for database in [&self.source, &self.destination] {
            let function = format!(
                "create function {trigger}() returns trigger language plpgsql as $f$begin return \
                 null; end$f$"
            );
            let more = format!(
                "alter table {table} add column {column} text; {function}; create trigger \
                 {trigger} after insert on {table} execute function {trigger}()"
            );
            database.execute(&more).await;
        }
        if ids == "sequence" {
            let rename = format!("select pg_get_serial_sequence({}, 'id')", literal(&table));
            let name = &self.source.query(&rename).await[0];
            self.source.execute(&format!("alter sequence {name} rename to {sequence}")).await;
        }
    }

    /// Loses some events of the destination, past its guard.
    async fn damage(&self) {
        let table = self.table.quoted();
        self.destination
            .execute(&format!(
                "alter table {table} disable trigger counterfoil_guard; delete from {table} where \
                 id between 5 and 9; alter table {table} enable always trigger counterfoil_guard"
            ))
            .await;
    }

    async fn assert_equal(&self, source: &Database) {
        let view = format!(
            "create or replace view public.events as select * from {}",
            self.table.quoted()
        );
        for database in [source, &self.destination] {
            database.execute(&view).await;
        }
        assert_eq!(digest(source, i64::MAX).await, digest(&self.destination, i64::MAX).await);
    }

    async fn assert_unharmed(&self) {
        for database in [&self.source, &self.destination] {
            assert_eq!(database.query("select count(*) from public.canary").await, ["1"]);
        }
    }
}

/// Nothing that was told writes to a terminal or begins a line that is not ours. What is SQL for
/// psql is told as it is.
fn is_fit((_, printed, complaint): &Told, is_for_a_person: bool) {
    let both = if is_for_a_person { format!("{printed}{complaint}") } else { complaint.clone() };
    let is_unfit =
        |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
    assert!(!both.contains(is_unfit), "{both:?}");
    assert!(
        !both
            .lines()
            .any(|line| line.starts_with("error: forged") || line.starts_with("line; drop")),
        "{both}"
    );
}

#[tokio::test]
async fn every_command_does_what_is_meant_whatever_things_are_called() {
    for (at, table) in TABLES.into_iter().enumerate() {
        let ids = ["sequence", "consecutive"][at % 2];
        let play = Play::new(at, table).await;
        play.make(ids).await;
        let config = play.configured(&play.source);
        let with = async |name: &str, arguments: &[&str], code: i32| {
            is_fit(&runs(name, &[arguments, &["--config", &config]].concat(), code).await, true);
        };
        with("counterfoil", &["run", "--dry-run"], 0).await;
        with("counterfoil", &["run", "--until-caught-up", "--destination", DESTINATION], 0).await;
        with("counterfoil", &["status"], 0).await;
        with("counterfoil", &["status", "--json"], 0).await;
        with("events-diff", &["--validate"], 0).await;
        with("events-diff", &["--format", "jsonl"], 0).await;
        play.assert_equal(&play.source).await;

        play.damage().await;
        let script = play.dir.path().join("repair.sql").display().to_string();
        with("events-diff", &["--repair-sql", &script], 1).await;
        run_script(&play, &script).await;
        play.assert_equal(&play.source).await;

        play.damage().await;
        for how in [&["--insert-missing"][..], &["--rewind-to", "20"], &["--accept-slate"]] {
            let repair = [&["repair", "--yes", "--destination", DESTINATION], how].concat();
            with("counterfoil", &repair, 0).await;
        }
        with("counterfoil", &["run", "--until-caught-up"], 0).await;
        play.assert_equal(&play.source).await;
        restores(&play, ids).await;
        play.assert_unharmed().await;
    }
}

/// Runs a script as a person does, who has put the guard aside.
async fn run_script(play: &Play, script: &str) {
    let table = play.table.quoted();
    let sql = std::fs::read_to_string(script).unwrap();
    play.destination
        .execute(&format!("alter table {table} disable trigger counterfoil_guard"))
        .await;
    play.destination.execute(&sql).await;
    play.destination
        .execute(&format!("alter table {table} enable always trigger counterfoil_guard"))
        .await;
    play.assert_unharmed().await;
}

async fn restores(play: &Play, ids: &str) {
    let lost = named(&fresh_database().await, "new\"; --").await;
    let (from, table) = (play.url(&lost), play.table.quoted());
    runs("counterfoil", &["init", "source", "--url", &from, "--table", &table, "--ids", ids], 0)
        .await;
    lost.execute(&format!("alter table {table} add column {} text", ident(OTHERS[0]))).await;
    let config = play.configured(&lost);
    let told =
        run("counterfoil", &["restore", "--from", DESTINATION, "--yes", "--config", &config]).await;
    assert_eq!(told.0, Some(0), "{told:?}");
    is_fit(&told, true);
    play.assert_equal(&lost).await;
    assert_eq!(lost.query("select count(*) from public.canary").await, ["1"]);
}

#[tokio::test]
async fn what_is_missing_or_unlike_is_told_without_writing_to_a_terminal() {
    for (at, table) in TABLES.into_iter().enumerate().filter(|(at, _)| at % 2 == 1) {
        let play = Play::new(at, table).await;
        let (from, to, table) =
            (play.url(&play.source), play.url(&play.destination), play.table.quoted());
        let config = play.configured(&play.source);
        let commands = [&["run", "--until-caught-up"][..], &["run", "--dry-run"], &["status"]];
        let all = async |code: &[i32]| {
            for command in commands {
                let told = run("counterfoil", &[command, &["--config", &config]].concat()).await;
                assert!(code.contains(&told.0.unwrap()), "{told:?}");
                is_fit(&told, true);
            }
            let told = run("events-diff", &["--config", &config]).await;
            assert!([1, 2].contains(&told.0.unwrap()), "{told:?}");
            is_fit(&told, true);
            is_fit(
                &run("load-fake-data", &["--url", &from, "--table", &table, "--dry-run"]).await,
                true,
            );
        };
        all(&[3, 0, 8]).await;
        // Another shape, with a type, a column and a default that mean harm.
        runs(
            "counterfoil",
            &["init", "source", "--url", &from, "--table", &table, "--ids", "sequence"],
            0,
        )
        .await;
        let odd = ident("ty\n\u{1b}[2Jpe\"; drop table canary; --");
        play.source
            .execute(&format!(
                "create domain public.{odd} as text; alter table {table} add column {} \
                 public.{odd} default $d$x\n\u{1b}[2J$d$",
                ident(OTHERS[0])
            ))
            .await;
        runs("counterfoil", &["init", "destination", "--url", &to, "--table", &table], 0).await;
        all(&[3, 0, 8]).await;
        play.destination
            .execute(&format!("alter table {table} add column {} int", ident(OTHERS[0])))
            .await;
        all(&[3, 0, 8]).await;
        play.assert_unharmed().await;
    }
}
