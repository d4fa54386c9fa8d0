//! `[verify]`: every row is compared again and again while events are copied; what differs is told,
//! with its class and id, until it is equal again.

use crate::configured::config;
use crate::edges::{between, pair};
use crate::harness::{
    fresh_database, fresh_database_on, fresh_destination, own_destination_server,
};
use crate::support::events::{arrives, highest, init_destination, init_source, insert};
use crate::support::until;
use crate::truth::running::DEADLINE;
use counterfoil::config::{DifferenceReaction, ReplicationConfig, SourceRetention, VerifyConfig};
use counterfoil::error::Problems;
use counterfoil::postgres::server::ServerSettings;
use counterfoil::sql::{ColumnNames, RowCondition};
use counterfoil::stop::{self, Stopper};
use counterfoil::supervise::{ReloadOrder, Roster, SupervisorOptions, supervise};
use counterfoil::verify::continuous::known::RowFault;
use counterfoil::verify::continuous::snapshot::{
    LaneVerification, VerificationSnapshot, VerificationState,
};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// Rounds that follow each other at once.
const AT_ONCE: VerifyConfig = VerifyConfig {
    every: Some(Duration::from_millis(300)),
    rows_per_second: 1_000_000,
    on_difference: DifferenceReaction::Report,
};
/// One round, and then only what is new.
const SELDOM: VerifyConfig = VerifyConfig { every: Some(Duration::from_secs(3_600)), ..AT_ONCE };

/// A replication that is verified, within the process of the test.
struct Verified {
    stopper: Stopper,
    reloads: mpsc::Sender<ReloadOrder>,
    roster: watch::Receiver<Roster>,
    verification: watch::Receiver<Arc<VerificationSnapshot>>,
    task: JoinHandle<Problems>,
}

impl Verified {
    async fn start(config: ReplicationConfig, verify: VerifyConfig) -> Self {
        let (stopper, stop) = stop::channel();
        let (reloads, reloaded) = mpsc::channel(1);
        let sender = watch::Sender::default();
        let mut roster = sender.subscribe();
        let options = SupervisorOptions {
            until_caught_up: false,
            fail_fast: false,
            heartbeat: None,
            waits_when_empty: false,
        };
        let configs = vec![ReplicationConfig { verify, ..config }];
        let task = tokio::spawn(async move {
            supervise(configs, options, reloaded, &sender, &stop, &counterfoil::log::none()).await
        });
        let running = roster.wait_for(|roster| !roster.is_empty()).await.unwrap();
        let verification = running[0].verification.clone();
        drop(running);
        Self { stopper, reloads, roster, verification, task }
    }

    /// Waits until the verification of the first destination tells this.
    async fn tells(
        &mut self,
        what: &str,
        is_so: impl Fn(&LaneVerification) -> bool,
    ) -> LaneVerification {
        self.tells_of(0, what, is_so).await
    }

    async fn tells_of(
        &mut self,
        lane: usize,
        what: &str,
        is_so: impl Fn(&LaneVerification) -> bool,
    ) -> LaneVerification {
        let told = self.verification.wait_for(|now| is_so(&now.destinations[lane]));
        if let Ok(told) = tokio::time::timeout(DEADLINE, told).await {
            return told.unwrap().destinations[lane].clone();
        }
        let lanes = self.roster.borrow()[0].snapshots.borrow().lanes.clone();
        panic!("{what}: {:#?} {lanes:#?}", self.verification.borrow().destinations[lane]);
    }

    async fn verifies(&mut self, through: i64) -> LaneVerification {
        let what = format!("verified through {through}");
        self.tells(&what, |lane| lane.verified_through_id == Some(through)).await
    }

    /// Waits until exactly this differs.
    async fn finds(&mut self, class: RowFault, id: i64) -> LaneVerification {
        let is_it = |lane: &LaneVerification| {
            lane.listed.len() == 1
                && (lane.listed[0].class, lane.listed[0].first_id, lane.listed[0].last_id)
                    == (class, id, id)
        };
        self.tells(&format!("{class:?} at {id}"), is_it).await
    }

