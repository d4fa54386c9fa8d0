//! The stairway: a file uses only floors below its own, and two rooms of one floor never meet.

use crate::File;
use crate::rust::{Token, mask, tokens};

/// The floors from the ground up, each with its rooms. The ground is one room of several files.
const FLOORS: &[&[&str]] = &[
    &["error", "fail", "log", "retry", "stop", "sql"],
    &["config", "event"],
    &["postgres", "fake"],
    &["source", "destination"],
    // `load` writes events as an application does: beside replication, which never writes into a source, and beside audit, which only reads.
    &["replicate", "audit", "load"],
    &["console"],
    &["main", "cli"],
];
const GROUND: usize = 0;
const ROOF: usize = 6;

/// A path that a file uses, from the top of the crate: `["event", "table", "Column"]`.
#[derive(Debug, PartialEq)]
struct Use {
    line: usize,
    path: Vec<String>,
}

/// Every use that does not point down, with its cure.
pub fn problems(files: &[File]) -> Vec<String> {
    let mut problems = Vec::new();
    // The library's root wires the rooms together and holds nothing else.
    for file in files.iter().filter(|file| file.path != "src/lib.rs") {
        let module = module_of(file, files);
        let Some(from) = module.first() else { continue };
        if floor_of(from).is_none() {
            problems.push(unknown(&file.path, 1, from));
            continue;
        }
        for used in uses(&file.text, &module) {
            let to = used.path.first().map_or("*", String::as_str);
            problems.extend(judge(from, to).map(|why| format!("{}:{}: {why}", file.path, used.line)));
        }
    }
    problems
}

/// Why one room may not use another; `None` if it may.
fn judge(from: &str, to: &str) -> Option<String> {
    let (Some(its), Some(others)) = (floor_of(from), floor_of(to)) else {
        return (from != to).then(|| unknown("used", 0, to));
    };
    let is_one_room = from == to || (its == others && [GROUND, ROOF].contains(&its));
    if others < its || is_one_room {
        return None;
    }
    let cure = match others {
        ROOF => "the roof wires everything and nothing uses it: hand in what is needed as an argument",
        _ if others == its => {
            "two rooms of one floor never meet: move what both need to a lower floor, or let the floor above hand it in (a value, or a trait that lives lower)"
        }
        _ => {
            "a use points down the stairs only: move what is needed to a lower floor, or let the upper room hand it in (a value, or a trait that lives lower)"
        }
    };
    Some(format!("`{from}` (floor {its}) uses `{to}` (floor {others}); {cure}"))
}

fn unknown(path: &str, line: usize, room: &str) -> String {
    format!(
        "{path}:{line}: `{room}` is no room of the house; name the room you use, or give a new one its floor in tests/tidy/stairway.rs and ARCHITECTURE.md"
    )
}

fn floor_of(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// The module a file is: by its place, or by the `#[path]` that another file includes it with.
fn module_of(file: &File, files: &[File]) -> Vec<String> {
    let including = files.iter().find_map(|parent| {
        let (dir, _) = parent.path.rsplit_once('/')?;
        let name = file.path.strip_prefix(dir)?.strip_prefix('/')?;
        let (_, after) = parent.text.split_once(&format!("#[path = \"{name}\"]"))?;
        let (_, after) = after.split_once("mod ")?;
        let mut module = by_place(&parent.path);
        module.push(after.split(|c: char| !c.is_alphanumeric() && c != '_').next()?.to_owned());
        Some(module)
    });
    including.unwrap_or_else(|| by_place(&file.path))
}

fn by_place(path: &str) -> Vec<String> {
    let place = path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
    place.split('/').map(str::to_owned).collect()
}

/// All paths from the top of the crate that a text names, in `use` and elsewhere.
fn uses(text: &str, module: &[String]) -> Vec<Use> {
    let masked = mask(text);
    let tokens = tokens(&masked);
    let mut found = Vec::new();
    // The module blocks we are in: `Some` for `mod name {`, `None` for any other brace.
    let mut blocks: Vec<Option<&str>> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let text_at = |at: usize| tokens.get(at).map_or("", |token| token.text);
        let mut paths: Vec<Vec<&str>> = Vec::new();
        let line = tokens[at].line;
        match tokens[at].text {
            "{" => blocks.push((at >= 2 && text_at(at - 2) == "mod").then(|| text_at(at - 1))),
            "}" => drop(blocks.pop()),
            "use" if text_at(at + 1) != "<" => at = tree(&tokens, at + 1, &[], &mut paths) - 1,
            "crate" | "super" | "self" if text_at(at + 1) == "::" && (at == 0 || text_at(at - 1) != "::") => {
                at = tree(&tokens, at, &[], &mut paths) - 1;
            }
            _ => {}
        }
        at += 1;
        let mut here: Vec<&str> = module.iter().map(String::as_str).collect();
        here.extend(blocks.iter().flatten());
        found.extend(paths.iter().filter_map(|path| resolve(path, &here)).map(|path| Use { line, path }));
    }
    found
}

