//! `counterfoil hash-password`: the hash of a password for the window, from the terminal or a pipe.

use super::output::{aside, line};
use crate::console::hash_password as hash;
use crate::error::{Error, ErrorKind, Result};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use secrecy::{ExposeSecret, SecretString};
use std::io::{BufRead, IsTerminal};

/// Reads a password, twice on a terminal, where it is not shown; prints its hash.
///
/// # Errors
/// `Usage` where there is none, where the two differ, or where it is too long; those of the output.
pub(crate) fn hash_password() -> Result<()> {
    let password = if std::io::stdin().is_terminal() { typed()? } else { read_line()? };
    line(&hash(&password)?)
}

fn typed() -> Result<SecretString> {
    let hidden = HiddenTyping::begin();
    aside("password:");
    let password = read_line()?;
    aside("again:");
    let again = read_line()?;
    drop(hidden);
    if password.expose_secret() != again.expose_secret() {
        return Err(Error::new(ErrorKind::Usage, "the two passwords are not the same")
            .fix("start again: nothing was made"));
    }
    Ok(password)
}

/// A line of stdin, without its end.
fn read_line() -> Result<SecretString> {
    let mut text = String::new();
    std::io::stdin().lock().read_line(&mut text).map_err(|error| {
        Error::new(ErrorKind::Usage, "cannot read the password")
            .caused_by(&error)
            .fix("type it, or write it to stdin as one line of UTF-8")
    })?;
    let end = text.trim_end_matches(['\n', '\r']).len();
    text.truncate(end);
    if text.is_empty() {
        return Err(Error::new(ErrorKind::Usage, "there is no password")
            .fix("type it, or write it to stdin as one line"));
    }
    Ok(SecretString::from(text))
}

/// What is typed is not shown, until this is dropped.
struct HiddenTyping(Option<Termios>);

impl HiddenTyping {
    fn begin() -> Self {
        let stdin = std::io::stdin();
        let Ok(before) = tcgetattr(&stdin) else { return Self(None) };
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        hidden.local_modes.insert(LocalModes::ECHONL);
        let is_hidden = tcsetattr(&stdin, OptionalActions::Flush, &hidden).is_ok();
        Self(is_hidden.then_some(before))
    }
}

impl Drop for HiddenTyping {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, before);
        }
    }
}
