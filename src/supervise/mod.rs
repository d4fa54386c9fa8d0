//! Several replications in one process, each by itself: they start, restart when their file has
//! changed, and end; what ends one stops no other.

mod needed;
mod one;
pub mod panicked;
mod verifying;

use crate::config::ReplicationConfig;
use crate::error::{Error, ErrorKind, Problems};
use crate::log::{WallTime, key};
use crate::replicate::Replication;
use crate::replicate::command::{CommandSender, commands};
use crate::replicate::shared::SharedLimits;
use crate::replicate::snapshot::Snapshot;
use crate::stop::{Stop, Stopper};
use crate::supervise::panicked::panicked;
use crate::supervise::verifying::VerificationParts;
use crate::verify::continuous::snapshot::{self as verification, VerificationSnapshot};
use crate::verify::continuous::subject::VerificationLimits;
use slog::{Logger, error, info, o};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{Id, JoinError, JoinSet};

/// How all replications of a process are run.
#[derive(Clone, Copy, Debug)]
pub struct SupervisorOptions {
    /// Each ends when every destination holds what was visible at its start, and is checked once
    /// more.
    pub until_caught_up: bool,
    /// The first failure of any ends all.
    pub fail_fast: bool,
    /// How often the log tells of each how it stands; `None`: never.
    pub heartbeat: Option<Duration>,
    /// While nothing is configured it waits for a reload, and does not end.
    pub waits_when_empty: bool,
}

/// A replication that runs or has ended, for those who watch and command it.
#[derive(Clone, Debug)]
pub struct SupervisedReplication {
    /// Its name.
    pub name: String,
    /// What it runs by.
    pub config: Arc<ReplicationConfig>,
    /// What it tells of itself.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// What its verification tells of itself.
    pub verification: watch::Receiver<Arc<VerificationSnapshot>>,
    /// Who tells it what to do.
    pub commander: CommandSender,
    /// How it ended; `None` while it runs.
    pub end: Option<Arc<ReplicationEnd>>,
}

/// How a replication ended.
#[derive(Clone, Debug)]
pub struct ReplicationEnd {
    /// When.
    pub at: WallTime,
    /// What went wrong; empty when all is copied, or after a stop.
    pub problems: Problems,
}

/// The replications that are configured at the moment, in the order of their names: those that run,
/// and those that have ended.
pub type Roster = Arc<Vec<SupervisedReplication>>;

impl SupervisedReplication {
    /// Whether it has not ended.
    pub fn is_running(&self) -> bool {
        self.end.is_none()
    }
}

/// What the files say after a reload was asked for.
pub type Reload = Result<Vec<ReplicationConfig>, Problems>;

/// Asks that the files be read again, as SIGHUP does, and waits for what comes of it.
pub type ReloadCall = oneshot::Sender<ReloadOutcome>;

/// What came of a reload; the problems for which it changed nothing.
pub type ReloadOutcome = Result<ReloadCounts, Problems>;

/// A reload, with who waits for what comes of it.
pub struct ReloadOrder {
    /// What the files say.
    pub found: Reload,
    /// Who waits, if anyone does.
    pub call: Option<ReloadCall>,
}

impl From<Reload> for ReloadOrder {
    fn from(found: Reload) -> Self {
        Self { found, call: None }
    }
}

/// Runs these replications until each has ended, or until a stop; gives what went wrong in those
/// that are still configured.
///
/// A reload starts what is new, ends what is gone, and restarts what has changed, or had ended with
/// a failure; what cannot be read changes nothing. A crash leaves of each what its replication
/// leaves: whole batches.
pub async fn supervise(
    configs: Vec<ReplicationConfig>,
    options: SupervisorOptions,
    mut reloads: mpsc::Receiver<ReloadOrder>,
    roster: &watch::Sender<Roster>,
    stop: &Stop,
    log: &Logger,
) -> Problems {
    let (stop_all, stop) = stop.narrower();
    let mut supervisor = Supervisor {
        options,
        stop,
        log,
        shared: SharedLimits::default(),
        verifications: VerificationLimits::default(),
        entries: BTreeMap::new(),
        tasks: JoinSet::new(),
        is_several: configs.len() > 1,
    };
    for config in configs {
        supervisor.start(Arc::new(config));
    }
    roster.send_replace(supervisor.roster());
    while !supervisor.tasks.is_empty() || supervisor.waits() {
        tokio::select! {
            biased;
            Some(ended) = supervisor.tasks.join_next_with_id() => {
                let is_failure = supervisor.take_ended(ended);
                if is_failure && options.fail_fast {
                    stop_all.request();
                }
            }
            Some(order) = reloads.recv() => {
                let outcome = supervisor.reload(order.found);
                roster.send_replace(supervisor.roster());
                // Who asked may be gone.
                order.call.map(|call| call.send(outcome));
            }
            () = supervisor.stop.requested(), if supervisor.tasks.is_empty() => break,
            else => break,
        }
        roster.send_replace(supervisor.roster());
    }
    supervisor.problems()
}

