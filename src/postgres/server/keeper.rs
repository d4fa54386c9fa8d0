//! A private directory and what runs in it, kept by a watchdog: both are gone once we are, even if
//! we were killed with SIGKILL.

use crate::error::{Error, ErrorKind, Result};
use rustix::fs::{Gid, Uid};
use std::ffi::OsStr;
use std::fs::{DirBuilder, File, Permissions};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// The longest path of a Unix socket, its terminating zero not counted (unix(7), `sun_path`).
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// The directory and its watchdog. (`PR_SET_PDEATHSIG` would not do: it acts at the end of the
/// *thread* that forked.)
#[derive(Debug)]
pub(super) struct DirectoryKeeper {
    dir: PathBuf,
    account: Option<SystemAccount>,
    watchdog: Mutex<Child>,
}

/// An unprivileged account of the system: PostgreSQL refuses to run as root.
#[derive(Clone, Copy, Debug)]
struct SystemAccount {
    user: u32,
    group: u32,
}

impl DirectoryKeeper {
    /// Makes the directory, readable by the server's account alone, and starts its watchdog.
    pub(super) fn new() -> Result<Self> {
        let what = "cannot make a private directory for PostgreSQL";
        let account = SystemAccount::find()?;
        let parent = parent_dir(std::env::temp_dir(), account.is_some());
        let at = |error: &std::io::Error| {
            Error::new(ErrorKind::Unsuitable, what)
                .at(parent.display().to_string())
                .caused_by(error)
        };
        let temporary = tempfile::Builder::new()
            .prefix("counterfoil-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(&parent)
            .map_err(|e| at(&e))?;
        // Its own process group: Ctrl-C at our terminal is for us, and we decide when the server
        // stops.
        let watchdog = Command::new("sh")
            .arg("-c")
            .arg(include_str!("watchdog.sh"))
            .arg("counterfoil-watchdog")
            .arg(temporary.path())
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| at(&e))?;
        let keeper = Self { dir: temporary.keep(), account, watchdog: Mutex::new(watchdog) };
        keeper.hand_over(&keeper.dir)?;
        Ok(keeper)
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn data_dir(&self) -> PathBuf {
        self.dir.join("data")
    }

    pub(super) fn socket_dir(&self) -> PathBuf {
        self.dir.join("run")
    }

    /// What the programs that ran here have written.
    pub(super) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.dir.join("log")).unwrap_or_default())
            .into_owned()
    }

    /// Makes a directory that only the server's account enters.
    pub(super) fn make_dir(&self, dir: &Path) -> Result<()> {
        DirBuilder::new()
            .mode(0o700)
            .create(dir)
            .map_err(|e| self.error("cannot make a directory", dir, &e))?;
        self.hand_over(dir)
    }

    /// Starts a program as the server's account, without `PG*` in its environment and with its
    /// output in the log. The watchdog knows it before it runs.
    pub(super) fn spawn(&self, program: &Path, arguments: &[&OsStr]) -> Result<Child> {
        let log_path = self.dir.join("log");
        let what = "cannot start a program of PostgreSQL";
        let log = File::options()
            .append(true)
            .create(true)
            .open(&log_path)
            .map_err(|e| self.error(what, &log_path, &e))?;
        let log_too = log.try_clone().map_err(|e| self.error(what, &log_path, &e))?;
        let mut command = Command::new("sh");
        // The shell waits for our word and becomes the program then; it ends if we do not live to
        // say it.
        command
            .arg("-c")
            .arg("read -r word && exec \"$@\" </dev/null")
            .arg("gate")
            .arg(program)
            .args(arguments);
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.as_bytes().starts_with(b"PG"))
        {
            command.env_remove(name);
        }
        command.env("LC_ALL", "C").current_dir(&self.dir).process_group(0);
        command.stdin(Stdio::piped()).stdout(log).stderr(log_too);
        if let Some(account) = self.account {
            command.uid(account.user).gid(account.group);
        }
        let mut child = command.spawn().map_err(|e| self.error(what, program, &e))?;
        self.tell(Some(child.id()))?;
        if let Some(mut gate) = child.stdin.take() {
            gate.write_all(b"go\n").map_err(|e| self.error(what, program, &e))?;
        }
        Ok(child)
    }

    /// Runs a program to its end.
    pub(super) fn run(&self, program: &Path, arguments: &[&OsStr]) -> Result<()> {
        let status = self
            .spawn(program, arguments)?
            .wait()
            .map_err(|e| self.error("cannot run a program", program, &e))?;
        self.tell(None)?;
        if status.success() {
            return Ok(());
        }
        let mut error = Error::new(
            ErrorKind::Unsuitable,
            format!("cannot run {}: {status}", program.display()),
        )
        .at(self.dir.display().to_string())
        .because(self.log().trim_end().replace('\n', " | "));
        if self.account.is_some() {
            error = error.fix(
                "the account postgres (or nobody) must be able to enter this directory and the \
                 program's; set TMPDIR to one it can enter",
            );
        }
        Err(error)
    }

    /// Tells the watchdog what runs now.
    pub(super) fn tell(&self, pid: Option<u32>) -> Result<()> {
        let mut watchdog = self.watchdog.lock().unwrap_or_else(PoisonError::into_inner);
        let line = pid.map_or_else(|| "\n".to_owned(), |pid| format!("{pid}\n"));
        match &mut watchdog.stdin {
            Some(pipe) => pipe
                .write_all(line.as_bytes())
                .map_err(|e| self.error("cannot reach the watchdog of the server", &self.dir, &e)),
            None => Ok(()),
        }
    }

    /// Ends what runs here and removes the directory; returns when both are done.
    pub(super) fn close(&self) {
        let mut watchdog = self.watchdog.lock().unwrap_or_else(PoisonError::into_inner);
        if watchdog.stdin.take().is_some() {
            let _ = watchdog.wait();
        }
    }

    fn hand_over(&self, path: &Path) -> Result<()> {
        let Some(account) = self.account else { return Ok(()) };
        rustix::fs::chown(
            path,
            Some(Uid::from_raw(account.user)),
            Some(Gid::from_raw(account.group)),
        )
        .map_err(|e| {
            self.error("cannot give a directory to the account of PostgreSQL", path, &e.into())
        })
    }

    fn error(&self, what: &str, path: &Path, error: &std::io::Error) -> Error {
        Error::new(ErrorKind::Unsuitable, what).at(path.display().to_string()).caused_by(error)
    }
}