    async fn stops(self) {
        self.stopper.request();
        let problems = tokio::time::timeout(DEADLINE, self.task).await.unwrap().unwrap();
        assert!(problems.is_empty(), "{}", problems.report());
    }
}

#[tokio::test]
async fn what_is_verified_keeps_up_with_a_loader_without_a_new_round() {
    let (source, copy) = pair().await;
    insert(&source, 300).await;
    let mut verified = Verified::start(config(&source, &[("copy", &copy)]), SELDOM).await;
    for events in [1, 500, 20, 3_000, 7] {
        insert(&source, events).await;
        let lane = verified.verifies(highest(&source).await).await;
        assert_eq!(lane.round.number, 1, "{lane:?}");
        assert_eq!(lane.differences.total(), 0, "{lane:?}");
    }
    let lane = verified.tells("rest", |lane| lane.state == VerificationState::Resting).await;
    assert_eq!(lane.round.share, Some(1.0));
    assert_eq!(lane.events_compared, 3_828, "each row was compared once");
    verified.stops().await;
}

#[tokio::test]
async fn a_row_that_is_changed_missing_or_extra_is_found_by_class_and_id_and_gone_when_repaired() {
    let (source, copy) = pair().await;
    insert(&source, 900).await;
    let mut verified = Verified::start(config(&source, &[("copy", &copy)]), AT_ONCE).await;
    verified.verifies(900).await;
    copy.execute("create table saved as select * from events where id in (512, 513, 600)").await;
    let changes = [
        (
            "update events set event = jsonb_set(event, '{n}', '-1') where id = 512",
            RowFault::Changed,
            512,
        ),
        ("delete from events where id = 513", RowFault::Missing, 513),
        ("insert into events select -5, ts, event from events where id = 600", RowFault::Extra, -5),
        (
            "update events set ts = date_trunc('milliseconds', ts) - interval '1 second' where \
             id = 600",
            RowFault::Changed,
            600,
        ),
    ];
    for (change, class, id) in changes {
        copy.execute(change).await;
        let lane = verified.finds(class, id).await;
        assert_eq!(lane.verified_through_id, Some(id - 1), "{lane:?}");
        assert_eq!((lane.state, lane.differences.total()), (VerificationState::Different, 1));
        let commands = lane.commands.expect("commands");
        assert!(
            commands.show.contains("events-diff --config … --destination copy"),
            "{commands:?}"
        );
        assert!(commands.cure.contains("counterfoil repair"), "{commands:?}");
        let number = lane.round.number;
        let is_known_still = |lane: &LaneVerification| {
            lane.round.number > number + 1 && lane.differences.total() == 1
        };
        let lane = verified.tells("known in the rounds after", is_known_still).await;
        assert_eq!(lane.listed[0].first_id, id);
        copy.execute(
            "begin; delete from events where id = -5 or id in (select id from saved); insert into \
             events select * from saved; commit",
        )
        .await;
        let lane = verified.verifies(900).await;
        assert_eq!((lane.listed.len(), lane.differences.total()), (0, 0), "{lane:?}");
        assert!(lane.commands.is_none());
    }
    let ever = verified.verifies(900).await.differences_ever;
    assert_eq!((ever.changed, ever.missing, ever.extra), (2, 1, 1));
    verified.stops().await;
}

