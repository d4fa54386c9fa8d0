//! What the figures of the house may not grow to: circles of files, names of one word, `pub` that
//! nobody outside needs; and names defined twice, which there are none of.

use super::figures::{Figures, Uncalled};
use super::items::Type;
use super::ratchet::Excess;
use std::collections::BTreeMap;

/// How the names of the entries begin.
pub const KINDS: [&str; 3] = ["circle::", "one-word", "pub::"];

/// Names of types that are defined more than once: never.
pub fn doubled(figures: &Figures) -> Vec<String> {
    figures.doubled().into_iter().map(|(name, places)| of_type(name, &places)).collect()
}

/// The goal of each is none; what is there today is listed and only shrinks.
pub fn excesses(figures: &Figures) -> Vec<Excess> {
    let mut circles: BTreeMap<&str, Vec<&[String]>> = BTreeMap::new();
    for circle in &figures.file_circles {
        let room = circle[0].split(['/', '.']).nth(1).unwrap_or_default();
        circles.entry(room).or_default().push(circle);
    }
    let circles = circles.into_iter().map(|(room, circles)| of_circles(room, &circles));
    let one_word = of_words(figures);
    let uncalled =
        figures.uncalled_by_room().into_iter().map(|(room, items)| of_public(room, &items));
    circles.chain(one_word).chain(uncalled).collect()
}

fn of_circles(room: &str, circles: &[&[String]]) -> Excess {
    let size = circles.iter().map(|circle| circle.len()).sum();
    let files = listed(circles.iter().map(|circle| circle.join(" ")));
    Excess {
        name: format!("circle::{room}"),
        size,
        what: format!("{size} files of `{room}` use each other in circles ({files})"),
        cure: "a reader cannot begin anywhere; move what they share into a file of its own, or \
               hand it in as an argument",
    }
}

fn of_type(name: &str, places: &[&Type]) -> String {
    let size = places.len();
    let places = listed(places.iter().map(|place| format!("{}:{}", place.path, place.line)));
    let cure = "a name is defined once in src; name the thing by two words of the field, such as \
                `LaneState`, or use the other type";
    format!("{size} types are named `{name}` ({places}): {cure}")
}

fn of_words(figures: &Figures) -> Option<Excess> {
    let (one_word, names) = figures.one_word_names();
    (one_word > 0).then(|| Excess {
        name: "one-word-names".to_owned(),
        size: one_word,
        what: format!("{one_word} of {names} names of types are of one word"),
        cure: "name the type that you added by two words of the field, such as `CommitOrder`; a \
               word of HOUSE.md may stand alone in place of another",
    })
}

fn of_public(room: &str, items: &[&Uncalled]) -> Excess {
    let size = items.len();
    let items = listed(items.iter().map(|item| format!("{} {}", item.place, item.name)));
    Excess {
        name: format!("pub::{room}"),
        size,
        what: format!("{size} items of `{room}` are `pub` and nobody outside calls them ({items})"),
        cure: "make what you added `pub(crate)` or less, or remove it if nobody calls it at all",
    }
}

fn listed(all: impl Iterator<Item = String>) -> String {
    all.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::graph::Graph;
    use super::super::ratchet::problems;
    use super::super::source::Source;
    use super::*;

    fn figures(files: &[(&str, &str)]) -> Figures {
        let sources: Vec<Source> =
            files.iter().map(|(path, text)| Source::new(path, text).unwrap()).collect();
        Figures::of(&Graph::new(&sources))
    }

    fn told(files: &[(&str, &str)], list: &str) -> Vec<String> {
        let found = excesses(&figures(files));
        assert!(
            found.iter().all(|excess| KINDS.iter().any(|start| excess.name.starts_with(start)))
        );
        problems(&found, list)
    }

    #[test]
    fn a_circle_of_files_is_told_with_its_files() {
        let files =
            [("src/event/a.rs", "use super::b::B;"), ("src/event/b.rs", "use crate::event::a;")];
        let found = told(&files, "");
        let what = "2 files of `event` use each other in circles (src/event/a.rs src/event/b.rs): \
                    a reader";
        assert!(found.len() == 1 && found[0].starts_with(what), "{found:?}");
        assert_eq!(told(&files, "circle::event 2"), [""; 0]);
    }

    #[test]
    fn a_name_that_is_defined_twice_is_told_with_its_places() {
        let files = [("src/event/a.rs", "struct Seen;"), ("src/cli/b.rs", "enum Seen {}")];
        let found = doubled(&figures(&files));
        let what =
            "2 types are named `Seen` (src/event/a.rs:1, src/cli/b.rs:1): a name is defined once";
        assert!(found.len() == 1 && found[0].starts_with(what), "{found:?}");
        assert_eq!(doubled(&figures(&files[..1])), [""; 0]);
    }

    #[test]
    fn names_of_one_word_are_counted_and_only_become_fewer() {
        let files = [("src/event/a.rs", "struct Seen; struct Lane; struct LaneState;")];
        assert_eq!(told(&files, "one-word-names 2"), [""; 0]);
        assert!(
            told(&files, "one-word-names 1")[0]
                .starts_with("2 of 3 names of types are of one word, 1 before")
        );
        assert!(told(&files, "one-word-names 3")[0].contains("write `one-word-names 2`"));
    }

    #[test]
    fn what_is_public_for_nobody_is_told_with_its_place() {
        let files = [("src/event/a.rs", "pub fn b() {}\npub(crate) fn c() {}")];
        assert!(told(&files, "")[0].starts_with(
            "1 items of `event` are `pub` and nobody outside calls them (src/event/a.rs:1 b): make"
        ));
        assert!(told(&files, "pub::event 2")[0].contains("write `pub::event 1`"));
    }
}
