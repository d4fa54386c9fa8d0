//! What every world keeps: seeds, numbers, sizes, languages, and that events tell of things that
//! exist.
#![allow(clippy::unwrap_used)]

use super::*;
use serde_json::Value;
use std::collections::{HashMap, HashSet};

const MAKERS: [fn(&WorldOrigin) -> World; 3] = [
    |origin| World::Persons(PersonWorld::new(origin)),
    |origin| World::Orders(OrderWorld::new(origin)),
    |origin| World::Devices(DeviceWorld::new(origin)),
];

fn parsed(group: &EventGroup) -> Vec<Value> {
    group.iter().map(|event| serde_json::from_str(event).unwrap()).collect()
}

fn events(world: World, groups: usize) -> Vec<Value> {
    world.take(groups).flat_map(|group| parsed(&group)).collect()
}

fn text<'a>(event: &'a Value, path: &str) -> &'a str {
    event.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

#[test]
fn the_same_seed_gives_the_same_bytes_in_every_world_and_another_seed_others() {
    for make in MAKERS {
        let of = |seed| make(&WorldOrigin::of(seed)).take(500).collect::<Vec<_>>();
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
    }
}

#[test]
fn with_the_real_time_everything_but_the_time_is_as_with_that_of_the_seed() {
    for make in MAKERS {
        let of = |time| {
            let mut all = events(make(&WorldOrigin { time, ..WorldOrigin::of(3) }), 300);
            all.iter_mut().for_each(|event| event["testingStats"]["dbOperationTS"] = Value::Null);
            all
        };
        assert_eq!(of(EventTime::Real), of(EventTime::Seeded));
    }
}

#[test]
fn groups_of_every_world_are_complete_numbered_and_of_its_program() {
    for make in MAKERS {
        let mut world = make(&WorldOrigin::of(1));
        let program = world.program().to_owned();
        for number in 1..2_000 {
            let group = parsed(&world.next().unwrap());
            for (place, event) in group.iter().enumerate() {
                let stats = &event["testingStats"];
                assert_eq!(stats["programId"], *program);
                assert_eq!(stats["dbOperationNum"], number);
                assert_eq!(stats["dbOperationEventNum"], place + 1);
                assert_eq!(stats["dbOperationEventCount"], group.len());
                assert_eq!(stats["dbOperationId"], group[0]["testingStats"]["dbOperationId"]);
            }
        }
    }
}

#[test]
fn a_group_has_no_more_events_than_it_may() {
    for make in MAKERS {
        for events_max in 1..8 {
            let mut world = make(&WorldOrigin::of(events_max));
            let longest = (0..3_000).map(|_| world.group(events_max).len() as u64).max();
            assert!(longest <= Some(events_max), "{longest:?} {events_max}");
        }
    }
}

#[test]
fn orders_are_of_customers_and_products_that_exist_and_are_paid_before_they_are_shipped() {
    let mut seen = HashSet::new();
    let mut stages: HashMap<String, &str> = HashMap::new();
    let mut names = HashSet::new();
    for event in events(World::Orders(OrderWorld::new(&WorldOrigin::of(2))), 20_000) {
        let id = text(&event, "/data/entity_id").to_owned();
        let name = text(&event, "/name");
        for reference in ["customerId", "productId", "orderId"] {
            let referred = text(&event, &format!("/data/{reference}"));
            assert!(referred.is_empty() || seen.contains(referred), "{event}");
        }
        let order = text(&event, "/data/orderId").to_owned();
        match name {
            "OrderPlaced" => assert_eq!(stages.insert(id.clone(), "placed"), None),
            "PaymentReceived" => assert_eq!(stages.insert(order, "paid"), Some("placed")),
            "OrderShipped" => assert_eq!(stages.insert(id.clone(), "shipped"), Some("paid")),
            "OrderDelivered" => assert_eq!(stages.remove(&id), Some("shipped")),
            "OrderCancelled" => assert_eq!(stages.remove(&id), Some("paid")),
            _ => {}
        }
        names.insert(name.to_owned());
        seen.insert(id);
    }
    assert_eq!(names.len(), 11, "{names:?}");
}

#[test]
fn an_order_costs_what_its_lines_cost() {
    let cents = |value: &Value| value.to_string().replace('.', "").parse::<u64>().unwrap();
    let mut placed = 0;
    for group in World::Orders(OrderWorld::new(&WorldOrigin::of(5))).take(2_000) {
        let group = parsed(&group);
        if text(&group[0], "/name") == "OrderPlaced" {
            let line = |event: &Value| {
                cents(&event["data"]["price"]) * event["data"]["quantity"].as_u64().unwrap()
            };
            assert_eq!(group[1..].iter().map(line).sum::<u64>(), cents(&group[0]["data"]["total"]));
            assert_eq!(group[0]["data"]["lines"], group.len() - 1);
            placed += 1;
        }
    }
    assert!(placed > 100);
}

