//! People as slate's loader made them: created, named, numbered, sometimes deleted; and fillers.

use super::json::JsonObject;
use super::locale::{Locale, PersonName};
use super::operation::{EventDraft, OperationNumbers, uuid};
use super::origin::{EventGroup, WorldOrigin};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// How many living persons are remembered, so that memory does not grow with the number of events;
/// beyond it the older ones live on unseen.
const LIVING_MAX: usize = 10_000;
/// The sorts of fillers.
const FILLERS: [&str; 9] = [
    "FillerEvent0",
    "FillerEvent1",
    "FillerEvent2",
    "FillerEvent3",
    "FillerEvent4",
    "FillerEvent5",
    "FillerEvent6",
    "FillerEvent7",
    "FillerEvent8",
];

/// The generator of this world; events of about 400 bytes.
#[derive(Debug)]
pub struct PersonWorld {
    random: StdRng,
    pub(super) operations: OperationNumbers,
    locale: Locale,
    living: Vec<String>,
}

impl PersonWorld {
    /// How many events a new person makes.
    pub(crate) const EVENTS_OF_A_PERSON: u64 = 3;

    /// Starts without a person.
    pub fn new(origin: &WorldOrigin) -> Self {
        let mut random = StdRng::seed_from_u64(origin.seed);
        Self {
            operations: OperationNumbers::new(origin, &mut random),
            random,
            locale: origin.locale,
            living: Vec::new(),
        }
    }

    /// Any of the groups below, of so many events at most: of twenty about sixteen persons, one
    /// deletion and three fillers.
    pub fn group(&mut self, events_max: u64) -> EventGroup {
        if events_max < Self::EVENTS_OF_A_PERSON {
            return self.filler();
        }
        match self.random.random_range(0..20) {
            0..16 => self.person(),
            16 => self.deletion().unwrap_or_else(|| self.person()),
            _ => self.filler(),
        }
    }

    /// A new person: `PersonCreated`, `PersonNameAdded` and `PersonSSNAdded`.
    pub fn person(&mut self) -> EventGroup {
        let person = uuid(&mut self.random);
        self.remember(person.clone());
        let PersonName { first, last } = self.locale.name(&mut self.random);
        let mi = char::from(self.random.random_range(b'A'..=b'Z')).to_string();
        let ssn = format!(
            "{:03}-{:02}-{:04}",
            self.random.random_range(1..900),
            self.random.random_range(1..100),
            self.random.random_range(1..10_000)
        );
        let of_person = || JsonObject::new().text("entity_id", &person);
        let named = of_person().text("lastName", &last).text("firstName", &first).text("mi", &mi);
        let events = [
            ("PersonCreated", of_person()),
            ("PersonNameAdded", named),
            ("PersonSSNAdded", of_person().text("ssn", &ssn)),
        ];
        self.operation("Create person", events)
    }

    /// `PersonDeleted` of a person that exists; `None` while there is none.
    pub fn deletion(&mut self) -> Option<EventGroup> {
        if self.living.is_empty() {
            return None;
        }
        let chosen = self.random.random_range(0..self.living.len());
        let person = self.living.swap_remove(chosen);
        let deleted = JsonObject::new().text("entity_id", &person);
        Some(self.operation("Delete person", [("PersonDeleted", deleted)]))
    }

    /// One of `FillerEvent0` to `FillerEvent8`.
    pub fn filler(&mut self) -> EventGroup {
        let sort = self.random.random_range(0..9_u32);
        let filler = JsonObject::new()
            .text("entity_id", &uuid(&mut self.random))
            .text("category", &format!("category {}", self.random.random_range(1..100)))
            .plain("number1", self.random.random_range(0..1_000_000))
            .plain("number2", shortest(self.random.random_range(0..1_000_000)));
        self.operation("Add filler", [(FILLERS[sort as usize], filler)])
    }

    fn remember(&mut self, person: String) {
        if self.living.len() < LIVING_MAX {
            self.living.push(person);
        } else {
            let forgotten = self.random.random_range(0..LIVING_MAX);
            self.living[forgotten] = person;
        }
    }

