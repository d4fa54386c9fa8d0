//! `counterfoil wait`: waits until destinations hold everything up to an id, whoever feeds them;
//! reads only.

use super::args;
use super::begin::configurations;
use super::output::{aside, line, put};
use crate::commands;
use crate::config::{DestinationConfig, ReplicationConfig};
use crate::error::{Error, ErrorKind, Problems};
use crate::event::range::shown;
use crate::log::escape::{escaped_json, fit};
use crate::replicate::arrival::{
    ArrivalBoard, ArrivalState, ArrivalTarget, ArrivalWatch, LaneArrival, boards,
};
use futures::future::join_all;
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// Runs it; gives the exit code.
///
/// # Errors
/// Those of the configuration and of the flags. A database that cannot be asked is part of the
/// answer.
pub(crate) async fn wait(arguments: args::WaitArguments) -> Result<u8, Problems> {
    let flags = arguments.file.flags(arguments.destination.clone(), false);
    let config = configurations(&arguments.file, &flags)?;
    let replications = &config.replications;
    let notes = replications.iter().flat_map(|replication| &replication.notes);
    notes.for_each(|note| aside(&format!("note: {}", fit(note))));
    confirm_flags(&arguments, replications)?;
    let target = match arguments.through {
        Some(id) => ArrivalTarget::Through(Some(id)),
        None => ArrivalTarget::Visible,
    };
    let (any, timeout) = (arguments.any.map(|any| any as usize), arguments.timeout);
    let answers = replications.iter().map(|replication| async move {
        let wanted = any.unwrap_or(replication.destinations.len());
        let board = wait_for(replication, target, wanted, timeout).await;
        ArrivalAnswer::of(replication, wanted, &board)
    });
    let answers = join_all(answers).await;
    tell(&answers, arguments.json)?;
    let codes: Vec<u8> = answers.iter().map(|answer| answer.exit_code).collect();
    Ok(if codes.contains(&4) { 4 } else { codes.into_iter().max().unwrap_or(0) })
}

fn confirm_flags(
    arguments: &args::WaitArguments,
    replications: &[ReplicationConfig],
) -> Result<(), Problems> {
    if arguments.through.is_some() && replications.len() > 1 {
        let error = Error::new(ErrorKind::Usage, "--through is an id of one table")
            .because(format!("there are {} replications", replications.len()))
            .fix("name one of them with --replication NAME");
        return Err(error.into());
    }
    let fewest = replications.iter().map(|replication| replication.destinations.len()).min();
    match arguments.any.map(|any| any as usize) {
        Some(any) if Some(any) > fewest => {
            let error = Error::new(ErrorKind::Usage, format!("--any {any} can never be"))
                .because(format!("there are {} destinations", fewest.unwrap_or(0)))
                .fix("name a smaller number");
            Err(error.into())
        }
        _ => Ok(()),
    }
}

/// Waits until so many destinations have arrived, until that cannot be any more, or until the time
/// is over.
async fn wait_for(
    config: &ReplicationConfig,
    target: ArrivalTarget,
    wanted: usize,
    timeout: Duration,
) -> ArrivalBoard {
    let lanes = config.destinations.len();
    let (sender, board) = boards(lanes);
    let watch = ArrivalWatch::new(config, (0..lanes).collect(), target, sender);
    let mut seen = board.clone();
    let is_over = |board: &ArrivalBoard| board.arrived() >= wanted || board.possible() < wanted;
    let waiting = async {
        tokio::select! {
            () = watch.run() => {}
            _ = seen.wait_for(is_over) => {}
        }
    };
    // Whatever is known then is the answer.
    let _ = tokio::time::timeout(timeout, waiting).await;
    board.borrow().clone()
}

fn tell(answers: &[ArrivalAnswer], is_json: bool) -> Result<(), Problems> {
    if !is_json {
        for answer in answers {
            if answers.len() > 1 {
                put(&format!("replication {}\n", fit(&answer.name)))?;
            }
            put(&answer.to_string())?;
        }
        return Ok(());
    }
    let object = match answers {
        [only] => serde_json::to_string(only),
        several => serde_json::to_string(&SeveralAnswers { replications: several }),
    };
    let object = object.map_err(|error| {
        Error::new(ErrorKind::Bug, "cannot write the answer as JSON").caused_by(&error)
    })?;
    Ok(line(&escaped_json(&object))?)
}