#[tokio::test]
async fn rows_on_both_sides_of_an_edge_between_segments_and_the_first_and_the_last_are_compared() {
    let (source, copy) = pair().await;
    insert(&source, 300).await;
    // A segment has as many rows as may be read in a second.
    let verify = VerifyConfig { rows_per_second: 100, ..AT_ONCE };
    let mut verified = Verified::start(config(&source, &[("copy", &copy)]), verify).await;
    verified.verifies(300).await;
    copy.execute(
        "delete from events where id in (100, 201); update events set event = '{}' where id in (1, \
         101, 200, 300)",
    )
    .await;
    let all = |lane: &LaneVerification| {
        let found: Vec<_> = lane.listed.iter().map(|run| (run.class, run.first_id)).collect();
        found
            == [
                (RowFault::Changed, 1),
                (RowFault::Missing, 100),
                (RowFault::Changed, 101),
                (RowFault::Changed, 200),
                (RowFault::Missing, 201),
                (RowFault::Changed, 300),
            ]
    };
    let lane = verified.tells("all six", all).await;
    assert_eq!(lane.verified_through_id, Some(0));
    verified.stops().await;
}

#[tokio::test]
async fn an_id_that_is_there_twice_is_found_where_the_key_does_not_exclude_it() {
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    init_source(&source).await;
    copy.execute(
        "create table events (id bigint not null, ts timestamptz not null, event jsonb not null, \
         unique (id, ts))",
    )
    .await;
    insert(&source, 80).await;
    let mut verified = Verified::start(config(&source, &[("copy", &copy)]), AT_ONCE).await;
    verified.verifies(80).await;
    copy.execute(
        "insert into events select id, ts + interval '1 hour', event from events where id = 7; \
         update events set event = '{}' where id = 9",
    )
    .await;
    let is_found = |lane: &LaneVerification| {
        let found: Vec<_> = lane.listed.iter().map(|run| (run.class, run.first_id)).collect();
        found == [(RowFault::Doubled, 7), (RowFault::Changed, 9)]
    };
    let lane = verified.tells("doubled 7, changed 9", is_found).await;
    assert_eq!((lane.differences.doubled, lane.verified_through_id), (1, Some(6)));
    verified.stops().await;
}

#[tokio::test]
async fn a_difference_stops_the_replication_with_exit_code_4_where_it_is_to_and_is_told_once_in_the_log()
 {
    let (source, copy) = pair().await;
    insert(&source, 50).await;
    let verify = "[verify]\nevery = \"1s\"\non_difference = ";
    let mut running = between(&source, &copy).log_key(&format!("{verify}\"stop\"")).start(&[]);
    arrives(&copy, 50).await;
    copy.execute("update events set event = '{}' where id = 33").await;
    let end = running.ends().await;
    assert_eq!(end.code, Some(4), "{end:?}");
    for words in [
        "error: destination \"copy\" differs from its source: 1 changed",
        "id 33",
        "on_difference = \"stop\"",
        "events-diff --config",
        "--destination copy --replace 33",
    ] {
        assert!(end.report.contains(words), "{words}: {}", end.report);
    }
    let mut running = between(&source, &copy).log_key(&format!("{verify}\"report\"")).start(&[]);
    running.says(&["rows of a destination differ from the source", "\"first_id\":33"]).await;
    until("three more rounds", async || running.lines(&["verification round ended"]) > 3).await;
    copy.execute("drop table if exists saved").await;
    let text = source.query("select event::text from events where id = 33").await;
    copy.execute(&format!("update events set event = '{}' where id = 33", text[0])).await;
    running.says(&["rows that differed from the source are equal again"]).await;
    assert_eq!(running.lines(&["rows of a destination differ from the source"]), 1);
    let end = running.stops().await;
    assert_eq!(end.code, Some(0), "{end:?}");
    assert!(!end.log.contains("éé"), "what rows hold is never told");
}

#[tokio::test]
async fn a_job_does_not_wait_for_a_round_and_tells_through_which_id_it_was_verified() {
    let (source, copy) = pair().await;
    insert(&source, 5_000).await;
    let slow = "[verify]\nevery = \"24h\"\nrows_per_second = 1";
    let end = between(&source, &copy).log_key(slow).start(&["--until-caught-up"]).ends().await;
    assert_eq!(end.code, Some(0), "{end:?}");
    assert!(end.log.contains("verification summary"), "{}", end.log);
    assert!(end.log.contains("\"verified_through\":"), "{}", end.log);
}

