//! A private PostgreSQL for the demo and the tests: started, stopped, crashed, frozen, and gone
//! with us.

mod binaries;
mod keeper;
mod process;
mod settings;
mod template;

pub use binaries::ServerBinaries;
pub use settings::ServerSettings;
pub use template::ClusterTemplate;

use crate::config::libpq::{Conninfo, Host, HostAt};
use crate::error::{Error, ErrorKind, Result};
use keeper::DirectoryKeeper;
use process::ProcessId;
use rustix::process::Signal;
use std::ffi::OsStr;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a server may take to start (crash recovery included) or to stop.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// How often a port that another process took in the meantime is tried again or replaced.
const PORT_TRIES_MAX: u32 = 20;

/// A running or stopped private server. Its superuser is `postgres`, without a password over its
/// Unix socket and 127.0.0.1.
///
/// All methods block, by a second at most where nothing is wrong; async code goes through
/// [`PrivateServer::aside`]. Dropping it stops the server as a crash would and removes its
/// directory; the end of our process, even by SIGKILL, does the same.
#[derive(Debug)]
pub struct PrivateServer {
    keeper: DirectoryKeeper,
    binaries: ServerBinaries,
    state: Mutex<ServerState>,
}

#[derive(Debug)]
struct ServerState {
    postmaster: Option<Child>,
    port: u16,
}

impl PrivateServer {
    /// Copies the template's data directory and starts a server on it: on a free port of 127.0.0.1
    /// and on a private socket directory.
    ///
    /// # Errors
    /// `Unsuitable` with the last lines of the server's log when it does not start.
    pub fn new(template: &ClusterTemplate, settings: &ServerSettings) -> Result<Self> {
        let keeper = DirectoryKeeper::new()?;
        template.copy_into(&keeper)?;
        settings.write_into(&keeper.data_dir())?;
        keeper.make_dir(&keeper.socket_dir())?;
        let server = Self {
            keeper,
            binaries: template.binaries().clone(),
            state: Mutex::new(ServerState { postmaster: None, port: free_port()? }),
        };
        server.launch(&mut server.state(), true)?;
        Ok(server)
    }

    /// Starts a stopped or crashed server again, on the same port and data; does nothing if it
    /// runs.
    ///
    /// # Errors
    /// `Unsuitable` with the last lines of the server's log when it does not start.
    pub fn start(&self) -> Result<()> {
        let mut state = self.state();
        let is_running = match &mut state.postmaster {
            Some(child) => {
                child.try_wait().map_err(|e| broken("cannot wait for the server", &e))?.is_none()
            }
            None => false,
        };
        if is_running { Ok(()) } else { self.launch(&mut state, false) }
    }

    /// Stops it as a careful person does: transactions are rolled back, connections closed, a
    /// checkpoint written.
    ///
    /// # Errors
    /// `Unavailable` when it has not ended after a minute (it may be frozen).
    pub fn stop_fast(&self) -> Result<()> {
        self.end(Signal::INT)
    }

    /// Crashes it: every process ends at once, without a checkpoint; the next start recovers.
    ///
    /// # Errors
    /// `Unavailable` when it has not ended after a minute (it may be frozen).
    pub fn stop_immediate(&self) -> Result<()> {
        self.end(Signal::QUIT)
    }

    /// Kills the postmaster and all its children with SIGKILL, frozen ones too, and waits until
    /// they are gone.
    ///
    /// # Errors
    /// `Unavailable` when the kernel has not ended them after a minute.
    pub fn kill_nine(&self) -> Result<()> {
        let mut state = self.state();
        let Some(mut child) = state.postmaster.take() else { return Ok(()) };
        let family = process::freeze(child.id());
        let _ = child.kill();
        for pid in &family {
            process::signal(*pid, Signal::KILL);
        }
        let _ = child.wait();
        self.keeper.tell(None)?;
        wait_until(|| Ok(family.iter().all(|pid| process::state(*pid).is_none())))
            .map_err(|e| e.while_doing("cannot kill the server"))
    }

    /// Stops it carefully and starts it again, on the same port and data.
    pub fn restart(&self) -> Result<()> {
        self.stop_fast()?;
        self.start()
    }

    /// Stops every process of the server where it stands (SIGSTOP), so that it looks like a host
    /// that no longer answers. New connections are accepted by the kernel and then hang, old ones
    /// fall silent. Does nothing if it is not running.
    pub fn freeze(&self) {
        if let Some(child) = &self.state().postmaster {
            process::freeze(child.id());
        }
    }

    /// Lets a frozen server go on (SIGCONT).
    pub fn thaw(&self) {
        for pid in self.pids() {
            process::signal(pid, Signal::CONT);
        }
    }

    /// The postmaster first, then its children of this moment; empty if it does not run.
    pub fn pids(&self) -> Vec<ProcessId> {
        let state = self.state();
        let Some(child) = &state.postmaster else { return Vec::new() };
        let mut pids = vec![child.id()];
        pids.extend(process::children_of(child.id()));
        pids
    }

    /// Connects through the Unix socket, as superuser.
    pub fn conninfo(&self, database: &str) -> Conninfo {
        Conninfo::unix(&self.socket_dir(), self.port(), "postgres", database)
    }

