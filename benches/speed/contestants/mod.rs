//! Who races: ways to bring the events of the source into a destination, once or for as long as
//! they follow.

pub mod counterfoil;
pub mod inserts;
pub mod native;
pub mod pipe;

use crate::Result;
use crate::figures::{Figures, timed};
use crate::session::Session;
use crate::stage::Stage;
use std::time::{Duration, Instant};

/// How long a destination may take to hold what the source holds.
const LEVEL_WAIT_MAX: Duration = Duration::from_secs(1800);
/// How often it is asked.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

/// A way to copy a whole table.
#[derive(Clone)]
pub enum Contestant {
    RawPipe,
    /// With keys and values that its destination is configured with.
    Counterfoil(String),
    Native,
    Inserts,
    /// One of the others into a table with its key alone, which gets its indexes then, as `init
    /// destination` says.
    IndexedAfterwards(Box<Self>),
}

impl Contestant {
    pub fn name(&self) -> String {
        match self {
            Self::RawPipe => "raw pipe".to_owned(),
            Self::Counterfoil(settings) => format!("counterfoil, {settings}"),
            Self::Native => "logical replication, initial copy".to_owned(),
            Self::Inserts => "batched INSERT of 10,000 rows".to_owned(),
            Self::IndexedAfterwards(contestant) => {
                format!("{}, indexed afterwards", contestant.name())
            }
        }
    }

    /// Copies all into a destination that is made empty first; fails unless both are equal in the
    /// end.
    pub fn copy(&self, stage: &Stage, target: &str) -> Result<Figures> {
        stage.clear(target)?;
        let figures = self.copy_into_empty(stage, target)?;
        stage.compare(target)?;
        Ok(figures)
    }

    fn copy_into_empty(&self, stage: &Stage, target: &str) -> Result<Figures> {
        match self {
            Self::RawPipe => pipe::copy(stage, &[target]),
            Self::Counterfoil(settings) => counterfoil::catch_up(stage, &[target], settings),
            Self::Native => native::initial_copy(stage, target),
            Self::Inserts => inserts::copy(stage, target),
            Self::IndexedAfterwards(contestant) => {
                stage.drop_indexes(target)?;
                let copied = contestant.copy_into_empty(stage, target)?;
                let indexed =
                    timed(&stage.source, &stage.destination, |_| stage.add_indexes(target))?;
                Ok(copied.and_then(&indexed))
            }
        }
    }
}

/// Who follows the source.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Follower {
    Counterfoil,
    Native,
}

impl Follower {
    pub const BOTH: [Self; 2] = [Self::Counterfoil, Self::Native];

    pub fn name(self) -> &'static str {
        match self {
            Self::Counterfoil => "counterfoil",
            Self::Native => "logical replication",
        }
    }

    /// Starts, with its defaults, into a destination that is made empty first; returns once it
    /// holds what the source holds.
    pub fn start<'a>(self, stage: &'a Stage, target: &'static str) -> Result<Following<'a>> {
        // Of a destination of Counterfoil "on", of a subscription "off".
        self.start_with(stage, target, if self == Self::Native { "off" } else { "on" })
    }

    /// As [`Follower::start`], with synchronous_commit of the destination.
    pub fn start_with<'a>(
        self,
        stage: &'a Stage,
        target: &'static str,
        synchronous_commit: &str,
    ) -> Result<Following<'a>> {
        stage.clear(target)?;
        let following = match self {
            Self::Counterfoil => {
                let settings = format!("synchronous_commit = \"{synchronous_commit}\"");
                Following::Counterfoil(counterfoil::Run::start(stage, &[target], &settings)?)
            }
            Self::Native => {
                native::subscribe(
                    stage,
                    target,
                    &format!("synchronous_commit = {synchronous_commit}"),
                )?;
                native::wait_until_synchronised(stage, target)?;
                Following::Native(stage, target)
            }
        };
        wait_until_level(stage, target)?;
        Ok(following)
    }
}

/// It goes on until it is stopped.
pub enum Following<'a> {
    Counterfoil(counterfoil::Run),
    Native(&'a Stage, &'static str),
}

impl Following<'_> {
    /// The process between the servers, if there is one.
    pub fn pid(&self) -> Option<u32> {
        match self {
            Self::Counterfoil(run) => Some(run.pid()),
            Self::Native(..) => None,
        }
    }

    pub fn stop(self) -> Result<()> {
        match self {
            Self::Counterfoil(run) => run.stop(),
            Self::Native(stage, target) => native::unsubscribe(stage, target),
        }
    }
}

/// Returns once the destination holds the newest event that the source has now.
pub fn wait_until_level(stage: &Stage, target: &str) -> Result<()> {
    let highest = "select coalesce(max(id), 0) from events";
    let wanted = Session::open(&stage.source, "source")?.number(highest, &[])?;
    wait_for(stage, target, highest, wanted)
}

/// Returns once a statement answers, in the database of a destination, with at least this number.
fn wait_for(stage: &Stage, target: &str, statement: &str, wanted: i64) -> Result<()> {
    let session = Session::open(&stage.destination, target)?;
    let asked = session.prepare(statement)?;
    let begun = Instant::now();
    while session.number(&asked, &[])? < wanted {
        if begun.elapsed() > LEVEL_WAIT_MAX {
            return Err(format!(
                "{target} is not there after {} s: {statement}",
                LEVEL_WAIT_MAX.as_secs()
            )
            .into());
        }
        std::thread::sleep(LOOK_INTERVAL);
    }
    Ok(())
}
