//! The figures of the house, each by a rule that is written beside it. All are about src without
//! its tests.

use super::graph::{Arrows, Graph, circles, mutual};
use super::items::{Items, Public, Type, items};
use super::outside::uncalled;
use super::source::Source;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

const FUNCTION_LINES_MAX: usize = 60;

pub struct Figures {
    /// Lines on which something else than a comment stands.
    pub code_lines: usize,
    /// Struct, enum, union, trait and type alias; what belongs to a trait or an impl is none.
    pub types: Vec<Type>,
    /// Files that reach each other by paths, `mod.rs` and re-exports included; `mod x;` alone is no
    /// arrow.
    pub file_circles: Vec<Vec<String>>,
    /// Folders and files beside each other in a folder that reach each other, if one of them is a
    /// folder.
    pub room_circles: Vec<Vec<String>>,
    /// Pairs of files that use each other.
    pub mutual_files: Vec<[String; 2]>,
    /// Pairs of rooms that use each other.
    pub mutual_rooms: Vec<[String; 2]>,
    /// Functions over 60 lines.
    pub long_functions: Vec<String>,
    /// Modules, functions, types, constants that are `pub`, bare.
    pub public: usize,
    /// Those that nobody outside their room calls (outside.rs says what that means).
    pub uncalled: Vec<Uncalled>,
    /// What stands in each folder of the top, and the arrows in between.
    pub boxes: BTreeMap<String, (usize, usize)>,
}

/// A `pub` item that nobody outside its room calls.
pub struct Uncalled {
    pub name: String,
    pub room: String,
    pub place: String,
}

impl Figures {
    pub fn of(graph: &Graph<'_>) -> Self {
        let Items { types, functions, public } = items(graph.sources);
        let (files, rooms) = (graph.files(), graph.rooms());
        let of_src = graph.sources.iter().filter(|source| source.path.starts_with("src/"));
        let long = functions.iter().filter(|function| function.lines > FUNCTION_LINES_MAX);
        Self {
            code_lines: of_src.map(code_lines).sum(),
            types,
            file_circles: circles(&files),
            room_circles: room_circles(graph),
            mutual_files: mutual(&files),
            mutual_rooms: mutual(&rooms),
            long_functions: long
                .map(|long| format!("{}::{} {}", long.path, long.name, long.lines))
                .collect(),
            public: public.len(),
            uncalled: uncalled(graph, &public).into_iter().map(Uncalled::new).collect(),
            boxes: boxes(graph),
        }
    }

    /// Names of types that are defined more than once, with their places.
    pub fn doubled(&self) -> BTreeMap<&str, Vec<&Type>> {
        let mut places: BTreeMap<&str, Vec<&Type>> = BTreeMap::new();
        for found in &self.types {
            places.entry(&found.name).or_default().push(found);
        }
        places.retain(|_, places| places.len() > 1);
        places
    }

    /// Different names of one word, and different names.
    pub fn one_word_names(&self) -> (usize, usize) {
        let names: BTreeSet<&str> = self.types.iter().map(|found| found.name.as_str()).collect();
        let one_word = names.iter().filter(|name| words_in(name) == 1);
        (one_word.count(), names.len())
    }

    /// Uncalled items of each room.
    pub fn uncalled_by_room(&self) -> BTreeMap<&str, Vec<&Uncalled>> {
        let mut rooms: BTreeMap<&str, Vec<&Uncalled>> = BTreeMap::new();
        for item in &self.uncalled {
            rooms.entry(&item.room).or_default().push(item);
        }
        rooms
    }
}