impl Drop for DirectoryKeeper {
    fn drop(&mut self) {
        self.close();
    }
}

impl SystemAccount {
    /// The account to use: our own unless we are root, then `postgres` or `nobody`.
    fn find() -> Result<Option<Self>> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let found = ["postgres", "nobody"].into_iter().find_map(Self::by_name);
        let missing = || {
            Error::new(
                ErrorKind::Unsuitable,
                "cannot run PostgreSQL as root, and there is no other account",
            )
            .fix("run as an ordinary user, or add an account named postgres")
        };
        found.map(Some).ok_or_else(missing)
    }

    fn by_name(name: &str) -> Option<Self> {
        let number = |option: &str| -> Option<u32> {
            let output =
                Command::new("id").args([option, name]).stderr(Stdio::null()).output().ok()?;
            std::str::from_utf8(&output.stdout).ok()?.trim().parse().ok()
        };
        Some(Self { user: number("-u")?, group: number("-g")? })
    }
}

/// Where private directories go: the temporary directory, unless the name of a socket in it would
/// be too long or another account could not enter it.
fn parent_dir(temporary: PathBuf, is_for_another: bool) -> PathBuf {
    let socket = temporary.join("counterfoil-abcdef/run/.s.PGSQL.65535");
    let is_open = |dir: &Path| {
        std::fs::metadata(dir).is_ok_and(|metadata| metadata.permissions().mode() & 0o001 != 0)
    };
    let is_short_enough = socket.as_os_str().len() <= SOCKET_PATH_BYTES_MAX;
    if is_short_enough && (!is_for_another || temporary.ancestors().all(is_open)) {
        temporary
    } else {
        PathBuf::from("/tmp")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_directory_too_deep_for_a_socket_is_passed_over() {
        let deepest = PathBuf::from(format!("/{}", "d".repeat(SOCKET_PATH_BYTES_MAX - 39)));
        assert_eq!(
            deepest.join("counterfoil-abcdef/run/.s.PGSQL.65535").as_os_str().len(),
            SOCKET_PATH_BYTES_MAX
        );
        assert_eq!(parent_dir(deepest.clone(), false), deepest);
        assert_eq!(
            parent_dir(deepest.with_file_name("d".repeat(SOCKET_PATH_BYTES_MAX - 38)), false),
            PathBuf::from("/tmp")
        );
    }

    #[test]
    #[allow(clippy::unwrap_used)]
    fn a_temporary_directory_that_another_account_cannot_enter_is_passed_over() {
        let private =
            tempfile::Builder::new().permissions(Permissions::from_mode(0o700)).tempdir().unwrap();
        let inner = private.path().join("inner");
        DirBuilder::new().mode(0o777).create(&inner).unwrap();
        assert_eq!(parent_dir(inner.clone(), false), inner);
        assert_eq!(parent_dir(inner, true), PathBuf::from("/tmp"));
        assert_eq!(parent_dir(PathBuf::from("/var/tmp"), true), PathBuf::from("/var/tmp"));
    }
}
