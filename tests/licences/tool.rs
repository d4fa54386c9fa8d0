//! Prints what a release says of the work of others: `notices`, the text of THIRD-PARTY.md, or
//! `sbom TIMESTAMP`, the bill of materials with the time of the sources as RFC 3339.

#[path = "mod.rs"]
mod licences;

use licences::notices::notices;
use licences::packages::linked_packages;
use licences::sbom::sbom;
use std::io::Write;
use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let packages = linked_packages(Path::new(env!("CARGO_MANIFEST_DIR")))?;
    let text = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["notices"] => notices(&packages)?,
        ["sbom", timestamp] => sbom(&packages, timestamp),
        _ => return Err("usage: materials notices | sbom TIMESTAMP".into()),
    };
    std::io::stdout().write_all(text.as_bytes())?;
    Ok(())
}
