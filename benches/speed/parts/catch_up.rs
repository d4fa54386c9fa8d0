//! Everybody copies a whole table into an empty one.

use super::{Part, rounds};
use crate::Result;
use crate::arguments::{Indexes, Wanted};
use crate::contestants::Contestant;
use crate::figures::{Figures, Spread};
use crate::picture::{Bar, Chart, Group};
use crate::psql::Psql;
use crate::report::{Section, Table, ratios, spread};
use crate::stage::{DESTINATIONS, Stage};

const TARGET: &str = DESTINATIONS[0];

/// Transactions of 100 events each; the raw pipe comes first, logical replication second.
pub fn measure(wanted: &Wanted) -> Result<Section> {
    let mut contestants = vec![Contestant::RawPipe, Contestant::Native];
    contestants.extend(wanted.settings(&[1, 2, 3]).into_iter().map(Contestant::Counterfoil));
    contestants.push(Contestant::Inserts);
    let method = "Everybody copies the same table into an empty one, in turn, and changes places each round. Counterfoil's time has its start, its \
                  checks and its end in it; that of logical replication goes from CREATE SUBSCRIPTION until the table is synchronised.";
    race(wanted, Part::CatchUp, &contestants, &wanted.indexes(), method)
}

/// All events in one group of equal time, which is one transaction of the destination.
pub fn measure_one_transaction(wanted: &Wanted) -> Result<Section> {
    let mut contestants = vec![Contestant::RawPipe];
    contestants.extend(wanted.settings(&[1, 2]).into_iter().map(Contestant::Counterfoil));
    let indexes = [wanted.indexes.unwrap_or(Indexes::Slate)];
    let method = "As catch-up, but all events were written by one transaction of the source, so that Counterfoil writes them in one transaction. \
                  Rows stream through it, whatever its size.";
    race(wanted, Part::OneTransaction, &contestants, &indexes, method)
}

fn race(wanted: &Wanted, part: Part, contestants: &[Contestant], indexes: &[Indexes], method: &str) -> Result<Section> {
    let size = wanted.size(part);
    let names: Vec<String> = contestants.iter().map(Contestant::name).collect();
    let (mut tables, mut groups) = (Vec::new(), Vec::new());
    let events_per_ts = if part == Part::OneTransaction { size.events } else { 100 };
    let stage = Stage::new(Psql::find()?, size.events, events_per_ts, &wanted.replication())?;
    println!("{}", stage.description()?);
    // Those with all indexes run first: none comes back.
    for indexes in indexes.iter().rev() {
        if *indexes == Indexes::None {
            stage.drop_indexes(TARGET)?;
        }
        let found = rounds(size, &names, |contestant| contestants[contestant].copy(&stage, TARGET))?;
        let caption = format!("{} events, destination with {}", size.events, indexes.words());
        let mut table = Table::of_copies(&caption, &found, 0);
        if part == Part::CatchUp {
            table.caption += &beside_native(&found);
        }
        tables.push(table);
        groups.push(group(indexes.words(), &found));
    }
    Ok(Section {
        part,
        method: method.to_owned(),
        postgres: stage.version(),
        tables,
        chart: Chart {
            title: part.title().to_owned(),
            unit: "time ÷ the raw pipe's, median of the rounds with lowest and highest; shorter is better".to_owned(),
            groups,
        },
    })
}

/// How the best Counterfoil compares with logical replication.
fn beside_native(found: &[(String, Vec<Figures>)]) -> String {
    let seconds = |figures: &Figures| figures.seconds;
    let native = &found[1].1;
    let ours = found.iter().filter(|(name, _)| name.starts_with("counterfoil"));
    let best = ours.map(|(name, figures)| (name, ratios(figures, native, seconds)));
    let best = best.min_by(|(_, a), (_, b)| a.median.total_cmp(&b.median));
    best.map_or(String::new(), |(name, ratio)| {
        format!("; {name}, takes {} of the time of logical replication", spread(ratio, 2))
    })
}

fn group(heading: &str, found: &[(String, Vec<Figures>)]) -> Group {
    let pipe = &found[0].1;
    let bars = found.iter().map(|(name, figures)| {
        let ratio: Spread = ratios(figures, pipe, |figures| figures.seconds);
        Bar::new(name, ratio)
    });
    Group {
        heading: heading.to_owned(),
        bars: bars.collect(),
    }
}
