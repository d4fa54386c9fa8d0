//! The commands that a message names as its cure, so that each is written in one place.
//!
//! What finds a cure knows the destination by its name, and not the file that configures it: it
//! writes [`CONFIGURATION`], and who knows the file puts that in its place.

use std::path::Path;

/// Stands for the flags that name the configuration.
const CONFIGURATION: &str = "--config …";

/// The flags by which a command finds a replication: its file, and its name where the file has
/// several.
pub fn configuration(file: &Path, replication: Option<&str>) -> String {
    let file = format!("--config {}", word(&file.display().to_string()));
    replication.map_or_else(|| file.clone(), |name| format!("{file} --replication {}", word(name)))
}

/// A text with these flags in the place of the configuration.
pub fn naming(text: &str, configuration: &str) -> String {
    text.replace(CONFIGURATION, configuration)
}

/// `counterfoil repair` of a destination, with what it is to do, such as `--insert-missing`.
pub fn repair(destination: &str, what: &str) -> String {
    format!("counterfoil repair {CONFIGURATION} --destination {} {what}", word(destination))
}

/// `counterfoil init destination` of a destination.
pub fn init_destination(destination: &str) -> String {
    format!("counterfoil init destination {CONFIGURATION} --destination {}", word(destination))
}

/// `counterfoil restore` from a destination.
pub fn restore(from: &str) -> String {
    format!("counterfoil restore {CONFIGURATION} --from {}", word(from))
}

/// `events-diff` of a destination and its source.
pub fn events_diff(destination: &str) -> String {
    format!("events-diff {CONFIGURATION} --destination {}", word(destination))
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
    fn a_file_with_a_space_is_quoted_and_one_of_several_replications_is_named() {
        let file = Path::new("/etc/my files/copy.toml");
        let cure = repair("copy", "--insert-missing");
        assert_eq!(
            naming(&cure, &configuration(file, Some("copy/public.events"))),
            "counterfoil repair --config '/etc/my files/copy.toml' --replication \
             copy/public.events --destination copy --insert-missing"
        );
    }

    #[test]
    fn a_name_that_a_shell_would_take_apart_is_quoted() {
        assert_eq!(
            repair("copy-1", "--insert-missing"),
            "counterfoil repair --config … --destination copy-1 --insert-missing"
        );
        assert_eq!(restore("it's mine"), "counterfoil restore --config … --from 'it'\\''s mine'");
    }
}
