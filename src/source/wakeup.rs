//! Whether something wakes the replicator when there is a new event: a judgement of the triggers of
//! the source.

use crate::error::Warning;
use crate::postgres::session::settings::ServerOverview;
use crate::postgres::table::EventTable;
use crate::postgres::table::trigger::InsertTrigger;
use crate::sql;
use std::fmt;

/// Name of the trigger that rings only while Counterfoil sleeps.
const DOORBELL: &str = "counterfoil_doorbell";
/// The doorbell's channel, listened to always.
pub(crate) const DOORBELL_CHANNEL: &str = "counterfoil";

/// What will wake the replicator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wakeup {
    /// The doorbell: rings only while Counterfoil sleeps.
    Doorbell,
    /// A trigger that notifies on a channel we listen to, for every insert.
    Trigger {
        /// Its name.
        trigger: String,
    },
    /// Nothing: the source is polled.
    Polling {
        /// Why.
        reason: String,
    },
}

impl Wakeup {
    /// Whether notifications will work.
    pub(crate) fn is_notified(&self) -> bool {
        !matches!(self, Wakeup::Polling { .. })
    }
}

impl fmt::Display for Wakeup {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wakeup::Doorbell => write!(out, "trigger {DOORBELL} rings while counterfoil sleeps"),
            Wakeup::Trigger { trigger } => {
                write!(out, "trigger {} notifies of every insert", sql::ident(trigger))
            }
            Wakeup::Polling { reason } => write!(out, "none, so the source is polled: {reason}"),
        }
    }
}

/// Judges what will wake the replicator that listens to `channel` and to the doorbell's own.
pub(crate) fn wakeup(source: &EventTable, server: &ServerOverview, channel: &str) -> Wakeup {
    let polling = |reason: String| Wakeup::Polling { reason };
    if server.is_standby {
        return polling("a standby cannot be listened to".to_owned());
    }
    let ringing = |trigger: &&InsertTrigger| is_heard(trigger, channel);
    let (enabled, disabled): (Vec<_>, Vec<_>) =
        source.insert_triggers.iter().filter(ringing).partition(|trigger| trigger.is_enabled);
    if enabled.iter().any(|trigger| trigger.name == DOORBELL) {
        return Wakeup::Doorbell;
    }
    match (enabled.first(), disabled.first()) {
        (Some(trigger), _) => Wakeup::Trigger { trigger: trigger.name.clone() },
        (None, Some(trigger)) => {
            let name = sql::ident(&trigger.name);
            polling(format!(
                "trigger {name} is disabled (ALTER TABLE {} ENABLE ALWAYS TRIGGER {name};)",
                source.name
            ))
        }
        (None, None) => polling(format!(
            "no trigger of {} notifies on {channel} or {DOORBELL_CHANNEL}",
            source.name
        )),
    }
}

/// What a person should know about the triggers of the source.
pub(crate) fn cautions(source: &EventTable, server: &ServerOverview) -> Vec<Warning> {
    let enabled = || source.insert_triggers.iter().filter(|trigger| trigger.is_enabled);
    let carrying = enabled()
        .filter(|trigger| trigger.notifies.as_ref().is_some_and(|notifies| notifies.carries_event));
    let mut warnings: Vec<Warning> = carrying
        .map(|trigger| {
            Warning::new(
                format!(
                    "trigger {} seems to send the event in its notification: inserts of events of \
                     8,000 bytes and more fail",
                    sql::ident(&trigger.name)
                ),
                "counterfoil init source --notify doorbell --dry-run prints a trigger that sends \
                 nothing, --notify slate one that sends the id only",
            )
        })
        .collect();
    if server.prepared_max > 0 && enabled().any(|trigger| trigger.notifies.is_some()) {
        warnings.push(Warning::new(
            "a trigger notifies and max_prepared_transactions is not 0: PREPARE TRANSACTION fails \
             after a notification",
            "drop the trigger where writers use two-phase commit; the source is polled then",
        ));
    }
    warnings
}

/// Whether the trigger notifies on a channel we listen to; a channel that is computed may be one.
fn is_heard(trigger: &InsertTrigger, channel: &str) -> bool {
    let Some(notifies) = &trigger.notifies else { return false };
    match &notifies.channel {
        Some(on) => on == channel || on == DOORBELL_CHANNEL,
        None => true,
    }
}

#[cfg(test)]
mod tests;
