//! `counterfoil demo`: all of it on private servers with made-up events, told as it happens, proved
//! in the end.

mod act;
mod following;
mod proof;
mod servers;
mod story;
mod watch;
mod writers;

use super::args;
use super::signals::stop_on_signals;
use crate::error::Problems;
use crate::log;
use following::{DemoRoster, open_window};
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
    let stage = DemoRoster::default();
    let window = open_window(&arguments, &stage, &story)?;
    let played = act_and_prove(&arguments, &servers, &stage, &story);
    let Some(proved) = stop.or(played).await else {
        story.say("stopped before the proof");
        return Ok(INTERRUPTED);
    };
    if arguments.keep && arguments.console.is_none() {
        if let Err(problems) = &proved {
            problems.iter().for_each(|problem| story.say(&problem.to_string()));
        }
        story.text(&servers.how_to_look_around());
        stop.requested().await;
    }
    if let (Some(window), Ok(())) = (window, &proved) {
        story.text(&window.invitation());
        following::go_on(&servers, &stage, &story, &stop).await?;
        window.close(0);
    }
    proved?;
    story.failure().map_or(Ok(0), |error| Err(error.into()))
}

async fn act_and_prove(
    arguments: &args::Demo,
    servers: &DemoServers,
    roster: &DemoRoster,
    story: &Arc<DemoStory>,
) -> Result<(), Problems> {
    servers.init(story).await?;
    let config = Arc::new(servers.config(arguments.console.is_some())?);
    let committed = act::play(arguments.events, &config, servers, roster, story).await?;
    proof::prove(&config, committed, story).await
}
