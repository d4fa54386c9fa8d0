//! JSON texts as they are stored: compared, told apart by their paths, and laid out, with every
//! number and string kept as it is spelt.
//!
//! Values are not read through `serde_json`: it forgets keys that occur twice, and takes an object
//! with a certain key for a number.

pub(super) mod alike;
pub(super) mod path;
pub(super) mod pretty;
mod token;
mod tree;
