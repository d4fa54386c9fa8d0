//! Configuration in the browser, over HTTP, against real servers: what is entered becomes the file, and
//! nothing else does.

mod browser;
mod empty;
mod hostile;

use crate::edges::{between, pair};
use crate::harness::{Database, fresh_database, fresh_destination};
use crate::support::events::{arrives, equal, init_source, insert};
use crate::support::replicator::{Replicator, Setup, program, start_files, url};
use crate::support::until;
use browser::{Browser, Page};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const PASSWORD: &str = "the operator's own";

/// The hash of the operator's password, as the program makes it.
fn hash() -> &'static str {
    static HASH: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
        let mut command = program();
        command.arg("hash-password").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), PASSWORD.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    });
    &HASH
}

/// A replicator whose configuration can be changed in the browser, and a browser that is signed in.
async fn start(files: &[(&str, String)]) -> (Replicator, Browser) {
    start_by(program(), |_| {}, files).await
}

async fn start_by(
    command: Command,
    seal: impl FnOnce(&Path),
    files: &[(&str, String)],
) -> (Replicator, Browser) {
    let process =
        format!("[console]\nlisten = \"127.0.0.1:0\"\nedit = true\npassword_hash = '{}'\n", hash());
    let files: Vec<(String, String)> =
        files.iter().map(|(name, text)| ((*name).to_owned(), text.clone())).collect();
    let mut replicator = start_files(&process, &files, command, seal, &[]);
    replicator.says(&["the window is open"]).await;
    let log = replicator.log();
    let line = log.lines().find(|line| line.contains("the window is open")).unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    let mut browser = Browser::at(line["address"].as_str().unwrap());
    browser.sign_in(PASSWORD).await;
    (replicator, browser)
}

/// A replicator of one replication, in `first.toml`.
async fn start_first() -> (Replicator, Browser, PathBuf) {
    let (source, copy) = pair().await;
    let (replicator, browser) = start(&[("first.toml", between(&source, &copy).text())]).await;
    let file = replicator.folder().join("first.toml");
    (replicator, browser, file)
}

