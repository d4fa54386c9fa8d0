//! Everybody copies a whole table into an empty one.

use super::{Part, rounds};
use crate::Result;
use crate::arguments::{Indexes, Wanted};
use crate::contestants::Contestant;
use crate::figures::{Figures, Spread};
use crate::picture::{Bar, Chart, Group};
use crate::psql::Psql;
use crate::report::{Section, Table, ratios, thousands};
use crate::stage::{DESTINATIONS, Stage};

const TARGET: &str = DESTINATIONS[0];
/// Places of those whom the others are compared with.
const PIPE: usize = 0;
const NATIVE: usize = 1;

/// Groups of 100 events of equal time.
pub fn measure(wanted: &Wanted) -> Result<Section> {
    let mut contestants = vec![Contestant::RawPipe, Contestant::Native];
    contestants.extend(wanted.settings(&[1, 2, 3]).into_iter().map(Contestant::Counterfoil));
    contestants.push(Contestant::Inserts);
    // Last, so that the places of the others are the same on a table without indexes, where there
    // is nothing to add.
    for contestant in [Contestant::RawPipe, Contestant::Counterfoil("writers = 1".to_owned())] {
        contestants.push(Contestant::IndexedAfterwards(Box::new(contestant)));
    }
    let method = "Everybody copies the same table into an empty one, in turn, and changes places \
                  each round. Counterfoil's time has its start, its checks and its end in it; that \
                  of logical replication goes from CREATE SUBSCRIPTION until the table is \
                  synchronised. What is indexed afterwards has its key alone while it is filled \
                  (`init destination --without-indexes`); its time has the CREATE INDEX \
                  CONCURRENTLY in it that `init destination` tells then.";
    race(wanted, Part::CatchUp, &contestants, &wanted.indexes(), method)
}

/// All events in one group of equal time, which is one transaction of the destination.
pub fn measure_one_transaction(wanted: &Wanted) -> Result<Section> {
    let mut contestants = vec![Contestant::RawPipe];
    contestants.extend(wanted.settings(&[1, 2]).into_iter().map(Contestant::Counterfoil));
    let indexes = [wanted.indexes.unwrap_or(Indexes::Slate)];
    let method = "As catch-up, but all events were written by one transaction of the source, so \
                  that Counterfoil writes them in one transaction. Rows stream through it, \
                  whatever its size.";
    race(wanted, Part::OneTransaction, &contestants, &indexes, method)
}

fn race(
    wanted: &Wanted,
    part: Part,
    contestants: &[Contestant],
    indexes: &[Indexes],
    method: &str,
) -> Result<Section> {
    let size = wanted.size(part);
    let (mut tables, mut groups) = (Vec::new(), Vec::new());
    let events_per_ts = if part == Part::OneTransaction { size.events } else { 100 };
    let stage = Stage::new(Psql::find()?, size.events, events_per_ts, &wanted.replication())?;
    println!("{}", stage.description()?);
    // Those with all indexes run first: none comes back.
    for indexes in indexes.iter().rev() {
        if *indexes == Indexes::None {
            stage.drop_indexes(TARGET)?;
        }
        let can_race = |contestant: &&Contestant| {
            *indexes == Indexes::Slate || !matches!(contestant, Contestant::IndexedAfterwards(_))
        };
        let racing: Vec<&Contestant> = contestants.iter().filter(can_race).collect();
        let names: Vec<String> = racing.iter().map(|contestant| contestant.name()).collect();
        let found =
            rounds(size, &names, || Ok(()), |contestant| racing[contestant].copy(&stage, TARGET))?;
        let caption =
            format!("{} events, destination with {}", thousands(size.events), indexes.words());
        let bases: &[(usize, &str)] = match part {
            Part::CatchUp => &[(PIPE, "raw pipe"), (NATIVE, "logical replication")],
            _ => &[(PIPE, "raw pipe")],
        };
        tables.push(Table::of_copies(&caption, &found, bases));
        groups.push(group(indexes.words(), &found));
    }
    Ok(Section {
        part,
        method: method.to_owned(),
        postgres: stage.version(),
        tables,
        chart: Chart::new(
            part.title(),
            "time ÷ the raw pipe's, median of the rounds with lowest and highest; shorter is \
             better",
            groups,
        ),
    })
}

fn group(heading: &str, found: &[(String, Vec<Figures>)]) -> Group {
    let pipe = &found[PIPE].1;
    let bars = found.iter().map(|(name, figures)| {
        let ratio: Spread = ratios(figures, pipe, |figures| figures.seconds);
        Bar::new(name, ratio)
    });
    Group { heading: heading.to_owned(), bars: bars.collect() }
}
