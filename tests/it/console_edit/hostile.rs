//! What is wrong, hostile or too much: it is told or refused, and neither shown, run nor written.

use super::{PASSWORD, at, hash, holds, mode, start, start_by, start_first};
use crate::connect::guarded;
use crate::console::site::Site;
use crate::edges::{between, pair};
use crate::harness::fresh_database;
use crate::support::replicator::{program, start_files, url};

const STEPS: [&str; 4] = ["source", "table", "destinations", "look"];

fn pairs(fields: &[(&str, &str)]) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[tokio::test]
async fn a_wrong_password_and_a_missing_table_are_told_and_nothing_is_written_before_a_save() {
    let (replicator, mut browser, _) = start_first().await;
    let server = guarded().await;
    let host = &server.conninfo_tcp("postgres").hosts[0];
    let (source, table) = (at("orders.toml", "source"), at("orders.toml", "table"));
    let (destinations, look) = (at("orders.toml", "destinations"), at("orders.toml", "look"));
    let list = browser.get("/edit").await;
    let page = browser.press(&list.form("/edit").enter("name", "orders"), "new").await;
    let by_url = format!("postgres://reader:falsch-geheim@127.0.0.1:{}/postgres", host.port);
    let page = browser.press(&page.form(&source).enter("source.url", &by_url), "try").await;
    holds(&page, &["password authentication failed", "password_file = \"secrets/orders.source\""]);
    assert_eq!(page.form(&source).value("source.url"), by_url.replace(":falsch-geheim", ""));
    let form = page.form(&source).enter("source.password", "geh:eim");
    let page = browser.press(&form, "try").await;
    holds(
        &page,
        &["Answers", "Role reader", "no superuser", "Not encrypted", "sslmode=verify-full"],
    );
    let page = browser.press(&page.form(&source), "next").await;
    holds(&page, &["0 tables with an integer key"]);
    let form = page.form(&table).check("source.table", "public.nowhere");
    let page = browser.press(&form, "next").await;
    let page = browser.press(&page.form(&destinations), "add").await;
    let copy = fresh_database().await;
    let form = page.form(&destinations).enter("destinations[0].url", &url(&copy));
    let page = browser.press(&form, "next").await;
    let page = browser.press(&page.form(&look), "check").await;
    holds(&page, &["there is no table public.nowhere", "nothing was written"]);
    let folder = replicator.folder();
    assert!(!folder.join("orders.toml").exists() && !folder.join("secrets").exists());
    let page = browser.press(&page.form(&look), "save").await;
    holds(&page, &["orders.toml is saved"]);
    let secret = folder.join("secrets/orders.source");
    assert_eq!(std::fs::read_to_string(&secret).unwrap(), "geh:eim\n");
    assert_eq!(mode(&secret), 0o600);
    let everything = format!("{}{}", browser.seen, replicator.log());
    assert!(!everything.contains("falsch-geheim") && !everything.contains("geh:eim"));
}

#[tokio::test]
async fn without_edit_there_is_no_page_of_it_and_no_way_to_it() {
    let (source, copy) = pair().await;
    let console = format!("[console]\nlisten = \"127.0.0.1:0\"\npassword_hash = '{}'\n", hash());
    let files = [("first.toml".to_owned(), between(&source, &copy).text())];
    let mut replicator = start_files(&console, &files, program(), |_| {}, &[]);
    let site = Site::of(&mut replicator).await;
    let mut browser = super::Browser::at(&site.host());
    browser.sign_in(PASSWORD).await;
    assert!(!browser.get("/").await.body.contains("/edit"));
    let paths = STEPS.map(|step| at("first.toml", step));
    let others = ["/edit".to_owned(), at("first.toml", "download")];
    for path in paths.iter().chain(&others) {
        let page = browser.get(path).await;
        assert_eq!(page.status, 404, "{path}");
        assert!(!page.body.contains("[source]"), "{path}");
    }
    for path in paths.iter().chain(&others[..1]) {
        let page = browser.post(path, &pairs(&[("do", "reload"), ("draft", "")])).await;
        assert_eq!(page.status, 404, "{path}");
        assert!(page.body.contains("console.edit = true"), "{}", page.body);
    }
    assert_eq!(replicator.lines(&["reading the configuration again"]), 0);
}

