//! What is measured, one file for each question.

mod bulk;
mod catch_up;
mod fan_out;
mod idle;
mod lag;
mod latency;
mod memory;
mod start_up;
mod writers;

use crate::Result;
use crate::arguments::{Size, Wanted};
use crate::figures::Figures;
use crate::report::Section;
use clap::ValueEnum;

/// The parts, in the order in which they run and are reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Part {
    /// A whole table into an empty one
    CatchUp,
    /// The same, all events in one transaction
    OneTransaction,
    /// A whole table into several destinations
    FanOut,
    /// What was written in small transactions while nobody copied
    Bulk,
    /// Behind a loader as fast as it can
    Lag,
    /// From the commit of an event until it is visible at the destination
    Latency,
    /// What it costs those who write
    Writers,
    /// Nothing happens
    Idle,
    /// The checks before the first event, on large tables
    StartUp,
    /// The most resident memory
    Memory,
}

impl Part {
    pub const ALL: [Self; 10] = [
        Self::CatchUp,
        Self::OneTransaction,
        Self::FanOut,
        Self::Bulk,
        Self::Lag,
        Self::Latency,
        Self::Writers,
        Self::Idle,
        Self::StartUp,
        Self::Memory,
    ];

    /// As on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::CatchUp => "catch-up",
            Self::OneTransaction => "one-transaction",
            Self::FanOut => "fan-out",
            Self::Bulk => "bulk",
            Self::Lag => "lag",
            Self::Latency => "latency",
            Self::Writers => "writers",
            Self::Idle => "idle",
            Self::StartUp => "start-up",
            Self::Memory => "memory",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::CatchUp => "Catch-up: a whole table into an empty one",
            Self::OneTransaction => "Catch-up of a single transaction",
            Self::FanOut => "Fan-out: one source into several destinations",
            Self::Bulk => "Bulk: what many small transactions have left",
            Self::Lag => "Lag behind a loader that writes as fast as it can",
            Self::Latency => "Latency: from the commit until it is visible",
            Self::Writers => "The cost to those who write",
            Self::Idle => "Idle: what nothing costs",
            Self::StartUp => "Start-up: the checks before the first event",
            Self::Memory => "Memory: the most that is resident",
        }
    }

    /// How much it does where nothing else is asked for; less is a trial, whose results are not
    /// kept.
    pub fn size(self) -> Size {
        let (events, runs, seconds) = match self {
            Self::CatchUp | Self::OneTransaction => (1_000_000, 5, 0),
            Self::FanOut | Self::Bulk => (500_000, 5, 0),
            Self::Lag => (0, 3, 60),
            Self::Latency => (100_000, 5, 20),
            Self::Writers => (0, 5, 20),
            Self::Idle => (1_000, 3, 60),
            Self::StartUp => (10_000_000, 5, 0),
            Self::Memory => (1_000_000, 5, 20),
        };
        Size { events, runs, seconds }
    }

    pub fn measure(self, wanted: &Wanted) -> Result<Section> {
        println!("\n{}", self.title());
        match self {
            Self::CatchUp => catch_up::measure(wanted),
            Self::OneTransaction => catch_up::measure_one_transaction(wanted),
            Self::FanOut => fan_out::measure(wanted),
            Self::Bulk => bulk::measure(wanted),
            Self::Lag => lag::measure(wanted),
            Self::Latency => latency::measure(wanted),
            Self::Writers => writers::measure(wanted),
            Self::Idle => idle::measure(wanted),
            Self::StartUp => start_up::measure(wanted),
            Self::Memory => memory::measure(wanted),
        }
    }
}

/// The order of a round: everybody is first once, then second, and so on.
fn turns(round: usize, contestants: usize) -> impl Iterator<Item = usize> {
    (0..contestants).map(move |place| (place + round) % contestants)
}

/// Runs all contestants in each of the rounds, after what begins a round; gives the figures of
/// each, round by round.
fn rounds(
    size: Size,
    names: &[String],
    mut begin: impl FnMut() -> Result<()>,
    mut run: impl FnMut(usize) -> Result<Figures>,
) -> Result<Vec<(String, Vec<Figures>)>> {
    let mut found: Vec<(String, Vec<Figures>)> =
        names.iter().map(|name| (name.clone(), Vec::new())).collect();
    for round in 0..size.runs {
        begin()?;
        for contestant in turns(round, names.len()) {
            let figures = run(contestant)?;
            println!(
                "round {} of {}: {} {:.2} s",
                round + 1,
                size.runs,
                names[contestant],
                figures.seconds
            );
            found[contestant].1.push(figures);
        }
    }
    Ok(found)
}
