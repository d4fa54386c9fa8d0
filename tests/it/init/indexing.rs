//! A destination that is filled first and indexed then.

use super::{events, objects, open};
use crate::harness::{Database, fresh_database, fresh_destination};
use crate::support::events::{Writers, arrives, equal, init_source, insert};
use crate::support::replicator::Setup;
use counterfoil::destination::postgres::setup as destination;
use counterfoil::postgres::ddl::script::SetupReport;
use counterfoil::postgres::session::error::ErrorSide;

/// `init destination`, with `--without-indexes` where the table is not to have them.
async fn init(database: &Database, is_indexed: bool) -> SetupReport {
    let plan = destination::DestinationSetup::new(events());
    let plan = if is_indexed { plan } else { plan.without_indexes() };
    destination::apply(&open(database, "init", ErrorSide::Destination).await, &plan).await.unwrap()
}

/// The statements of a report by which missing indexes are added.
fn statements(report: &SetupReport) -> Vec<&str> {
    let lines = report.notes.iter().flat_map(|note| note.lines());
    lines.filter(|line| line.starts_with("create index concurrently ")).collect()
}

async fn indexes(database: &Database) -> usize {
    let usable = "select indexrelid::regclass::text from pg_index where indrelid = \
                  'events'::regclass and indisvalid";
    database.query(usable).await.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_without_indexes_gets_them_later_while_events_arrive() {
    let (source, copy) = (fresh_database().await, fresh_destination().await);
    init_source(&source).await;
    insert(&source, 30_000).await;
    let report = init(&copy, false).await;
    assert_eq!(objects(&copy, "public").await, ["i events_pkey", "r events"]);
    assert!(
        report.to_string().contains("init destination prints how to add its indexes"),
        "{report}"
    );

    let replicator = Setup::from(&source).to("copy", &copy).start(&[]);
    arrives(&copy, 30_000).await;
    let writers = Writers::start(&source, 2, 1);
    let report = init(&copy, true).await;
    assert!(report.created.is_empty(), "{report}");
    assert_eq!(statements(&report).len(), 5, "{report}");
    for statement in statements(&report) {
        copy.execute(statement).await;
    }
    assert!(writers.stop().await > 0);
    equal(&source, &copy).await;
    assert_eq!(replicator.stops().await.code, Some(0));
    assert_eq!(indexes(&copy).await, 6);
    let report = init(&copy, true).await;
    assert!(statements(&report).is_empty(), "{report}");
}

#[tokio::test]
async fn indexes_that_are_there_stay_and_the_sql_of_a_dry_run_leaves_them_out() {
    let (old, new) = (fresh_destination().await, fresh_destination().await);
    init(&old, true).await;
    let report = init(&old, false).await;
    assert!(
        report.created.is_empty() && report.to_string().contains("its indexes stay as they are"),
        "{report}"
    );
    assert_eq!(indexes(&old).await, 6);

    let session = open(&new, "init", ErrorSide::Destination).await;
    let facts = counterfoil::postgres::ddl::existing::ExistingObjects::read(&session, &events())
        .await
        .unwrap();
    new.execute(&destination::DestinationSetup::new(events()).without_indexes().sql(&facts)).await;
    assert_eq!(indexes(&new).await, 1);
}
