//! What is compared with what: a source with destinations of a configuration, or two URLs.

use super::args::CompareArguments;
use crate::cli::begin::configuration;
use crate::cli::config_file::ConfigFile;
use crate::commands::{self, naming};
use crate::config::libpq::{Conninfo, Environment};
use crate::config::{DestinationConfig, IdsSetting, ReplicationConfig, SourceRetention};
use crate::error::{Error, ErrorKind, Problems};
use crate::sql::{ColumnNames, RowCondition, TableName};
use crate::verify::compare::configured::{destination_place, source_place};
use crate::verify::compare::side::SidePlace;
use std::path::PathBuf;
use std::time::Duration;

/// Where nothing is configured.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
const CONFIG_VARIABLE: &str = "COUNTERFOIL_CONFIG";

/// Where a table is that is compared with the truth.
#[derive(Debug)]
pub enum CopyPlace {
    /// In PostgreSQL.
    Postgres(SidePlace),
    /// In another engine.
    Elsewhere(DestinationConfig),
}

impl CopyPlace {
    /// What it is called in the output.
    pub fn name(&self) -> String {
        match self {
            Self::Postgres(place) => place.name.clone(),
            Self::Elsewhere(to) => format!("destination {:?}", to.name),
        }
    }
}

/// A table that is compared with the truth.
#[derive(Debug)]
pub struct ComparedCopy {
    /// Where it is.
    pub place: CopyPlace,
    /// Which rows of the truth it takes; `None`: all.
    pub takes: Option<RowCondition>,
    /// The command that replaces single events of it, the ids left out; `None` where no
    /// configuration names it.
    pub replace: Option<String>,
}

/// See the module.
#[derive(Debug)]
pub struct ComparisonSubject {
    /// The truth.
    pub first: SidePlace,
    /// What is compared with it, one after the other; at least one.
    pub seconds: Vec<ComparedCopy>,
    /// The integer key.
    pub id_column: String,
    /// How ids are given out, as configured.
    pub ids: IdsSetting,
    /// Gaps that are accepted.
    pub known_gaps: Vec<(i64, i64)>,
    /// Which of its events the first side keeps.
    pub keeps: SourceRetention,
    /// How long a connection may take.
    pub timeout: Duration,
}

/// Reads it from the flags.
///
/// # Errors
/// `Usage`: all problems together.
pub(crate) fn subject(arguments: &CompareArguments) -> Result<ComparisonSubject, Problems> {
    let found = match arguments.urls.len() {
        2 => of_urls(arguments),
        0 => of_config(arguments),
        _ => {
            Err(usage("a table is compared with another one", "give two URLs, or --config").into())
        }
    };
    let mut problems = Problems::new();
    let found = found.map_err(|wrong| problems.extend(wrong)).ok();
    if let (Some(from), Some(through)) = (arguments.from, arguments.through)
        && from > through
    {
        problems.push(usage(
            &format!("--from {from} is above --through {through}"),
            "give the lower id first",
        ));
    }
    let is_of_one = found.as_ref().is_none_or(|subject| subject.seconds.len() == 1);
    for (flag, is_given) in
        [("--repair-sql", arguments.repair_sql.is_some()), ("--resume", arguments.resume.is_some())]
    {
        if is_given && !is_of_one {
            problems.push(usage(
                &format!("{flag} is about one destination"),
                "name it with --destination",
            ));
        }
    }
    let is_partial =
        found.as_ref().is_some_and(|found| found.seconds.iter().any(|copy| copy.takes.is_some()));
    if is_partial && arguments.resume.is_some() {
        problems.push(usage(
            "--resume is for comparisons of all events, and this destination takes some (where)",
            "compare without --resume",
        ));
    }
    let elsewhere = |copy: &&ComparedCopy| matches!(copy.place, CopyPlace::Elsewhere(_));
    let of_postgres = [
        ("--repair-sql", arguments.repair_sql.is_some()),
        ("--resume", arguments.resume.is_some()),
        ("--validate", arguments.validate),
    ];
    if let Some(copy) = found.iter().flat_map(|found| &found.seconds).find(elsewhere) {
        for (flag, _) in of_postgres.into_iter().filter(|(_, is_given)| *is_given) {
            problems.push(usage(
                &format!("{flag} is for tables of PostgreSQL, and {} is none", copy.place.name()),
                &format!("leave {flag} out, or name the other destinations with --destination"),
            ));
        }
    }
    match found {
        Some(found) if problems.is_empty() => Ok(found),
        _ => Err(problems),
    }
}

