//! The envelope of events: who gave the command, and the numbers by which a table can be validated
//! without its source.

use super::attachment::{Attachments, with_attachment};
use super::clock::WorldClock;
use super::json::JsonObject;
use super::origin::{EventGroup, WorldOrigin};
use fake::Fake;
use fake::uuid::UUIDv4;
use rand::RngExt;
use rand::rngs::StdRng;

/// How many users give the commands.
const INITIATORS: usize = 16;

/// An event without its envelope.
#[derive(Debug)]
pub(super) struct EventDraft<'a> {
    /// What happened: `PersonCreated`.
    pub(super) name: &'a str,
    /// To what; the fields that slate's indexes are on.
    pub(super) subject: Option<EventSubject<'a>>,
    /// The object `data`.
    pub(super) contents: String,
}

/// What an event is about.
#[derive(Debug)]
pub(super) struct EventSubject<'a> {
    /// `Order`.
    pub(super) entity: &'static str,
    /// Its id.
    pub(super) id: &'a str,
    /// `Shipped`.
    pub(super) operation: &'static str,
    /// The property that was given or changed, if it was a single one.
    pub(super) property: Option<&'static str>,
}

impl<'a> EventSubject<'a> {
    /// An operation on the whole.
    pub(super) fn of(entity: &'static str, id: &'a str, operation: &'static str) -> Self {
        Self { entity, id, operation, property: None }
    }
}

/// Numbers the groups of one program from 1.
#[derive(Debug)]
pub(super) struct OperationNumbers {
    clock: WorldClock,
    program: String,
    initiators: Vec<String>,
    count: u64,
    attachments: Attachments,
}

impl OperationNumbers {
    /// Starts with none.
    pub(super) fn new(origin: &WorldOrigin, random: &mut StdRng) -> Self {
        Self {
            clock: WorldClock::new(origin.time),
            program: uuid(random),
            initiators: (0..INITIATORS).map(|_| uuid(random)).collect(),
            count: 0,
            attachments: Attachments::default(),
        }
    }

    /// The `programId` of all groups.
    pub(super) fn program(&self) -> &str {
        &self.program
    }

    /// Lets so many of so many events carry an attachment.
    pub(super) fn attach(&mut self, wanted: u64, events: u64) {
        self.attachments = Attachments::new(wanted, events);
    }

    /// Puts the drafts into one group.
    pub(super) fn group(
        &mut self,
        random: &mut StdRng,
        command: &str,
        mut drafts: Vec<EventDraft<'_>>,
    ) -> EventGroup {
        self.count += 1;
        let operation = uuid(random);
        let initiator = &self.initiators[random.random_range(0..INITIATORS)];
        let elapsed_ms = random.random_range(1..50);
        let time = self.clock.after_ms(elapsed_ms);
        let count = drafts.len();
        for draft in &mut drafts {
            if self.attachments.is_next() {
                draft.contents = with_attachment(&draft.contents, random);
            }
        }
        let event = |(place, draft): (usize, EventDraft<'_>)| {
            let stats = JsonObject::with_capacity(240)
                .text("programId", &self.program)
                .plain("dbOperationNum", self.count)
                .text("dbOperationId", &operation)
                .plain("dbOperationEventNum", place + 1)
                .plain("dbOperationEventCount", count)
                .text("dbOperationTS", &time);
            let metadata =
                JsonObject::new().text("initiatorId", initiator).text("command", command);
            draft
                .begun()
                .object("data", &draft.contents)
                .object("metadata", &metadata.end())
                .object("testingStats", &stats.end())
                .end()
        };
        drafts.into_iter().enumerate().map(event).collect()
    }
}

impl EventDraft<'_> {
    fn begun(&self) -> JsonObject {
        let begun = JsonObject::with_capacity(self.contents.len() + 512).text("name", self.name);
        let Some(subject) = &self.subject else { return begun };
        let begun = begun
            .text("entityName", subject.entity)
            .text("entityId", subject.id)
            .text("operation", subject.operation);
        match subject.property {
            Some(property) => begun.text("propertyName", property),
            None => begun,
        }
    }
}

/// Some random id.
pub(super) fn uuid(random: &mut StdRng) -> String {
    UUIDv4.fake_with_rng(random)
}
