//! What the log is told of differences: once when they are found, and once when they are gone.

use crate::commands::{self, naming};
use crate::error::{Error, ErrorKind};
use crate::log::key;
use crate::verify::continuous::known::{FaultChange, FaultCounts, KnownFaults};
use crate::verify::continuous::snapshot::FaultCommands;
use slog::{Logger, error, info};

/// Lines of a round about what was found at most; what more is found is told in one at its end.
const LINES_MAX: u32 = 10;
/// Ids that a command names at most.
const NAMED_MAX: usize = 10;

/// Rows that were found and are not told yet, by their ends.
#[derive(Default)]
struct UntoldFaults {
    new: FaultCounts,
    new_ids: Option<(i64, i64)>,
    gone: usize,
    gone_ids: Option<(i64, i64)>,
}

/// What was told of a destination in the round under way.
pub(super) struct FaultTelling {
    destination: String,
    /// The flags that name the configuration in a command.
    flags: String,
    log: Logger,
    lines: u32,
    untold: UntoldFaults,
}

impl UntoldFaults {
    fn add(&mut self, change: &FaultChange) {
        let ends = |known: Option<(i64, i64)>, id: i64| {
            Some(known.map_or((id, id), |(first, last)| (first.min(id), last.max(id))))
        };
        for (id, class) in &change.new {
            self.new.add(*class);
            self.new_ids = ends(self.new_ids, *id);
        }
        self.gone += change.gone.len();
        self.gone_ids = change.gone.iter().fold(self.gone_ids, |known, id| ends(known, *id));
    }
}

impl FaultTelling {
    pub(super) fn new(destination: &str, flags: &str, log: &Logger) -> Self {
        Self {
            destination: destination.to_owned(),
            flags: flags.to_owned(),
            log: log.clone(),
            lines: 0,
            untold: UntoldFaults::default(),
        }
    }

    /// Tells a change of what is known, unless much was told in this round.
    pub(super) fn tell(&mut self, change: &FaultChange, known: &KnownFaults) {
        self.untold.add(change);
        if self.lines < LINES_MAX {
            self.tell_all(known);
        }
    }

    /// A round has ended.
    pub(super) fn end_round(&mut self, known: &KnownFaults) {
        self.tell_all(known);
        self.lines = 0;
    }

    fn tell_all(&mut self, known: &KnownFaults) {
        let UntoldFaults { new, new_ids, gone, gone_ids } = std::mem::take(&mut self.untold);
        if let Some((first, last)) = new_ids {
            self.lines += 1;
            let commands = self.commands(known);
            error!(self.log, "rows of a destination differ from the source"; key::DESTINATION => &self.destination,
                "differences" => new.to_string(), "first_id" => first, "last_id" => last,
                key::FIX => commands.map(|commands| commands.in_words()).unwrap_or_default());
        }
        if let Some((first, last)) = gone_ids {
            self.lines += 1;
            info!(self.log, "rows that differed from the source are equal again"; key::DESTINATION => &self.destination,
                "rows" => gone, "first_id" => first, "last_id" => last);
        }
    }

    /// What shows and cures what is known; `None` where nothing differs.
    pub(super) fn commands(&self, known: &KnownFaults) -> Option<FaultCommands> {
        commands_for(&self.destination, &self.flags, known)
    }

    /// What ends the replication where a difference is to.
    pub(super) fn error(&self, known: &KnownFaults, place: String) -> Option<Error> {
        let commands = self.commands(known)?;
        let what = format!(
            "destination {:?} differs from its source: {}",
            self.destination,
            known.counts()
        );
        let error = Error::new(ErrorKind::Contents, what)
            .at(format!("{place}, {}", first_of(known)))
            .because("on_difference = \"stop\": this replication was ended; nothing was changed");
        Some(error.fix(commands.in_words()))
    }
}

impl FaultCommands {
    fn in_words(&self) -> String {
        format!("{} shows them; {}", self.show, self.cure)
    }
}

fn first_of(known: &KnownFaults) -> String {
    let runs = known.listed();
    let ids =
        runs.first().map(|run| (run.first_id, runs.last().map_or(run.last_id, |run| run.last_id)));
    match ids {
        Some((first, last)) if first == last => format!("id {first}"),
        Some((first, last)) => format!("ids {first}..{last}"),
        None => String::new(),
    }
}

