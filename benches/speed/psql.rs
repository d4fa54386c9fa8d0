//! The client program that the raw pipe consists of; data is made and compared through it, too.

use crate::Result;
use counterfoil::postgres::server::PrivateServer;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// See the module.
pub struct Psql(PathBuf);

impl Psql {
    /// Finds it on `PATH`.
    pub fn find() -> Result<Self> {
        let works = Command::new("psql").arg("--version").stdout(Stdio::null()).status();
        match works {
            Ok(status) if status.success() => Ok(Self("psql".into())),
            _ => Err("psql is not on PATH: without it there is nothing to compare with (Debian: \
                      apt-get install postgresql-client)"
                .into()),
        }
    }

    /// A psql that runs one statement in a database.
    pub fn command(&self, server: &PrivateServer, database: &str, sql: &str) -> Command {
        let mut psql = Command::new(&self.0);
        psql.args([
            "--no-psqlrc",
            "--quiet",
            "--no-align",
            "--tuples-only",
            "--set=ON_ERROR_STOP=1",
            "--username=postgres",
        ]);
        psql.arg(format!("--host={}", server.socket_dir().display()));
        psql.arg(format!("--port={}", server.port()));
        psql.arg(format!("--dbname={database}")).arg(format!("--command={sql}"));
        psql.stdin(Stdio::null());
        psql
    }

    /// Runs one statement and gives its answer.
    pub fn ask(&self, server: &PrivateServer, database: &str, sql: &str) -> Result<String> {
        let answer = self.command(server, database, sql).stderr(Stdio::inherit()).output()?;
        if answer.status.success() {
            Ok(String::from_utf8(answer.stdout)?.trim().to_owned())
        } else {
            Err(format!("psql failed in database {database}: {sql}").into())
        }
    }
}
