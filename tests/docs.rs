//! What people read is true: the commands of the documents parse, links lead somewhere, `--help` is
//! as recorded.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "docs/book.rs"]
mod book;
#[path = "docs/man.rs"]
mod man;
#[path = "docs/schema.rs"]
mod schema;

use counterfoil::config::reference;
use counterfoil::console::metrics::reference as metrics;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Our programs.
const PROGRAMS: [(&str, &str); 3] = [
    ("counterfoil", env!("CARGO_BIN_EXE_counterfoil")),
    ("events-diff", env!("CARGO_BIN_EXE_events-diff")),
    ("load-fake-data", env!("CARGO_BIN_EXE_load-fake-data")),
];

/// The commands of the first of them, as they are typed.
const COMMANDS: [&[&str]; 19] = [
    &[],
    &["init"],
    &["init", "source"],
    &["init", "destination"],
    &["capture"],
    &["capture", "install"],
    &["capture", "status"],
    &["capture", "refresh"],
    &["capture", "remove"],
    &["capture", "prune"],
    &["run"],
    &["status"],
    &["wait"],
    &["repair"],
    &["restore"],
    &["demo"],
    &["probe"],
    &["hash-password"],
    &["completions"],
];

fn run(path: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(path);
    command
        .args(arguments)
        .env_remove("COUNTERFOIL_CONFIG")
        .env_remove("COUNTERFOIL_URL")
        .env("COLUMNS", "100");
    command.output().unwrap()
}

fn counterfoil(arguments: &[&str]) -> Output {
    run(PROGRAMS[0].1, arguments)
}

fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for dir in [root(), root().join("docs")] {
        let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
        found.extend(
            entries.filter(|path| path.extension().is_some_and(|extension| extension == "md")),
        );
    }
    found
}

/// The lines of code blocks that begin with the program's name, without comments.
fn commands(text: &str, program: &str) -> Vec<String> {
    let mut is_code = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            is_code = !is_code;
        } else if is_code && line.split(' ').next() == Some(program) {
            found.push(line.split(" #").next().unwrap().trim().to_owned());
        }
    }
    found
}

#[test]
fn every_command_of_the_documents_parses() {
    for (program, path) in PROGRAMS {
        let mut tried = 0;
        for document in documents() {
            for command in commands(&std::fs::read_to_string(&document).unwrap(), program) {
                let arguments: Vec<&str> =
                    command.split_whitespace().skip(1).chain(["--help"]).collect();
                let output = run(path, &arguments);
                let complaint = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{}: {command}\n{complaint}", document.display());
                tried += 1;
            }
        }
        assert!(tried >= 6, "only {tried} commands of {program} were found");
    }
}

/// Every help that is recorded, with the name of its file.
fn helps() -> Vec<(String, String)> {
    let entries = std::fs::read_dir(root().join("tests/help")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
    paths.map(|path| (name(&path), std::fs::read_to_string(&path).unwrap())).collect()
}

#[test]
fn every_help_has_examples_that_parse_and_says_where_to_read_more() {
    for (name, help) in helps() {
        let examples: Vec<&str> = help
            .lines()
            .skip_while(|line| *line != "Examples:")
            .skip(1)
            .take_while(|line| !line.is_empty())
            .collect();
        assert!((2..=3).contains(&examples.len()), "{name}: {examples:?}");
        for example in examples {
            let words = example.split(" > ").next().unwrap().split_whitespace();
            let words: Vec<&str> = words.collect();
            let (_, path) = PROGRAMS.iter().find(|(program, _)| *program == words[0]).unwrap();
            let arguments: Vec<&str> = words[1..].iter().copied().chain(["--help"]).collect();
            let output = run(path, &arguments);
            let complaint = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{name}: {example}\n{complaint}");
        }
        let more = help.split("Read more: ").nth(1).unwrap_or_else(|| panic!("{name}: no place"));
        let mut files = more.split([' ', ',', ';', ':', '\n']).filter(|word| word.contains('/'));
        let is_there = |file: &str| root().join(file.trim_end_matches('.')).exists();
        assert!(files.all(is_there), "{name}: {more}");
    }
}

#[test]
fn commands_whose_end_a_script_reads_say_their_exit_codes() {
    for (name, help) in helps() {
        let is_needed = !["init", "capture", "completions"].contains(&name.as_str());
        assert_eq!(help.contains("Exit codes:"), is_needed, "{name}");
    }
}

#[test]
fn a_shell_gets_the_flags_of_each_program() {
    for (program, flag) in [
        ("counterfoil", "until-caught-up"),
        ("events-diff", "repair-sql"),
        ("load-fake-data", "rollbacks"),
    ] {
        for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
            let output = counterfoil(&["completions", shell, "--program", program]);
            let script = String::from_utf8(output.stdout).unwrap();
            assert!(output.status.success() && script.contains(flag), "{shell} {program}");
        }
    }
    let script = counterfoil(&["completions", "bash"]).stdout;
    let mut bash =
        Command::new("bash").arg("-n").stdin(std::process::Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut bash.stdin.take().unwrap(), &script).unwrap();
    assert!(bash.wait().unwrap().success());
}

