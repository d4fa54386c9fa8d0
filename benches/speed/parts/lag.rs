//! How far behind who follows is while a loader writes as fast as it can.

use super::{Part, turns};
use crate::Result;
use crate::arguments::{Size, Wanted};
use crate::contestants::{Follower, wait_until_level};
use crate::figures::Spread;
use crate::loader::Loader;
use crate::picture::{Bar, Chart, Group};
use crate::psql::Psql;
use crate::report::{Section, Table, spread};
use crate::session::Session;
use crate::stage::{DESTINATIONS, Stage};
use std::time::{Duration, Instant};

const TARGET: &str = DESTINATIONS[0];
const HIGHEST: &str = "select coalesce(max(id), 0) from events";
const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);
/// Parts of a run, of which each has its lag.
const THIRDS: [&str; 3] = ["first third", "middle third", "last third"];

/// What both sides held at one time.
#[derive(Clone, Copy)]
struct Sample {
    seconds: f64,
    source: i64,
    destination: i64,
}

/// What a run, or several together, have shown.
#[derive(Default)]
struct Found {
    /// Events a second of the loader.
    rates: Vec<f64>,
    /// For each third: events behind.
    events: [Vec<f64>; 3],
    /// For each third: seconds behind.
    seconds: [Vec<f64>; 3],
    /// From the end of the loader until the destination holds all.
    rest: Vec<f64>,
}

pub fn measure(wanted: &Wanted) -> Result<Section> {
    let size = wanted.size(Part::Lag);
    let stage = Stage::empty(Psql::find()?, &wanted.replication())?;
    let mut found = Follower::BOTH.map(|follower| (follower, Found::default()));
    for round in 0..size.runs {
        for contestant in turns(round, found.len()) {
            let (follower, found) = &mut found[contestant];
            run(&stage, *follower, size, round, found)?;
            let (rate, rest) = (found.rates[round], found.rest[round]);
            println!(
                "round {} of {}: {}, {rate:.0} events/s, level {rest:.2} s after the end",
                round + 1,
                size.runs,
                follower.name()
            );
        }
    }
    Ok(section(&stage, size, &found))
}

fn run(
    stage: &Stage,
    follower: Follower,
    size: Size,
    round: usize,
    found: &mut Found,
) -> Result<()> {
    stage.clear_source()?;
    let following = follower.start(stage, TARGET)?;
    let mut loader = Loader::start(stage, size.seconds, round + 1)?;
    let samples = sample(stage, &mut loader)?;
    let ended = Instant::now();
    wait_until_level(stage, TARGET)?;
    found.rest.push(ended.elapsed().as_secs_f64());
    following.stop()?;
    stage.digest_source()?;
    stage.compare(TARGET)?;
    found.take(&samples)
}

/// Looks at both sides every second until the loader has ended, and once more.
fn sample(stage: &Stage, loader: &mut Loader) -> Result<Vec<Sample>> {
    let (source, destination) =
        (Session::open(&stage.source, "source")?, Session::open(&stage.destination, TARGET)?);
    let asked = (source.prepare(HIGHEST)?, destination.prepare(HIGHEST)?);
    let begun = Instant::now();
    let mut samples = Vec::new();
    loop {
        let has_ended = loader.has_ended()?;
        // The destination first: so it never seems to be ahead, and what passes between the two
        // counts as lag.
        let destination = destination.number(&asked.1, &[])?;
        samples.push(Sample {
            destination,
            source: source.number(&asked.0, &[])?,
            seconds: begun.elapsed().as_secs_f64(),
        });
        if has_ended {
            return Ok(samples);
        }
        let next = SAMPLE_INTERVAL * samples.len() as u32;
        while begun.elapsed() < next && !loader.has_ended()? {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Found {
    fn take(&mut self, samples: &[Sample]) -> Result<()> {
        let first = samples.iter().rposition(|sample| sample.source == 0).unwrap_or(0);
        let samples = &samples[first..];
        let (Some(begin), Some(end)) = (samples.first(), samples.last()) else {
            return Err("nothing was seen".into());
        };
        let length = end.seconds - begin.seconds;
        self.rates.push((end.source - begin.source) as f64 / length);
        for (at, sample) in samples.iter().enumerate().skip(1) {
            let third = ((sample.seconds - begin.seconds) / length * 3.0) as usize;
            let third = third.min(THIRDS.len() - 1);
            self.events[third].push((sample.source - sample.destination) as f64);
            self.seconds[third]
                .push(sample.seconds - source_had(&samples[..=at], sample.destination));
        }
        Ok(())
    }
}

/// When the source had this id as its highest: between two samples in proportion.
fn source_had(samples: &[Sample], id: i64) -> f64 {
    let after = samples.iter().position(|sample| sample.source >= id).unwrap_or(samples.len() - 1);
    // Of equal ones the last counts: the source has stood there since.
    if samples[after].source == id {
        return samples
            .iter()
            .filter(|sample| sample.source == id)
            .map(|sample| sample.seconds)
            .fold(0.0, f64::max);
    }
    let Some(before) = after.checked_sub(1) else {
        return samples[after].seconds;
    };
    let (before, after) = (samples[before], samples[after]);
    let part = (id - before.source) as f64 / (after.source - before.source) as f64;
    before.seconds + part * (after.seconds - before.seconds)
}

fn section(stage: &Stage, size: Size, found: &[(Follower, Found)]) -> Section {
    let heads = ["", "", "events behind", "seconds behind"];
    let mut lags = Table::new("Lag, median (lowest–highest) of all samples of all rounds", &heads);
    let mut rates = Table::new(
        "The loader meanwhile, and the rest after its end",
        &["", "events/s of the loader", "seconds until level after its end"],
    );
    let mut bars = Vec::new();
    for (follower, found) in found {
        for (third, name) in THIRDS.iter().enumerate() {
            // A third of a very short trial may have no sample.
            if found.events[third].is_empty() {
                continue;
            }
            let of = |figures: &[Vec<f64>; 3]| Spread::of(figures[third].iter().copied());
            let (events, seconds) = (of(&found.events), of(&found.seconds));
            lags.rows.push(vec![
                follower.name().to_owned(),
                (*name).to_owned(),
                spread(events, 0),
                spread(seconds, 3),
            ]);
            bars.push(Bar::new(&format!("{}, {name}", follower.name()), seconds));
        }
        let (rate, rest) =
            (Spread::of(found.rates.iter().copied()), Spread::of(found.rest.iter().copied()));
        rates.rows.push(vec![follower.name().to_owned(), spread(rate, 0), spread(rest, 2)]);
    }
    Section {
        part: Part::Lag,
        method: format!(
            "`load-fake-data --method insert --writers 8` writes for {} s as fast as it can while \
             one contestant follows; both sides are asked for their highest id once a second. Lag \
             in seconds is how long ago the source's highest id was what the destination's is now.",
            size.seconds
        ),
        postgres: stage.version(),
        tables: vec![lags, rates],
        chart: Chart::new(
            Part::Lag.title(),
            "seconds behind, median of the samples with lowest and highest; shorter is better",
            Group::alone(bars),
        ),
    }
}
