//! The documents are a book: nothing is left out of its list, every link arrives, and the page of
//! the commands is written from their helps.

use crate::{COMMANDS, PROGRAMS, assert_is, counterfoil, documents, read, root, run, schema};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const HEAD: &str = "\
# Commands and exit codes

<!-- Written from the helps: COUNTERFOIL_RECORD=1 cargo test --test docs renews it. -->

What each command prints at `--help`; `-h` is shorter. What the words mean: [operating.md](operating.md).
";

/// How a command is called, and its help.
struct CommandHelp {
    name: String,
    help: String,
}

fn helps() -> Vec<CommandHelp> {
    let help_of = |output: std::process::Output| String::from_utf8(output.stdout).unwrap();
    let ours = COMMANDS.iter().map(|command| {
        let arguments: Vec<&str> = command.iter().copied().chain(["--help"]).collect();
        let name = [&["counterfoil"], *command].concat().join(" ");
        CommandHelp { name, help: help_of(counterfoil(&arguments)) }
    });
    let companions = PROGRAMS[1..].iter().map(|(program, path)| {
        let help = help_of(run(path, &["--help"]));
        CommandHelp { name: (*program).to_owned(), help }
    });
    ours.chain(companions).collect()
}

/// The rows of a table of exit codes, of a help that has one on lines of their own.
fn exit_codes(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Exit codes:").skip(1);
    let mut rows: Vec<(&str, String)> = Vec::new();
    for line in lines.take_while(|line| line.starts_with("  ")) {
        match line.trim().split_once("  ") {
            Some((code, meaning)) if code.parse::<u8>().is_ok() => {
                rows.push((code, meaning.trim().to_owned()));
            }
            _ => {
                let (_, meaning) = rows.last_mut().expect("the first line has a code");
                meaning.push_str(&format!(" {}", line.trim()));
            }
        }
    }
    rows.iter().map(|(code, meaning)| format!("| {code} | {meaning} |")).collect()
}

/// The text of `docs/commands.md`.
fn page_of_commands(helps: &[CommandHelp]) -> String {
    let mut parts = vec![HEAD.to_owned()];
    for CommandHelp { name, help } in helps {
        let rows = exit_codes(help);
        if !rows.is_empty() {
            let rows = rows.join("\n");
            parts.push(format!(
                "## Exit codes of `{name}`\n\n| code | meaning |\n|---|---|\n{rows}\n"
            ));
        }
    }
    for CommandHelp { name, help } in helps {
        parts.push(format!("## `{name}`\n\n```text\n{}\n```\n", help.trim_end()));
    }
    parts.join("\n")
}

#[test]
fn the_page_of_the_commands_has_their_helps_and_exit_codes() {
    let helps = helps();
    let page = page_of_commands(&helps);
    for code in [0, 1, 2, 3, 4, 5, 6, 7, 8, 130] {
        assert!(page.contains(&format!("\n| {code} | ")), "{code}");
    }
    assert_eq!(page.matches("## Exit codes of").count(), PROGRAMS.len());
    assert_is(&root().join("docs/commands.md"), &page);
}

/// The links of a text, as they are written.
fn links(text: &str) -> Vec<&str> {
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect()
}

/// Every Markdown file below a folder, from the top of the repository.
fn pages_below(dir: &str) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(root().join(dir)).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{dir}/{}", path.file_name().unwrap().to_str().unwrap());
        match path.extension() {
            _ if path.is_dir() => found.extend(pages_below(&name)),
            Some(extension) if extension == "md" => drop(found.insert(PathBuf::from(name))),
            _ => {}
        }
    }
    found
}

/// A path without `x/..`.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part.as_os_str() == ".." {
            true => drop(plain.pop()),
            false => plain.push(part),
        }
    }
    plain
}

/// The entries of the book, as paths from the top.
fn entries() -> Vec<PathBuf> {
    let summary = read(&root().join("docs/SUMMARY.md"));
    links(&summary).iter().map(|link| plain(&Path::new("docs").join(link))).collect()
}

#[test]
fn every_page_of_the_documents_stands_in_the_summary_once_and_every_entry_is_a_page() {
    let entries = entries();
    let named: BTreeSet<PathBuf> = entries.iter().cloned().collect();
    assert_eq!(named.len(), entries.len(), "an entry is there twice: {entries:?}");
    let mut pages = pages_below("docs");
    assert!(pages.remove(Path::new("docs/SUMMARY.md")) && pages.len() > 15);
    let missing: Vec<_> = pages.difference(&named).collect();
    assert!(missing.is_empty(), "add a line to docs/SUMMARY.md for {missing:?}");
    let gone: Vec<_> = named.iter().filter(|entry| !root().join(entry).is_file()).collect();
    assert!(gone.is_empty(), "docs/SUMMARY.md names {gone:?}");
}

