//! The stairway: a file uses only floors below its own, and two rooms of one floor never meet.

use crate::house::floors::{GROUND, ROOF, floor_of};
use crate::house::graph::Graph;

/// Every use that does not point down, with its cure.
pub fn problems(graph: &Graph<'_>) -> Vec<String> {
    let mut problems = Vec::new();
    for (source, paths) in graph.sources.iter().zip(&graph.paths) {
        // The library's root wires the rooms together and holds nothing else.
        let Some(from) = source.module.first().filter(|_| source.path.starts_with("src/")) else {
            continue;
        };
        if floor_of(from).is_none() {
            problems.push(unknown(&source.path, 1, from));
            continue;
        }
        for used in paths {
            let to = used.segments.first().map_or("*", String::as_str);
            problems
                .extend(judge(from, to).map(|why| format!("{}:{}: {why}", source.path, used.line)));
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
        ROOF => {
            "the roof wires everything and nothing uses it: hand in what is needed as an argument"
        }
        _ if others == its => {
            "two rooms of one floor never meet: move what both need to a lower floor, or let the \
             floor above hand it in (a value, or a trait that lives lower)"
        }
        _ => {
            "a use points down the stairs only: move what is needed to a lower floor, or let the \
             upper room hand it in (a value, or a trait that lives lower)"
        }
    };
    Some(format!("`{from}` (floor {its}) uses `{to}` (floor {others}); {cure}"))
}

fn unknown(path: &str, line: usize, room: &str) -> String {
    format!(
        "{path}:{line}: `{room}` is no room of the house; name the room you use, or give a new one \
         its floor in tests/tidy/house/floors.rs and its line in ARCHITECTURE.md"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::house::source::{Source, place_by_declaration};

    fn told(path: &str, text: &str) -> Vec<String> {
        told_of(&[(path, text)])
    }

    fn told_of(files: &[(&str, &str)]) -> Vec<String> {
        let sources = files.iter().map(|(path, text)| Source::new(path, text).unwrap());
        let mut sources: Vec<Source> = sources.collect();
        place_by_declaration(&mut sources);
        problems(&Graph::new(&sources))
    }

    #[test]
    fn a_use_may_point_down_or_into_its_own_room() {
        for (path, text) in [
            (
                "src/source/mark.rs",
                "use crate::{error::{Error, Result}, postgres::connect::Session as S, \
                 source::read::*};",
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
                "// use crate::replicate;\nconst A: &str = \"crate::replicate\"; pub(crate) fn f() \
                 -> impl Sized + use<> {}",
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
                found[0]
                    .contains("`source` (floor 3) uses `replicate` (floor 4); a use points down"),
                "{found:?}"
            );
        }
    }

    #[test]
    fn two_rooms_of_one_floor_never_meet() {
        let found = told("src/config/mod.rs", "\n\nuse crate::event::table::TableName;");
        assert!(
            found[0].starts_with(
                "src/config/mod.rs:3: `config` (floor 1) uses `event` (floor 1); two rooms"
            ),
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
        assert!(
            told("src/event/range.rs", "use crate::utils::max;")[0].contains("`utils` is no room")
        );
        assert!(told("src/event/range.rs", "use crate::*;")[0].contains("`*` is no room"));
    }

    #[test]
    fn a_file_that_is_included_by_path_counts_as_the_module_it_is() {
        let found = told_of(&[
            ("src/postgres/tls.rs", "#[cfg(test)]\n#[path = \"tls_tests.rs\"]\nmod tests;"),
            (
                "src/postgres/tls_tests.rs",
                "use super::super::fault; use super::super::super::source;",
            ),
        ]);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("uses `source`"), "{found:?}");
    }
}
