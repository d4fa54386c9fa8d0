//! The least that a user does to have a store copied: `init destination`, what a refusal says,
//! `run`; and the judgement of the copy by SQL, by events-diff and by status.

use crate::command::{counterfoil, told};
use crate::diff;
use crate::harness::{Database, fresh_database, fresh_destination};
use crate::support::replicator::Setup;
use crate::support::{say, until};
use std::path::PathBuf;
use std::time::Instant;
use tempfile::TempDir;

/// Nothing needs more refusals until it is copied.
const REFUSALS_MAX: usize = 4;

/// A store and its copy, both in databases of their own, and the configuration that leads from one
/// to the other.
pub struct Copying {
    pub source: Database,
    pub copy: Database,
    table: &'static str,
    id_column: String,
    dir: TempDir,
}

impl Copying {
    /// Nothing but the two connections and the name of the table is configured.
    pub async fn of(table: &'static str) -> Self {
        Self {
            source: fresh_database().await,
            copy: fresh_destination().await,
            table,
            id_column: "id".to_owned(),
            dir: tempfile::tempdir().unwrap(),
        }
    }

    /// Configures the id column.
    pub fn id_column(&mut self, name: &str) {
        name.clone_into(&mut self.id_column);
    }

    fn setup(&self) -> Setup {
        let setup = Setup::from(&self.source).source_key(&format!("table = '{}'", self.table));
        let setup = match self.id_column.as_str() {
            "id" => setup,
            name => setup.source_key(&format!("id_column = {name:?}")),
        };
        setup.to("copy", &self.copy)
    }

    /// The configuration as a file.
    fn file(&self) -> PathBuf {
        let path = self.dir.path().join("store.toml");
        std::fs::write(&path, self.setup().text()).unwrap();
        path
    }

    /// Runs `counterfoil` with this command and the configuration: exit code, stdout, stderr.
    pub fn counterfoil(&self, command: &[&str]) -> (Option<i32>, String, String) {
        let file = self.file();
        let with_file = [command, &["--config", file.to_str().unwrap()]].concat();
        told(&counterfoil(&with_file).output().unwrap())
    }

    /// What is refused, if anything is: by `init destination`, otherwise by `run --dry-run`. The
    /// exit code is 3 then.
    pub fn refusal(&self) -> Option<String> {
        for command in [&["init", "destination"][..], &["run", "--dry-run"]] {
            let (code, out, err) = self.counterfoil(command);
            if code != Some(0) {
                assert_eq!(code, Some(3), "{out}{err}");
                return Some(format!("{out}{err}"));
            }
        }
        None
    }

    /// Asserts that it is refused with these words; gives all that is said.
    pub fn is_refused(&self, words: &[&str]) -> String {
        let refusal = self.refusal().expect("it is refused");
        for words in words {
            assert!(refusal.contains(words), "{words}: {refusal}");
        }
        refusal
    }

    /// Does what the refusals say, word for word, until there is none.
    pub async fn obey(&mut self) {
        let mut said = String::new();
        for _ in 0..REFUSALS_MAX {
            let Some(refusal) = self.refusal() else { return };
            self.follow(&refusal).await;
            said += &refusal;
        }
        panic!("{said}");
    }

    /// Does what the fixes of a refusal say: configures the `id_column` that they name, and runs
    /// their statements at the side that they are about.
    async fn follow(&mut self, refusal: &str) {
        let mut is_of_source = true;
        for line in refusal.lines().map(str::trim) {
            if let Some(place) = line.strip_prefix("where: ") {
                is_of_source = place.starts_with("source");
            }
            // Of several ways the one for ids that the application gives out.
            let fix = line.strip_prefix("fix: ").unwrap_or_default();
            let fix = fix.split("ids of its own: ").last().unwrap_or_default();
            for part in fix.split("; ") {
                let side = if is_of_source { &self.source } else { &self.copy };
                if let Some(named) = part.split("id_column = \"").nth(1) {
                    self.id_column = named.split('"').next().unwrap().to_owned();
                } else if part.starts_with("ALTER ") || part.starts_with("CREATE ") {
                    side.execute(part).await;
                }
            }
        }
    }

    /// Follows the store while its writers write; then everything is judged.
    pub async fn copies_during(&self, writers: impl Future<Output = ()>) {
        let (code, out, err) = self.counterfoil(&["init", "destination"]);
        assert_eq!(code, Some(0), "{out}{err}");
        let start = Instant::now();
        let follower = self.setup().start(&[]);
        self.is_level().await;
        let first = start.elapsed();
        writers.await;
        let end = Instant::now();
        self.is_level().await;
        let last = end.elapsed();
        follower.stops().await;
        say(&format!(
            "{}: level {} ms after the start, {} ms after the last writer",
            self.table,
            first.as_millis(),
            last.as_millis()
        ));
        self.is_copied().await;
    }

    /// Copies what is left and judges the copy.
    pub async fn is_copied(&self) {
        let (code, out, err) = self.counterfoil(&["run", "--until-caught-up"]);
        assert_eq!(code, Some(0), "{out}{err}");
        let (source, copy) = (self.digest(&self.source).await, self.digest(&self.copy).await);
        assert_eq!(source, copy);
        say(&format!("{}: count, lowest, highest, digest {source}", self.table));
        let file = self.file();
        let (code, out, err) = diff::run(&["--config", file.to_str().unwrap()]).await;
        assert_eq!(code, 0, "{out}{err}");
        assert!(out.contains("verdict: equal"), "{out}");
        let (code, out, err) = self.counterfoil(&["status"]);
        assert_eq!(code, Some(0), "{out}{err}");
        assert!(out.contains("copy         level"), "{out}");
    }

    /// What `status` says: exit code and text.
    pub fn status(&self) -> (Option<i32>, String) {
        let (code, out, _) = self.counterfoil(&["status"]);
        (code, out)
    }

    /// How many rows the source has.
    pub async fn rows(&self) -> i64 {
        let rows = self.source.query(&format!("select count(*) from {}", self.table)).await;
        rows[0].parse().unwrap()
    }

    /// Count, lowest and highest id, and a digest of every column of every row as text.
    async fn digest(&self, database: &Database) -> String {
        let sql = format!(
            "set timezone = 'UTC'; select count(*), min({id}), max({id}), md5(string_agg(e::text, \
             E'\\n' order by {id})) from {table} e",
            id = self.id_column,
            table = self.table
        );
        database.query(&sql).await[0].clone()
    }

    /// Waits until the copy has the source's highest id.
    async fn is_level(&self) {
        let sql = format!("select coalesce(max({}), 0) from {}", self.id_column, self.table);
        let highest = self.source.query(&sql).await;
        until("the copy is level", async || self.copy.query(&sql).await == highest).await;
    }
}
