//! What a person reads: the plan, three samples, the summary.

use crate::load::{Amount, DataSet, LoadJob, LoadMethod, LoadOutcome, PreparedLoad};

/// More of a sample is not shown.
const SAMPLE_CHARS_MAX: usize = 2_000;

/// The plan, a fact a line; `locale` as the flag names it.
pub(crate) fn plan(job: &LoadJob, load: &PreparedLoad, locale: &str) -> String {
    let data_set = match job.data_set {
        DataSet::Persons => "persons",
        DataSet::Orders => "orders",
        DataSet::Devices => "devices",
    };
    let transaction = match load.events_per_transaction() {
        1 => "a transaction for each group".to_owned(),
        events => format!("transactions of whole groups, {events} events or a few more"),
    };
    let large = match job.large_events {
        0 => String::new(),
        large => format!(", {large} of them large"),
    };
    let serial = if load.is_serial() && job.writers > 1 {
        " (they wait for each other: ids are consecutive)"
    } else {
        ""
    };
    let mut lines = vec![
        ("into", format!("{} {}", load.place(), job.table)),
        ("world", format!("{data_set}, names {locale}")),
        ("amount", format!("{}{large}", amount(job))),
        ("method", format!("{}, {transaction}", load.method())),
        ("writers", format!("{}{serial}", job.writers)),
    ];
    if let Some(rate) = job.events_per_s {
        lines.push(("rate", format!("{rate} events/s")));
    }
    if job.rollbacks_percent > 0 {
        lines.push(("rollbacks", format!("{} % of the transactions", job.rollbacks_percent)));
    }
    lines.push(("seed", format!("{} (--seed {0} gives the same events again)", job.seed)));
    told(&lines)
}

fn amount(job: &LoadJob) -> String {
    let end = job.duration.map(|duration| format!("{} s", duration.as_secs_f64()));
    let amount = match job.amount {
        Amount::Persons { persons, deletes, fillers } => {
            let events = job.amount.events().unwrap_or_default();
            format!("{persons} persons, {deletes} deletions, {fillers} fillers: {events} events")
        }
        Amount::Events(events) => format!("{events} events"),
        Amount::Endless => return format!("what can be written in {}", end.unwrap_or_default()),
    };
    match end {
        Some(end) => format!("{amount}, or what can be written in {end}"),
        None => amount,
    }
}

/// Sample events, one a line.
pub(crate) fn samples(events: &[String]) -> String {
    let shown = |event: &String| match event.char_indices().nth(SAMPLE_CHARS_MAX) {
        Some((end, _)) => format!("{}… ({} bytes)\n", &event[..end], event.len()),
        None => format!("{event}\n"),
    };
    events.iter().map(shown).collect()
}

/// What came of it, a fact a line.
pub(crate) fn summary(job: &LoadJob, method: LoadMethod, outcome: &LoadOutcome) -> String {
    let written = outcome.written;
    let seconds = outcome.elapsed.as_secs_f64();
    let id = |id: Option<i64>| id.map_or_else(|| "none".to_owned(), |id| id.to_string());
    let wanted = match job.amount.events() {
        Some(wanted) if wanted != written.events => format!(" of {wanted}"),
        _ => String::new(),
    };
    told(&[
        ("events", format!("{}{wanted}", written.events)),
        ("transactions", format!("{} by {method}", written.transactions)),
        ("rolled back", format!("{} more", written.rollbacks)),
        ("bytes", written.bytes.to_string()),
        ("seconds", format!("{seconds:.3}")),
        ("rate", format!("{:.1} events/s", written.events as f64 / seconds.max(0.001))),
        (
            "highest id",
            format!("{} before, {} now", id(outcome.highest_before), id(outcome.highest_after)),
        ),
    ])
}

fn told(lines: &[(&str, String)]) -> String {
    lines.iter().map(|(name, fact)| format!("{:<14}{fact}\n", format!("{name}:"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_sample_is_cut_between_two_characters_and_its_size_is_told() {
        let event = "é".repeat(3_000);
        let shown = samples(&[event, "{}".to_owned()]);
        assert_eq!(shown, format!("{}… (6000 bytes)\n{{}}\n", "é".repeat(2_000)));
    }
}
