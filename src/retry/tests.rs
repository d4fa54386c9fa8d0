//! The life of a connection: single rules, and what holds after any sequence of events.

use super::*;
use crate::error::ErrorKind;
use proptest::prelude::*;

const POLICY: RetryPolicy =
    RetryPolicy { wait_min: Duration::from_millis(100), wait_max: Duration::from_secs(30) };

fn lost(connection: &mut Connection<u32>, kind: ErrorKind, jitter: f64) -> LossOutcome {
    connection.lose(Error::new(kind, "away"), &POLICY, jitter, Instant::now())
}

fn opened(connection: &mut Connection<u32>) {
    connection.begin_opening();
    assert!(connection.opened(1, Instant::now()));
}

#[test]
fn losses_are_forgotten_only_when_work_was_done() {
    let mut connection = Connection::new(Instant::now());
    lost(&mut connection, ErrorKind::Unavailable, 1.0);
    opened(&mut connection);
    assert_eq!((connection.losses(), connection.lost_with().is_some()), (1, false));
    connection.worked();
    assert_eq!(connection.losses(), 0);
}

#[test]
fn waits_double_up_to_the_cap_and_never_overflow() {
    assert_eq!(POLICY.wait(1, 1.0), Duration::from_millis(100));
    assert_eq!(POLICY.wait(4, 1.0), Duration::from_millis(800));
    assert_eq!(POLICY.wait(u32::MAX, 1.0), Duration::from_secs(30));
    assert_eq!(POLICY.wait(u32::MAX, 0.0), Duration::from_secs(15));
}

#[test]
fn what_needs_a_person_halts_for_good_and_keeps_its_first_reason() {
    let mut connection = Connection::new(Instant::now());
    assert_eq!(lost(&mut connection, ErrorKind::Contents, 0.5), LossOutcome::Halts);
    assert_eq!(lost(&mut connection, ErrorKind::Unavailable, 0.5), LossOutcome::None);
    connection.begin_opening();
    assert!(!connection.opened(1, Instant::now()));
    assert!(connection.is_halted());
    assert_eq!(connection.lost_with().map(Error::kind), Some(ErrorKind::Contents));
}

#[test]
fn a_table_that_changed_under_work_is_checked_again_once_and_one_that_fails_its_checks_is_not() {
    let changed = || Error::new(ErrorKind::Unsuitable, "there is no such column").of_schema();
    let lose =
        |connection: &mut Connection<u32>| connection.lose(changed(), &POLICY, 0.0, Instant::now());
    let mut connection = Connection::new(Instant::now());
    opened(&mut connection);
    assert!(matches!(lose(&mut connection), LossOutcome::Waits { .. }));
    opened(&mut connection);
    assert_eq!(
        lose(&mut connection),
        LossOutcome::Halts,
        "the checks found nothing, and no work was done"
    );
    let mut unfit = Connection::new(Instant::now());
    unfit.begin_opening();
    assert_eq!(lose(&mut unfit), LossOutcome::Halts);
    let mut busy = Connection::new(Instant::now());
    opened(&mut busy);
    busy.take();
    let other = Error::new(ErrorKind::Unsuitable, "the collations differ");
    assert_eq!(busy.lose(other, &POLICY, 0.0, Instant::now()), LossOutcome::Halts);
}

#[test]
fn a_loss_is_news_when_it_is_the_first_or_has_other_words() {
    let mut connection: Connection<u32> = Connection::new(Instant::now());
    let is_news = |loss| matches!(loss, LossOutcome::Waits { is_news: true, .. });
    assert!(is_news(lost(&mut connection, ErrorKind::Unavailable, 0.0)));
    assert!(!is_news(lost(&mut connection, ErrorKind::Unavailable, 0.0)));
    let other = Error::new(ErrorKind::Unavailable, "frozen");
    assert!(is_news(connection.lose(other, &POLICY, 0.0, Instant::now())));
    opened(&mut connection);
    assert!(
        is_news(lost(&mut connection, ErrorKind::Unavailable, 0.0)),
        "it had come back meanwhile"
    );
}

