//! What surrounds a connection: variables, home directory, operating system user; passed in, so
//! that tests never touch the process.

use std::fmt;
use std::path::PathBuf;

/// Where servers put their Unix sockets by default: Debian's builds, then the PostgreSQL project's
/// own.
pub(super) const SOCKET_DIRS: [&str; 2] = ["/var/run/postgresql", "/tmp"];

/// What a process knows without being told.
#[derive(Clone)]
pub struct Environment<'a> {
    /// The value of an environment variable, if it is set.
    pub var: &'a (dyn Fn(&str) -> Option<String> + Sync),
    /// The home directory, where `.pgpass`, `.pg_service.conf` and `.postgresql/` are looked for.
    pub home: Option<PathBuf>,
    /// The name of the operating system's user: the default of `user`.
    pub os_user: Option<String>,
    /// Directories of Unix sockets, in the order they are tried when no host is given.
    pub socket_dirs: Vec<PathBuf>,
}

impl Environment<'static> {
    /// The environment of this process. The user is that of the effective user id (`/etc/passwd`),
    /// otherwise `USER`, otherwise `LOGNAME`; variables that are not UTF-8 count as not set.
    pub fn of_process() -> Self {
        let account = account_of(rustix::process::geteuid().as_raw());
        let (name, home) = account.map_or((None, None), |(name, home)| (Some(name), Some(home)));
        Self {
            var: &process_variable,
            home: filled("HOME").or(home).map(PathBuf::from),
            os_user: name.or_else(|| filled("USER")).or_else(|| filled("LOGNAME")),
            socket_dirs: SOCKET_DIRS.iter().map(PathBuf::from).collect(),
        }
    }

    /// An environment that knows nothing: no variable, no home, no user, no socket directory. For
    /// tests and private servers.
    pub fn empty() -> Self {
        Self { var: &|_| None, home: None, os_user: None, socket_dirs: Vec::new() }
    }
}

impl Environment<'_> {
    /// The value of a variable that is set to something: for libpq's variables an empty one counts
    /// as not set.
    pub(super) fn filled(&self, name: &str) -> Option<String> {
        (self.var)(name).filter(|value| !value.is_empty())
    }
}

impl fmt::Debug for Environment<'_> {
    /// Without variables: some hold passwords.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Environment")
            .field("home", &self.home)
            .field("os_user", &self.os_user)
            .finish_non_exhaustive()
    }
}

fn process_variable(name: &str) -> Option<String> {
    // Not every platform takes such a name without a panic, and none can be set.
    if name.is_empty() || name.contains(['=', '\0']) {
        return None;
    }
    std::env::var(name).ok()
}

fn filled(name: &str) -> Option<String> {
    process_variable(name).filter(|value| !value.is_empty())
}

/// Name and home directory of a user id in `/etc/passwd`.
fn account_of(uid: u32) -> Option<(String, String)> {
    account_in(&std::fs::read_to_string("/etc/passwd").ok()?, uid)
}

fn account_in(passwd: &str, uid: u32) -> Option<(String, String)> {
    passwd.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let is_ours = fields.len() >= 6 && fields[2].parse() == Ok(uid);
        is_ours.then(|| (fields[0].to_owned(), fields[5].to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operating_systems_user_is_found_by_its_id() {
        let passwd =
            "root:x:0:0:root:/root:/bin/bash\nbroken\nann:x:1000:1000:Ann,,,:/home/ann:/bin/sh\n";
        assert_eq!(account_in(passwd, 1000), Some(("ann".to_owned(), "/home/ann".to_owned())));
        assert_eq!(account_in(passwd, 7), None);
    }

    #[test]
    fn debug_output_shows_no_variable() {
        let env = Environment { var: &|_| Some("hunter2".to_owned()), ..Environment::empty() };
        assert!(!format!("{env:?}").contains("hunter2"));
    }

    #[test]
    fn names_no_variable_can_have_are_not_set() {
        let env = Environment::of_process();
        assert_eq!((env.var)(""), None);
        assert_eq!((env.var)("A=B"), None);
    }
}
