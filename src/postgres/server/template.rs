//! A data directory made once by `initdb`, from which further servers are copied in a tenth of a
//! second.

use super::binaries::ServerBinaries;
use super::keeper::DirectoryKeeper;
use crate::error::Result;
use std::ffi::OsStr;
use std::path::Path;

/// A fresh data directory: superuser `postgres`, encoding UTF8, locale C unless the arguments say
/// otherwise.
///
/// Servers copied from one template share its system identifier, as physical standbys do. Its
/// directory is gone once this value is dropped or our process has ended.
#[derive(Debug)]
pub struct ClusterTemplate {
    keeper: DirectoryKeeper,
    binaries: ServerBinaries,
}

impl ClusterTemplate {
    /// Runs `initdb` (about a second) with these further arguments, such as `--encoding=LATIN1` or
    /// `--data-checksums`. Blocks.
    ///
    /// # Errors
    /// `Unsuitable` with what `initdb` printed.
    pub fn new(binaries: &ServerBinaries, initdb_arguments: &[&str]) -> Result<Self> {
        let keeper = DirectoryKeeper::new()?;
        let data_dir = keeper.data_dir();
        let mut arguments: Vec<&OsStr> = vec!["-D".as_ref(), data_dir.as_ref()];
        arguments.extend(
            ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
                .map(OsStr::new),
        );
        arguments.extend(initdb_arguments.iter().map(OsStr::new));
        keeper.run(&binaries.program("initdb"), &arguments)?;
        Ok(Self { keeper, binaries: binaries.clone() })
    }

    /// The programs it was made with.
    pub(crate) fn binaries(&self) -> &ServerBinaries {
        &self.binaries
    }

    /// Copies the data directory, all attributes kept.
    pub(super) fn copy_into(&self, copy: &DirectoryKeeper) -> Result<()> {
        let (from, to) = (self.keeper.data_dir(), copy.data_dir());
        copy.run(Path::new("cp"), &["-a".as_ref(), from.as_ref(), to.as_ref()])
    }
}
