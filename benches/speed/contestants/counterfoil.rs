//! Counterfoil: until it has caught up, or following until it is stopped.

use crate::Result;
use crate::figures::{Figures, timed, watch};
use crate::stage::{Stage, url};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command};

/// `counterfoil run --until-caught-up` into one or several destinations.
pub fn catch_up(stage: &Stage, targets: &[&str], settings: &str) -> Result<Figures> {
    run_to_the_end(stage, targets, settings, "--until-caught-up")
}

/// `counterfoil run` with one more flag, to its end.
pub fn run_to_the_end(
    stage: &Stage,
    targets: &[&str],
    settings: &str,
    flag: &str,
) -> Result<Figures> {
    let mut run = command(stage, targets, settings)?;
    run.arg(flag);
    timed(&stage.source, &stage.destination, |figures| {
        if watch(&mut [run.spawn()?], figures)? {
            return Ok(());
        }
        Err(failure(stage))
    })
}

/// A replicator that follows. It is killed if it is not stopped.
pub struct Run {
    child: Child,
    log: PathBuf,
}

impl Run {
    pub fn start(stage: &Stage, targets: &[&str], settings: &str) -> Result<Self> {
        Ok(Self { child: command(stage, targets, settings)?.spawn()?, log: log_of(stage) })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as an operator does, and fails if it had ended before or ends badly.
    pub fn stop(mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            return Err(format!(
                "counterfoil ended by itself: {status}; its log:\n{}",
                std::fs::read_to_string(&self.log)?
            )
            .into());
        }
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        let status = self.child.wait()?;
        if status.success() {
            return Ok(());
        }
        Err(format!("counterfoil: {status}; its log:\n{}", std::fs::read_to_string(&self.log)?)
            .into())
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(stage: &Stage, targets: &[&str], settings: &str) -> Result<Command> {
    let file = stage.scratch().join("config.toml");
    let settings = settings.replace(", ", "\n");
    let mut config = format!(
        "[source]\nurl = \"{}\"\n[replication]\n{}\n",
        url(&stage.source, "source"),
        stage.replication
    );
    for target in targets {
        let url = url(&stage.destination, target);
        config.push_str(&format!(
            "[[destinations]]\nname = \"{target}\"\nurl = \"{url}\"\n{settings}\n"
        ));
    }
    std::fs::write(&file, config)?;
    let mut run = Command::new(env!("CARGO_BIN_EXE_counterfoil"));
    let log = File::create(log_of(stage))?;
    run.args(["run", "--config"]).arg(&file).stderr(log.try_clone()?).stdout(log);
    Ok(run)
}

fn log_of(stage: &Stage) -> PathBuf {
    stage.scratch().join("run.log")
}

fn failure(stage: &Stage) -> Box<dyn std::error::Error + Send + Sync> {
    let log = std::fs::read_to_string(log_of(stage)).unwrap_or_default();
    format!("counterfoil failed; its log:\n{log}").into()
}
