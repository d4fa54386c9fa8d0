//! tools/house: draws the house from the paths in src and counts what the house rules are about.

#[path = "mod.rs"]
mod house;

use clap::Parser;
use house::figures::Figures;
use house::graph::Graph;
use house::source::{Source, files, place_by_declaration};
use house::{picture, ratchet, shape};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Draws the house from the paths in src, and counts: lines of code, names of types, circles, `pub`
/// that nobody needs.
#[derive(Parser)]
struct Arguments {
    /// Another tree of this project instead of this one
    #[arg(long, value_name = "DIR", default_value = env!("CARGO_MANIFEST_DIR"))]
    root: PathBuf,
    /// Renews the picture in ARCHITECTURE.md, and lowers the entries of tests/tidy_ratchet.txt that
    /// have become too high
    #[arg(long)]
    write: bool,
    /// Prints names of types defined twice and what has grown since tests/tidy_ratchet.txt was
    /// written, with the cure, and nothing else
    #[arg(long)]
    check: bool,
    /// Lists every `pub` item without a caller outside its room, with its place
    #[arg(long)]
    list_pub: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let files = files(&arguments.root, &["src", "tests", "tools", "benches"], "rs")?;
    let mut sources =
        files.iter().map(|(path, text)| Source::new(path, text)).collect::<Result<Vec<_>, _>>()?;
    place_by_declaration(&mut sources);
    let graph = Graph::new(&sources);
    let drawn = picture::draw(&graph);
    let figures = Figures::of(&graph);
    if arguments.write {
        return write_down(&arguments.root, &drawn, &figures);
    }
    let mut out = std::io::stdout().lock();
    if arguments.check {
        let all = shape::excesses(&figures);
        let list = std::fs::read_to_string(arguments.root.join(ratchet::LIST))?;
        let ours =
            list.lines().filter(|line| shape::KINDS.iter().any(|start| line.starts_with(start)));
        let grown = ratchet::problems(&all, &ours.collect::<Vec<_>>().join("\n"));
        for problem in shape::doubled(&figures).into_iter().chain(grown) {
            writeln!(out, "{problem}")?;
        }
        return Ok(());
    }
    if arguments.list_pub {
        for item in &figures.uncalled {
            writeln!(out, "{} {}", item.place, item.name)?;
        }
        return Ok(());
    }
    Ok(write!(out, "{drawn}\n{figures}")?)
}

fn write_down(
    root: &Path,
    drawn: &str,
    figures: &Figures,
) -> Result<(), Box<dyn std::error::Error>> {
    let document = root.join("ARCHITECTURE.md");
    let text = std::fs::read_to_string(&document)?;
    let renewed = picture::renewed(&text, drawn)
        .ok_or("ARCHITECTURE.md has lost the marks around its picture")?;
    std::fs::write(document, renewed)?;
    let list = root.join(ratchet::LIST);
    let lowered = ratchet::lowered(
        &std::fs::read_to_string(&list)?,
        &shape::KINDS,
        &shape::excesses(figures),
    );
    Ok(std::fs::write(list, lowered)?)
}
