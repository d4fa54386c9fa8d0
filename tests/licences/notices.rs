//! THIRD-PARTY.md: the licence of each package that goes into the programs, and the texts that
//! have to go with them. Equal texts stand once.

use super::packages::LinkedPackage;
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const HEAD: &str = "\
# What others have made

<!-- Written from Cargo.lock: COUNTERFOIL_RECORD=1 cargo test --locked --test licences renews it. -->

Counterfoil itself is under [MIT](LICENSE-MIT) or [Apache-2.0](LICENSE-APACHE), at your choice. Its programs contain the packages below, of
which each is under one of its licences, at the choice that its expression leaves; what only tests and build scripts use is not among
them. With them goes the standard library of Rust, under MIT or Apache-2.0 (its notices: `COPYRIGHT.html` of the release of Rust that
built the program), and of GCC the unwinder, under GPL-3.0 with the GCC Runtime Library Exception, which asks nothing of programs like this.

**The static program also contains the GNU C library**, under [LGPL-2.1](packaging/LGPL-2.1.txt) or later, Copyright (C) the Free Software
Foundation and others. Whoever receives the program may replace that library: the complete sources of Counterfoil, `Cargo.lock` and the
script `packaging/static` are public and build the same program again with any other version of the library (section 6a). Its own sources are
those of the Debian package `glibc` of the system that built it, at sources.debian.org. The other programs use the system's library, and
contain nothing of it. Reverse engineering for debugging such changes is allowed.
";

/// The text of THIRD-PARTY.md.
pub fn notices(packages: &[LinkedPackage]) -> Result<String, Box<dyn Error>> {
    let mut texts: Vec<LicenceText> = Vec::new();
    let mut table = "| package | version | licence | texts |\n|---|---|---|---|\n".to_owned();
    // The first is ours.
    for package in packages.iter().skip(1) {
        let mut numbers = Vec::new();
        for file in files_of(package, packages)? {
            numbers.push(number_of(&std::fs::read_to_string(&file)?, package, &mut texts));
        }
        numbers.dedup();
        let links: Vec<String> =
            numbers.iter().map(|number| format!("[{number}](#text-{number})")).collect();
        let LinkedPackage { name, version, licence, .. } = package;
        writeln!(table, "| {name} | {version} | {licence} | {} |", links.join(", "))?;
    }
    let mut page = format!("{HEAD}\n## Packages\n\n{table}");
    for (at, text) in texts.iter().enumerate() {
        let users = text.users.join(", ");
        let fence = if text.text.contains("```") { "````" } else { "```" };
        write!(page, "\n## Text {}\n\n{users}\n\n{fence}text\n{}\n{fence}\n", at + 1, text.text)?;
    }
    Ok(page)
}

/// A text, and who uses it.
struct LicenceText {
    text: String,
    /// By this texts are compared: spaces and line ends do not make another.
    words: String,
    users: Vec<String>,
}

fn number_of(text: &str, package: &LinkedPackage, texts: &mut Vec<LicenceText>) -> usize {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let at = texts.iter().position(|known| known.words == words).unwrap_or_else(|| {
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        let text = lines.join("\n").trim_matches('\n').to_owned();
        texts.push(LicenceText { text, words, users: Vec::new() });
        texts.len() - 1
    });
    if texts[at].users.last() != Some(&package.name) {
        texts[at].users.push(package.name.clone());
    }
    at + 1
}

/// The files of licences and notices of a package.
///
/// One that brings none is under a licence whose text names nobody: that of Counterfoil's own copy
/// serves; otherwise it is an error, and a person has to look for the text.
fn files_of(
    package: &LinkedPackage,
    all: &[LinkedPackage],
) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&package.dir)? {
        let path = entry?.path();
        if path.is_file() && is_notice(&path) {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() && package.licence.split(" OR ").any(|licence| licence == "Apache-2.0") {
        files.push(all[0].dir.join("LICENSE-APACHE"));
    }
    if files.is_empty() {
        return Err(
            format!("{} {} brings no text of its licence", package.name, package.version).into()
        );
    }
    Ok(files)
}

fn is_notice(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let beginnings = ["license", "licence", "copying", "copyright", "notice", "unlicense"];
    let is_code = [".rs", ".toml", ".html"].iter().any(|end| name.ends_with(end));
    beginnings.iter().any(|beginning| name.starts_with(beginning)) && !is_code
}
