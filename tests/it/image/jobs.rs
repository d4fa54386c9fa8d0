//! Jobs: to their end, and each refusal with its exit code and its reason where a cluster shows it.

use super::engine::{Container, ContainerEnd};
use super::{CONFIG, Trial, by_tcp, copying, pair};
use crate::connect::guarded;
use crate::harness::{Database, fresh_database};
use crate::support::events::{equal, init_destination};
use crate::support::replicator::Setup;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::PathBuf;

/// The group of the image's user.
const GROUP: u32 = 65532;

/// Each of these codes decides in a cluster whether a job is tried again.
pub async fn end_with_the_code_of_their_cause(trial: &mut Trial) {
    let (source, destination) = pair(5000).await;
    let setup = copying(&source, &destination);
    for what in ["copies everything", "finds nothing to do"] {
        let end = trial.job(&setup).await;
        assert_eq!(end.code, 0, "{end:?}");
        equal(&source, &destination).await;
        trial.saw(&format!("a job that {what} ends with 0"));
    }
    let diff = compared(trial).await;
    assert_eq!(diff.code, 0, "{diff:?}");
    trial.saw("events-diff finds the copy equal and ends with 0");
    wrong_configurations(trial, &setup).await;
    unsuitable_and_unreachable(trial, &source).await;
    destination
        .execute("alter table events disable trigger all; delete from events where id = 7")
        .await;
    let diff = compared(trial).await;
    assert!(diff.code == 1 && diff.log.contains("id 7"), "{diff:?}");
    trial.saw("events-diff finds a lost event and ends with 1");
    let end = trial.job(&setup).await;
    refused(trial, "whose contents disagree", &end, 4, "both agree up to id 6");
}

/// The configuration is that of the last job.
async fn compared(trial: &Trial) -> ContainerEnd {
    let container = Container {
        mounts: vec![(trial.dir.path().join("replication.toml"), CONFIG)],
        entrypoint: Some("/usr/bin/events-diff"),
        arguments: vec!["--config", CONFIG],
        ..Container::default()
    };
    trial.engine.run(&container).await
}

/// The code, and the reason within what Kubernetes keeps of a log.
fn refused(trial: &mut Trial, what: &str, end: &ContainerEnd, code: i32, reason: &str) {
    let message = end.termination_message();
    let has_all = message.contains("error: ") && message.contains("    fix: ");
    assert!(end.code == code && has_all && message.contains(reason), "{what}: {end:?}");
    trial.saw(&format!("a job {what} ends with {code}, and its termination message says why"));
}

async fn wrong_configurations(trial: &mut Trial, setup: &Setup) {
    let good = setup.text();
    for (what, text, reason) in [
        ("whose file is not TOML", "[source\n".to_owned(), "replication.toml"),
        ("with a wrong key", good.replace("retry_for_ms", "retry_for_min"), "retry_for_m"),
        ("that lacks a variable", good.replacen("postgres", "${NO_SUCH}", 1), "NO_SUCH"),
    ] {
        let config = trial.file("wrong.toml", &text, 0o644);
        let end = trial.job_with(config, Vec::new()).await;
        refused(trial, what, &end, 2, reason);
    }
    let (mounts, variables) =
        (vec![(trial.config(setup), CONFIG)], vec!["COUNTERFOIL_CONFIG=/none.toml"]);
    let arguments = vec!["run", "--until-caught-up"];
    let container = Container { mounts, variables, arguments, entrypoint: None };
    let end = trial.engine.run(&container).await;
    refused(trial, "whose file is not there", &end, 2, "/none.toml");
    let config = trial.file("closed.toml", &good, 0o600);
    let end = trial.job_with(config, Vec::new()).await;
    refused(trial, "that may not read its file", &end, 2, "Permission denied");
}

async fn unsuitable_and_unreachable(trial: &mut Trial, source: &Database) {
    let empty = fresh_database().await;
    let end = trial
        .job_with(trial.file("empty.toml", &copying(source, &empty).text(), 0o644), Vec::new())
        .await;
    refused(trial, "without a table at its destination", &end, 3, "events");
    // A port that is taken and on which nobody listens.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    drop(taken);
    let nobody = format!("host=127.0.0.1 port={port} user=postgres dbname=postgres");
    let setup =
        Setup::from_url(&by_tcp(source)).and_url("copy", &nobody).key("retry_for_ms = 2000");
    let end = trial.job_with(trial.file("away.toml", &setup.text(), 0o644), Vec::new()).await;
    refused(trial, "whose destination is away", &end, 8, "Connection refused");
}

/// A Secret of Kubernetes with `fsGroup` is a file of root with mode 0440 and the group of the pod.
pub async fn read_a_password_from_a_file_of_their_group(trial: &mut Trial) {
    let (source, _) = pair(10).await;
    let server = guarded().await;
    let destination = Database { conninfo: server.conninfo("postgres"), server };
    init_destination(&destination).await;
    destination.execute("grant select, insert on events to reader").await;
    let url = by_tcp(&destination).replace("user=postgres", "user=reader");
    let file = "/run/secrets/counterfoil/password";
    let setup = Setup::from_url(&by_tcp(&source)).and_url("copy", &url);
    let setup = setup.destination_key(&format!("password_file = \"{file}\""));
    let config = trial.config(&setup);
    let password = trial.file("password", "geh:eim\n", 0o440);
    let run =
        async |password: PathBuf| trial.job_with(config.clone(), vec![(password, file)]).await;
    chown(&password, Some(0), Some(GROUP)).unwrap();
    let end = run(password.clone()).await;
    assert_eq!(end.code, 0, "{end:?}");
    std::fs::set_permissions(&password, PermissionsExt::from_mode(0o400)).unwrap();
    let closed = run(password).await;
    trial.saw("a job reads a password from a file of its group with mode 0440, and ends with 0");
    refused(trial, "that may not read its password", &closed, 3, "Permission denied");
}
