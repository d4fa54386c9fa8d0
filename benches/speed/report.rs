//! What a part found: printed, and kept in benches/results.md with a picture.

use crate::Result;
use crate::figures::{Figures, Spread};
use crate::parts::Part;
use crate::picture::Chart;
use clap::ValueEnum;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

/// Characters of a line of text.
const LINE_MAX: usize = 140;
/// Begins the comment before a section, by which it is found again.
const MARKER: &str = "<!-- tools/bench ";

/// The results of one part.
pub struct Section {
    pub part: Part,
    /// How it was measured, in two sentences or so.
    pub method: String,
    /// The version of the servers.
    pub postgres: String,
    pub tables: Vec<Table>,
    pub chart: Chart,
}

/// A table of text; the first column names the row.
pub struct Table {
    pub caption: String,
    pub heads: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(caption: &str, heads: &[&str]) -> Self {
        Self {
            caption: caption.to_owned(),
            heads: heads.iter().map(|&head| head.to_owned()).collect(),
            rows: Vec::new(),
        }
    }

    /// Contestants that copied the same events, each beside others of them in the same round:
    /// `bases`, by their place, with how heads call them.
    pub fn of_copies(
        caption: &str,
        contestants: &[(String, Vec<Figures>)],
        bases: &[(usize, &str)],
    ) -> Self {
        let mut heads = vec![String::new()];
        heads.extend(bases.iter().map(|(_, base)| format!("time ÷ {base}")));
        heads.extend(bases.iter().take(1).map(|(_, base)| format!("processor time ÷ {base}")));
        let figures =
            ["seconds", "processor s between", "of the source", "of the destination", "peak MiB"];
        heads.extend(figures.map(str::to_owned));
        let mut table = Self { caption: caption.to_owned(), heads, rows: Vec::new() };
        for (name, figures) in contestants {
            let median = |of: fn(&Figures) -> f64| {
                format!("{:.2}", Spread::of(figures.iter().map(of)).median)
            };
            let peak = figures.iter().map(|figures| figures.peak_kib).max().unwrap_or(0);
            let beside = |of: usize| &contestants[of].1;
            let mut row = vec![name.clone()];
            row.extend(bases.iter().map(|(base, _)| {
                spread(ratios(figures, beside(*base), |figures| figures.seconds), 2)
            }));
            row.extend(
                bases
                    .iter()
                    .take(1)
                    .map(|(base, _)| spread(ratios(figures, beside(*base), Figures::cpu), 2)),
            );
            row.extend([
                spread(Spread::of(figures.iter().map(|figures| figures.seconds)), 2),
                median(|figures| figures.own_cpu),
                median(|figures| figures.source_cpu),
                median(|figures| figures.destination_cpu),
                if peak == 0 { "–".to_owned() } else { (peak / 1024).to_string() },
            ]);
            table.rows.push(row);
        }
        table
    }

    /// In the form of Markdown, with columns of one width so that it reads well as text, too.
    fn markdown(&self) -> String {
        let columns = 0..self.heads.len();
        let width = |column: usize| {
            let cells = self.rows.iter().map(|row| &row[column]).chain([&self.heads[column]]);
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0).max(3)
        };
        let widths: Vec<usize> = columns.map(width).collect();
        let line = |cells: &[String]| {
            let cells = cells.iter().zip(&widths).map(|(cell, width)| format!(" {cell:<width$} |"));
            format!("|{}\n", cells.collect::<String>())
        };
        let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        let caption = if self.caption.is_empty() {
            String::new()
        } else {
            format!("**{}**\n\n", self.caption)
        };
        format!("{caption}{}{}{rows}", line(&self.heads), line(&rule))
    }
}

/// Ratios of neighbours in time: each figure to that of the other contestant in the same round.
pub fn ratios<T>(ours: &[T], theirs: &[T], of: impl Fn(&T) -> f64) -> Spread {
    Spread::of(ours.iter().zip(theirs).map(|(ours, theirs)| of(ours) / of(theirs)))
}

