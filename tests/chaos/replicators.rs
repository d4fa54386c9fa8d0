//! The replicators: processes that are started again whenever they end, each with settings and
//! orders of its own. How they end is judged.

use crate::history::History;
use crate::plan::{Act, DESTINATIONS, Kind, Order, SERVERS, Start, Starts};
use crate::scene::{ROLE, Scene};
use crate::support::replicator::{End, Replicator, Setup};
use rustix::process::Signal;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, MutexGuard};

/// A replicator that was asked to stop and does not within this time is a defect.
const STOP_MAX: Duration = Duration::from_secs(20);

/// A process and what is known of it.
pub struct Running {
    replicator: Replicator,
    start: Start,
    orders: PathBuf,
    number: u32,
    ends_at: Option<Instant>,
    stopped_at: Option<Instant>,
    /// How often it was asked to stop: the second time it leaves at once.
    asked_to_stop: u32,
    has_seen_revoked: bool,
    has_seen_strange: bool,
    thaws_at: Option<Instant>,
}

/// The replicators of one act: the first is always there, the second is the rival.
pub struct Replicators {
    scene: Arc<Scene>,
    history: Arc<History>,
    is_grouped: bool,
    program: PathBuf,
    orders_dir: PathBuf,
    points: Vec<String>,
    starts: Mutex<Starts>,
    count: AtomicU32,
    slots: [Mutex<Option<Running>>; 2],
    /// Whether the rival is wanted.
    pub is_rival_wanted: AtomicBool,
    /// No more orders.
    pub is_calm: AtomicBool,
    /// Nothing is started any more.
    pub is_over: AtomicBool,
    /// How many sides have taken rights away just now: whoever starts is refused.
    pub revoked: AtomicU32,
    /// How many tables are not what they were just now: whoever follows them is refused.
    pub strange: AtomicU32,
}

impl Replicators {
    /// None runs yet.
    pub fn new(
        act: &Act,
        scene: &Arc<Scene>,
        history: &Arc<History>,
        program: &Path,
        orders_dir: &Path,
        points: &[String],
    ) -> Arc<Self> {
        let has_doorbell = act.kind != Kind::TwoPhase;
        let points: Vec<String> = points
            .iter()
            .filter(|name| has_doorbell || !name.starts_with("doorbell."))
            .cloned()
            .collect();
        Arc::new(Self {
            scene: Arc::clone(scene),
            history: Arc::clone(history),
            is_grouped: act.is_grouped,
            program: program.to_owned(),
            orders_dir: orders_dir.to_owned(),
            starts: Mutex::new(Starts::new(act.starts_seed, points.len())),
            points,
            count: AtomicU32::new(0),
            slots: Default::default(),
            is_rival_wanted: AtomicBool::new(false),
            is_calm: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            revoked: AtomicU32::new(0),
            strange: AtomicU32::new(0),
        })
    }

