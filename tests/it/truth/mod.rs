//! The promise, on real servers: at every commit a destination is exactly a prefix of the source in
//! id order, and no byte is changed.

mod chain;
mod groups;
mod huge;
mod moved;
mod names;
mod order;
mod prefix;
pub mod program;
mod refused;
mod roles;
pub mod running;
mod seeded;
mod slate;
mod small;
mod stress;
mod unsound;
pub mod values;
pub mod watched;

/// Whether the whole amounts are asked for, which take minutes: 1,000,000 committed ids, one
/// transaction of 1,000,000 events.
fn is_full() -> bool {
    std::env::var_os("COUNTERFOIL_TEST_FULL").is_some()
}