impl Uncalled {
    fn new(item: &Public) -> Self {
        Self {
            name: item.name.clone(),
            room: item.module.first().cloned().unwrap_or_default(),
            place: format!("{}:{}", item.path, item.line),
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (one_word, names) = self.one_word_names();
        let doubled = self.doubled();
        let share = (100 * one_word).checked_div(names).unwrap_or_default();
        writeln!(f, "lines of code: {}", self.code_lines)?;
        writeln!(f, "types: {}, by {names} names", self.types.len())?;
        writeln!(f, "names of one word: {one_word} of {names} ({share} %)")?;
        writeln!(f, "names defined more than once: {}", doubled.len())?;
        for (name, places) in doubled {
            let places: Vec<_> =
                places.iter().map(|place| format!("{}:{}", place.path, place.line)).collect();
            writeln!(f, "  {name} {}: {}", places.len(), places.join(" "))?;
        }
        let files: usize = self.file_circles.iter().map(Vec::len).sum();
        writeln!(f, "circles of files: {} ({files} files)", self.file_circles.len())?;
        lines(f, self.file_circles.iter().map(|circle| circle.join(" ")))?;
        writeln!(f, "circles of rooms: {}", self.room_circles.len())?;
        lines(f, self.room_circles.iter().map(|circle| circle.join(" ")))?;
        writeln!(
            f,
            "mutual imports: {} of files, {} of rooms",
            self.mutual_files.len(),
            self.mutual_rooms.len()
        )?;
        let pairs = self.mutual_files.iter().chain(&self.mutual_rooms);
        lines(f, pairs.map(|pair| pair.join(" ")))?;
        writeln!(f, "functions over {FUNCTION_LINES_MAX} lines: {}", self.long_functions.len())?;
        lines(f, self.long_functions.iter().cloned())?;
        writeln!(
            f,
            "pub without a caller outside the room: {} of {}",
            self.uncalled.len(),
            self.public
        )?;
        let rooms = self.uncalled_by_room();
        lines(f, rooms.iter().map(|(room, items)| format!("{room} {}", items.len())))?;
        writeln!(f, "boxes and arrows in a room:")?;
        lines(
            f,
            self.boxes.iter().map(|(room, (boxes, arrows))| format!("{room} {boxes} {arrows}")),
        )
    }
}

fn lines(f: &mut fmt::Formatter<'_>, mut all: impl Iterator<Item = String>) -> fmt::Result {
    all.try_for_each(|line| writeln!(f, "  {line}"))
}

fn code_lines(source: &Source) -> usize {
    let lines = source.tokens.iter().flat_map(|token| token.line..=token.last_line);
    let code: BTreeSet<usize> = lines.filter(|line| !source.is_test(*line)).collect();
    code.len()
}

fn room_circles(graph: &Graph<'_>) -> Vec<Vec<String>> {
    let folders = graph.folders();
    let mut found = Vec::new();
    for folder in folders.iter().filter(|folder| !folder.is_empty()) {
        for circle in circles(&graph.boxes(folder)) {
            let members: Vec<Vec<String>> =
                circle.iter().map(|name| inside(folder, name)).collect();
            if members.iter().any(|member| folders.contains(member)) {
                found.push(members.iter().map(|member| member.join("/")).collect());
            }
        }
    }
    found
}

fn inside(folder: &[String], name: &str) -> Vec<String> {
    folder.iter().cloned().chain([name.to_owned()]).collect()
}

fn boxes(graph: &Graph<'_>) -> BTreeMap<String, (usize, usize)> {
    let tops = graph.folders().into_iter().filter(|folder| folder.len() == 1);
    let counts = |arrows: Arrows| (arrows.len(), arrows.values().map(BTreeSet::len).sum());
    tops.map(|top| (top.concat(), counts(graph.boxes(&top)))).collect()
}

/// Humps of a name: `Lane` has one, `LaneState` two.
fn words_in(name: &str) -> usize {
    let starts = name
        .chars()
        .zip(name.chars().skip(1))
        .filter(|(before, c)| before.is_lowercase() && c.is_uppercase());
    starts.count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(files: &[(&str, &str)]) -> Figures {
        let sources: Vec<Source> =
            files.iter().map(|(path, text)| Source::new(path, text).unwrap()).collect();
        Figures::of(&Graph::new(&sources))
    }

    #[test]
    fn lines_of_code_are_neither_comments_nor_tests() {
        let text =
            "//! A.\n\nfn a() {\n    // B\n    \"c\n d\"; // E\n}\n#[cfg(test)]\nmod tests {\n}\n";
        assert_eq!(
            figures(&[("src/event/a.rs", text), ("tests/it/b.rs", "fn c() {}")]).code_lines,
            4
        );
    }

    #[test]
    fn a_name_that_is_defined_twice_is_told_with_its_places() {
        let found = figures(&[
            ("src/event/a.rs", "struct Seen; enum LaneState {}"),
            ("src/event/b.rs", "\ntrait Seen {}"),
        ]);
        assert_eq!(found.one_word_names(), (1, 2));
        assert!(
            found.to_string().contains("  Seen 2: src/event/a.rs:1 src/event/b.rs:2\n"),
            "{found}"
        );
    }

    #[test]
    fn rooms_within_a_room_make_circles_of_their_own() {
        let found = figures(&[
            ("src/verify/show/text.rs", "use crate::verify::compare::walk::W;"),
            ("src/verify/compare/walk.rs", "use crate::verify::show::lines::L;"),
            ("src/verify/show/lines.rs", ""),
        ]);
        assert_eq!(found.file_circles, [[""; 0]; 0]);
        assert_eq!(found.room_circles, [["verify/compare", "verify/show"]]);
        assert_eq!(found.boxes["verify"], (2, 2));
    }

    #[test]
    fn a_long_function_is_told() {
        let text = format!("fn a() {{\n{}}}\nfn b() {{}}", "c();\n".repeat(59));
        assert_eq!(figures(&[("src/event/a.rs", &text)]).long_functions, ["src/event/a.rs::a 61"]);
    }

    #[test]
    fn what_nobody_outside_calls_is_told_with_its_place_and_counted_by_room() {
        let found = figures(&[("src/event/a.rs", "\npub fn b() {}")]);
        let (item, by_room) = (&found.uncalled[0], found.uncalled_by_room());
        assert_eq!((item.place.as_str(), item.name.as_str()), ("src/event/a.rs:2", "b"));
        assert_eq!((by_room["event"].len(), found.public), (1, 1));
    }
}
