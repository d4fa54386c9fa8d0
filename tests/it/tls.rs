//! Each `sslmode` gives what libpq's manual promises, and never less.

use crate::certificates::{Authority, Identity, file, self_signed, tls_server};
use crate::harness::{connect, fresh_database, own_server};
use counterfoil::config::libpq::{
    ChannelBinding, Conninfo, Host, HostAt, Password, RootCert, SslMode,
};
use counterfoil::error::{Error, ErrorKind};
use counterfoil::postgres::server::{PrivateServer, ServerSettings};
use counterfoil::postgres::session::error::ErrorSide;
use counterfoil::postgres::session::{Session, SessionPurpose};
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

const ALL: [SslMode; 6] = [
    SslMode::Disable,
    SslMode::Allow,
    SslMode::Prefer,
    SslMode::Require,
    SslMode::VerifyCa,
    SslMode::VerifyFull,
];

/// The server under a name of the test's choice, by TCP.
fn conninfo(server: &PrivateServer, name: &str, sslmode: SslMode) -> Conninfo {
    let at = HostAt::Tcp { host: name.to_owned(), addr: Some(Ipv4Addr::LOCALHOST.into()) };
    Conninfo {
        hosts: vec![Host { at, port: server.port() }],
        sslmode,
        ..server.conninfo("postgres")
    }
}

fn trusting(conninfo: Conninfo, dir: &Path, pem: &str) -> Conninfo {
    Conninfo { sslrootcert: Some(RootCert::File(file(dir, "root.crt", pem))), ..conninfo }
}

async fn open(conninfo: &Conninfo) -> Result<Session, Error> {
    let purpose = SessionPurpose { what: "test", side: ErrorSide::Destination };
    Session::open(conninfo, purpose, Duration::from_secs(10)).await
}

async fn is_encrypted(conninfo: &Conninfo) -> Result<bool, Error> {
    let session = open(conninfo).await?;
    let row = session
        .query_one("select ssl from pg_stat_ssl where pid = pg_backend_pid()", &[])
        .await
        .unwrap();
    Ok(row.get(0))
}

async fn server_of(identity: &Identity) -> Arc<PrivateServer> {
    tls_server(identity, None, ServerSettings::new()).await
}

#[tokio::test]
async fn each_mode_encrypts_where_the_server_can() {
    let (dir, authority) = (TempDir::new().unwrap(), Authority::new("ours"));
    let server = server_of(&authority.issue_for(&["db.test"])).await;
    let mut encrypted = Vec::new();
    for sslmode in ALL {
        let conninfo = trusting(conninfo(&server, "db.test", sslmode), dir.path(), &authority.pem);
        encrypted.push(is_encrypted(&conninfo).await.unwrap());
    }
    assert_eq!(encrypted, [false, false, true, true, true, true]);
}

#[tokio::test]
async fn a_server_without_tls_is_refused_by_the_modes_that_ask_for_it_and_by_no_other() {
    let (dir, authority) = (TempDir::new().unwrap(), Authority::new("ours"));
    let server = own_server(&ServerSettings::new());
    for sslmode in ALL {
        let conninfo = trusting(conninfo(&server, "db.test", sslmode), dir.path(), &authority.pem);
        let result = is_encrypted(&conninfo).await;
        if matches!(sslmode, SslMode::Disable | SslMode::Allow | SslMode::Prefer) {
            assert!(!result.unwrap(), "{sslmode:?}");
            continue;
        }
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Access, "{sslmode:?}");
        assert!(error.to_string().contains("does not offer TLS"), "{error}");
        assert_eq!(error.place(), Some(format!("db.test:{}/postgres", server.port()).as_str()));
    }
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused_wherever_a_root_certificate_is_there() {
    let (dir, stranger) = (TempDir::new().unwrap(), Authority::new("a stranger"));
    let server = server_of(&Authority::new("theirs").issue_for(&["db.test"])).await;
    for sslmode in [SslMode::Require, SslMode::VerifyCa, SslMode::VerifyFull] {
        let conninfo = trusting(conninfo(&server, "db.test", sslmode), dir.path(), &stranger.pem);
        let error = open(&conninfo).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Access, "{sslmode:?}");
        assert!(error.to_string().contains("CN=theirs"), "{error}");
        assert!(
            error.to_string().contains("no certificate in sslrootcert has signed it"),
            "{error}"
        );
    }
    let preferred =
        trusting(conninfo(&server, "db.test", SslMode::Prefer), dir.path(), &stranger.pem);
    assert!(!is_encrypted(&preferred).await.unwrap());
    assert!(is_encrypted(&conninfo(&server, "db.test", SslMode::Require)).await.unwrap());
}

