//! The settings that are pinned in each session, and what its server says about itself: asked in
//! one round trip.

use crate::error::Result;
use crate::postgres::session::answers;
use crate::postgres::session::dial::RawConnection;
use crate::postgres::session::error::{self, ErrorSide};
use crate::postgres::session::purpose::SettingsPermission;
use crate::postgres::session::server::{self, ServerFacts};

/// The settings of one session, as its server's version has them.
#[derive(Debug)]
pub(super) struct PinnedSettings {
    /// Without these the session is not used.
    pub(super) needed: String,
    /// The server notices our death sooner; not every operating system can.
    pub(super) wished: String,
}

impl PinnedSettings {
    pub(super) fn of(side: ErrorSide, major: u32) -> Self {
        let mut needed = match side {
            ErrorSide::Source => include_str!("../../../sql/session/pins_source.sql").to_owned(),
            ErrorSide::Destination => {
                include_str!("../../../sql/session/pins_destination.sql").to_owned()
            }
        };
        let mut wished = include_str!("../../../sql/session/keepalive.sql").to_owned();
        if major >= 14 {
            needed.push_str(include_str!("../../../sql/session/pins_since_14.sql"));
            wished.push_str(include_str!("../../../sql/session/keepalive_since_14.sql"));
        }
        if major >= 17 {
            needed.push_str(include_str!("../../../sql/session/pins_since_17.sql"));
        }
        Self { needed, wished }
    }
}

/// Sends everything at once and then judges the answers: a foreign server may choke on the later
/// ones.
pub(super) async fn get_to_know(
    line: &RawConnection,
    pins: &PinnedSettings,
    side: ErrorSide,
    touch: SettingsPermission,
) -> Result<ServerFacts> {
    let client = &line.client;
    let (needed, wished) = match touch {
        SettingsPermission::Pin => (pins.needed.as_str(), pins.wished.as_str()),
        SettingsPermission::Nothing => ("", ""),
    };
    let (version, pinned, _, facts, system_identifier) = futures::join!(
        client.simple_query(include_str!("../../../sql/session/version.sql")),
        client.batch_execute(needed),
        client.batch_execute(wished),
        client.simple_query(include_str!("../../../sql/session/facts.sql")),
        client.simple_query(include_str!("../../../sql/session/system_identifier.sql")),
    );
    let lost = |error: tokio_postgres::Error, what: &str| {
        let ours = error::of_driver(&error, side, what);
        match line.death.get() {
            Some(death) if error.is_closed() => {
                death.causes().iter().fold(ours, |ours, cause| ours.because(cause))
            }
            _ => ours,
        }
    };
    let version = version.map_err(|error| lost(error, "cannot ask the server for its version"))?;
    server::refuse_foreign(&answers::value::<String>(version).unwrap_or_default())?;
    pinned.map_err(|error| lost(error, "cannot set up the session"))?;
    let facts = facts.map_err(|error| match error.code() {
        Some(code) if code.code().starts_with("42") => {
            server::not_postgresql().because(error::of_driver(&error, side, "").causes().join(": "))
        }
        _ => lost(error, "cannot read what the server says about itself"),
    })?;
    let facts = answers::rows(facts);
    let row = facts
        .first()
        .ok_or_else(|| server::not_postgresql().because("it does not answer as PostgreSQL does"))?;
    server::facts(row, system_identifier.ok().and_then(answers::value))
}
