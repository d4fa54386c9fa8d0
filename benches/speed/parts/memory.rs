//! The most resident memory of Counterfoil at its default settings.

use super::Part;
use crate::Result;
use crate::arguments::{Size, Wanted};
use crate::contestants::{Contestant, Follower, wait_until_level};
use crate::figures::{Spread, peak_kib};
use crate::loader::Loader;
use crate::picture::{Bar, Chart, Group};
use crate::psql::Psql;
use crate::report::{Section, Table, spread, thousands};
use crate::stage::{DESTINATIONS, Stage};

const TARGET: &str = DESTINATIONS[0];
/// What is promised.
const BAR_MB: f64 = 64.0;
/// Of the large events there are so many times fewer.
const FEWER_LARGE: u64 = 10_000;

/// Events of one size.
struct Case {
    name: &'static str,
    sql: &'static str,
    /// How many of the events that are asked for.
    one_in: u64,
}

const CASES: [Case; 3] = [
    Case { name: "of 100 bytes", sql: include_str!("../sql/short_events.sql"), one_in: 1 },
    Case { name: "of 400 bytes", sql: include_str!("../sql/events.sql"), one_in: 1 },
    Case { name: "of 10 MB", sql: include_str!("../sql/large_events.sql"), one_in: FEWER_LARGE },
];

pub fn measure(wanted: &Wanted) -> Result<Section> {
    let size = wanted.size(Part::Memory);
    let mut found = Vec::new();
    let stage = Stage::empty(Psql::find()?, &wanted.replication())?;
    for case in &CASES {
        let events = (size.events / case.one_in).max(1);
        let name = format!("counterfoil, catch-up of {} events {}", thousands(events), case.name);
        let peaks = catch_up(&stage, case, events, size)?;
        println!("{name}: {} MB", spread(Spread::of(peaks.iter().copied()), 1));
        found.push((name, peaks));
    }
    let name = "counterfoil, following a loader".to_owned();
    let peaks = follow(&stage, size)?;
    println!("{name}: {} MB", spread(Spread::of(peaks.iter().copied()), 1));
    found.push((name, peaks));
    Ok(section(&stage, &found))
}

/// Peaks of catch-ups, in MB.
fn catch_up(stage: &Stage, case: &Case, events: u64, size: Size) -> Result<Vec<f64>> {
    stage.clear_source()?;
    stage.fill(&case.sql.replace(":events_per_ts", "100"), events)?;
    (0..size.runs)
        .map(|_| {
            let figures = Contestant::Counterfoil(String::new()).copy(stage, TARGET)?;
            megabytes(figures.peak_kib)
        })
        .collect()
}

/// Peaks while a loader writes as fast as it can, in MB.
fn follow(stage: &Stage, size: Size) -> Result<Vec<f64>> {
    (0..size.runs)
        .map(|run| {
            stage.clear_source()?;
            let following = Follower::Counterfoil.start(stage, TARGET)?;
            let mut loader = Loader::start(stage, size.seconds, run + 1)?;
            while !loader.has_ended()? {
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
            wait_until_level(stage, TARGET)?;
            let peak = following.pid().map_or(0, peak_kib);
            following.stop()?;
            stage.digest_source()?;
            stage.compare(TARGET)?;
            megabytes(peak)
        })
        .collect()
}

/// Fails where nothing was seen, so that it never counts as little.
fn megabytes(kib: u64) -> Result<f64> {
    match kib {
        0 => Err("/proc does not tell the peak of a process".into()),
        kib => Ok(kib as f64 * 1024.0 / 1_000_000.0),
    }
}

fn section(stage: &Stage, found: &[(String, Vec<f64>)]) -> Section {
    let held = format!("within {BAR_MB} MB");
    let mut table = Table::new("Most resident memory of the process, MB", &["", "MB", &held]);
    let mut bars = Vec::new();
    for (name, peaks) in found {
        let peak = Spread::of(peaks.iter().copied());
        let is_within = if peak.max <= BAR_MB { "yes" } else { "no" };
        table.rows.push(vec![name.clone(), spread(peak, 1), is_within.to_owned()]);
        bars.push(Bar::ours(name.trim_start_matches("counterfoil, "), peak));
    }
    Section {
        part: Part::Memory,
        method: format!(
            "The kernel's high-water mark of resident memory (VmHWM) of `counterfoil run` at \
             default settings, for a catch-up of events of each size and while following \
             `load-fake-data --writers 8`. The bar is {BAR_MB} MB."
        ),
        postgres: stage.version(),
        tables: vec![table],
        chart: Chart::new(
            Part::Memory.title(),
            "MB resident at most, median of the runs with lowest and highest; shorter is better",
            Group::alone(bars),
        ),
    }
}
