//! The groups of the loader's programs: each complete, numbered from 1, exactly once, in order.
//!
//! A program writes one group after the other and numbers them without holes. So it has at most one
//! group open at a time: one more that begins means that the open one lacks events, or that they
//! come out of order. Memory is that of the programs, not of the groups.

use super::findings::{FINDINGS_MAX, FindingKind, ValidationFindings};
use super::numbers::NumberSet;
use super::stats::{GroupStats, TestingStats};
use crate::log::escape::escaped;
use std::collections::HashMap;

/// Programs that are followed; beyond them the validation is inconclusive.
const PROGRAMS_MAX: usize = 10_000;
/// Intervals of numbers that are kept of one program. More holes are a fault for certain; the
/// lowest is then told at once.
const INTERVALS_MAX: usize = 200;

/// What came of the groups.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct GroupCounts {
    /// Rows with `testingStats`; 0 where the table was not filled by the loader, and groups were
    /// not judged.
    pub rows: u64,
    /// Runs of the loader.
    pub programs: u64,
    /// Groups that are complete.
    pub complete: u64,
    /// Groups that were cut at the fence.
    pub pending: u64,
}

/// Where the reading ended.
#[derive(Debug)]
pub(super) struct ReadFence {
    pub(super) through: Option<i64>,
    pub(super) last_id: Option<i64>,
    pub(super) is_consecutive: bool,
}

/// All programs so far.
#[derive(Debug, Default)]
pub(super) struct GroupChecks {
    programs: HashMap<String, LoaderProgram>,
    counts: GroupCounts,
    without: u64,
    first_without: Vec<i64>,
    not_followed: u64,
}

#[derive(Debug, Default)]
struct LoaderProgram {
    /// Every number that occurred.
    known: NumberSet,
    /// Those of them whose groups were judged incomplete.
    broken: NumberSet,
    open: Option<OpenGroup>,
    repeat: Option<GroupRepeat>,
}

/// A group that lacks events so far.
#[derive(Debug)]
struct OpenGroup {
    group: GroupStats,
    seen: NumberSet,
    first_id: i64,
    last_id: i64,
    last_row: u64,
}

/// A complete group that occurs again, as far as it does.
#[derive(Debug)]
struct GroupRepeat {
    group: GroupStats,
    first_id: i64,
    last_id: i64,
    events: u64,
}

/// A row with its place in the table, and whether rows of a group stand next to each other.
struct RowPlace {
    id: i64,
    row: u64,
    is_adjacent: bool,
}

impl GroupChecks {
    pub(super) fn row(
        &mut self,
        id: i64,
        row: u64,
        testing: TestingStats,
        is_adjacent: bool,
        findings: &mut ValidationFindings,
    ) {
        let stats = match testing {
            TestingStats::Stats(stats) => stats,
            TestingStats::Garbled => {
                self.counts.rows += 1;
                return findings.fault(FindingKind::Garbled, || format!("id {id}"));
            }
            TestingStats::Absent => {
                self.without += 1;
                if self.first_without.len() < FINDINGS_MAX {
                    self.first_without.push(id);
                }
                return;
            }
        };
        self.counts.rows += 1;
        if !self.programs.contains_key(&stats.program) {
            if self.programs.len() >= PROGRAMS_MAX {
                self.not_followed += 1;
                return;
            }
            self.programs.insert(stats.program.clone(), LoaderProgram::default());
        }
        if stats.number == 0 || stats.event == 0 || stats.event > stats.count {
            return findings
                .fault(FindingKind::Impossible, || format!("{} (id {id})", event(&stats)));
        }
        if let Some(program) = self.programs.get_mut(&stats.program) {
            let place = RowPlace { id, row, is_adjacent };
            self.counts.complete += u64::from(program.row(stats, &place, findings));
        }
    }