#[tokio::test]
async fn every_form_is_guarded_against_other_names_other_sites_and_large_bodies() {
    let (mut replicator, mut browser, file) = start_first().await;
    let site = Site::of(&mut replicator).await;
    let before = std::fs::read_to_string(&file).unwrap();
    let paths = STEPS.map(|step| at("first.toml", step));
    let digest = browser.get(&paths[3]).await.form(&paths[3]).value("draft").to_owned();
    let (cookie, form) = (browser.cookie().to_owned(), format!("do=reload&draft={digest}"));
    let kind = ("content-type", "application/x-www-form-urlencoded");
    let page = ("accept", "text/html");
    for path in paths.iter().chain(&["/edit".to_owned()]) {
        for (name, value, status) in [
            ("host", "evil.example", 421),
            ("host", "127.0.0.1.evil.example", 421),
            ("origin", "http://evil.example", 403),
            ("origin", "null", 403),
            ("sec-fetch-site", "cross-site", 403),
            ("sec-fetch-site", "same-site", 403),
        ] {
            let headers = [(name, value), ("cookie", &cookie), kind, page];
            let answer = site.send("POST", path, &headers, &form).await;
            assert_eq!(answer.status, status, "{path} {name}: {value}");
            if status == 421 {
                let answer = site.send("GET", path, &headers, "").await;
                assert_eq!((answer.status, answer.body.contains("first")), (421, false), "{path}");
            }
        }
        let large = format!("{form}&source.channel={}", "x".repeat(70_000));
        let answer = site.send("POST", path, &[("cookie", &cookie), kind, page], &large).await;
        assert_eq!(answer.status, 413, "{path}");
        let answer = site.send("POST", path, &[("cookie", &cookie), page], "{}").await;
        assert!([400, 415].contains(&answer.status), "{path}: {}", answer.status);
    }
    let page = browser.get(&paths[1]).await;
    let long = page.form(&paths[1]).enter("source.channel", &"x".repeat(50_000));
    assert_eq!(browser.press(&long, "take").await.status, 422);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
    assert_eq!(replicator.lines(&["reading the configuration again"]), 0);
    assert!(replicator.is_running());
}

#[tokio::test]
async fn two_who_change_two_files_do_not_meet_and_one_file_is_begun_once() {
    let (replicator, mut one, _) = start_first().await;
    let mut other = super::Browser::at(one.address());
    other.sign_in(PASSWORD).await;
    for (browser, name, url) in
        [(&mut one, "north", "host=north.example"), (&mut other, "south", "host=south.example")]
    {
        let list = browser.get("/edit").await;
        let page = browser.press(&list.form("/edit").enter("name", name), "new").await;
        let source = at(&format!("{name}.toml"), "source");
        browser.press(&page.form(&source).enter("source.url", url), "next").await;
    }
    let page = one.get(&at("north.toml", "source")).await;
    assert!(page.body.contains("north.example") && !page.body.contains("south.example"));
    let list = one.get("/edit").await;
    holds(&list, &["north.toml", "south.toml", "not saved yet"]);
    let page = one.press(&list.form("/edit").enter("name", "south"), "new").await;
    assert_eq!(page.status, 422);
    holds(&page, &["there is a file south.toml already"]);
    let look = at("north.toml", "look");
    let page = one.get(&look).await;
    let page = one.press(&page.form(&look), "drop").await;
    assert!(!page.body.contains("north.toml") && page.body.contains("south.toml"));
    assert!(other.get(&at("south.toml", "source")).await.body.contains("south.example"));
    assert_eq!(std::fs::read_dir(replicator.folder()).unwrap().count(), 2);
}

#[tokio::test]
async fn a_new_file_has_a_plain_name_and_is_made_in_its_folder() {
    let (replicator, mut browser, _) = start_first().await;
    for name in [
        "../evil",
        "/etc/evil",
        "a/b",
        "a\\b",
        "a\nb",
        "a\r\nb",
        "a\0b",
        "<b>",
        ".hidden",
        "-x",
        "\u{e4}",
        "a b",
        "a.toml",
        "a%2fb",
        "",
        "..",
    ] {
        let page = browser.post("/edit", &pairs(&[("do", "new"), ("name", name)])).await;
        assert_eq!(page.status, 422, "{name:?}");
    }
    let long = "x".repeat(61);
    let page = browser.post("/edit", &pairs(&[("do", "new"), ("name", &long)])).await;
    assert_eq!(page.status, 422);
    assert_eq!(std::fs::read_dir(replicator.folder()).unwrap().count(), 2);
    assert!(!browser.get("/edit").await.body.contains("not saved yet"), "nothing was begun");
    assert!(!browser.seen.contains("<b>\""), "what was entered is text");
}

