//! Wrong destinations, through the program: its exit code, a remedy that names what to do, and
//! nothing written, to no destination.

use super::program::{Ended, Program, finish, rows};
use crate::configured;
use crate::harness::{Database, fresh_database, fresh_destination};
use crate::support::events::equal;
use crate::support::proxy::{Network, Way};
use crate::support::through;
use crate::truth::watched::Watched;
use counterfoil::config::libpq::{Conninfo, Environment};
use counterfoil::error::{Error, ErrorKind};
use counterfoil::replicate::health::Health;
use std::time::Duration;

const SOURCE: &str =
    "create table events (id bigserial primary key, ts timestamptz not null, event jsonb not null)";
const DESTINATION: &str =
    "create table events (id bigint primary key, ts timestamptz not null, event jsonb not null)";
/// Events 1 to 100, the same wherever it runs.
const HUNDRED: &str = "insert into events (id, ts, event) select i, timestamptz '2026-04-03 \
                       10:11:12.123456+00' + i * interval '1 s', jsonb_build_object('n', i) from \
                       generate_series(1, 100) i";

async fn source() -> Database {
    let source = fresh_database().await;
    source.execute(&format!("{SOURCE}; {HUNDRED}; select setval('events_id_seq', 100)")).await;
    source
}

async fn empty() -> Database {
    let destination = fresh_destination().await;
    destination.execute(DESTINATION).await;
    destination
}

/// The hundred events on both sides but for these changes, and a good, empty destination besides
/// the wrong one.
struct Case {
    source: Database,
    wrong: Database,
    good: Database,
    program: Program,
}

impl Case {
    async fn new(source: Database, wrong: Database) -> Self {
        let good = empty().await;
        let program = Program::between(
            &source.conninfo,
            "",
            &[("wrong", &wrong.conninfo), ("good", &good.conninfo)],
        );
        Self { source, wrong, good, program }
    }

    async fn changed(change_source: &str, change_destination: &str) -> Self {
        let (source, wrong) = (source().await, empty().await);
        wrong.execute(&format!("{HUNDRED}; {change_destination}")).await;
        source.execute(change_source).await;
        Self::new(source, wrong).await
    }

    /// Runs it and checks that neither destination was written to.
    async fn refusal(&self) -> Ended {
        let before = rows(&self.wrong).await;
        let ended = self.program.run(&["--until-caught-up"]).await;
        assert_eq!(rows(&self.wrong).await, before, "the wrong destination was written to");
        assert_eq!(
            rows(&self.good).await,
            Vec::<String>::new(),
            "the good destination was written to"
        );
        ended
    }

    /// Runs the command of the remedy, as it is written there, and the program again: both are
    /// copies then.
    async fn is_cured_by(&self, remedy: &str) {
        let flags: Vec<&str> = remedy.split(' ').chain(["--yes"]).collect();
        assert_says(&finish(self.program.subcommand("repair", &flags)).await, 0, &[]);
        let ended = self.program.run(&["--until-caught-up"]).await;
        assert_says(&ended, 0, &[]);
        for destination in [&self.wrong, &self.good] {
            assert_eq!(rows(destination).await, rows(&self.source).await);
        }
    }
}

fn assert_says(ended: &Ended, code: i32, texts: &[&str]) {
    assert_eq!(ended.code, code, "{ended}");
    for text in texts {
        assert!(ended.stderr.contains(text), "{text:?} is missing in {ended}");
    }
}

#[tokio::test]
async fn a_destination_filled_by_other_means_ends_with_4() {
    let case = Case::changed(
        "",
        "update events set ts = ts + interval '1 h', event = event || '{\"other\": true}'",
    )
    .await;
    let cure = "--destination wrong --rewind-to 0";
    let texts = [
        "destination \"wrong\" does not begin as the source does",
        "they agree on no event",
        "name the right table, or empty this one",
        cure,
        "nothing was written",
    ];
    assert_says(&case.refusal().await, 4, &texts);
    case.is_cured_by(cure).await;
}