/// A package holds one file and links to it.
#[test]
fn counterfoil_is_each_of_the_programs_by_the_name_of_a_link_to_it() {
    let dir = tempfile::tempdir().unwrap();
    let told = |path: &str, arguments: &[&str]| {
        let output = run(path, arguments);
        (output.status.code(), output.stdout, output.stderr)
    };
    for (program, path) in PROGRAMS {
        let link = dir.path().join(program);
        std::os::unix::fs::symlink(PROGRAMS[0].1, &link).unwrap();
        for arguments in [
            &["--help"][..],
            &["-h"],
            &["-V"],
            &[],
            &["--no-such-flag"],
            &["--config", "none.toml"],
        ] {
            let by_link = told(link.to_str().unwrap(), arguments);
            assert_eq!(by_link, told(path, arguments), "{program} {arguments:?}");
        }
    }
    let other = dir.path().join("events-diff-2");
    std::os::unix::fs::symlink(PROGRAMS[0].1, &other).unwrap();
    let help = String::from_utf8(told(other.to_str().unwrap(), &["--help"]).1).unwrap();
    assert!(help.contains("completions"), "under any other name it is counterfoil: {help}");
}

#[test]
fn the_version_of_each_program_has_the_commit_of_a_checkout() {
    for (program, path) in PROGRAMS {
        let told = |flag: &str| String::from_utf8(run(path, &[flag]).stdout).unwrap();
        let version = told("-V");
        assert_eq!(version, told("--version"));
        let plain = format!("{program} {}", env!("CARGO_PKG_VERSION"));
        let rest = version.trim_end().strip_prefix(&plain).unwrap();
        let is_checkout = root().join(".git").exists();
        let git = Command::new("git").args(["rev-parse", "HEAD"]).current_dir(root()).output();
        match git.ok().filter(|git| is_checkout && git.status.success()) {
            Some(git) => {
                let commit = rest.strip_prefix(" (").and_then(|rest| rest.strip_suffix(')'));
                let commit = commit.filter(|commit| commit.len() >= 7).unwrap();
                assert!(String::from_utf8(git.stdout).unwrap().starts_with(commit), "{version}");
            }
            None => assert_eq!(rest, ""),
        }
    }
}

#[test]
fn an_unknown_flag_is_refused_with_exit_code_2() {
    let output = counterfoil(&["run", "--config", "x.toml", "--until-cought-up"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--until-caught-up"));
}

#[test]
fn every_relative_link_of_the_documents_leads_to_a_file() {
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = link.split('#').next().unwrap();
            let is_relative = !path.is_empty() && !path.contains("://");
            let target = document.parent().unwrap().join(path);
            assert!(!is_relative || target.exists(), "{}: {link}", document.display());
        }
    }
}

#[test]
fn every_file_that_the_readme_names_exists() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let named = readme.split('`').skip(1).step_by(2);
    let files: Vec<&str> = named
        .filter(|name| {
            name.starts_with("src/") || name.starts_with("sql/") || name.starts_with("tools/")
        })
        .collect();
    assert!(files.len() > 10);
    for file in files {
        assert!(root().join(file).exists(), "{file}");
    }
}

