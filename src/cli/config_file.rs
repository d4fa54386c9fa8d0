//! Where a command finds its configuration.

use clap::Args;
use std::path::PathBuf;

/// Where the configuration is.
#[derive(Clone, Debug, Args)]
pub(crate) struct ConfigFile {
    /// The configuration: TOML, or JSON where the name ends in .json; may be given several times,
    /// and name a folder of such files
    #[arg(
        long,
        short,
        value_name = "FILE",
        env = "COUNTERFOIL_CONFIG",
        hide_env_values = true,
        required = true
    )]
    pub config: Vec<PathBuf>,
    /// Only this replication: the file's name without its ending, with /TABLE where its source has
    /// several tables
    #[arg(long, value_name = "NAME")]
    pub replication: Vec<String>,
}
