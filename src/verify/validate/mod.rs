//! Validates one table by itself, in one scan and in constant memory: its ids, its times, and the
//! groups of slate's loader.

mod findings;
mod groups;
mod ids;
mod numbers;
mod read;
mod report;
mod rules;
mod stats;
mod validator;

pub use findings::{Finding, FindingKind};
pub use groups::GroupCounts;
pub use read::validate;
pub use report::{Validation, ValidationVerdict};
pub use rules::{IdRule, ValidatedRow, ValidationRules};
pub use stats::{GroupStats, TestingStats};
pub use validator::Validator;

#[cfg(test)]
mod tests;