/// The median with the lowest and highest.
pub fn spread(spread: Spread, digits: usize) -> String {
    format!("{:.digits$} ({:.digits$}–{:.digits$})", spread.median, spread.min, spread.max)
}

/// With a comma before each three digits.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl Section {
    pub fn print(&self) {
        let tables: Vec<String> = self.tables.iter().map(Table::markdown).collect();
        println!("\n{}\n\n{}", self.part.title(), tables.join("\n"));
    }

    /// Replaces the section of this part and this major version in benches/results.md, and its
    /// picture.
    pub fn keep(&self) -> Result<()> {
        let benches = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches");
        std::fs::write(benches.join(self.picture()), self.chart.svg())?;
        let file = benches.join("results.md");
        let kept = replaced(&std::fs::read_to_string(&file)?, self.key(), &self.text()?)?;
        Ok(std::fs::write(&file, kept)?)
    }

    fn key(&self) -> Key {
        Key { part: self.part, postgres: major(&self.postgres) }
    }

    /// Seen from benches/.
    fn picture(&self) -> String {
        format!("pictures/{}-{}.svg", self.part.name(), major(&self.postgres))
    }

    fn text(&self) -> Result<String> {
        let title = format!("{} (PostgreSQL {})", self.part.title(), major(&self.postgres));
        let mut text = format!("## {title}\n\n{}\n", wrapped(&self.method));
        writeln!(text, "\n{}\n", machine(&self.postgres)?)?;
        writeln!(text, "![{title}]({})\n", self.picture())?;
        let tables: Vec<String> = self.tables.iter().map(Table::markdown).collect();
        text.push_str(&tables.join("\n"));
        Ok(text)
    }
}

/// Which section of the results it is; they stand in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    part: Part,
    /// The major version of the servers.
    postgres: u32,
}

impl Key {
    /// From the comment before a section.
    fn parse(name: &str) -> Result<Self> {
        let parsed = name.split_once(" on ").and_then(|(part, postgres)| {
            Some(Self { part: Part::from_str(part, false).ok()?, postgres: postgres.parse().ok()? })
        });
        parsed.ok_or_else(|| {
            format!("benches/results.md has a section of `{name}`, which nobody writes").into()
        })
    }

    fn marker(self) -> String {
        format!("{MARKER}{} on {} -->\n", self.part.name(), self.postgres)
    }
}

/// 15 of 15.18.
fn major(postgres: &str) -> u32 {
    let digits: String = postgres.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}

/// Lines of a text file, none wider than the others of this repository.
fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= LINE_MAX => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}

/// The file with a section put in its place.
fn replaced(file: &str, key: Key, text: &str) -> Result<String> {
    let mut parts = file.split(MARKER);
    let head = parts.next().unwrap_or_default().trim_end();
    let mut sections = BTreeMap::new();
    for section in parts {
        let (name, text) = section
            .split_once(" -->\n")
            .ok_or("benches/results.md has a marker without its end")?;
        sections.insert(Key::parse(name)?, text.trim_end());
    }
    sections.insert(key, text.trim_end());
    let sections = sections.iter().map(|(key, text)| format!("\n{}{text}\n", key.marker()));
    Ok(format!("{head}\n{}", sections.collect::<String>()))
}

/// Date, machine and server of a measurement.
fn machine(postgres: &str) -> Result<String> {
    let cores = std::thread::available_parallelism()?;
    let value = |file: &str, key: &str| -> Result<String> {
        let text = std::fs::read_to_string(file)?;
        let line = text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or(": ?");
        Ok(line.trim_matches([' ', ':', '\t']).to_owned())
    };
    let memory = value("/proc/meminfo", "MemTotal")?;
    let kib: f64 = memory.trim_end_matches(" kB").parse().unwrap_or(f64::NAN);
    Ok(format!(
        "Measured on {} with PostgreSQL {postgres}, {cores} cores ({}), {:.0} GiB of memory.",
        time::OffsetDateTime::now_utc().date(),
        value("/proc/cpuinfo", "model name")?,
        kib / 1024.0 / 1024.0,
    ))
}
