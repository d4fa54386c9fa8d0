//! Verification that never ends: each row of each destination is compared with the source again and
//! again while events are copied, at a limited rate, and what was found is published.
//!
//! It only reads, in short transactions, over one session at the source and one at each
//! destination. What comes next and how far a destination is verified is decided in [`round`] alone;
//! the comparison itself is that of [`super::compare`], a few thousand rows at a time.

mod basis;
mod cut;
mod doubled;
pub mod known;
mod lane;
mod pair;
pub mod position;
mod round;
mod segment;
pub mod snapshot;
pub mod subject;
mod telling;
mod throttle;

use crate::error::Result;
use crate::stop::Stop;
use crate::verify::compare::configured::source_place;
use crate::verify::compare::side::ComparisonSide;
use crate::verify::continuous::lane::VerifiedLane;
use crate::verify::continuous::subject::{ContinuousVerification, SharedParts};
use crate::verify::continuous::throttle::RowThrottle;
use futures::future::try_join_all;
use std::sync::Mutex;
use std::time::Instant;
use tokio::sync::Semaphore;

/// Compares until a stop; what is under way then is dropped.
///
/// # Errors
/// `Contents` when a difference was found that is to stop the replication.
pub async fn verify(of: &ContinuousVerification, stop: &Stop) -> Result<()> {
    let settings = of.config.verify;
    let Some(every) = settings.every else {
        stop.requested().await;
        return Ok(());
    };
    let source = source_place(&of.config.source);
    let timeout = of.config.limits.connect_timeout;
    let shared = SharedParts {
        of,
        settings,
        source: ComparisonSide::pool(&source, 1, timeout, &of.log),
        throttle: Mutex::new(RowThrottle::new(settings.rows_per_second, Instant::now())),
        turn: Semaphore::new(1),
    };
    let lanes = of.config.destinations.iter().enumerate().filter_map(|(index, to)| {
        Some(VerifiedLane::new(&shared, index, to, &source, every)?.verify())
    });
    stop.or(try_join_all(lanes)).await.unwrap_or_else(|| Ok(Vec::new())).map(drop)
}
