//! tools/house: draws the house from the paths in src and counts what the house rules are about.

#[path = "mod.rs"]
mod house;

use clap::Parser;
use house::figures::Figures;
use house::graph::Graph;
use house::picture;
use house::source::{Source, files, place_by_declaration};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Draws the house from the paths in src, and counts: lines of code, names of types, circles, `pub` that nobody needs.
#[derive(Parser)]
struct Arguments {
    /// Another tree of this project instead of this one
    #[arg(long, value_name = "DIR", default_value = env!("CARGO_MANIFEST_DIR"))]
    root: PathBuf,
    /// Renews the picture in ARCHITECTURE.md
    #[arg(long)]
    write: bool,
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
    let mut sources = files
        .iter()
        .map(|(path, text)| Source::new(path, text))
        .collect::<Result<Vec<_>, _>>()?;
    place_by_declaration(&mut sources);
    let graph = Graph::new(&sources);
    let drawn = picture::draw(&graph);
    if arguments.write {
        let path = arguments.root.join("ARCHITECTURE.md");
        let text = std::fs::read_to_string(&path)?;
        let renewed = picture::renewed(&text, &drawn).ok_or("ARCHITECTURE.md has lost the marks around its picture")?;
        return Ok(std::fs::write(path, renewed)?);
    }
    let figures = Figures::of(&graph);
    let mut out = std::io::stdout().lock();
    if arguments.list_pub {
        for item in &figures.uncalled {
            writeln!(out, "{} {}", item.place, item.name)?;
        }
        return Ok(());
    }
    Ok(write!(out, "{drawn}\n{figures}")?)
}
