//! `counterfoil init`: prints or creates what a source or a destination needs.

mod place;
pub(super) mod reflected;
pub(super) mod report;
mod shaped;

use super::args::{Init, InitDestination, InitTarget};
use crate::config::libpq::{Conninfo, Environment};
use crate::destination::postgres::setup::{self as destination_setup, DestinationSetup};
use crate::error::{Error, ErrorKind, Problems, Result};
use crate::postgres::ddl::existing::ExistingObjects;
use crate::postgres::ddl::script::{SetupReport, SetupScript};
use crate::postgres::session::Session;
use crate::postgres::table::TableName;
use crate::source;
use place::InitPlace;
use report::tell;
use std::time::Duration;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// What is wanted, of either side.
enum InitPlan {
    Source(source::setup::SourceSetup),
    Destination(DestinationSetup),
}

impl InitPlan {
    fn script(&self, facts: &ExistingObjects) -> SetupScript {
        match self {
            InitPlan::Source(plan) => plan.script(facts),
            InitPlan::Destination(plan) => plan.script(facts),
        }
    }

    async fn apply(&self, session: &Session) -> Result<SetupReport, Problems> {
        match self {
            InitPlan::Source(plan) => source::setup::apply(session, plan).await,
            InitPlan::Destination(plan) => destination_setup::apply(session, plan).await,
        }
    }
}

/// Runs it.
///
/// # Errors
/// Everything that stands in the way; nothing was changed then, but for a database that was
/// created.
pub(crate) async fn init(init: Init) -> Result<(), Problems> {
    let (target, plan) = match init {
        Init::Source(wanted) => {
            let table = TableName::parse(&wanted.target.table)?;
            let plan = source::setup::SourceSetup::new(table, wanted.ids, wanted.notify);
            (wanted.target, InitPlan::Source(plan))
        }
        Init::Destination(wanted) => match place(&wanted)? {
            None => return shaped::init(wanted).await,
            Some(url) => {
                let mut plan = DestinationSetup::new(TableName::parse(&wanted.table)?);
                if wanted.guard {
                    plan = plan.guarded();
                }
                if wanted.without_indexes {
                    plan = plan.without_indexes();
                }
                (wanted.target(url), InitPlan::Destination(plan))
            }
        },
    };
    let conninfo = Conninfo::parse(&target.url, &Environment::of_process())?;
    let table = TableName::parse(&target.table)?;
    let place = InitPlace {
        conninfo: &conninfo,
        table: &table,
        timeout: CONNECT_TIMEOUT,
        is_dry_run: target.dry_run,
    };
    if target.create_database && place.create_database(|facts| plan.script(facts)).await? {
        return Ok(());
    }
    let session = place.open().await?;
    if target.dry_run {
        return place.print(&session, |facts| plan.script(facts)).await;
    }
    Ok(tell(&plan.apply(&session).await?)?)
}

/// Where a destination is made without a configuration; `None`: there is one.
fn place(wanted: &InitDestination) -> Result<Option<String>> {
    if !wanted.config.is_empty() {
        return Ok(None);
    }
    let url = wanted.url.clone().or_else(|| std::env::var("COUNTERFOIL_URL").ok());
    if url.as_ref().is_some_and(|url| url.starts_with("sqlite:")) {
        return Err(Error::new(
            ErrorKind::Usage,
            "a file of SQLite gets its table by --config alone",
        )
        .because("its columns are those of the source's table")
        .fix("name it in a configuration, and give that with --config FILE"));
    }
    url.map(Some).ok_or_else(|| {
        Error::new(ErrorKind::Usage, "it is not said where the destination is")
            .fix("give --config FILE, for the shape of the source's table, or --url URL")
    })
}

impl InitDestination {
    /// What both sides take.
    fn target(self, url: String) -> InitTarget {
        InitTarget {
            url,
            table: self.table,
            create_database: self.create_database,
            dry_run: self.dry_run,
        }
    }
}
