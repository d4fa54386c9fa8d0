//! The checks before the first event, on two large tables that are equal.

use super::Part;
use crate::Result;
use crate::arguments::Wanted;
use crate::contestants::{counterfoil, pipe};
use crate::figures::{Figures, Spread};
use crate::picture::{Bar, Chart, Group};
use crate::psql::Psql;
use crate::report::{Section, Table, spread, thousands};
use crate::stage::{DESTINATIONS, Stage};

const TARGET: &str = DESTINATIONS[0];

pub fn measure(wanted: &Wanted) -> Result<Section> {
    let size = wanted.size(Part::StartUp);
    let stage = Stage::empty(Psql::find()?, &wanted.replication())?;
    stage.drop_indexes_of_source()?;
    stage.drop_indexes(TARGET)?;
    stage.fill(include_str!("../sql/short_events.sql"), size.events)?;
    pipe::copy(&stage, &[TARGET])?;
    stage.ask_destination(TARGET, "vacuum (analyze) events")?;
    stage.compare(TARGET)?;
    stage.checkpoint()?;
    println!("{}", stage.description()?);
    let check = || counterfoil::run_to_the_end(&stage, &[TARGET], "", "--dry-run");
    // Warms up.
    check()?;
    let mut found = Vec::new();
    for run in 0..size.runs {
        let figures = check()?;
        println!("round {} of {}: {:.2} s", run + 1, size.runs, figures.seconds);
        found.push(figures);
    }
    Ok(section(&stage, size.events, &found))
}

fn section(stage: &Stage, events: u64, found: &[Figures]) -> Section {
    let of = |of: fn(&Figures) -> f64| Spread::of(found.iter().map(of));
    let seconds = of(|figures| figures.seconds);
    let events = thousands(events);
    let heads =
        ["", "seconds", "processor s between", "of the source", "of the destination", "peak MiB"];
    let mut table = Table::new(&format!("{events} events on each side, warm"), &heads);
    table.rows.push(vec![
        "counterfoil run --dry-run".to_owned(),
        spread(seconds, 2),
        spread(of(|figures| figures.own_cpu), 2),
        spread(of(|figures| figures.source_cpu), 2),
        spread(of(|figures| figures.destination_cpu), 2),
        spread(of(|figures| figures.peak_kib as f64 / 1024.0), 1),
    ]);
    let unit = format!(
        "seconds for {events} events on each side, median with lowest and highest; shorter is \
         better"
    );
    let bar = Bar::new("counterfoil run --dry-run", seconds);
    Section {
        part: Part::StartUp,
        method:
            "`counterfoil run --dry-run` connects and makes every check of a start, then ends. \
             Both tables are equal, vacuumed and have their primary key only; the time is that of \
             the whole process."
                .to_owned(),
        postgres: stage.version(),
        tables: vec![table],
        chart: Chart::new(Part::StartUp.title(), &unit, Group::alone(vec![bar])),
    }
}
