//! The picture of the house in ARCHITECTURE.md: floors, rooms and arrows, as Mermaid draws them.

use super::floors::{FLOORS, GROUND, ROOF, floor_of};
use super::graph::Graph;
use std::collections::BTreeSet;
use std::fmt::Write as _;

const START: &str =
    "<!-- drawn by tools/house from the paths in src; `tools/house --write` renews it -->\n";
const END: &str = "<!-- end of what tools/house draws -->\n";

/// Draws the house. Everybody uses the ground, so these arrows are left out.
pub fn draw(graph: &Graph<'_>) -> String {
    let arrows = graph.rooms();
    let is_there = |room: &str| room == "main" || arrows.contains_key(room);
    let mut picture = "```mermaid\nflowchart TD\n".to_owned();
    for (floor, rooms) in FLOORS.iter().enumerate().rev() {
        let boxes: Vec<String> = match floor {
            GROUND => vec![format!("ground[\"{}\"]", rooms.join(" · "))],
            ROOF => vec!["cli[\"cli · main.rs · tools/*.rs\"]".to_owned()],
            _ => {
                rooms.iter().filter(|room| is_there(room)).map(|room| (*room).to_owned()).collect()
            }
        };
        if !boxes.is_empty() {
            let _ = writeln!(
                picture,
                "    subgraph floor{floor} [{floor}]\n        {}\n    end",
                boxes.join("\n        ")
            );
        }
    }
    let mut rooms: Vec<_> = arrows.iter().collect();
    rooms.sort_by_key(|(room, _)| std::cmp::Reverse(floor_of(room)));
    for (room, used) in rooms {
        let used: BTreeSet<&str> =
            used.iter().map(String::as_str).filter(|to| *to != "ground").collect();
        if !used.is_empty() {
            let _ = writeln!(
                picture,
                "    {room} --> {}",
                used.into_iter().collect::<Vec<_>>().join(" & ")
            );
        }
    }
    picture + "```\n"
}

/// The text with another picture between its marks; `None` if the marks are not there.
pub fn renewed(text: &str, picture: &str) -> Option<String> {
    let (before, rest) = text.split_once(START)?;
    let (_, after) = rest.split_once(END)?;
    Some([before, START, picture, END, after].concat())
}

#[cfg(test)]
mod tests {
    use super::super::source::Source;
    use super::*;

    #[test]
    fn rooms_stand_on_their_floors_and_arrows_come_from_paths() {
        let sources = [
            ("src/cli/run.rs", "use crate::{config::load, error::Error, source::read};"),
            ("src/config/mod.rs", "use crate::error::Error;"),
            ("src/source/read.rs", "use crate::config::Url;"),
            ("src/error.rs", ""),
        ];
        let sources: Vec<Source> =
            sources.iter().map(|(path, text)| Source::new(path, text).unwrap()).collect();
        let picture = draw(&Graph::new(&sources));
        for line in [
            "    subgraph floor3 [3]\n        source\n    end\n",
            "    subgraph floor1 [1]\n        config\n    end\n",
            "[\"commands · error · fail · histogram · log",
            "    cli --> config & source\n    source --> config\n```\n",
        ] {
            assert!(picture.contains(line), "{picture}");
        }
        assert!(!picture.contains("--> ground") && !picture.contains("console"), "{picture}");
    }

    #[test]
    fn only_what_stands_between_the_marks_is_renewed() {
        let text = format!("a\n{START}old\n{END}b\n");
        assert_eq!(renewed(&text, "new\n").unwrap(), format!("a\n{START}new\n{END}b\n"));
        assert_eq!(renewed("a\n", "new"), None);
    }
}
