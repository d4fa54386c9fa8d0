//! The text of a file: limited, UTF-8, and whether others can read it.

use crate::config::libpq::is_connection;
use crate::error::{Error, ErrorKind, Result};
use crate::log::secrets::discreet_argument;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// A larger file is no configuration and is refused.
pub(crate) const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// What stands in a configuration is often given where its file is to be named.
fn refuse_connection(path: &Path) -> Result<()> {
    let shown = path.display().to_string();
    if !is_connection(&shown) || path.exists() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Usage, "a connection stands where a file is expected")
        .at(format!("--config {}", discreet_argument(&shown)))
        .fix(
            "write it into a file, as url = \"…\" beneath [source] and [[destinations]], and name \
             that file with --config; without a file, events-diff takes two URLs and \
             load-fake-data --url",
        ))
}

pub(super) struct File {
    pub(super) text: String,
    pub(super) is_open_to_others: bool,
}

/// Tells a text from another one: a file that is written otherwise is another configuration.
pub(crate) fn revision(text: &str) -> u64 {
    let mut revision = DefaultHasher::new();
    text.hash(&mut revision);
    revision.finish()
}

pub(super) fn read(path: &Path) -> Result<File> {
    refuse_connection(path)?;
    let wrong = || {
        Error::new(ErrorKind::Usage, "cannot read the configuration file")
            .at(path.display().to_string())
    };
    let open = || -> std::io::Result<(Vec<u8>, u32)> {
        let mut file = std::fs::File::open(path)?;
        let mode = file.metadata()?.permissions().mode();
        let mut bytes = Vec::new();
        file.by_ref().take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
        Ok((bytes, mode))
    };
    let fix =
        "correct --config (or COUNTERFOIL_CONFIG), or let the user of this process read the file";
    let (bytes, mode) = open().map_err(|error| wrong().caused_by(&error).fix(fix))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        let fix = "name the configuration file: this one is another file";
        return Err(wrong().because(format!("it has more than {FILE_BYTES_MAX} bytes")).fix(fix));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
        let why = format!("line {line} is not UTF-8");
        wrong().at(format!("{}:{line}", path.display())).because(why).fix("save the file as UTF-8")
    })?;
    let is_open_to_others = mode & 0o004 != 0;
    Ok(File { text, is_open_to_others })
}