#[tokio::test]
async fn only_verify_full_asks_for_the_name() {
    let (dir, authority) = (TempDir::new().unwrap(), Authority::new("ours"));
    let server = server_of(&authority.issue_for(&["db.test", "127.0.0.1"])).await;
    let by = |name, sslmode| trusting(conninfo(&server, name, sslmode), dir.path(), &authority.pem);
    assert!(is_encrypted(&by("other.test", SslMode::VerifyCa)).await.unwrap());
    assert!(is_encrypted(&by("127.0.0.1", SslMode::VerifyFull)).await.unwrap());
    let error = open(&by("other.test", SslMode::VerifyFull)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Access);
    let expected = r#"is for "db.test", "127.0.0.1", not for host "other.test""#;
    assert!(error.to_string().contains(expected), "{error}");
}

#[tokio::test]
async fn a_common_name_counts_only_where_there_are_no_other_names() {
    let (dir, authority) = (TempDir::new().unwrap(), Authority::new("ours"));
    let server = server_of(&authority.issue("*.old.test", |_| {})).await;
    let by =
        |name| trusting(conninfo(&server, name, SslMode::VerifyFull), dir.path(), &authority.pem);
    assert!(is_encrypted(&by("db.old.test")).await.unwrap());
    assert!(open(&by("old.test")).await.is_err());
    let both = authority.issue("common.test", |params| {
        params.subject_alt_names =
            rcgen::CertificateParams::new(vec!["db.test".to_owned()]).unwrap().subject_alt_names;
    });
    let server = server_of(&both).await;
    let by_common_name =
        trusting(conninfo(&server, "common.test", SslMode::VerifyFull), dir.path(), &authority.pem);
    assert!(open(&by_common_name).await.is_err());
}

#[tokio::test]
async fn a_self_signed_certificate_vouches_for_itself_when_it_is_the_root_certificate() {
    let dir = TempDir::new().unwrap();
    let identity = self_signed("db.test");
    let server = server_of(&identity).await;
    let by =
        |name| trusting(conninfo(&server, name, SslMode::VerifyFull), dir.path(), &identity.cert);
    assert!(is_encrypted(&by("db.test")).await.unwrap());
    assert!(open(&by("other.test")).await.is_err());
}

/// A certificate of version 1: without extensions, version 3 differs only in saying so.
fn as_version_1(der: &[u8]) -> Vec<u8> {
    let says_3 = [0xa0, 0x03, 0x02, 0x01, 0x02];
    let at = der.windows(5).position(|bytes| bytes == says_3).unwrap();
    let mut der = [&der[..at], &der[at + 5..]].concat();
    // Lengths of the certificate and of what is signed in it, each in two bytes.
    for low in [3, 7] {
        assert_eq!(der[low - 2], 0x82);
        let length = u16::from_be_bytes([der[low - 1], der[low]]) - 5;
        der[low - 1..=low].copy_from_slice(&length.to_be_bytes());
    }
    der
}

