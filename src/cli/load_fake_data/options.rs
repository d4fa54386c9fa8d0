//! What the flags mean together; every problem is told at once.

use super::args::LoadArguments;
use crate::config::libpq::{Conninfo, Environment};
use crate::config::load::load;
use crate::error::{Error, ErrorKind, Problems};
use crate::load::{Amount, DataSet, LoadJob};
use crate::sql::TableName;
use std::time::Duration;

/// More of anything is a slip of the keyboard.
const COUNT_MAX: u64 = 1_000_000_000_000;
const WRITERS_MAX: u64 = 256;
/// All events of a transaction are in our memory.
const EVENTS_PER_INSERT_MAX: u64 = 100_000;
/// With more, there would be no end.
const ROLLBACKS_PERCENT_MAX: u8 = 90;
const RATE_MAX: f64 = 1e9;
/// A hundred years.
const DURATION_S_MAX: f64 = 3_155_760_000.0;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// Where the database is named; a flag wins over a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DatabaseOption {
    /// By a flag.
    ByFlag,
    /// By a variable of the environment.
    ByVariable,
    /// Not at all.
    Not,
}

/// Where it is to be loaded.
struct LoadPlace {
    conninfo: Conninfo,
    connect_timeout: Duration,
    table: TableName,
    id_column: String,
    notes: Vec<String>,
}

/// The job, and notes on the configuration.
///
/// # Errors
/// `Usage`: all problems of flags and configuration together.
pub(crate) fn job(
    arguments: &LoadArguments,
    config: DatabaseOption,
    url: DatabaseOption,
    seed: u64,
    env: &Environment<'_>,
) -> Result<(LoadJob, Vec<String>), Problems> {
    let mut problems = numbers(arguments);
    let table = arguments.table.as_deref().map(|table| problems.note(TableName::parse(table)));
    let place = place(arguments, config, url, env).map_err(|found| problems.extend(found));
    let amount = amount(arguments).map_err(|found| problems.extend(found));
    if let Ok(amount) = amount {
        problems.extend(large(arguments.large_events, amount));
    }
    let (Ok(place), Ok(amount), true) = (place, amount, problems.is_empty()) else {
        return Err(problems);
    };
    let job = LoadJob {
        conninfo: place.conninfo,
        connect_timeout: place.connect_timeout,
        table: table.flatten().unwrap_or(place.table),
        id_column: place.id_column,
        data_set: arguments.world,
        locale: arguments.locale,
        seed,
        amount,
        large_events: arguments.large_events,
        writers: arguments.writers,
        events_per_insert: arguments.events_per_insert,
        events_per_s: arguments.rate,
        duration: arguments.duration.map(Duration::from_secs_f64),
        rollbacks_percent: arguments.rollbacks,
        method: arguments.method,
    };
    Ok((job, place.notes))
}

fn wrong(flag: &str, what: impl Into<String>, fix: impl Into<String>) -> Error {
    Error::new(ErrorKind::Usage, what).at(flag).fix(fix)
}

fn numbers(arguments: &LoadArguments) -> Problems {
    let mut problems = Problems::new();
    let mut demand = |is_right: bool, flag: &str, range: String| {
        if !is_right {
            problems.push(wrong(flag, format!("{flag} is out of range"), format!("give {range}")));
        }
    };
    for (flag, count) in [
        ("--persons", arguments.persons),
        ("--fillers", arguments.fillers),
        ("--deletes", arguments.deletes),
        ("--events", arguments.events),
    ] {
        demand(count.is_none_or(|count| count <= COUNT_MAX), flag, format!("{COUNT_MAX} at most"));
    }
    let is_writers = (1..=WRITERS_MAX).contains(&arguments.writers);
    demand(is_writers, "--writers", format!("1 to {WRITERS_MAX}"));
    let is_per_insert = |events: u64| (1..=EVENTS_PER_INSERT_MAX).contains(&events);
    let is_per_insert = arguments.events_per_insert.is_none_or(is_per_insert);
    demand(is_per_insert, "--events-per-insert", format!("1 to {EVENTS_PER_INSERT_MAX}"));
    let is_rate = arguments.rate.is_none_or(|rate| rate > 0.0 && rate <= RATE_MAX);
    demand(is_rate, "--rate", format!("more than 0 and up to {RATE_MAX} events a second"));
    let is_duration =
        arguments.duration.is_none_or(|seconds| seconds > 0.0 && seconds <= DURATION_S_MAX);
    demand(is_duration, "--duration", format!("more than 0 and up to {DURATION_S_MAX} seconds"));
    let is_rollbacks = arguments.rollbacks <= ROLLBACKS_PERCENT_MAX;
    demand(is_rollbacks, "--rollbacks", format!("0 to {ROLLBACKS_PERCENT_MAX} per cent"));
    problems
}

