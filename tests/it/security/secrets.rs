//! A password is in no message, whatever is wrong with what holds it, and in nothing that a run
//! tells.

use super::{program, run};
use crate::command::told;
use crate::harness::{fresh_database, fresh_destination, own_server};
use crate::support::events::{init_destination, init_source, insert};
use counterfoil::config::libpq::{Conninfo, Environment};
use counterfoil::config::load::load;
use counterfoil::postgres::server::ServerSettings;
use proptest::prelude::*;

/// Neither the password nor either half of it.
fn is_discreet(told: &str, password: &str) -> bool {
    let half = password.len() / 2;
    !told.contains(&password[..half]) && !told.contains(&password[half..])
}

/// A text, damaged somewhere: something put in, taken out, or everything after it gone.
fn damaged(text: &str, at: usize, how: u8, with: char) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    let at = at % chars.len();
    match how % 4 {
        0 => chars.insert(at, with),
        1 => drop(chars.remove(at)),
        2 => chars.truncate(at),
        _ => chars[at] = with,
    }
    chars.into_iter().collect()
}

proptest! {
    #[test]
    fn no_connection_string_that_holds_a_password_shows_it(
        password in "[A-Z]{7}[0-9]{7}", form in 0usize..5, at in any::<usize>(), how in 0u8..5, with in "[ -~é\n]",
    ) {
        let form = [
            "postgres://ann:PASSWORD@db1:5432/orders?sslmode=require",
            "postgresql://db1,db2:5433/orders?user=ann&password=PASSWORD&channel_binding=prefer",
            "host=db1 user=ann password=PASSWORD dbname=orders sslmode=verify-full",
            "host=db1 user=ann password='PASSWORD\\'x' port=5432,5433",
            "postgres://ann:PASSWORD%zz@db1/orders",
        ][form];
        let whole = form.replace("PASSWORD", &password);
        let with = with.chars().next().unwrap();
        let text = if how == 4 { whole } else { damaged(&whole, at, how, with) };
        let told = match Conninfo::parse(&text, &Environment::empty()) {
            Ok(conninfo) => format!("{conninfo:?} {}", conninfo.describe()),
            Err(error) => format!("{error:?} {error} {}", error.report()),
        };
        // What is damaged may no longer be a password: then it may be told, as a port or a host for
        // instance.
        let is_password = how == 4 || text.contains(&password) && form_is_kept(&text);
        prop_assert!(!is_password || is_discreet(&told, &password), "{text}: {told}");
    }

    #[test]
    fn no_configuration_that_holds_a_password_shows_it(
        password in "[A-Z]{7}[0-9]{7}", at in any::<usize>(), how in 0u8..4, with in "[ -~é\n]", is_json in any::<bool>(),
    ) {
        let whole = if is_json {
            format!("{{\"eventSource\": {{\"host\": \"db1\", \"databaseName\": \"a\", \"user\": \
                     \"u\", \"password\": \"{password}\"}},\n\"replicationDestinations\": \
                     [{{\"host\": \"db2\", \"databaseName\": \"a\", \"user\": \"u\", \"password\": \
                     \"{password}\"}}]}}")
        } else {
            format!("[source]\nurl = \"host=db1 user=u\"\npassword = \
                     \"{password}\"\n[[destinations]]\nname = \"a\"\nurl = \
                     \"postgres://u:${{SECRET}}@db2/x\"\nwriters = \"${{SECRET}}\"\n[log]\nlevel = \
                     \"${{SECRET}}\"\n")
        };
        let text = damaged(&whole, at, how, with.chars().next().unwrap());
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(if is_json { "c.json" } else { "c.toml" });
        std::fs::write(&path, &text).unwrap();
        let secret = password.clone();
        let variable = move |name: &str| (name == "SECRET").then(|| secret.clone());
        let environment = Environment { var: &variable, os_user: Some("u".to_owned()), ..Environment::empty() };
        let told = match load(&path, &environment) {
            Ok(config) => format!("{config:?}"),
            Err(problems) => format!("{problems:?} {}", problems.report()),
        };
        prop_assert!(is_discreet(&told, &password), "{text}: {told}");
    }
}