    /// What came of it, and why that may not be all.
    pub(super) fn finish(
        mut self,
        fence: &ReadFence,
        findings: &mut ValidationFindings,
    ) -> (GroupCounts, Vec<String>) {
        let mut doubts = Vec::new();
        if self.not_followed > 0 {
            let rows = self.not_followed;
            doubts.push(format!(
                "the events of more than {PROGRAMS_MAX} programs cannot be followed: {rows} rows \
                 were not judged"
            ));
        }
        let mut programs: Vec<_> = self.programs.drain().collect();
        programs.sort_by(|(first, _), (second, _)| first.cmp(second));
        self.counts.programs = programs.len() as u64;
        for (name, program) in programs {
            match program.finish(&name, fence, findings) {
                ProgramEnd::Whole => {}
                ProgramEnd::Pending => self.counts.pending += 1,
                ProgramEnd::Doubtful(why) => doubts.push(why),
            }
        }
        if self.counts.rows > 0 {
            let unnamed = self.without - self.first_without.len() as u64;
            self.first_without
                .iter()
                .for_each(|id| findings.fault(FindingKind::WithoutStats, || format!("id {id}")));
            if unnamed > 0 {
                findings.faults(FindingKind::WithoutStats, unnamed, String::new);
            }
        }
        doubts.truncate(FINDINGS_MAX);
        (self.counts, doubts)
    }
}

/// How the last group of a program ended.
enum ProgramEnd {
    Whole,
    Pending,
    Doubtful(String),
}

impl LoaderProgram {
    /// Takes an event; whether a group is complete with it.
    fn row(
        &mut self,
        stats: GroupStats,
        place: &RowPlace,
        findings: &mut ValidationFindings,
    ) -> bool {
        if self.open.as_ref().is_some_and(|open| open.group.number == stats.number) {
            return self.next_of_open(&stats, place, findings);
        }
        if self.broken.contains(stats.number) {
            findings
                .fault(FindingKind::OutOfOrder, || format!("{} (id {})", event(&stats), place.id));
            return false;
        }
        if self.known.contains(stats.number) {
            self.again(stats, place.id, findings);
            return false;
        }
        self.close_repeat(findings);
        self.close_open(findings);
        if stats.number < self.known.highest() {
            findings.fault(FindingKind::OutOfOrder, || {
                format!("{} (id {}) after group {}", event(&stats), place.id, self.known.highest())
            });
        }
        self.known.insert(stats.number);
        if self.known.intervals() > INTERVALS_MAX
            && let Some(hole) = self.known.fill_lowest_hole()
        {
            missing(&stats.program, hole, findings);
        }
        let mut seen = NumberSet::default();
        seen.insert(stats.event);
        let is_complete = stats.count == 1;
        self.open = (!is_complete).then_some(OpenGroup {
            group: stats,
            seen,
            first_id: place.id,
            last_id: place.id,
            last_row: place.row,
        });
        is_complete
    }

    /// One more event of the number that is open.
    fn next_of_open(
        &mut self,
        stats: &GroupStats,
        place: &RowPlace,
        findings: &mut ValidationFindings,
    ) -> bool {
        let Some(open) = &mut self.open else { return false };
        let says = || format!("{} (id {})", event(stats), place.id);
        if open.group.operation != stats.operation || open.group.count != stats.count {
            findings.fault(FindingKind::Mixed, says);
            return false;
        }
        if place.is_adjacent && place.row != open.last_row + 1 {
            findings.fault(FindingKind::NotAdjacent, says);
        }
        let highest = open.seen.highest();
        if !open.seen.insert(stats.event) {
            findings.fault(FindingKind::DoubledEvent, says);
        } else if stats.event < highest {
            findings.fault(FindingKind::OutOfOrder, says);
        }
        (open.last_id, open.last_row) = (place.id, place.row);
        let is_complete = open.seen.count() == open.group.count;
        if is_complete {
            self.open = None;
        } else if open.seen.intervals() > INTERVALS_MAX {
            self.close_open(findings);
        }
        is_complete
    }

