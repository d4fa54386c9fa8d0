//! Tests against real servers: one binary, a module for each capability.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod audit;
mod certificates;
mod chaos;
mod check;
mod command;
mod configured;
mod connect;
mod demo;
mod divergence;
mod ending;
mod following;
mod harness;
mod init;
mod isolation;
mod listen;
mod pool;
mod pooler;
mod private_server;
mod run_command;
mod status;
mod status_command;
mod support;
mod tls;
mod truth;
mod writers;
