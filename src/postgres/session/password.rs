//! The password of one connection: from wherever it is given, or from the program that prints it.

use crate::config::libpq::{Conninfo, Host, PasswordCommand};
use crate::error::{Error, ErrorKind, Result};
use rustix::process::{Pid, Signal, kill_process_group};
use secrecy::{ExposeSecret, SecretString};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

/// A program that takes longer is killed.
pub(super) const COMMAND_WAIT_MAX: Duration = Duration::from_secs(10);
/// More of its output is not looked at.
const OUTPUT_BYTES_MAX: u64 = 64 * 1024;
/// More of what it complains of is not told.
const COMPLAINT_CHARS_MAX: usize = 1_000;
/// A shorter first line is no secret, and would be found in other words.
const HIDDEN_BYTES_MIN: usize = 4;

/// The password to use, and where it was looked for.
pub(super) struct PasswordLookup {
    pub password: Option<SecretString>,
    pub checked: String,
}

impl PasswordLookup {
    /// Looks the password up again, so that it can be rotated; one that a command gave is taken as
    /// it is.
    pub(super) fn of(
        conninfo: &Conninfo,
        host: &Host,
        commanded: Option<&SecretString>,
    ) -> Result<Self> {
        let source = &conninfo.password;
        if let (Some(password), Some(command)) = (commanded, &source.command) {
            let checked = format!("checked password_command {}", command.program.display());
            return Ok(Self { password: Some(password.clone()), checked });
        }
        let password = source.lookup(host, &conninfo.database, &conninfo.user)?;
        let checked = match (&source.given, &source.file, &source.passfile) {
            (Some(_), _, _) => "checked the password given in the URL, the setting password or \
                                PGPASSWORD"
                .to_owned(),
            (_, Some(file), _) => format!("checked password_file {}", file.display()),
            (_, _, Some(passfile)) if password.is_some() => {
                format!("checked the passfile {}", passfile.display())
            }
            (_, _, Some(passfile)) => source.note().unwrap_or_else(|| {
                let (database, user) = (&conninfo.database, &conninfo.user);
                format!(
                    "checked the passfile {}: no line is for {host}:{database}:{user}",
                    passfile.display()
                )
            }),
            _ => "no password was given, and there is no passfile".to_owned(),
        };
        Ok(Self { password, checked })
    }

    /// A server that was given the password could put it into its answer.
    pub(super) fn hidden_in(&self, error: Error) -> Error {
        match &self.password {
            Some(password) if !password.expose_secret().is_empty() => {
                error.without(password.expose_secret(), "…")
            }
            _ => error,
        }
    }
}

/// Runs the program, and gives the first line of what it prints.
///
/// # Errors
/// `Access` when it cannot be run, fails, or prints no password; `Unavailable` when it does not end
/// in time: then it is killed, with what it started.
pub(super) async fn printed_by(command: &PasswordCommand, limit: Duration) -> Result<SecretString> {
    let mut process = Command::new(&command.program);
    process.args(&command.arguments).process_group(0).kill_on_drop(true);
    process.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = process.spawn().map_err(|error| {
        wrong(command, ErrorKind::Access, "it cannot be run").caused_by(&error).fix(
            "correct password_command: the program, then each argument as a text of its own; a \
             program without a / in its name is looked for in PATH",
        )
    })?;
    let mut group = RunningGroup(child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?)));
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let run = async { tokio::join!(beginning(stdout), beginning(stderr), child.wait()) };
    let Ok((printed, complaint, status)) = tokio::time::timeout(limit, run).await else {
        let why = format!("it did not end within {} ms, and was killed", limit.as_millis());
        let fix = "let it end sooner: it is run for each connection, and prints the password on \
                   its first line";
        return Err(wrong(command, ErrorKind::Unavailable, &why).fix(fix));
    };
    group.0 = None;
    let status = status
        .map_err(|error| wrong(command, ErrorKind::Access, "it was lost").caused_by(&error))?;
    let line = printed.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if !status.success() {
        return Err(failed(command, status, &complaint, line));
    }
    let fix = "let it print the password, and nothing else, on the first line of its output";
    match std::str::from_utf8(line) {
        Ok("") => {
            Err(wrong(command, ErrorKind::Access, "the first line it printed is empty").fix(fix))
        }
        Ok(password) => Ok(SecretString::from(password)),
        Err(_) => Err(wrong(command, ErrorKind::Access, "what it printed is not UTF-8").fix(fix)),
    }
}

fn wrong(command: &PasswordCommand, kind: ErrorKind, why: &str) -> Error {
    Error::new(kind, "cannot get the password")
        .because(format!("password_command {}: {why}", command.program.display()))
}

/// Says how it ended and what it complained of; what it printed is not told.
fn failed(
    command: &PasswordCommand,
    status: ExitStatus,
    complaint: &[u8],
    printed: &[u8],
) -> Error {
    let complaint = String::from_utf8_lossy(complaint);
    let lines: Vec<&str> =
        complaint.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let complaint: String = lines.join(" | ").chars().take(COMPLAINT_CHARS_MAX).collect();
    let error = wrong(command, ErrorKind::Access, &format!("it ended with {status}"));
    let error = match complaint.as_str() {
        "" => error.because("it complained of nothing"),
        told => error.because(format!("it complained: {told}")),
    };
    let fix = "run it as the user of this process does: it must end with 0 and print the password \
               on its first line";
    match std::str::from_utf8(printed) {
        Ok(printed) if printed.len() >= HIDDEN_BYTES_MIN => error.without(printed, "…").fix(fix),
        _ => error.fix(fix),
    }
}

/// The beginning of a stream, which is read to its end.
async fn beginning(stream: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut stream) = stream {
        // What cannot be read is as if it had not been written.
        let _ = (&mut stream).take(OUTPUT_BYTES_MAX).read_to_end(&mut bytes).await;
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    }
    bytes
}

/// A program on its way, with all that it started: killed when it is no longer waited for.
struct RunningGroup(Option<Pid>);

impl Drop for RunningGroup {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
