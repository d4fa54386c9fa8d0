//! One Counterfoil into several destinations, and as many raw pipes at the same time.

use super::{Part, rounds};
use crate::Result;
use crate::arguments::{Indexes, Wanted};
use crate::contestants::{counterfoil, pipe};
use crate::figures::{Figures, Spread};
use crate::picture::{Bar, Chart, Group};
use crate::psql::Psql;
use crate::report::{Section, Table, ratios, spread, thousands};
use crate::stage::{DESTINATIONS, Stage};

/// Who runs in a round.
const PIPES: usize = 0;
const OURS: usize = 1;
const ONE_PIPE: usize = 2;

/// What one number of destinations has shown.
struct Found {
    destinations: usize,
    figures: Vec<(String, Vec<Figures>)>,
    /// COPY statements of each Counterfoil at the source.
    copies: Vec<f64>,
}

pub fn measure(wanted: &Wanted) -> Result<Section> {
    let size = wanted.size(Part::FanOut);
    let stage = Stage::new(Psql::find()?, size.events, 100, &wanted.replication())?;
    println!("{}", stage.description()?);
    stage.ask_source("alter database source set log_statement = 'all'")?;
    let (mut tables, mut groups) = (Vec::new(), Vec::new());
    // Those with all indexes run first: none comes back.
    for indexes in wanted.indexes().iter().rev() {
        if *indexes == Indexes::None {
            DESTINATIONS.iter().try_for_each(|target| stage.drop_indexes(target))?;
        }
        let counts = wanted.destinations.iter().map(|count| usize::from(*count));
        let found: Vec<Found> =
            counts.map(|count| race(&stage, wanted, count)).collect::<Result<_>>()?;
        let caption = format!(
            "Counterfoil, {} events, destinations with {}",
            thousands(size.events),
            indexes.words()
        );
        tables.push(table(&caption, &found));
        groups.push(Group {
            heading: format!("destinations with {}", indexes.words()),
            bars: found.iter().flat_map(Found::bars).collect(),
        });
    }
    let unit = "processor time of the source's server ÷ that of one raw read; shorter is better";
    Ok(Section {
        part: Part::FanOut,
        method: "One Counterfoil copies a whole table into several empty destinations, beside as \
                 many raw pipes at the same time, in turn. Counterfoil reads the source once for \
                 all of them, which the processor time of the source's server shows: it is \
                 compared with that of a single raw pipe in the same round."
            .to_owned(),
        postgres: stage.version(),
        tables,
        chart: Chart::new(Part::FanOut.title(), unit, groups),
    })
}

/// One number of destinations.
fn race(stage: &Stage, wanted: &Wanted, destinations: usize) -> Result<Found> {
    let targets = DESTINATIONS.get(..destinations).ok_or("so many destinations are not there")?;
    let names = [
        format!("raw pipes to {destinations}"),
        format!("counterfoil to {destinations}"),
        "one raw pipe".to_owned(),
    ];
    let mut copies = Vec::new();
    let figures = rounds(
        wanted.size(Part::FanOut),
        &names,
        || Ok(()),
        |contestant| {
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
        },
    )?;
    Ok(Found { destinations, figures, copies })
}

impl Found {
    /// Processor time of the source beside that of one raw pipe.
    fn reads(&self, contestant: usize) -> Spread {
        let source_cpu = |figures: &Figures| figures.source_cpu;
        ratios(&self.figures[contestant].1, &self.figures[ONE_PIPE].1, source_cpu)
    }

    fn bars(&self) -> [Bar; 2] {
        [OURS, PIPES]
            .map(|contestant| Bar::new(&self.figures[contestant].0, self.reads(contestant)))
    }
}

fn table(caption: &str, found: &[Found]) -> Table {
    let heads = [
        "destinations",
        "time ÷ as many raw pipes",
        "processor time ÷ as many raw pipes",
        "source's processor time ÷ one raw read",
        "the same for the raw pipes",
        "COPY statements",
        "seconds",
        "peak MiB",
    ];
    let mut table = Table::new(caption, &heads);
    for one in found {
        let (ours, pipes) = (&one.figures[OURS].1, &one.figures[PIPES].1);
        table.rows.push(vec![
            one.destinations.to_string(),
            spread(ratios(ours, pipes, |figures| figures.seconds), 2),
            spread(ratios(ours, pipes, Figures::cpu), 2),
            spread(one.reads(OURS), 2),
            spread(one.reads(PIPES), 2),
            spread(Spread::of(one.copies.iter().copied()), 0),
            spread(Spread::of(ours.iter().map(|figures| figures.seconds)), 2),
            (ours.iter().map(|figures| figures.peak_kib).max().unwrap_or(0) / 1024).to_string(),
        ]);
    }
    table
}
