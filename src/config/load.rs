//! What was written: TOML or JSON, environment, flags; all problems at once.

mod draft;
mod flags;
mod one;
mod several;
mod text;

use super::libpq::Environment;
use super::{Config, ProcessConfig, ReplicationConfig};
use crate::config::nearest::did_you_mean;
use crate::error::{Error, ErrorKind, Problems};
use std::path::{Path, PathBuf};

pub(crate) use draft::{ConfiguredSides, DraftedText, problems_of, sides};
pub use flags::Flags;
pub(crate) use text::{FILE_BYTES_MAX, revision};

/// Reads a configuration file: TOML, or JSON (ours or slate's) when its name ends in `.json`.
///
/// # Errors
/// `Usage`: all problems together, each with file, line, column and key. None shows a password or
/// the value of a variable.
pub fn load(path: &Path, env: &Environment<'_>) -> Result<ReplicationConfig, Problems> {
    load_with(path, &Flags::default(), env).map(|(_, replication)| replication)
}

/// Reads a configuration file as [`load`] does, with what it says of the process, and follows the
/// command line.
///
/// # Errors
/// As [`load`]; also when what was asked for is not in the file, or when it holds several
/// replications.
pub(crate) fn load_with(
    path: &Path,
    flags: &Flags,
    env: &Environment<'_>,
) -> Result<(ProcessConfig, ReplicationConfig), Problems> {
    let (file, problems) = one::read(path, None, true, flags, env);
    problems.or_ok(())?;
    let one::FileConfig { process, replications, .. } =
        file.expect("a file without problems is understood");
    only(Config { process, replications }, flags)
}

/// Reads several files as [`load_all`] does, and gives the one replication that is meant.
///
/// # Errors
/// As [`load_all`]; also when several are meant.
pub fn load_one(
    paths: &[PathBuf],
    flags: &Flags,
    env: &Environment<'_>,
) -> Result<(ProcessConfig, ReplicationConfig), Problems> {
    match paths {
        [path] if !path.is_dir() => load_with(path, flags, env),
        _ => only(load_all(paths, &Flags::default(), env)?, flags),
    }
}

/// The one replication that the command line means.
fn only(mut config: Config, flags: &Flags) -> Result<(ProcessConfig, ReplicationConfig), Problems> {
    choose(&mut config.replications, flags).or_ok(())?;
    let names: Vec<&str> =
        config.replications.iter().map(|replication| replication.name.as_str()).collect();
    if names.len() > 1 {
        let what = format!(
            "the configuration has {} replications, and this command is about one",
            names.len()
        );
        return Err(Error::new(ErrorKind::Usage, what)
            .fix(format!("name one of them with --replication: {}", names.join(", ")))
            .into());
    }
    let replication = config.replications.pop().expect("what was chosen without problems is there");
    Ok((config.process, replication))
}

/// Reads several files, and those of folders, as [`load`] reads one: all replications of a process.
///
/// A file without `[source]` holds what belongs to the process, where there are several files.
///
/// # Errors
/// As [`load`], of all files together; also where they contradict each other.
pub fn load_all(
    paths: &[PathBuf],
    flags: &Flags,
    env: &Environment<'_>,
) -> Result<Config, Problems> {
    load_all_with(paths, None, flags, env)
}

/// As [`load_all`], with a text in place of that of its file, which may not be there yet.
///
/// # Errors
/// As [`load_all`].
pub(crate) fn load_all_with(
    paths: &[PathBuf],
    draft: Option<DraftedText<'_>>,
    flags: &Flags,
    env: &Environment<'_>,
) -> Result<Config, Problems> {
    let mut files = several::files_of(paths)?;
    if let Some(draft) = draft.filter(|draft| !files.iter().any(|file| file == draft.path)) {
        files.push(draft.path.to_owned());
    }
    let is_alone = files.len() == 1;
    let mut problems = Problems::new();
    let mut read = Vec::new();
    for file in files {
        let text = draft.filter(|draft| draft.path == file).map(|draft| draft.text);
        let (config, of_file) = one::read(&file, text, is_alone, flags, env);
        read.extend(config);
        problems.extend(of_file);
    }
    // What is missing because of a problem is no contradiction.
    problems.or_ok(())?;
    let mut config = several::together(read, flags)?;
    choose(&mut config.replications, flags).or_ok(config)
}

/// The files that are meant: a folder stands for those in it.
///
/// # Errors
/// `Usage` where a folder cannot be read or holds none.
pub(crate) fn files_of(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Problems> {
    several::files_of(paths)
}

/// Keeps the replications and the destinations of these names, all when there are no names, and the
/// replications that have one of the destinations.
fn choose(replications: &mut Vec<ReplicationConfig>, flags: &Flags) -> Problems {
    let mut problems = unknown(
        "replication",
        &flags.replications,
        replications.iter().map(|replication| replication.name.as_str()),
    );
    if !flags.replications.is_empty() && problems.is_empty() {
        replications.retain(|replication| flags.replications.contains(&replication.name));
    }
    let names = &flags.destinations;
    let destinations = replications.iter().flat_map(|replication| &replication.destinations);
    problems.extend(unknown(
        "destination",
        names,
        destinations.map(|destination| destination.name.as_str()),
    ));
    if !names.is_empty() && problems.is_empty() {
        for replication in &mut *replications {
            replication.destinations.retain(|destination| names.contains(&destination.name));
        }
        replications.retain(|replication| !replication.destinations.is_empty());
    }
    problems
}

/// A problem for each name that is none of those that are known.
fn unknown<'a>(what: &str, names: &[String], known: impl Iterator<Item = &'a str>) -> Problems {
    let mut problems = Problems::new();
    let known: Vec<&str> = known.collect();
    for name in names.iter().filter(|name| !known.contains(&name.as_str())) {
        let guess = did_you_mean(name, &known);
        let listed = format!("the configuration has {}", known.join(", "));
        let fix = if guess.is_empty() { listed } else { guess };
        problems.push(
            Error::new(ErrorKind::Usage, format!("there is no {what} {name:?}"))
                .at(format!("--{what}"))
                .fix(fix),
        );
    }
    problems
}

#[cfg(test)]
mod tests;
