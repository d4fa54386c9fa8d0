//! The conductor's commands: what an operator tells it to do with a lane.

use super::Conductor;
use crate::error::{Error, ErrorKind, Result};
use crate::log::key;
use crate::replicate::command::{CommandReply, LaneAction, LaneCommand};
use crate::replicate::reconcile::ReconcileOutcome;
use slog::info;
use std::time::Instant;

impl Conductor<'_> {
    /// Does what is told, or says why not.
    pub(super) fn take_command(&mut self, command: LaneCommand) {
        let LaneCommand { lane, action, by, answer } = command;
        let Some(index) = self.lanes.iter().position(|state| state.name == lane) else {
            let names: Vec<_> =
                self.lanes.iter().map(|state| format!("{:?}", state.name)).collect();
            let unknown =
                Error::new(ErrorKind::Usage, format!("there is no destination \"{lane}\""));
            // Nobody may wait for the answer any more.
            let _ =
                answer.send(Err(unknown.fix(format!("the destinations are {}", names.join(", ")))));
            return;
        };
        info!(self.run.log, "a command was taken"; key::DESTINATION => &lane, "command" => %action, "by" => by);
        let reply = match action {
            LaneAction::Pause => self.pause(index, true),
            LaneAction::Resume => self.pause(index, false),
            LaneAction::Retry => self.retry(index),
            LaneAction::Verify => {
                self.lanes[index].verifications.wanted.push(answer);
                return self.refuse_verifications(index);
            }
        };
        let _ = answer.send(reply);
    }

    fn pause(&mut self, index: usize, is_paused: bool) -> Result<CommandReply> {
        self.lanes[index].is_paused = is_paused;
        Ok(CommandReply::Accepted)
    }

    fn retry(&mut self, index: usize) -> Result<CommandReply> {
        let now = Instant::now();
        let has_hastened = self.lanes[index].retry(now);
        let has_source_hastened = self.source.retry(now);
        if has_hastened || has_source_hastened {
            return Ok(CommandReply::Accepted);
        }
        let name = &self.lanes[index].name;
        Err(Error::new(ErrorKind::Usage, format!("destination \"{name}\" waits for no retry"))
            .because("it is connected, or being connected"))
    }

    /// Answers those who want a lane counted that is not there to be counted.
    pub(super) fn refuse_verifications(&mut self, index: usize) {
        let state = &mut self.lanes[index];
        let Some(error) = state.connection.lost_with() else { return };
        let refusal =
            error.clone().while_doing(format!("cannot verify destination \"{}\" now", state.name));
        for answer in state.verifications.wanted.drain(..) {
            let _ = answer.send(Err(refusal.clone()));
        }
    }

    /// Answers those for whom a lane was counted.
    pub(super) fn answer_verifications(
        &mut self,
        index: usize,
        counted: &Result<ReconcileOutcome>,
    ) {
        let state = &mut self.lanes[index];
        for answer in state.verifications.under_way.drain(..) {
            let reply = match counted {
                Ok(ReconcileOutcome::Agreed(reconciled)) => {
                    Ok(CommandReply::Verified { through_id: reconciled.through })
                }
                Ok(ReconcileOutcome::WentBackwards(_)) => Err(Error::new(
                    ErrorKind::Unavailable,
                    format!("destination \"{}\" lost its most recent events", state.name),
                )
                .fix(
                    "no action needed: it is compared again and they are appended again; verify it \
                     after that",
                )),
                Err(error) => Err(error.clone()),
            };
            let _ = answer.send(reply);
        }
    }
}
