//! Opens a database with reflections as destination: a session that holds its tables, and what they
//! and what is remembered of them look like.

use super::place::InspectedReflections;
use super::state;
use super::store::ReflectedEvents;
use super::target::{TargetTable, missing};
use super::wire::wire_of_log;
use crate::commands;
use crate::config::libpq::Conninfo;
use crate::config::{ReflectionConfig, ReflectionsConfig};
use crate::destination::connector::{
    Connector, InspectedPlace, ObservedPlace, OpenLimits, Replicator, SurveyedPlace,
};
use crate::destination::postgres::survey;
use crate::error::{Error, ErrorKind, Problems, Result};
use crate::event::store::EventStore;
use crate::event::wire::Wire;
use crate::postgres::session::error::ErrorSide;
use crate::postgres::session::patience::Patience;
use crate::postgres::session::{Session, SessionPurpose, settings};
use crate::postgres::table::{EventTable, fitness};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;

/// See the module.
pub(crate) struct ReflectionsConnector<'a> {
    pub(crate) config: &'a ReflectionsConfig,
    pub(crate) name: &'a str,
}

/// Reflections that are asked while others compute them.
struct ObservedReflections<'a> {
    events: ReflectedEvents<Session>,
    conninfo: &'a Conninfo,
}

/// Reflections as a reader sees them who may look and no more.
struct SurveyedReflections<'a> {
    session: Session,
    name: &'a str,
    conninfo: &'a Conninfo,
    replicator: Option<Replicator>,
}

impl Connector for ReflectionsConnector<'_> {
    fn describe(&self) -> String {
        self.config.conninfo.describe()
    }

    fn inspect<'a>(
        &'a self,
        limits: &'a OpenLimits<'a>,
    ) -> BoxFuture<'a, Result<Box<dyn InspectedPlace>, Problems>> {
        let who = format!("destination {:?}", self.name);
        async move {
            let inspected = self.inspected(&who, limits).await;
            let inspected = inspected.map_err(|problems| problems.within(&who))?;
            Ok(Box::new(inspected) as Box<dyn InspectedPlace>)
        }
        .boxed()
    }

    fn survey<'a>(
        &'a self,
        limits: &'a OpenLimits<'a>,
    ) -> BoxFuture<'a, Result<Box<dyn SurveyedPlace + 'a>>> {
        async move {
            let session = self.session(limits).await?;
            self.require_set_up(&session).await?;
            let replicator = match self.config.reflections.first() {
                Some(first) => replicator(&session, first).await?,
                None => None,
            };
            let (name, conninfo) = (self.name, &self.config.conninfo);
            let surveyed = SurveyedReflections { session, name, conninfo, replicator };
            Ok(Box::new(surveyed) as Box<dyn SurveyedPlace + 'a>)
        }
        .boxed()
    }

    fn observe<'a>(
        &'a self,
        wire: &'a Wire,
        limits: &'a OpenLimits<'a>,
    ) -> BoxFuture<'a, Result<Box<dyn ObservedPlace + 'a>>> {
        async move {
            let session = self.session(limits).await?;
            self.require_set_up(&session).await?;
            let events = ReflectedEvents::new(session, self.name, Arc::new(wire.clone()));
            let conninfo = &self.config.conninfo;
            Ok(Box::new(ObservedReflections { events, conninfo }) as Box<dyn ObservedPlace + 'a>)
        }
        .boxed()
    }
}

impl ReflectionsConnector<'_> {
    async fn session(&self, limits: &OpenLimits<'_>) -> Result<Session> {
        let side = ErrorSide::Destination;
        limits.routes.probe(&self.config.conninfo, side, limits.connect_timeout).await?;
        let purpose = SessionPurpose { what: limits.what, side };
        Session::open(&self.config.conninfo, purpose, limits.connect_timeout).await
    }

    async fn require_set_up(&self, session: &Session) -> Result<()> {
        if state::is_set_up(session).await? {
            return Ok(());
        }
        let what = "nothing is there to remember in where the reflections stand";
        Err(Error::new(ErrorKind::Unsuitable, what)
            .at(session.place())
            .fix(format!("{} makes it", commands::init_destination(self.name))))
    }

    async fn inspected(
        &self,
        who: &str,
        limits: &OpenLimits<'_>,
    ) -> Result<InspectedReflections, Problems> {
        let session = self.session(limits).await?;
        let patience = Patience { limit: limits.connect_timeout, who, place: session.place() };
        let asking = async { Ok(self.looked_at(&session).await) };
        let (tables, remembered) = patience.with(vec![session.canceller()], asking).await??;
        Ok(InspectedReflections {
            session,
            name: self.name.to_owned(),
            config: self.config.clone(),
            tables,
            remembered,
            connect_timeout: limits.connect_timeout,
            append_timeout: limits.append_timeout,
        })
    }

    async fn looked_at(&self, session: &Session) -> Result<ObservedTables, Problems> {
        let server = settings::about(session).await?;
        fitness::encoding(&server)?;
        fitness::takes_writes(&server)?;
        let mut problems = Problems::new();
        problems.note(self.require_set_up(session).await);
        let mut tables = Vec::new();
        for reflection in &self.config.reflections {
            match TargetTable::read(session, &reflection.table).await? {
                Some(target) => tables.push(target),
                None => {
                    let missing = missing(&reflection.table, self.name);
                    problems.push(missing.at(session.place()));
                }
            }
        }
        problems.or_ok(())?;
        let remembered = state::read(session, self.name).await?;
        Ok((tables, remembered))
    }
}

type ObservedTables = (Vec<TargetTable>, Option<state::RememberedState>);

/// Who holds the first of the tables.
async fn replicator(session: &Session, first: &ReflectionConfig) -> Result<Option<Replicator>> {
    let failed =
        |error: tokio_postgres::Error| session.error(&error, "cannot find out who holds it");
    let sql = "select pg_catalog.to_regclass($1)::pg_catalog.oid";
    let found = session.query_one(sql, &[&first.table.quoted()]).await.map_err(failed)?;
    let Some(oid) = found.get::<_, Option<u32>>(0) else { return Ok(None) };
    survey::holder(session, oid).await
}

impl ObservedPlace for ObservedReflections<'_> {
    fn store(&self) -> &dyn EventStore {
        &self.events
    }

    fn sessions(&self) -> Vec<(&Session, &Conninfo)> {
        vec![(self.events.session(), self.conninfo)]
    }
}

impl SurveyedPlace for SurveyedReflections<'_> {
    fn place(&self) -> String {
        self.session.place().to_owned()
    }

    fn replicator(&self) -> Option<&Replicator> {
        self.replicator.as_ref()
    }

    fn sessions(&self) -> Vec<(&Session, &Conninfo)> {
        vec![(&self.session, self.conninfo)]
    }

    fn store(&self, source: Option<&EventTable>) -> Result<Box<dyn EventStore + '_>> {
        let wire = match source {
            Some(source) => wire_of_log(source)?,
            None => Wire::without_columns(),
        };
        Ok(Box::new(ReflectedEvents::new(&self.session, self.name, Arc::new(wire))))
    }
}