#[tokio::test]
async fn a_destination_ahead_of_its_source_ends_with_4() {
    let case = Case::changed("delete from events where id > 90", "").await;
    let cure = "--destination wrong --rewind-to 90";
    let texts = [
        "destination \"wrong\" is ahead of the source by 10 events",
        "both agree up to id 90",
        cure,
    ];
    assert_says(&case.refusal().await, 4, &texts);
    case.is_cured_by(cure).await;
}

#[tokio::test]
async fn another_first_event_ends_with_4() {
    let case = Case::changed("", "update events set event = '{\"n\": 1.0}' where id = 1").await;
    let texts = [
        "destination \"wrong\" does not begin as the source does",
        "it differs in \"event\"",
        "nothing was written",
    ];
    assert_says(&case.refusal().await, 4, &texts);
}

#[tokio::test]
async fn a_last_event_that_differs_by_a_microsecond_ends_with_4() {
    let case =
        Case::changed("", "update events set ts = ts + interval '1 us' where id = 100").await;
    let cure = "--destination wrong --rewind-to 99";
    let texts = [
        "destination \"wrong\" holds another event 100 than the source",
        "both agree up to id 99",
        "it differs in \"ts\"",
        cure,
    ];
    assert_says(&case.refusal().await, 4, &texts);
    case.is_cured_by(cure).await;
}

#[tokio::test]
async fn a_hole_in_the_count_ends_with_4() {
    let case = Case::changed("", "delete from events where id = 50").await;
    let cure = "--destination wrong --insert-missing";
    let texts = [
        "destination \"wrong\" does not hold as many events as the source",
        "both agree up to id 49",
        cure,
    ];
    assert_says(&case.refusal().await, 4, &texts);
    case.is_cured_by(cure).await;
}

#[tokio::test]
async fn other_column_types_and_a_missing_column_end_with_3_told_together() {
    let (source, wrong) = (source().await, fresh_destination().await);
    wrong.execute("create table events (id bigint primary key, event json not null)").await;
    let case = Case::new(source, wrong).await;
    let cures = [
        "ALTER TABLE public.events ALTER COLUMN \"event\" TYPE jsonb USING \"event\"::jsonb;",
        "ALTER TABLE public.events ADD COLUMN \"ts\" timestamp with time zone;",
    ];
    let texts = [
        "column \"event\" is jsonb at the source and json at the destination",
        "the destination has no column \"ts\"",
        cures[0],
        cures[1],
    ];
    assert_says(&case.refusal().await, 3, &texts);
    case.wrong.execute(&cures.concat()).await;
    assert_says(&case.program.run(&["--until-caught-up"]).await, 0, &[]);
}

#[tokio::test]
async fn the_source_itself_through_another_host_name_ends_with_2() {
    let (source, good) = (source().await, empty().await);
    let itself: Conninfo = source.server.conninfo_tcp(&source.conninfo.database);
    let before = rows(&source).await;
    let program =
        Program::between(&source.conninfo, "", &[("itself", &itself), ("good", &good.conninfo)]);
    let ended = program.run(&["--until-caught-up"]).await;
    assert_says(
        &ended,
        2,
        &[
            "the source and destination \"itself\" are the same database and table",
            "remove one of them",
        ],
    );
    assert_eq!((rows(&source).await, rows(&good).await), (before, Vec::new()));
}