/// `--help` as recorded in `tests/help/`; after a change that is meant, record it anew with
/// COUNTERFOIL_RECORD=1.
#[test]
fn help_is_as_recorded() {
    for command in COMMANDS {
        let arguments: Vec<&str> = command.iter().copied().chain(["--help"]).collect();
        let output = counterfoil(&arguments);
        let help = String::from_utf8(output.stdout).unwrap();
        let name = if command.is_empty() { "counterfoil".to_owned() } else { command.join("-") };
        assert_recorded(&name, &help);
    }
}

#[test]
fn the_help_of_the_companions_is_as_recorded() {
    for (program, path) in &PROGRAMS[1..] {
        let output = run(path, &["--help"]);
        assert_recorded(program, &String::from_utf8(output.stdout).unwrap());
    }
}

/// What is written from the table of keys; after a change that is meant, record it anew with
/// COUNTERFOIL_RECORD=1.
#[test]
fn what_is_written_about_the_keys_is_as_recorded() {
    assert_is(&root().join("config/example.toml"), &reference::example());
    assert_is(&root().join("config/counterfoil.schema.json"), &reference::schema());
    assert_is(&root().join("docs/configuration.md"), &reference::manual());
}

/// The man pages, from the flags and from the table of keys; after a change that is meant, record
/// them anew with COUNTERFOIL_RECORD=1.
#[test]
fn the_man_pages_are_as_recorded() {
    let dir = root().join("docs/man");
    let pages = man::pages();
    for (name, page) in &pages {
        assert_is(&dir.join(name), page);
    }
    let mut there: Vec<String> = std::fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    there.sort();
    let mut named: Vec<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
    named.sort_unstable();
    assert_eq!(there, named, "of a command that is gone its page goes, too");
}

#[test]
fn the_man_pages_say_all_that_help_says_and_name_the_version() {
    let pages = man::pages();
    for (name, help) in helps() {
        let name = match name.as_str() {
            "counterfoil" | "events-diff" | "load-fake-data" => name,
            command => format!("counterfoil-{command}"),
        };
        let name = format!("{name}.1");
        let (_, page) = pages.iter().find(|(known, _)| *known == name).unwrap();
        let words = |text: &str| -> Vec<String> {
            let text = text.replace("\\-", "-").replace("\\fB", "").replace("\\fR", "");
            text.split_whitespace().map(str::to_owned).collect()
        };
        let page = words(page).join(" ");
        let end = help.split("Print version\n").last().unwrap();
        for line in end.lines().filter(|line| line.contains(' ')) {
            // Headings, and the codes that begin a line, are set apart in a page.
            let line = line.trim_start().trim_start_matches(|first: char| first.is_ascii_digit());
            let said = ["Exit codes:", "Read more:"]
                .iter()
                .fold(line, |line, heading| line.strip_prefix(heading).unwrap_or(line));
            let said = words(said).join(" ");
            assert!(page.contains(&said), "{name}: {said}");
        }
        let version = format!("\"Counterfoil {}\"", env!("CARGO_PKG_VERSION"));
        assert!(page.starts_with(".TH ") && page.contains(&version), "{name}");
    }
}

#[test]
fn the_page_of_the_configuration_has_every_key_of_the_manual() {
    let (_, page) = &man::pages()[0];
    let manual = reference::manual();
    let keys: Vec<&str> = manual.lines().filter_map(|line| line.strip_prefix("### `")).collect();
    assert!(keys.len() > 50);
    for key in keys {
        let heading = format!("\\fB{}\\fR\n", key.trim_end_matches('`'));
        assert!(page.contains(&format!(".TP\n{heading}")), "{key}");
    }
}

#[test]
fn mandoc_has_nothing_to_say_against_the_man_pages() {
    let dir = tempfile::tempdir().unwrap();
    for (name, page) in man::pages() {
        let path = dir.path().join(&name);
        std::fs::write(&path, page).unwrap();
        let mut mandoc = Command::new("mandoc");
        mandoc.args(["-T", "lint", "-W", "warning"]).arg(path);
        let Ok(output) = mandoc.output() else {
            let required = std::env::var_os("COUNTERFOIL_TEST_INSTALL");
            assert!(required.is_none(), "there is no mandoc: tools/setup mandoc installs it");
            return println!("skipped: there is no mandoc");
        };
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        // A date would have to be renewed by hand; the version tells more.
        let complaints: Vec<&str> =
            said.lines().filter(|line| !line.contains("missing date")).collect();
        assert_eq!(complaints, [""; 0], "{name}");
    }
}

