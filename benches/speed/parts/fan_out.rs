//! One Counterfoil into several destinations, and as many raw pipes at the same time.

use super::{Part, rounds};
use crate::Result;
use crate::arguments::{Indexes, Wanted};
use crate::contestants::{counterfoil, pipe};
use crate::figures::{Figures, Spread};
use crate::picture::{Bar, Chart, Group};
use crate::psql::Psql;
use crate::report::{Section, Table, ratios, spread};
use crate::stage::{DESTINATIONS, Stage};

/// Who runs in a round.
const PIPES: usize = 0;
const OURS: usize = 1;
const ONE_PIPE: usize = 2;

pub fn measure(wanted: &Wanted) -> Result<Section> {
    let size = wanted.size(Part::FanOut);
    let stage = Stage::new(Psql::find()?, size.events, 100, &wanted.replication())?;
    println!("{}", stage.description()?);
    stage.ask_source("alter database source set log_statement = 'all'")?;
    let (mut tables, mut groups) = (Vec::new(), Vec::new());
    for indexes in wanted.indexes().iter().rev() {
        if *indexes == Indexes::None {
            DESTINATIONS.iter().try_for_each(|target| stage.drop_indexes(target))?;
        }
        let mut bars = Vec::new();
        for count in &wanted.destinations {
            let (table, bar) = race(&stage, wanted, usize::from(*count), *indexes)?;
            tables.push(table);
            bars.push(bar);
        }
        groups.push(Group {
            heading: format!("destinations with {}", indexes.words()),
            bars,
        });
    }
    Ok(Section {
        part: Part::FanOut,
        method: "One Counterfoil copies a whole table into several empty destinations, beside as many raw pipes at the same time, in turn. \
                 Counterfoil reads the source once for all of them, which the processor time of the source shows: it is compared with that of a \
                 single raw pipe."
            .to_owned(),
        postgres: stage.version(),
        tables,
        chart: Chart {
            title: Part::FanOut.title().to_owned(),
            unit: "processor time of the source's server ÷ that of one raw read; shorter is better".to_owned(),
            groups,
        },
    })
}

/// One number of destinations.
fn race(stage: &Stage, wanted: &Wanted, count: usize, indexes: Indexes) -> Result<(Table, Bar)> {
    let targets = DESTINATIONS.get(..count).ok_or("so many destinations are not there")?;
    let names = [
        format!("{count} raw pipes at a time"),
        "counterfoil".to_owned(),
        "one raw pipe".to_owned(),
    ];
    let mut copies = Vec::new();
    let found = rounds(wanted.size(Part::FanOut), &names, |contestant| {
        let targets = if contestant == ONE_PIPE { &targets[..1] } else { targets };
        targets.iter().try_for_each(|target| stage.clear(target))?;
        let logged = stage.source.log().len();
        let figures = match contestant {
            OURS => counterfoil::catch_up(stage, targets, "")?,
            _ => pipe::copy(stage, targets)?,
        };
        if contestant == OURS {
            copies.push(stage.source.log()[logged..].matches("copy (select").count() as f64);
        }
        targets.iter().try_for_each(|target| stage.compare(target))?;
        Ok(figures)
    })?;
    let source_cpu = |figures: &Figures| figures.source_cpu;
    let reads = |of: usize| ratios(&found[of].1, &found[ONE_PIPE].1, source_cpu);
    let caption = format!(
        "1 to {count}, {}; processor time of the source: counterfoil {} of one raw pipe's, {count} raw pipes {}; COPY statements of counterfoil: {:.0}",
        indexes.words(),
        spread(reads(OURS), 2),
        spread(reads(PIPES), 2),
        Spread::of(copies).median,
    );
    let bar = Bar::new(&format!("counterfoil to {count}"), reads(OURS));
    Ok((Table::of_copies(&caption, &found, PIPES), bar))
}
