//! What is refused, with the exit code, the place and the cure; nothing is written then.

use super::*;
use std::os::unix::fs::PermissionsExt;

impl Pair {
    fn made_by(&self, sql: &str) {
        Connection::open(self.file()).unwrap().execute_batch(sql).unwrap();
    }

    /// It is refused with this code and these words.
    fn refuses(&self, code: i32, words: &[&str]) {
        let (ended, out, err) = self.copy();
        assert_eq!(ended, Some(code), "{out}{err}");
        for words in words {
            assert!(err.contains(words), "{words:?}: {err}");
        }
    }
}

#[tokio::test]
async fn keys_of_another_kind_and_urls_that_are_no_file_are_wrong_usage() {
    let pair = Pair::of(TABLE).await;
    for (line, words) in [
        ("writers = 2", "unknown key \"writers\""),
        ("synchronous_commit = \"off\"", "it belongs to another kind of destination"),
        ("password = \"x\"", "unknown key \"password\""),
        ("table = \"\"", "cannot be \"\""),
        ("table = \"sqlite_master\"", "without quotes and schema"),
        ("rename = { absent = 'x', id = 'x' }", "would both be \"x\""),
    ] {
        let (code, _, err) =
            run(counterfoil(&["run", "--dry-run"]), &pair.setup().destination_key(line));
        assert!(code == Some(2) && err.contains(words), "{line}: {err}");
    }
    for url in ["sqlite:", "sqlite:///a.db", "sqlite::memory:", "sqlite:a.db?mode=ro"] {
        let setup = Setup::from_url(&super::url(&pair.source)).and_url("copy", url);
        let (code, _, err) = run(counterfoil(&["run", "--dry-run"]), &setup);
        assert!(code == Some(2) && err.contains("is not the path of a file"), "{url}: {err}");
    }
    let twice = pair.setup().and_url("again", &format!("sqlite:{}", pair.file().display()));
    let (code, _, err) = run(counterfoil(&["run", "--dry-run"]), &twice);
    assert!(code == Some(2) && err.contains("are the same"), "{err}");
}

#[tokio::test]
async fn two_names_of_one_file_are_one_destination() {
    let pair = Pair::made().await;
    let link = pair.dir.path().join("link.db");
    std::os::unix::fs::symlink(pair.file(), &link).unwrap();
    let twice = pair.setup().and_url("again", &format!("sqlite:{}", link.display()));
    let (code, _, err) = run(counterfoil(&["run", "--dry-run"]), &twice);
    assert!(code == Some(2) && err.contains("are the same"), "{err}");
    std::fs::hard_link(pair.file(), pair.dir.path().join("hard.db")).unwrap();
    pair.refuses(3, &["several names (hard links)"]);
}

#[tokio::test]
async fn a_file_that_is_not_there_or_is_none_of_sqlite_is_refused() {
    let pair = Pair::of(TABLE).await;
    pair.refuses(3, &["cannot open the file", "counterfoil init destination makes it"]);
    std::fs::write(pair.file(), "this is no database, but long enough to be one. ".repeat(100))
        .unwrap();
    pair.refuses(3, &["file is not a database", "name a file of SQLite"]);
    std::fs::remove_file(pair.file()).unwrap();
    pair.made_by("create table others (id integer primary key)");
    pair.refuses(3, &["there is no table \"events\"", "makes it in the source's shape"]);
    std::fs::remove_file(pair.file()).unwrap();
    std::fs::create_dir(pair.file()).unwrap();
    pair.refuses(3, &["leads to no file"]);
}

#[tokio::test]
async fn a_table_that_cannot_hold_what_the_source_has_is_refused_with_all_reasons() {
    let pair = Pair::of(TABLE).await;
    pair.made_by("create table events (id bigint, ts timestamp, tenant text not null)");
    pair.refuses(
        3,
        &[
            "\"events\".\"id\" may be NULL",
            "column \"ts\" has timestamp there, in which values would not stay as they are",
            "declare it as TEXT",
            "no column \"event\"",
            "ADD COLUMN \"event\" TEXT;",
            "column tenant must be given",
        ],
    );
    assert_eq!(seen(&pair.file(), "select count(*) from events"), ["0"]);
}

