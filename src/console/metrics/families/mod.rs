//! All metrics, in the order of the text.

mod destination;
mod number;
mod process;
mod run;
mod source;

use super::family::MetricFamily;

/// See the module.
pub(super) fn families() -> impl Iterator<Item = &'static MetricFamily> {
    let parts: [&'static [MetricFamily]; 4] =
        [&process::FAMILIES, &source::FAMILIES, &destination::FAMILIES, &run::FAMILIES];
    parts.into_iter().flatten()
}
