//! What `init source` lets one choose.

use crate::error::{Error, ErrorKind, Result};
use std::str::FromStr;

/// How ids are given out: `--ids`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IdsOption {
    /// 1, 2, 3 … by a counter that stays locked to the commit: the strongest checks, one commit at
    /// a time.
    #[default]
    Consecutive,
    /// By an identity column: writers do not wait for each other, and a rollback leaves a gap.
    Sequence,
}

/// What wakes the replicator: `--notify`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotifyOption {
    /// A trigger without contents that rings only while the replicator sleeps.
    Doorbell,
    /// slate's trigger and channel, with table and id only.
    Slate,
    /// Nothing: the replicator polls.
    None,
}

impl FromStr for IdsOption {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "consecutive" => Ok(Self::Consecutive),
            "sequence" => Ok(Self::Sequence),
            _ => Err(Error::new(ErrorKind::Usage, format!("cannot give out ids by {text:?}"))
                .fix("give consecutive or sequence")),
        }
    }
}

impl FromStr for NotifyOption {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        match text {
            "doorbell" => Ok(Self::Doorbell),
            "slate" => Ok(Self::Slate),
            "none" => Ok(Self::None),
            _ => Err(Error::new(ErrorKind::Usage, format!("cannot notify by {text:?}"))
                .fix("give doorbell, slate or none")),
        }
    }
}
