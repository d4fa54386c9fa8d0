//! JSON texts as they are stored: compared, with every number and string kept as it is spelt.
//!
//! Values are not read through `serde_json`: it forgets keys that occur twice, and takes an object with a certain key for a number.

pub(super) mod alike;
pub(super) mod number;
mod token;
mod tree;
