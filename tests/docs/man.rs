//! Man pages: of the programs from their flags, of the configuration from its manual.

use clap::Command;
use clap_mangen::Man;
use counterfoil::cli::completions::programs;
use counterfoil::config::reference;
use std::fmt::Write as _;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The name of each page, and the page.
pub fn pages() -> Vec<(String, String)> {
    let mut pages = vec![("counterfoil.toml.5".to_owned(), of_configuration())];
    for program in programs() {
        // Without the commit, by which pages would differ from one to the next.
        let mut program = program.version(VERSION).disable_help_subcommand(true);
        program.build();
        add_command(&program, &mut pages);
    }
    pages
}

fn add_command(command: &Command, pages: &mut Vec<(String, String)>) {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    pages.push((format!("{name}.1"), of_command(name, command)));
    for further in command.get_subcommands() {
        add_command(further, pages);
    }
}

fn of_command(name: &str, command: &Command) -> String {
    let man = Man::new(command.clone());
    let help = command.get_after_long_help().or_else(|| command.get_after_help());
    let help = help.map(ToString::to_string).unwrap_or_default();
    let parts: Vec<&str> = help.split("\n\n").filter(|part| !part.trim().is_empty()).collect();
    let title = format!(".TH {name} 1 \"\" \"Counterfoil {VERSION}\" Counterfoil\n");
    let mut page = title.into_bytes();
    man.render_name_section(&mut page).unwrap();
    man.render_synopsis_section(&mut page).unwrap();
    man.render_description_section(&mut page).unwrap();
    for part in parts.iter().filter(|part| heading(part).is_none()) {
        page.extend(format!(".PP\n{}", lines(part)).bytes());
    }
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page).unwrap();
    }
    man.render_options_section(&mut page).unwrap();
    let mut page = String::from_utf8(page).unwrap();
    for part in parts {
        match heading(part) {
            Some(("EXAMPLES", text)) => page.push_str(&examples(text)),
            Some(("EXIT STATUS", text)) => page.push_str(&exit_codes(text)),
            Some((_, text)) => page.push_str(&see_also(name, text)),
            None => {}
        }
    }
    tidied(&page)
}

/// Without what a linter complains of: empty lines, blanks at an end, two breaks in a row; and
/// without what each part says before its text, for troffs that have no apostrophe.
fn tidied(page: &str) -> String {
    let is_kept =
        |line: &&str| !(line.is_empty() || line.starts_with(".ie ") || line.starts_with(".el "));
    let mut lines: Vec<&str> = page.lines().map(str::trim_end).filter(is_kept).collect();
    lines.dedup_by(|line, before| *line == ".br" && *before == ".br");
    lines.join("\n").replace("\\*(Aq", "\\(aq") + "\n"
}

/// The section that a part of the help is, and its text.
fn heading(part: &str) -> Option<(&'static str, &str)> {
    let headings =
        [("Examples:", "EXAMPLES"), ("Exit codes:", "EXIT STATUS"), ("Read more:", "SEE ALSO")];
    headings.iter().find_map(|(said, name)| Some((*name, part.strip_prefix(said)?)))
}

fn examples(text: &str) -> String {
    let commands = text.lines().filter(|line| !line.is_empty()).map(|line| escaped(line.trim()));
    let commands: Vec<String> = commands.collect();
    format!(".SH EXAMPLES\n.nf\n{}\n.fi\n", commands.join("\n"))
}

/// `0  done`, one a line, or all in a sentence.
fn exit_codes(text: &str) -> String {
    let mut page = ".SH \"EXIT STATUS\"\n".to_owned();
    let mut is_list = false;
    for line in text.lines().filter(|line| !line.is_empty()) {
        match line.strip_prefix("  ").and_then(|line| line.split_once("  ")) {
            Some((code, meaning)) if code.parse::<u8>().is_ok() => {
                is_list = true;
                let _ = writeln!(page, ".TP\n\\fB{code}\\fR\n{}", escaped(meaning));
            }
            _ => {
                if is_list && !line.starts_with("  ") {
                    is_list = false;
                    page.push_str(".PP\n");
                }
                let _ = writeln!(page, "{}", escaped(line.trim()));
            }
        }
    }
    page
}

