//! slate's own procedure: several loaders at once, a replicator that is killed meanwhile, then all
//! tables compared and each validated.

use super::run;
use crate::command::told;
use crate::harness::{Database, fresh_database, fresh_destination};
use crate::support::events::{highest, init_destination, init_source_with};
use crate::support::replicator::{Setup, url};
use crate::support::until;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::Write;
use std::process::{Child, Command, Stdio};

/// Loaders of every world and of these methods, endless, each with a seed of its own.
fn loaders(source: &Database, methods: &[&str]) -> Vec<Child> {
    let url = url(source);
    let worlds = ["persons", "orders", "devices", "persons"];
    let start = |(place, world): (usize, &str)| {
        let (method, seed) = (methods[place % methods.len()], (place + 1).to_string());
        Command::new(env!("CARGO_BIN_EXE_load-fake-data"))
            .args(["--url", &url, "--world", world, "--method", method, "--seed", &seed])
            .args(["--duration", "3600", "--rate", "400", "--rollbacks", "20", "--writers", "2"])
            .args(["--events-per-insert", "6"])
            .env_remove("COUNTERFOIL_CONFIG")
            .env_remove("COUNTERFOIL_URL")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    worlds.into_iter().enumerate().map(start).collect()
}

/// Lets each finish its groups; it must succeed.
async fn stop(loaders: Vec<Child>) {
    for loader in &loaders {
        kill_process(Pid::from_child(loader), Signal::INT).unwrap();
    }
    for loader in loaders {
        let ended =
            tokio::task::spawn_blocking(move || loader.wait_with_output().unwrap()).await.unwrap();
        let (code, out, err) = told(&ended);
        assert_eq!(code, Some(0), "{out}{err}");
        assert!(out.contains("rolled back:") && !out.contains("rolled back:  0 more"), "{out}");
    }
}

/// A source that was loaded by several at once, and two copies of it whose replicator was killed
/// and started again meanwhile.
struct Copied {
    source: Database,
    east: Database,
    west: Database,
    config: tempfile::NamedTempFile,
}

impl Copied {
    async fn of(ids: &str, methods: &[&str]) -> Self {
        let source = fresh_database().await;
        init_source_with(&source, ids, "doorbell").await;
        let (east, west) = (fresh_destination().await, fresh_destination().await);
        init_destination(&east).await;
        init_destination(&west).await;
        let setup = Setup::from(&source).to("east", &east).to("west", &west);
        let killed = setup.start(&[]);
        let loaders = loaders(&source, methods);
        grows(&[&east, &west]).await;
        killed.kill_nine();
        grows(&[&source]).await;
        let second = setup.start(&[]);
        grows(&[&east, &west]).await;
        stop(loaders).await;
        second.kill_nine();
        let mut last = setup.start(&["--until-caught-up"]);
        let end = last.ends().await;
        assert_eq!(end.code, Some(0), "{end:?}");
        let mut config = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
        write!(
            config,
            "[source]\nurl = \"{}\"\n[[destinations]]\nname = \"east\"\nurl = \
             \"{}\"\n[[destinations]]\nname = \"west\"\nurl = \"{}\"\n",
            url(&source),
            url(&east),
            url(&west)
        )
        .unwrap();
        Self { source, east, west, config }
    }

    /// What is said of all tables: the exit code, and every line as JSON.
    async fn asked(&self) -> Told {
        let flag = format!("--config={}", self.config.path().display());
        let (code, out, err) = run(&[&flag, "--validate", "--complete", "--format=jsonl"]).await;
        let lines = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        Told { code, lines, err }
    }
}

/// Waits until each of them has some more events than now.
async fn grows(databases: &[&Database]) {
    for database in databases {
        let now = highest(database).await;
        until("more events come", async || highest(database).await > now + 300).await;
    }
}

#[derive(Debug)]
struct Told {
    code: i32,
    lines: Vec<Value>,
    err: String,
}

impl Told {
    fn lines(&self, of: &str) -> Vec<&Value> {
        self.lines.iter().filter(|line| line["type"] == of).collect()
    }

    /// What each table came to by itself: verdict and faults.
    fn tables(&self) -> Vec<(String, String)> {
        let faults = |line: &Value| {
            let findings = line["findings"].as_array().unwrap();
            let faults = findings.iter().filter(|finding| finding["is_fault"] == true);
            let told: Vec<String> = faults
                .map(|fault| format!("{} {}", fault["kind"].as_str().unwrap(), fault["count"]))
                .collect();
            format!("{} {}", line["verdict"].as_str().unwrap(), told.join(", "))
                .trim_end()
                .to_owned()
        };
        let validations = self.lines("validation");
        validations
            .iter()
            .map(|line| (line["table"].as_str().unwrap().to_owned(), faults(line)))
            .collect()
    }

    /// Verdict and differences of each comparison: missing, extra, changed in any way.
    fn comparisons(&self) -> Vec<(&str, [u64; 3])> {
        let summaries = self.lines("summary");
        let of = |line: &&'_ Value, class: &str| line["differences"][class].as_u64().unwrap();
        let summed = |line: &'_ Value| {
            [
                of(&line, "missing"),
                of(&line, "extra"),
                of(&line, "changed") + of(&line, "representation"),
            ]
        };
        summaries
            .into_iter()
            .map(|line| (line["verdict"].as_str().unwrap(), summed(line)))
            .collect()
    }
}

