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
mod reader;
mod remove;
mod shape;
mod standing;

pub use install::{CaptureWish, CapturedName, install, install_sql, refresh};
pub use locked::LockBudget;
pub(crate) use reader::{captured_log, captured_tables};
pub use remove::{CaptureRemoval, RemovalReport, removal_plan, remove};
pub use standing::{CaptureStanding, TableStanding, standing};
