//! What cannot be loaded is refused before anything is written, with the remedy and the right exit
//! code.

use super::*;

async fn refused(database: &Database, flags: &[&str], expected: i32) -> String {
    let url = url(database);
    let (code, printed, complaint) = run(&[&["--url", url.as_str()], flags].concat());
    assert_eq!(code, Some(expected), "{printed}{complaint}");
    complaint
}

#[tokio::test]
async fn a_dry_run_shows_the_plan_and_three_events_and_writes_nothing() {
    for ids in ["consecutive", "sequence"] {
        let source = source(ids).await;
        let flags = ["--seed", "5", "--persons", "3", "--fillers", "1", "--writers", "2"];
        let printed = load(&source, &[&flags[..], &["--dry-run"]].concat());
        assert_eq!(fact(&printed, "amount"), "3 persons, 3 deletions, 1 fillers: 13 events");
        assert!(printed.contains("nothing was written"), "{printed}");
        let samples: Vec<Value> =
            printed.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let names: Vec<&str> =
            samples.iter().map(|event| event["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["PersonCreated", "PersonNameAdded", "PersonSSNAdded"]);
        assert_eq!(source.query("select count(*) from events").await, ["0"]);
        // They are the events that are written without --dry-run.
        load(&source, &flags);
        let written = timeless(rows(&source).await);
        for mut sample in samples {
            sample["testingStats"]["dbOperationTS"] = Value::Null;
            assert!(written.contains(&sample), "{sample}");
        }
    }
}

#[tokio::test]
async fn a_missing_table_ends_with_3_and_how_to_make_one() {
    let database = fresh_database().await;
    let complaint = refused(&database, &["--table", "audit.journal"], 3).await;
    assert!(complaint.contains("there is no table audit.journal"), "{complaint}");
    assert!(
        complaint.contains("counterfoil init source --url … --table 'audit.journal'"),
        "{complaint}"
    );
}

#[tokio::test]
async fn a_destination_is_never_loaded() {
    let database = fresh_database().await;
    crate::support::events::init_destination(&database).await;
    for flags in
        [&[][..], &["--method", "insert"], &["--method", "copy"], &["--method", "insert-events"]]
    {
        let complaint = refused(&database, flags, 3).await;
        assert!(complaint.contains("nothing gives out ids for public.events"), "{complaint}");
    }
    assert_eq!(database.query("select count(*) from events").await, ["0"]);
}

#[tokio::test]
async fn a_method_that_the_table_cannot_take_ends_with_3_and_names_the_others() {
    let complaint = refused(&source("consecutive").await, &["--method", "insert"], 3).await;
    assert!(complaint.contains("give --method insert-events or --method copy"), "{complaint}");
    let complaint = refused(&source("sequence").await, &["--method", "insert-events"], 3).await;
    assert!(complaint.contains("give --method insert or --method copy"), "{complaint}");
}

#[tokio::test]
async fn a_copy_that_would_pass_the_highest_id_there_can_be_writes_nothing() {
    let source = source("consecutive").await;
    source.execute(&format!("update id set id = {}", i64::MAX - 2)).await;
    let flags = ["--method", "copy", "--persons", "1", "--fillers", "5"];
    let complaint = refused(&source, &flags, 3).await;
    assert!(complaint.contains("the highest possible id"), "{complaint}");
    assert_eq!(source.query("select count(*) from events").await, ["0"]);
}

#[tokio::test]
async fn large_events_are_refused_where_whole_events_are_notified() {
    let source = slates_source().await;
    let complaint = refused(&source, &["--large-events", "1"], 3).await;
    assert!(complaint.contains("trigger notify_insert notifies of whole events"), "{complaint}");
    assert_eq!(source.query("select count(*) from events").await, ["0"]);
}

#[test]
fn wrong_flags_are_told_together_with_2_and_without_the_password() {
    let (code, printed, complaint) = run(&[
        "--url",
        "postgres://ann:hunter2@db1:notaport/orders",
        "--writers",
        "0",
        "--events",
        "3",
        "--persons",
        "2",
        "--deletes",
        "3",
    ]);
    assert_eq!((code, printed.as_str()), (Some(2), ""));
    for part in [
        "port is not a number",
        "--writers is out of range",
        "--events does not apply",
        "3 of 2 persons cannot be deleted",
    ] {
        assert!(complaint.contains(part), "{part}: {complaint}");
    }
    assert!(!complaint.contains("hunter2"), "{complaint}");
    let (code, _, complaint) = run(&["--writters", "3"]);
    assert_eq!(code, Some(2));
    assert!(complaint.contains("--writers"), "{complaint}");
}

#[test]
fn a_configuration_with_problems_ends_with_2_together_with_those_of_flags() {
    let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    std::fs::write(file.path(), "[sourse]\n").unwrap();
    let (code, _, complaint) =
        run(&["--config", file.path().to_str().unwrap(), "--rollbacks", "91"]);
    assert_eq!(code, Some(2));
    assert!(
        complaint.contains("sourse") && complaint.contains("--rollbacks is out of range"),
        "{complaint}"
    );
}

#[tokio::test]
async fn what_the_server_refuses_ends_with_3() {
    let source = source("sequence").await;
    source.execute("alter table events add check (event ->> 'name' <> 'FillerEvent3')").await;
    let complaint =
        refused(&source, &["--persons", "0", "--fillers", "500", "--seed", "1"], 3).await;
    assert!(complaint.contains("violates check constraint"), "{complaint}");
    assert!(
        complaint.contains("what the summary counts is committed, and nothing else"),
        "{complaint}"
    );
    assert!(!complaint.contains("category"), "contents of an event are told: {complaint}");
    let role = format!("loader_of_{}", source.conninfo.database);
    source.execute(&format!("create role {role} login; grant select on events to {role}")).await;
    let stranger = url(&source).replace("user=postgres", &format!("user={role}"));
    let grant = format!("GRANT INSERT ON public.events TO \"{role}\"");
    for method in ["insert", "copy"] {
        let (code, _, complaint) = run(&["--url", &stranger, "--method", method]);
        assert_eq!(code, Some(3), "{complaint}");
        assert!(complaint.contains("permission denied"), "{complaint}");
        assert!(complaint.contains(&format!("fix: {grant}, then start again\n")), "{complaint}");
    }
    source.execute(&grant).await;
    let few = ["--persons", "1", "--fillers", "0", "--deletes", "0"];
    let (code, _, complaint) = run(&[&["--url", stranger.as_str()], &few[..]].concat());
    assert_eq!(code, Some(0), "{complaint}");
}

#[tokio::test]
async fn a_trigger_that_swallows_events_is_told() {
    let source = source("sequence").await;
    source
        .execute(
            "create function swallow() returns trigger language plpgsql as 'begin return null; \
             end'; create trigger swallow before insert on events for each row execute function \
             swallow()",
        )
        .await;
    for method in ["insert", "copy"] {
        let complaint =
            refused(&source, &["--method", method, "--fillers", "1", "--persons", "0"], 3).await;
        assert!(complaint.contains("1 events were sent, 0 arrived"), "{complaint}");
    }
}