fn place(
    arguments: &LoadArguments,
    config: DatabaseOption,
    url: DatabaseOption,
    env: &Environment<'_>,
) -> Result<LoadPlace, Problems> {
    match (&arguments.config, config, &arguments.url, url) {
        (Some(_), DatabaseOption::ByFlag, Some(_), DatabaseOption::ByFlag) => {
            Err(wrong("--config, --url", "the database is named twice", "give one of them").into())
        }
        (Some(_), DatabaseOption::ByVariable, Some(_), DatabaseOption::ByVariable) => {
            let what = "the database is named twice, by COUNTERFOIL_CONFIG and by COUNTERFOIL_URL";
            Err(wrong(
                "--config, --url",
                what,
                "give --config or --url, or unset one of the variables",
            )
            .into())
        }
        (Some(file), DatabaseOption::ByFlag, ..)
        | (Some(file), _, None, _)
        | (Some(file), _, _, DatabaseOption::Not) => {
            let config = load(file, env)?;
            Ok(LoadPlace {
                conninfo: config.source.conninfo,
                connect_timeout: config.limits.connect_timeout,
                table: config.source.table,
                id_column: config.source.id_column,
                notes: config.notes,
            })
        }
        (_, _, Some(url), _) => Ok(LoadPlace {
            conninfo: Conninfo::parse(url, env).map_err(|error| error.at("--url"))?,
            connect_timeout: CONNECT_TIMEOUT,
            table: TableName::parse("public.events")?,
            id_column: "id".to_owned(),
            notes: Vec::new(),
        }),
        (None, _, None, _) => {
            let fix = "give --url, or --config (or COUNTERFOIL_URL or COUNTERFOIL_CONFIG)";
            Err(wrong("--config, --url", "no database to load was given", fix).into())
        }
    }
}

fn amount(arguments: &LoadArguments) -> Result<Amount, Problems> {
    let mut problems = Problems::new();
    let of_persons = [
        ("--persons", arguments.persons),
        ("--fillers", arguments.fillers),
        ("--deletes", arguments.deletes),
    ];
    if arguments.world != DataSet::Persons {
        for (flag, _) in of_persons.iter().filter(|(_, count)| count.is_some()) {
            let what = format!("{flag} applies to the world of persons only");
            problems.push(wrong(flag, what, "give --events instead, or --world persons"));
        }
        return problems.or_ok(match (arguments.events, arguments.duration) {
            (None, Some(_)) => Amount::Endless,
            (events, _) => Amount::Events(events.unwrap_or(10_000)),
        });
    }
    if arguments.events.is_some() {
        let what = "--events does not apply to the world of persons";
        problems.push(wrong(
            "--events",
            what,
            "give --persons, --fillers and --deletes, or --world orders or devices",
        ));
    }
    let persons = arguments.persons.unwrap_or(1_000);
    let deletes = arguments.deletes.unwrap_or(persons.min(50));
    if deletes > persons {
        let what = format!("{deletes} of {persons} persons cannot be deleted");
        problems.push(wrong(
            "--deletes",
            what,
            format!("give --deletes {persons} at most, or more --persons"),
        ));
    }
    let is_endless =
        arguments.duration.is_some() && of_persons.iter().all(|(_, count)| count.is_none());
    problems.or_ok(if is_endless {
        Amount::Endless
    } else {
        Amount::Persons { persons, deletes, fillers: arguments.fillers.unwrap_or(10_000) }
    })
}

fn large(wanted: u64, amount: Amount) -> Problems {
    let mut problems = Problems::new();
    match amount.events() {
        None if wanted > 0 => {
            let what = "large events cannot be spread evenly over events without an end";
            problems.push(wrong("--large-events", what, "give an amount besides --duration"));
        }
        Some(events) if wanted > events => {
            let what = format!("{wanted} of {events} events cannot be large");
            problems.push(wrong("--large-events", what, format!("give {events} at most")));
        }
        _ => {}
    }
    problems
}

#[cfg(test)]
mod tests;
