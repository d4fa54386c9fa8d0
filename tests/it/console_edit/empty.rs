//! From a folder without a replication: by a person at a browser, and over HTTP.

use super::{PASSWORD, holds, start};
use crate::console::browser::{Browser as RealBrowser, is_clean, is_well_made};
use crate::console::site::Site;
use crate::harness::{fresh_database, fresh_destination};
use crate::support::events::{equal, init_source, insert};
use crate::support::replicator::{Replicator, program, start_files, url};
use rustix::process::Signal;

/// Each page that a person comes to, with what must stand on it.
const PAGES: [(&str, &str); 16] = [
    ("files", "A new replication"),
    ("source", "as psql would connect"),
    ("source-wrong", "does not exist"),
    ("source-tried", "No pooler that shares sessions"),
    ("table", "can be copied"),
    ("destinations-none", "No destination yet"),
    ("destination-empty", "does not say where its database is"),
    ("destination-tried", "there is no table public.events"),
    ("destination-script", "nothing was run"),
    ("destination-made", "Created"),
    ("look", "all checks passed; nothing was written"),
    ("done", "orders.toml is saved, and the files were read again"),
    ("table-wrong", "must be between 1 and"),
    ("look-newer", "The file was changed by hand meanwhile."),
    ("compare", "Both changed the same lines"),
    ("files-newer", "the file is newer than what runs"),
];

#[tokio::test]
async fn a_person_without_script_gets_from_an_empty_folder_to_a_replication_by_well_made_pages() {
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    init_source(&source).await;
    insert(&source, 5).await;
    let (mut replicator, signed_in) = start(&[]).await;
    let site = Site::of(&mut replicator).await;
    is_well_made(&site, "/", signed_in.cookie(), "Make the first one").await;
    let folder = replicator.folder().display().to_string();
    let arguments = [PASSWORD, &folder, &url(&source), &url(&copy)];
    let Some(mut browser) = RealBrowser::start("edit", &site, "/login", &arguments) else {
        return;
    };
    for (step, must_say) in &PAGES {
        let mut backgrounds = Vec::new();
        for _ in 0..8 {
            let told = browser.tells().await;
            assert_eq!(told["step"], *step, "{told}");
            is_clean(&told);
            if !told["background"].is_null() {
                assert!(told["passes"].as_u64() > Some(15), "axe looked at little: {told}");
                backgrounds.push(told["background"].to_string());
            }
        }
        assert_eq!(backgrounds.len(), 4, "axe looks at the least and the greatest width");
        assert_ne!(backgrounds[0], backgrounds[1], "both themes are the same");
        let told = browser.tells().await;
        assert_eq!(told["scripts"], 0, "{step} needs no script");
        let text = told["text"].as_str().unwrap();
        assert!(text.contains(must_say), "{step} does not say {must_say:?}: {text}");
    }
    assert_eq!(browser.tells().await["done"], true);
    browser.ends().await;
    equal(&source, &copy).await;
}

#[tokio::test]
async fn without_a_replication_it_waits_is_not_ready_and_ends_by_a_signal() {
    let (mut replicator, mut browser) = start(&[]).await;
    let site = Site::of(&mut replicator).await;
    assert_eq!(site.get("/healthz").await.status, 200);
    let ready = site.get("/readyz").await;
    assert_eq!((ready.status, ready.body.contains("no replication")), (503, true), "{ready:?}");
    holds(&browser.get("/").await, &["No replication is configured yet", "Make the first one"]);
    holds(&browser.get("/edit").await, &["is as it was at the start"]);
    replicator.signal(Signal::TERM);
    assert_eq!(replicator.ends().await.code, Some(0));
}

#[tokio::test]
async fn a_replication_whose_file_is_removed_ends_at_a_reload_and_the_window_stays() {
    let (mut replicator, mut browser, file) = super::start_first().await;
    std::fs::remove_file(&file).unwrap();
    let list = browser.get("/edit").await;
    let fields = [("do".to_owned(), "reload".to_owned())];
    holds(&browser.post("/edit", &fields).await, &["Started: 0, started again: 0, ended: 1."]);
    assert_eq!(list.status, 200);
    crate::support::until("the page says that nothing is configured", || async {
        let mut browser = browser.again();
        browser.get("/").await.body.contains("No replication is configured yet")
    })
    .await;
    assert!(replicator.is_running());
}

/// Starts it with these lines of the process and no replication.
fn start_with(console: &str, flags: &[&str]) -> Replicator {
    start_files(console, &[], program(), |_| {}, flags)
}

#[tokio::test]
async fn without_a_replication_nothing_but_a_window_that_edits_is_started() {
    let edit = format!(
        "[console]\nlisten = \"127.0.0.1:0\"\nedit = true\npassword_hash = '{}'\n",
        super::hash()
    );
    for (console, flags) in [
        ("[console]\nlisten = \"127.0.0.1:0\"\n", &[] as &[&str]),
        (&edit.replace("listen = \"127.0.0.1:0\"\n", ""), &[]),
        (&edit, &["--until-caught-up"]),
        (&edit, &["--dry-run"]),
    ] {
        let end = start_with(console, flags).ends().await;
        assert_eq!(end.code, Some(2), "{console} {flags:?}");
        assert!(end.report.contains("there is no"), "{}", end.report);
    }
}