/// `repair` runs while no replicator feeds the destination.
const STOPPED: &str = "stop the replicator";

fn commands_for(destination: &str, flags: &str, known: &KnownFaults) -> Option<FaultCommands> {
    let counts = known.counts();
    let lowest = known.listed().first().map(|run| run.first_id)?;
    let repair = |what: &str| naming(&commands::repair(destination, what), flags);
    let FaultCounts { missing, extra, changed, representation, doubled } = counts;
    let ids = named(known);
    let cure = if doubled > 0 {
        "an id is there more than once: find out which row is the event, remove the others, and \
         REINDEX the table where a unique key should have refused them"
            .to_owned()
    } else if missing > 0 && extra + changed + representation == 0 {
        format!("{STOPPED}, then {} brings what is missing", repair("--insert-missing"))
    } else if let Some(ids) = ids.filter(|_| missing + representation == 0) {
        let replace = repair(&format!("--replace {ids}"));
        format!("{STOPPED}, then {replace} puts the source's rows in their place")
    } else {
        let rewind = repair(&format!("--rewind-to {}", lowest.saturating_sub(1)));
        format!("{STOPPED}, then {rewind} removes all from there on, and a start copies it again")
    };
    let show = format!("{} --from {lowest}", commands::events_diff(destination));
    Some(FaultCommands { show: naming(&show, flags), cure })
}

/// The ids of what is known, where they are few.
fn named(known: &KnownFaults) -> Option<String> {
    let ids: Vec<i64> = known
        .listed()
        .iter()
        .flat_map(|run| (run.first_id..=run.last_id).take(NAMED_MAX + 1))
        .take(NAMED_MAX + 1)
        .collect();
    let is_all = ids.len() <= NAMED_MAX && ids.len() as u64 == known.counts().total();
    is_all.then(|| ids.iter().map(i64::to_string).collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::range::IdRange;
    use crate::log::WallTime;
    use crate::verify::continuous::known::RowFault;

    fn commands(found: &[(i64, RowFault)]) -> FaultCommands {
        let mut known = KnownFaults::default();
        known.replace(IdRange::ALL, found, WallTime::now());
        commands_for("copy", "--config copy.toml", &known).expect("differences")
    }

    #[test]
    fn what_was_not_told_is_counted_with_its_ends_however_much_it_is() {
        let mut untold = UntoldFaults::default();
        for id in [70, 5, 900] {
            let new = vec![(id, RowFault::Changed), (id + 1, RowFault::Missing)];
            untold.add(&FaultChange { new, gone: vec![id + 2] });
        }
        assert_eq!(untold.new.to_string(), "3 missing, 3 changed");
        assert_eq!((untold.new_ids, untold.gone), (Some((5, 901)), 3));
        assert_eq!(untold.gone_ids, Some((7, 902)));
    }

    #[test]
    fn the_cure_is_the_least_that_cures_all_and_can_be_pasted() {
        let missing = commands(&[(5, RowFault::Missing), (9, RowFault::Missing)]);
        assert_eq!(missing.show, "events-diff --config copy.toml --destination copy --from 5");
        assert_eq!(
            missing.cure,
            "stop the replicator, then counterfoil repair --config copy.toml --destination copy \
             --insert-missing brings what is missing"
        );
        let few = commands(&[(5, RowFault::Changed), (6, RowFault::Changed), (9, RowFault::Extra)]);
        assert!(few.cure.contains("--destination copy --replace 5,6,9 puts"), "{few:?}");
        let mixed = commands(&[(5, RowFault::Changed), (6, RowFault::Missing)]);
        assert!(mixed.cure.contains("--rewind-to 4 removes"), "{mixed:?}");
        let many: Vec<_> = (1..=11).map(|id| (id, RowFault::Changed)).collect();
        assert!(commands(&many).cure.contains("--rewind-to 0 removes"));
        let doubled = commands(&[(5, RowFault::Doubled), (6, RowFault::Missing)]);
        assert!(doubled.cure.contains("more than once"), "{doubled:?}");
    }
}
