//! Passwords at the moment of a connection: given, from a file, or from the passfile (PostgreSQL
//! manual, libpq, "The Password File").

use super::conninfo::{Host, HostAt, Password};
use super::environment::SOCKET_DIRS;
use crate::error::{Error, ErrorKind, Result};
use secrecy::SecretString;
use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// More of a file than this is not read: what follows is as if it were not there.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

impl Password {
    /// The password for a connection to `host`, read again from its file each time, so that it can
    /// be rotated; `None` when there is none. A password that a command gives is not looked for.
    ///
    /// A passfile that is missing, or that others than its owner can read, is passed over
    /// ([`Password::note`] says so), as libpq does.
    ///
    /// # Errors
    /// `Access` when `password_file` cannot be read or its first line is empty, or when the
    /// password is not UTF-8.
    pub fn lookup(&self, host: &Host, database: &str, user: &str) -> Result<Option<SecretString>> {
        if let Some(given) = &self.given {
            return Ok(Some(given.clone()));
        }
        if let Some(file) = &self.file {
            return first_line(file).map(Some);
        }
        match &self.passfile {
            Some(passfile) => in_passfile(passfile, host, database, user),
            None => Ok(None),
        }
    }

    /// Whether the passfile is asked: nothing that is given comes before it.
    fn is_looked_up(&self) -> bool {
        self.given.is_none() && self.file.is_none() && self.command.is_none()
    }

    /// Why the passfile is passed over, if it is there and would be asked: for the log, and for an
    /// operator who misses a password.
    pub fn note(&self) -> Option<String> {
        let passfile = self.passfile.as_ref().filter(|_| self.is_looked_up())?;
        let why = objection(&std::fs::metadata(passfile).ok()?)?;
        Some(format!("the passfile {} was ignored: {why}", passfile.display()))
    }
}

/// What speaks against reading a passfile.
fn objection(metadata: &Metadata) -> Option<&'static str> {
    if !metadata.is_file() {
        return Some("it is not a plain file");
    }
    let is_open = metadata.permissions().mode() & 0o077 != 0;
    is_open.then_some(
        "others than its owner have access to it; its permissions should be u=rw (0600) or less",
    )
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn first_line(path: &Path) -> Result<SecretString> {
    let fix = "put the password on its first line and let the user of this process read it";
    let wrong = || {
        Error::new(ErrorKind::Access, "cannot read the password file")
            .at(path.display().to_string())
            .fix(fix)
    };
    let bytes = read(path).map_err(|error| wrong().caused_by(&error))?;
    let line = lines(&bytes).next().unwrap_or_default();
    if line.is_empty() {
        return Err(wrong().because("its first line is empty"));
    }
    secret(line.to_vec(), path)
}

fn in_passfile(
    path: &Path,
    host: &Host,
    database: &str,
    user: &str,
) -> Result<Option<SecretString>> {
    let is_usable = std::fs::metadata(path).is_ok_and(|metadata| objection(&metadata).is_none());
    let Some(bytes) = is_usable.then(|| read(path).ok()).flatten() else {
        return Ok(None);
    };
    let port = host.port.to_string();
    for name in names(host) {
        let wanted = [name.as_str(), &port, database, user];
        if let Some(password) = lines(&bytes).find_map(|line| password_of(line, wanted)) {
            return if password.is_empty() { Ok(None) } else { secret(password, path).map(Some) };
        }
    }
    Ok(None)
}

