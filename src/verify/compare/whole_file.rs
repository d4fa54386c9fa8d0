//! A file that is there whole or not at all: written beside its place, which it takes at the end.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// See the module. Dropping it unfinished leaves what was there before.
#[derive(Debug)]
pub struct WholeFile {
    place: PathBuf,
    file: NamedTempFile,
}

impl WholeFile {
    /// Begins one that will replace what is there. A link is followed.
    ///
    /// # Errors
    /// What the system says; a device, a pipe or a folder is refused, because taking its place
    /// would destroy it.
    pub fn create(path: &Path) -> io::Result<Self> {
        let place = match std::fs::metadata(path) {
            Ok(about) if about.is_file() => path.canonicalize()?,
            Ok(_) => return Err(io::Error::other("it is there and is not a regular file")),
            Err(_) if path.is_symlink() => {
                return Err(io::Error::other("it is a link that leads nowhere"));
            }
            Err(_) => path.to_owned(),
        };
        let directory = place.parent().filter(|parent| !parent.as_os_str().is_empty());
        let file = NamedTempFile::new_in(directory.unwrap_or(Path::new(".")))?;
        Ok(Self { place, file })
    }

    /// Brings it to the disk and into its place.
    ///
    /// # Errors
    /// What the system says; then what was there before stays.
    pub fn finish(self) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        self.file.persist(&self.place)?;
        Ok(())
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_regular_file_is_not_replaced() {
        let dir = tempfile::tempdir().expect("a directory");
        let socket = dir.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(dir.path().join("nowhere"), &link).expect("a link");
        for (path, says) in [
            (socket.as_path(), "not a regular file"),
            (dir.path(), "not a regular file"),
            (&link, "leads nowhere"),
        ] {
            let error = WholeFile::create(path).expect_err("refused");
            assert!(error.to_string().contains(says), "{error}");
        }
    }

    #[test]
    fn a_link_stays_and_its_file_is_replaced_at_the_end_only() {
        let dir = tempfile::tempdir().expect("a directory");
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        std::fs::write(&file, "before").expect("written");
        std::os::unix::fs::symlink(&file, &link).expect("a link");
        let text = |path: &Path| std::fs::read_to_string(path).expect("read");
        let mut whole = WholeFile::create(&link).expect("a file");
        whole.write_all(b"after").expect("written");
        assert_eq!(text(&file), "before");
        whole.finish().expect("in its place");
        assert_eq!((text(&file).as_str(), link.is_symlink()), ("after", true));
    }
}