    fn operation<const N: usize>(
        &mut self,
        command: &str,
        events: [(&'static str, JsonObject); N],
    ) -> EventGroup {
        let drafts = events.map(|(name, contents)| EventDraft {
            name,
            subject: None,
            contents: contents.end(),
        });
        self.operations.group(&mut self.random, command, drafts.into())
    }
}

/// A number of hundredths, as the shortest decimal number that has a decimal: 1.0, 0.5, 0.25.
fn shortest(hundredths: u32) -> String {
    let (whole, rest) = (hundredths / 100, hundredths % 100);
    if rest.is_multiple_of(10) {
        format!("{whole}.{}", rest / 10)
    } else {
        format!("{whole}.{rest:02}")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::World;
    use super::*;
    use serde_json::{Value, json};
    use sha2::Digest;
    use std::collections::HashSet;

    fn events(seed: u64, groups: usize) -> Vec<Vec<Value>> {
        let parsed = |group: EventGroup| {
            group.iter().map(|event| serde_json::from_str(event).unwrap()).collect()
        };
        World::persons(seed).take(groups).map(parsed).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
        let of = |seed| World::persons(seed).take(500).collect::<Vec<_>>();
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
    }

    #[test]
    fn the_bytes_of_a_seed_stay_as_they_always_were() {
        let digest = |seed| {
            let mut sha = sha2::Sha256::new();
            World::persons(seed).take(5_000).flatten().for_each(|event| sha.update(event));
            sha.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        };
        assert_eq!(
            [1, 7].map(digest),
            [
                "b5c028e972c60ff45357a343b3bb1147ec9ad58b51193bf9ee73f04608354b1c",
                "cf871911b8521d0c2942dbc2299cfe276f766e9fa21d47aef2e00437f721c306",
            ]
        );
    }

    #[test]
    fn every_group_is_complete_and_numbered_from_1() {
        for (place, group) in events(1, 2_000).iter().enumerate() {
            for (number, event) in group.iter().enumerate() {
                let stats = &event["testingStats"];
                assert_eq!(stats["dbOperationNum"], json!(place + 1));
                assert_eq!(stats["dbOperationEventNum"], json!(number + 1));
                assert_eq!(stats["dbOperationEventCount"], json!(group.len()));
                assert_eq!(stats["dbOperationId"], group[0]["testingStats"]["dbOperationId"]);
                assert_eq!(stats["programId"].as_str().unwrap().len(), 36);
                assert_eq!(stats["dbOperationTS"].as_str().unwrap().len(), 24);
            }
        }
    }

    #[test]
    fn only_persons_that_exist_are_deleted_and_only_once() {
        let mut living = HashSet::new();
        let mut deleted = 0;
        for event in events(2, 3_000).iter().flatten() {
            let person = event["data"]["entity_id"].as_str().unwrap().to_owned();
            match event["name"].as_str().unwrap() {
                "PersonCreated" => assert!(living.insert(person)),
                "PersonDeleted" => {
                    assert!(living.remove(&person));
                    deleted += 1;
                }
                _ => {}
            }
        }
        assert!(deleted > 50, "{deleted}");
    }

    #[test]
    fn all_nine_fillers_and_some_names_beyond_ascii_occur() {
        let all = events(3, 3_000).concat();
        let fillers: HashSet<&str> = all
            .iter()
            .filter_map(|event| event["name"].as_str())
            .filter(|n| n.starts_with("Filler"))
            .collect();
        assert_eq!(fillers.len(), 9);
        let is_beyond = |event: &&Value| {
            event["data"]["lastName"].as_str().is_some_and(|name| !name.is_ascii())
        };
        assert!(all.iter().filter(is_beyond).count() > 50);
    }

    #[test]
    fn an_event_has_about_400_bytes() {
        let sizes: Vec<usize> =
            World::persons(4).take(1_000).flatten().map(|event| event.len()).collect();
        let mean = sizes.iter().sum::<usize>() / sizes.len();
        assert!((380..=440).contains(&mean), "{mean}");
    }

    #[test]
    fn memory_of_the_living_is_bounded() {
        let mut persons = PersonWorld::new(&WorldOrigin::of(5));
        for _ in 0..LIVING_MAX + 100 {
            persons.person();
        }
        assert_eq!(persons.living.len(), LIVING_MAX);
    }
}
