//! The action: four writers, a replicator that begins in their midst, a destination that is killed
//! and comes back.

use super::following::DemoRoster;
use super::servers::{CONNECT_TIMEOUT, DESTINATIONS, DemoServers, purpose};
use super::story::{DemoStory, counted, position};
use super::watch::{self, destinations};
use super::writers::{DemoWriters, WRITERS};
use crate::config::{ReplicationConfig, SourceConfig};
use crate::error::{Error, ErrorKind, Problems, Result};
use crate::postgres::server::PrivateServer;
use crate::postgres::session::Session;
use crate::replicate::health::Health;
use crate::sql;
use crate::stop;
use std::sync::Arc;
use std::time::Instant;

/// What the play is played with.
struct DemoStage<'a> {
    events: u64,
    config: &'a ReplicationConfig,
    servers: &'a DemoServers,
    story: &'a DemoStory,
}

/// Plays it to the end; gives how many events were committed.
pub(crate) async fn play(
    events: u64,
    config: &Arc<ReplicationConfig>,
    servers: &DemoServers,
    roster: &DemoRoster,
    story: &Arc<DemoStory>,
) -> Result<u64, Problems> {
    let stage = DemoStage { events, config, servers, story };
    let mut writers = DemoWriters::begin(&config.source, events).await?;
    story.say(&format!(
        "{WRITERS} writers begin: each transaction draws ids, stays open for up to {} ms, and then \
         commits or rolls back",
        DemoWriters::open_max(events).as_millis()
    ));
    writers.until_committed(events / 4).await?;
    let (stopper, stop) = stop::channel();
    let mut replicating = std::pin::pin!(roster.replicate(config, &stop, story));
    let committed = tokio::select! {
        committed = stage.direct(&mut writers) => committed?,
        problems = &mut replicating => {
            return problems.or_ok(()).and(Err(Error::new(ErrorKind::Bug, "the replicator ended by itself").into()));
        }
    };
    stopper.request();
    replicating.await.or_ok(committed)
}

impl DemoStage<'_> {
    /// What happens while the replicator runs.
    async fn direct(&self, writers: &mut DemoWriters) -> Result<u64> {
        self.catch_up_in_the_middle(writers).await?;
        self.lose_a_destination(writers).await?;
        self.come_to_rest(writers).await
    }

    async fn catch_up_in_the_middle(&self, writers: &mut DemoWriters) -> Result<()> {
        let began = Instant::now();
        let committed = writers.until_committed(0).await?.committed;
        let target = watch::now(self.config).await.source.highest_id;
        self.story.say(&format!(
            "{} events are committed, the highest id is {}: replication starts while writing goes \
             on",
            counted(committed),
            position(target)
        ));
        let have_all = |status: &_| {
            destinations(status).iter().all(|destination| destination.position >= target)
        };
        watch::until("the first catching up", self.config, have_all).await?;
        self.story.say(&format!(
            "{} hold everything up to there, {} ms later",
            DESTINATIONS.join(" and "),
            began.elapsed().as_millis()
        ));
        Ok(())
    }

    async fn lose_a_destination(&self, writers: &mut DemoWriters) -> Result<()> {
        let [stays, goes] = DESTINATIONS;
        let server = &self.servers.destinations[1];
        writers.until_committed(self.events / 2).await?;
        let before = watch::now(self.config).await;
        self.story.say(&format!(
            "{stays} is at position {}, {goes} at {}; now the server of {goes} is killed with \
             SIGKILL",
            position(destinations(&before)[0].position),
            position(destinations(&before)[1].position),
        ));
        self.story.begin_quoting();
        let killed = Instant::now();
        server.aside(PrivateServer::kill_nine).await?;
        let committed = writers.until_committed(self.events / 4 * 3).await?.committed;
        let meanwhile = watch::now(self.config).await;
        let [north, south] = destinations(&meanwhile);
        self.story.say(&format!(
            "meanwhile: {} events are committed, {stays} has gone on to {}, {goes} is {}",
            counted(committed),
            position(north.position),
            south.health
        ));
        server.aside(PrivateServer::start).await?;
        self.story.say(&format!(
            "{goes} is started again and has recovered; it was away for {:.1} s",
            killed.elapsed().as_secs_f64()
        ));
        let is_back = |status: &_| {
            let goes = destinations(status)[1];
            goes.replicator.is_some() && goes.position >= north.position
        };
        let back = watch::until("the return of a destination", self.config, is_back).await?;
        self.story.end_quoting();
        self.story.say(&format!(
            "no manual step was needed: {goes} is fed again and at {}, {stays} at {}",
            position(destinations(&back)[1].position),
            position(destinations(&back)[0].position),
        ));
        Ok(())
    }

    async fn come_to_rest(&self, writers: &mut DemoWriters) -> Result<u64> {
        let tally = writers.until_ended().await?;
        self.story.say(&format!(
            "the writers have ended: {} events were committed in {} transactions, {} were rolled \
             back in {}",
            counted(tally.committed),
            counted(tally.commits),
            counted(tally.rolled_back),
            counted(tally.rollbacks)
        ));
        let overtaken = overtaken(&self.config.source).await?;
        self.story.say(&format!(
            "{} of them were committed after an event with a higher id, by the server's times of \
             commit",
            counted(overtaken)
        ));
        let are_level = |status: &_| {
            destinations(status).iter().all(|destination| destination.health == Health::Level)
        };
        let end = watch::until("the last catching up", self.config, are_level).await?;
        self.story.say(&format!(
            "{} hold the last event, id {}; replication stops",
            DESTINATIONS.join(" and "),
            position(end.source.highest_id)
        ));
        Ok(tally.committed)
    }
}

/// Events that a reader which only asks for ids above the highest it has seen could have missed.
async fn overtaken(source: &SourceConfig) -> Result<i64> {
    let session = Session::open(&source.conninfo, purpose(), CONNECT_TIMEOUT).await?;
    let names =
        [("schema", sql::text(&*source.table.schema)), ("table", sql::text(&*source.table.name))];
    let asked = sql::fill(include_str!("../../../sql/demo/overtaken.sql"), &names);
    let row = session.query_one(&asked, &[]).await;
    row.and_then(|row| row.try_get("overtaken"))
        .map_err(|error| session.error(&error, "cannot count what was committed out of order"))
}
