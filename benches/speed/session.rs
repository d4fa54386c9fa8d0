//! A session with a private server for what is asked often or must not cost the start of a program.

use crate::Result;
use counterfoil::postgres::server::PrivateServer;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, NoTls, Row, Statement, ToStatement};

/// Every method blocks until the server has answered.
pub struct Session {
    runtime: Runtime,
    client: Client,
}

impl Session {
    /// Connects as superuser through the Unix socket.
    pub fn open(server: &PrivateServer, database: &str) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let mut config = Config::new();
        config.host_path(server.socket_dir()).port(server.port()).user("postgres").dbname(database);
        let client = runtime.block_on(async {
            let (client, connection) = config.connect(NoTls).await?;
            tokio::spawn(connection);
            Ok::<_, tokio_postgres::Error>(client)
        })?;
        Ok(Self { runtime, client })
    }

    /// Runs statements as text, all of one call in one transaction.
    pub fn run(&self, sql: &str) -> Result<()> {
        Ok(self.runtime.block_on(self.client.batch_execute(sql))?)
    }

    pub fn prepare(&self, sql: &str) -> Result<Statement> {
        Ok(self.runtime.block_on(self.client.prepare(sql))?)
    }

    pub fn rows<S: ToStatement + ?Sized>(
        &self,
        statement: &S,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>> {
        Ok(self.runtime.block_on(self.client.query(statement, parameters))?)
    }

    /// The one number that a statement answers with.
    pub fn number<S: ToStatement + ?Sized>(
        &self,
        statement: &S,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<i64> {
        let row = self.runtime.block_on(self.client.query_one(statement, parameters))?;
        Ok(row.try_get(0)?)
    }
}
