//! Several files or a folder of them: their replications, and what they say of the process, put
//! together.

use super::flags::Flags;
use super::one::FileConfig;
use crate::config::keys::{self, KeyTable};
use crate::config::{Config, DestinationKind, ProcessConfig, ReplicationConfig, distinct};
use crate::error::{Error, ErrorKind, Problems, Result};
use std::path::{Path, PathBuf};

/// The files that are named; a folder stands for those in it that end in `.toml` or `.json`, in the
/// order of their names.
pub(super) fn files_of(paths: &[PathBuf]) -> std::result::Result<Vec<PathBuf>, Problems> {
    let mut files = Vec::new();
    let mut problems = Problems::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        match files_in(path) {
            Ok(found) => files.extend(found),
            Err(error) => problems.push(error),
        }
    }
    problems.or_ok(files)
}

fn files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = || {
        std::fs::read_dir(folder)?
            .map(|entry| Ok(entry?.path()))
            .collect::<std::io::Result<Vec<_>>>()
    };
    let mut files = entries().map_err(|error| {
        let wrong = Error::new(ErrorKind::Usage, "cannot read the folder of configuration files");
        let fix = "correct --config (or COUNTERFOIL_CONFIG), or let the user of this process read \
                   the folder";
        wrong.at(folder.display().to_string()).caused_by(&error).fix(fix)
    })?;
    files.retain(|path| is_configuration(path) && path.is_file());
    files.sort();
    if files.is_empty() {
        return Err(Error::new(ErrorKind::Usage, "there is no configuration in the folder")
            .at(folder.display().to_string())
            .fix("put a file there whose name ends in .toml or .json, or name a file"));
    }
    Ok(files)
}

/// Whether a name is that of a configuration; one that begins with a dot is hidden.
fn is_configuration(path: &Path) -> bool {
    let is_hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
    let known = |extension: &std::ffi::OsStr| {
        ["toml", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known))
    };
    !is_hidden && path.extension().is_some_and(known)
}

/// What files say together; all that they contradict each other in is told.
pub(super) fn together(
    files: Vec<FileConfig>,
    flags: &Flags,
) -> std::result::Result<Config, Problems> {
    let mut problems = Problems::new();
    problems.extend(process_sections(&files));
    problems.extend(names(&files));
    problems.extend(tables(&files));
    let process = process(&files);
    let replications: Vec<ReplicationConfig> =
        files.into_iter().flat_map(|file| file.replications).collect();
    let may_be_empty =
        flags.may_be_empty && process.as_ref().is_some_and(|process| process.console.may_edit());
    match process {
        Some(process) if problems.is_empty() && (may_be_empty || !replications.is_empty()) => {
            Ok(Config { process, replications })
        }
        _ => {
            if replications.is_empty() && !may_be_empty {
                let fix = "name a file with [source] and [[destinations]]: the others hold what \
                           belongs to the process";
                problems.push(
                    Error::new(ErrorKind::Usage, "there is no replication").at("--config").fix(fix),
                );
            }
            Err(problems)
        }
    }
}

/// Of the process each section as the file that holds it has it, otherwise as the first has it: with
/// every default.
fn process(files: &[FileConfig]) -> Option<ProcessConfig> {
    let holds = |file: &&FileConfig, table: &KeyTable| {
        file.process_sections.iter().any(|(header, _)| *header == table.header)
    };
    let of = |table| {
        let with_section = files.iter().find(|file| holds(file, &table));
        with_section.or(files.first()).map(|file| &file.process)
    };
    Some(ProcessConfig {
        log: of(keys::LOG)?.log.clone(),
        console: of(keys::CONSOLE)?.console.clone(),
        metrics: of(keys::METRICS)?.metrics.clone(),
    })
}

/// Sections of the process stand in a replication's file only where it is the only one, and nowhere
/// twice.
fn process_sections(files: &[FileConfig]) -> Problems {
    let mut problems = Problems::new();
    let replicating = files.iter().filter(|file| !file.replications.is_empty()).count();
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for file in files {
        for (header, place) in &file.process_sections {
            let twice = seen.iter().find(|(known, _)| known == header);
            if replicating > 1 && !file.replications.is_empty() {
                let what =
                    format!("{header} belongs to the process, which has several replications");
                let fix = format!("move {header} to a file of its own, without [source]");
                problems.push(Error::new(ErrorKind::Usage, what).at(place).fix(fix));
            } else if let Some((_, first)) = twice {
                let what = format!("{header} stands in two files");
                problems.push(
                    Error::new(ErrorKind::Usage, what)
                        .at(place)
                        .fix(format!("keep one of them: the first is {first}")),
                );
            }
            seen.push((header, place));
        }
    }
    problems
}

/// Every replication, with its file.
fn all(files: &[FileConfig]) -> Vec<(&FileConfig, &ReplicationConfig)> {
    let mut all = Vec::new();
    for file in files {
        all.extend(file.replications.iter().map(|replication| (file, replication)));
    }
    all
}

fn names(files: &[FileConfig]) -> Problems {
    let mut problems = Problems::new();
    let all = all(files);
    for (index, (file, replication)) in all.iter().enumerate() {
        if let Some((first, _)) =
            all[..index].iter().find(|(_, other)| other.name == replication.name)
        {
            let what = format!("two replications are named {:?}", replication.name);
            let fix = format!(
                "give one of them a name of its own, at the top of its file: the first is in {}",
                first.path.display()
            );
            problems.push(
                Error::new(ErrorKind::Usage, what).at(file.path.display().to_string()).fix(fix),
            );
        }
    }
    problems
}

/// No two replications write to one table.
fn tables(files: &[FileConfig]) -> Problems {
    let mut problems = Problems::new();
    let mut taken: Vec<(&str, &DestinationKind)> = Vec::new();
    for (file, replication) in all(files) {
        for destination in &replication.destinations {
            let twice = taken.iter().find(|(other, kind)| {
                *other != replication.name && destination.settings().is_same(kind)
            });
            if let Some((other, _)) = twice {
                let names = format!("replications {other:?} and {:?}", replication.name);
                let what = format!(
                    "{names} write to the same table: {}",
                    distinct::described(&destination.kind)
                );
                let fix = "remove one of them, or correct its host, database or table";
                problems.push(
                    Error::new(ErrorKind::Usage, what).at(file.path.display().to_string()).fix(fix),
                );
            }
            taken.push((&replication.name, &destination.kind));
        }
    }
    problems
}