/// The names a server goes by in the passfile: `localhost` stands for the socket directories of a
/// default build as well.
fn names(host: &Host) -> Vec<String> {
    match &host.at {
        HostAt::Tcp { host, .. } => vec![host.clone()],
        HostAt::Unix(dir) => {
            let is_default = SOCKET_DIRS.iter().any(|default| dir == Path::new(default));
            let localhost = is_default.then(|| "localhost".to_owned());
            localhost.into_iter().chain([dir.display().to_string()]).collect()
        }
    }
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

/// The password of a line `host:port:database:user:password`, if the first four are the wanted
/// ones.
fn password_of(line: &[u8], wanted: [&str; 4]) -> Option<Vec<u8>> {
    if line.starts_with(b"#") {
        return None;
    }
    let mut rest = line;
    for field in wanted {
        rest = after_field(rest, field.as_bytes())?;
    }
    let mut password = Vec::with_capacity(rest.len());
    let mut bytes = rest.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b':' => break,
            b'\\' => password.push(*bytes.next().unwrap_or(byte)),
            _ => password.push(*byte),
        }
    }
    Some(password)
}

/// What follows the colon behind a field that is `*` or equals `wanted`, a backslash taking the
/// next byte as it is.
fn after_field<'a>(line: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    if let Some(rest) = line.strip_prefix(b"*:") {
        return Some(rest);
    }
    let mut wanted = wanted.iter();
    let mut index = 0;
    loop {
        let mut byte = line.get(index)?;
        if *byte == b':' && wanted.as_slice().is_empty() {
            return Some(&line[index + 1..]);
        }
        if *byte == b'\\' {
            index += 1;
            byte = line.get(index)?;
        }
        if wanted.next() != Some(byte) {
            return None;
        }
        index += 1;
    }
}