#[tokio::test]
async fn a_hostile_name_of_a_file_that_is_there_is_text_and_the_file_can_be_changed() {
    let (source, copy) = pair().await;
    let evil = "<img src=x onerror=alert(1)>.toml";
    let broken = "a\nb \"q\" 'r' %2e\u{202e}\u{e4}.toml";
    let odd = fresh_database().await;
    crate::support::events::init_destination(&odd).await;
    let files = [
        (evil, between(&source, &copy).text()),
        (broken, crate::support::replicator::Setup::from(&source).to("odd", &odd).text()),
    ];
    let (replicator, mut browser) = start(&files).await;
    let list = browser.get("/edit").await;
    let links: Vec<&str> = list
        .body
        .split("<td><a href=\"")
        .skip(1)
        .map(|part| part.split('"').next().unwrap())
        .collect();
    assert_eq!(links.len(), 3, "{links:?}");
    for link in links.iter().filter(|link| !link.contains("process.toml")) {
        let page = browser.get(link).await;
        assert_eq!(page.status, 200, "{link}");
        let table = link.replace("/source", "/table");
        let page = browser.get(&table).await;
        let form = page.form(&table).enter("source.channel", "bell");
        assert_eq!(browser.press(&form, "take").await.status, 200);
        let look = link.replace("/source", "/look");
        let page = browser.get(&look).await;
        holds(&browser.press(&page.form(&look), "save").await, &["is saved"]);
        let page = browser.get(&link.replace("/source", "/download")).await;
        assert!(page.body.contains("channel = \"bell\""), "{}", page.head);
    }
    for name in [evil, broken] {
        let text = std::fs::read_to_string(replicator.folder().join(name)).unwrap();
        assert!(text.contains("channel = \"bell\""), "{name}");
    }
    for path in ["/edit/files/..%2f..%2fetc%2fpasswd/source", "/edit/files/../../x/look"] {
        assert_ne!(browser.get(path).await.status, 200, "{path}");
    }
    assert!(!browser.seen.contains("<img") && !browser.seen.contains('\u{202e}'));
    assert_eq!(std::fs::read_dir(replicator.folder()).unwrap().count(), 3);
}

#[tokio::test]
async fn a_hostile_value_is_text_in_the_file_and_on_the_page_and_names_no_place_outside() {
    const NAMES: [&str; 5] = [
        "</textarea><script>alert(1)</script>",
        "../../x",
        "a\"\n[console]\nlisten = \"0.0.0.0:1",
        "a'; drop table events; --",
        "\u{202e}\u{e4}\u{1f600}",
    ];
    let (replicator, mut browser, file) = start_first().await;
    let destinations = at("first.toml", "destinations");
    for (index, name) in NAMES.iter().enumerate() {
        let page = browser.get(&destinations).await;
        let page = browser.press(&page.form(&destinations), "add").await;
        let key = |key: &str| format!("destinations[{}].{key}", index + 1);
        let form = page.form(&destinations).enter(&key("name"), name);
        let form = form.enter(&key("url"), "postgres://w@127.0.0.1:9/x");
        let form = form.enter(&key("table"), &format!("t{index}"));
        let form = form.enter(&key("password"), "typed-geheim");
        browser.press(&form, "take").await;
    }
    // A download is plain text, which no browser takes for a page.
    let download = browser.again().get(&at("first.toml", "download")).await;
    assert!(download.head.contains("content-type: text/plain"), "{}", download.head);
    assert!(download.head.contains("x-content-type-options: nosniff"), "{}", download.head);
    let text = download.body;
    let parsed: toml::Table = text.parse().unwrap();
    let keys: Vec<&String> = parsed.keys().collect();
    assert_eq!(keys, ["destinations", "replication", "source"], "{text}");
    let written = parsed["destinations"].as_array().unwrap();
    assert_eq!(written.len(), 1 + NAMES.len());
    for (name, destination) in NAMES.iter().zip(&written[1..]) {
        assert_eq!(
            destination["name"].as_str().map(|is| is.replace("\r\n", "\n")).as_deref(),
            Some(*name)
        );
        let secret = destination["password_file"].as_str().unwrap();
        let plain = secret.strip_prefix("secrets/first.").unwrap();
        assert!(plain.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)), "{secret}");
    }
    for tag in ["<script>alert", "</textarea><script"] {
        let told = browser.seen.find(tag).map(|at| &browser.seen[at.saturating_sub(300)..at + 60]);
        assert_eq!(told, None, "{tag} is a tag");
    }

    assert!(!browser.seen.contains("typed-geheim"));
    let look = at("first.toml", "look");
    let page = browser.get(&look).await;
    let page = browser.press(&page.form(&look), "save").await;
    assert_eq!(page.status, 422, "a name with a line break is refused");
    assert!(!replicator.folder().join("secrets").exists());
    assert!(!std::fs::read_to_string(&file).unwrap().contains("script"));
}

