//! Which `pub` items have no caller outside their room.
//!
//! A caller outside is a path into the room that names the item, from another room, a test, a tool
//! or a benchmark; for a function or constant of a type it is also enough that its name stands
//! there behind `.` or `::`. What such an item needs in its signature counts as called with it.

use super::floors::room_of;
use super::graph::Graph;
use super::items::{Kind, Public};
use std::collections::{BTreeMap, BTreeSet};

/// Those of `public` that nobody outside their room calls.
pub fn uncalled<'a>(graph: &Graph<'_>, public: &'a [Public]) -> Vec<&'a Public> {
    let calls = Calls::of(graph);
    let mut called: BTreeSet<usize> =
        (0..public.len()).filter(|at| calls.reach(&public[*at])).collect();
    let mut types: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (at, item) in public.iter().enumerate().filter(|(_, item)| item.kind == Kind::Type) {
        types.entry((room_of(&item.module), &item.name)).or_default().push(at);
    }
    let mut todo: Vec<usize> = called.iter().copied().collect();
    while let Some(at) = todo.pop() {
        let item = &public[at];
        let of_type = match &item.kind {
            Kind::Associated(of_type) => Some(of_type),
            _ => None,
        };
        let needed = item
            .needs
            .iter()
            .chain(of_type)
            .filter_map(|word| types.get(&(room_of(&item.module), word.as_str())));
        todo.extend(needed.flatten().filter(|at| called.insert(**at)));
    }
    let is_uncalled = |(at, _): &(usize, &Public)| !called.contains(at);
    public.iter().enumerate().filter(is_uncalled).map(|(_, item)| item).collect()
}

/// What is named from outside, by room.
#[derive(Default)]
struct Calls<'a> {
    /// Words of paths into a room.
    named: BTreeMap<&'a str, BTreeSet<&'a str>>,
    /// Words behind `.` or `::`, and the rooms they stand in; "" for files outside the library.
    members: BTreeMap<&'a str, BTreeSet<&'a str>>,
}

impl<'a> Calls<'a> {
    fn of(graph: &'a Graph<'_>) -> Self {
        let mut calls = Self::default();
        for (source, paths) in graph.sources.iter().zip(&graph.paths) {
            let room = if source.is_of_library() { room_of(&source.module) } else { "" };
            for path in paths.iter().filter(|path| room_of(&path.segments) != room) {
                let words = path.segments.iter().map(String::as_str);
                calls.named.entry(room_of(&path.segments)).or_default().extend(words);
            }
            for pair in
                source.tokens.windows(2).filter(|pair| [".", "::"].contains(&pair[0].text.as_str()))
            {
                calls.members.entry(&pair[1].text).or_default().insert(room);
            }
        }
        calls
    }

    fn reach(&self, item: &Public) -> bool {
        let room = room_of(&item.module);
        let is_named = self.named.get(room).is_some_and(|words| words.contains(item.name.as_str()));
        let is_member = || {
            let rooms = self.members.get(item.name.as_str());
            rooms.is_some_and(|rooms| rooms.iter().any(|other| *other != room))
        };
        // The rooms themselves are declared at the top, for everybody.
        item.module.is_empty()
            || is_named
            || (matches!(item.kind, Kind::Associated(_)) && is_member())
    }
}

#[cfg(test)]
mod tests {
    use super::super::items::items;
    use super::super::source::Source;
    use super::*;

    #[test]
    fn what_only_its_own_room_calls_is_uncalled_and_what_a_signature_needs_is_not() {
        let sources = [
            (
                "src/event/range.rs",
                "pub fn a() -> B { c(); D.e(); } pub struct B; pub fn c() {} pub struct D; impl D \
                 { pub fn e(&self) {} pub fn f(&self) -> G {} } pub struct G;",
            ),
            ("src/event/mod.rs", "pub mod range; use range::c;"),
            ("src/postgres/mod.rs", "use crate::event::range::a; fn x(d: X) { d.f(); c(); }"),
            ("tests/it/a.rs", "use counterfoil::postgres::y;"),
            (
                "src/postgres/more.rs",
                "pub fn y() {} pub fn z() {}\n#[cfg(test)] mod tests { use \
                 crate::postgres::more::z; }",
            ),
        ];
        let sources: Vec<Source> =
            sources.iter().map(|(path, text)| Source::new(path, text).unwrap()).collect();
        let found = items(&sources);
        let graph = Graph::new(&sources);
        let names: Vec<&str> =
            uncalled(&graph, &found.public).iter().map(|item| item.name.as_str()).collect();
        assert_eq!(names, ["c", "e", "z"]);
    }
}
