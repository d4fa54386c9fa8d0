//! By which discipline ids are given out at the source: a pure judgement of facts. The facts are
//! asked in [`facts`].

mod consecutive;
pub mod drawn;
pub mod facts;
pub mod next_id;
pub mod rule;
pub mod settle;

use crate::config::IdsSetting;
use crate::error::{Error, ErrorKind, Problems, Warning};
use crate::event::range;
use crate::postgres::table::TableName;
use crate::sql;
use facts::{IdFacts, IdSequence, LastValue};
use postgres_types::Type;
use std::fmt;
use std::time::Duration;

/// How ids are given out, and with it how the high-water mark is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Discipline {
    /// 1, 2, 3 … under a lock held to the commit: a hole is never normal.
    Consecutive,
    /// From one sequence, in the inserting transaction: the lock horizon tells which holes can
    /// still be filled.
    Sequence {
        /// Oid of the sequence.
        sequence: u32,
        /// Oids that every writer of an event holds a lock on: the sequence, the table and its leaf
        /// partitions.
        lock_relations: Vec<u32>,
        /// Its name, where our role may read how far it has come.
        readable: Option<TableName>,
    },
    /// They become visible in their order, because a Counterfoil feeds the table.
    Copy,
    /// A hole is given up after this time. Unsafe.
    Grace(Duration),
}

/// A discipline and why it was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JudgedDiscipline {
    /// The discipline.
    pub discipline: Discipline,
    /// How it was judged, in one line.
    pub reason: String,
    /// What a person should know at every start.
    pub warnings: Vec<Warning>,
}

impl fmt::Display for JudgedDiscipline {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.discipline {
            Discipline::Consecutive => write!(out, "consecutive: {}", self.reason),
            Discipline::Sequence { .. } => write!(out, "sequence: {}", self.reason),
            Discipline::Copy => write!(out, "copy: {}", self.reason),
            Discipline::Grace(wait) => {
                write!(out, "grace of {} ms: {}", wait.as_millis(), self.reason)
            }
        }
    }
}

/// Judges in the order: standby, a sequence that feeds the column, a counter with consecutive ids;
/// refuses everything else.
///
/// What was configured is taken instead of what would be found, and is checked as strictly.
/// `known_gaps` are accepted holes of consecutive ids.
///
/// # Errors
/// `Unsuitable`, all together, each with the statement or setting that cures it; `Order` for a hole
/// in ids that are known to be consecutive.
pub fn judge(
    facts: &IdFacts,
    configured: IdsSetting,
    known_gaps: &[(i64, i64)],
) -> Result<JudgedDiscipline, Problems> {
    let case = DisciplineCase { facts, known_gaps };
    let mut problems = Problems::new();
    let shows_all_on_standby = matches!(configured, IdsSetting::Consecutive | IdsSetting::Copy);
    if facts.is_standby
        && !shows_all_on_standby
        && !(configured == IdsSetting::Auto && facts.sequences.is_empty())
    {
        problems.push(case.unseen_on_standby());
        return Err(problems);
    }
    match configured {
        IdsSetting::Consecutive => case.consecutive("configured", Vec::new()),
        IdsSetting::Sequence => case.sequence("configured, and "),
        IdsSetting::Copy => case.copy(),
        IdsSetting::Grace(wait) => Ok(case.grace(wait)),
        IdsSetting::Auto => {
            case.drawing_triggers()
                .for_each(|trigger| problems.push(case.draws_in_trigger(trigger)));
            problems.or_ok(())?;
            if facts.is_fed_by_default() { case.sequence("") } else { case.detected_consecutive() }
        }
    }
}

struct DisciplineCase<'a> {
    facts: &'a IdFacts,
    known_gaps: &'a [(i64, i64)],
}