#[tokio::test]
async fn a_certificate_of_version_1_encrypts_and_cannot_be_verified() {
    let dir = TempDir::new().unwrap();
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    // Long enough for lengths of two bytes.
    params
        .distinguished_name
        .push(rcgen::DnType::OrganizationName, "of a long time ago ".repeat(8));
    let der = as_version_1(params.self_signed(&key).unwrap().der());
    let encode = "select encode(decode('HEX', 'hex'), 'base64')";
    let hex: String = der.iter().map(|byte| format!("{byte:02x}")).collect();
    let base64 = fresh_database().await.query(&encode.replace("HEX", &hex)).await;
    let identity = Identity {
        cert: format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", base64[0]),
        key: key.serialize_pem(),
    };
    let server = server_of(&identity).await;
    assert!(is_encrypted(&conninfo(&server, "db.test", SslMode::Require)).await.unwrap());
    let verified = trusting(
        conninfo(&server, "db.test", SslMode::VerifyCa),
        dir.path(),
        &Authority::new("ours").pem,
    );
    let error = open(&verified).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Access);
    assert!(error.to_string().contains("X.509 version 1"), "{error}");
}

#[tokio::test]
async fn direct_negotiation_is_had_from_17_on_and_never_replaced_by_plain_text() {
    let server = server_of(&self_signed("db.test")).await;
    let direct = Conninfo { ssl_direct: true, ..conninfo(&server, "db.test", SslMode::Require) };
    match is_encrypted(&direct).await {
        Ok(is_encrypted) => assert!(is_encrypted && server.version_num() >= 170_000),
        Err(error) => assert!(server.version_num() < 170_000, "{error:?}"),
    }
}

#[tokio::test]
async fn an_expired_certificate_is_refused_with_its_date() {
    let (dir, authority) = (TempDir::new().unwrap(), Authority::new("ours"));
    let expired =
        authority.issue("db.test", |params| params.not_after = rcgen::date_time_ymd(2020, 2, 29));
    let server = server_of(&expired).await;
    let error = open(&trusting(
        conninfo(&server, "db.test", SslMode::VerifyCa),
        dir.path(),
        &authority.pem,
    ))
    .await
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Access);
    assert!(error.to_string().contains("expired on 2020-02-29 00:00:00 UTC"), "{error}");
    assert!(is_encrypted(&conninfo(&server, "db.test", SslMode::Require)).await.unwrap());
}

#[tokio::test]
async fn allow_and_prefer_turn_to_the_other_way_when_pg_hba_has_no_line_and_require_does_not() {
    let settings =
        ["hostssl all inside 127.0.0.1/32 trust", "hostnossl all outside 127.0.0.1/32 trust"];
    let refusing = ["host all inside 127.0.0.1/32 reject", "host all outside 127.0.0.1/32 reject"];
    let settings =
        settings.iter().chain(&refusing).fold(ServerSettings::new(), |all, line| all.hba(line));
    let server = tls_server(&self_signed("db.test"), None, settings).await;
    let admin = connect(&server.conninfo("postgres")).await.unwrap();
    admin.batch_execute("create role inside login; create role outside login").await.unwrap();
    let of = |user: &str, sslmode| Conninfo {
        user: user.to_owned(),
        ..conninfo(&server, "db.test", sslmode)
    };
    assert!(is_encrypted(&of("inside", SslMode::Allow)).await.unwrap());
    assert!(!is_encrypted(&of("outside", SslMode::Prefer)).await.unwrap());
    for (user, sslmode) in [("inside", SslMode::Disable), ("outside", SslMode::Require)] {
        let error = open(&of(user, sslmode)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Access);
        assert_eq!(error.sqlstate(), Some("28000"));
        assert!(error.remedy().unwrap().contains("pg_hba.conf"), "{error:?}");
    }
}

#[tokio::test]
async fn a_client_certificate_is_shown_where_the_server_asks_for_it() {
    let (dir, authority) = (TempDir::new().unwrap(), Authority::new("ours"));
    let settings = ServerSettings::new().hba("hostssl all all 127.0.0.1/32 cert");
    let server = tls_server(&authority.issue_for(&["db.test"]), Some(&authority), settings).await;
    let plain = conninfo(&server, "db.test", SslMode::Require);
    let showing = |identity: &Identity| Conninfo {
        sslcert: Some(file(dir.path(), "client.crt", &identity.cert)),
        sslkey: Some(file(dir.path(), "client.key", &identity.key)),
        ..plain.clone()
    };
    let error = open(&plain).await.unwrap_err();
    assert_eq!((error.kind(), error.sqlstate()), (ErrorKind::Access, Some("28000")), "{error}");
    assert!(is_encrypted(&showing(&authority.issue("postgres", |_| {}))).await.unwrap());

    let error =
        open(&showing(&Authority::new("a stranger").issue("postgres", |_| {}))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Access, "{error}");
    assert!(error.remedy().unwrap().contains("sslcert"), "{error:?}");

    let expired =
        authority.issue("postgres", |params| params.not_after = rcgen::date_time_ymd(2020, 2, 29));
    let error = open(&showing(&expired)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Access, "{error}");
    assert!(error.to_string().contains("expired on 2020-02-29"), "{error}");
}