fn all_valid() -> Vec<(String, String)> {
    tables("valid")
}

/// The source and the west copy are valid; of the east one this is said.
fn tables(east: &str) -> Vec<(String, String)> {
    [("source", "valid"), ("destination \"east\"", east), ("destination \"west\"", "valid")]
        .map(|(name, verdict)| (name.to_owned(), verdict.to_owned()))
        .to_vec()
}

async fn assert_all_equal(copied: &Copied) {
    let told = copied.asked().await;
    assert_eq!((told.code, told.err.as_str()), (0, ""), "{told:?}");
    assert_eq!(told.comparisons(), [("equal", [0, 0, 0]); 2]);
    assert_eq!(told.tables(), all_valid());
    let rows: u64 = copied.source.query("select count(*) from events").await[0].parse().unwrap();
    for summary in told.lines("summary") {
        assert_eq!(
            (summary["rows"]["first"].as_u64(), summary["rows"]["second"].as_u64()),
            (Some(rows), Some(rows))
        );
    }
    assert_eq!(told.lines("verdict")[0]["verdict"], "equal");
}

/// The ids of a group of three in the midst of its program.
async fn group_of_three(of: &Database) -> Vec<i64> {
    let asked = "select e.id from events e join (
            select event #>> '{testingStats,dbOperationId}' as operation from events
             where event #>> '{testingStats,dbOperationEventCount}' = '3' and event #>> '{testingStats,dbOperationEventNum}' = '3'
               and (event #>> '{testingStats,dbOperationNum}')::int8 > 3
             order by id limit 1) g on g.operation = e.event #>> '{testingStats,dbOperationId}'
         order by e.id";
    let ids: Vec<i64> = of.query(asked).await.iter().map(|id| id.parse().unwrap()).collect();
    assert_eq!(ids.len(), 3);
    ids
}

/// Plants each damage in the east copy, which is made whole again, and expects what is told of it.
async fn assert_told(copied: &Copied, cases: Vec<(String, &str, [u64; 3])>) {
    for (damage, validity, differences) in cases {
        copied.east.execute("create table safe as table events").await;
        copied.east.execute(&damage).await;
        let told = copied.asked().await;
        assert_eq!(told.code, 1, "{damage}\n{told:?}");
        assert_eq!(told.tables(), tables(validity), "{damage}\n{told:?}");
        let equal = ("equal", [0, 0, 0]);
        assert_eq!(told.comparisons(), [("different", differences), equal], "{damage}");
        assert_eq!(told.lines("verdict")[0]["verdict"], "different");
        copied
            .east
            .execute("truncate events; insert into events select * from safe; drop table safe")
            .await;
    }
    assert_all_equal(copied).await;
}

/// A group lost, an event doubled, an event lost, all lost. A hole in the ids is a fault where they
/// are consecutive, and nothing else tells of it.
async fn damages(copied: &Copied, is_consecutive: bool) {
    let ids = group_of_three(&copied.source).await;
    let last = highest(&copied.source).await;
    let rows = copied.source.query("select count(*) from events").await[0].parse().unwrap();
    let gap = |other: &'static str, with: &'static str| if is_consecutive { with } else { other };
    let (first, middle, end) = (ids[0], ids[1], ids[2]);
    let cases = vec![
        (
            format!("delete from events where id in ({first}, {middle}, {end})"),
            gap("invalid missing_group 1", "invalid gap 1, missing_group 1"),
            [3, 0, 0],
        ),
        (
            format!(
                "insert into events select {last} + 1, ts, event from events where id = {middle}"
            ),
            "invalid doubled_event 1",
            [0, 1, 0],
        ),
        (
            format!("delete from events where id = {middle}"),
            gap("invalid incomplete_group 1", "invalid gap 1, incomplete_group 1"),
            [1, 0, 0],
        ),
        ("delete from events".to_owned(), "valid", [rows, 0, 0]),
    ];
    assert_told(copied, cases).await;
}

/// Not one event says what the loader wrote into it, on any side: the copies are equal, and every
/// table is invalid.
async fn all_rows_invalid(copied: &Copied) {
    let rows: u64 = copied.source.query("select count(*) from events").await[0].parse().unwrap();
    copied.source.execute("alter table events disable trigger user").await;
    let all = "update events set event = jsonb_set(event, '{testingStats}', '\"none\"')";
    for database in [&copied.source, &copied.east, &copied.west] {
        database.execute(all).await;
    }
    let told = copied.asked().await;
    assert_eq!(told.code, 1, "{told:?}");
    for (table, said) in told.tables() {
        assert_eq!(said, format!("invalid garbled_stats {rows}"), "{table}");
    }
    for summary in told.lines("summary") {
        assert_eq!(summary["differences"]["total"], 0);
    }
}

#[tokio::test]
async fn copies_of_consecutive_ids_pass_slates_procedure_and_every_damage_is_told() {
    let copied = Copied::of("consecutive", &["insert-events", "copy"]).await;
    assert_all_equal(&copied).await;
    damages(&copied, true).await;
    all_rows_invalid(&copied).await;
}

#[tokio::test]
async fn copies_of_ids_from_a_sequence_pass_slates_procedure_and_every_damage_is_told() {
    let copied = Copied::of("sequence", &["insert", "copy"]).await;
    assert_all_equal(&copied).await;
    damages(&copied, false).await;
    all_rows_invalid(&copied).await;
}
