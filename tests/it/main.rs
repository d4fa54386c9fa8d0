//! Tests against real servers: one binary, a module for each capability.
#![allow(clippy::unwrap_used)]

mod harness;
mod private_server;
