//! Following in bulk: many small transactions were written while nobody copied, and everybody
//! catches up from an equal position.

use super::{Part, rounds};
use crate::Result;
use crate::arguments::Wanted;
use crate::contestants::{counterfoil, native, pipe};
use crate::figures::{Figures, Spread};
use crate::picture::{Bar, Chart, Group};
use crate::psql::Psql;
use crate::report::{Section, Table, ratios, spread, thousands};
use crate::session::Session;
use crate::stage::{DESTINATIONS, Stage};

/// Events that everybody has before the first round.
const EVENTS_BEFORE: u64 = 10_000;
const EVENTS_PER_TRANSACTION: u64 = 100;

pub fn measure(wanted: &Wanted) -> Result<Section> {
    let size = wanted.size(Part::Bulk);
    let stage =
        Stage::new(Psql::find()?, EVENTS_BEFORE, EVENTS_PER_TRANSACTION, &wanted.replication())?;
    let settings = wanted.settings(&[1, 2]);
    let names: Vec<String> = ["logical replication".to_owned()]
        .into_iter()
        .chain(settings.iter().map(|settings| format!("counterfoil, {settings}")))
        .collect();
    let targets = DESTINATIONS.get(..names.len()).ok_or("so many destinations are not there")?;
    let writer = prepare(&stage, targets)?;
    let write = format!("call write_in_transactions({}, {EVENTS_PER_TRANSACTION})", size.events);
    let begin = || {
        writer.run(&write)?;
        stage.digest_source()
    };
    let found = rounds(size, &names, begin, |contestant| {
        stage.checkpoint()?;
        let target = targets[contestant];
        let figures = match contestant.checked_sub(1) {
            None => native::catch_up(&stage, target)?,
            Some(ours) => counterfoil::catch_up(&stage, &[target], &settings[ours])?,
        };
        stage.compare(target)?;
        Ok(figures)
    })?;
    section(&stage, size.events, &found)
}

/// Gives all destinations what the source has; a subscription begins there and waits.
fn prepare(stage: &Stage, targets: &[&str]) -> Result<Session> {
    pipe::copy(stage, targets)?;
    targets.iter().try_for_each(|target| stage.compare(target))?;
    native::subscribe(stage, targets[0], "copy_data = false, enabled = false")?;
    stage.ask_source(include_str!("../sql/write_in_transactions.sql"))?;
    let writer = Session::open(&stage.source, "source")?;
    writer.run("set synchronous_commit = off")?;
    Ok(writer)
}

fn section(stage: &Stage, events: u64, found: &[(String, Vec<Figures>)]) -> Result<Section> {
    let native = &found[0].1;
    let mut quicker = Table::new(
        "How many times quicker than logical replication, and events a second",
        &["", "times", "events/s"],
    );
    let mut bars = Vec::new();
    for (name, figures) in found {
        let rate = Spread::of(figures.iter().map(|figures| events as f64 / figures.seconds));
        let times = ratios(native, figures, |figures| figures.seconds);
        quicker.rows.push(vec![name.clone(), spread(times, 2), spread(rate, 0)]);
        bars.push(Bar::new(name, rate));
    }
    let events = thousands(events);
    let caption = format!(
        "{events} events in transactions of {EVENTS_PER_TRANSACTION}, destination with slate's \
         five indexes"
    );
    Ok(Section {
        part: Part::Bulk,
        method: format!(
            "Each round writes {events} events in transactions of {EVENTS_PER_TRANSACTION} while \
             nobody copies; then each contestant catches up in a database of its own, in turn. \
             Counterfoil's time is that of a whole `run --until-caught-up`; the subscription, with \
             its default of synchronous_commit = off, is enabled and timed until the last event is \
             there."
        ),
        postgres: stage.version(),
        tables: vec![quicker, Table::of_copies(&caption, found, &[(0, "logical replication")])],
        chart: Chart::new(
            Part::Bulk.title(),
            "events a second, median of the rounds with lowest and highest; longer is better",
            Group::alone(bars),
        ),
    })
}
