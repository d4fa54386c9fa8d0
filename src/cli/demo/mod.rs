//! `counterfoil demo`: all of it on private servers with made-up events, told as it happens, proved
//! in the end.

mod act;
mod proof;
mod servers;
mod story;
mod watch;
mod writers;

use super::args;
use super::signals::stop_on_signals;
use crate::error::Problems;
use crate::log;
use servers::DemoServers;
use std::sync::Arc;
use story::{DemoStory, counted};

/// The exit code when a signal came before the proof.
const INTERRUPTED: u8 = 130;

/// Runs it; gives the exit code. Nothing of it is left afterwards, neither a process nor a
/// directory.
///
/// # Errors
/// `Contents` when the copies are not equal; `Unsuitable` when there is no PostgreSQL to run; those
/// of the output; whatever else ended it.
pub(crate) async fn demo(arguments: args::Demo) -> Result<u8, Problems> {
    let stop = stop_on_signals(&log::none())?;
    let story = Arc::new(DemoStory::begin());
    story.title(&format!(
        "{} events or a few more, one source, two destinations",
        counted(arguments.events)
    ));
    let servers = DemoServers::start().await?;
    story
        .say(&format!("three private servers have been started, PostgreSQL {}", servers.version()));
    let Some(proved) = stop.or(act_and_prove(&arguments, &servers, &story)).await else {
        story.say("stopped before the proof");
        return Ok(INTERRUPTED);
    };
    if arguments.keep {
        if let Err(problems) = &proved {
            problems.iter().for_each(|problem| story.say(&problem.to_string()));
        }
        story.text(&servers.how_to_look_around());
        stop.requested().await;
    }
    proved?;
    story.failure().map_or(Ok(0), |error| Err(error.into()))
}

async fn act_and_prove(
    arguments: &args::Demo,
    servers: &DemoServers,
    story: &Arc<DemoStory>,
) -> Result<(), Problems> {
    servers.init(story).await?;
    let config = Arc::new(servers.config()?);
    let committed = act::play(arguments.events, &config, servers, story).await?;
    proof::prove(&config, committed, story).await
}
