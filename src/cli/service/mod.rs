//! What a service manager such as systemd is told of `counterfoil run`, where it asked for that:
//! that it is ready, how it stands, that it lives, reloads and stops (sd_notify(3)).

mod report;
mod socket;

use crate::error::Problems;
use crate::log::escape::fit;
use crate::log::key;
use crate::stop::Stop;
use crate::supervise::Roster;
use report::{ServiceNews, ServiceReport};
use rustix::time::{ClockId, clock_gettime};
use slog::{Logger, warn};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::net::UnixDatagram;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// How often the replications are looked at. They publish twice a second at least.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// The manager that started this process and wants to be told of it.
#[derive(Debug)]
pub(super) struct ServiceManager {
    socket: UnixDatagram,
    is_ready: AtomicBool,
}

impl ServiceManager {
    /// That of the environment; `None` where no manager asked, or where it cannot be reached, which
    /// is logged.
    pub(super) fn of_environment(log: &Logger) -> Option<Arc<Self>> {
        let name = std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty())?;
        match socket::connected(&name) {
            Ok(socket) => Some(Arc::new(Self { socket, is_ready: AtomicBool::new(false) })),
            Err(error) => {
                warn!(log, "the service manager cannot be told how the replications stand"; "socket" => name.to_string_lossy().into_owned(),
                    key::ERROR => error.to_string(), key::FIX => "with systemd use Type=notify, otherwise unset NOTIFY_SOCKET");
                None
            }
        }
    }

    /// Tells it of these replications until a stop is requested, or the handle is dropped.
    pub(super) fn follow(
        self: &Arc<Self>,
        roster: watch::Receiver<Roster>,
        waits_when_empty: bool,
        stop: &Stop,
    ) -> AbortOnDropHandle<()> {
        let (manager, stop) = (Arc::clone(self), stop.clone());
        let watchdog = socket::watchdog();
        let report = ServiceReport::new(watchdog);
        let mut report = if waits_when_empty { report.waiting_when_empty() } else { report };
        let interval = watchdog.map_or(LOOK_INTERVAL, |watchdog| LOOK_INTERVAL.min(watchdog / 8));
        AbortOnDropHandle::new(tokio::spawn(async move {
            while stop.or(tokio::time::sleep(interval)).await.is_some() {
                let running = Arc::clone(&roster.borrow());
                manager.tell_news(report.look(&running, Instant::now())).await;
            }
            let words = "stopping: the batch in hand is finished or rolled back";
            manager.tell(&format!("STOPPING=1\nSTATUS={words}")).await;
        }))
    }

    async fn tell_news(&self, news: ServiceNews) {
        if news.is_ready {
            self.is_ready.store(true, Ordering::Relaxed);
        }
        self.tell(&news.message()).await;
    }

    /// Tells it that the files are being read again.
    pub(super) async fn reloading(&self) {
        if self.is_ready.load(Ordering::Relaxed) {
            let now = clock_gettime(ClockId::Monotonic);
            let microseconds = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1000;
            self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={microseconds}")).await;
        }
    }

    /// Tells it that what the files say now holds, or was refused.
    pub(super) async fn reloaded(&self) {
        if self.is_ready.load(Ordering::Relaxed) {
            self.tell("READY=1").await;
        }
    }

    /// Tells it that all replications have ended, and why.
    pub(super) async fn ended(&self, problems: &Problems) {
        let message = match problems.worst() {
            None if self.is_ready.load(Ordering::Relaxed) => "STOPPING=1\nSTATUS=ended".to_owned(),
            // What ends well was ready, however quickly.
            None => "READY=1\nSTOPPING=1\nSTATUS=ended".to_owned(),
            Some(worst) => {
                let words = worst.to_string();
                format!("STOPPING=1\nSTATUS=ended: {}", fit(words.lines().next().unwrap_or("")))
            }
        };
        self.tell(&message).await;
    }

    /// Waits while its queue is full. A manager that has gone needs no news.
    async fn tell(&self, message: &str) {
        if !message.is_empty() {
            let _ = self.socket.send(message.as_bytes()).await;
        }
    }
}
