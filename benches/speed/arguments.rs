//! What is asked for, from the command line.

use crate::parts::Part;
use clap::{Parser, ValueEnum};

/// Races Counterfoil against other ways to do its work, on private servers; docs/performance.md
/// says how.
#[derive(Debug, Parser)]
#[command(
    name = "tools/bench",
    bin_name = "tools/bench",
    after_help = "Besides: tools/bench isolation, tools/bench loader and tools/bench diff, which \
                  have flags of their own."
)]
pub struct Wanted {
    /// What is measured; all parts, one after the other, if none is given
    #[arg(value_enum)]
    pub parts: Vec<Part>,
    /// Rounds, in each of which every contestant runs once; each part has its default
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub runs: Option<u64>,
    /// Events, where the part copies a number of them; each part has its default
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub events: Option<u64>,
    /// How long a run is, where a part measures for a time; each part has its default
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub seconds: Option<u64>,
    /// Indexes of the destination besides its primary key; one after the other if not given
    #[arg(long, value_enum)]
    pub indexes: Option<Indexes>,
    /// Counterfoil with so many writers, each a contestant: 1,2,3
    #[arg(long, value_delimiter = ',')]
    writers: Vec<u32>,
    /// Counterfoil with these keys of its destination, one more contestant: 'writers = 2,
    /// synchronous_commit = "off"'
    #[arg(long)]
    destination: Vec<String>,
    /// Keys of [replication] for all runs: 'max_events_per_write = 50000'
    #[arg(long, default_value = "")]
    replication: String,
    /// Numbers of destinations of a fan-out
    #[arg(long, value_delimiter = ',', default_value = "1,2,3", value_parser = clap::value_parser!(u8).range(1..=8))]
    pub destinations: Vec<u8>,
    /// Leaves benches/results.md and benches/pictures/ as they are
    #[arg(long)]
    pub no_results: bool,
    /// Passed by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

/// Which indexes a destination has besides its primary key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Indexes {
    /// None
    None,
    /// The five of slate
    Slate,
}

/// How much a part does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub events: u64,
    pub runs: usize,
    pub seconds: u64,
}

impl Wanted {
    /// The size of a part: what was asked for, else its own.
    pub fn size(&self, part: Part) -> Size {
        let own = part.size();
        Size {
            events: self.events.unwrap_or(own.events),
            runs: self.runs.map_or(own.runs, |runs| runs as usize),
            seconds: self.seconds.unwrap_or(own.seconds),
        }
    }

    /// Whether results are to be kept: nothing was made smaller or set otherwise than usual.
    pub fn is_whole(&self, part: Part) -> bool {
        let (size, own) = (self.size(part), part.size());
        let is_usual = self.writers.is_empty()
            && self.destination.is_empty()
            && self.replication.is_empty()
            && self.indexes.is_none();
        let is_large_enough =
            size.events >= own.events && size.runs >= own.runs && size.seconds >= own.seconds;
        is_usual && is_large_enough && self.destinations == [1, 2, 3]
    }

    pub fn indexes(&self) -> Vec<Indexes> {
        self.indexes.map_or(vec![Indexes::None, Indexes::Slate], |only| vec![only])
    }

    /// Keys of a destination, one for each Counterfoil that runs; by default it has so many
    /// writers.
    pub fn settings(&self, writers: &[u32]) -> Vec<String> {
        let is_default = self.writers.is_empty() && self.destination.is_empty();
        let writers = if is_default { writers } else { &self.writers };
        let keys = writers.iter().map(|writers| format!("writers = {writers}"));
        keys.chain(self.destination.iter().cloned()).collect()
    }

    /// Lines for `[replication]`.
    pub fn replication(&self) -> String {
        self.replication.replace(',', "\n")
    }
}

impl Indexes {
    pub fn words(self) -> &'static str {
        match self {
            Self::None => "primary key only",
            Self::Slate => "primary key and slate's five indexes",
        }
    }
}
