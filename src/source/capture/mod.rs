//! Capture: triggers that write each change of a mutable table into a log, which is an event table
//! like any other. What is made, what is refused, how it stands, and how it goes away again.

mod described;
mod facts;
mod install;
mod locked;
mod objects;
mod past;
mod pins;
mod plan;
mod prune;
mod reader;
mod readers;
mod refresh;
mod remove;
mod shape;
mod standing;

pub use install::{CaptureWish, CapturedName, install, install_sql};
pub use locked::LockBudget;
pub use prune::{PruneBound, PrunePlan, PruneReason, PruneWish, prune, prune_plan};
pub(crate) use reader::{captured_log, captured_tables};
pub use readers::{LogFacts, LogReader, PruneCertificate};
pub use refresh::{RefreshWish, refresh, refresh_sql};
pub use remove::{CaptureRemoval, RemovalReport, removal_plan, remove};
pub use standing::{CaptureStanding, TableStanding, standing};