fn usage(what: &str, fix: &str) -> Error {
    Error::new(ErrorKind::Usage, what).fix(fix)
}

fn of_urls(arguments: &CompareArguments) -> Result<ComparisonSubject, Problems> {
    let mut problems = Problems::new();
    let environment = Environment::of_process();
    let table =
        |given: Option<&String>| TableName::parse(given.map_or("public.events", String::as_str));
    let mut place = |name: &str, url: &str, given: Option<&String>| {
        let conninfo = problems.note(
            Conninfo::parse(url, &environment)
                .map_err(|error| error.while_doing(format!("cannot read the {name} URL"))),
        );
        let table = problems.note(table(given));
        conninfo.zip(table).map(|(conninfo, table)| SidePlace {
            name: name.to_owned(),
            conninfo,
            table,
            rows: None,
            columns: Vec::new(),
            names: ColumnNames::default(),
        })
    };
    let first = place("first", &arguments.urls[0], arguments.table.as_ref());
    let second = place(
        "second",
        &arguments.urls[1],
        arguments.second_table.as_ref().or(arguments.table.as_ref()),
    );
    match (first, second) {
        (Some(first), Some(second)) => Ok(ComparisonSubject {
            first,
            seconds: vec![ComparedCopy {
                place: CopyPlace::Postgres(second),
                takes: None,
                replace: None,
            }],
            id_column: arguments.id_column.clone().unwrap_or_else(|| "id".to_owned()),
            ids: IdsSetting::Auto,
            known_gaps: Vec::new(),
            keeps: SourceRetention::All,
            timeout: CONNECT_TIMEOUT,
        }),
        _ => Err(problems),
    }
}

/// What is computed of events holds none that could be compared.
fn require_events(destinations: &[DestinationConfig], flags: &str) -> Result<(), Problems> {
    let mut problems = Problems::new();
    for to in destinations.iter().filter(|to| to.reflections().is_some()) {
        let what = format!("destination {:?} has reflections, which hold no events", to.name);
        problems
            .push(Error::new(ErrorKind::Usage, what).at(to.settings().describe()).fix(format!(
            "counterfoil reflect verify {flags} compares them; name the copies with --destination"
        )));
    }
    problems.or_ok(())
}

fn of_config(arguments: &CompareArguments) -> Result<ComparisonSubject, Problems> {
    let from_environment = || std::env::var_os(CONFIG_VARIABLE).map(PathBuf::from);
    let mut config = arguments.config.clone();
    config.extend(from_environment().filter(|_| arguments.config.is_empty()));
    if config.is_empty() {
        return Err(usage("nothing to compare was named", "give --config FILE or two URLs").into());
    }
    let file = ConfigFile { config, replication: arguments.replication.iter().cloned().collect() };
    let (_, config) = configuration(&file, arguments.destination.clone())?;
    let ReplicationConfig { source, destinations, limits, flags, .. } = config;
    require_events(&destinations, &flags)?;
    let replace = |name: &str| naming(&commands::repair(name, "--replace"), &flags);
    let seconds = destinations.into_iter().map(|to| ComparedCopy {
        takes: to.settings().rows().cloned(),
        replace: to.postgres().map(|_| replace(&to.name)),
        place: match to.postgres() {
            Some(postgres) => CopyPlace::Postgres(destination_place(&to, postgres)),
            None => CopyPlace::Elsewhere(to),
        },
    });
    let seconds: Vec<ComparedCopy> = seconds.collect();
    Ok(ComparisonSubject {
        first: source_place(&source),
        seconds,
        id_column: source.id_column,
        ids: source.ids,
        known_gaps: source.known_gaps,
        keeps: source.keeps,
        timeout: limits.connect_timeout,
    })
}