fn at(file: &str, step: &str) -> String {
    format!("/edit/files/{file}/{step}")
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn holds(page: &Page, words: &[&str]) {
    let text = page.text();
    for words in words {
        assert!(text.contains(words), "{words:?} is missing ({}): {text}", page.status);
    }
}

/// Waits until the list of files says this of one.
async fn lists(browser: &Browser, words: &str) {
    let what = format!("the list of files says {words:?}");
    until(&what, async || browser.again().get("/edit").await.body.contains(words)).await;
}

/// Enters the source of a new replication, and goes on to its table.
async fn new_replication(browser: &mut Browser, name: &str, source: &str) -> Page {
    let list = browser.get("/edit").await;
    let page = browser.press(&list.form("/edit").enter("name", name), "new").await;
    let action = at(&format!("{name}.toml"), "source");
    let page = browser.press(&page.form(&action).enter("source.url", source), "try").await;
    holds(&page, &["Answers", "PostgreSQL", "No pooler that shares sessions", "Role postgres"]);
    browser.press(&page.form(&action), "next").await
}

/// Adds a destination and lets its table be made.
async fn new_destination(
    browser: &mut Browser,
    page: &Page,
    destinations: &str,
    copy: &Database,
) -> Page {
    let page = browser.press(&page.form(destinations), "add").await;
    let form = page.form(destinations);
    let form = form.enter("destinations[0].name", "copy").enter("destinations[0].url", &url(copy));
    let page = browser.press(&form, "try:0").await;
    holds(&page, &["there is no table public.events"]);
    let page = browser.press(&page.form(destinations), "script:0").await;
    holds(&page, &["create table \"public\".\"events\"", "nothing was run"]);
    assert_eq!(copy.query("select to_regclass('events') is null").await, ["t"]);
    let page = browser.press(&page.form(destinations), "make:0").await;
    holds(&page, &["Created", "table public.events"]);
    assert_eq!(copy.query("select to_regclass('events') is null").await, ["f"]);
    let page = browser.press(&page.form(destinations), "try:0").await;
    holds(&page, &["can hold what the source has"]);
    page
}

#[tokio::test]
async fn a_replication_is_made_from_nothing_to_level_by_the_four_forms_alone() {
    let (replicator, mut browser, _) = start_first().await;
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    init_source(&source).await;
    insert(&source, 5).await;
    let page = new_replication(&mut browser, "orders", &url(&source)).await;
    holds(
        &page,
        &[
            "Which table?",
            "1 table with an integer key",
            "public.events",
            "can be copied",
            "public.events_id_seq, CACHE 1",
        ],
    );
    let (table, destinations, look) =
        (at("orders.toml", "table"), at("orders.toml", "destinations"), at("orders.toml", "look"));
    let form = page.form(&table).check("source.table", "public.events");
    let page = browser.press(&form, "next").await;
    let page = new_destination(&mut browser, &page, &destinations, &copy).await;
    let page = browser.press(&page.form(&destinations), "next").await;
    let page = browser.press(&page.form(&look), "check").await;
    holds(&page, &["all checks passed; nothing was written", "missing        5 events"]);
    let file = replicator.folder().join("orders.toml");
    assert!(!file.exists());
    let page = browser.press(&page.form(&look), "reload").await;
    holds(
        &page,
        &["orders.toml is saved, and the files were read again", "Started: 1, started again: 0"],
    );
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        format!(
            "[source]\nurl = \"{}\"\n\n[[destinations]]\nname = \"copy\"\nurl = \"{}\"\n",
            url(&source),
            url(&copy)
        )
    );
    assert_eq!(mode(&file), 0o640);
    arrives(&copy, 5).await;
    insert(&source, 5).await;
    equal(&source, &copy).await;
    let told = [
        "the configuration was changed in the window",
        "the operator, in the window",
        "orders.toml",
        "destinations[0].name, destinations[0].url, source.url",
    ];
    assert_eq!(replicator.lines(&told), 1, "{}", replicator.log());
    assert_eq!(replicator.lines(&["the table of a destination was made from the window"]), 1);
}

#[tokio::test]
async fn a_table_whose_key_has_another_name_is_chosen_with_its_key_and_unfit_ones_have_their_cure()
{
    let (_replicator, mut browser, _) = start_first().await;
    let source = fresh_database().await;
    source
        .execute(
            "create schema audit; create table audit.trail (seq bigint generated always as identity primary key, x int); \
             create table cached (id bigint generated always as identity (cache 20) primary key); \
             create table unkeyed (id bigint not null)",
        )
        .await;
    let page = new_replication(&mut browser, "trail", &url(&source)).await;
    holds(
        &page,
        &[
            "3 tables with an integer key",
            "ALTER SEQUENCE public.cached_id_seq CACHE 1;",
            "CREATE UNIQUE INDEX CONCURRENTLY ON \"public\".\"unkeyed\" (\"id\");",
        ],
    );
    let rows = page.body.split("<tr").filter(|row| row.contains("type=\"checkbox\""));
    assert!(rows.clone().next().unwrap().contains("audit.trail"), "the likely one is first");
    let form = page.form(&at("trail.toml", "table")).check("source.table", "audit.trail");
    let page = browser.press(&form, "next").await;
    holds(&page, &["table = \"audit.trail\"", "id_column = \"seq\""]);
}

