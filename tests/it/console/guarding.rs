//! Attacks on the window: foreign names, foreign pages, too much of everything, and addresses that
//! nobody should have opened.

use super::actions::hash;
use super::{Site, console, opened, pair};
use crate::support::replicator::{Replicator, Setup};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn open(lines: &str) -> (Replicator, Site) {
    let (source, copy) = pair(3).await;
    opened(&Setup::from(&source).to("copy", &copy).process(&console(lines)), &[]).await
}

#[tokio::test]
async fn a_name_that_is_not_ours_is_not_answered_and_probes_are() {
    let (replicator, site) = open("hosts = [\"window.example.org\"]").await;
    let status = async |path: &str, host: &str| site.get_with(path, &[("Host", host)]).await.status;
    for path in ["/", "/status.json", "/live", "/metrics", "/assets/console.js"] {
        assert_eq!(status(path, "evil.example").await, 421, "{path}");
    }
    let named = site.get_with("/", &[("Host", "evil.example")]).await.body;
    assert!(named.contains("\"evil.example\" is not a name"), "{named}");
    let hostile = site.get_with("/", &[("Host", "<b>.example")]).await;
    assert!(hostile.status == 421 && !hostile.body.contains('<'), "{hostile:?}");
    assert_eq!(status("/", "window.example.org").await, 200);
    assert_eq!(status("/healthz", "evil.example").await, 200);
    let none = site.exchange(b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n").await;
    assert!(String::from_utf8_lossy(&none).starts_with("HTTP/1.1 421"), "no name at all");
    let two = format!(
        "GET / HTTP/1.1\r\nHost: {}\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
        site.host()
    );
    let two = String::from_utf8(site.exchange(two.as_bytes()).await).unwrap();
    assert!(two.starts_with("HTTP/1.1 4"), "{two}");
    replicator.stops().await;
}

#[tokio::test]
async fn a_page_of_another_site_changes_nothing_and_every_answer_forbids_what_ours_does_not_need() {
    let (replicator, site) = open("").await;
    let foreign = [("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site")];
    for path in ["/lanes/copy/pause", "/login", "/logout", "/edit"] {
        assert_eq!(site.post(path, &foreign, "").await.status, 403, "{path}");
    }
    for path in ["/", "/healthz", "/nowhere", "/assets/console.css", "/metrics"] {
        let answer = site.get(path).await;
        let policy = answer.header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none'") && !policy.contains("unsafe"),
            "{path}: {policy}"
        );
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(answer.header("referrer-policy"), Some("same-origin"), "{path}");
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{path}");
    }
    let page = site.get("/").await.body;
    for forbidden in [" style=", "<style", "onclick", "javascript:", "http://", "https://"] {
        let is_there = page.replace("http://www.w3.org/2000/svg", "").contains(forbidden);
        assert!(!is_there, "the page holds {forbidden}");
    }
    replicator.stops().await;
}

#[tokio::test]
async fn on_this_machine_without_a_login_everyone_reads_and_nobody_acts() {
    let (replicator, site) = open("").await;
    let page = site.get("/").await;
    assert!(page.status == 200 && !page.body.contains("<button formaction"), "{page:?}");
    assert!(page.body.contains("read only: no password is set"), "{page:?}");
    let refused = site.post("/lanes/copy/pause", &[], "").await;
    assert!(refused.status == 404 && refused.body.contains("nobody can sign in"), "{refused:?}");
    assert_eq!(site.get("/login").await.status, 404);
    replicator.stops().await;
}

#[tokio::test]
async fn beyond_this_machine_without_a_login_there_are_probes_and_metrics_and_no_page() {
    let (source, copy) = pair(3).await;
    let setup = Setup::from(&source).to("copy", &copy).process("[console]\nlisten = \"0.0.0.0:0\"");
    let (mut replicator, site) = opened(&setup, &[]).await;
    replicator.says(&["the page is not served", "console.password_hash_file"]).await;
    let Site::Tcp(address) = site else { panic!("no address") };
    let site = Site::Tcp(([127, 0, 0, 1], address.port()).into());
    for path in ["/", "/status.json", "/live", "/replications/counterfoil"] {
        assert_eq!(site.get(path).await.status, 404, "{path}");
    }
    let page = site.get("/").await.body;
    assert!(page.contains("it needs a sign-in and TLS"), "{page}");
    assert_eq!(site.get("/healthz").await.status, 200);
    assert_ne!(site.get("/metrics").await.status, 401);
    replicator.stops().await;
}