impl DisciplineCase<'_> {
    fn table(&self) -> &TableName {
        &self.facts.table
    }

    fn id(&self) -> String {
        sql::ident(&self.facts.id_column)
    }

    fn refuse(&self, what: impl Into<String>) -> Error {
        Error::new(ErrorKind::Unsuitable, what).at(self.table().to_string())
    }

    fn judged(
        &self,
        discipline: Discipline,
        reason: String,
        mut warnings: Vec<Warning>,
    ) -> JudgedDiscipline {
        warnings.extend(self.near_the_end());
        JudgedDiscipline { discipline, reason, warnings }
    }

    fn drawing_triggers(&self) -> impl Iterator<Item = &String> {
        self.facts.drawing_triggers.iter()
    }

    // ---- sequence

    fn sequence(&self, why: &str) -> Result<JudgedDiscipline, Problems> {
        let sequence = match self.facts.sequences.as_slice() {
            [sequence] if self.facts.is_fed_plainly() => sequence,
            _ => return Err(self.no_plain_sequence().into()),
        };
        let mut problems = Problems::new();
        for problem in self.sequence_problems(sequence) {
            problems.push(problem);
        }
        problems.or_ok(())?;
        let mut lock_relations = vec![sequence.oid];
        lock_relations.extend(&self.facts.lock_relations);
        let reason = format!("{why}{} feeds {}, one value at a time", sequence.name, self.id());
        let discipline = Discipline::Sequence {
            sequence: sequence.oid,
            lock_relations,
            readable: sequence.may_select.then(|| sequence.name.clone()),
        };
        Ok(self.judged(discipline, reason, self.sequence_warnings(sequence)))
    }

    fn sequence_problems(&self, sequence: &IdSequence) -> Vec<Error> {
        let name = &sequence.name;
        let grace = "or accept the risk with ids = \"grace:5s\"";
        let mut problems = Vec::new();
        if sequence.increment != 1 {
            problems.push(
                self.refuse(format!(
                    "sequence {name} counts by {}: its ids may be used after the transaction that \
                     drew them",
                    sequence.increment
                ))
                .fix(format!(
                    "ALTER SEQUENCE {name} INCREMENT 1; and let writers draw each id in the \
                     transaction that inserts it; {grace}"
                )),
            );
        }
        if sequence.cache != 1 {
            problems.push(
                self.refuse(format!(
                    "sequence {name} hands out {} values at a time, so ids are drawn long before \
                     they are inserted",
                    sequence.cache
                ))
                .fix(format!("ALTER SEQUENCE {name} CACHE 1; {grace}")),
            );
        }
        if sequence.is_cycle {
            problems.push(
                self.refuse(format!(
                    "sequence {name} starts again at its end, so ids do not grow for ever"
                ))
                .fix(format!("ALTER SEQUENCE {name} NO CYCLE;")),
            );
        }
        if self.facts.is_subscribed {
            problems.push(
                self.refuse(
                    "a logical subscription writes into the table, in the order of commits and not \
                     of ids",
                )
                .fix("name the publisher as the source"),
            );
        }
        problems.extend(self.not_from_sequence(sequence));
        problems
    }

    fn not_from_sequence(&self, sequence: &IdSequence) -> Option<Error> {
        let highest = self.facts.highest?;
        let last = match sequence.last_value {
            LastValue::Unreadable => return None,
            LastValue::Unused => None,
            LastValue::At(value) if value >= highest => return None,
            LastValue::At(value) => Some(value),
        };
        let (name, id, table) = (&sequence.name, self.id(), self.table());
        Some(
            self.refuse(format!("ids of {table} do not come from sequence {name}"))
                .because(format!(
                    "the highest id is {highest}, the last value of the sequence {}",
                    range::shown(last)
                ))
                .fix(format!(
                    "after a load from elsewhere: SELECT setval({}, (SELECT max({id}) FROM \
                     {table})); otherwise let the sequence give out every id",
                    sql::literal(&name.to_string())
                )),
        )
    }

    fn no_plain_sequence(&self) -> Error {
        let (table, id) = (self.table(), self.id());
        let error = match (&self.facts.default_expression, self.facts.sequences.len()) {
            (Some(default), _) => self
                .refuse(format!("{table}.{id} is not fed by one sequence alone"))
                .because(format!("its default is {default}")),
            (None, 0) => self.refuse(format!("no sequence feeds {table}.{id}")),
            (None, many) => self.refuse(format!("{many} sequences feed {table}.{id}")),
        };
        error.fix(format!(
            "ALTER TABLE {table} ALTER COLUMN {id} SET DEFAULT nextval('SEQUENCE'); with the one \
             sequence that gives out the ids"
        ))
    }

    fn draws_in_trigger(&self, trigger: &str) -> Error {
        let (table, id) = (self.table(), self.id());
        self.refuse(format!(
            "trigger {} of {table} calls nextval before a row is stored; it may give out the ids",
            sql::ident(trigger)
        ))
        .fix(format!(
            "if it does: ALTER TABLE {table} ALTER COLUMN {id} SET DEFAULT nextval('SEQUENCE'); and drop \
             the trigger; if it does not, set ids = \"sequence\" or \"consecutive\""
        ))
    }

    fn sequence_warnings(&self, sequence: &IdSequence) -> Vec<Warning> {
        let mut warnings: Vec<Warning> = self
            .drawing_triggers()
            .map(|trigger| {
                let what = format!(
                    "trigger {} calls nextval; if it gives out ids from another sequence, events \
                     will be lost",
                    sql::ident(trigger)
                );
                Warning::new(what, "")
            })
            .collect();
        if !sequence.may_select {
            let role = sql::ident(&self.facts.role);
            let what = format!(
                "sequence {} may not be read: an event whose id is set by hand above it is copied \
                 at once, and what is inserted below it later can be lost",
                sequence.name
            );
            warnings.push(Warning::new(
                what,
                format!(
                    "GRANT SELECT ON SEQUENCE {} TO {role}; and GRANT USAGE ON SCHEMA {} TO {role}; \
                     where that is missing",
                    sequence.name,
                    sql::ident(&sequence.name.schema)
                ),
            ));
        }
        warnings
    }

    // ---- the others

    fn copy(&self) -> Result<JudgedDiscipline, Problems> {
        if self.facts.is_subscribed {
            let error = self.refuse(
                "a logical subscription writes into the table, in the order of commits and not of \
                 ids",
            );
            return Err(error.fix("name the publisher as the source").into());
        }
        let others = match (self.facts.sequences.first(), self.facts.has_insert_events) {
            (Some(sequence), _) => Some(format!("sequence {}", sequence.name)),
            (None, true) => Some("function insert_events".to_owned()),
            (None, false) => None,
        };
        let warning = |others: String| {
            let what = format!(
                "ids = \"copy\" trusts that Counterfoil alone writes into the table, but {others} \
                 gives out ids there: events of other writers can be lost"
            );
            Warning::new(what, "stop other writers of this table, or set ids = \"auto\"")
        };
        let reason =
            "configured: another Counterfoil feeds the table, in the order of ids".to_owned();
        Ok(self.judged(Discipline::Copy, reason, others.map(warning).into_iter().collect()))
    }

    fn unseen_on_standby(&self) -> Error {
        self.refuse("the source is a standby, where locks of open transactions cannot be seen").fix(
            "name the primary as the source (target_session_attrs=read-write with all hosts); only \
             ids = \"consecutive\" and \"copy\" can be followed on a standby",
        )
    }

    fn grace(&self, wait: Duration) -> JudgedDiscipline {
        let what = format!(
            "ids = \"grace:…\" is unsafe: an event that commits more than {} ms after a higher id \
             is lost, until the audit of late arrivals or events-diff finds it",
            wait.as_millis()
        );
        let warnings = vec![Warning::new(
            what,
            "let one sequence with CACHE 1 give out ids, and set ids = \"sequence\"",
        )];
        self.judged(Discipline::Grace(wait), "configured; unsafe".to_owned(), warnings)
    }

    /// A warning when nine tenths of the ids that the column or its sequence can hold are used.
    fn near_the_end(&self) -> Option<Warning> {
        let of_type = match self.facts.id_type_oid {
            oid if oid == Type::INT2.oid() => i64::from(i16::MAX),
            oid if oid == Type::INT4.oid() => i64::from(i32::MAX),
            _ => i64::MAX,
        };
        let limit =
            self.facts.sequences.iter().map(|sequence| sequence.value_max).fold(of_type, i64::min);
        let highest = self.facts.highest?;
        (highest > limit / 10 * 9).then(|| {
            let what = format!(
                "id {highest} is near the highest that {} can hold, {limit}: writers will fail \
                 there",
                self.table()
            );
            Warning::new(
                what,
                "widen the column and its sequence to bigint; a destination with int8 takes both",
            )
        })
    }
}

#[cfg(test)]
mod tests;