#[tokio::test]
async fn a_file_that_was_changed_by_hand_meanwhile_is_shown_side_by_side_and_not_overwritten() {
    let (_replicator, mut browser, file) = start_first().await;
    let (table, look) = (at("first.toml", "table"), at("first.toml", "look"));
    let begun = std::fs::read_to_string(&file).unwrap();
    let page = browser.get(&table).await;
    let form = page.form(&table).enter("source.poll_interval_ms", "500");
    browser.press(&form, "take").await;
    let by_hand = format!("{begun}# by hand\n");
    std::fs::write(&file, &by_hand).unwrap();
    let page = browser.get(&look).await;
    holds(&page, &["The file was changed by hand meanwhile."]);
    let page = browser.press(&page.form(&look), "save").await;
    assert_eq!(page.status, 409);
    holds(&page, &["Yours", "poll_interval_ms = 500", "Theirs, in the file now", "# by hand"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), by_hand);
    let page = browser.press(&page.form(&look), "merge").await;
    let page = browser.press(&page.form(&look), "save").await;
    holds(&page, &["first.toml is saved"]);
    let both = std::fs::read_to_string(&file).unwrap();
    assert!(both.contains("# by hand") && both.contains("\npoll_interval_ms = 500\n"), "{both}");

    let page = browser.get(&table).await;
    let form = page.form(&table).enter("source.poll_interval_ms", "600");
    browser.press(&form, "take").await;
    let theirs = both.replace("poll_interval_ms = 500", "poll_interval_ms = 700");
    std::fs::write(&file, &theirs).unwrap();
    let page = browser.get(&look).await;
    let page = browser.press(&page.form(&look), "save").await;
    holds(&page, &["Both changed the same lines"]);
    assert_eq!(page.form(&look).buttons, ["drop"]);
    let page = browser.press(&page.form(&look), "drop").await;
    holds(&page, &["poll_interval_ms = 700"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), theirs);
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_to_gives_the_file_as_a_download() {
    let (source, copy) = pair().await;
    let mut command = program();
    if rustix::process::geteuid().is_root() {
        command.uid(65534).gid(65534);
    }
    let seal = |folder: &Path| {
        for (path, mode) in [(folder.parent().unwrap(), 0o755), (folder, 0o555)] {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    let text = between(&source, &copy).text();
    let (replicator, mut browser) = start_by(command, seal, &[("first.toml", text.clone())]).await;
    let (table, look) = (at("first.toml", "table"), at("first.toml", "look"));
    let page = browser.get(&table).await;
    holds(&page, &["The folder of the file cannot be written to."]);
    browser.press(&page.form(&table).enter("source.channel", "bell"), "take").await;
    let page = browser.get(&look).await;
    assert!(!page.form(&look).buttons.iter().any(|button| button == "save"), "{}", page.body);
    let mut fields = page.form(&look).fields;
    fields.push(("do".to_owned(), "save".to_owned()));
    let page = browser.post(&look, &fields).await;
    assert_eq!(page.status, 422);
    holds(&page, &["cannot write the file"]);
    let page = browser.get(&at("first.toml", "download")).await;
    assert!(page.head.contains("content-disposition: attachment; filename=\"first.toml\""));
    assert!(page.body.contains("\nchannel = \"bell\"\n"), "{}", page.body);
    let folder = replicator.folder();
    assert_eq!(std::fs::read_to_string(folder.join("first.toml")).unwrap(), text);
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[tokio::test]
async fn a_password_goes_into_its_own_file_and_comes_back_in_no_answer_and_no_line_of_the_log() {
    const TYPED: [&str; 4] =
        ["typed-geheim-1", "typed-geheim-2", "typed-geheim-3", "stands-geheim-4"];
    let (source, copy) = pair().await;
    let text = Setup::from(&source).source_key("password = \"stands-geheim-4\"").to("copy", &copy);
    let (replicator, mut browser) = start(&[("first.toml", text.text())]).await;
    let folder = replicator.folder();
    let [in_source, destinations, look] =
        ["source", "destinations", "look"].map(|step| at("first.toml", step));
    let page = browser.get(&in_source).await;
    assert!(page.field("source.password").contains("kept: it stands in the file"));
    let page = browser.press(&page.form(&in_source), "next").await;
    assert_eq!(page.status, 200);
    assert!(std::fs::read_to_string(folder.join("first.toml")).unwrap().contains(TYPED[3]));

    let page = browser.get(&in_source).await;
    let page =
        browser.press(&page.form(&in_source).enter("source.password", TYPED[0]), "try").await;
    holds(&page, &["Answers"]);
    let page = browser.get(&destinations).await;
    let form = page.form(&destinations);
    let refused = format!("host=h user=u password={}", TYPED[1]);
    let page = browser.press(&form.clone().enter("destinations[0].url", &refused), "take").await;
    assert_eq!(page.status, 422);
    assert!(page.field("destinations[0].url").contains("a password stands in it"), "{}", page.body);
    let page = browser.press(&form, "add").await;
    let in_url = format!("postgres://writer:{}@127.0.0.1:9/orders", TYPED[2]);
    let form = page.form(&destinations).enter("destinations[1].name", "far/away");
    let form = form.enter("destinations[1].url", &in_url);
    let page = browser.press(&form, "next").await;
    holds(&page, &["+ password_file = \"secrets/first.far-away\"".trim_start_matches("+ ")]);
    browser.get(&at("first.toml", "download")).await;
    let page = browser.press(&page.form(&look), "reload").await;
    holds(&page, &["first.toml is saved"]);

    let saved = std::fs::read_to_string(folder.join("first.toml")).unwrap();
    assert!(saved.contains("url = \"postgres://writer@127.0.0.1:9/orders\"\n"), "{saved}");
    assert!(saved.contains("password_file = \"secrets/first.source\"\n"), "{saved}");
    assert!(!saved.contains("geheim"), "{saved}");
    for (name, password) in [("first.source", TYPED[0]), ("first.far-away", TYPED[2])] {
        let path = folder.join("secrets").join(name);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{password}\n"));
        assert_eq!(mode(&path), 0o600);
    }
    assert_eq!(mode(&folder.join("secrets")), 0o700);
    for step in ["source", "table", "destinations", "look", "download"] {
        browser.get(&at("first.toml", step)).await;
    }
    let everything = format!("{}{}", browser.seen, replicator.log());
    assert!(everything.contains("the password in "), "{everything}");
    for password in TYPED {
        assert!(!everything.contains(password), "{password} is told");
    }
}

#[tokio::test]
async fn a_stranger_is_refused_everywhere_and_nothing_changes() {
    let (_replicator, browser, file) = start_first().await;
    let before = std::fs::read_to_string(&file).unwrap();
    let mut stranger = Browser::at(browser.address());
    let steps = ["source", "table", "destinations", "look", "download"];
    let paths = steps.map(|step| at("first.toml", step));
    for path in std::iter::once("/edit".to_owned()).chain(paths) {
        let page = stranger.get(&path).await;
        assert_eq!(
            (page.status, page.location),
            (303, Some(format!("/login?back={}", path.replace('/', "%2F")))),
            "{path}"
        );
        for action in ["new", "next", "save", "reload", "drop", "merge", "make:0"] {
            let fields = [("do", action), ("name", "evil"), ("draft", "")];
            let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let page = stranger.post(&path, &fields).await;
            assert_eq!((page.status, page.body.as_str()), (303, ""), "{path} {action}");
        }
    }
    assert!(!stranger.seen.contains("[source]"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
    assert_eq!(std::fs::read_dir(file.parent().unwrap()).unwrap().count(), 2);
}

#[tokio::test]
async fn what_a_page_of_another_site_sends_is_refused() {
    let (_replicator, mut browser, file) = start_first().await;
    let before = std::fs::read_to_string(&file).unwrap();
    let look = at("first.toml", "look");
    let mut fields = browser.get(&look).await.form(&look).fields;
    fields.push(("do".to_owned(), "reload".to_owned()));
    for (name, value) in [("origin", "http://evil.example"), ("sec-fetch-site", "cross-site")] {
        let mut evil = browser.again();
        evil.headers.insert(name, value.to_owned());
        assert_eq!(evil.post(&look, &fields).await.status, 403, "{name}");
        assert_eq!(evil.post("/edit", &fields).await.status, 403, "{name}");
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
}

#[tokio::test]
async fn a_bad_value_shows_its_problem_at_its_field_and_nothing_is_written() {
    let (replicator, mut browser, file) = start_first().await;
    let before = std::fs::read_to_string(&file).unwrap();
    let (table, look) = (at("first.toml", "table"), at("first.toml", "look"));
    let page = browser.get(&table).await;
    let form = page.form(&table).enter("source.poll_interval_ms", "0");
    let page = browser.press(&form, "next").await;
    assert_eq!(page.status, 422);
    let field = page.field("source.poll_interval_ms");
    assert!(
        field.contains("aria-invalid=\"true\"") && field.contains("must be between 1 and"),
        "{field}"
    );
    assert!(!page.field("source.channel").contains("aria-invalid"));
    assert_eq!(page.form(&table).value("source.poll_interval_ms"), "0");
    let page = browser.get(&look).await;
    let page = browser.press(&page.form(&look), "save").await;
    assert_eq!(page.status, 422);
    holds(&page, &["Nothing was written", "source.poll_interval_ms", "must be between 1 and"]);
    let form = page.form(&look).enter("replication.hold_max_ms", "soon");
    let page = browser.press(&form, "take").await;
    assert!(
        page.field("replication.hold_max_ms").contains("must be a whole number"),
        "{}",
        page.body
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
    assert_eq!(replicator.lines(&["the configuration was changed in the window"]), 0);
}

#[tokio::test]
async fn a_saved_file_is_told_as_newer_than_what_runs_until_a_reload_and_a_refused_one_changes_nothing()
 {
    let (mut replicator, mut browser, file) = start_first().await;
    let (table, destinations, look) =
        (at("first.toml", "table"), at("first.toml", "destinations"), at("first.toml", "look"));
    holds(&browser.get("/edit").await, &["runs as it is written", "is as it was at the start"]);
    let page = browser.get(&table).await;
    browser.press(&page.form(&table).enter("source.group_events_max", "7000"), "take").await;
    let page = browser.get(&look).await;
    browser.press(&page.form(&look), "save").await;
    let list = browser.get("/edit").await;
    holds(&list, &["the file is newer than what runs"]);
    holds(&browser.get(&table).await, &["The file is newer than what runs."]);
    let mut fields = list.form("/edit").fields;
    fields = vec![("do".to_owned(), "reload".to_owned()), fields.remove(0)];
    holds(
        &browser.post("/edit", &fields).await,
        &["the files were read again", "started again: 1"],
    );
    // What is started again ends before.
    lists(&browser, "runs as it is written").await;
    replicator.says(&["reading the configuration again", "the window"]).await;

    let nowhere = fresh_destination().await;
    let page = browser.get(&destinations).await;
    let form = page.form(&destinations).enter("destinations[0].url", &url(&nowhere));
    let page = browser.press(&form, "next").await;
    let page = browser.press(&page.form(&look), "reload").await;
    assert_eq!(page.status, 409);
    holds(
        &page,
        &["first.toml is saved, but the reload was refused", "there is no table public.events"],
    );
    assert!(std::fs::read_to_string(&file).unwrap().contains(&url(&nowhere)));
    assert!(replicator.is_running());
}

#[tokio::test]
async fn a_form_of_a_draft_that_has_changed_since_is_not_taken() {
    let (_replicator, mut browser, _) = start_first().await;
    let table = at("first.toml", "table");
    let form = browser.get(&table).await.form(&table);
    browser.press(&form.clone().enter("source.channel", "one"), "take").await;
    let page = browser.press(&form.enter("source.channel", "two"), "take").await;
    assert_eq!(page.status, 409);
    holds(&page, &["The draft has changed meanwhile"]);
    assert_eq!(browser.get(&table).await.form(&table).value("source.channel"), "one");
}

#[tokio::test]
async fn a_file_in_json_is_shown_without_its_secrets_and_not_changed() {
    let (source, copy) = pair().await;
    let json = serde_json::json!({
        "source": { "url": url(&source), "password": "geheim-in-json" },
        "destinations": [{ "name": "copy", "url": url(&copy) }],
    });
    let (_replicator, mut browser) = start(&[("first.json", json.to_string())]).await;
    let page = browser.get(&at("first.json", "look")).await;
    holds(&page, &["JSON is shown here and not changed", "\"name\": \"copy\""]);
    let page =
        browser.post(&at("first.json", "look"), &[("do".to_owned(), "save".to_owned())]).await;
    assert_eq!(page.status, 409);
    assert!(!browser.seen.contains("geheim-in-json"));
}