/// Reads a path or a tree of paths that starts at a token; returns where it ends, further on in any case.
fn tree<'a>(tokens: &[Token<'a>], start: usize, prefix: &[&'a str], paths: &mut Vec<Vec<&'a str>>) -> usize {
    let text_at = |at: usize| tokens.get(at).map_or("", |token| token.text);
    let mut path = prefix.to_vec();
    let mut at = start + usize::from(text_at(start) == "::");
    if text_at(at) == "{" {
        at += 1;
        while !["}", ""].contains(&text_at(at)) {
            at = tree(tokens, at, &path, paths);
            at += usize::from(text_at(at) == ",");
        }
        return at + 1;
    }
    if text_at(at) == "*" || text_at(at).starts_with(|c: char| c.is_alphabetic() || c == '_') {
        path.push(text_at(at));
        if text_at(at + 1) == "::" {
            return tree(tokens, at + 1, &path, paths);
        }
        at += if text_at(at + 1) == "as" { 2 } else { 0 };
    }
    paths.push(path);
    at + 1
}

/// The path from the top of the crate; `None` for another crate or a name of this module.
fn resolve(path: &[&str], here: &[&str]) -> Option<Vec<String>> {
    let mut base: Vec<&str> = match path.first()? {
        &"crate" => Vec::new(),
        &"super" | &"self" => here.to_vec(),
        _ => return None,
    };
    for segment in path {
        match *segment {
            "crate" | "self" => {}
            "super" => drop(base.pop()),
            name => base.push(name),
        }
    }
    Some(base.into_iter().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(path: &str, text: &str) -> Vec<String> {
        problems(&[File::new(path, text)])
    }

    #[test]
    fn a_use_may_point_down_or_into_its_own_room() {
        for (path, text) in [
            (
                "src/source/mark.rs",
                "use crate::{error::{Error, Result}, postgres::connect::Session as S, source::read::*};",
            ),
            ("src/source/cut/tests.rs", "use super::super::mark::Mark; use super::*;"),
            ("src/retry.rs", "use crate::error::Kind;"),
            ("src/main.rs", "mod cli; use crate::cli::Flags; use counterfoil::replicate;"),
            (
                "src/cli/run.rs",
                "use crate::main; use super::flags; fn f() { crate::cli::demo::run() }",
            ),
            ("src/lib.rs", "pub mod replicate; pub use crate::replicate::run;"),
            (
                "src/event/batch.rs",
                "// use crate::replicate;\nconst A: &str = \"crate::replicate\"; pub(crate) fn f() -> impl Sized + use<> {}",
            ),
            (
                "src/event/batch.rs",
                "mod tests { use super::*; mod inner { use super::super::Batch; } }",
            ),
        ] {
            assert_eq!(told(path, text), [""; 0], "{path}");
        }
    }

    #[test]
    fn a_use_up_the_stairs_is_found_however_it_is_written() {
        for text in [
            "use crate::replicate::lane::Lane;",
            "use crate::{error::Error, replicate::{self}};",
            "fn f() -> crate::replicate::lane::Lane { todo() }",
            "use super::super::replicate::lane;",
            "pub(super) use super :: super\n::replicate;",
            "mod tests { use super::super::super::replicate; }",
            "fn f() { self::super::super::replicate::run(super::wait) }",
            "use crate::error as e; use crate::replicate as r;",
            "type A = Vec<crate::replicate::Lane>;",
        ] {
            let found = told("src/source/mark.rs", text);
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            assert!(
                found[0].contains("`source` (floor 3) uses `replicate` (floor 4); a use points down"),
                "{found:?}"
            );
        }
    }

    #[test]
    fn two_rooms_of_one_floor_never_meet() {
        let found = told("src/config/mod.rs", "\n\nuse crate::event::table::TableName;");
        assert!(
            found[0].starts_with("src/config/mod.rs:3: `config` (floor 1) uses `event` (floor 1); two rooms"),
            "{found:?}"
        );
        assert_eq!(told("src/destination/postgres.rs", "use crate::source::mark;").len(), 1);
    }

    #[test]
    fn nothing_uses_the_roof() {
        let found = told("src/replicate/mod.rs", "use crate::cli::Flags;");
        assert!(found[0].contains("hand in what is needed as an argument"), "{found:?}");
    }

    #[test]
    fn a_room_without_a_floor_is_told() {
        assert!(told("src/utils.rs", "")[0].contains("`utils` is no room"));
        assert!(told("src/event/range.rs", "use crate::utils::max;")[0].contains("`utils` is no room"));
        assert!(told("src/event/range.rs", "use crate::*;")[0].contains("`*` is no room"));
    }

    #[test]
    fn a_file_that_is_included_by_path_counts_as_the_module_it_is() {
        let parent = File::new("src/postgres/tls.rs", "#[cfg(test)]\n#[path = \"tls_tests.rs\"]\nmod tests;");
        let tests = File::new(
            "src/postgres/tls_tests.rs",
            "use super::super::fault; use super::super::super::source;",
        );
        let found = problems(&[parent, tests]);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("uses `source`"), "{found:?}");
    }
}