/// What a heading is called in a link, by mdBook and by the hosts of repositories alike.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    let kept = kept.trim().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn anchors(text: &str) -> BTreeSet<String> {
    let mut is_code = false;
    let mut found = BTreeSet::new();
    for line in text.lines() {
        if line.starts_with("```") {
            is_code = !is_code;
        } else if let Some((marks, heading)) = line.split_once(' ').filter(|_| !is_code)
            && !marks.is_empty()
            && marks.bytes().all(|byte| byte == b'#')
        {
            found.insert(anchor(heading));
        }
    }
    found
}

#[test]
fn every_anchor_of_a_link_is_a_heading_of_its_page() {
    assert_eq!(anchor("What is `less`, and: what follows"), "what-is-less-and-what-follows");
    assert!(anchors("# A\n```\n# no heading\n```\n## B c").iter().eq(["a", "b-c"]));
    let mut followed = 0;
    for document in documents() {
        let text = read(&document);
        for link in links(&text).into_iter().filter(|link| !link.contains("://")) {
            let Some((path, wanted)) = link.split_once('#') else { continue };
            let target = match path {
                "" => document.clone(),
                _ => document.parent().unwrap().join(path),
            };
            let is_there = anchors(&read(&target)).contains(wanted);
            assert!(is_there, "{}: no heading is called {link}", document.display());
            followed += 1;
        }
    }
    assert!(followed > 20, "only {followed} links with an anchor were found");
}

/// What tools/book puts into the book, as it says itself.
fn gathered() -> Vec<PathBuf> {
    let script = read(&root().join("tools/book"));
    let files = script.lines().find_map(|line| line.strip_prefix("files=\"")).unwrap();
    files.trim_end_matches('"').split(' ').map(PathBuf::from).collect()
}

#[test]
fn no_link_of_the_documents_leaves_the_book() {
    let gathered = gathered();
    for page in pages_below("docs") {
        for link in links(&read(&root().join(&page))) {
            let path = link.split('#').next().unwrap();
            if path.is_empty() || path.contains("://") {
                continue;
            }
            let target = plain(&page.parent().unwrap().join(path));
            let is_inside = gathered.iter().any(|part| target.starts_with(part));
            let cure = "add it to `files` in tools/book";
            assert!(is_inside, "{}: {link} is not in the book: {cure}", page.display());
        }
    }
}

/// Pictures that a program took, and nobody drew.
const MEASURED: [&str; 2] = ["window.png", "soak.svg"];

#[test]
fn every_picture_is_shown_small_titled_and_drawn_for_light_and_dark() {
    let pages: String = pages_below("docs").iter().map(|page| read(&root().join(page))).collect();
    let mut pictures = 0;
    for entry in fs::read_dir(root().join("docs/pictures")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(pages.contains(&format!("](pictures/{name})")), "no page shows {name}");
        if MEASURED.contains(&name.as_str()) {
            assert!(fs::metadata(&path).unwrap().len() < 300_000, "{name} is large");
            continue;
        }
        let picture = read(&path);
        assert!(picture.len() < 8192, "{name} has {} bytes", picture.len());
        for part in ["<title>", "<desc>", "prefers-color-scheme: dark", "class=\"panel\""] {
            assert!(picture.contains(part), "{name} has no {part}");
        }
        pictures += 1;
    }
    assert!(pictures >= 4);
}

#[test]
fn every_configuration_of_the_documents_is_toml_and_every_whole_one_fits_the_schema() {
    let schema_of_keys = crate::schema();
    let (mut blocks, mut whole) = (0, 0);
    for document in documents() {
        let text = read(&document);
        for block in text.split("\n```toml\n").skip(1) {
            let block = block.split("\n```").next().unwrap();
            let value: Result<serde_json::Value, _> = toml::from_str(block);
            let value = value.unwrap_or_else(|error| panic!("{}: {error}", document.display()));
            blocks += 1;
            if value.get("source").is_some() && value.get("destinations").is_some() {
                let problems = schema::problems(&schema_of_keys, &value);
                assert_eq!(problems, [""; 0], "{}:\n{block}", document.display());
                whole += 1;
            }
        }
    }
    assert!(blocks > 12 && whole >= 3, "{blocks} blocks, {whole} whole ones");
}

/// Where tools/book keeps the mdBook that it takes, if it was installed there.
fn installed_mdbook() -> Option<PathBuf> {
    let script = read(&root().join("tools/book"));
    let version = script.lines().find_map(|line| line.strip_prefix("version=")).unwrap();
    let home = std::env::var("HOME").map(|home| format!("{home}/.cache")).ok();
    let caches = [std::env::var("XDG_CACHE_HOME").ok(), Some("/var/cache".to_owned()), home];
    let kept = |cache: &String| {
        Path::new(cache).join("counterfoil/mdbook").join(version).join("bin/mdbook")
    };
    caches.iter().flatten().map(kept).find(|program| program.exists())
}

