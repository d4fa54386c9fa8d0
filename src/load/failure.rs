//! What ended a writer, and what is known about the batch that it had in hand.

use super::batch::LoadBatch;
use crate::error::{Error, ErrorKind};
use crate::sql::{TableName, literal};

/// Of more batches whose outcome is unknown only the number is told.
const UNKNOWN_TOLD_MAX: usize = 4;

/// A writer's end.
#[derive(Debug)]
pub(super) struct WriterFailure {
    pub(super) error: Error,
    /// The batch that may or may not have been committed, if there is one.
    pub(super) unknown: Option<UnknownGroups>,
}

/// Groups that may or may not have been committed, all or none.
#[derive(Debug)]
pub(super) struct UnknownGroups {
    program: String,
    operations: (u64, u64),
    events: usize,
}

impl UnknownGroups {
    /// Of this program.
    pub(super) fn of(program: &str, batch: &LoadBatch) -> Self {
        Self {
            program: program.to_owned(),
            operations: batch.operations,
            events: batch.events.len(),
        }
    }

    fn told(&self) -> String {
        let operations = match self.operations {
            (first, last) if first == last => format!("operation {first}"),
            (first, last) => format!("operations {first} to {last}"),
        };
        let Self { program, events, .. } = self;
        format!(
            "whether {operations} of program {program}, {events} events, were committed is \
             unknown: all of it was, or nothing"
        )
    }

    fn question(&self, table: &TableName) -> String {
        format!(
            "select count(*) from {table} where event #>> '{{testingStats,programId}}' = {} and \
             (event #>> '{{testingStats,dbOperationNum}}')::int8 >= {}",
            literal(&self.program),
            self.operations.0
        )
    }
}

/// One error of all failures: the gravest, and what is unknown of each.
pub(super) fn told(failures: Vec<WriterFailure>, table: &TableName) -> Option<Error> {
    let gravest = failures.iter().min_by_key(|failure| failure.error.kind().consequence().rank)?;
    let kind = match gravest.error.kind() {
        ErrorKind::Rejected => ErrorKind::Unsuitable,
        kind => kind,
    };
    let error = gravest.error.clone().of_kind(kind);
    let unknown: Vec<&UnknownGroups> =
        failures.iter().filter_map(|failure| failure.unknown.as_ref()).collect();
    let Some(first) = unknown.first() else {
        return Some(match error.remedy() {
            Some(_) => error,
            None => error.fix(
                "what the summary counts is committed, and nothing else; to go on, start again \
                 with another --seed",
            ),
        });
    };
    let mut error =
        unknown.iter().take(UNKNOWN_TOLD_MAX).fold(error, |error, one| error.because(one.told()));
    if unknown.len() > UNKNOWN_TOLD_MAX {
        error =
            error.because(format!("the same holds for {} more", unknown.len() - UNKNOWN_TOLD_MAX));
    }
    Some(error.fix(format!(
        "nothing was tried again, and the summary does not count it; to see, ask: {}; to go on, \
         start again with another --seed",
        first.question(table)
    )))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn failure(kind: ErrorKind, operations: Option<(u64, u64)>) -> WriterFailure {
        let batch = |operations| LoadBatch { events: vec![String::new(); 3], bytes: 0, operations };
        WriterFailure {
            error: Error::new(kind, "cannot write events").at("db1:5432/orders"),
            unknown: operations.map(|operations| UnknownGroups::of("0e6f", &batch(operations))),
        }
    }

    fn events() -> TableName {
        TableName::parse("events").unwrap()
    }

    #[test]
    fn no_failure_is_no_error() {
        assert!(told(Vec::new(), &events()).is_none());
    }

    #[test]
    fn what_may_have_been_committed_is_told_with_the_query_that_finds_it() {
        let error = told(vec![failure(ErrorKind::Unavailable, Some((17, 17)))], &events()).unwrap();
        assert_eq!(error.kind().consequence().exit_code, 8);
        let report = error.report();
        assert!(
            report.contains(
                "whether operation 17 of program 0e6f, 3 events, were committed is unknown"
            ),
            "{report}"
        );
        assert!(report.contains("nothing was tried again"), "{report}");
        assert!(
            report
                .contains("from public.events where event #>> '{testingStats,programId}' = '0e6f'"),
            "{report}"
        );
        assert!(report.contains("::int8 >= 17;"), "{report}");
    }

    #[test]
    fn many_are_told_by_their_number() {
        let report = told(
            (1..10).map(|n| failure(ErrorKind::Unavailable, Some((n, n + 5)))).collect(),
            &events(),
        )
        .unwrap()
        .report();
        assert_eq!(report.matches("is unknown").count(), 4, "{report}");
        assert!(
            report.contains("operations 1 to 6") && report.contains("the same holds for 5 more"),
            "{report}"
        );
    }

    #[test]
    fn events_that_the_table_refuses_make_it_unsuitable_and_the_gravest_failure_counts() {
        let error = told(
            vec![failure(ErrorKind::Unavailable, None), failure(ErrorKind::Rejected, None)],
            &events(),
        )
        .unwrap();
        assert_eq!(error.kind(), ErrorKind::Unsuitable);
        assert!(error.report().contains("what the summary counts is committed, and nothing else"));
    }
}
