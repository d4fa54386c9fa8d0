//! What a restore makes.

use super::{KINDS, destinations, insert, new_source, restore, triggers};
use crate::repair::AS_A_RESTORE;
use crate::support::events::digest;
use crate::support::replicator::Setup;

#[tokio::test]
async fn a_new_source_of_each_kind_holds_every_event_and_goes_on_after_the_last() {
    for kind in KINDS {
        let (source, (long, short)) = (new_source(kind).await, destinations().await);
        let before = triggers(&source).await;
        let (code, printed, complaint) =
            restore(&source, &long, &short, &["--from", "long", "--yes"]);
        assert_eq!(code, Some(0), "{kind}: {printed}{complaint}");
        for words in [
            "will copy from destination \"long\": 101 events, ids 1..101",
            "destination \"short\" agrees with it up to its own highest id, 60",
            "verified, equal to the destination: 101 events, last id 101, sha256 ",
            "the next id is 102",
        ] {
            assert!(printed.contains(words), "{kind}: {words} is not in {printed}");
        }
        assert_eq!(digest(&source, i64::MAX).await, digest(&long, i64::MAX).await);
        assert_eq!(triggers(&source).await, before, "{kind}");
        source.execute(insert(kind)).await;
        assert_eq!(source.query("select id from events where event ? 'after'").await, ["102"]);
        let setup = Setup::from(&source).to("long", &long).to("short", &short);
        assert_eq!(setup.start(&["--until-caught-up"]).ends().await.code, Some(0));
        for destination in [&long, &short] {
            assert_eq!(digest(destination, i64::MAX).await, digest(&source, i64::MAX).await);
        }
    }
}

#[tokio::test]
async fn triggers_stay_as_they_were_however_that_was() {
    let (source, (long, short)) = (new_source("sequence").await, destinations().await);
    source
        .execute(
            "create function never() returns trigger language plpgsql as 'begin raise exception \
             ''never''; end'; create trigger \"a plain one\" before insert on events for each row \
             execute function never(); create trigger b_replica after insert on events for each \
             row execute function never(); create trigger c_off before insert on events for each \
             row execute function never(); alter table events enable replica trigger b_replica, \
             disable trigger c_off",
        )
        .await;
    let before = triggers(&source).await;
    let (code, printed, complaint) = restore(&source, &long, &short, &["--from", "long", "--yes"]);
    assert_eq!(code, Some(0), "{printed}{complaint}");
    assert_eq!(triggers(&source).await, before);
    assert!(
        before.contains(&"a plain one|O".to_owned()) && before.contains(&"b_replica|R".to_owned())
    );
    assert!(
        before.contains(&"c_off|D".to_owned())
            && before.contains(&"check_sql_command|A".to_owned())
    );
}

#[tokio::test]
async fn what_is_restored_already_is_nothing_to_do_but_a_next_id_that_is_too_low_is_raised() {
    let (source, (long, short)) = (new_source("consecutive").await, destinations().await);
    let arguments = ["--from", "long", "--yes"];
    assert_eq!(restore(&source, &long, &short, &arguments).0, Some(0));
    let (code, printed, _) = restore(&source, &long, &short, &["--from", "long"]);
    assert_eq!(code, Some(0));
    assert!(
        printed.contains("nothing to restore: the source holds everything up to id 101"),
        "{printed}"
    );
    source.execute("update id set id = 50").await;
    let (code, printed, complaint) = restore(&source, &long, &short, &arguments);
    assert_eq!(code, Some(0), "{printed}{complaint}");
    assert_eq!(source.query("select id from id").await, ["102"]);
    source.execute("update id set id = 500").await;
    assert_eq!(restore(&source, &long, &short, &arguments).0, Some(0));
    assert_eq!(source.query("select id from id").await, ["500"]);
}

#[tokio::test]
async fn a_sequence_that_was_set_beyond_the_last_id_is_never_lowered() {
    for (set, next) in [
        ("alter table events alter id restart with 500", "500"),
        ("select setval('events_id_seq', 500, false)", "500"),
        ("select setval('events_id_seq', 500, true)", "501"),
        ("select setval('events_id_seq', 101, false)", "102"),
    ] {
        let (source, (long, short)) = (new_source("sequence").await, destinations().await);
        source.execute(set).await;
        let (code, printed, complaint) =
            restore(&source, &long, &short, &["--from", "long", "--yes"]);
        assert_eq!(code, Some(0), "{set}: {printed}{complaint}");
        assert!(printed.contains(&format!("the next id is {next}")), "{set}: {printed}");
        assert_eq!(source.query("select nextval('events_id_seq')").await, [next], "{set}");
    }
}

#[tokio::test]
async fn deferred_constraints_of_the_source_are_checked_and_do_not_stop_it() {
    let (source, (long, short)) = (new_source("sequence").await, destinations().await);
    source
        .execute(
            "create table kinds (n bigint primary key); insert into kinds select \
             generate_series(1, 101); alter table events add foreign key (id) references kinds \
             deferrable initially deferred",
        )
        .await;
    let (code, printed, complaint) = restore(&source, &long, &short, &["--from", "long", "--yes"]);
    assert_eq!(code, Some(0), "{printed}{complaint}");
}

#[tokio::test]
async fn a_column_that_the_source_computes_is_computed_and_compared() {
    let (source, (long, short)) = (new_source("sequence").await, destinations().await);
    source
        .execute("alter table events add double bigint generated always as (id * 2) stored")
        .await;
    for destination in [&long, &short] {
        destination
            .execute(&format!(
                "{AS_A_RESTORE}; alter table events add double bigint; update events set double = \
                 id * 2"
            ))
            .await;
    }
    let (code, printed, complaint) = restore(&source, &long, &short, &["--from", "long", "--yes"]);
    assert_eq!(code, Some(0), "{printed}{complaint}");
    assert_eq!(digest_of_double(&source).await, digest_of_double(&long).await);
}

#[tokio::test]
async fn what_only_the_destination_has_a_column_for_is_said_and_left_there() {
    let (source, (long, short)) = (new_source("sequence").await, destinations().await);
    long.execute("alter table events add note text; update events set note = 'ours'").await;
    let (code, printed, complaint) = restore(&source, &long, &short, &["--from", "long", "--yes"]);
    assert_eq!(code, Some(0), "{printed}{complaint}");
    assert!(
        printed.contains("will not restore what destination \"long\" has in \"note\""),
        "{printed}"
    );
    assert_eq!(long.query("select count(note) from events").await, ["101"]);
}

async fn digest_of_double(database: &crate::harness::Database) -> Vec<String> {
    database.query("select sum(double), count(double) from events").await
}
