//! Files of the configuration on disk: read, and written so that a crash leaves the old text or the
//! new one.

use crate::config::load::FILE_BYTES_MAX;
use crate::error::{Error, ErrorKind, Result};
use rustix::fs::{Access, access};
use secrecy::{ExposeSecret, SecretString};
use std::fs::{DirBuilder, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use tempfile::Builder;

/// A new configuration: its owner writes, its group reads.
const MODE: u32 = 0o640;
/// A password: its owner alone.
const SECRET_MODE: u32 = 0o600;
/// The folder of passwords.
const SECRETS_MODE: u32 = 0o700;

/// The text of a file; `None` where there is none.
///
/// # Errors
/// What the system says; a text that is no UTF-8, or too long to be a configuration.
pub(super) fn read(path: &Path) -> io::Result<Option<String>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut text = String::new();
    file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::other("it is too long to be a configuration"));
    }
    Ok(Some(text))
}

/// Whether a file can be written by renaming another one to it.
pub(super) fn is_writable(path: &Path) -> bool {
    let real = real(path);
    real.parent().is_some_and(|folder| access(folder, Access::WRITE_OK).is_ok())
}

/// Writes a file, with the mode and the owner that it had.
///
/// # Errors
/// `Output`: what the system says; the old text is there then.
pub(super) fn write(path: &Path, text: &str) -> Result<()> {
    replace(&real(path), text.as_bytes(), MODE).map_err(|error| failed(path, &error))
}

/// Writes a password into a file of its own, and makes its folder.
///
/// # Errors
/// `Output`: what the system says.
pub(super) fn write_secret(path: &Path, secret: &SecretString) -> Result<()> {
    let written = || {
        let folder = path.parent().unwrap_or(Path::new("."));
        if !folder.is_dir() {
            DirBuilder::new().mode(SECRETS_MODE).create(folder)?;
        }
        let line = SecretString::from(format!("{}\n", secret.expose_secret()));
        replace(path, line.expose_secret().as_bytes(), SECRET_MODE)
    };
    written().map_err(|error| failed(path, &error))
}

fn failed(path: &Path, error: &io::Error) -> Error {
    Error::new(ErrorKind::Output, "cannot write the file")
        .at(path.display().to_string())
        .caused_by(error)
        .fix("let the user of this process write to its folder, or download the file and put it there")
}

/// The file that a link names: the link stays.
fn real(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let before = std::fs::metadata(path).ok();
    // Hidden, so that a folder of configurations does not have it as one.
    let mut new = Builder::new().prefix(".counterfoil-").tempfile_in(folder)?;
    new.write_all(bytes)?;
    if let Some(before) = &before {
        // Where that is not allowed, the file is ours from now on.
        let _ = fchown(new.as_file(), Some(before.uid()), Some(before.gid()));
    }
    let mode = before.map_or(mode, |before| before.permissions().mode() & 0o777);
    new.as_file().set_permissions(Permissions::from_mode(mode))?;
    new.as_file().sync_all()?;
    new.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn mode_of(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_file_keeps_its_mode_and_a_new_one_is_closed_to_others() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("orders.toml");
        assert_eq!(read(&path).unwrap(), None);
        write(&path, "a = 1\n").unwrap();
        assert_eq!(mode_of(&path), 0o640);
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        write(&path, "a = 2\n").unwrap();
        assert_eq!((read(&path).unwrap().as_deref(), mode_of(&path)), (Some("a = 2\n"), 0o600));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_link_stays_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real.toml"), dir.path().join("link.toml"));
        std::fs::write(&real, "a = 1\n").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        write(&link, "a = 2\n").unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read_to_string(&real).unwrap(), "a = 2\n");
    }

    #[test]
    fn a_password_and_its_folder_are_closed_to_all_others() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secrets").join("orders.source");
        write_secret(&path, &SecretString::from("geheim")).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "geheim\n");
        assert_eq!((mode_of(&path), mode_of(path.parent().unwrap())), (0o600, 0o700));
    }
}
