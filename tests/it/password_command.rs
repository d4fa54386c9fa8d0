//! `password_command`: a program prints the password of each new connection, or says why not.

use crate::command::{counterfoil, told};
use crate::connect::guarded;
use crate::divergence::as_role;
use crate::harness::{fresh_database, fresh_database_on, own_destination_server};
use crate::support::events::{arrives, init_destination, init_source, insert};
use crate::support::replicator::Setup;
use counterfoil::config::libpq::{Conninfo, Password, PasswordCommand};
use counterfoil::error::{Error, ErrorKind};
use counterfoil::postgres::server::{PrivateServer, ServerSettings};
use counterfoil::postgres::session::error::ErrorSide;
use counterfoil::postgres::session::{Session, SessionPurpose};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(60);

/// The user "reader" of a server, whose password this command prints.
fn by(server: &PrivateServer, program: &Path, arguments: &[&str]) -> Conninfo {
    let command = PasswordCommand {
        program: program.to_owned(),
        arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
    };
    let password = Password { command: Some(command), ..Password::default() };
    Conninfo { user: "reader".to_owned(), password, ..server.conninfo_tcp("postgres") }
}

fn by_shell(server: &PrivateServer, script: &str) -> Conninfo {
    by(server, Path::new("sh"), &["-c", script])
}

async fn open_within(conninfo: &Conninfo, limit: Duration) -> Result<Session, Error> {
    let purpose = SessionPurpose { what: "test", side: ErrorSide::Source };
    Session::open(conninfo, purpose, limit).await
}

async fn refused(conninfo: &Conninfo) -> (ErrorKind, String) {
    let error = open_within(conninfo, LONG).await.err().unwrap();
    (error.kind(), error.report())
}

#[tokio::test]
async fn the_first_line_that_it_prints_is_the_password_of_each_new_connection() {
    let (server, dir) = (guarded().await, tempfile::tempdir().unwrap());
    let path = dir.path().join("password");
    let program = dir.path().join("token");
    std::fs::write(&program, format!("#!/bin/sh\ncat {} \"$@\"\n", path.display())).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    let conninfo = by(&server, &program, &[]);
    std::fs::write(&path, "wrong\n").unwrap();
    let (kind, report) = refused(&conninfo).await;
    assert_eq!(kind, ErrorKind::Access);
    let checked = format!("cause: checked password_command {}", program.display());
    assert!(report.contains(&checked) && !report.contains("wrong"), "{report}");
    for right in ["geh:eim", "geh:eim\n", "geh:eim\r\nand more\n"] {
        std::fs::write(&path, right).unwrap();
        assert!(open_within(&conninfo, LONG).await.is_ok(), "{right:?}");
    }
    // No shell reads its arguments, and it has nothing to read.
    let plain = by(&server, Path::new("printf"), &["%s", "geh:eim"]);
    assert!(open_within(&plain, LONG).await.is_ok());
    let dollar = by(&server, Path::new("printf"), &["%s", "$(echo geh:eim)"]);
    assert_eq!(refused(&dollar).await.0, ErrorKind::Access);
    assert!(open_within(&by_shell(&server, "cat; echo geh:eim"), LONG).await.is_ok());
}

#[tokio::test]
async fn a_command_that_fails_is_told_with_what_it_complained_of_and_not_with_what_it_printed() {
    let server = guarded().await;
    let script =
        "echo Geheim7Wort9; echo 'the token of Geheim7Wort9' >&2; echo is gone >&2; exit 3";
    let (kind, report) = refused(&by_shell(&server, script)).await;
    assert_eq!(kind, ErrorKind::Access);
    let place = format!("127.0.0.1:{}/postgres", server.port());
    let expected = format!(
        "error: cannot get the password\n  where: {place}\n  cause: password_command sh: it ended \
         with exit status: 3\n  cause: it complained: the token of … | is gone\n    fix: run it as \
         the user of this process does: it must end with 0 and print the password on its first line"
    );
    assert_eq!(report, expected);
    let (_, report) = refused(&by_shell(&server, "kill -9 $$")).await;
    assert!(report.contains("it ended with signal: 9 (SIGKILL)"), "{report}");
    assert!(report.contains("it complained of nothing"), "{report}");
    let (kind, report) = refused(&by(&server, Path::new("/nowhere/token"), &["secret"])).await;
    assert_eq!(kind, ErrorKind::Access);
    assert!(report.contains("password_command /nowhere/token: it cannot be run"), "{report}");
    assert!(report.contains("No such file") && report.contains("looked for in PATH"), "{report}");
    assert!(!report.contains("secret"), "{report}");
}