    /// An event of a group that was complete.
    fn again(&mut self, stats: GroupStats, id: i64, findings: &mut ValidationFindings) {
        let is_next = |repeat: &GroupRepeat| {
            (&repeat.group.operation, repeat.group.number, repeat.group.count, repeat.events + 1)
                == (&stats.operation, stats.number, stats.count, stats.event)
        };
        if !self.repeat.as_ref().is_some_and(is_next) {
            self.close_repeat(findings);
        }
        if stats.event != 1 && self.repeat.is_none() {
            return findings
                .fault(FindingKind::DoubledEvent, || format!("{} (id {id})", event(&stats)));
        }
        let repeat = self.repeat.get_or_insert(GroupRepeat {
            group: stats,
            first_id: id,
            last_id: id,
            events: 0,
        });
        (repeat.events, repeat.last_id) = (repeat.events + 1, id);
        if repeat.events == repeat.group.count {
            findings.fault(FindingKind::DoubledGroup, || {
                format!("{} ({})", group(&repeat.group), between(repeat.first_id, repeat.last_id))
            });
            self.repeat = None;
        }
    }

    /// A repeated group that stopped before its end: only some of its events occur again.
    fn close_repeat(&mut self, findings: &mut ValidationFindings) {
        if let Some(repeat) = self.repeat.take() {
            findings.faults(FindingKind::DoubledEvent, repeat.events, || {
                let ids = between(repeat.first_id, repeat.last_id);
                format!("the first {} of {} ({ids})", repeat.events, group(&repeat.group))
            });
        }
    }

    fn close_open(&mut self, findings: &mut ValidationFindings) {
        if let Some(open) = self.open.take() {
            findings.fault(FindingKind::Incomplete, || open.says());
            self.broken.insert(open.group.number);
            if self.broken.intervals() > INTERVALS_MAX {
                self.broken.fill_lowest_hole();
            }
        }
    }

    fn finish(
        mut self,
        name: &str,
        fence: &ReadFence,
        findings: &mut ValidationFindings,
    ) -> ProgramEnd {
        self.close_repeat(findings);
        self.known.holes().for_each(|hole| missing(name, hole, findings));
        let Some(open) = &self.open else { return ProgramEnd::Whole };
        let may_go_on = open.seen.intervals() == 1
            && open.seen.contains(1)
            && open.group.number == self.known.highest();
        match fence.through {
            Some(through) if may_go_on && fence.is_consecutive && open.last_id == through => {
                ProgramEnd::Pending
            }
            Some(_)
                if may_go_on && !fence.is_consecutive && Some(open.last_id) == fence.last_id =>
            {
                ProgramEnd::Pending
            }
            Some(through) if may_go_on && !fence.is_consecutive => ProgramEnd::Doubtful(format!(
                "{}: the rest may come beyond id {through}, or be lost",
                open.says()
            )),
            _ => {
                self.close_open(findings);
                ProgramEnd::Whole
            }
        }
    }
}

impl OpenGroup {
    fn says(&self) -> String {
        let ids = between(self.first_id, self.last_id);
        format!(
            "{} has {} of {} events ({ids})",
            group(&self.group),
            self.seen.count(),
            self.group.count
        )
    }
}

fn missing(program: &str, (first, last): (u64, u64), findings: &mut ValidationFindings) {
    findings.faults(FindingKind::MissingGroup, (last - first).saturating_add(1), || {
        let numbers = if first == last {
            format!("group {first}")
        } else {
            format!("groups {first}..{last}")
        };
        format!("{numbers} of program {}", escaped(program))
    });
}

fn group(stats: &GroupStats) -> String {
    format!("group {} of program {}", stats.number, escaped(&stats.program))
}

fn event(stats: &GroupStats) -> String {
    format!("event {} of {} in {}", stats.event, stats.count, group(stats))
}

fn between(first: i64, last: i64) -> String {
    if first == last { format!("id {first}") } else { format!("ids {first}..{last}") }
}
