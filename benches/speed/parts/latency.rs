//! The time from the commit of a single event at the source until it is visible at the destination.

use super::{Part, turns};
use crate::Result;
use crate::arguments::Wanted;
use crate::contestants::{Follower, wait_until_level};
use crate::figures::Spread;
use crate::picture::{Bar, Chart, Group};
use crate::psql::Psql;
use crate::report::{Section, Table, ratios, spread};
use crate::session::Session;
use crate::stage::{DESTINATIONS, Stage};
use counterfoil::postgres::server::PrivateServer;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{ScopedJoinHandle, scope, sleep};
use std::time::{Duration, Instant};

/// Destinations of the contestants.
const TARGETS: [&str; 2] = [DESTINATIONS[0], DESTINATIONS[1]];
/// Sessions that write, in turn, so that a commit that waits for the disk does not hold up the next
/// event.
const WRITERS: u32 = 4;
/// Between two events: 200 a second.
const PACE: Duration = Duration::from_millis(5);
/// What is written before counts not.
const WARM_UP: Duration = Duration::from_secs(2);
/// Between an answer of the destination and the next question.
const LOOK_INTERVAL: Duration = Duration::from_micros(200);
const INSERT: &str =
    "insert into events (ts, event) values (clock_timestamp(), made_up_event($1)) returning id";
const PERCENTILES: [(&str, f64); 3] = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)];

/// synchronous_commit of those who write and of the destination.
#[derive(Clone, Copy)]
struct Setting {
    source: &'static str,
    destination: &'static str,
}

const SETTINGS: [Setting; 3] = [
    Setting { source: "on", destination: "on" },
    Setting { source: "on", destination: "off" },
    Setting { source: "off", destination: "off" },
];

/// p50, p95 and p99 of a run in milliseconds, and how many events a second were written.
#[derive(Clone, Copy)]
struct Latencies {
    percentiles: [f64; 3],
    rate: f64,
}

/// An id, and when its commit was acknowledged or it was first seen.
type Moment = (i64, Instant);

pub fn measure(wanted: &Wanted) -> Result<Section> {
    let size = wanted.size(Part::Latency);
    let stage = Stage::new(Psql::find()?, size.events, 100, &wanted.replication())?;
    let mut found: [[Vec<Latencies>; 2]; 3] = Default::default();
    for round in 0..size.runs {
        for (setting, found) in SETTINGS.into_iter().zip(&mut found) {
            for contestant in turns(round, Follower::BOTH.len()) {
                let follower = Follower::BOTH[contestant];
                let latencies = run(&stage, follower, TARGETS[contestant], setting, size.seconds)?;
                println!(
                    "round {} of {}: {}, {}: p50 {:.2} ms, p99 {:.2} ms",
                    round + 1,
                    size.runs,
                    setting.words(),
                    follower.name(),
                    latencies.percentiles[0],
                    latencies.percentiles[2]
                );
                found[contestant].push(latencies);
            }
        }
    }
    Ok(section(&stage, size.seconds, &found))
}

impl Setting {
    fn words(self) -> String {
        format!("synchronous_commit: writers {}, destination {}", self.source, self.destination)
    }
}

fn run(
    stage: &Stage,
    follower: Follower,
    target: &'static str,
    setting: Setting,
    seconds: u64,
) -> Result<Latencies> {
    let following = follower.start_with(stage, target, setting.destination)?;
    let begin = Instant::now() + Duration::from_millis(200);
    let end = begin + WARM_UP + Duration::from_secs(seconds);
    let (source, destination, is_over) =
        (&stage.source, &stage.destination, AtomicBool::new(false));
    let (commits, seen) = scope(|scope| -> Result<(Vec<Moment>, Vec<Moment>)> {
        let observer = scope.spawn(|| observe(destination, target, &is_over));
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| scope.spawn(move || write(source, setting, begin + PACE * writer, end)))
            .collect();
        let commits: Result<Vec<Vec<Moment>>> = writers.into_iter().map(ended).collect();
        let is_level = wait_until_level(stage, target);
        is_over.store(true, Ordering::Relaxed);
        let seen = ended(observer)?;
        is_level?;
        Ok((commits?.concat(), seen))
    })?;
    following.stop()?;
    stage.digest_source()?;
    stage.compare(target)?;
    let last = commits.iter().map(|(_, committed)| *committed).max().unwrap_or(end);
    Ok(Latencies {
        percentiles: percentiles(latencies(&commits, &seen, begin + WARM_UP)?)?,
        rate: commits.len() as f64 / (last - begin).as_secs_f64(),
    })
}

fn ended<T>(thread: ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    thread.join().map_err(|_| "a thread of the measurement has panicked")?
}