#[tokio::test]
async fn a_command_that_prints_no_password_is_refused() {
    let server = guarded().await;
    for script in ["true", "echo", "printf '\\r\\n'", "echo; echo geh:eim", "echo warning >&2"] {
        let (kind, report) = refused(&by_shell(&server, script)).await;
        assert_eq!(kind, ErrorKind::Access, "{script}");
        let cause = "cause: password_command sh: the first line it printed is empty";
        assert!(report.contains(cause) && report.contains("let it print"), "{script}: {report}");
    }
    let (_, report) = refused(&by_shell(&server, "printf '\\377\\n'")).await;
    assert!(report.contains("what it printed is not UTF-8"), "{report}");
}

#[tokio::test]
async fn a_command_that_takes_too_long_is_killed_with_all_it_started_and_holds_nothing_up() {
    let (server, dir) = (guarded().await, tempfile::tempdir().unwrap());
    let pids = dir.path().join("pids");
    let script =
        format!("sleep 600 & echo $! > {0}; echo $$ >> {0}; wait; echo geh:eim", pids.display());
    let conninfo = by_shell(&server, &script);
    let began = Instant::now();
    // On this thread alone: while it is waited for, others must go on.
    let mut ticks = 0;
    let limit = Duration::from_millis(1_500);
    let mut opened = std::pin::pin!(open_within(&conninfo, limit));
    let error = loop {
        tokio::select! {
            opened = &mut opened => break opened.err().unwrap(),
            () = tokio::time::sleep(Duration::from_millis(50)) => ticks += 1,
        }
    };
    assert!(ticks >= 5 && began.elapsed() < LONG, "{ticks} in {:?}", began.elapsed());
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let report = error.report();
    let cause = "password_command sh: it did not end within 1500 ms, and was killed";
    assert!(report.contains(cause), "{report}");
    let pids = std::fs::read_to_string(pids).unwrap();
    assert_eq!(pids.lines().count(), 2);
    for pid in pids.lines() {
        crate::support::until("it is gone", async || {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.is_empty() || stat.contains(") Z ")
        })
        .await;
    }
}

#[tokio::test]
async fn a_run_takes_a_new_password_with_a_new_connection_and_tells_none() {
    let settings =
        ServerSettings::new().hba("local all postgres trust").hba("local all mover scram-sha-256");
    let server = own_destination_server(&settings);
    let (source, destination) = (fresh_database().await, fresh_database_on(&server).await);
    init_source(&source).await;
    init_destination(&destination).await;
    let role = "set password_encryption = 'scram-sha-256'; create role mover login password \
                'key-of-the-first-day'; grant select, insert on events to mover";
    destination.execute(role).await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("password");
    std::fs::write(&file, "key-of-the-first-day\n").unwrap();
    let mut replicator = Setup::from(&source)
        .and_url("copy", &as_role(&destination, "mover"))
        .destination_key(&format!("password_command = ['cat', '{}']", file.display()))
        .key("retry_wait_max_ms = 500")
        .start(&[]);
    insert(&source, 1).await;
    arrives(&destination, 1).await;
    std::fs::remove_file(&file).unwrap();
    destination.execute("alter role mover password 'key-of-the-second-day'").await;
    destination
        .execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = \
             'counterfoil/append'",
        )
        .await;
    insert(&source, 1).await;
    replicator.says(&["password_command cat: it ended with exit status: 1", "No such file"]).await;
    std::fs::write(&file, "key-of-the-second-day\n").unwrap();
    arrives(&destination, 2).await;
    replicator.says(&["the destination is back"]).await;
    assert_eq!(replicator.lines(&["key-of-the-"]), 0);
    replicator.stops().await;
}

#[tokio::test]
async fn a_command_that_fails_at_the_start_ends_a_run_with_3() {
    let server = guarded().await;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("c.toml");
    let place = format!("127.0.0.1:{}/postgres", server.port());
    let text = format!(
        "[source]\nurl = \"postgres://reader@{place}\"\npassword_command = [\"./token\"]\n\
         [[destinations]]\nname = \"copy\"\nurl = \"postgres://reader@{place}\"\ntable = \
         \"other\"\npassword_command = [\"false\"]\n"
    );
    std::fs::write(&path, text).unwrap();
    let program = dir.path().join("token");
    std::fs::write(&program, "#!/bin/sh\necho expired >&2\nexit 9\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    let mut command = counterfoil(&["run", "--until-caught-up"]);
    let output = tokio::process::Command::from({
        command.arg("--config").arg(&path);
        command
    });
    let (code, _, complaint) = told(&{ output }.output().await.unwrap());
    assert_eq!(code, Some(3), "{complaint}");
    for said in ["cannot get the password", "token: it ended with exit status: 9", "expired"] {
        assert!(complaint.contains(said), "{said}: {complaint}");
    }
}
