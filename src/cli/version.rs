//! The version of all three programs.

/// As `-V` tells it: the version, and the commit it was built from where that is known.
pub(super) const VERSION: &str = if env!("COUNTERFOIL_COMMIT").is_empty() {
    env!("CARGO_PKG_VERSION")
} else {
    concat!(env!("CARGO_PKG_VERSION"), " (", env!("COUNTERFOIL_COMMIT"), ")")
};