#[tokio::test]
async fn channel_binding_is_had_over_tls_and_refused_to_be_done_without() {
    let settings = ServerSettings::new()
        .hba("host all bound 127.0.0.1/32 scram-sha-256")
        .hba("host all free 127.0.0.1/32 trust");
    let server = tls_server(&self_signed("db.test"), None, settings).await;
    let admin = connect(&server.conninfo("postgres")).await.unwrap();
    admin
        .batch_execute(
            "set password_encryption = 'scram-sha-256'; create role bound login password 'geheim'; \
             create role free login",
        )
        .await
        .unwrap();
    let of = |user: &str, sslmode| Conninfo {
        user: user.to_owned(),
        password: Password { given: Some("geheim".to_owned().into()), ..Password::default() },
        channel_binding: ChannelBinding::Require,
        ..conninfo(&server, "db.test", sslmode)
    };
    assert!(is_encrypted(&of("bound", SslMode::Require)).await.unwrap());
    for (user, sslmode) in [("bound", SslMode::Disable), ("free", SslMode::Require)] {
        let error = open(&of(user, sslmode)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Access, "{error}");
        assert!(error.to_string().contains("channel binding"), "{error}");
        assert!(!error.report().contains("geheim"));
    }
    for binding in [ChannelBinding::Disable, ChannelBinding::Prefer] {
        let unbound = Conninfo { channel_binding: binding, ..of("bound", SslMode::Disable) };
        assert!(!is_encrypted(&unbound).await.unwrap());
    }
}

#[tokio::test]
async fn a_query_is_cancelled_through_tls() {
    let settings = ServerSettings::new().hba("hostnossl all all 127.0.0.1/32 reject");
    let server = tls_server(&self_signed("db.test"), None, settings).await;
    let session = open(&conninfo(&server, "db.test", SslMode::Require)).await.unwrap();
    let (slept, ()) = tokio::join!(session.batch_execute("select pg_sleep(600)"), async {
        let watcher = connect(&server.conninfo("postgres")).await.unwrap();
        let is_asleep = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'";
        while watcher.query_one(is_asleep, &[]).await.unwrap().get::<_, i64>(0) == 0 {}
        session.cancel().await;
    });
    assert_eq!(slept.unwrap_err().code().unwrap().code(), "57014");
}

#[tokio::test]
async fn a_self_signed_certificate_that_no_root_vouches_for_is_told_in_plain_words() {
    let (dir, stranger) = (TempDir::new().unwrap(), Authority::new("a stranger"));
    let server = server_of(&self_signed("db.test")).await;
    let by_file =
        trusting(conninfo(&server, "db.test", SslMode::VerifyFull), dir.path(), &stranger.pem);
    let by_system = Conninfo { sslrootcert: Some(RootCert::System), ..by_file.clone() };
    for conninfo in [by_file, by_system] {
        let error = open(&conninfo).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Access);
        let report = error.report();
        // Where the system has no authorities, that is what is told.
        if !report.contains("no certificate that can be used") {
            let why = "is signed by itself, and is none of those in sslrootcert";
            let fix = "fix: give this certificate itself as sslrootcert=FILE, if it is your \
                       server's, or check who answers at this address; nothing was sent to it";
            assert!(report.contains(why) && report.contains(fix), "{report}");
        }
        assert!(!report.contains("CaUsedAsEndEntity"), "{report}");
    }
}
