//! docs/start.md does what it says: its commands are run in their order, and what it shows comes.

use crate::command::Running;
use crate::harness::own_server;
use counterfoil::postgres::server::{PrivateServer, ServerSettings};
use rustix::process::Signal;
use std::path::Path;
use std::process::{Command, Stdio};

/// A block of the page: commands, or what they print.
#[derive(Debug)]
struct Block<'a> {
    language: &'a str,
    text: &'a str,
}

fn blocks(page: &str) -> Vec<Block<'_>> {
    let parts = page.split("\n```").skip(1).step_by(2);
    let blocks = parts.map(|part| part.split_once('\n').unwrap());
    blocks.map(|(language, text)| Block { language, text }).collect()
}

/// The shell of a reader: our programs first in its path, and the environment that leads to the
/// server.
fn shell(commands: &str, dir: &Path, server: &PrivateServer) -> Command {
    let programs = Path::new(env!("CARGO_BIN_EXE_counterfoil")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("exec 2>&1\n{commands}")])
        .current_dir(dir)
        .env("PATH", format!("{}:{path}", programs.display()))
        .env("PGHOST", server.socket_dir())
        .env("PGPORT", server.port().to_string())
        .env("PGUSER", server.conninfo("postgres").user)
        .env_remove("COUNTERFOIL_CONFIG")
        .stdin(Stdio::null());
    command
}

/// The words of a line, without what is another at each run: the server's address, processes,
/// digests.
fn words(line: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in line.split_whitespace() {
        let address = ["/shop", "/reports"].iter().find_map(|database| word.rfind(database));
        let is_digest = word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        words.push(match address {
            Some(place) => format!("SERVER{}", &word[place..]),
            None if is_digest => "DIGEST".to_owned(),
            None if words.last().is_some_and(|last| last == "pid") => "PROCESS".to_owned(),
            None => word.to_owned(),
        });
    }
    words
}

/// Whether this line was printed as the page shows it; a line of the log, which a reader sees as
/// text and a test as JSON, by its message; of one that ends with `…` the beginning.
fn is_shown(line: &str, printed: &str) -> bool {
    if let Some((_, told)) = line.split_once(" INFO ") {
        let message = printed.split("\"msg\":\"").nth(1).and_then(|rest| rest.split('"').next());
        let rest = message.and_then(|message| told.strip_prefix(message));
        return rest.is_some_and(|rest| rest.starts_with(','));
    }
    let (line, printed) = (words(line), words(printed));
    match line.split_last() {
        Some((last, start)) if last == "…" => printed.starts_with(start),
        _ => line == printed,
    }
}

/// Every line of the page comes, in the order of the page.
fn assert_shown(wanted: &str, printed: &str) {
    let mut lines = printed.lines();
    for line in wanted.lines().filter(|line| !line.is_empty()) {
        let comes = lines.any(|printed| is_shown(line, printed));
        assert!(comes, "the page shows\n{line}\nand here it was\n{printed}");
    }
}

#[test]
fn what_the_first_five_minutes_show_comes_when_their_commands_are_run() {
    if Command::new("psql").arg("--version").output().is_err() {
        println!("skipped: there is no psql: tools/setup postgresql-client installs it");
        return;
    }
    let page = std::fs::read_to_string("docs/start.md").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let server = own_server(&ServerSettings::new());
    let (mut printed, mut follower, mut shown) = (String::new(), None, 0);
    for block in blocks(&page) {
        match block.language {
            "sh" if block.text.trim() == "counterfoil run --config copy.toml" => {
                let command = format!("exec {}", block.text.trim());
                let mut running = Running::start(shell(&command, dir.path(), &server));
                running.line_with("the destination is ready");
                follower = Some(running);
            }
            "sh" => {
                if block.text.contains("counterfoil repair") {
                    let mut running = follower.take().expect("it was started before");
                    running.signal(Signal::INT);
                    assert_eq!(running.end(), Some(0));
                }
                let output = shell(block.text, dir.path(), &server).output().unwrap();
                printed = String::from_utf8(output.stdout).unwrap();
                let code = match block.text {
                    text if text.contains("--dry-run") => 3,
                    text if text.contains("UPDATE") => 1,
                    _ => 0,
                };
                assert_eq!(output.status.code(), Some(code), "{}\n{printed}", block.text);
            }
            "text" => {
                assert_shown(block.text, &printed);
                shown += 1;
            }
            _ => {}
        }
    }
    assert!(shown >= 8, "only {shown} blocks were compared");
}
