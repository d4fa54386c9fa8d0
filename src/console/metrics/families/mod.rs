//! All metrics, in the order of the text.

mod destination;
mod number;
mod process;
mod run;
mod source;
mod verification;

use super::family::MetricFamily;

/// See the module.
pub(super) fn families() -> impl Iterator<Item = &'static MetricFamily> {
    let parts: [&'static [MetricFamily]; 5] = [
        &process::FAMILIES,
        &source::FAMILIES,
        &destination::FAMILIES,
        &verification::FAMILIES,
        &run::FAMILIES,
    ];
    parts.into_iter().flatten()
}