/// Whether the word before the password still says that it is one.
fn form_is_kept(text: &str) -> bool {
    text.starts_with("postgres://ann:")
        || text.contains("&password=")
        || text.contains(" password=")
}

#[tokio::test]
async fn no_command_tells_the_password_that_it_uses() {
    let server = own_server(&ServerSettings::new().hba("host all all 127.0.0.1/32 scram-sha-256"));
    let (source, destination) = (
        crate::harness::fresh_database_on(&server).await,
        crate::harness::fresh_database_on(&server).await,
    );
    init_source(&source).await;
    init_destination(&destination).await;
    insert(&source, 10).await;
    let secret = "Geheim7Wort9";
    let role = format!(
        "set password_encryption = 'scram-sha-256'; create role mover superuser login password \
         '{secret}'"
    );
    source.execute(&role).await;
    let url = |name: &str, password: &str| {
        let port = server.port();
        format!("postgres://mover:{password}@127.0.0.1:{port}/{name}?sslmode=disable")
    };
    let (from, to) = (&source.conninfo.database, &destination.conninfo.database);
    for password in [secret, "Falsch8Wort9"] {
        let configured =
            super::Configured::new(&url(from, password), &[("copy", &url(to, password))]);
        let path = configured.path();
        let mut repair = ["repair", "--destination", "copy", "--insert-missing", "--yes"].to_vec();
        repair.extend(["--config", &path]);
        let from_url = url(from, password);
        let init = ["init", "source", "--ids", "sequence", "--url", &from_url, "--dry-run"];
        for (name, command) in [
            ("counterfoil", &["run", "--dry-run", "--config", &path][..]),
            ("counterfoil", &["run", "--until-caught-up", "--config", &path]),
            ("counterfoil", &["status", "--json", "--config", &path]),
            ("counterfoil", &["status", "--config", &path]),
            ("counterfoil", &repair),
            ("counterfoil", &["restore", "--from", "copy", "--yes", "--config", &path]),
            ("events-diff", &["--config", &path, "--format", "jsonl"]),
            ("events-diff", &[&url(from, password), &url(to, password)]),
            ("load-fake-data", &["--config", &path, "--dry-run"]),
            ("counterfoil", &init),
        ]
        .into_iter()
        .take(if password == secret { 10 } else { 3 })
        {
            let (code, printed, complaint) = run(name, command).await;
            let is_right = code != Some(3) && password == secret;
            assert!(is_right || password != secret, "{command:?} {printed}{complaint}");
            assert!(
                is_discreet(&format!("{printed}{complaint}"), password),
                "{command:?}: {printed}{complaint}"
            );
        }
    }
}

#[tokio::test]
async fn no_session_has_the_password_in_its_name_and_no_process_in_its_title() {
    let (source, destination) = (fresh_database().await, fresh_destination().await);
    init_source(&source).await;
    init_destination(&destination).await;
    let secret = "Geheim7Wort9";
    let with =
        |database| format!("{} password={secret}", crate::support::replicator::url(database));
    let configured = super::Configured::new(&with(&source), &[("copy", &with(&destination))]);
    let mut command = tokio::process::Command::from(program("counterfoil"));
    command
        .args(["run", "--config", &configured.path()])
        .kill_on_drop(true)
        .stdout(std::process::Stdio::piped());
    let child = command.spawn().unwrap();
    let ours = "select string_agg(application_name || query, ' ') from pg_stat_activity where \
                application_name like 'counterfoil/%' and datname = current_database()";
    crate::support::until("its sessions are there", async || {
        source.query(ours).await[0].contains("counterfoil/listen")
    })
    .await;
    let id = child.id().unwrap();
    let title = std::fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap()
        + &std::fs::read_to_string(format!("/proc/{id}/comm")).unwrap();
    assert!(is_discreet(&title, secret), "{title}");
    for database in [&source, &destination] {
        assert!(is_discreet(&database.query(ours).await[0], secret));
    }
    let pid = rustix::process::Pid::from_raw(i32::try_from(id).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let (code, printed, complaint) = told(&child.wait_with_output().await.unwrap());
    assert_eq!(code, Some(0), "{complaint}");
    assert!(is_discreet(&format!("{printed}{complaint}"), secret));
}
