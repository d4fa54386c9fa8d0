//! The whole program against a server that wants TLS, a client certificate and SCRAM with channel
//! binding.

use super::{Configured, Told};
use crate::certificates::{Authority, Identity, file, tls_server};
use crate::harness::{Database, fresh_database_on};
use crate::support::events::{arrives, digest, highest, init_destination, init_source, insert};
use crate::support::replicator::{End, Replicator, Setup};
use crate::support::until;
use counterfoil::postgres::server::{PrivateServer, ServerSettings};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

const SECRET: &str = "Nur-für-uns:7";

/// A server that lets `mover` in by certificate and password only, with two databases that it may
/// copy between.
struct Stage {
    dir: TempDir,
    authority: Authority,
    server: Arc<PrivateServer>,
    source: Database,
    destination: Database,
}

impl Stage {
    async fn new() -> Self {
        let (dir, authority) = (TempDir::new().unwrap(), Authority::new("ours"));
        let settings = ServerSettings::new()
            .hba("hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-full");
        let server =
            tls_server(&authority.issue_for(&["db.test"]), Some(&authority), settings).await;
        let (source, destination) =
            (fresh_database_on(&server).await, fresh_database_on(&server).await);
        init_source(&source).await;
        init_destination(&destination).await;
        source
            .execute(&format!(
                "set password_encryption = 'scram-sha-256'; create role mover login password \
                 '{SECRET}'; grant select on events to mover"
            ))
            .await;
        destination.execute("grant select, insert on events to mover").await;
        insert(&source, 100).await;
        let stage = Self { dir, authority, server, source, destination };
        stage.put("password", SECRET);
        stage.put("root.crt", &stage.authority.pem);
        stage.show(&stage.authority.issue("mover", |_| {}));
        stage
    }

    fn put(&self, name: &str, text: &str) {
        file(self.dir.path(), name, text);
    }

    /// From now on the client shows this certificate.
    fn show(&self, identity: &Identity) {
        self.put("client.crt", &identity.cert);
        self.put("client.key", &identity.key);
    }

    fn url(&self, database: &Database, how: &str) -> String {
        let (dir, port, name) =
            (self.dir.path().display(), self.server.port(), &database.conninfo.database);
        format!(
            "host=db.test hostaddr=127.0.0.1 port={port} user=mover dbname={name} \
             sslmode=verify-full sslrootcert={dir}/root.crt channel_binding=require {how}"
        )
    }

    fn with_certificate(&self) -> String {
        let dir = self.dir.path().display();
        format!("sslcert={dir}/client.crt sslkey={dir}/client.key")
    }

    fn setup(&self, how: &str) -> Setup {
        let password = format!("password_file = '{}/password'", self.dir.path().display());
        Setup::from_url(&self.url(&self.source, how))
            .source_key(&password)
            .and_url("copy", &self.url(&self.destination, how))
            .destination_key(&password)
    }

    fn start(&self, how: &str, flags: &[&str]) -> Replicator {
        self.setup(how).start(flags)
    }

    /// A job that must end with this code and say these words, and nothing of password or key.
    async fn ends(&self, how: &str, code: i32, words: &[&str]) -> End {
        let end = self.start(how, &["--until-caught-up"]).ends().await;
        assert_eq!(end.code, Some(code), "{end:?}");
        for word in words {
            assert!(end.report.contains(word), "{word} is not in {}", end.report);
        }
        self.is_discreet(&format!("{}{}", end.log, end.report));
        end
    }

    /// Nothing of the password, and no line of the key.
    fn is_discreet(&self, told: &str) {
        assert!(!told.contains(SECRET) && !told.contains("für-uns"), "{told}");
        let key = std::fs::read_to_string(self.dir.path().join("client.key")).unwrap();
        for line in key.lines().filter(|line| line.len() > 20) {
            assert!(!told.contains(line), "{told}");
        }
    }
}

#[tokio::test]
async fn a_run_goes_through_tls_with_a_client_certificate_and_a_bound_channel() {
    let stage = Stage::new().await;
    stage.ends(&stage.with_certificate(), 0, &[]).await;
    assert_eq!(digest(&stage.source, i64::MAX).await, digest(&stage.destination, i64::MAX).await);
    let running = stage.start(&stage.with_certificate(), &[]);
    let ours = "select count(*) > 2, bool_and(s.ssl and s.client_dn = '/CN=mover') from \
                pg_stat_activity a join pg_stat_ssl s using (pid) where a.usename = 'mover'";
    // In one look: those that only probe the way come and go.
    until("all sessions are there, and are as they must be", async || {
        stage.source.query(ours).await == ["t|t"]
    })
    .await;
    stage.is_discreet(&running.stops().await.log);
}