#[tokio::test]
async fn a_destination_that_is_killed_is_waited_for_and_verified_again_from_the_beginning() {
    let source = fresh_database().await;
    init_source(&source).await;
    let server = own_destination_server(&ServerSettings::default());
    let copy = fresh_database_on(&server).await;
    init_destination(&copy).await;
    insert(&source, 400).await;
    let mut config = config(&source, &[("copy", &copy)]);
    config.limits.retry_wait_max = Duration::from_millis(300);
    let mut verified = Verified::start(config, AT_ONCE).await;
    verified.verifies(400).await;
    server.kill_nine().unwrap();
    let lane = verified.tells("waiting", |lane| lane.waits_for.is_some()).await;
    assert_eq!(lane.state, VerificationState::Waiting);
    let waits_for = lane.waits_for.expect("what it waits for");
    assert!(waits_for.retry_at.is_some(), "{waits_for:?}");
    server.start().unwrap();
    insert(&source, 10).await;
    let lane = verified.verifies(410).await;
    assert_eq!((lane.waits_for.is_none(), lane.differences.total()), (true, 0), "{lane:?}");
    verified.stops().await;
}

#[tokio::test]
async fn a_difference_stays_known_and_told_while_its_table_cannot_be_compared() {
    let (source, copy) = pair().await;
    insert(&source, 50).await;
    let mut verified = Verified::start(config(&source, &[("copy", &copy)]), AT_ONCE).await;
    verified.verifies(50).await;
    copy.execute("update events set event = '{}' where id = 33").await;
    verified.finds(RowFault::Changed, 33).await;
    copy.execute("alter table events rename column event to other").await;
    let lane = verified.tells("it waits", |lane| lane.waits_for.is_some()).await;
    assert_eq!(lane.state, VerificationState::Different, "{lane:?}");
    assert_eq!((lane.differences.changed, lane.verified_through_id), (1, Some(32)));
    verified.stops().await;
}

#[tokio::test]
async fn a_table_that_is_emptied_takes_what_was_verified_with_it() {
    let (source, copy) = pair().await;
    insert(&source, 60).await;
    let mut verified = Verified::start(config(&source, &[("copy", &copy)]), SELDOM).await;
    verified.verifies(60).await;
    // The rows come back at once, in other files: nothing shows it but these.
    copy.execute(
        "begin; create temporary table kept on commit drop as table events; truncate events; \
         insert into events select * from kept where id <> 8; commit",
    )
    .await;
    insert(&source, 1).await;
    let lane = verified.finds(RowFault::Missing, 8).await;
    assert_eq!((lane.round.number, lane.verified_through_id), (2, Some(7)), "{lane:?}");
    verified.stopper.request();
}

#[tokio::test]
async fn a_table_that_is_put_back_while_nothing_is_written_is_not_called_verified_for_long() {
    let (source, copy) = pair().await;
    insert(&source, 60).await;
    let mut verified = Verified::start(config(&source, &[("copy", &copy)]), SELDOM).await;
    verified.verifies(60).await;
    verified.tells("rest", |lane| lane.state == VerificationState::Resting).await;
    // Another table, with as many rows and the same ends; no row comes, and no round is due.
    copy.execute(
        "begin; create table earlier (like events including all); insert into earlier select id, \
         ts, case id when 8 then '{}' else event end from events; drop table events; alter table \
         earlier rename to events; commit",
    )
    .await;
    let lane = verified.finds(RowFault::Changed, 8).await;
    assert_eq!((lane.round.number, lane.verified_through_id), (2, Some(7)), "{lane:?}");
    verified.stopper.request();
}