#[tokio::test]
async fn what_cannot_be_opened_ends_the_start_with_what_to_do() {
    let (source, copy) = pair(3).await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = format!(
        "listen = \"{}\"",
        taken
            .local_addr()
            .map(|at| (at, taken))
            .map(|(at, held)| {
                std::mem::forget(held);
                at
            })
            .unwrap()
    );
    let broken = tempfile::tempdir().unwrap();
    std::fs::write(broken.path().join("c.pem"), "no certificate").unwrap();
    let tls = format!(
        "listen = \"127.0.0.1:0\"\ntls_certificate = \"{0}/c.pem\"\ntls_key = \"{0}/k.pem\"",
        broken.path().display()
    );
    for (lines, what, fix) in [
        (taken.as_str(), "the window cannot listen", "choose another port"),
        (tls.as_str(), "the window cannot use its certificate", "as PEM"),
        (
            "listen = \"127.0.0.1:0\"\npassword_hash_file = \"/nowhere\"",
            "the window cannot read the hash of its password",
            "counterfoil hash-password",
        ),
    ] {
        let setup = Setup::from(&source).to("copy", &copy).process(&format!("[console]\n{lines}"));
        let end = setup.start(&[]).ends().await;
        assert_eq!(end.code, Some(2), "{end:?}");
        assert!(end.report.contains(what) && end.report.contains(fix), "{}", end.report);
    }
}

#[tokio::test]
async fn heads_bodies_and_idle_connections_have_their_limits() {
    let (replicator, site) = open("").await;
    let Site::Tcp(address) = &site else { panic!("no address") };
    let long = "x".repeat(20_000);
    let answer = site.get_with("/", &[("X-Long", &long)]).await;
    assert!((400..500).contains(&answer.status) || answer.status == 0, "{answer:?}");
    let body = "x".repeat(70_000);
    let answer = site.post("/login", &[], &body).await;
    assert!([404, 413].contains(&answer.status), "{answer:?}");
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    let start = Instant::now();
    let mut rest = Vec::new();
    let _ =
        tokio::time::timeout(Duration::from_secs(60), idle.read_to_end(&mut rest)).await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(8), "it was closed at once");
    replicator.stops().await;
}

#[tokio::test]
async fn readers_that_take_nothing_do_not_keep_a_probe_out() {
    let (replicator, site) = open("").await;
    site.is("following").await;
    let Site::Tcp(address) = &site else { unreachable!("it listens at an address") };
    let asked = format!("GET /assets/console.css HTTP/1.1\r\nHost: {}\r\n\r\n", site.host());
    let asked = asked.repeat(400);
    let mut readers = Vec::new();
    for _ in 0..64 {
        let mut reader = TcpStream::connect(address).await.unwrap();
        // Its answers fill every buffer between, and are never read.
        let _ = tokio::time::timeout(Duration::from_millis(20), reader.write_all(asked.as_bytes()))
            .await;
        readers.push(reader);
    }
    for probe in ["/healthz", "/readyz"] {
        let answer = site.get(probe).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    replicator.stops().await;
}

#[tokio::test]
async fn many_live_pages_and_many_connections_leave_the_probes_alone() {
    let (replicator, site) = open("").await;
    let mut live = Vec::new();
    for _ in 0..16 {
        let mut stream = site.live("counterfoil").await;
        stream.tells("event: title").await;
        live.push(stream);
    }
    let one_more = site.get("/live?page=counterfoil").await;
    assert!(
        one_more.status == 503 && one_more.body.contains("16 pages are live already"),
        "{one_more:?}"
    );
    assert_eq!(site.get("/healthz").await.status, 200);
    drop(live);
    crate::support::until("there is room again", async || {
        let Site::Tcp(address) = &site else { return false };
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request =
            format!("GET /live?page=counterfoil HTTP/1.1\r\nHost: {}\r\n\r\n", site.host());
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).await.unwrap();
        &status == b"HTTP/1.1 200"
    })
    .await;
    replicator.stops().await;
}

#[tokio::test]
async fn the_window_speaks_tls_by_its_own_certificate_and_reads_it_again_when_it_changes() {
    let (source, copy) = pair(3).await;
    let dir = tempfile::tempdir().unwrap();
    let write = || {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(dir.path().join("c.pem"), cert.pem()).unwrap();
        std::fs::write(dir.path().join("k.pem"), signing_key.serialize_pem()).unwrap();
    };
    write();
    std::fs::write(dir.path().join("hash"), hash("secret word")).unwrap();
    let path = dir.path().display();
    let lines = format!(
        "tls_certificate = \"{path}/c.pem\"\ntls_key = \"{path}/k.pem\"\npassword_hash_file = \"{path}/hash\""
    );
    let (mut replicator, site) =
        opened(&Setup::from(&source).to("copy", &copy).process(&console(&lines)), &[]).await;
    let plain = site.exchange(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(!plain.starts_with(b"HTTP/1.1 200"), "it answers without TLS");
    let file = dir.path().join("probe.toml");
    let text = Setup::from(&source).to("copy", &copy).text() + &console(&lines);
    std::fs::write(&file, text).unwrap();
    let probe = || {
        let arguments = ["probe", "--config", file.to_str().unwrap(), "--console", &site.host()];
        std::process::Command::new(env!("CARGO_BIN_EXE_counterfoil"))
            .args(arguments)
            .output()
            .unwrap()
            .status
            .code()
    };
    assert_eq!(probe(), Some(0));
    write();
    assert_eq!(probe(), Some(0));
    replicator.says(&["the certificate of the window was read again"]).await;
    std::fs::write(dir.path().join("c.pem"), "broken").unwrap();
    assert_eq!(probe(), Some(0), "the certificate before stays in use");
    replicator.says(&["the window's new certificate cannot be used"]).await;
    replicator.stops().await;
}
