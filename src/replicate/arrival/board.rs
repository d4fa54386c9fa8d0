//! Up to where destinations are waited for, and what is known of them at one moment.

use crate::error::{Error, ErrorKind};
use tokio::sync::watch;

/// Up to where destinations are waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArrivalTarget {
    /// What is visible at the source at the first look.
    Visible,
    /// This id; `None`: the source was empty.
    Through(Option<i64>),
}

/// All of it.
#[derive(Clone, Debug)]
pub struct ArrivalBoard {
    /// Up to which id they are waited for, once that is known; the inner `None`: the source is
    /// empty.
    pub through: Option<Option<i64>>,
    /// Whether nothing can appear any more at or below that id.
    pub is_decided: bool,
    /// Why the source cannot be asked at the moment.
    pub source_error: Option<Error>,
    /// The destinations, in the order in which they were named.
    pub lanes: Vec<LaneArrival>,
}

/// What is known of one destination.
#[derive(Clone, Debug, Default)]
pub struct LaneArrival {
    /// The highest id it holds, as last seen.
    pub position: Option<i64>,
    /// How it stands.
    pub state: ArrivalState,
}

/// How a destination stands that is waited for.
#[derive(Clone, Debug, Default)]
pub enum ArrivalState {
    /// It was not asked yet.
    #[default]
    NotAsked,
    /// It lacks events, or what it holds cannot be proved before more is decided at the source.
    Behind,
    /// It has come so far, and is being compared.
    Comparing,
    /// It holds everything: first event, last event and count are the source's.
    Arrived,
    /// It could not be asked or compared, which is tried again.
    Away(Error),
    /// It cannot arrive before a person acts.
    Refused(Error),
}

/// Where it is told what is known of so many destinations, and where that is seen.
pub fn boards(lanes: usize) -> (watch::Sender<ArrivalBoard>, watch::Receiver<ArrivalBoard>) {
    watch::channel(ArrivalBoard::new(lanes))
}

impl LaneArrival {
    /// Whether it holds everything.
    pub fn has_arrived(&self) -> bool {
        matches!(self.state, ArrivalState::Arrived)
    }

    /// Whether nothing about it changes any more.
    pub(crate) fn is_settled(&self) -> bool {
        matches!(self.state, ArrivalState::Arrived | ArrivalState::Refused(_))
    }

    /// Why it cannot be asked, or is refused.
    pub fn error(&self) -> Option<&Error> {
        match &self.state {
            ArrivalState::Away(error) | ArrivalState::Refused(error) => Some(error),
            _ => None,
        }
    }
}

impl ArrivalBoard {
    /// Nothing is known of so many destinations.
    fn new(lanes: usize) -> Self {
        let lanes = (0..lanes).map(|_| LaneArrival::default()).collect();
        Self { through: None, is_decided: false, source_error: None, lanes }
    }

    /// How many hold everything.
    pub fn arrived(&self) -> usize {
        self.lanes.iter().filter(|lane| lane.has_arrived()).count()
    }

    /// How many hold everything or may still come so far.
    pub fn possible(&self) -> usize {
        let is_refused = |lane: &&LaneArrival| matches!(lane.state, ArrivalState::Refused(_));
        self.lanes.len() - self.lanes.iter().filter(is_refused).count()
    }

    /// The exit code where too few have arrived: 4 when one disagrees, that of another refusal,
    /// otherwise 8.
    pub fn exit_code(&self) -> u8 {
        let refused = self.lanes.iter().filter_map(|lane| match &lane.state {
            ArrivalState::Refused(error) => Some(error.kind().consequence()),
            _ => None,
        });
        let worst = refused.min_by_key(|consequence| consequence.rank);
        worst.map_or(ErrorKind::Unavailable.consequence().exit_code, |worst| worst.exit_code)
    }
}