#[tokio::test]
async fn two_destinations_that_are_the_same_table_end_with_2() {
    let (source, good) = (source().await, empty().await);
    let again = good.server.conninfo_tcp(&good.conninfo.database);
    let program =
        Program::between(&source.conninfo, "", &[("one", &good.conninfo), ("again", &again)]);
    let ended = program.run(&["--until-caught-up"]).await;
    assert_says(
        &ended,
        2,
        &["destination \"one\" and destination \"again\" are the same database and table"],
    );
    assert_eq!(rows(&good).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_source_whose_row_level_security_would_hide_rows_ends_with_3() {
    let (source, good) = (source().await, empty().await);
    let role = format!("truth_{}", source.conninfo.database);
    // Two transactions: an analyze of the server's own waits for the first one, and holds the table.
    let granted = format!(
        "create role {role} login; grant select on events to {role}; alter role {role} set \
         row_security = on"
    );
    source.execute(&granted).await;
    let hidden = format!(
        "alter table events enable row level security; create policy upper_half on events to \
         {role} using (id > 50)"
    );
    source.execute(&hidden).await;
    let reader = Conninfo { user: role.clone(), ..source.conninfo.clone() };
    let ended = Program::between(&reader, "", &[("good", &good.conninfo)])
        .run(&["--until-caught-up"])
        .await;
    assert_says(
        &ended,
        3,
        &["row-level security would hide rows of public.events from role", "BYPASSRLS"],
    );
    assert_eq!(rows(&good).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_destination_that_is_a_prefix_is_filled_up_and_the_program_ends_with_0() {
    let (source, prefix, good) = (source().await, empty().await, empty().await);
    prefix.execute(&format!("{HUNDRED}; delete from events where id > 60")).await;
    let program = Program::between(
        &source.conninfo,
        "",
        &[("prefix", &prefix.conninfo), ("good", &good.conninfo)],
    );
    let ended = program.run(&["--until-caught-up"]).await;
    assert_says(&ended, 0, &[]);
    for destination in [&prefix, &good] {
        assert_eq!(rows(destination).await, rows(&source).await);
    }
    assert!(ended.stdout.contains("first event, last event and count agree"), "{ended}");
}

/// A replication from this source to `good` and to a second destination, which was away at the
/// start and then came.
async fn with_one_that_comes_late(
    source: &Database,
    good: &Database,
    late: (&str, &Database),
) -> Watched {
    let network = through(late.1, Network::default()).await;
    network.swallow(&[Way::ToServer, Way::ToClient]);
    let mut config = configured::config(source, &[("one", good), late]);
    let url = network.url(&late.1.conninfo.database);
    config.destinations[1].postgres_mut().unwrap().conninfo =
        Conninfo::parse(&url, &Environment::empty()).unwrap();
    config.limits.connect_timeout = Duration::from_millis(500);
    let mut watched = Watched::start(&config, false);
    watched.is(1, Health::Waiting).await;
    watched.is(0, Health::Level).await;
    network.heal();
    watched
        .shows("it was judged", |now| {
            [Health::Stopped, Health::Diverged].contains(&now.lanes[1].health)
        })
        .await;
    watched
}

#[tokio::test]
async fn a_destination_that_was_away_at_the_start_and_names_the_table_of_another_stops_when_it_comes()
 {
    let (source, good) = (source().await, empty().await);
    let watched = with_one_that_comes_late(&source, &good, ("again", &good)).await;
    let what = watched.snapshots.borrow().lanes[1].connection.outage.as_ref().unwrap().what.clone();
    assert_eq!(
        what,
        "destination \"one\" and destination \"again\" are the same database and table"
    );
    source
        .execute("insert into events (ts, event) select now(), '{}' from generate_series(1, 3)")
        .await;
    equal(&source, &good).await;
    let problems = watched.running.stopped().await;
    assert_eq!(problems.worst().map(Error::kind), Some(ErrorKind::Usage), "{}", problems.report());
}

#[tokio::test]
async fn a_destination_that_was_away_at_the_start_and_is_the_source_itself_stops_when_it_comes() {
    let (source, good) = (source().await, empty().await);
    let before = rows(&source).await;
    let watched = with_one_that_comes_late(&source, &good, ("itself", &source)).await;
    let problems = watched.running.stopped().await;
    assert!(
        problems
            .report()
            .contains("the source and destination \"itself\" are the same database and table"),
        "{}",
        problems.report()
    );
    assert_eq!(rows(&source).await, before);
}

#[tokio::test]
async fn a_destination_that_was_away_at_the_start_and_begins_otherwise_stops_when_it_comes() {
    let (source, good, other) = (source().await, empty().await, empty().await);
    other.execute(&format!("{HUNDRED}; update events set event = '{{}}' where id = 1")).await;
    let before = rows(&other).await;
    let watched = with_one_that_comes_late(&source, &good, ("other", &other)).await;
    let problems = watched.running.stopped().await;
    assert_eq!(problems.worst().map(Error::kind), Some(ErrorKind::Contents));
    assert!(
        problems.report().contains("does not begin as the source does"),
        "{}",
        problems.report()
    );
    assert_eq!(rows(&other).await, before);
}
