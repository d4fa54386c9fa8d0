//! Points of the work at which the process ends or stops itself on order, for tools/chaos alone.
//! Without the feature `fail-points` they are nothing.

#[cfg(feature = "fail-points")]
pub(crate) mod ordered;

#[cfg(all(feature = "fail-points", not(debug_assertions)))]
compile_error!("fail-points are for tests: a release has none");

/// A point of the work, by its name.
#[cfg(not(feature = "fail-points"))]
macro_rules! point {
    ($name:literal) => {};
}

/// A point of the work, by its name.
#[cfg(feature = "fail-points")]
macro_rules! point {
    ($name:literal) => {
        crate::fail::ordered::reach($name)
    };
}

/// A point after a future has sent its question, before it has the answer.
#[cfg(not(feature = "fail-points"))]
macro_rules! midway {
    ($name:literal, $work:expr) => {
        $work
    };
}

/// A point after a future has sent its question, before it has the answer.
#[cfg(feature = "fail-points")]
macro_rules! midway {
    ($name:literal, $work:expr) => {
        crate::fail::ordered::midway($name, $work)
    };
}

pub(crate) use {midway, point};