    /// Keeps one slot running, until it is over.
    pub async fn keep(self: Arc<Self>, slot: usize) {
        while self.history.violation().is_none() {
            let is_over = self.is_over.load(Ordering::Relaxed);
            let is_wanted = !is_over && (slot == 0 || self.is_rival_wanted.load(Ordering::Relaxed));
            let is_here = {
                let mut running = self.slots[slot].lock().await;
                self.look(&mut running).await;
                running.is_some()
            };
            if is_over && !is_here {
                return;
            }
            if is_over {
                self.stop(slot).await;
            }
            if is_wanted && !is_here {
                let start = self.starts.lock().await.next();
                let is_calm = self.is_calm.load(Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(if is_calm { 0 } else { start.rest_ms }))
                    .await;
                *self.slots[slot].lock().await = Some(self.start(slot, start, is_calm));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn start(&self, slot: usize, start: Start, is_calm: bool) -> Running {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let orders = self.orders_dir.join(format!("orders.{number}"));
        let order = start.order.filter(|_| !is_calm).map(|(point, hit, order)| {
            let what = if order == Order::Kill { "kill" } else { "stop" };
            format!("{} {hit} {what}\n", self.points[point])
        });
        std::fs::write(&orders, order.as_deref().unwrap_or_default()).unwrap();
        // The process ends with us, however we end.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).arg(&self.program).env_clear();
        command.env("PATH", "/usr/bin:/bin").env(crate::ORDERS, &orders);
        self.history
            .note("start", format!("replicator {slot}, number {number}: {start:?}, {order:?}"));
        self.history.count("replicators started", 1);
        let life = order.map(|_| Instant::now() + Duration::from_millis(start.life_ms));
        Running {
            ends_at: life,
            replicator: self.setup(&start).start_by(command, &[]),
            start,
            orders,
            number,
            stopped_at: None,
            asked_to_stop: 0,
            has_seen_revoked: false,
            has_seen_strange: false,
            thaws_at: None,
        }
    }

    /// A configuration in which nothing waits for long.
    pub fn setup(&self, start: &Start) -> Setup {
        let url = |server: usize| {
            self.scene.links[server].url_as(ROLE, &self.scene.databases[server].conninfo.database)
        };
        let mut setup = Setup::from_url(&url(0))
            .source_key(&format!("poll_interval_ms = {}", start.poll_interval_ms))
            .source_key(if self.is_grouped { "group_by = \"ts\"" } else { "group_by = \"\"" })
            .key(&format!("max_events_per_write = {}", start.events_max))
            .key(&format!("max_bytes_per_write = {}", start.bytes_max))
            .key(&format!("hold_max_ms = {}", start.hold_max_ms))
            .key("connect_timeout_ms = 3000")
            .key("append_timeout_ms = 2000")
            .key("shutdown_timeout_ms = 3000")
            .key("retry_wait_max_ms = 300");
        for destination in 0..DESTINATIONS {
            setup = setup
                .and_url(&format!("copy{}", destination + 1), &url(destination + 1))
                .destination_key(&format!("writers = {}", start.writers[destination]))
                .destination_key(&format!(
                    "synchronous_commit = \"{}\"",
                    start.commits[destination]
                ));
        }
        setup.and_url("file", &format!("sqlite:{}", self.scene.file().display()))
    }

    /// Looks whether the process has ended or stopped itself.
    async fn look(&self, slot: &mut MutexGuard<'_, Option<Running>>) {
        let Some(running) = slot.as_mut() else { return };
        running.has_seen_revoked |= self.revoked.load(Ordering::Relaxed) > 0;
        running.has_seen_strange |= self.strange.load(Ordering::Relaxed) > 0;
        if let Some(end) = running.replicator.ended() {
            self.judge(running, &end);
            **slot = None;
            return;
        }
        let is_late = running.stopped_at.is_some_and(|at| at.elapsed() > STOP_MAX);
        if is_late && running.thaws_at.is_none() {
            self.history.violated(format!(
                "a replicator did not stop within {STOP_MAX:?}:\n{}",
                tail(&running.replicator.log())
            ));
        }
        if running.ends_at.is_some_and(|at| at <= Instant::now()) && running.stopped_at.is_none() {
            running.ends_at = None;
            running.replicator.signal(Signal::KILL);
            self.history.count("fault: replicator killed", 1);
            return;
        }
        match running.thaws_at {
            Some(at) if at <= Instant::now() => {
                running.replicator.signal(Signal::CONT);
                running.thaws_at = None;
            }
            None if is_stopped(running.replicator.pid()) => self.stopped_itself(running).await,
            Some(_) | None => {}
        }
    }

    /// Stopped where it was ordered to: meanwhile the servers may end its sessions, so that the
    /// rival takes over.
    async fn stopped_itself(&self, running: &mut Running) {
        let Some((_, _, Order::Stop { for_ms, is_terminated })) = running.start.order else {
            return;
        };
        self.history.count("fault: stopped at a point", 1);
        running.thaws_at = Some(Instant::now() + Duration::from_millis(for_ms));
        if is_terminated {
            for server in 0..SERVERS {
                let scene = Arc::clone(&self.scene);
                tokio::spawn(async move { scene.try_execute(server, &terminate(1.0)).await });
            }
        }
    }

    fn judge(&self, running: &Running, end: &End) {
        self.take_hits(running, end);
        self.history.keep(&format!("replicator.{}.log", running.number), &end.log);
        let is_expected = match (end.code, end.signal) {
            (Some(0), _) => running.stopped_at.is_some(),
            (None, Some(9)) => true,
            (Some(130), _) => running.asked_to_stop > 1,
            // It had not come to listening for signals yet.
            (None, Some(15)) => running.stopped_at.is_some(),
            // Whoever starts while rights are missing is refused.
            (Some(3), _)
                if running.has_seen_revoked
                    && ["GRANT", "42501"].iter().any(|word| end.report.contains(word)) =>
            {
                true
            }
            // A table of other columns or contents is refused, and one that is not there.
            (Some(3 | 4), _) => running.has_seen_strange,
            _ => false,
        };
        self.history.note(
            "end",
            format!("number {}: {:?} {:?} {}", running.number, end.code, end.signal, end.report),
        );
        self.history.count(
            &format!(
                "ended with {}",
                end.code.map_or("SIGKILL".to_owned(), |code| format!("exit code {code}"))
            ),
            1,
        );
        if !is_expected {
            self.history.violated(format!(
                "a replicator ended with code {:?}, signal {:?}: {}\n{}",
                end.code,
                end.signal,
                end.report,
                tail(&end.log)
            ));
        }
    }

    fn take_hits(&self, running: &Running, end: &End) {
        let hits = std::fs::read_to_string(format!("{}.hits", running.orders.display()))
            .unwrap_or_default();
        let ordered = std::fs::read_to_string(&running.orders).unwrap_or_default();
        let order: Vec<&str> = ordered.split_whitespace().collect();
        for line in hits.lines() {
            let mut words = line.split_whitespace();
            let (Some(name), Some(count)) =
                (words.next(), words.next().and_then(|count| count.parse::<u64>().ok()))
            else {
                continue;
            };
            self.history.count(&format!("point {name}: hits"), count);
            if end.signal == Some(9)
                && order.len() == 3
                && order[0] == name
                && order[2] == "kill"
                && order[1].parse::<u64>().is_ok_and(|hit| hit <= count)
            {
                self.history.count("fault: killed at a point", 1);
                self.history.count(&format!("point {name}: kills"), 1);
            }
        }
    }

    /// Keeps the logs of those that run.
    pub async fn keep_logs(&self) {
        for slot in &self.slots {
            if let Some(running) = slot.lock().await.as_ref() {
                self.history
                    .keep(&format!("replicator.{}.log", running.number), &running.replicator.log());
            }
        }
    }

    /// What the process of a slot logged last.
    pub async fn log(&self, slot: usize) -> String {
        let slot = self.slots[slot].lock().await;
        slot.as_ref()
            .map_or_else(|| "it does not run".to_owned(), |running| tail(&running.replicator.log()))
    }

    /// Asks the process of a slot to stop, once.
    async fn stop(&self, slot: usize) {
        let is_asked = self.slots[slot]
            .lock()
            .await
            .as_ref()
            .is_none_or(|running| running.stopped_at.is_some());
        if !is_asked {
            self.signal(slot, Signal::TERM).await;
        }
    }

    /// Signals the process of a slot, if it runs.
    pub async fn signal(&self, slot: usize, signal: Signal) -> bool {
        let mut slot = self.slots[slot].lock().await;
        let Some(running) = slot.as_mut() else { return false };
        if running.replicator.is_running() {
            running.replicator.signal(signal);
            if signal == Signal::TERM {
                running.stopped_at.get_or_insert_with(Instant::now);
                running.asked_to_stop += 1;
            }
            return true;
        }
        false
    }
}

/// Ends a share of the replicators' sessions on the database.
pub fn terminate(share: f64) -> String {
    end_sessions("pg_terminate_backend", share)
}

/// Cancels what all of them ask.
pub fn cancel() -> String {
    end_sessions("pg_cancel_backend", 1.0)
}

fn end_sessions(function: &str, share: f64) -> String {
    format!(
        "select {function}(pid) from pg_stat_activity
          where datname = current_database() and application_name like 'counterfoil/%' and random() < {share}"
    )
}

fn is_stopped(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
}

/// The end of a log.
pub fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}
