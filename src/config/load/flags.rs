//! What is asked besides the files.

use crate::config::ListenAddress;

/// What the command line says about the configuration.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// `--destination`: only these; all when empty.
    pub destinations: Vec<String>,
    /// `--replication`: only these; all when empty.
    pub replications: Vec<String>,
    /// `--until-caught-up`: gives `retry_for_ms` another default.
    pub until_caught_up: bool,
    /// `--console`: where the window listens, whatever the file says.
    pub console: Option<ListenAddress>,
    /// Whether files without a replication will do, where `console.edit` lets one be made.
    pub may_be_empty: bool,
}
