//! What was written: TOML or JSON, environment, flags; all problems at once.

mod flags;
mod one;
mod several;
mod text;

use super::libpq::Environment;
use super::{Config, ProcessConfig, ReplicationConfig};
use crate::config::nearest::did_you_mean;
use crate::error::{Error, Kind, Problems};
use std::path::{Path, PathBuf};

pub use flags::Flags;

/// Reads a configuration file: TOML, or JSON (ours or slate's) when its name ends in `.json`.
///
/// # Errors
/// `Usage`: all problems together, each with file, line, column and key. None shows a password or the value of a variable.
pub fn load(path: &Path, env: &Environment<'_>) -> Result<ReplicationConfig, Problems> {
    load_with(path, &Flags::default(), env).map(|(_, replication)| replication)
}

/// Reads a configuration file as [`load`] does, with what it says of the process, and follows the command line.
///
/// # Errors
/// As [`load`]; also when a destination that was asked for is not in the file, or when it holds several replications.
pub fn load_with(path: &Path, flags: &Flags, env: &Environment<'_>) -> Result<(ProcessConfig, ReplicationConfig), Problems> {
    let (file, mut problems) = one::read(path, true, flags, env);
    let Some(one::FileConfig {
        process, mut replications, ..
    }) = file
    else {
        return Err(problems);
    };
    problems.extend(choose(&mut replications, &flags.destinations));
    if replications.len() > 1 {
        let what = format!("the source has {} tables, and one is followed at a time", replications.len());
        problems.push(
            Error::new(Kind::Usage, what)
                .at(path.display().to_string())
                .fix("name one table in source.table"),
        );
    }
    problems.or_ok(())?;
    let replication = replications.pop().expect("a file alone without problems has a replication");
    Ok((process, replication))
}

/// Reads several files, and those of folders, as [`load`] reads one: all replications of a process.
///
/// A file without `[source]` holds what belongs to the process, where there are several files.
///
/// # Errors
/// As [`load`], of all files together; also where they contradict each other.
pub fn load_all(paths: &[PathBuf], flags: &Flags, env: &Environment<'_>) -> Result<Config, Problems> {
    let files = several::files_of(paths)?;
    let is_alone = files.len() == 1;
    let mut problems = Problems::new();
    let mut read = Vec::new();
    for file in files {
        let (config, of_file) = one::read(&file, is_alone, flags, env);
        read.extend(config);
        problems.extend(of_file);
    }
    // What is missing because of a problem is no contradiction.
    problems.or_ok(())?;
    let mut config = several::together(read)?;
    choose(&mut config.replications, &flags.destinations).or_ok(config)
}

/// Keeps the destinations of these names, all when there are no names, and the replications that have one of them.
fn choose(replications: &mut Vec<ReplicationConfig>, names: &[String]) -> Problems {
    let mut problems = Problems::new();
    let destinations = replications.iter().flat_map(|replication| &replication.destinations);
    let known: Vec<&str> = destinations.map(|destination| destination.name.as_str()).collect();
    for name in names.iter().filter(|name| !known.contains(&name.as_str())) {
        let guess = did_you_mean(name, &known);
        let listed = format!("the configuration has {}", known.join(", "));
        let fix = if guess.is_empty() { listed } else { guess };
        problems.push(
            Error::new(Kind::Usage, format!("there is no destination {name:?}"))
                .at("--destination")
                .fix(fix),
        );
    }
    if !names.is_empty() && problems.is_empty() {
        for replication in &mut *replications {
            replication.destinations.retain(|destination| names.contains(&destination.name));
        }
        replications.retain(|replication| !replication.destinations.is_empty());
    }
    problems
}

#[cfg(test)]
mod tests;