#[tokio::test]
async fn a_server_that_comes_back_with_other_rows_is_compared_at_once_though_nothing_is_written() {
    let source = fresh_database().await;
    init_source(&source).await;
    let server = own_destination_server(&ServerSettings::default());
    let copy = fresh_database_on(&server).await;
    init_destination(&copy).await;
    insert(&source, 40).await;
    let mut config = config(&source, &[("copy", &copy)]);
    config.limits.retry_wait_max = Duration::from_millis(300);
    let mut verified = Verified::start(config, SELDOM).await;
    verified.verifies(40).await;
    verified.tells("rest", |lane| lane.state == VerificationState::Resting).await;
    copy.execute(
        "alter table events disable trigger all; update events set event = '{}' where id = 8",
    )
    .await;
    server.kill_nine().unwrap();
    server.start().unwrap();
    let lane = verified.finds(RowFault::Changed, 8).await;
    assert_eq!((lane.round.number, lane.verified_through_id), (2, Some(7)), "{lane:?}");
    verified.stopper.request();
}

#[tokio::test]
async fn no_more_rows_are_read_in_a_second_than_configured_over_all_destinations() {
    let (source, copy) = pair().await;
    let other = fresh_destination().await;
    init_destination(&other).await;
    insert(&source, 3_000).await;
    let verify = VerifyConfig { rows_per_second: 200, ..SELDOM };
    let config = config(&source, &[("copy", &copy), ("other", &other)]);
    let began = Instant::now();
    let mut verified = Verified::start(config, verify).await;
    let is_far = |lane: &LaneVerification| lane.verified_through_id >= Some(600);
    verified.tells_of(0, "far", is_far).await;
    verified.tells_of(1, "far", is_far).await;
    let rows: u64 =
        verified.verification.borrow().destinations.iter().map(|lane| lane.events_compared).sum();
    let seconds = began.elapsed().as_secs_f64();
    assert!(rows >= 1_200, "{rows}");
    assert!(rows as f64 <= 200.0 * (seconds + 1.0), "{rows} rows in {seconds} s");
    verified.stops().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_reads_over_one_session_a_side_and_takes_no_lock_that_a_writer_takes() {
    let (source, copy) = pair().await;
    insert(&source, 20_000).await;
    let mut verified = Verified::start(config(&source, &[("copy", &copy)]), AT_ONCE).await;
    verified.verifies(20_000).await;
    copy.execute("update events set event = '{}' where id % 5000 = 7").await;
    let sessions = "select count(*) from pg_stat_activity where datname = current_database() and \
                    application_name = 'counterfoil/diff'";
    let locks = "select count(*) from pg_locks join pg_stat_activity using (pid) where \
                 application_name = 'counterfoil/diff' and locktype = 'relation' and mode <> \
                 'AccessShareLock'";
    for _ in 0..200 {
        for side in [&source, &copy] {
            let open: u32 = side.query(sessions).await[0].parse().unwrap();
            assert!(open <= 1, "{open} sessions");
            assert_eq!(side.query(locks).await, ["0"]);
        }
    }
    verified.tells("four changed", |lane| lane.differences.changed == 4).await;
    verified.stops().await;
}

#[tokio::test]
async fn a_destination_of_some_rows_and_one_with_columns_of_other_names_are_compared_as_they_are() {
    let (source, some) = pair().await;
    let renamed = fresh_destination().await;
    renamed
        .execute("create table events (id bigint primary key, ts timestamptz, payload jsonb)")
        .await;
    insert(&source, 300).await;
    let mut config = config(&source, &[("some", &some), ("renamed", &renamed)]);
    let condition =
        RowCondition::parse("(event ->> 'n')::int % 3 = 0").unwrap_or_else(|_| panic!());
    config.destinations[0].postgres_mut().unwrap().rows = Some(condition);
    let names = [("event".to_owned(), "payload".to_owned())];
    config.destinations[1].postgres_mut().unwrap().rename = ColumnNames::new(names);
    let mut verified = Verified::start(config, AT_ONCE).await;
    let is_whole = |lane: &LaneVerification| lane.verified_through_id == Some(300);
    verified.tells_of(0, "verified", is_whole).await;
    verified.tells_of(1, "verified", is_whole).await;
    some.execute("delete from events where id = 150").await;
    renamed.execute("update events set payload = '{}' where id = 44").await;
    let finds = |class, id| {
        move |lane: &LaneVerification| {
            lane.listed.first().is_some_and(|run| (run.class, run.first_id) == (class, id))
        }
    };
    verified.tells_of(0, "missing", finds(RowFault::Missing, 150)).await;
    verified.tells_of(1, "changed", finds(RowFault::Changed, 44)).await;
    verified.stops().await;
}

#[tokio::test]
async fn what_a_source_has_let_go_is_no_difference_and_what_it_keeps_is_compared() {
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    source
        .execute(
            "create table events (id bigint primary key generated always as identity, ts \
             timestamptz not null default now(), event text)",
        )
        .await;
    copy.execute(
        "create table events (id bigint primary key, ts timestamptz not null, event text)",
    )
    .await;
    let more = "insert into events (event) select 'event' from generate_series(1, 100)";
    source.execute(more).await;
    let mut config = config(&source, &[("copy", &copy)]);
    config.source.keeps = SourceRetention::Tail;
    let mut verified = Verified::start(config, AT_ONCE).await;
    verified.verifies(100).await;
    source.execute("delete from events where id <= 40").await;
    let number = verified.verifies(100).await.round.number;
    let later = |lane: &LaneVerification| lane.round.number > number + 2;
    let lane = verified.tells("later rounds", later).await;
    assert_eq!((lane.differences.total(), lane.verified_through_id), (0, Some(100)), "{lane:?}");
    copy.execute("delete from events where id = 70; update events set event = '' where id = 39")
        .await;
    verified.finds(RowFault::Missing, 70).await;
    verified.stops().await;
}

#[tokio::test]
async fn a_row_that_differed_is_not_called_equal_because_the_source_has_let_go_of_its_own() {
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    let columns = "ts timestamptz not null default now(), event text)";
    source
        .execute(&format!(
            "create table events (id bigint primary key generated always as identity, {columns}"
        ))
        .await;
    copy.execute(&format!("create table events (id bigint primary key, {columns}")).await;
    source.execute("insert into events (event) select 'e' from generate_series(1, 100)").await;
    let mut config = config(&source, &[("copy", &copy)]);
    config.source.keeps = SourceRetention::Tail;
    let mut verified = Verified::start(config, AT_ONCE).await;
    verified.verifies(100).await;
    copy.execute("update events set event = '' where id = 30").await;
    let number = verified.finds(RowFault::Changed, 30).await.round.number;
    source.execute("delete from events where id <= 40").await;
    let later = |lane: &LaneVerification| lane.round.number > number + 3;
    let lane = verified.tells("later rounds", later).await;
    assert_eq!((lane.differences.changed, lane.verified_through_id), (1, Some(29)), "{lane:?}");
    verified.stops().await;
}

#[tokio::test]
async fn a_reload_of_a_changed_file_begins_its_verification_anew() {
    let (source, copy) = pair().await;
    insert(&source, 30).await;
    let config = config(&source, &[("copy", &copy)]);
    let mut verified = Verified::start(config.clone(), SELDOM).await;
    verified.verifies(30).await;
    let changed = ReplicationConfig { revision: 7, verify: AT_ONCE, ..config };
    verified.reloads.send(Ok(vec![changed]).into()).await.unwrap();
    let is_new =
        |roster: &Roster| roster.iter().any(|one| one.config.revision == 7 && one.is_running());
    let roster = verified.roster.wait_for(is_new).await.unwrap();
    let anew = roster[0].verification.clone();
    drop(roster);
    verified.verification = anew;
    let lane = verified.verifies(30).await;
    assert!(lane.events_compared >= 30);
    verified.stops().await;
}
