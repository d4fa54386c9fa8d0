//! Tests against real servers: one binary, a module for each capability.
#![allow(clippy::unwrap_used)]

mod certificates;
mod connect;
mod harness;
mod listen;
mod pool;
mod pooler;
mod init;
mod private_server;
mod tls;
