//! People as slate's loader made them: created, named, numbered, sometimes deleted; and fillers.

use super::Group;
use super::clock::Clock;
use fake::Fake;
use fake::faker::name::raw::{FirstName, LastName};
use fake::locales::{AR_SA, DE_DE, Data, EN, FR_FR, JA_JP, PT_BR, ZH_CN};
use fake::uuid::UUIDv4;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

/// How many living persons are remembered, so that memory does not grow with the number of events; beyond it the older ones live on unseen.
const LIVING_MAX: usize = 10_000;
/// How many users give the commands.
const INITIATORS: usize = 16;
/// How many sorts of fillers there are: `FillerEvent0` and so on.
const FILLERS: u32 = 9;

/// The generator of this world; events of about 400 bytes.
#[derive(Debug)]
pub struct Persons {
    random: StdRng,
    clock: Clock,
    program: String,
    initiators: Vec<String>,
    living: Vec<String>,
    operations: u64,
}

impl Persons {
    /// Starts with nobody.
    pub fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let program = uuid(&mut random);
        let initiators = (0..INITIATORS).map(|_| uuid(&mut random)).collect();
        Self {
            random,
            clock: Clock::new(),
            program,
            initiators,
            living: Vec::new(),
            operations: 0,
        }
    }

    /// Any of the groups below: of twenty about sixteen persons, one deletion and three fillers.
    pub fn group(&mut self) -> Group {
        match self.random.random_range(0..20) {
            0..16 => self.person(),
            16 => self.deletion().unwrap_or_else(|| self.person()),
            _ => self.filler(),
        }
    }

    /// A new person: `PersonCreated`, `PersonNameAdded` and `PersonSSNAdded`.
    pub fn person(&mut self) -> Group {
        let person = uuid(&mut self.random);
        self.remember(person.clone());
        let (first_name, last_name) = name(&mut self.random);
        let mi = char::from(self.random.random_range(b'A'..=b'Z')).to_string();
        let ssn = format!(
            "{:03}-{:02}-{:04}",
            self.random.random_range(1..900),
            self.random.random_range(1..100),
            self.random.random_range(1..10_000)
        );
        self.operation(
            "Create person",
            vec![
                ("PersonCreated".to_owned(), json!({"entity_id": person})),
                (
                    "PersonNameAdded".to_owned(),
                    json!({"entity_id": person, "lastName": last_name, "firstName": first_name, "mi": mi}),
                ),
                ("PersonSSNAdded".to_owned(), json!({"entity_id": person, "ssn": ssn})),
            ],
        )
    }

    /// `PersonDeleted` of a person that exists; `None` while there is none.
    pub fn deletion(&mut self) -> Option<Group> {
        if self.living.is_empty() {
            return None;
        }
        let chosen = self.random.random_range(0..self.living.len());
        let person = self.living.swap_remove(chosen);
        Some(self.operation("Delete person", vec![("PersonDeleted".to_owned(), json!({"entity_id": person}))]))
    }

    /// One of `FillerEvent0` to `FillerEvent8`.
    pub fn filler(&mut self) -> Group {
        let sort = self.random.random_range(0..FILLERS);
        let filler = json!({
            "entity_id": uuid(&mut self.random),
            "category": format!("category {}", self.random.random_range(1..100)),
            "number1": self.random.random_range(0..1_000_000),
            "number2": f64::from(self.random.random_range(0..1_000_000)) / 100.0,
        });
        self.operation("Add filler", vec![(format!("FillerEvent{sort}"), filler)])
    }

    fn remember(&mut self, person: String) {
        if self.living.len() < LIVING_MAX {
            self.living.push(person);
        } else {
            let forgotten = self.random.random_range(0..LIVING_MAX);
            self.living[forgotten] = person;
        }
    }

    fn operation(&mut self, command: &str, events: Vec<(String, Value)>) -> Group {
        self.operations += 1;
        let operation = uuid(&mut self.random);
        let initiator = &self.initiators[self.random.random_range(0..INITIATORS)];
        let elapsed_ms = self.random.random_range(1..50);
        let time = self.clock.after_ms(elapsed_ms);
        let count = events.len();
        let event = |(place, (name, contents)): (usize, (String, Value))| {
            json!({
                "name": name,
                "data": contents,
                "metadata": {"initiatorId": initiator, "command": command},
                "testingStats": {
                    "programId": self.program,
                    "dbOperationNum": self.operations,
                    "dbOperationId": operation,
                    "dbOperationEventNum": place + 1,
                    "dbOperationEventCount": count,
                    "dbOperationTS": time,
                },
            })
            .to_string()
        };
        events.into_iter().enumerate().map(event).collect()
    }
}

fn uuid(random: &mut StdRng) -> String {
    UUIDv4.fake_with_rng(random)
}

/// First and last name; one in eight from a language that is not written in ASCII alone.
fn name(random: &mut StdRng) -> (String, String) {
    match random.random_range(0..48) {
        0 => name_in(DE_DE, random),
        1 => name_in(FR_FR, random),
        2 => name_in(PT_BR, random),
        3 => name_in(JA_JP, random),
        4 => name_in(ZH_CN, random),
        5 => name_in(AR_SA, random),
        _ => name_in(EN, random),
    }
}

fn name_in<L: Data + Copy>(language: L, random: &mut StdRng) -> (String, String) {
    (FirstName(language).fake_with_rng(random), LastName(language).fake_with_rng(random))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::World;
    use super::*;
    use std::collections::HashSet;

    fn events(seed: u64, groups: usize) -> Vec<Vec<Value>> {
        let parsed = |group: Group| group.iter().map(|event| serde_json::from_str(event).unwrap()).collect();
        World::persons(seed).take(groups).map(parsed).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
        let of = |seed| World::persons(seed).take(500).collect::<Vec<_>>();
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
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
        let is_beyond = |event: &&Value| event["data"]["lastName"].as_str().is_some_and(|name| !name.is_ascii());
        assert!(all.iter().filter(is_beyond).count() > 50);
    }

    #[test]
    fn an_event_has_about_400_bytes() {
        let sizes: Vec<usize> = World::persons(4).take(1_000).flatten().map(|event| event.len()).collect();
        let mean = sizes.iter().sum::<usize>() / sizes.len();
        assert!((380..=440).contains(&mean), "{mean}");
    }

    #[test]
    fn memory_of_the_living_is_bounded() {
        let mut persons = Persons::new(5);
        for _ in 0..LIVING_MAX + 100 {
            persons.person();
        }
        assert_eq!(persons.living.len(), LIVING_MAX);
    }
}
