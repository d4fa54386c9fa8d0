//! The window in a real browser: what a person sees, with script and without, in both themes, on a
//! phone and on a desk, while things happen.

use super::actions::Guarded;
use super::{Site, console, opened, pair};
use crate::harness::{
    fresh_database, fresh_database_on, fresh_destination, own_destination_server,
};
use crate::stores::packages::{Registry, packages, skip};
use crate::support::events::{init_destination, init_source, insert};
use crate::support::replicator::{Setup, start_folder};
use crate::support::{LONG, lock_out};
use counterfoil::postgres::server::{PrivateServer, ServerSettings};
use serde_json::Value;
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// A browser at work, told line by line.
pub struct Browser {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Browser {
    /// Starts it; `None` where there is no browser, which is said.
    pub fn start(what: &str, site: &Site, path: &str, arguments: &[&str]) -> Option<Self> {
        let modules = packages(Registry::Browser)?;
        let Some(chromium) = ["/usr/bin/chromium", "/usr/bin/chromium-browser"]
            .iter()
            .find(|file| Path::new(file).exists())
        else {
            skip("there is no Chromium: tools/setup chromium installs it");
            return None;
        };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/window.mjs");
        let mut child = Command::new("node")
            .arg(script)
            .arg(what)
            .arg(format!("http://{}{path}", site.host()))
            .args(arguments)
            .env("NODE_PATH", modules.join("node_modules"))
            .env("CHROMIUM", chromium)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Some(Self { child, lines })
    }

    /// What it tells next; `None` when it has ended well.
    async fn next(&mut self) -> Option<Value> {
        let line = tokio::time::timeout(LONG, self.lines.next_line()).await.unwrap().unwrap();
        if line.is_none() {
            assert!(self.child.wait().await.unwrap().success(), "the browser failed");
        }
        line.map(|line| serde_json::from_str(&line).unwrap())
    }

    /// What it tells next, which it must.
    pub async fn tells(&mut self) -> Value {
        self.next().await.expect("the browser has more to tell")
    }

