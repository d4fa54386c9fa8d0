//! `counterfoil init`: prints or creates what a source or a destination needs.

use super::args::{Ids, Init, InitTarget, Notify};
use crate::config::libpq::{Conninfo, Environment};
use crate::destination;
use crate::error::{Problems, Result};
use crate::event::table::TableName;
use crate::log::escape::{fit, fit_lines};
use crate::postgres::connect::{Purpose, Session};
use crate::postgres::database;
use crate::postgres::fault::Side;
use crate::postgres::objects::{Facts, ServerFacts};
use crate::postgres::pooler;
use crate::postgres::script::{Report, Script};
use crate::source;
use std::time::Duration;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// What is wanted, of either side.
enum Plan {
    Source(source::setup::Plan),
    Destination(destination::setup::Plan),
}

impl Plan {
    fn script(&self, facts: &Facts) -> Script {
        match self {
            Plan::Source(plan) => plan.script(facts),
            Plan::Destination(plan) => plan.script(facts),
        }
    }

    async fn apply(&self, session: &Session) -> Result<Report, Problems> {
        match self {
            Plan::Source(plan) => source::setup::apply(session, plan).await,
            Plan::Destination(plan) => destination::setup::apply(session, plan).await,
        }
    }
}

/// Runs it.
///
/// # Errors
/// Everything that stands in the way; nothing was changed then, but for a database that was created.
pub async fn init(init: Init) -> Result<(), Problems> {
    let (target, plan) = match init {
        Init::Source(wanted) => {
            let table = TableName::parse(&wanted.target.table)?;
            let plan = source::setup::Plan::new(table, ids(wanted.ids), wanted.notify.map(notify));
            (wanted.target, Plan::Source(plan))
        }
        Init::Destination(wanted) => {
            let mut plan = destination::setup::Plan::new(TableName::parse(&wanted.target.table)?);
            if wanted.guard {
                plan = plan.guarded();
            }
            if wanted.without_indexes {
                plan = plan.without_indexes();
            }
            (wanted.target, Plan::Destination(plan))
        }
    };
    let conninfo = Conninfo::parse(&target.url, &Environment::of_process())?;
    if target.create_database && create_database(&conninfo, &target, &plan).await? {
        return Ok(());
    }
    let session = pooler::open(&conninfo, purpose(), CONNECT_TIMEOUT).await?;
    if target.dry_run {
        let script = plan.script(&Facts::read(&session, &TableName::parse(&target.table)?).await?);
        print!("{}", script.sql());
        return if script.refusals().is_empty() {
            Ok(())
        } else {
            Err(script.refusals().clone())
        };
    }
    tell(&plan.apply(&session).await?);
    Ok(())
}

/// Creates a missing database, or prints what would be created in it; then, with `--dry-run`, nothing is left to do.
async fn create_database(conninfo: &Conninfo, target: &InitTarget, plan: &Plan) -> Result<bool, Problems> {
    let maintenance = database::maintenance_session(conninfo, purpose(), CONNECT_TIMEOUT).await?;
    let Some(create) = database::missing_database(&maintenance, &conninfo.database).await? else {
        return Ok(false);
    };
    if target.dry_run {
        let server = ServerFacts {
            database: conninfo.database.clone(),
            ..ServerFacts::read(&maintenance).await?
        };
        let facts = Facts::of_new_database(server, &TableName::parse(&target.table)?);
        println!(
            "{create}\n\\connect {}\n{}",
            crate::sql::ident(&conninfo.database),
            plan.script(&facts).sql()
        );
        return Ok(true);
    }
    database::create_database(&maintenance, &conninfo.database).await?;
    println!("created database {}", fit(&conninfo.database));
    Ok(false)
}

fn tell(report: &Report) {
    report.created.iter().for_each(|what| println!("created {}", fit(what)));
    report.present.iter().for_each(|what| println!("already there: {}", fit(what)));
    report.notes.iter().for_each(|note| println!("note: {}", fit_lines(note)));
    if report.created.is_empty() {
        println!("nothing was missing, nothing was changed");
    }
}

fn purpose() -> Purpose {
    Purpose {
        what: "init",
        side: Side::Destination,
    }
}

fn ids(ids: Ids) -> source::setup::Ids {
    match ids {
        Ids::Consecutive => source::setup::Ids::Consecutive,
        Ids::Sequence => source::setup::Ids::Sequence,
    }
}

fn notify(notify: Notify) -> source::setup::Notify {
    match notify {
        Notify::Doorbell => source::setup::Notify::Doorbell,
        Notify::Slate => source::setup::Notify::Slate,
        Notify::None => source::setup::Notify::None,
    }
}
