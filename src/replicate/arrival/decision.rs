//! The source of destinations that are waited for: up to which id, and whether everything up to
//! there is decided.

use super::board::ArrivalTarget;
use crate::config::ReplicationConfig;
use crate::error::{Problems, Result};
use crate::event::store::EventStore;
use crate::event::wire::Wire;
use crate::postgres::session::error::{ErrorSide, answered};
use crate::postgres::session::pooler;
use crate::postgres::session::{Session, SessionPurpose};
use crate::postgres::table::store::PgTable;
use crate::replicate::check::shape::{SourceShape, source_shape};
use crate::source::mark::MarkProbe;
use std::sync::Arc;
use std::time::Duration;

pub(super) const WHAT: &str = "cannot find out whether everything is decided";

/// One connection to the source.
pub(super) struct ArrivalSource {
    pub(super) session: Arc<Session>,
    pub(super) shape: SourceShape,
}

/// Up to where destinations must have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct DecidedTarget {
    /// The highest id that the source holds up to the one that was asked for.
    pub(super) position: Option<i64>,
}

/// Opens the source, and what looks for the mark over the same connection.
///
/// # Errors
/// Those of the connection and of the checks of the source, the worst with the others beneath it.
pub(super) async fn open(config: &ReplicationConfig) -> Result<(ArrivalSource, MarkProbe)> {
    let (source, timeout) = (&config.source, config.limits.connect_timeout);
    let purpose = SessionPurpose { what: "wait", side: ErrorSide::Source };
    let session = Arc::new(pooler::open(&source.conninfo, purpose, timeout).await?);
    let opening = async {
        let shape = source_shape(&session, config).await.map_err(Problems::into_worst)?;
        let rule = shape.mark_rule(&source.known_gaps);
        let probe =
            MarkProbe::new(Arc::clone(&session), &source.table, &source.id_column, rule).await?;
        // What looks for the mark reads in the order of ids; the same session counts here.
        let any_order = session.batch_execute(include_str!("../../../sql/session/any_order.sql"));
        any_order.await.map_err(|error| session.error(&error, WHAT))?;
        Ok((shape, probe))
    };
    let (shape, probe) = answered(timeout, WHAT, opening).await?;
    Ok((ArrivalSource { session, shape }, probe))
}

/// One look: what is wanted from now on, and where destinations must have come, once everything up
/// to what is wanted is decided.
pub(super) async fn look(
    config: &ReplicationConfig,
    source: &ArrivalSource,
    probe: &mut MarkProbe,
    target: ArrivalTarget,
) -> Result<(Option<i64>, Option<DecidedTarget>)> {
    let timeout = config.limits.connect_timeout;
    let (highest, decided) = answered(timeout, WHAT, probe.first_look(Duration::ZERO)).await?;
    let wanted = match target {
        ArrivalTarget::Visible => highest,
        ArrivalTarget::Through(id) => id,
    };
    let Some(through) = wanted else {
        return Ok((None, Some(DecidedTarget { position: None })));
    };
    if highest < wanted || decided < wanted {
        return Ok((wanted, None));
    }
    let none = Wire::without_columns();
    let name = &source.shape.table.name;
    let store = PgTable::new(&*source.session, name, &config.source.id_column, &none);
    let position = answered(timeout, WHAT, store.highest_through(through)).await?;
    Ok((wanted, Some(DecidedTarget { position })))
}
