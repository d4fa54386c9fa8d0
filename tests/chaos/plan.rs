//! What is to happen, all of it drawn from one seed before anything begins: the acts, their faults
//! with their times, and how each replicator is started. When the machine comes round to it is the
//! machine's affair.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::time::Duration;

/// Servers: the source and the destinations.
pub const SERVERS: usize = 1 + DESTINATIONS;
/// Destinations.
pub const DESTINATIONS: usize = 3;
/// One act lasts about this long, its end not counted.
const ACT_SECONDS: u64 = 17;
/// Between two faults, in milliseconds.
const GAPS_MS: std::ops::Range<u64> = 50..750;
/// Now and then it is quiet for longer.
const QUIET_MS: std::ops::Range<u64> = 1000..2500;
const QUIET_SHARE: f64 = 0.07;

/// How the source gives out ids and rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Ids from a sequence, the doorbell rings; two-phase commit would break while it is armed, so
    /// nobody prepares.
    Doorbell,
    /// Ids from a sequence, nothing rings, some transactions are prepared.
    TwoPhase,
    /// Ids without gaps, the doorbell rings.
    Consecutive,
}

/// One scene: fresh tables, loaders, replicators, faults; then calm, and the comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Act {
    /// How the source is made.
    pub kind: Kind,
    /// Whether transactions are to arrive whole.
    pub is_grouped: bool,
    /// What happens when, from the beginning of the act.
    pub faults: Vec<(Duration, Fault)>,
    /// How long a byte travels to the source and back, when nothing is wrong: what happens between
    /// two questions takes its time.
    pub way_ms: u64,
    /// For the loaders.
    pub loader_seed: u64,
    /// For the starts of replicators.
    pub starts_seed: u64,
}

/// How a server ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// `-m immediate`.
    Immediate,
    /// SIGKILL of all its processes.
    Killed,
    /// `-m fast`.
    Fast,
}

/// Which of the two ends of a connection is never told that it broke, if any, and how the others
/// are.
pub use crate::support::proxy::{Break, Way};

/// What is done to a destination's table, and undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ddl {
    /// Adds an index, and drops it.
    Index,
    /// Adds a column that may be null, and drops it.
    Column,
    /// Sets a storage parameter, and resets it.
    Storage,
    /// Locks the table against everything.
    Lock,
}

/// What takes the name of a table for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guest {
    /// Nothing: the name leads nowhere.
    Nobody,
    /// A table that holds a part of the events: the later half at the source, the earlier one at a
    /// destination.
    Half,
    /// A table with the same events and columns of other types.
    OtherTypes,
}

/// One thing that goes wrong. Servers and links are counted from 0, the source; replicators are 0
/// (always there) and 1 (the rival).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// SIGKILL.
    Kill { replicator: usize },
    /// SIGTERM.
    Stop { replicator: usize },
    /// SIGSTOP, and SIGCONT.
    Freeze { replicator: usize, for_ms: u64 },
    /// A second replicator of the same destinations.
    Rival { for_ms: u64 },
    /// The source ends after a while in which every commit was asynchronous, so that it forgets as
    /// much as it may.
    Forget { after_ms: u64, down_ms: u64 },
    /// A server ends and is started again.
    Crash { server: usize, how: End, down_ms: u64 },
    /// A server stands still.
    FreezeServer { server: usize, for_ms: u64 },
    /// A link is slow.
    Delay { link: usize, delay_ms: u64, for_ms: u64 },
    /// A link carries little, one way or the other: the side that sends is not read from.
    Narrow { link: usize, way: Way, bytes_per_s: u32, for_ms: u64 },
    /// All connections of a link break.
    Break { link: usize, how: Break, told_ms: u64 },
    /// A connection of a link breaks after so many bytes.
    BreakAfter { link: usize, way: Way, bytes: u64, how: Break, told_ms: u64 },
    /// Nothing passes.
    Hole { link: usize, both: bool, way: Way, for_ms: u64 },
    /// A transaction draws an id and stays open.
    LongTransaction { for_ms: u64, is_committed: bool },
    /// A transaction draws an id, is prepared, and forgotten for a while.
    Prepared { for_ms: u64, is_committed: bool },
    /// A transaction draws an id and stays open while the replicator is killed and started again.
    RestartUnder { for_ms: u64, is_committed: bool },
    /// Other hands fill a destination while a transaction is open, and empty it when that has
    /// ended.
    Seed { destination: usize, for_ms: u64, is_committed: bool, is_restarted: bool },
    /// Another table takes a table's name, and gives it back.
    Swap { server: usize, guest: Guest, for_ms: u64 },
    /// A destination's table is changed and changed back.
    Ddl { destination: usize, ddl: Ddl, for_ms: u64 },
    /// Rights on the table are taken away and given back.
    Revoke { server: usize, for_ms: u64 },
    /// An administrator ends the replicators' sessions, some of them.
    Terminate { server: usize, share: f64 },
    /// An administrator cancels what they ask.
    Cancel { server: usize },
}