    /// Has nothing more to tell and ends well; one that is killed leaves its folders behind.
    pub async fn ends(mut self) {
        assert!(self.next().await.is_none(), "the browser has more to tell");
    }
}

pub fn is_clean(told: &Value) {
    for list in ["faults", "foreign", "violations"] {
        let is_empty = told[list].as_array().is_none_or(Vec::is_empty);
        assert!(is_empty, "{list} at {} {}: {}", told["width"], told["theme"], told[list]);
    }
    assert!(
        told["overflow"].as_i64().is_none_or(|pixels| pixels <= 0),
        "wider than the screen: {told}"
    );
}

/// Looks at a page in every way.
pub async fn is_well_made(site: &Site, path: &str, cookie: &str, must_say: &str) {
    let Some(mut browser) = Browser::start("look", site, path, &[cookie]) else { return };
    let mut backgrounds = Vec::new();
    for _ in 0..8 {
        let told = browser.tells().await;
        is_clean(&told);
        assert!(told["passes"].as_u64() > Some(15), "axe looked at little: {told}");
        backgrounds.push(told["background"].to_string());
    }
    assert_ne!(backgrounds[0], backgrounds[1], "both themes are the same");
    let bare = browser.tells().await;
    is_clean(&bare);
    assert!(bare["text"].as_str().unwrap().contains(must_say), "without script: {bare}");
    browser.ends().await;
}

#[tokio::test]
async fn the_page_is_well_made_while_all_is_well_and_while_a_destination_is_away() {
    let source = fresh_database().await;
    let copy = fresh_database_on(&own_destination_server(&ServerSettings::new())).await;
    let stays = fresh_destination().await;
    init_source(&source).await;
    for database in [&copy, &stays] {
        init_destination(database).await;
    }
    insert(&source, 500).await;
    let setup = Setup::from(&source)
        .to("goes", &copy)
        .to("stays", &stays)
        .key("retry_wait_max_ms = 500")
        .process(&console(""));
    let (replicator, site) = opened(&setup, &[]).await;
    site.page_shows("Every destination follows the source").await;
    is_well_made(&site, "/", "", "Every destination follows the source").await;
    copy.server.aside(PrivateServer::kill_nine).await.unwrap();
    site.page_shows("goes is away").await;
    is_well_made(&site, "/", "", "goes is away").await;
    replicator.stops().await;
}

#[tokio::test]
async fn the_overview_and_the_sign_in_are_well_made_and_an_operator_works_by_the_buttons() {
    let guarded = Guarded::start("").await;
    is_well_made(&guarded.site, "/login", "", "Sign in").await;
    if let Some(mut browser) = Browser::start("use", &guarded.site, "/login", &["correct horse"]) {
        assert!(browser.tells().await["signed_in"].as_str().unwrap().contains("following"));
        for _ in 0..2 {
            is_clean(&browser.tells().await);
        }
        assert_eq!(browser.tells().await["signed_out"], true);
        browser.ends().await;
    }
    let cookie = guarded.sign_in().await;
    is_well_made(&guarded.site, "/", &cookie, "Pause").await;
    let one = Setup::from(&guarded.source).to("a", &guarded.copy);
    let two = Setup::from(&guarded.source).and_url("b", "postgres://nobody@127.0.0.1:1/x");
    let mut several = start_folder(&[("one", &one), ("two", &two)], &["--console", "127.0.0.1:0"]);
    let site = Site::of(&mut several).await;
    site.page_shows("b is away").await;
    is_well_made(&site, "/", "", "b is away").await;
    guarded.replicator.stops().await;
}

#[tokio::test]
async fn a_person_who_looks_sees_a_killed_destination_a_blocker_and_the_return_as_they_happen() {
    let source = fresh_database().await;
    let copy = fresh_database_on(&own_destination_server(&ServerSettings::new())).await;
    init_source(&source).await;
    init_destination(&copy).await;
    insert(&source, 5).await;
    let setup =
        Setup::from(&source).to("copy", &copy).key("retry_wait_max_ms = 500").process(&console(""));
    let (replicator, site) = opened(&setup, &[]).await;
    site.page_shows("Every destination follows the source").await;
    let texts = [
        "copy is away",
        "Every destination follows the source",
        "copy waits for a transaction at the source",
        "Every destination follows the source",
    ];
    let Some(mut browser) = Browser::start("watch", &site, "/", &texts) else { return };
    assert!(browser.tells().await["open"].as_str().unwrap().starts_with("✓ following"));
    copy.server.aside(PrivateServer::kill_nine).await.unwrap();
    let seen = browser.tells().await;
    is_clean(&seen);
    assert!(seen["loads"] == 0 && seen["live"] == "live", "{seen}");
    copy.server.aside(PrivateServer::start).await.unwrap();
    is_clean(&browser.tells().await);
    let writer = source.client().await;
    writer.batch_execute("begin; select nextval('events_id_seq')").await.unwrap();
    insert(&source, 2).await;
    is_clean(&browser.tells().await);
    writer.batch_execute("commit").await.unwrap();
    let back = browser.tells().await;
    is_clean(&back);
    assert_eq!(back["loads"], 0, "the page was loaded again");
    browser.ends().await;
    replicator.stops().await;
}

#[tokio::test]
async fn what_a_reader_has_opened_is_renewed_and_stays_open() {
    let (source, copy) = pair(5).await;
    let setup = Setup::from(&source).to("copy", &copy).process(&console(""));
    let (replicator, site) = opened(&setup, &[]).await;
    site.page_shows("Every destination follows the source").await;
    let Some(mut browser) = Browser::start("open", &site, "/", &[]) else { return };
    let seen = browser.tells().await;
    is_clean(&seen);
    assert_eq!(seen["open"], true, "{seen}");
    browser.ends().await;
    replicator.stops().await;
}

#[tokio::test]
async fn a_person_who_looks_sees_a_slow_lane_and_the_end_of_a_job() {
    let (source, copy) = pair(2_000).await;
    let lock = lock_out(&copy).await;
    let setup = Setup::from(&source).to("copy", &copy).process(&console(""));
    let (mut replicator, site) = opened(&setup, &["--until-caught-up"]).await;
    let texts = ["COPIED BY THIS RUN", "ended with exit code 0"];
    let lowered = ["Copied by this run", texts[1]];
    let Some(mut browser) = Browser::start("watch", &site, "/", &lowered) else { return };
    browser.tells().await;
    is_clean(&browser.tells().await);
    lock.batch_execute("rollback").await.unwrap();
    let end = browser.tells().await;
    is_clean(&end);
    assert_eq!(end["live"], "ended with exit code 0", "{end}");
    browser.ends().await;
    assert_eq!(replicator.ends().await.code, Some(0));
}