fn see_also(name: &str, text: &str) -> String {
    let all = ["counterfoil(1)", "events-diff(1)", "load-fake-data(1)", "counterfoil.toml(5)"];
    let others: Vec<String> = all
        .iter()
        .filter_map(|page| page.split_once('('))
        .filter(|(page, _)| *page != name)
        .map(|(page, section)| format!(".BR {page} ({section}"))
        .collect();
    format!(".SH \"SEE ALSO\"\n{}\n.PP\n{}", others.join(",\n"), lines(text.trim_start()))
}

fn lines(text: &str) -> String {
    text.lines().fold(String::new(), |page, line| page + &escaped(line.trim()) + "\n")
}

/// `docs/configuration.md`, from Markdown.
fn of_configuration() -> String {
    let mut page = format!(
        ".TH counterfoil.toml 5 \"\" \"Counterfoil {VERSION}\" Counterfoil\n.SH NAME\n\
         counterfoil.toml \\- configuration of counterfoil and events\\-diff\n.SH DESCRIPTION\n"
    );
    let manual = reference::manual();
    let mut is_in_key = false;
    for part in manual.split("\n\n").skip(1).filter(|part| !part.starts_with("<!--")) {
        let part = part.trim();
        if let Some(heading) = part.strip_prefix("## ") {
            is_in_key = false;
            let _ = writeln!(
                page,
                ".SH \"{}\"",
                escaped(&heading.replace('`', "").replace('"', "\\(dq"))
            );
        } else if let Some(key) = part.strip_prefix("### ") {
            is_in_key = true;
            let _ = writeln!(page, ".TP\n{}", inline(key));
        } else if part.starts_with("- ") {
            page.push_str(&list(part, is_in_key));
        } else {
            // The first paragraph stands right beneath its heading.
            let last = page.lines().last().unwrap_or_default();
            if !last.starts_with(".SH") && !page.ends_with(&last_key(&page)) {
                page.push_str(if is_in_key { ".IP\n" } else { ".PP\n" });
            }
            page.push_str(
                &part.lines().fold(String::new(), |text, line| text + &inline(line) + "\n"),
            );
        }
    }
    page
}

/// The line of a key with which the page ends, if it does.
fn last_key(page: &str) -> String {
    let lines: Vec<&str> = page.lines().rev().take(2).collect();
    match lines[..] {
        [key, ".TP"] => format!("{key}\n"),
        _ => "\0".to_owned(),
    }
}

fn list(part: &str, is_in_key: bool) -> String {
    let items = part.strip_prefix("- ").unwrap_or(part).split("\n- ");
    let items = items.map(|item| {
        let text: Vec<String> = item.lines().map(|line| inline(line.trim())).collect();
        format!(".IP \\(bu 2\n{}\n", text.join("\n"))
    });
    let items: String = items.collect();
    if is_in_key { format!(".RS\n{items}.RE\n") } else { items }
}

/// A line with what stands between backticks in bold, and of links their words.
fn inline(line: &str) -> String {
    let mut text = String::new();
    for (at, piece) in line.split('`').enumerate() {
        match at % 2 {
            0 => text.push_str(&escaped(&without_links(piece))),
            _ => {
                let _ = write!(text, "\\fB{}\\fR", escaped_inside(piece));
            }
        }
    }
    text
}

fn without_links(piece: &str) -> String {
    let mut text = String::new();
    let mut rest = piece;
    while let Some((before, after)) = rest.split_once("](") {
        let (before, words) = before.rsplit_once('[').unwrap_or(("", before));
        text.push_str(before);
        text.push_str(words);
        rest = after.split_once(')').map_or("", |(_, after)| after);
    }
    text + rest
}

/// A line as roff takes it for text.
fn escaped(line: &str) -> String {
    let text = escaped_inside(line);
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

fn escaped_inside(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-")
}
