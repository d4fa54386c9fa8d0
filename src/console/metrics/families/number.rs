//! Truth and ids as numbers.

/// 1 for yes, 0 for no.
pub(super) fn flag(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}

/// An id as Prometheus has numbers: exact up to 2^53.
pub(super) fn id(id: i64) -> f64 {
    id as f64
}