fn secret(password: Vec<u8>, path: &Path) -> Result<SecretString> {
    // The error of `from_utf8` holds the bytes: it is not a cause to show.
    String::from_utf8(password).map(SecretString::from).map_err(|_| {
        Error::new(ErrorKind::Access, "cannot read a password")
            .at(path.display().to_string())
            .because("it is not UTF-8")
            .fix("save the file as UTF-8")
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use secrecy::ExposeSecret;
    use std::path::PathBuf;

    fn tcp(name: &str) -> Host {
        Host { at: HostAt::Tcp { host: name.to_owned(), addr: None }, port: 5432 }
    }

    fn unix(dir: &str) -> Host {
        Host { at: HostAt::Unix(PathBuf::from(dir)), port: 5432 }
    }

    /// A passfile with this text and these permissions; it goes with its directory.
    fn passfile(text: &[u8], mode: u32) -> (tempfile::TempDir, Password) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pgpass");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let password = Password { passfile: Some(path), ..Password::default() };
        (dir, password)
    }

    fn found(password: &Password, host: &Host) -> Option<String> {
        let secret = password.lookup(host, "orders", "ann").unwrap()?;
        Some(secret.expose_secret().to_owned())
    }

    #[test]
    fn the_first_line_that_fits_gives_the_password() {
        let (_dir, password) = passfile(
            b"#db1:5432:orders:ann:comment\n\ndb1:5433:orders:ann:port\ndb1:5432:other:ann:db\ndb1:*:orders:bob:user\ndb1:5432:orders:ann:first\r\n*:*:*:*:last",
            0o600,
        );
        assert_eq!(found(&password, &tcp("db1")).as_deref(), Some("first"));
        assert_eq!(found(&password, &tcp("db2")).as_deref(), Some("last"));
        assert_eq!(found(&password, &tcp("db11")).as_deref(), Some("last"));
    }

    #[test]
    fn colons_and_backslashes_are_escaped_in_every_field() {
        let (_dir, password) = passfile(br"a\:b\\:*:orders:ann:p\:w\\d\x:ignored", 0o600);
        assert_eq!(found(&password, &tcp(r"a:b\")).as_deref(), Some(r"p:w\dx"));
        assert_eq!(found(&password, &tcp("a")), None);
    }

    #[test]
    fn localhost_stands_for_the_default_socket_directories_only() {
        let (_dir, password) = passfile(b"localhost:*:*:*:local\n/srv/pg:*:*:*:own\n", 0o400);
        assert_eq!(found(&password, &unix("/var/run/postgresql")).as_deref(), Some("local"));
        assert_eq!(found(&password, &unix("/tmp")).as_deref(), Some("local"));
        assert_eq!(found(&password, &unix("/srv/pg")).as_deref(), Some("own"));
        assert_eq!(found(&password, &unix("/srv/other")), None);
    }

    #[test]
    fn a_passfile_that_others_can_read_is_ignored_with_a_note() {
        for mode in [0o640, 0o604, 0o620, 0o601] {
            let (_dir, password) = passfile(b"*:*:*:*:secret", mode);
            assert_eq!(found(&password, &tcp("db1")), None, "{mode:o}");
            assert!(password.note().unwrap().contains("0600"), "{mode:o}");
        }
        let (_dir, password) = passfile(b"*:*:*:*:secret", 0o600);
        assert_eq!(password.note(), None);
    }

    #[test]
    fn a_passfile_that_is_missing_or_a_directory_is_no_error() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: PathBuf| Password { passfile: Some(path), ..Password::default() };
        let missing = at(dir.path().join("none"));
        assert_eq!((found(&missing, &tcp("db1")), missing.note()), (None, None));
        let directory = at(dir.path().to_owned());
        assert_eq!(found(&directory, &tcp("db1")), None);
        assert!(directory.note().unwrap().contains("not a plain file"));
    }

    #[test]
    fn what_is_given_comes_before_the_file_and_the_file_before_the_passfile() {
        let (dir, mut password) = passfile(b"*:*:*:*:passfile", 0o600);
        let file = dir.path().join("password");
        std::fs::write(&file, "from file\r\nsecond line\n").unwrap();
        assert_eq!(found(&password, &tcp("db1")).as_deref(), Some("passfile"));
        password.file = Some(file.clone());
        assert_eq!(found(&password, &tcp("db1")).as_deref(), Some("from file"));
        std::fs::write(&file, "rotated").unwrap();
        assert_eq!(found(&password, &tcp("db1")).as_deref(), Some("rotated"));
        password.given = Some("given".into());
        assert_eq!(found(&password, &tcp("db1")).as_deref(), Some("given"));
    }

    #[test]
    fn a_password_file_that_is_missing_or_empty_is_an_access_error_that_is_tried_again() {
        let dir = tempfile::tempdir().unwrap();
        let password = Password { file: Some(dir.path().join("password")), ..Password::default() };
        let error = || password.lookup(&tcp("db1"), "orders", "ann").unwrap_err();
        assert_eq!(error().kind(), ErrorKind::Access);
        assert!(error().report().contains("cause: No such file"), "{}", error().report());
        std::fs::write(dir.path().join("password"), "\nhunter2").unwrap();
        assert!(error().report().contains("its first line is empty"));
        std::fs::write(dir.path().join("password"), b"hunter2\xff").unwrap();
        let report = error().report();
        assert!(report.contains("not UTF-8") && !report.contains("hunter2"), "{report}");
    }

    fn escaped(text: &str) -> String {
        text.replace('\\', r"\\").replace(':', r"\:")
    }

    proptest! {
        #[test]
        fn what_is_escaped_comes_back(host in "[^\n\r\0]{1,8}", database in "[^\n\r\0]{1,8}", user in "[^\n\r\0]{1,8}", password in "[^\n\r\0]{1,8}") {
            prop_assume!(!host.starts_with('#'));
            let line = format!("{}:5432:{}:{}:{}", escaped(&host), escaped(&database), escaped(&user), escaped(&password));
            let found = password_of(line.as_bytes(), [&host, "5432", &database, &user]);
            prop_assert_eq!(found, Some(password.into_bytes()));
        }

        #[test]
        fn arbitrary_lines_never_panic(line in any::<Vec<u8>>(), host in "[a:*\\\\]*") {
            let _ = password_of(&line, [&host, "5432", "orders", "ann"]);
        }
    }
}
