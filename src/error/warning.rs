//! What is told although nothing stops.

use crate::log::escape::fit;
use std::fmt;

/// Something a person should know that stops nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// What is so, lower case.
    pub what: String,
    /// What could be done about it; empty where nothing needs to be.
    pub fix: String,
}

impl Warning {
    /// Says what is so and what could be done about it.
    pub fn new(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { what: what.into(), fix: fix.into() }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = fit(&self.what);
        match self.fix.as_str() {
            "" => write!(out, "{what}"),
            fix => write!(out, "{what}; {}", fit(fix)),
        }
    }
}
