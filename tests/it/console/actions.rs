//! What those who have signed in can do, and that nobody else can.

use super::{Site, console, opened, pair};
use crate::harness::Database;
use crate::support::events::{arrives, highest, insert};
use crate::support::replicator::{Replicator, Setup};
use std::io::Write;
use std::process::{Command, Stdio};
use tempfile::TempDir;

const PASSWORD: &str = "correct horse";

/// What `hash-password` prints of a password.
pub fn hash(password: &str) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_counterfoil"))
        .arg("hash-password")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(format!("{password}\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// A replication whose window has a password and a token.
pub struct Guarded {
    pub source: Database,
    pub copy: Database,
    pub replicator: Replicator,
    pub site: Site,
    pub secrets: TempDir,
}

impl Guarded {
    pub async fn start(lines: &str) -> Self {
        let (source, copy) = pair(3).await;
        let secrets = tempfile::tempdir().unwrap();
        std::fs::write(secrets.path().join("hash"), hash(PASSWORD)).unwrap();
        std::fs::write(secrets.path().join("token"), "a token of some length\n").unwrap();
        let path = secrets.path().display();
        let lines =
            format!("password_hash_file = \"{path}/hash\"\ntoken_file = \"{path}/token\"\n{lines}");
        let (replicator, site) =
            opened(&Setup::from(&source).to("copy", &copy).process(&console(&lines)), &[]).await;
        arrives(&copy, 3).await;
        Self { source, copy, replicator, site, secrets }
    }

    /// Signs in; gives the cookie of the session.
    pub async fn sign_in(&self) -> String {
        let answer = self.site.post("/login", &[], "password=correct+horse&back=/").await;
        assert_eq!((answer.status, answer.header("location")), (303, Some("/")), "{answer:?}");
        answer.cookie()
    }
}

const TOKEN: (&str, &str) = ("Authorization", "Bearer a token of some length");

#[tokio::test]
async fn an_operator_pauses_and_resumes_a_destination_and_has_it_counted() {
    let guarded = Guarded::start("").await;
    let Guarded { source, copy, site, .. } = &guarded;
    let cookie = guarded.sign_in().await;
    let signed_in = [("Cookie", cookie.as_str())];
    let page = site.get_with("/", &signed_in).await.body;
    assert!(
        page.contains("formaction=\"/lanes/copy/pause\"") && page.contains("Sign out"),
        "{page}"
    );
    let paused = site.post("/lanes/copy/pause", &signed_in, "").await;
    assert_eq!((paused.status, paused.header("location")), (303, Some("/")), "{paused:?}");
    let state = async || {
        site.get_with("/status.json", &signed_in).await.json()["replications"][0]["destinations"][0]
            ["state"]
            .clone()
    };
    crate::support::until("it is paused", async || state().await == "paused").await;
    let page = site.get_with("/", &signed_in).await.body;
    assert!(page.contains("or its file changes and is read again"), "what ends a pause: {page}");
    insert(source, 3).await;
    let counted = site.post("/lanes/copy/verify", &signed_in, "").await;
    assert!(counted.status == 200 && counted.body.contains("the counts agree"), "{counted:?}");
    assert_eq!(highest(copy).await, 3, "a paused destination took events");
    let wrong = site.post("/lanes/copy/retry", &signed_in, "").await;
    assert!(wrong.status == 409 && wrong.body.contains("waits for no retry"), "{wrong:?}");
    let resumed = site.post("/lanes/copy/resume", &[TOKEN], "").await;
    assert_eq!((resumed.status, resumed.body.trim()), (200, "done"));
    arrives(copy, 6).await;
    let log = guarded.replicator.log();
    assert!(
        log.contains("the operator, in the window")
            && log.contains("a program with the token of the window"),
        "{log}"
    );
    let nobody = site.post("/lanes/nobody/pause", &[TOKEN], "").await;
    let told = "there is no destination \"nobody\". What to do: the destinations are \"copy\".";
    assert_eq!((nobody.status, nobody.body.trim()), (409, told));
    assert_eq!(site.post("/lanes/copy/dance", &[TOKEN], "").await.status, 404);
    assert_eq!(site.post("/lanes/copy/pause", &[TOKEN], "replication=other").await.status, 404);
    guarded.replicator.stops().await;
}

#[tokio::test]
async fn a_stranger_sees_nothing_and_changes_nothing() {
    let guarded = Guarded::start("metrics = \"login\"").await;
    let site = &guarded.site;
    for path in ["/", "/status.json", "/live", "/metrics", "/replications/counterfoil"] {
        assert_eq!(site.get(path).await.status, 401, "{path}");
    }
    for path in ["/lanes/copy/pause", "/logout"] {
        assert_eq!(site.post(path, &[], "").await.status, 401, "{path}");
    }
    let html = [("Accept", "text/html")];
    let sent = site.get_with("/replications/counterfoil", &html).await;
    assert_eq!(
        (sent.status, sent.header("location")),
        (303, Some("/login?back=%2Freplications%2Fcounterfoil"))
    );
    for path in [
        "/healthz",
        "/readyz",
        "/login",
        "/assets/console.css",
        "/assets/console.js",
        "/favicon.svg",
    ] {
        assert_ne!(site.get(path).await.status, 401, "{path}");
    }
    for wrong in [
        "Bearer a token of some lengt",
        "Bearer ",
        "Bearer",
        "bearer a token of some length",
        "Basic YTpi",
    ] {
        assert_eq!(
            site.get_with("/status.json", &[("Authorization", wrong)]).await.status,
            401,
            "{wrong}"
        );
    }
    for wrong in ["counterfoil=", "counterfoil=0", "counterfoil=../../etc/passwd", "other=1"] {
        assert_eq!(
            site.get_with("/status.json", &[("Cookie", wrong)]).await.status,
            401,
            "{wrong}"
        );
    }
    assert_eq!(site.get_with("/status.json", &[TOKEN]).await.status, 200);
    std::fs::write(guarded.secrets.path().join("token"), "a new token, rotated\n").unwrap();
    assert_eq!(
        site.get_with("/status.json", &[TOKEN]).await.status,
        401,
        "the old token still opens"
    );
    std::fs::write(guarded.secrets.path().join("token"), "short\n").unwrap();
    assert_eq!(
        site.get_with("/status.json", &[("Authorization", "Bearer short")]).await.status,
        401
    );
    guarded.replicator.stops().await;
}

#[tokio::test]
async fn a_session_begins_anew_at_each_sign_in_and_ends_at_sign_out() {
    let guarded = Guarded::start("").await;
    let site = &guarded.site;
    let first = guarded.sign_in().await;
    let answer = site
        .post("/login", &[("Cookie", first.as_str())], "password=correct+horse&back=//evil.example")
        .await;
    assert_eq!(answer.header("location"), Some("/"), "a browser is sent to another site");
    let set = answer.header("set-cookie").unwrap().to_owned();
    assert!(
        set.contains("HttpOnly") && set.contains("SameSite=Strict") && set.contains("Path=/"),
        "{set}"
    );
    let second = answer.cookie();
    assert_ne!(first, second);
    let status = async |cookie: &str| site.get_with("/", &[("Cookie", cookie)]).await.status;
    assert_eq!((status(&first).await, status(&second).await), (401, 200));
    let cookie = format!("Cookie: {second}\r\nConnection: close\r\n");
    let mut live = site.live_with("counterfoil", &cookie).await;
    live.tells("event: title").await;
    let out = site.post("/logout", &[("Cookie", second.as_str())], "").await;
    live.closes().await;
    assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"), "{out:?}");
    assert_eq!(status(&second).await, 401);
    guarded.replicator.stops().await;
}

#[tokio::test]
async fn a_guesser_has_to_wait_and_even_the_password_does_not_open_meanwhile() {
    let guarded = Guarded::start("").await;
    let site = &guarded.site;
    assert_eq!(site.post("/login", &[], "password=wrong").await.status, 401);
    let early = site.post("/login", &[], "password=correct+horse").await;
    assert_eq!(early.status, 429, "{early:?}");
    assert!(early.header("retry-after").is_some(), "{early:?}");
    let signs_in = async || site.post("/login", &[], "password=correct+horse").await.status == 303;
    crate::support::until("the wait is over", signs_in).await;
    assert!(!guarded.replicator.log().contains("correct horse"));
    guarded.replicator.stops().await;
}
