//! Passwords go one way: from a form into a file of their own, which the configuration names.

use crate::config::libpq::{holds_password, password_of};
use crate::log::secrets::discreet_argument;
use secrecy::SecretString;

/// The folder of passwords, beside the file.
const FOLDER: &str = "secrets";
/// No name of a file of ours is longer.
const NAME_BYTES_MAX: usize = 120;

/// What a URL that was typed holds of a password.
#[derive(Debug)]
pub(crate) enum UrlPassword {
    /// None that is written out.
    Nothing,
    /// This one, and the URL without it.
    Apart { url: String, password: SecretString },
    /// One that cannot be taken out.
    Refused,
}

/// Takes the password out of a URL.
pub(crate) fn without_password(url: &str) -> UrlPassword {
    if !holds_password(url) {
        // What cannot be read may hold one all the same.
        let is_suspicious = discreet_argument(url) != url && !url.contains("${");
        return if is_suspicious { UrlPassword::Refused } else { UrlPassword::Nothing };
    }
    let Some(password) = password_of(url) else { return UrlPassword::Refused };
    let apart = url.split_once("://").and_then(|(scheme, rest)| {
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (user, host) = rest[..end].rsplit_once('@')?;
        let (user, _) = user.split_once(':')?;
        Some(format!("{scheme}://{user}@{host}{}", &rest[end..]))
    });
    match apart {
        Some(url) if !holds_password(&url) && discreet_argument(&url) == url => {
            UrlPassword::Apart { url, password }
        }
        _ => UrlPassword::Refused,
    }
}

/// Whether a text is one environment variable and nothing else, which is no secret.
pub(crate) fn is_variable_alone(text: &str) -> bool {
    let name = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    name.is_some_and(|name| {
        name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_".contains(c)
}

/// Whether a name is one that [`secret_file_name`] gives: what is typed is written nowhere else.
pub(crate) fn is_secret_file_name(name: &str) -> bool {
    let file = name.strip_prefix(FOLDER).and_then(|rest| rest.strip_prefix('/'));
    file.and_then(|file| file.split_once('.')).is_some_and(|(stem, side)| {
        let is_named = |part: &str| !part.is_empty() && part.chars().all(is_plain);
        name.len() <= 2 * NAME_BYTES_MAX && is_named(stem) && is_named(side)
    })
}

/// Where the password of a side is written, relative to its configuration: none of those that are
/// taken.
pub(crate) fn secret_file_name(stem: &str, side: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let plain = |text: &str| -> String {
        text.chars().map(|c| if is_plain(c) { c } else { '-' }).take(NAME_BYTES_MAX / 2).collect()
    };
    let name = format!("{FOLDER}/{}.{}", plain(stem), plain(side));
    let mut numbered = (2_u32..).map(|number| format!("{name}-{number}"));
    if is_taken(&name) { numbered.find(|name| !is_taken(name)).unwrap_or(name) } else { name }
}