/// The object of `--json` where there are several replications.
#[derive(Serialize)]
struct SeveralAnswers<'a> {
    replications: &'a [ArrivalAnswer],
}

/// What is known of one replication at the end. `Display` is for a person, `Serialize` the object
/// of `--json`.
#[derive(Serialize)]
struct ArrivalAnswer {
    name: String,
    /// Whether as many destinations as were wanted hold everything.
    is_held: bool,
    /// Up to this id; null where it is not known, or the source is empty.
    through: Option<i64>,
    /// Whether nothing can appear any more at or below that id.
    is_decided: bool,
    wanted: usize,
    /// Why the source could not be asked.
    source_error: Option<String>,
    destinations: Vec<DestinationAnswer>,
    #[serde(skip)]
    exit_code: u8,
}

/// A destination at the end.
#[derive(Serialize)]
struct DestinationAnswer {
    name: String,
    database: String,
    table: String,
    /// Whether it holds everything.
    is_held: bool,
    position: Option<i64>,
    error: Option<String>,
    fix: Option<String>,
    #[serde(skip)]
    state: ArrivalState,
}

impl ArrivalAnswer {
    fn of(config: &ReplicationConfig, wanted: usize, board: &ArrivalBoard) -> Self {
        let is_held = board.arrived() >= wanted;
        let lanes = config.destinations.iter().zip(&board.lanes);
        Self {
            name: config.name.clone(),
            is_held,
            through: board.through.flatten(),
            is_decided: board.is_decided,
            wanted,
            source_error: board.source_error.as_ref().map(Error::to_string),
            destinations: lanes
                .map(|(to, lane)| DestinationAnswer::of((&config.flags, to), lane))
                .collect(),
            exit_code: if is_held { 0 } else { board.exit_code() },
        }
    }
}

impl DestinationAnswer {
    fn of((flags, config): (&str, &DestinationConfig), lane: &LaneArrival) -> Self {
        let (settings, error) = (config.settings(), lane.error());
        Self {
            name: config.name.clone(),
            database: settings.describe(),
            table: settings.target(),
            is_held: lane.has_arrived(),
            position: lane.position,
            error: error.map(Error::to_string),
            fix: error.and_then(|error| Some(commands::naming(error.remedy()?, flags))),
            state: lane.state.clone(),
        }
    }

    /// How it stands, in a few words.
    fn words(&self, is_decided: bool) -> &'static str {
        match self.state {
            ArrivalState::Arrived => "holds everything",
            ArrivalState::Comparing => "is still being compared",
            ArrivalState::Behind if is_decided => "lacks events",
            ArrivalState::Behind => "cannot be told yet",
            ArrivalState::NotAsked | ArrivalState::Away(_) => "could not be asked",
            ArrivalState::Refused(_) => "is refused",
        }
    }
}

impl fmt::Display for ArrivalAnswer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = self.destinations.iter().filter(|to| to.is_held).count();
        let through = match (self.through, self.is_decided) {
            (Some(id), _) => format!("everything through id {id}"),
            (None, true) => "everything, which is no event,".to_owned(),
            (None, false) => "everything".to_owned(),
        };
        let of = self.destinations.len();
        write!(out, "{through} is held by {held} of {of} destinations")?;
        writeln!(out, "{}", if self.is_held { "" } else { ": too few" })?;
        if let Some(error) = &self.source_error {
            writeln!(out, "the source cannot be asked: {}", fit(error))?;
        } else if let (Some(id), false) = (self.through, self.is_decided) {
            writeln!(
                out,
                "the source has not reached id {id}, or a transaction there may still insert at \
                 or below it: `counterfoil status` names it"
            )?;
        }
        for to in &self.destinations {
            let (words, position) = (to.words(self.is_decided), shown(to.position));
            writeln!(out, "{}: {words}, position {position}", to.name)?;
            to.error.iter().try_for_each(|error| writeln!(out, "{}: {}", to.name, fit(error)))?;
            to.fix.iter().try_for_each(|fix| writeln!(out, "{}: fix: {}", to.name, fit(fix)))?;
        }
        Ok(())
    }
}
