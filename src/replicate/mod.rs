//! The work: start-up checks, passes from the source to all lanes, and what happens between them.

pub mod fan_out;
pub mod lane;
pub mod pass;