/// Writes an event at each of its times, however late the one before was.
fn write(
    source: &PrivateServer,
    setting: Setting,
    begin: Instant,
    end: Instant,
) -> Result<Vec<Moment>> {
    let session = Session::open(source, "source")?;
    session.run(&format!("set synchronous_commit = {}", setting.source))?;
    let insert = session.prepare(INSERT)?;
    let (mut commits, mut due, mut number) = (Vec::new(), begin, 0_i64);
    while due < end {
        sleep(due.saturating_duration_since(Instant::now()));
        let id = session.number(&insert, &[&number])?;
        commits.push((id, Instant::now()));
        (due, number) = (due + PACE * WRITERS, number + 1);
    }
    Ok(commits)
}

/// Notes when each highest id was first seen; looks once more when it is over.
fn observe(destination: &PrivateServer, target: &str, is_over: &AtomicBool) -> Result<Vec<Moment>> {
    let session = Session::open(destination, target)?;
    let asked = session.prepare("select coalesce(max(id), 0) from events")?;
    let mut seen: Vec<Moment> = Vec::new();
    loop {
        let is_last = is_over.load(Ordering::Relaxed);
        let highest = session.number(&asked, &[])?;
        if seen.last().is_none_or(|(last, _)| *last < highest) {
            seen.push((highest, Instant::now()));
        }
        if is_last {
            return Ok(seen);
        }
        sleep(LOOK_INTERVAL);
    }
}

/// In milliseconds, of all events that were committed after the warm-up. An id is seen once it or a
/// higher one is the highest.
fn latencies(commits: &[Moment], seen: &[Moment], after: Instant) -> Result<Vec<f64>> {
    let counted = commits.iter().filter(|(_, committed)| *committed >= after);
    counted
        .map(|(id, committed)| {
            let (_, at) = seen
                .get(seen.partition_point(|(highest, _)| highest < id))
                .ok_or("an event was never seen")?;
            Ok(at.saturating_duration_since(*committed).as_secs_f64() * 1000.0)
        })
        .collect()
}

fn percentiles(mut latencies: Vec<f64>) -> Result<[f64; 3]> {
    latencies.sort_by(f64::total_cmp);
    if latencies.is_empty() {
        return Err("no event was written after the warm-up".into());
    }
    Ok(PERCENTILES
        .map(|(_, part)| latencies[((latencies.len() as f64 * part).ceil() as usize).max(1) - 1]))
}

fn section(stage: &Stage, seconds: u64, found: &[[Vec<Latencies>; 2]; 3]) -> Section {
    let (mut tables, mut groups) = (Vec::new(), Vec::new());
    for (setting, found) in SETTINGS.iter().zip(found) {
        let rate = Spread::of(found.iter().flatten().map(|latencies| latencies.rate));
        let caption = format!("{}; {} events/s were written", setting.words(), spread(rate, 0));
        let mut table = Table::new(&caption, &["", "p50", "p95", "p99"]);
        for (follower, latencies) in Follower::BOTH.iter().zip(found) {
            let of = |at: usize| {
                spread(Spread::of(latencies.iter().map(|latencies| latencies.percentiles[at])), 2)
            };
            table.rows.push(vec![format!("{}, ms", follower.name()), of(0), of(1), of(2)]);
        }
        let of = |at: usize| {
            spread(ratios(&found[0], &found[1], |latencies| latencies.percentiles[at]), 2)
        };
        table.rows.push(vec!["counterfoil ÷ logical replication".to_owned(), of(0), of(1), of(2)]);
        let mut bars = Vec::new();
        for (at, (name, _)) in PERCENTILES.iter().enumerate() {
            for (follower, latencies) in Follower::BOTH.iter().zip(found) {
                let milliseconds =
                    Spread::of(latencies.iter().map(|latencies| latencies.percentiles[at]));
                bars.push(Bar::new(&format!("{}, {name}", follower.name()), milliseconds));
            }
        }
        tables.push(table);
        groups.push(Group { heading: setting.words(), bars });
    }
    Section {
        part: Part::Latency,
        method: format!(
            "Four sessions in turn commit 200 single events a second, by the clock whatever the \
             answer, for {seconds} s after two seconds that do not count; one session asks the \
             destination for its highest id every 200 µs. The time is from the acknowledgement of \
             the commit until the id was seen."
        ),
        postgres: stage.version(),
        tables,
        chart: Chart::new(
            Part::Latency.title(),
            "milliseconds, median of the rounds with lowest and highest; shorter is better; each \
             group has its own scale",
            groups,
        )
        .with_scale_for_each_group(),
    }
}
