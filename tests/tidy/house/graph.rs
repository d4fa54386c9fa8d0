//! Which file, and which room, uses which: circles, mutual imports, boxes and arrows.

use super::floors::room_of;
use super::paths::{Path, paths};
use super::source::Source;
use std::collections::{BTreeMap, BTreeSet};

/// Arrows from a name to the names it uses.
pub type Arrows = BTreeMap<String, BTreeSet<String>>;

/// All paths into the library, by the file that names them.
pub struct Graph<'a> {
    pub sources: &'a [Source],
    /// As many as there are files, in their order.
    pub paths: Vec<Vec<Path>>,
    files: BTreeMap<&'a [String], usize>,
}

impl<'a> Graph<'a> {
    pub fn new(sources: &'a [Source]) -> Self {
        let library = || sources.iter().enumerate().filter(|(_, source)| source.is_of_library());
        let modules: BTreeSet<Vec<String>> =
            library().map(|(_, source)| source.module.clone()).collect();
        Self {
            sources,
            paths: sources.iter().map(|source| paths(source, &modules)).collect(),
            files: library().map(|(at, source)| (source.module.as_slice(), at)).collect(),
        }
    }

    /// The file that a path leads into: that of its longest start that is a module.
    pub fn file_of(&self, path: &Path) -> Option<&'a Source> {
        let ends = (1..=path.segments.len()).rev();
        let mut files = ends.filter_map(|end| self.files.get(&path.segments[..end]));
        files.next().map(|at| &self.sources[*at])
    }

    /// From file to file, tests aside.
    pub fn files(&self) -> Arrows {
        self.arrows(|source| Some(source.path.clone()))
    }

    /// From room to room, tests aside; the files of the ground are one room.
    pub fn rooms(&self) -> Arrows {
        self.arrows(|source| Some(room_of(&source.module).to_owned()))
    }

    /// What stands in one folder: files and folders, without its own mod.rs.
    pub fn boxes(&self, folder: &[String]) -> Arrows {
        self.arrows(|source| {
            let inside = source.module.strip_prefix(folder)?;
            inside.first().cloned()
        })
    }

    /// Every folder of the library, the top too.
    pub fn folders(&self) -> BTreeSet<Vec<String>> {
        let modules = self.files.keys();
        let folders_of = |module: &&[String]| {
            (0..module.len()).map(|end| module[..end].to_vec()).collect::<Vec<_>>()
        };
        modules.flat_map(folders_of).collect()
    }

    /// Arrows between the names that files get; a file without a name is none of it.
    fn arrows(&self, name_of: impl Fn(&Source) -> Option<String>) -> Arrows {
        let mut arrows = Arrows::new();
        for (source, paths) in self.sources.iter().zip(&self.paths) {
            let is_meant =
                source.is_of_library() && !source.is_of_tests && source.path != "src/lib.rs";
            let Some(from) = name_of(source).filter(|_| is_meant) else {
                continue;
            };
            let used =
                paths.iter().filter(|path| !path.is_test).filter_map(|path| self.file_of(path));
            let names: BTreeSet<String> =
                used.filter_map(&name_of).filter(|to| *to != from).collect();
            arrows.entry(from).or_default().extend(names);
        }
        arrows
    }
}

/// Names that can be reached from each other, the largest circle first.
pub fn circles(arrows: &Arrows) -> Vec<Vec<String>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        arrows.keys().map(|from| (from.as_str(), reach(arrows, from))).collect();
    let mut circles = BTreeSet::new();
    for (from, to) in &reached {
        let leads_back =
            |other: &&&str| reached.get(**other).is_some_and(|reached| reached.contains(from));
        let circle: Vec<String> =
            to.iter().filter(leads_back).map(|name| (*name).to_owned()).collect();
        if circle.len() > 1 {
            circles.insert(circle);
        }
    }
    let mut circles: Vec<_> = circles.into_iter().collect();
    circles.sort_by_key(|circle| std::cmp::Reverse(circle.len()));
    circles
}

/// Pairs that use each other.
pub fn mutual(arrows: &Arrows) -> Vec<[String; 2]> {
    let pairs =
        arrows.iter().flat_map(|(from, all)| all.iter().map(move |to| [from.clone(), to.clone()]));
    pairs
        .filter(|[from, to]| from < to && arrows.get(to).is_some_and(|back| back.contains(from)))
        .collect()
}

/// What can be reached from a name along arrows.
fn reach<'a>(arrows: &'a Arrows, from: &'a str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut todo = vec![from];
    while let Some(name) = todo.pop() {
        let next = arrows.get(name).into_iter().flatten().map(String::as_str);
        todo.extend(next.filter(|next| reached.insert(*next)));
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(files: &[(&str, &str)]) -> Vec<Source> {
        files.iter().map(|(path, text)| Source::new(path, text).unwrap()).collect()
    }

    #[test]
    fn a_circle_over_several_files_is_found_and_a_test_makes_none() {
        let sources = sources(&[
            ("src/source/mod.rs", "use self::read::a;"),
            ("src/source/read.rs", "use super::page::b; pub fn a() {}"),
            ("src/source/page.rs", "fn b() { super::c() }"),
            (
                "src/source/mark.rs",
                "use super::read; #[cfg(test)] mod tests { use crate::source::wait::W; }",
            ),
            ("src/source/wait.rs", "use super::mark::M;"),
        ]);
        let arrows = Graph::new(&sources).files();
        assert_eq!(
            circles(&arrows),
            [["src/source/mod.rs", "src/source/page.rs", "src/source/read.rs"]]
        );
        assert_eq!(mutual(&arrows), [[""; 2]; 0]);
    }

    #[test]
    fn two_files_that_use_each_other_are_a_mutual_import() {
        let sources = sources(&[
            ("src/event/a.rs", "use super::b::B;"),
            ("src/event/b.rs", "use super::a::A;"),
        ]);
        assert_eq!(mutual(&Graph::new(&sources).files()), [["src/event/a.rs", "src/event/b.rs"]]);
    }

    #[test]
    fn boxes_of_a_folder_are_its_files_and_folders() {
        let sources = sources(&[
            ("src/verify/mod.rs", "use self::show::S;"),
            ("src/verify/show/mod.rs", "use super::compare::walk::W;"),
            ("src/verify/compare/walk.rs", "use crate::verify::show; use crate::event::E;"),
            ("src/event/mod.rs", ""),
        ]);
        let graph = Graph::new(&sources);
        let boxes = graph.boxes(&["verify".to_owned()]);
        assert_eq!(circles(&boxes), [["compare", "show"]]);
        assert_eq!(graph.rooms()["verify"], BTreeSet::from(["event".to_owned()]));
    }
}
