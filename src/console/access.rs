//! Who may see and do what. Pure: the credentials of a request are looked at elsewhere.

use crate::config::{ConsoleConfig, MetricsAccess};

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PageVisitor {
    /// Anyone.
    Stranger,
    /// Who knew the password, in this session.
    SignedIn,
    /// A program with the token.
    Program,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServedArea {
    /// Whether the process is alive and ready.
    Probes,
    /// `/metrics`.
    Metrics,
    /// The page and what it consists of; the status as JSON.
    Page,
    /// What changes something: a destination is paused, the configuration is saved.
    Actions,
    /// The form that asks for the password, and where it is sent.
    SignIn,
}

/// Whether it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AccessDecision {
    /// Yes.
    Served,
    /// After a sign-in, or with a token.
    NeedsLogin,
    /// It is not served here at all.
    NotServed,
}

impl ServedArea {
    /// Why it is not served at all, to those who ask for it.
    pub(super) fn why_not_served(self) -> &'static str {
        match self {
            Self::Page => {
                "the page is not served here: beyond this machine it needs a sign-in and TLS, see \
                 console.password_hash_file"
            }
            Self::Actions | Self::SignIn => {
                "nobody can sign in here: neither console.password_hash_file nor console.token_file \
                 is set"
            }
            Self::Metrics | Self::Probes => "this is not served here",
        }
    }
}

impl PageVisitor {
    /// Whether it may change something.
    pub(super) fn may_act(&self) -> bool {
        matches!(self, Self::SignedIn | Self::Program)
    }

    /// As the log names it.
    pub(super) fn in_log(&self) -> &'static str {
        match self {
            Self::Stranger => "a visitor of the window",
            Self::SignedIn => "the operator, in the window",
            Self::Program => "a program with the token of the window",
        }
    }
}

/// Whether a visitor is given an area. Nothing opens by accident: beyond this machine the page is
/// served to those who have signed in alone, and without credentials not at all.
pub(super) fn admission(
    area: ServedArea,
    visitor: &PageVisitor,
    config: &ConsoleConfig,
) -> AccessDecision {
    let is_local = config.listen.as_ref().is_some_and(|listen| listen.is_local());
    match area {
        ServedArea::Probes => AccessDecision::Served,
        ServedArea::Metrics => match config.metrics {
            MetricsAccess::Open => AccessDecision::Served,
            MetricsAccess::Off => AccessDecision::NotServed,
            MetricsAccess::Login if visitor.may_act() => AccessDecision::Served,
            MetricsAccess::Login => AccessDecision::NeedsLogin,
        },
        ServedArea::SignIn if config.password_hash.is_some() => AccessDecision::Served,
        ServedArea::SignIn => AccessDecision::NotServed,
        ServedArea::Page if visitor.may_act() => AccessDecision::Served,
        ServedArea::Page if config.has_login() => AccessDecision::NeedsLogin,
        ServedArea::Page if is_local => AccessDecision::Served,
        ServedArea::Actions if visitor.may_act() => AccessDecision::Served,
        ServedArea::Actions if config.has_login() => AccessDecision::NeedsLogin,
        ServedArea::Page | ServedArea::Actions => AccessDecision::NotServed,
    }
}