#[test]
fn readings_and_alarms_are_of_devices_in_service_and_only_a_raised_alarm_is_cleared() {
    let (mut devices, mut alarms, mut names) = (HashMap::new(), HashSet::new(), HashSet::new());
    for event in events(World::Devices(DeviceWorld::new(&WorldOrigin::of(2))), 20_000) {
        let id = text(&event, "/data/entity_id").to_owned();
        let device = text(&event, "/data/deviceId").to_owned();
        let name = text(&event, "/name");
        match name {
            "DeviceInstalled" => assert_eq!(devices.insert(id, 0), None),
            "DeviceRetired" => assert_eq!(devices.remove(&id), event["data"]["readings"].as_u64()),
            "ReadingTaken" => {
                let count = devices.get_mut(&device).unwrap();
                *count += 1;
                assert_eq!(event["data"]["number"], *count);
            }
            "AlarmRaised" => assert!(devices.contains_key(&device) && alarms.insert(id)),
            "AlarmCleared" => assert!(alarms.remove(&id)),
            _ => assert!(devices.contains_key(&id), "{event}"),
        }
        names.insert(name.to_owned());
    }
    assert_eq!(names.len(), 7, "{names:?}");
}

#[test]
fn events_have_the_sizes_that_they_are_said_to_have() {
    for (make, sizes) in MAKERS.into_iter().zip([380..440, 580..660, 580..660]) {
        let lengths: Vec<usize> =
            make(&WorldOrigin::of(4)).take(2_000).flatten().map(|event| event.len()).collect();
        let mean = lengths.iter().sum::<usize>() / lengths.len();
        assert!(sizes.contains(&mean), "{mean} {sizes:?}");
    }
}

#[test]
fn no_event_looks_like_a_parameter_of_slates_insert_events() {
    for make in MAKERS {
        assert!(make(&WorldOrigin::of(6)).take(3_000).flatten().all(|event| !event.contains('$')));
    }
}

#[test]
fn attachments_make_as_many_events_large_as_were_wanted() {
    for make in MAKERS {
        let mut world = make(&WorldOrigin::of(9));
        world.attach(3, 100);
        let events: Vec<String> = world.take(200).flatten().collect();
        let large: Vec<&String> =
            events[..100].iter().filter(|event| event.len() > 2_000).collect();
        assert_eq!(large.len(), 3);
        for event in large {
            let event: Value = serde_json::from_str(event).unwrap();
            let length = text(&event, "/data/attachment/contents").len();
            assert!((65_536..4 * 1_048_576).contains(&length), "{length}");
        }
        assert!(events[100..].iter().all(|event| event.len() < 2_000));
    }
}

#[test]
fn names_are_of_the_language_that_was_asked_for() {
    let letters = |locale| {
        let origin = WorldOrigin { locale, ..WorldOrigin::of(1) };
        let all = events(World::Persons(PersonWorld::new(&origin)), 300);
        all.iter().map(|event| text(event, "/data/lastName")).collect::<String>()
    };
    let is_in = |range: std::ops::RangeInclusive<char>| move |letter: char| range.contains(&letter);
    assert!(letters(Locale::En).is_ascii());
    assert!(letters(Locale::De).contains(['ü', 'ö', 'ä', 'ß']));
    for (locale, range) in [
        (Locale::Ja, '\u{3040}'..='\u{9fff}'),
        (Locale::Zh, '\u{4e00}'..='\u{9fff}'),
        (Locale::ZhTw, '\u{4e00}'..='\u{9fff}'),
        (Locale::Ar, '\u{600}'..='\u{6ff}'),
        (Locale::Fa, '\u{600}'..='\u{6ff}'),
    ] {
        let letters = letters(locale);
        assert!(
            !letters.is_empty()
                && letters.contains(is_in(range))
                && !letters.contains(is_in('a'..='z')),
            "{locale:?}"
        );
    }
    let others =
        [Locale::Fr, Locale::PtBr, Locale::Tr, Locale::It, Locale::Nl, Locale::Cy, Locale::Pt];
    let spoken: HashSet<String> = others.into_iter().map(letters).collect();
    assert_eq!(spoken.len(), others.len());
}
