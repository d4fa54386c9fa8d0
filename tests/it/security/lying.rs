//! Servers that lie: nothing they send makes us crash, hang, take memory without bound, write a row
//! that is none, or tell a secret.

use super::program;
use crate::command::told;
use crate::harness::{Database, fresh_database, fresh_destination};
use crate::support::events::{digest, highest, init_destination, init_source, insert, prefix};
use crate::support::liar::{Liar, Lie, message};
use crate::support::replicator::{Replicator, Setup, url};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const COPY_DATA: u8 = b'd';
const DATA_ROW: u8 = b'D';
const ROW_DESCRIPTION: u8 = b'T';
const READY: u8 = b'Z';
const READ: &str = "counterfoil/read";

async fn pair() -> (Database, Database) {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    init_source(&source).await;
    init_destination(&destination).await;
    insert(&source, 300).await;
    (source, destination)
}

async fn lying(
    database: &Database,
    lie: impl Fn(&str, u8, &[u8]) -> Option<Vec<u8>> + Send + Sync + 'static,
) -> (Liar, String) {
    let lie: Lie = Arc::new(lie);
    let liar = Liar::new(&database.server.socket_dir(), database.server.port(), lie).await;
    let url = liar.url(&database.conninfo.database);
    (liar, url)
}

fn job(from: &str, to: &str) -> Setup {
    let setup = Setup::from_url(from).and_url("copy", to);
    setup.key("retry_for_ms = 1500").key("retry_wait_max_ms = 300").key("connect_timeout_ms = 4000")
}

/// It ends by itself, in order and without a panic; gives its exit code and all it told.
async fn ends(mut replicator: Replicator) -> (i32, String) {
    let end = replicator.ends().await;
    let all = format!("{}{}", end.log, end.report);
    assert!(!all.contains("panicked") && !all.contains("memory allocation"), "{all}");
    (end.code.unwrap_or_else(|| panic!("a signal ended it: {all}")), all)
}

/// Rewrites the first row of each COPY, and whatever of it is lied about.
fn of_rows(
    change: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static,
) -> impl Fn(&str, u8, &[u8]) -> Option<Vec<u8>> + Send + Sync {
    move |what, kind, contents| {
        let is_row = what == READ && kind == COPY_DATA && contents.starts_with(&[0, 3, 0, 0, 0, 8]);
        is_row.then(|| change(contents))
    }
}

/// What is sent in the place of a row.
type RowLie = fn(&[u8]) -> Vec<u8>;

/// What a lying source may send in the place of a row.
fn lies() -> Vec<(&'static str, RowLie)> {
    fn put(row: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
        let mut row = row.to_vec();
        row[at..at + bytes.len()].copy_from_slice(bytes);
        message(COPY_DATA, &row)
    }
    vec![
        ("a negative length", |row| put(row, 2, &(-2i32).to_be_bytes())),
        ("a huge length", |row| put(row, 14, &i32::MAX.to_be_bytes())),
        ("another count of fields", |row| put(row, 0, &99i16.to_be_bytes())),
        ("a negative count of fields", |row| put(row, 0, &(-2i16).to_be_bytes())),
        ("a cut row", |row| message(COPY_DATA, &row[..row.len() - 3])),
        ("an id of another length", |row| put(row, 2, &4i32.to_be_bytes())),
        ("no id", |row| put(row, 2, &(-1i32).to_be_bytes())),
        ("the end in the middle", |row| message(COPY_DATA, &[&[0xff, 0xff], row].concat())),
        ("each row twice", |row| message(COPY_DATA, row).repeat(2)),
        ("more rows than asked for", |row| message(COPY_DATA, row).repeat(20_000)),
        ("an id far away", |row| put(row, 6, &i64::MAX.to_be_bytes())),
        ("an id far below", |row| put(row, 6, &i64::MIN.to_be_bytes())),
        ("a message of a negative length", |_| {
            [&[COPY_DATA], (-1i32).to_be_bytes().as_slice()].concat()
        }),
        ("a message of no known type", |_| message(1, b"?")),
        ("text in place of binary", |_| message(COPY_DATA, b"1\t2026-01-01\t{}\n\\.\n")),
        ("an error with contents that write to a terminal", |_| {
            message(
                b'E',
                b"SERROR\0VERROR\0CXX000\0Mx\nerror: forged\x1b[2J\0Hy\rz\0Dsecret detail\0\0",
            )
        }),
    ]
}