#[tokio::test]
async fn without_the_certificate_or_with_a_wrong_one_or_a_wrong_password_it_ends_with_3_and_says_why()
 {
    let stage = Stage::new().await;
    stage.ends("", 3, &["certificate"]).await;
    let expired = stage
        .authority
        .issue("mover", |params| params.not_after = rcgen::date_time_ymd(2020, 2, 29));
    stage.show(&expired);
    stage.ends(&stage.with_certificate(), 3, &["expired on 2020-02-29"]).await;
    // PostgreSQL itself says no more than this of a certificate with another common name.
    stage.show(&stage.authority.issue("somebody", |_| {}));
    let words = ["password authentication failed", "a certificate with that common name"];
    stage.ends(&stage.with_certificate(), 3, &words).await;
    stage.show(&Authority::new("a stranger").issue("mover", |_| {}));
    stage.ends(&stage.with_certificate(), 3, &["certificate"]).await;
    stage.show(&stage.authority.issue("mover", |_| {}));
    stage.put("password", "not-für-uns");
    stage
        .ends(&stage.with_certificate(), 3, &["password authentication failed", "password_file"])
        .await;
    stage.put(
        "client.key",
        "-----BEGIN PRIVATE KEY-----\nTm90IGEga2V5IGF0IGFsbCwganVzdCB0ZXh0\n-----END PRIVATE \
         KEY-----\n",
    );
    stage.ends(&stage.with_certificate(), 3, &["sslkey"]).await;
    assert_eq!(stage.destination.query("select count(*) from events").await, ["0"]);
}

#[tokio::test]
async fn password_and_certificates_of_both_sides_are_rotated_while_it_runs() {
    let stage = Stage::new().await;
    let running = stage.start(&stage.with_certificate(), &[]);
    arrives(&stage.destination, highest(&stage.source).await).await;
    // Both authorities and all certificates change; the client trusts the next authority before the
    // server shows it.
    let next = Authority::new("next");
    stage.put("root.crt", &format!("{}{}", stage.authority.pem, next.pem));
    let server = next.issue_for(&["db.test"]);
    for (name, text) in
        [("server.crt", &server.cert), ("server.key", &server.key), ("clients.crt", &next.pem)]
    {
        replace(&stage.server.data_dir(), name, text);
    }
    stage.show(&next.issue("mover", |_| {}));
    stage.put("password", "the-next-für-uns");
    stage
        .source
        .execute(
            "set password_encryption = 'scram-sha-256'; alter role mover password \
             'the-next-für-uns'; select pg_reload_conf()",
        )
        .await;
    stage
        .source
        .execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'mover'")
        .await;
    insert(&stage.source, 10).await;
    arrives(&stage.destination, highest(&stage.source).await).await;
    assert_eq!(digest(&stage.source, i64::MAX).await, digest(&stage.destination, i64::MAX).await);
    stage.is_discreet(&running.stops().await.log);
}

#[tokio::test]
async fn every_other_command_goes_through_the_same_door() {
    let stage = Stage::new().await;
    stage.ends(&stage.with_certificate(), 0, &[]).await;
    let passfile = format!("*:*:*:mover:{}", SECRET.replace(':', "\\:"));
    stage.put("passfile", &passfile);
    let how =
        format!("{} passfile={}/passfile", stage.with_certificate(), stage.dir.path().display());
    let (from, to) = (stage.url(&stage.source, &how), stage.url(&stage.destination, &how));
    let configured = Configured::new(&from, &[("copy", &to)]);
    let mut told: Vec<Told> = vec![
        configured.runs("counterfoil", &["status", "--json"], 0).await,
        configured.runs("counterfoil", &["run", "--dry-run"], 0).await,
        configured.runs("events-diff", &["--validate"], 0).await,
        super::runs("events-diff", &[&from, &to], 0).await,
    ];
    stage.destination.execute("delete from events where id = 5").await;
    let repair = ["repair", "--destination", "copy", "--insert-missing", "--yes"];
    told.push(configured.runs("counterfoil", &repair, 0).await);
    stage
        .source
        .execute("grant insert on events to mover; create schema mine authorization mover")
        .await;
    told.push(
        super::runs("load-fake-data", &["--url", &from, "--persons", "2", "--fillers", "2"], 0)
            .await,
    );
    told.push(
        super::runs(
            "counterfoil",
            &["init", "source", "--url", &from, "--table", "mine.events"],
            0,
        )
        .await,
    );
    told.iter()
        .for_each(|(_, printed, complaint)| stage.is_discreet(&format!("{printed}{complaint}")));
}

/// Writes a file of a data directory anew, owned as it was.
fn replace(dir: &Path, name: &str, text: &str) {
    let (path, owner) = (dir.join(name), std::fs::metadata(dir).unwrap());
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
}
