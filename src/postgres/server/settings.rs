//! How a private server is set up: lines of `postgresql.conf` and `pg_hba.conf`.

use crate::error::{Error, ErrorKind, Result};
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// Settings of one server. The default is for tests: as fast as a server can be that survives its
/// own crash, but not that of the machine.
#[derive(Clone, Debug, Default)]
pub struct ServerSettings {
    parameters: Vec<(String, String)>,
    hba: Vec<String>,
    is_durable: bool,
}

impl ServerSettings {
    /// Starts with the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a parameter of `postgresql.conf`, such as `max_prepared_transactions` to `10`; the last
    /// one of a name counts.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.parameters.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a line of `pg_hba.conf`, before those that trust everybody on the Unix socket and
    /// 127.0.0.1.
    #[must_use]
    pub fn hba(mut self, line: &str) -> Self {
        self.hba.push(line.to_owned());
        self
    }

    /// Makes commits survive a crash of the machine (`fsync = on`), as a server in production does.
    #[must_use]
    pub fn durable(mut self) -> Self {
        self.is_durable = true;
        self
    }

    pub(super) fn write_into(&self, data_dir: &Path) -> Result<()> {
        append(&data_dir.join("postgresql.conf"), &self.postgresql_conf())?;
        let hba = data_dir.join("pg_hba.conf");
        std::fs::write(&hba, self.pg_hba_conf()).map_err(|e| unwritten(&hba, &e))
    }

    fn postgresql_conf(&self) -> String {
        // full_page_writes stays on: SIGKILL can tear a page that is being written.
        let fsync = if self.is_durable { "on" } else { "off" };
        let ours = [
            ("listen_addresses", "127.0.0.1"),
            ("fsync", fsync),
            ("max_connections", "200"),
            // Files of the data directory, which are removed with it, instead of /dev/shm.
            ("dynamic_shared_memory_type", "mmap"),
        ];
        let ours = ours.into_iter();
        let all =
            ours.chain(self.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        all.map(|(name, value)| {
            format!("{name} = '{}'\n", value.replace('\\', "\\\\").replace('\'', "''"))
        })
        .collect()
    }

    fn pg_hba_conf(&self) -> String {
        let trusting =
            ["local all,replication all trust", "host all,replication all 127.0.0.1/32 trust"];
        let lines = self.hba.iter().map(String::as_str).chain(trusting);
        lines.map(|line| format!("{line}\n")).collect()
    }
}

fn append(path: &Path, text: &str) -> Result<()> {
    let written = File::options()
        .append(true)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|e| unwritten(path, &e))
}

fn unwritten(path: &Path, error: &std::io::Error) -> Error {
    Error::new(ErrorKind::Unsuitable, "cannot write the settings of a private PostgreSQL")
        .at(path.display().to_string())
        .caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_quoted_and_a_later_one_stands_after_ours() {
        let text = ServerSettings::new()
            .set("fsync", "on")
            .set("search_path", r#""it's", a\b"#)
            .postgresql_conf();
        assert!(text.ends_with("fsync = 'on'\nsearch_path = '\"it''s\", a\\\\b'\n"), "{text}");
        assert!(text.starts_with("listen_addresses = '127.0.0.1'\nfsync = 'off'\n"), "{text}");
    }

    #[test]
    fn a_line_of_pg_hba_comes_before_those_that_trust() {
        let text =
            ServerSettings::new().hba("host all bob 127.0.0.1/32 scram-sha-256").pg_hba_conf();
        assert!(text.starts_with("host all bob 127.0.0.1/32 scram-sha-256\nlocal all"), "{text}");
    }
}