#[tokio::test]
async fn rows_that_are_none_end_the_run_and_reach_no_destination() {
    let (source, destination) = pair().await;
    for (name, lie) in lies() {
        let (_liar, from) = lying(&source, of_rows(lie)).await;
        let (code, all) = ends(job(&from, &url(&destination)).start(&["--until-caught-up"])).await;
        assert!([0, 1, 4, 6, 7, 8].contains(&code), "{name}: {code} {all}");
        assert!(
            !all.contains('\u{1b}') && !all.lines().any(|line| line.starts_with("error: forged")),
            "{name}: {all}"
        );
        assert!(!all.contains("secret detail"), "{name}: {all}");
        let held = prefix(&source, &destination).await;
        let is_all_or_nothing = if code == 0 { held == highest(&source).await } else { held < 100 };
        assert!(is_all_or_nothing, "{name}: {code}, {held} {all}");
        destination.execute("truncate events").await;
    }
}

#[tokio::test]
async fn a_message_of_an_absurd_length_takes_no_more_memory_than_has_arrived() {
    let (source, destination) = pair().await;
    let sent = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&sent);
    let begun = [&[COPY_DATA], i32::MAX.to_be_bytes().as_slice(), &vec![0; 8 << 20]].concat();
    let lie = move |_: &[u8]| match count.fetch_add(1, Ordering::Relaxed) {
        0 => begun.clone(),
        _ => Vec::new(),
    };
    let (_liar, from) = lying(&source, of_rows(lie)).await;
    let running = Setup::from_url(&from).and_url("copy", &url(&destination)).start(&[]);
    // The second row is lied about once the first lie was taken in.
    crate::support::until("eight megabytes of the message have arrived", async || {
        sent.load(Ordering::Relaxed) > 1
    })
    .await;
    let peak = running.memory_peak_kib();
    assert!(peak < 300 << 10, "{peak} KiB");
    assert_eq!(destination.query("select count(*) from events").await, ["0"]);
}

#[tokio::test]
async fn a_flood_of_notifications_and_notices_neither_stops_nor_fills_it() {
    let (source, destination) = pair().await;
    let sent = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&sent);
    let (_liar, from) = lying(&source, move |what, kind, contents| {
        // Not the first, which ends the greeting.
        let is_its_turn = what == "counterfoil/listen"
            && kind == READY
            && (4..8).contains(&count.fetch_add(1, Ordering::Relaxed));
        is_its_turn.then(|| {
            let payload =
                [&[0, 0, 0, 1], b"counterfoil\0".as_slice(), &vec![b'x'; 1 << 20], b"\0"].concat();
            let notice = message(
                b'N',
                &[b"SNOTICE\0CXXXXX\0M".as_slice(), &vec![b'\x1b'; 1 << 20], b"\0\0"].concat(),
            );
            let flood = [message(b'A', &payload), notice].concat().repeat(10);
            [flood, message(kind, contents)].concat()
        })
    })
    .await;
    let running = Setup::from_url(&from).and_url("copy", &url(&destination)).start(&[]);
    tokio::time::sleep(std::time::Duration::from_secs(20)).await;
    println!("{}", running.log());
    crate::support::events::equal(&source, &destination).await;
    insert(&source, 10).await;
    crate::support::events::equal(&source, &destination).await;
    let all = running.stops().await;
    assert!(!all.log.contains('\u{1b}') && !all.log.contains("panicked"));
    assert!(sent.load(Ordering::Relaxed) > 4);
}

/// Every answer of the server, of one session or of all, changed at random: rows, descriptions,
/// errors, whatever is in them.
fn at_random(seed: u64, among: u32) -> impl Fn(&str, u8, &[u8]) -> Option<Vec<u8>> + Send + Sync {
    let random = std::sync::Mutex::new(StdRng::seed_from_u64(seed));
    move |_, kind, contents| {
        let mut random = random.lock().unwrap();
        if contents.is_empty() || kind == b'R' || random.random_range(0..among) > 0 {
            return None;
        }
        let mut contents = contents.to_vec();
        match random.random_range(0..5) {
            0 => contents.truncate(random.random_range(0..contents.len())),
            1 if kind == DATA_ROW || kind == ROW_DESCRIPTION => {
                contents[1] = contents[1].wrapping_add(1)
            }
            2 => return Some(Vec::new()),
            3 => contents.extend([0xff; 7]),
            _ => {
                let at = random.random_range(0..contents.len());
                contents[at] = random.random();
            }
        }
        Some(message(kind, &contents))
    }
}

