//! Tests against real servers: one binary, a module for each capability.
#![allow(clippy::unwrap_used)]

mod audit;
mod certificates;
mod check;
mod command;
mod configured;
mod connect;
mod demo;
mod harness;
mod init;
mod listen;
mod pool;
mod pooler;
mod private_server;
mod status;
mod status_command;
mod tls;
mod truth;
mod writers;
