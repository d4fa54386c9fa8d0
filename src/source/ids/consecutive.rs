//! Consecutive ids: 1, 2, 3 … under a lock that is held to the commit.

use super::{Discipline, DisciplineCase, JudgedDiscipline};
use crate::error::{Error, ErrorKind, Problems, Warning};
use crate::postgres::table::fitness;

impl DisciplineCase<'_> {
    pub(super) fn detected_consecutive(&self) -> Result<JudgedDiscipline, Problems> {
        let sign = match (self.facts.has_insert_events, &self.facts.counter) {
            (true, _) => "function insert_events gives them out".to_owned(),
            (false, Some(counter)) => format!("{counter} holds the next id"),
            (false, None) => return Err(self.cannot_tell().into()),
        };
        self.consecutive(&sign, Vec::new())
    }

    pub(super) fn consecutive(
        &self,
        sign: &str,
        mut warnings: Vec<Warning>,
    ) -> Result<JudgedDiscipline, Problems> {
        let mut problems = Problems::new();
        let is_right_begin =
            |lowest: i64| lowest == 1 || (lowest > 1 && self.is_known_gap(1, lowest - 1));
        if let Some(lowest) = self.facts.lowest.filter(|lowest| !is_right_begin(*lowest)) {
            problems.push(self.does_not_begin_at_1(lowest));
        } else if let Some(hole) = self.first_hole() {
            problems.push(self.has_hole(hole));
        }
        if let Some(sequence) = self.facts.sequences.first() {
            warnings.push(Warning::new(
                format!(
                    "ids are consecutive by configuration, but sequence {} feeds them: the first \
                     rollback leaves a hole",
                    sequence.name
                ),
                "set ids = \"sequence\"",
            ));
        }
        let seen = if self.facts.highest.is_some() {
            "the newest ids have no hole (10000 were checked, or all)"
        } else {
            "the table is empty"
        };
        problems.or_ok(self.judged(
            Discipline::Consecutive,
            format!("{sign}, and {seen}"),
            warnings,
        ))
    }

    fn first_hole(&self) -> Option<(i64, i64)> {
        self.facts.holes.iter().copied().find(|(first, last)| !self.is_known_gap(*first, *last))
    }

    /// Whether known gaps, one after the other, cover all these ids.
    fn is_known_gap(&self, first: i64, last: i64) -> bool {
        let mut gaps = self.known_gaps.to_vec();
        gaps.sort_unstable();
        let mut next = first;
        for (from, through) in gaps {
            if from <= next && through >= next {
                next = through.saturating_add(1);
            }
        }
        next > last
    }

    fn does_not_begin_at_1(&self, lowest: i64) -> Error {
        let gap = format!("known_gaps = [\"1..{}\"]", lowest.saturating_sub(1));
        self.refuse(format!(
            "consecutive ids begin at 1; those of {} begin at {lowest}",
            self.table()
        ))
        .fix(if lowest > 1 {
            format!("if the events before were removed on purpose, say {gap}")
        } else {
            "set how ids are given out: ids = …".to_owned()
        })
    }

    fn has_hole(&self, (first, last): (i64, i64)) -> Error {
        let gap = if first == last { first.to_string() } else { format!("{first}..{last}") };
        let (is, exists) = (if first == last { "id" } else { "ids" }, last.saturating_add(1));
        let verb = if first == last { "is" } else { "are" };
        Error::new(ErrorKind::Order, format!("gap: {is} {gap} {verb} missing, {exists} exists"))
            .at(self.table().to_string())
            .because("ids are consecutive there, so a missing one is a lost event")
            .fix(format!("bring the event back, or accept the hole with known_gaps = [\"{gap}\"]"))
    }

    fn cannot_tell(&self) -> Error {
        let (table, id) = (self.table(), self.id());
        let holes = match (self.first_hole(), self.facts.lowest) {
            (Some((first, _)), _) => {
                format!("ids are not consecutive (first gap after {})", first - 1)
            }
            (None, None) => "the table is empty".to_owned(),
            (None, Some(_)) => {
                "neither a counter table nor a function insert_events gives them out".to_owned()
            }
        };
        let what = match &self.facts.default_expression {
            Some(default) => format!(
                "cannot tell how {table}.{id} is assigned: its default is {default}, and {holes}"
            ),
            None => format!(
                "cannot tell how {table}.{id} is assigned: no identity or serial sequence, and \
                 {holes}"
            ),
        };
        self.refuse(what)
            .because(
                "a table without a sequence is usually a copy: source and destination may be \
                 swapped in the configuration",
            )
            .fix(format!(
                "say in [source] who gives out the ids: ids = \"copy\" where another Counterfoil \
                 feeds the table, ids = \"consecutive\" where writers hold a lock until they \
                 commit; where one sequence does, make it the default: ALTER TABLE {table} ALTER \
                 COLUMN {id} SET DEFAULT nextval('SEQUENCE'); where the application does, give \
                 the table ids of its own: {}; without them only ids = \"grace:5s\" follows it, \
                 which can lose an event that commits late",
                fitness::added_key(table)
            ))
    }
}