/// Runs one of our programs for ten seconds at most: a lost message may be waited for as long as a
/// server may think. It must end with a code that is documented; an answer of other types than were
/// asked for is a bug's, 1.
async fn tried(name: &str, arguments: &[&str]) -> String {
    let mut command = tokio::process::Command::from(program(name));
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let child = command.spawn().unwrap();
    let id = i32::try_from(child.id().unwrap()).unwrap();
    let ended = tokio::spawn(child.wait_with_output());
    tokio::pin!(ended);
    let output = match tokio::time::timeout(std::time::Duration::from_secs(10), &mut ended).await {
        Ok(output) => output.unwrap().unwrap(),
        Err(_) => {
            let pid = rustix::process::Pid::from_raw(id).unwrap();
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            ended.await.unwrap().unwrap()
        }
    };
    let (code, printed, complaint) = told(&output);
    assert!(code.is_none_or(|code| (0..=8).contains(&code)), "{code:?}: {printed}{complaint}");
    let has_failed = complaint.contains("panicked");
    assert!(
        !has_failed || (code == Some(1) && complaint.contains("Counterfoil itself has failed")),
        "{code:?}: {printed}{complaint}"
    );
    format!("{printed}{complaint}")
}

#[tokio::test]
async fn answers_changed_at_random_end_every_command_with_a_code_that_is_documented() {
    let tries = if crate::support::is_full() { 60 } else { 2 };
    let (source, destination) = pair().await;
    for seed in 0..tries {
        for (among, is_source) in [(5, true), (30, true), (5, false), (30, false)] {
            let liar_of = if is_source { &source } else { &destination };
            let (_liar, lied) = lying(liar_of, at_random(seed, among)).await;
            let (from, to) = match is_source {
                true => (lied, url(&destination)),
                false => (url(&source), lied),
            };
            let configured = super::Configured::new(&from, &[("copy", &to)]);
            let path = configured.path();
            for (name, command) in [
                ("counterfoil", &["run", "--dry-run", "--config", &path][..]),
                ("counterfoil", &["status", "--config", &path]),
                ("events-diff", &["--config", &path]),
                ("counterfoil", &["init", "source", "--url", &from, "--ids", "sequence"]),
                (
                    "load-fake-data",
                    &["--url", &from, "--persons", "1", "--fillers", "1", "--dry-run"],
                ),
            ] {
                let all = tried(name, command).await;
                assert!(
                    !all.contains("panicked") && !all.contains("memory allocation"),
                    "seed {seed} {among} {command:?}: {all}"
                );
            }
        }
    }
    assert!(digest(&destination, i64::MAX).await.starts_with("0 "));
}

/// A server that asks for the password in clear text, and puts what it got into its error.
async fn asks_for_clear_text(password_seen: Arc<AtomicU32>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut bytes = vec![0; 4096];
            let mut length = client.read(&mut bytes).await.unwrap_or_default();
            if bytes[..length].starts_with(&[0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f]) {
                let _ = client.write_all(b"N").await;
                length = client.read(&mut bytes).await.unwrap_or_default();
            }
            if length == 0 {
                continue;
            }
            let _ = client.write_all(&message(b'R', &[0, 0, 0, 3])).await;
            let length = client.read(&mut bytes).await.unwrap_or_default();
            if length == 0 {
                continue;
            }
            password_seen.fetch_add(1, Ordering::Relaxed);
            let echoed =
                [b"SFATAL\0VFATAL\0C28P01\0Mwrong: ".as_slice(), &bytes[5..length - 1], b"\0\0"]
                    .concat();
            let _ = client.write_all(&message(b'E', &echoed)).await;
        }
    });
    port
}

#[tokio::test]
async fn a_clear_text_password_is_given_without_channel_binding_only_and_never_told_when_it_is_echoed()
 {
    let seen = Arc::new(AtomicU32::new(0));
    let port = asks_for_clear_text(Arc::clone(&seen)).await;
    for (how, expected, words) in [
        ("sslmode=disable", 1, "28P01"),
        ("sslmode=prefer", 1, "28P01"),
        ("sslmode=prefer channel_binding=require", 0, "channel binding"),
        ("sslmode=require", 0, "does not offer TLS"),
    ] {
        seen.store(0, Ordering::Relaxed);
        let url = format!(
            "host=127.0.0.1 port={port} user=reader dbname=orders password=hunter2hunter2 {how}"
        );
        let (code, printed, complaint) =
            super::run("counterfoil", &["init", "destination", "--url", &url]).await;
        assert_eq!(code, Some(3), "{how}: {printed}{complaint}");
        assert_eq!(seen.load(Ordering::Relaxed), expected, "{how}");
        assert!(complaint.contains(words), "{how}: {complaint}");
        assert!(!format!("{printed}{complaint}").contains("hunter2"), "{how}: {complaint}");
    }
}