/// The values of an attribute of a page of HTML.
fn attributes<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    let parts = html.split(name).skip(1);
    parts.filter_map(|part| part.strip_prefix("=\"")?.split('"').next()).collect()
}

/// The links of a built page that lead nowhere.
fn dead_links(page: &Path) -> Vec<String> {
    let html = read(page);
    let links = [attributes(&html, " href"), attributes(&html, " src")].concat();
    let is_dead = |link: &&str| {
        let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
        let target = match path {
            "" => page.to_owned(),
            _ => page.parent().unwrap().join(path),
        };
        let is_page = target.extension().is_some_and(|extension| extension == "html");
        let has_anchor = || attributes(&read(&target), " id").contains(&anchor);
        !target.exists() || (is_page && !anchor.is_empty() && !has_anchor())
    };
    let within = links.into_iter().filter(|link| !link.contains("://"));
    within.filter(is_dead).map(|link| format!("{}: {link}", page.display())).collect()
}

#[test]
fn every_link_of_the_built_book_arrives() {
    let is_required = std::env::var_os("COUNTERFOIL_TEST_BOOK").is_some();
    if installed_mdbook().is_none() && !is_required {
        println!("skipped: there is no mdBook: tools/book --setup installs it");
        return;
    }
    let output = Command::new(root().join("tools/book")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let book = root().join("target/book");
    let mut dead = Vec::new();
    for entry in entries() {
        let page = book.join(entry.with_extension("html"));
        dead.extend(dead_links(&page));
    }
    assert_eq!(dead, [""; 0]);
}

/// A repository that has nothing but what tools/book takes, and a cargo that installs this mdBook.
struct Workshop {
    dir: tempfile::TempDir,
}

impl Workshop {
    fn new(cargo: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut parts = gathered();
        parts.extend(["tools/book", "book.toml"].map(PathBuf::from));
        let copied = Command::new("cp")
            .args(["-R", "--parents"])
            .args(parts)
            .arg(dir.path())
            .current_dir(root())
            .status();
        assert!(copied.unwrap().success());
        fs::create_dir(dir.path().join("bin")).unwrap();
        let program = dir.path().join("bin/cargo");
        fs::write(&program, format!("#!/bin/sh\necho cargo >>\"$HERE/asked\"\n{cargo}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        Self { dir }
    }

    fn run(&self, arguments: &[&str]) -> std::process::Output {
        let path = format!("{}/bin:{}", self.dir.path().display(), std::env::var("PATH").unwrap());
        let mut command = Command::new("sh");
        command.arg(self.dir.path().join("tools/book")).args(arguments);
        command.env("PATH", path).env("HERE", self.dir.path());
        command.env("XDG_CACHE_HOME", self.dir.path().join("cache")).output().unwrap()
    }

    fn cached(&self) -> Vec<String> {
        let entries = fs::read_dir(self.dir.path().join("cache/counterfoil/mdbook")).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != ".lock").collect()
    }
}

#[test]
fn the_book_is_gathered_with_all_its_entries_and_mdbook_is_installed_once() {
    let workshop = Workshop::new(
        "while [ \"$1\" != --root ]; do shift; done; mkdir -p \"$2/bin\"; printf '#!/bin/sh\\necho \
         \"$PWD $1\"\\n' >\"$2/bin/mdbook\"; chmod +x \"$2/bin/mdbook\"",
    );
    for _ in 0..2 {
        let output = workshop.run(&[]);
        let told = String::from_utf8(output.stdout).unwrap();
        let root = fs::canonicalize(workshop.dir.path()).unwrap();
        let wanted = format!("{0} build\n{0}/target/book/index.html\n", root.display());
        assert_eq!(told, wanted, "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(fs::read_to_string(workshop.dir.path().join("asked")).unwrap(), "cargo\n");
    let source = workshop.dir.path().join("target/book-source");
    let summary = read(&source.join("SUMMARY.md"));
    let named: Vec<PathBuf> = links(&summary).iter().map(PathBuf::from).collect();
    assert_eq!(named, entries());
    assert!(named.iter().all(|entry| source.join(entry).is_file()), "{named:?}");
}

#[test]
fn an_mdbook_that_cannot_be_installed_leaves_nothing_behind() {
    let workshop = Workshop::new("exit 101");
    let output = workshop.run(&["--setup"]);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.ends_with("tools/book: cannot install mdBook; nothing was kept\n"), "{told}");
    assert_eq!(workshop.cached(), [""; 0]);
    assert_eq!(workshop.run(&["--serve"]).status.code(), Some(2));
}
