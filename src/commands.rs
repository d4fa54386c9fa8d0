//! The commands that a message names as its cure, so that each is written in one place.

/// `counterfoil repair` of a destination, with what it is to do, such as `--insert-missing`.
pub fn repair(destination: &str, what: &str) -> String {
    format!("counterfoil repair --config … --destination {} {what}", word(destination))
}

/// `counterfoil init destination` of a destination.
pub fn init_destination(destination: &str) -> String {
    format!("counterfoil init destination --config … --destination {}", word(destination))
}

/// `counterfoil restore` from a destination.
pub fn restore(from: &str) -> String {
    format!("counterfoil restore --config … --from {}", word(from))
}

/// `events-diff` of a destination and its source.
pub fn events_diff(destination: &str) -> String {
    format!("events-diff --config … --destination {}", word(destination))
}

/// A name as a shell takes it.
fn word(name: &str) -> String {
    let is_plain =
        !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "-_./@:".contains(c));
    if is_plain { name.to_owned() } else { format!("'{}'", name.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_a_shell_would_take_apart_is_quoted() {
        assert_eq!(
            repair("copy-1", "--insert-missing"),
            "counterfoil repair --config … --destination copy-1 --insert-missing"
        );
        assert_eq!(restore("it's mine"), "counterfoil restore --config … --from 'it'\\''s mine'");
    }
}
