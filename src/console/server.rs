//! The thread of the window: it takes a moment of every replication each second, and serves those
//! who ask.

use super::edit::desk::EditDesk;
use super::frame::{DrawingRules, WindowFrame};
use super::listen::{BoundListener, ReaderStream};
use super::live::STREAMS_MAX;
use super::login::PasswordGate;
use super::metrics::ScrapeFacts;
use super::moment::MomentSampler;
use super::process::ProcessFacts;
use super::routes::router;
use super::state::WindowState;
use super::tls::TlsKeeper;
use crate::config::{ConsoleConfig, ListenAddress};
use crate::error::Result;
use crate::log::recent::RecentLines;
use crate::supervise::Roster;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use slog::{Logger, error};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, watch};
use tokio::task::AbortHandle;

/// So often a moment is taken.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);
/// So many connections at a time; one more ends the oldest, so that no reader keeps a probe out.
const CONNECTIONS_MAX: usize = 64;
/// A request's head is not longer, in bytes.
const HEAD_BYTES_MAX: usize = 8 * 1024;
/// A request's head, and a handshake, is here after this time, or the connection is closed.
const HEAD_MAX: Duration = Duration::from_secs(10);
/// No connection lasts longer: a reader that takes nothing would keep its place for ever.
const CONNECTION_MAX: Duration = Duration::from_secs(3700);
/// Those who watch have so long to take the last news.
const CLOSING_MAX: Duration = Duration::from_secs(2);
/// After an error of the socket, such as too many open files.
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);

/// See the module.
pub(super) struct WindowServer {
    drawing: Arc<DrawingRules>,
    listener: BoundListener,
    roster: watch::Receiver<Roster>,
    recent: RecentLines,
    /// The exit code of the process, once it is known: time to close.
    ended: watch::Receiver<Option<u8>>,
    gate: Option<PasswordGate>,
    desk: Option<EditDesk>,
    tls: Option<Arc<TlsKeeper>>,
    log: Logger,
}

impl WindowServer {
    /// Reads what the configuration names.
    ///
    /// # Errors
    /// `Usage` where a certificate, its key or the hash of the password cannot be used.
    pub(super) fn new(
        mut config: ConsoleConfig,
        listener: BoundListener,
        facts: ProcessFacts,
        (roster, recent, desk): (watch::Receiver<Roster>, RecentLines, Option<EditDesk>),
        ended: watch::Receiver<Option<u8>>,
        log: Logger,
    ) -> Result<Self> {
        config.listen = Some(listener.address().clone());
        let gate = config.password_hash.clone().map(PasswordGate::new).transpose()?;
        let tls =
            config.tls.clone().map(|files| TlsKeeper::load(files, log.clone())).transpose()?;
        let drawing = Arc::new(DrawingRules { config, facts });
        let tls = tls.map(Arc::new);
        Ok(Self { drawing, listener, roster, recent, ended, gate, desk, tls, log })
    }

    /// Serves until it is closed.
    pub(super) fn run(self) {
        let log = self.log.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let served = runtime.and_then(|runtime| {
            let served = runtime.block_on(self.serve());
            runtime.shutdown_timeout(Duration::from_millis(100));
            served
        });
        if let Err(problem) = served {
            error!(log, "the window has failed, replication goes on"; crate::log::key::ERROR => problem.to_string());
        }
    }

    async fn serve(mut self) -> std::io::Result<()> {
        let is_unix = matches!(self.listener.address(), ListenAddress::Unix(_));
        let listener = self.listener.open()?;
        let mut sampler = MomentSampler::new(self.drawing.config.behind);
        let mut changes = self.roster.clone();
        let mut take = |exit_code| {
            let moments = sampler.take(&self.roster.borrow(), Instant::now());
            Arc::new(WindowFrame::new(moments, self.recent.latest(), exit_code))
        };
        let (frames, shown) = watch::channel(take(None));
        let scrape = ScrapeFacts::starting(self.drawing.config.behind);
        let state = WindowState {
            drawing: self.drawing,
            frames: shown,
            gate: self.gate,
            desk: self.desk,
            sessions: Default::default(),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
            roster: self.roster.clone(),
            scrape,
            log: self.log.clone(),
        };
        let tls = self.tls.filter(|_| !is_unix);
        let mut connections = ServedConnections {
            router: router(Arc::new(state)),
            tls,
            graceful: GracefulShutdown::new(),
            open: VecDeque::new(),
        };
        let mut sampling = tokio::time::interval(SAMPLE_INTERVAL);
        sampling.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                _ = self.ended.changed() => break,
                _ = sampling.tick() => { frames.send_replace(take(None)); }
                // One that has begun or ended is shown at once.
                Ok(()) = changes.changed() => { frames.send_replace(take(None)); }
                accepted = listener.accept() => match accepted {
                    Ok(stream) => connections.begin(stream),
                    Err(_) => tokio::time::sleep(ACCEPT_AGAIN).await,
                },
            }
        }
        drop(listener);
        let exit_code = *self.ended.borrow();
        frames.send_replace(take(exit_code));
        // Those who watch take the end, then every connection closes.
        let _ = tokio::time::timeout(CLOSING_MAX, connections.graceful.shutdown()).await;
        Ok(())
    }
}

/// Connections, each served by a task of this runtime, which ends them when it ends.
struct ServedConnections {
    router: Router,
    tls: Option<Arc<TlsKeeper>>,
    graceful: GracefulShutdown,
    /// Those that are open, the oldest first.
    open: VecDeque<AbortHandle>,
}

impl ServedConnections {
    fn begin(&mut self, stream: ReaderStream) {
        self.open.retain(|connection| !connection.is_finished());
        if self.open.len() >= CONNECTIONS_MAX
            && let Some(oldest) = self.open.pop_front()
        {
            oldest.abort();
        }
        let (router, watcher) = (self.router.clone(), self.graceful.watcher());
        let acceptor = self.tls.as_ref().map(|tls| tls.acceptor());
        let connection = tokio::spawn(async move {
            let served = async {
                match acceptor {
                    None => serve_one(stream, router, watcher).await,
                    Some(acceptor) => {
                        let handshake = tokio::time::timeout(HEAD_MAX, acceptor.accept(stream));
                        if let Ok(Ok(stream)) = handshake.await {
                            serve_one(stream, router, watcher).await;
                        }
                    }
                }
            };
            // Whatever a reader does is no news of ours.
            let _ = tokio::time::timeout(CONNECTION_MAX, served).await;
        });
        self.open.push_back(connection.abort_handle());
    }
}

async fn serve_one(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    watcher: hyper_util::server::graceful::Watcher,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_MAX).max_buf_size(HEAD_BYTES_MAX);
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let _ = watcher.watch(connection).await;
}