/// How a replicator is started.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// Writers of each destination.
    pub writers: [u8; DESTINATIONS],
    /// `synchronous_commit` of each.
    pub commits: [&'static str; DESTINATIONS],
    /// `max_events_per_write`.
    pub events_max: u64,
    /// `max_bytes_per_write`.
    pub bytes_max: u64,
    /// `hold_max_ms`.
    pub hold_max_ms: u64,
    /// `poll_interval_ms`.
    pub poll_interval_ms: u64,
    /// The point at which it ends or stops itself, at which of its hits; by its place among all
    /// points.
    pub order: Option<(usize, u64, Order)>,
    /// The pause before it is started.
    pub rest_ms: u64,
    /// With an order that it does not reach it is killed after this time.
    pub life_ms: u64,
}

/// What a process does to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// SIGKILL.
    Kill,
    /// SIGSTOP; it goes on after this time, meanwhile its sessions are ended or not.
    Stop { for_ms: u64, is_terminated: bool },
}

/// All acts of a run of so many seconds.
pub fn acts(seed: u64, seconds: u64) -> Vec<Act> {
    let mut random = StdRng::seed_from_u64(seed);
    let count = seconds.div_ceil(ACT_SECONDS + 2).max(1);
    let kinds = [Kind::Doorbell, Kind::TwoPhase, Kind::Consecutive];
    let length = Duration::from_secs(seconds) / u32::try_from(count).unwrap();
    (0..count).map(|at| act(&mut random, kinds[(at % 3) as usize], length)).collect()
}

fn act(random: &mut StdRng, kind: Kind, length: Duration) -> Act {
    let mut at = Duration::from_millis(500);
    let mut faults = Vec::new();
    while at < length {
        faults.push((at, fault(random, kind)));
        let gap_ms = if random.random_bool(QUIET_SHARE) { QUIET_MS } else { GAPS_MS };
        at += Duration::from_millis(random.random_range(gap_ms));
    }
    Act {
        kind,
        is_grouped: random.random_bool(0.6),
        faults,
        way_ms: random.random_range(0..4),
        loader_seed: random.random(),
        starts_seed: random.random(),
    }
}

fn fault(random: &mut StdRng, kind: Kind) -> Fault {
    match random.random_range(0..112) {
        0..3 => Fault::Kill { replicator: random.random_range(0..2) },
        3..6 => Fault::Stop { replicator: random.random_range(0..2) },
        6..10 => Fault::Freeze {
            replicator: random.random_range(0..2),
            for_ms: random.random_range(50..1500),
        },
        10..15 => Fault::Rival { for_ms: random.random_range(1000..4000) },
        15..21 => Fault::Forget {
            after_ms: random.random_range(200..900),
            down_ms: random.random_range(0..300),
        },
        21..28 => Fault::Crash {
            server: random.random_range(0..SERVERS),
            how: [End::Immediate, End::Immediate, End::Killed, End::Fast]
                [random.random_range(0..4)],
            down_ms: random.random_range(0..600),
        },
        28..31 => Fault::FreezeServer {
            server: random.random_range(0..SERVERS),
            for_ms: random.random_range(50..1500),
        },
        31..66 => network(random),
        66..71 => Fault::LongTransaction {
            for_ms: random.random_range(100..1500),
            is_committed: random.random_bool(0.5),
        },
        71..75 if kind == Kind::TwoPhase => Fault::Prepared {
            for_ms: random.random_range(100..2000),
            is_committed: random.random_bool(0.5),
        },
        71..84 => Fault::Ddl {
            destination: random.random_range(0..DESTINATIONS),
            ddl: [Ddl::Index, Ddl::Column, Ddl::Storage, Ddl::Lock][random.random_range(0..4)],
            for_ms: random.random_range(50..1000),
        },
        84..90 => Fault::Revoke {
            server: random.random_range(0..SERVERS),
            for_ms: random.random_range(50..1000),
        },
        90..97 => Fault::Terminate {
            server: random.random_range(0..SERVERS),
            share: [0.3, 1.0][random.random_range(0..2)],
        },
        97..100 => Fault::Cancel { server: random.random_range(0..SERVERS) },
        _ => strange(random),
    }
}