/// The table of metrics in docs/metrics.md; written anew with COUNTERFOIL_RECORD=1.
#[test]
fn the_documents_have_every_metric_that_there_is() {
    let path = root().join("docs/metrics.md");
    let (start, end) = ("writes it anew -->\n", "<!-- end -->");
    let text = read(&path);
    let (before, rest) = text.split_once(start).unwrap();
    let (_, after) = rest.split_once(end).unwrap();
    assert_is(&path, &format!("{before}{start}{}{end}{after}", metrics::table()));
}

fn schema() -> Value {
    serde_json::from_str(&reference::schema()).unwrap()
}

#[test]
fn the_schema_accepts_the_files_that_are_shipped() {
    for name in ["example.toml", "minimal.toml", "slate.json"] {
        let text = std::fs::read_to_string(root().join("config").join(name)).unwrap();
        let value: Value = if name.ends_with(".json") {
            serde_json::from_str(&text).unwrap()
        } else {
            toml::from_str(&text).unwrap()
        };
        assert_eq!(schema::problems(&schema(), &value), [""; 0], "{name}");
    }
}

#[test]
fn the_schema_refuses_what_the_reader_refuses() {
    let right = json!({
        "source": { "url": "host=a", "ids": "grace:5s", "known_gaps": [1, "2", "3..4"], "poll_interval_ms": "${WAIT}" },
        "destinations": [{ "url": "host=b", "port": "5432,5433", "synchronous_commit": "off", "writers": 16 }],
        "log": { "level": "debug" },
    });
    assert_eq!(schema::problems(&schema(), &right), [""; 0]);
    for (path, wrong) in [
        ("", json!([])),
        ("/replicaton", json!({})),
        ("/source/pol_interval_ms", json!(5)),
        ("/source/poll_interval_ms", json!(0)),
        ("/source/poll_interval_ms", json!("5")),
        ("/source/poll_interval_ms", json!(1.5)),
        ("/source/durability_gate", json!(1)),
        ("/source/channel", json!("")),
        ("/source/ids", json!("grace:5m")),
        ("/source/known_gaps", json!(["1-2"])),
        ("/destinations", json!([])),
        ("/destinations", json!({})),
        ("/destinations/0/writers", json!(17)),
        ("/destinations/0/synchronous_commit", json!("yes")),
        ("/destinations/0/port", json!(65_536)),
        ("/destinations/0/table", json!(5)),
        ("/source/table", json!([])),
        ("/tables", json!({ "a": { "channel": "x" } })),
        ("/log/level", json!("warn")),
        ("/log/format", json!(true)),
    ] {
        let mut file = right.clone();
        let (parent, key) = path.rsplit_once('/').unwrap_or_default();
        match file.pointer_mut(parent).unwrap() {
            _ if path.is_empty() => file = wrong.clone(),
            Value::Object(object) => drop(object.insert(key.to_owned(), wrong.clone())),
            other => panic!("{other} has no keys"),
        }
        assert_ne!(schema::problems(&schema(), &file), [""; 0], "{path} = {wrong}");
    }
    let mut several = right.clone();
    several["source"]["table"] = json!(["a", "b"]);
    several["tables"] = json!({ "b": { "id_column": "entry_id" } });
    for right in [several, json!({ "log": {} }), json!({})] {
        assert_eq!(schema::problems(&schema(), &right), [""; 0]);
    }
    for part in ["source", "destinations"] {
        let mut file = right.clone();
        file.as_object_mut().unwrap().remove(part);
        assert_ne!(schema::problems(&schema(), &file), [""; 0], "without {part}");
    }
}

fn assert_recorded(name: &str, help: &str) {
    assert_is(&root().join("tests/help").join(format!("{name}.txt")), help);
}

/// The file holds this text; with COUNTERFOIL_RECORD it is written first.
fn assert_is(recorded: &Path, text: &str) {
    if std::env::var_os("COUNTERFOIL_RECORD").is_some() {
        std::fs::write(recorded, text).unwrap();
    }
    let renew = "COUNTERFOIL_RECORD=1 cargo test --test docs writes it anew";
    assert_eq!(text, read(recorded), "{} differs: {renew}", recorded.display());
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}
