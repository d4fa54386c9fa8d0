//! `init source` and `init destination` make the objects that are promised, and these keep what
//! they promise.

mod creating;
mod guarding;
mod indexing;
mod inserting;
mod names;
mod refusing;
mod shaped;
mod waking;

use crate::harness::Database;
use counterfoil::error::Problems;
use counterfoil::postgres::ddl::existing::ExistingObjects;
use counterfoil::postgres::ddl::script::SetupReport;
use counterfoil::postgres::session::error::ErrorSide;
use counterfoil::postgres::session::{Session, SessionPurpose};
use counterfoil::postgres::table::TableName;
use counterfoil::source::setup::{self, IdsOption, NotifyOption, SourceSetup};
use std::time::Duration;

/// A session as `init source` opens it.
async fn session(database: &Database) -> Session {
    open(database, "init", ErrorSide::Source).await
}

async fn open(database: &Database, what: &'static str, side: ErrorSide) -> Session {
    Session::open(&database.conninfo, SessionPurpose { what, side }, Duration::from_secs(30))
        .await
        .unwrap()
}

fn table(schema: &str, name: &str) -> TableName {
    TableName { schema: schema.to_owned(), name: name.to_owned() }
}

fn events() -> TableName {
    table("public", "events")
}

/// Runs `init source` as its roof does.
async fn init(database: &Database, plan: &SourceSetup) -> Result<SetupReport, Problems> {
    setup::apply(&session(database).await, plan).await
}

/// A source `public.events` of consecutive ids with a doorbell.
async fn consecutive_source(database: &Database) {
    init(
        database,
        &SourceSetup::new(events(), IdsOption::Consecutive, Some(NotifyOption::Doorbell)),
    )
    .await
    .unwrap();
}

async fn facts(database: &Database, table: &TableName) -> ExistingObjects {
    ExistingObjects::read(&session(database).await, table).await.unwrap()
}

/// What a schema holds: relations, functions and triggers, each as one line.
async fn objects(database: &Database, schema: &str) -> Vec<String> {
    let schema = counterfoil::sql::literal(schema);
    database
        .query(&format!(
            "select relkind::text || ' ' || relname from pg_class where relnamespace = (select oid \
             from pg_namespace where nspname = {schema}) union all select 'f ' || proname || '(' \
             || pg_get_function_identity_arguments(oid) || ')' from pg_proc where pronamespace = \
             (select oid from pg_namespace where nspname = {schema}) union all select 't ' || \
             tgname || ' ' || tgenabled::text from pg_trigger where not tgisinternal and tgrelid \
             in (select oid from pg_class where relnamespace = (select oid from pg_namespace where \
             nspname = {schema})) order by 1"
        ))
        .await
}

/// The report of a refusal.
fn refusal(result: Result<SetupReport, Problems>) -> String {
    result.expect_err("init refuses").report()
}
