//! The loader, as fast as it can, with eight writers: who writes while others follow.

use crate::Result;
use crate::stage::{Stage, url};
use std::process::{Child, Command, Stdio};

/// It is killed if it is not waited for.
pub struct Loader(Child);

impl Loader {
    /// Every event is an INSERT of its own, or three of a person together; another seed gives other
    /// events.
    pub fn start(stage: &Stage, seconds: u64, seed: usize) -> Result<Self> {
        let mut loader = Command::new(env!("CARGO_BIN_EXE_load-fake-data"));
        loader.args(["--method=insert", "--writers=8", "--url"]).arg(url(&stage.source, "source"));
        loader.arg(format!("--duration={seconds}")).arg(format!("--seed={seed}"));
        Ok(Self(loader.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?))
    }

    /// Whether it has ended; fails if it ended badly.
    pub fn has_ended(&mut self) -> Result<bool> {
        match self.0.try_wait()? {
            None => Ok(false),
            Some(status) if status.success() => Ok(true),
            Some(status) => Err(format!("load-fake-data: {status}").into()),
        }
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
