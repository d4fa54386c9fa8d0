//! The catalogue of faults, as far as it is not shown elsewhere: docs/faults.md says which test
//! shows which.

mod changes;
mod failover;
mod holding;
mod limits;
mod pgbouncer;
mod replaced;
mod sessions;
mod space;