#[tokio::test]
async fn a_password_is_written_to_no_file_but_its_own_and_a_form_changes_no_key_but_its_own() {
    let (replicator, mut browser, file) = start_first().await;
    let (source, look) = (at("first.toml", "source"), at("first.toml", "look"));
    let outside = replicator.folder().join("evil.toml");
    let evil = "source = { password_command = [\"touch\", \"/tmp/evil\"] }";
    for place in ["evil.toml", "secrets/../evil.toml", outside.to_str().unwrap()] {
        let page = browser.get(&source).await;
        let form = page.form(&source).enter("source.password_file", place);
        let page = browser.press(&form.enter("source.password", evil), "next").await;
        assert_eq!(page.status, 422, "{place}");
        assert!(page.field("source.password_file").contains("type one, or name a file"));
    }
    let page = browser.get(&source).await;
    browser.press(&page.form(&source).enter("source.password_file", "evil.toml"), "next").await;
    let page = browser.get(&source).await;
    browser.press(&page.form(&source).enter("source.password", evil), "next").await;
    let page = browser.get(&source).await;
    assert_eq!(page.form(&source).value("source.password_file"), "secrets/first.source");
    let mut fields = page.form(&source).fields;
    fields.extend(pairs(&[
        ("console.listen", "0.0.0.0:1"),
        ("console.password_hash", ""),
        ("metrics.file", "/tmp/evil"),
        ("source.password_command", "touch"),
        ("drop", "source.table"),
        ("do", "next"),
    ]));
    browser.post(&source, &fields).await;
    let page = browser.get(&look).await;
    let mut fields = page.form(&look).fields;
    fields.extend(pairs(&[("console.edit", "false"), ("source.url", "x"), ("do", "take")]));
    browser.post(&look, &fields).await;
    let page = browser.get(&source).await;
    let form = page.form(&source).enter("source.password", "one\ntwo");
    assert_eq!(browser.press(&form, "next").await.status, 422, "a password is one line");
    let page = browser.get(&look).await;
    holds(&browser.press(&page.form(&look), "save").await, &["first.toml is saved"]);
    let text = std::fs::read_to_string(&file).unwrap();
    for foreign in ["console", "metrics", "password_command", "touch", "url = \"x\""] {
        assert!(!text.contains(foreign), "{foreign}: {text}");
    }
    assert!(!outside.exists());
    let secret = replicator.folder().join("secrets/first.source");
    assert_eq!(std::fs::read_to_string(secret).unwrap(), format!("{evil}\n"));
}

#[tokio::test]
async fn the_value_of_a_variable_is_shown_nowhere() {
    let (source, copy) = pair().await;
    let mut command = program();
    command.env("ORDERS_PASSWORD", "geheim-of-environment");
    let files = [("first.toml", between(&source, &copy).text())];
    let (replicator, mut browser) = start_by(command, |_| {}, &files).await;
    let (in_source, look) = (at("first.toml", "source"), at("first.toml", "look"));
    let page = browser.get(&in_source).await;
    let form = page.form(&in_source).enter("source.password", "${ORDERS_PASSWORD}");
    let page = browser.press(&form, "try").await;
    holds(&page, &["Answers", "password = \"${ORDERS_PASSWORD}\""]);
    assert_eq!(page.form(&in_source).value("source.password"), "${ORDERS_PASSWORD}");
    let page = browser.get(&look).await;
    let page = browser.press(&page.form(&look), "check").await;
    let page = browser.press(&page.form(&look), "reload").await;
    holds(&page, &["first.toml is saved, and the files were read again"]);
    assert!(!format!("{}{}", browser.seen, replicator.log()).contains("geheim-of-environment"));
    assert!(!replicator.folder().join("secrets").exists());
}