    /// Connects through 127.0.0.1, as superuser.
    pub fn conninfo_tcp(&self, database: &str) -> Conninfo {
        let at = HostAt::Tcp { host: Ipv4Addr::LOCALHOST.to_string(), addr: None };
        let hosts = vec![Host { at, port: self.port() }];
        Conninfo { hosts, ..self.conninfo(database) }
    }

    /// The port of 127.0.0.1 and of the socket's name; the same for the whole life of this value.
    pub fn port(&self) -> u16 {
        self.state().port
    }

    /// The directory of its Unix socket, as `host` of a connection.
    pub fn socket_dir(&self) -> PathBuf {
        self.keeper.socket_dir()
    }

    /// The data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.keeper.data_dir()
    }

    /// The private directory of everything it writes; gone once this value is dropped or our
    /// process has ended.
    pub fn dir(&self) -> &Path {
        self.keeper.dir()
    }

    /// Where `postgres`, `initdb` and the other programs of this server are.
    pub fn bin_dir(&self) -> &Path {
        self.binaries.dir()
    }

    /// Its version as `server_version_num` gives it: 150018 is 15.18.
    pub fn version_num(&self) -> u32 {
        self.binaries.version_num()
    }

    /// What it has written to its log so far.
    pub fn log(&self) -> String {
        self.keeper.log()
    }

    /// Runs a blocking act on a thread meant for it:
    /// `server.aside(PrivateServer::stop_immediate).await?`.
    pub async fn aside<T: Send + 'static>(
        self: &Arc<Self>,
        act: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> T {
        let server = Arc::clone(self);
        tokio::task::spawn_blocking(move || act(&server))
            .await
            .expect("an act on a private server does not panic")
    }

    fn state(&self) -> MutexGuard<'_, ServerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the postmaster and waits until it takes connections; a port that is taken is replaced
    /// while no client knows it yet.
    fn launch(&self, state: &mut ServerState, is_port_free_to_change: bool) -> Result<()> {
        for _ in 0..PORT_TRIES_MAX {
            let log_before = self.log().len();
            match self.launch_once(state) {
                Ok(()) => return Ok(()),
                Err(error)
                    if !self.log()[log_before..]
                        .contains("could not create any TCP/IP sockets") =>
                {
                    return Err(error);
                }
                Err(_) if is_port_free_to_change => state.port = free_port()?,
                Err(_) => std::thread::sleep(Duration::from_millis(100)),
            }
        }
        Err(self.failure("cannot start a private PostgreSQL: its port is taken"))
    }

    fn launch_once(&self, state: &mut ServerState) -> Result<()> {
        let port = state.port.to_string();
        let (data_dir, socket_dir) = (self.data_dir(), self.socket_dir());
        let arguments: [&OsStr; 6] = [
            "-D".as_ref(),
            data_dir.as_ref(),
            "-k".as_ref(),
            socket_dir.as_ref(),
            "-p".as_ref(),
            port.as_ref(),
        ];
        let mut child = self.keeper.spawn(&self.binaries.program("postgres"), &arguments)?;
        let pid = child.id();
        let ready = wait_until(|| {
            let has_ended =
                child.try_wait().map_err(|e| broken("cannot wait for the server", &e))?.is_some();
            Ok(has_ended || process::is_postmaster_ready(&data_dir, pid))
        });
        let has_ended = !matches!(child.try_wait(), Ok(None));
        state.postmaster = Some(child);
        match ready {
            Ok(()) if !has_ended => Ok(()),
            _ => Err(self.failure("cannot start a private PostgreSQL")),
        }
    }

    fn end(&self, signal: Signal) -> Result<()> {
        let mut state = self.state();
        let Some(child) = &mut state.postmaster else { return Ok(()) };
        process::signal(child.id(), signal);
        wait_until(|| {
            Ok(child.try_wait().map_err(|e| broken("cannot wait for the server", &e))?.is_some())
        })
        .map_err(|e| e.while_doing("cannot stop the server"))?;
        state.postmaster = None;
        self.keeper.tell(None)
    }

    fn failure(&self, what: &str) -> Error {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let tail = &lines[lines.len().saturating_sub(8)..];
        Error::new(ErrorKind::Unsuitable, what)
            .at(self.dir().display().to_string())
            .because(format!("its log ends with: {}", tail.join(" | ")))
    }
}

impl Drop for PrivateServer {
    fn drop(&mut self) {
        self.keeper.close();
        if let Some(child) = &mut self.state().postmaster {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A port of 127.0.0.1 below those that the kernel gives to outgoing connections, so that it is
/// still free after a restart.
fn free_port() -> Result<u16> {
    for _ in 0..1000 {
        let port = rand::random_range(15_000..32_000);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(Error::new(ErrorKind::Unsuitable, "cannot find a free port of 127.0.0.1")
        .at("15000..31999"))
}

fn wait_until(mut is_done: impl FnMut() -> Result<bool>) -> Result<()> {
    let start = Instant::now();
    while !is_done()? {
        if start.elapsed() > WAIT_MAX {
            return Err(Error::new(
                ErrorKind::Unavailable,
                format!("not done after {} s", WAIT_MAX.as_secs()),
            ));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn broken(what: &str, error: &std::io::Error) -> Error {
    Error::new(ErrorKind::Unsuitable, what).caused_by(error)
}