/// See [`supervise`].
struct Supervisor<'a> {
    options: SupervisorOptions,
    stop: Stop,
    log: &'a Logger,
    shared: SharedLimits,
    verifications: VerificationLimits,
    entries: BTreeMap<String, SupervisedEntry>,
    tasks: JoinSet<Problems>,
    /// Whether what is told must say of which replication it is.
    is_several: bool,
}

/// A replication that is configured.
struct SupervisedEntry {
    handle: SupervisedReplication,
    phase: EntryPhase,
}

/// Where a replication is in its life.
enum EntryPhase {
    Running {
        task: Id,
        stopper: Stopper,
        /// What follows when it has ended.
        next: NextStep,
    },
    Ended(Problems),
}

/// What follows when a replication has ended.
enum NextStep {
    /// Nothing: it has ended.
    Nothing,
    /// It is started with another configuration.
    Restart(Arc<ReplicationConfig>),
    /// It is configured no more.
    Forget,
}

impl Supervisor<'_> {
    fn start(&mut self, config: Arc<ReplicationConfig>) {
        let name = config.name.clone();
        let log = if self.is_several {
            self.log.new(o!(key::REPLICATION => name.clone()))
        } else {
            self.log.clone()
        };
        one::tell_parameters(&config, self.options.until_caught_up, &log);
        let run = Replication {
            until_caught_up: self.options.until_caught_up,
            fail_fast: self.options.fail_fast,
            heartbeat: self.options.heartbeat,
            shared: self.shared.clone(),
            ..Replication::new(Arc::clone(&config), log)
        };
        let (commander, commands) = commands();
        let publisher = verification::publisher(&config);
        let (stopper, stop) = self.stop.narrower();
        let handle = SupervisedReplication {
            name: name.clone(),
            config,
            snapshots: run.snapshots.subscribe(),
            verification: publisher.subscribe(),
            commander,
            end: None,
        };
        let verification = VerificationParts {
            config: Arc::clone(&run.config),
            publisher,
            limits: self.verifications.clone(),
            limiter: self.shared.limiter(),
            log: run.log.clone(),
        };
        let task = self.tasks.spawn(async move {
            one::replicate_to_the_end(&run, commands, verification, &stop).await
        });
        let phase = EntryPhase::Running { task: task.id(), stopper, next: NextStep::Nothing };
        self.entries.insert(name, SupervisedEntry { handle, phase });
    }

    /// A replication has ended; gives whether that is a failure of what is configured.
    fn take_ended(&mut self, ended: Result<(Id, Problems), JoinError>) -> bool {
        let (id, problems) = ended.unwrap_or_else(|panic| (panic.id(), panicked().into()));
        let is_it = |entry: &SupervisedEntry| matches!(&entry.phase, EntryPhase::Running { task, .. } if *task == id);
        let Some(name) =
            self.entries.iter().find(|(_, entry)| is_it(entry)).map(|(name, _)| name.clone())
        else {
            return false;
        };
        let is_failure = !problems.is_empty();
        let is_last = self.entries.get(&name).is_some_and(SupervisedEntry::is_not_followed);
        // A job that a reload has stopped is unfinished, and that is no news; any other failure is.
        let is_told = is_last
            || !self.options.until_caught_up
            || problems.worst().is_some_and(|worst| worst.kind() != ErrorKind::Unavailable);
        if let (true, true, Some(worst)) =
            (is_failure && is_told, self.is_several, problems.worst())
        {
            error!(self.log, "a replication has ended"; key::REPLICATION => &name, key::ERROR => worst.to_string(),
                key::FIX => worst.remedy().unwrap_or_default());
        }
        let Some(entry) = self.entries.get_mut(&name) else { return false };
        let end = ReplicationEnd { at: WallTime::now(), problems: problems.clone() };
        entry.handle.end = Some(Arc::new(end));
        match std::mem::replace(&mut entry.phase, EntryPhase::Ended(problems)) {
            EntryPhase::Running { next: NextStep::Restart(config), .. }
                if !self.stop.is_requested() =>
            {
                self.start(config);
                false
            }
            EntryPhase::Running { next: NextStep::Forget, .. } => {
                self.entries.remove(&name);
                false
            }
            EntryPhase::Running { .. } | EntryPhase::Ended(_) => is_failure,
        }
    }

    fn reload(&mut self, reload: Reload) -> ReloadOutcome {
        if self.stop.is_requested() {
            return Err(Error::new(ErrorKind::Stopped, "the process is stopping").into());
        }
        let configs = match reload {
            Ok(configs) => configs,
            Err(problems) => {
                for problem in problems.iter() {
                    error!(self.log, "the configuration was not reloaded, everything goes on as \
                                      before"; key::ERROR => problem.to_string(),
                        key::FIX => problem.remedy().unwrap_or_default());
                }
                return Err(problems);
            }
        };
        self.is_several |= configs.len() > 1;
        let mut counts = ReloadCounts::default();
        let named: BTreeMap<String, Arc<ReplicationConfig>> =
            configs.into_iter().map(|config| (config.name.clone(), Arc::new(config))).collect();
        for (name, entry) in &mut self.entries {
            if entry.prepare(named.get(name), &mut counts) {
                self.shared.leave(name);
            }
        }
        self.entries.retain(|name, entry| {
            named.contains_key(name) || matches!(entry.phase, EntryPhase::Running { .. })
        });
        for (name, config) in named {
            match self.entries.get(&name).map(|entry| &entry.phase) {
                Some(EntryPhase::Running { .. }) => {}
                Some(EntryPhase::Ended(problems))
                    if problems.is_empty()
                        && self.entries[&name].handle.config.revision == config.revision => {}
                Some(EntryPhase::Ended(_)) => {
                    counts.restarted += 1;
                    self.start(config);
                }
                None => {
                    counts.started += 1;
                    self.start(config);
                }
            }
        }
        info!(self.log, "the configuration was reloaded"; "started" => counts.started, "restarted" => counts.restarted, "ended" => counts.ended);
        Ok(counts)
    }

    /// Whether nothing is configured, and a reload may change that.
    fn waits(&self) -> bool {
        self.options.waits_when_empty && self.entries.is_empty() && !self.stop.is_requested()
    }

    fn roster(&self) -> Roster {
        Arc::new(self.entries.values().map(|entry| entry.handle.clone()).collect())
    }

    fn problems(self) -> Problems {
        let mut all = Problems::new();
        for (name, entry) in self.entries {
            if let EntryPhase::Ended(problems) = entry.phase {
                all.extend(if self.is_several {
                    problems.within(&format!("replication {name:?}"))
                } else {
                    problems
                });
            }
        }
        all
    }
}

/// What a reload has begun.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReloadCounts {
    /// Replications that are new.
    pub started: u32,
    /// Those that have changed, or had ended with a failure.
    pub restarted: u32,
    /// Those that are configured no more.
    pub ended: u32,
}

impl SupervisedEntry {
    /// Whether nothing follows when it has ended.
    fn is_not_followed(&self) -> bool {
        matches!(&self.phase, EntryPhase::Running { next: NextStep::Nothing, .. })
    }

    /// Ends it where it is gone or has changed, and notes what follows; gives whether it ends.
    fn prepare(&mut self, now: Option<&Arc<ReplicationConfig>>, counts: &mut ReloadCounts) -> bool {
        let EntryPhase::Running { stopper, next, .. } = &mut self.phase else {
            return false;
        };
        match now {
            None => {
                counts.ended += 1;
                *next = NextStep::Forget;
            }
            Some(config)
                if config.revision == self.handle.config.revision
                    && matches!(next, NextStep::Nothing) =>
            {
                return false;
            }
            Some(config) => {
                counts.restarted += 1;
                *next = NextStep::Restart(Arc::clone(config));
            }
        }
        stopper.request();
        true
    }
}
