//! What `counterfoil run` prints is said once, where it belongs, without false alarms.

use crate::command::{counterfoil, told};
use crate::status_command::{command, configuration, pair};

/// How often a log or a report says this.
fn times(told: &str, what: &str) -> usize {
    told.matches(what).count()
}

#[tokio::test]
async fn a_refusal_of_a_dry_run_is_part_of_its_report_and_told_once() {
    let (source, destination) = pair(5).await;
    destination.execute("alter table events alter event type text").await;
    let (code, printed, complaint) =
        command(&configuration(&source, &destination), &["run", "--dry-run"]);
    assert_eq!(code, Some(3), "{printed}");
    assert_eq!(
        times(
            &printed,
            "error: column \"event\" is jsonb at the source and text at the destination"
        ),
        1
    );
    let cure =
        "ALTER TABLE public.events ALTER COLUMN \"event\" TYPE jsonb USING \"event\"::jsonb;";
    assert!(printed.contains(cure), "{printed}");
    assert!(!complaint.contains("error:"), "{complaint}");
    destination.execute(cure).await;
    let (code, printed, _) = command(&configuration(&source, &destination), &["run", "--dry-run"]);
    assert_eq!(code, Some(0), "{printed}");
}

#[tokio::test]
async fn a_job_says_what_it_found_once_and_a_trigger_for_statements_is_no_danger_to_rows() {
    let (source, destination) = pair(2).await;
    destination
        .execute(
            "create function look() returns trigger language plpgsql as 'begin return null; end'; \
             create trigger look before insert on events for each statement execute function \
             look()",
        )
        .await;
    let (code, log, complaint) =
        command(&configuration(&source, &destination), &["run", "--until-caught-up"]);
    assert_eq!((code, complaint.as_str()), (Some(0), ""), "{log}");
    assert_eq!(times(&log, "the source was checked"), 1, "{log}");
    assert_eq!(times(&log, "first event, last event and count agree"), 1, "{log}");
    assert_eq!(times(&log, "about the destination"), 0, "{log}");
}

#[tokio::test]
async fn a_source_that_stays_away_is_told_once_with_its_cure() {
    let away = "[source]\nhost = \"/nowhere\"\ndatabase = \"a\"\nuser = \"a\"\n\
                [[destinations]]\nhost = \"/nowhere\"\ndatabase = \"b\"\nuser = \"a\"\n\
                [replication]\nretry_for_ms = 500\nretry_wait_max_ms = 10\n[log]\nlevel = \
                \"debug\"\n";
    let (code, log, complaint) = command(away, &["run"]);
    assert_eq!(code, Some(8), "{log}");
    assert_eq!(times(&log, "the source cannot be reached, trying again"), 1, "{log}");
    assert!(times(&log, "the source still cannot be reached") > 0, "{log}");
    assert!(
        log.contains("\"fix\":\"") && times(&complaint, "error: cannot reach the source") == 1,
        "{log}{complaint}"
    );
}

#[tokio::test]
async fn the_place_of_a_refused_source_is_named_once() {
    let (source, destination) = pair(5).await;
    source.execute("alter table events alter id drop identity").await;
    let (code, printed, _) = command(&configuration(&source, &destination), &["run", "--dry-run"]);
    assert_eq!(code, Some(3), "{printed}");
    let place = printed.lines().find(|line| line.trim_start().starts_with("where: ")).unwrap();
    assert_eq!(times(place, "source "), 1, "{place}");
    assert!(place.ends_with(", public.events"), "{place}");
}

#[tokio::test]
async fn a_fix_names_the_file_and_cures_as_it_stands() {
    let (source, destination) = pair(5).await;
    destination.execute("delete from events where id = 3").await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("my copy.toml");
    std::fs::write(&file, configuration(&source, &destination)).unwrap();
    let path = file.to_str().unwrap();
    let repair =
        format!("counterfoil repair --config '{path}' --destination copy --insert-missing inserts");
    for arguments in [&["run", "--dry-run"][..], &["run", "--until-caught-up"], &["status"]] {
        let output = counterfoil(arguments).args(["--config", path]).output().unwrap();
        let (code, printed, complaint) = told(&output);
        assert_eq!(code, Some(4), "{arguments:?}: {printed}{complaint}");
        let said = format!("{printed}{complaint}");
        assert!(said.contains(&repair) && !said.contains("--config …"), "{arguments:?}: {said}");
    }
    let cure = ["repair", "--config", path, "--destination", "copy", "--insert-missing", "--yes"];
    assert_eq!(told(&counterfoil(&cure).output().unwrap()).0, Some(0));
    let again = ["run", "--until-caught-up", "--config", path];
    assert_eq!(told(&counterfoil(&again).output().unwrap()).0, Some(0));
}