/// Of those who do as they like with a table.
fn strange(random: &mut StdRng) -> Fault {
    match random.random_range(0..12) {
        0..3 => Fault::RestartUnder {
            for_ms: random.random_range(200..2000),
            is_committed: random.random_bool(0.7),
        },
        3..7 => Fault::Seed {
            destination: random.random_range(0..DESTINATIONS),
            for_ms: random.random_range(100..1500),
            is_committed: random.random_bool(0.7),
            is_restarted: random.random_bool(0.5),
        },
        _ => Fault::Swap {
            server: random.random_range(0..SERVERS),
            guest: [Guest::Nobody, Guest::Half, Guest::OtherTypes][random.random_range(0..3)],
            for_ms: random.random_range(200..1500),
        },
    }
}

fn network(random: &mut StdRng) -> Fault {
    let link = random.random_range(0..SERVERS);
    let way = [Way::ToServer, Way::ToClient][random.random_range(0..2)];
    let how = [Break::Close, Break::Reset, Break::ClientForgotten, Break::ServerForgotten]
        [random.random_range(0..4)];
    let told_ms = random.random_range(300..2500);
    match random.random_range(0..10) {
        0..2 => Fault::Delay {
            link,
            delay_ms: random.random_range(1..100),
            for_ms: random.random_range(200..2000),
        },
        2..4 => Fault::Narrow {
            link,
            way,
            bytes_per_s: random.random_range(20_000..500_000),
            for_ms: random.random_range(200..2000),
        },
        4..5 => Fault::Break { link, how, told_ms },
        5..8 => Fault::BreakAfter {
            link,
            way,
            // Of all orders of magnitude.
            bytes: 10_f64.powf(random.random_range(0.0..5.5)) as u64,
            how,
            told_ms,
        },
        _ => Fault::Hole {
            link,
            both: random.random_bool(0.3),
            way,
            for_ms: random.random_range(100..2500),
        },
    }
}

/// The starts of one act, one after the other; `points` is how many points there are.
pub struct Starts(StdRng, Vec<usize>, usize);

impl Starts {
    /// Of this seed.
    pub fn new(seed: u64, points: usize) -> Self {
        Self(StdRng::seed_from_u64(seed), Vec::new(), points)
    }

    /// The next one. Every point has its turn, in an order by chance.
    pub fn next(&mut self) -> Start {
        let Self(random, left, points) = self;
        if left.is_empty() {
            left.extend(0..*points);
        }
        let order = if random.random_bool(0.6) && *points > 0 {
            let point = left.swap_remove(random.random_range(0..left.len()));
            let hit = 1 + (random.random_range(0.0_f64..1.0).powi(3) * 12.0) as u64;
            let stop = Order::Stop {
                for_ms: random.random_range(50..1500),
                is_terminated: random.random_bool(0.6),
            };
            Some((point, hit, if random.random_bool(0.75) { Order::Kill } else { stop }))
        } else {
            None
        };
        let several = random.random_range(0..DESTINATIONS);
        Start {
            writers: std::array::from_fn(|at| {
                if at == several {
                    random.random_range(2..5)
                } else {
                    [1, 1, 2][random.random_range(0..3)]
                }
            }),
            commits: std::array::from_fn(|_| {
                ["auto", "auto", "on", "off"][random.random_range(0..4)]
            }),
            events_max: [30, 100, 300, 1000, 10_000][random.random_range(0..5)],
            bytes_max: [20_000, 100_000, 16 << 20][random.random_range(0..3)],
            hold_max_ms: [5, 50, 100, 1000][random.random_range(0..4)],
            poll_interval_ms: [20, 100, 500][random.random_range(0..3)],
            order,
            rest_ms: random.random_range(0..250),
            life_ms: random.random_range(2000..7000),
        }
    }
}