#[tokio::test]
async fn rows_that_a_constraint_or_a_trigger_refuses_are_exit_7_and_nothing_of_the_batch_is_there()
{
    let table = "create table events (id integer primary key, ts text not null, event text)";
    for (more, words) in [
        ("; create unique index u on events (event)", &["id 3", "UNIQUE constraint failed"][..]),
        (
            "; create trigger t before insert on events when new.id = 3 begin select raise(ignore); \
             end",
            &["id 3", "did not take every row"],
        ),
        (
            "; create trigger t after insert on events when new.id = 3 begin insert into events \
             values (1000, '', ''); end",
            &["did not take every row"],
        ),
        (
            "; create trigger t before insert on events when new.id = 3 begin select \
             raise(abort, 'not on a Sunday'); end",
            &["id 3", "not on a Sunday"],
        ),
    ] {
        let pair = Pair::of(TABLE).await;
        pair.made_by(&format!("{table}{more}"));
        pair.source
            .execute("insert into events (ts, event) values (now(), '1'), (now(), '2')")
            .await;
        pair.copied();
        pair.source
            .execute("insert into events (ts, event) values (now(), '2'), (now(), '4')")
            .await;
        pair.refuses(7, words);
        assert_eq!(seen(&pair.file(), "select id from events"), ["1", "2"], "{more}");
    }
}

/// As root nothing is forbidden.
#[tokio::test]
async fn a_file_and_a_folder_that_cannot_be_written_are_refused() {
    let pair = Pair::made().await;
    let set = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    set(&pair.file(), 0o444);
    let is_root = std::fs::File::options().append(true).open(pair.file()).is_ok();
    if is_root {
        println!("skipped: this user may write everything");
        return;
    }
    pair.refuses(3, &["the file cannot be written", "let the user of this process write"]);
    set(&pair.file(), 0o644);
    set(pair.dir.path(), 0o555);
    pair.refuses(3, &[]);
    set(pair.dir.path(), 0o755);
    pair.copied();
}

#[tokio::test]
async fn a_damaged_file_is_never_believed() {
    let pair = Pair::made().await;
    pair.insert(5000).await;
    pair.copied();
    Connection::open(pair.file())
        .unwrap()
        .query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(()))
        .unwrap();
    let mut bytes = std::fs::read(pair.file()).unwrap();
    let (page, pages) = (4096, bytes.len() / 4096);
    for at in 2..pages {
        bytes[at * page..at * page + 64].fill(0xa5);
    }
    std::fs::write(pair.file(), bytes).unwrap();
    let (code, out, err) = pair.copy();
    assert!(code == Some(4) && err.contains("malformed"), "{code:?} {out}{err}");
    assert!(err.contains("integrity_check"), "{err}");
    let (code, out, _) = pair.run(counterfoil(&["status"]), &pair.setup());
    assert_ne!(code, Some(0), "{out}");
    let (code, _, err) = pair.run(events_diff(&[]), &pair.setup());
    assert!(code == Some(2), "{err}");
}

/// A limit on the size of files stands for a full disk: the same call fails.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_waited_for_and_leaves_whole_batches() {
    let pair = Pair::made().await;
    pair.insert(2000).await;
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; ulimit -f 600; exec \"$0\" \"$@\""]);
    command.arg(crate::support::replicator::program().get_program()).env_clear();
    let setup = pair.setup().key("max_events_per_write = 10000").key("retry_wait_max_ms = 100");
    let mut running = setup.start_by(command, &[]);
    pair.insert(20_000).await;
    running.says(&["disk I/O error"]).await;
    assert!(running.is_running());
    running.kill_nine();
    let position = pair.prefix().await;
    assert!(position < 22_000, "{position}");
    assert_eq!(seen(&pair.file(), "pragma integrity_check"), ["ok"]);
    pair.copied();
    pair.is_equal();
}

#[tokio::test]
async fn what_works_with_postgresql_alone_says_so() {
    let pair = Pair::made().await;
    for arguments in [
        &["repair", "--destination", "copy", "--insert-missing"][..],
        &["restore", "--from", "copy"],
    ] {
        let (code, _, err) = pair.run(counterfoil(arguments), &pair.setup());
        assert_eq!(code, Some(2), "{err}");
        assert!(err.contains("is not a table of PostgreSQL"), "{err}");
    }
    let output =
        counterfoil(&["init", "destination", "--url", "sqlite:/tmp/a.db"]).output().unwrap();
    let (code, _, err) = told(&output);
    assert!(code == Some(2) && err.contains("--config"), "{err}");
}