#[test]
fn an_outage_lasts_from_the_first_loss_to_the_return_and_is_remembered() {
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    let mut connection: Connection<u32> = Connection::new(start);
    let lose = |connection: &mut Connection<u32>, seconds, what: &str| {
        connection.lose(Error::new(ErrorKind::Unavailable, what), &POLICY, 0.0, at(seconds));
    };
    lose(&mut connection, 1, "no route");
    lose(&mut connection, 2, "refused");
    let outage = connection.outage().unwrap();
    assert_eq!((outage.error.what(), outage.since, outage.ended), ("refused", at(1), None));
    connection.begin_opening();
    connection.opened(1, at(3));
    assert_eq!(connection.outage().unwrap().ended, Some(at(3)));
    assert!(connection.lost_with().is_none());
    lose(&mut connection, 5, "refused");
    let outage = connection.outage().unwrap();
    assert_eq!((outage.since, outage.ended), (at(5), None));
}

/// What may happen to a connection, in any order.
#[derive(Clone, Copy, Debug)]
enum Event {
    BeginOpening,
    Opened,
    Take,
    GiveBack,
    Worked,
    Reopen,
    Lose(ErrorKind),
    Halt,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => Just(Event::BeginOpening),
        4 => Just(Event::Opened),
        4 => Just(Event::Take),
        4 => Just(Event::GiveBack),
        2 => Just(Event::Worked),
        1 => Just(Event::Reopen),
        4 => prop_oneof![Just(ErrorKind::Unavailable), Just(ErrorKind::Access), Just(ErrorKind::Fed)].prop_map(Event::Lose),
        1 => prop_oneof![Just(ErrorKind::Contents), Just(ErrorKind::Bug)].prop_map(Event::Lose),
        1 => Just(Event::Halt),
    ]
}

fn name<T>(phase: &ConnectionPhase<T>) -> &'static str {
    match phase {
        ConnectionPhase::Closed { .. } => "closed",
        ConnectionPhase::Opening => "opening",
        ConnectionPhase::Open(_) => "open",
        ConnectionPhase::Busy => "busy",
        ConnectionPhase::Halted => "halted",
    }
}

/// Where an event leads from a phase, as one table.
fn expected(phase: &'static str, event: Event) -> &'static str {
    match (phase, event) {
        ("halted", _) | (_, Event::Halt) => "halted",
        ("closed", Event::BeginOpening) => "opening",
        ("opening", Event::Opened) | ("busy", Event::GiveBack) => "open",
        ("open", Event::Take) => "busy",
        (_, Event::Lose(kind)) if !kind.consequence().is_retried => "halted",
        (_, Event::Lose(_) | Event::Reopen) => "closed",
        (same, _) => same,
    }
}

proptest! {
    #[test]
    fn after_any_sequence_of_events_the_phase_is_that_of_the_table_and_losses_are_those_since_the_last_work(
        events in prop::collection::vec((event(), 0.0..=1.0f64), 0..60)
    ) {
        let now = Instant::now();
        let mut connection: Connection<u32> = Connection::new(now);
        let (mut phase, mut losses, mut is_lost) = ("closed", 0u32, false);
        for (event, jitter) in events {
            let before = phase;
            phase = expected(before, event);
            match event {
                Event::BeginOpening => connection.begin_opening(),
                Event::Opened => {
                    let is_awaited = connection.opened(1, Instant::now());
                    prop_assert_eq!(is_awaited, before == "opening");
                    is_lost &= !is_awaited;
                }
                Event::Take => prop_assert_eq!(connection.take().is_some(), before == "open"),
                Event::GiveBack => connection.give_back(1),
                Event::Worked => {
                    connection.worked();
                    losses = 0;
                }
                Event::Reopen => connection.reopen(now),
                Event::Halt => connection.halt(),
                Event::Lose(kind) => match lost(&mut connection, kind, jitter) {
                    LossOutcome::Waits { wait, .. } => {
                        losses += 1;
                        is_lost = true;
                        let full = POLICY.wait(losses, 1.0);
                        prop_assert!(before != "halted" && wait <= full && wait * 2 >= full && full <= POLICY.wait_max);
                        prop_assert!(connection.due() >= Some(now + wait));
                    }
                    LossOutcome::Halts => is_lost = true,
                    LossOutcome::None => prop_assert_eq!(before, "halted"),
                },
            }
            prop_assert_eq!(name(connection.phase()), phase);
            prop_assert_eq!(connection.losses(), losses);
            prop_assert_eq!(connection.lost_with().is_some(), is_lost);
            prop_assert_eq!(connection.due().is_some(), phase == "closed");
            prop_assert_eq!(connection.is_halted(), phase == "halted");
        }
    }
}
