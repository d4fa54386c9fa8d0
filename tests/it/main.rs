//! Tests against real servers: one binary, a module for each capability.
#![allow(clippy::unwrap_used)]

mod certificates;
mod check;
mod configured;
mod connect;
mod harness;
mod init;
mod listen;
mod pool;
mod pooler;
mod private_server;
mod status;
mod tls;
