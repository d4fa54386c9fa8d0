//! Tests of what a service manager is told, by a clock of their own.

use super::*;
use crate::config::libpq::Environment;
use crate::config::load::load;
use crate::error::{Error, ErrorKind};
use crate::log::WallTime;
use crate::replicate::command::commands;
use crate::replicate::snapshot::publisher;
use crate::supervise::ReplicationEnd;
use std::io::Write;

/// A replication whose loop is the test.
struct Running {
    snapshots: watch::Sender<Arc<Snapshot>>,
    listed: SupervisedReplication,
}

impl Running {
    fn new(name: &str) -> Self {
        let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
        let text = "[source]\nurl = \"host=a user=u dbname=d\"\n[[destinations]]\nname = \
                    \"copy\"\nurl = \"host=b user=u dbname=d\"\n[[destinations]]\nname = \
                    \"other\"\nurl = \"host=c user=u dbname=d\"\n";
        file.write_all(text.as_bytes()).unwrap();
        let config = Arc::new(load(file.path(), &Environment::empty()).unwrap());
        let snapshots = publisher(&config);
        let listed = SupervisedReplication {
            name: name.to_owned(),
            config: Arc::clone(&config),
            snapshots: snapshots.subscribe(),
            verification: crate::verify::continuous::snapshot::publisher(&config).subscribe(),
            commander: commands().0,
            end: None,
        };
        Self { snapshots, listed }
    }

    /// Its loop goes on.
    fn beats(&self) {
        self.snapshots.send_modify(|_| {});
    }

    /// Its loop goes on, and this is so.
    fn publishes(&self, change: impl FnOnce(&mut Snapshot)) {
        let mut snapshot = Snapshot::clone(&self.snapshots.borrow());
        change(&mut snapshot);
        self.snapshots.send_replace(Arc::new(snapshot));
    }

    /// Both sides are open, and level.
    fn opens(&self) {
        self.publishes(|snapshot| {
            snapshot.source.health = Health::Reachable;
            for lane in &mut snapshot.lanes {
                lane.health = Health::Level;
            }
        });
    }
}

fn roster(running: &[&Running]) -> Roster {
    Arc::new(running.iter().map(|running| running.listed.clone()).collect())
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// A report to a manager that takes a process for dead after a minute.
fn watched() -> ServiceReport {
    ServiceReport::new(Some(seconds(60)))
}

#[test]
fn the_watchdog_is_fed_while_every_replication_publishes_and_not_by_the_look_itself() {
    let (one, other) = (Running::new("one"), Running::new("other"));
    let (both, start) = (roster(&[&one, &other]), Instant::now());
    let mut report = watched();
    let mut feeds_from_to = |from: u64, to: u64, beating: &[&Running]| {
        let fed = (from..to).filter(|second| {
            beating.iter().for_each(|running| running.beats());
            report.look(&both, start + seconds(*second)).feeds_watchdog
        });
        fed.collect::<Vec<u64>>()
    };
    assert_eq!(feeds_from_to(0, 60, &[&one, &other]), [0, 15, 30, 45], "a quarter of a minute");
    assert_eq!(feeds_from_to(60, 69, &[&one]), [60], "a silence of ten seconds is allowed");
    assert_eq!(feeds_from_to(69, 600, &[&one]), [0; 0], "the other is stuck");
    assert_eq!(feeds_from_to(600, 602, &[&one, &other]), [600], "it goes on");
}

#[test]
fn a_short_watchdog_is_fed_as_often_as_it_needs_and_by_a_shorter_silence() {
    let (one, start) = (Running::new("one"), Instant::now());
    let (roster, mut report) = (roster(&[&one]), ServiceReport::new(Some(seconds(4))));
    assert!(report.look(&roster, start).feeds_watchdog);
    assert!(report.look(&roster, start + seconds(1)).feeds_watchdog);
    let news = report.look(&roster, start + seconds(2));
    assert!(!news.feeds_watchdog && !news.extends_start, "half of its time without a sign");
}

#[test]
fn without_a_watchdog_and_without_a_replication_there_is_nothing_to_feed() {
    let (one, now) = (Running::new("one"), Instant::now());
    assert!(!ServiceReport::new(None).look(&roster(&[&one]), now).feeds_watchdog);
    assert!(!watched().look(&roster(&[]), now).feeds_watchdog);
}

#[test]
fn a_process_that_waits_for_its_first_replication_is_ready_and_lives() {
    let (now, mut report) = (Instant::now(), watched().waiting_when_empty());
    let first = report.look(&roster(&[]), now);
    assert!(first.feeds_watchdog && !first.is_ready, "{first:?}");
    assert_eq!(first.status.as_deref(), Some("no replication is configured"));
    assert!(report.look(&roster(&[]), now + seconds(1)).is_ready);
    let one = Running::new("one");
    report.look(&roster(&[&one]), now + seconds(2));
    assert!(!report.look(&roster(&[&one]), now + seconds(100)).feeds_watchdog, "it is stuck");
}

#[test]
fn a_replication_that_has_ended_is_not_stuck() {
    let (one, start) = (Running::new("one"), Instant::now());
    let (roster, mut report) = (roster(&[&one]), watched());
    report.look(&roster, start);
    one.publishes(|snapshot| snapshot.run.has_ended = true);
    assert!(report.look(&roster, start + seconds(100)).feeds_watchdog, "it compares once more");
    drop(one);
    assert!(report.look(&roster, start + seconds(200)).feeds_watchdog, "it is being taken off");
}

#[test]
fn a_restart_under_the_same_name_is_another_life() {
    let (before, after, start) = (Running::new("one"), Running::new("one"), Instant::now());
    let mut report = watched();
    report.look(&roster(&[&before]), start);
    assert!(report.look(&roster(&[&after]), start + seconds(100)).feeds_watchdog);
}

#[test]
fn it_is_ready_when_every_side_was_tried_in_two_looks_and_says_so_once() {
    let (one, other) = (Running::new("one"), Running::new("other"));
    let (both, now) = (roster(&[&one, &other]), Instant::now());
    let mut report = watched();
    one.opens();
    let is_ready = |report: &mut ServiceReport| report.look(&both, now).is_ready;
    assert!(!is_ready(&mut report) && !is_ready(&mut report), "the other was not tried");
    other.opens();
    other.publishes(|snapshot| snapshot.lanes[1].health = Health::Opening);
    assert!(!is_ready(&mut report) && !is_ready(&mut report), "nor one of its destinations");
    other.opens();
    assert!(!is_ready(&mut report), "a refusal could follow");
    assert!(is_ready(&mut report));
    assert!(!is_ready(&mut report), "once");
}

#[test]
fn a_source_that_is_away_keeps_nobody_waiting_and_one_that_ended_makes_nothing_ready() {
    let (away, ended, now) = (Running::new("away"), Running::new("ended"), Instant::now());
    away.publishes(|snapshot| snapshot.source.health = Health::Waiting);
    let mut report = watched();
    let status = report.look(&roster(&[&away]), now).status.unwrap();
    let told = "source waiting, copy opening, other opening";
    assert_eq!(status, format!("0 of 2 destinations level: {told}"));
    assert!(report.look(&roster(&[&away]), now).is_ready);
    ended.opens();
    ended.publishes(|snapshot| snapshot.run.has_ended = true);
    let mut report = watched();
    report.look(&roster(&[&ended]), now);
    assert!(!report.look(&roster(&[&ended]), now).is_ready);
}

#[test]
fn a_start_may_take_its_time_while_it_gives_signs_of_life() {
    let (one, start) = (Running::new("one"), Instant::now());
    let (roster, mut report) = (roster(&[&one]), ServiceReport::new(None));
    let mut extensions = Vec::new();
    for second in 0..60 {
        if second < 40 {
            one.beats();
        }
        if report.look(&roster, start + seconds(second)).extends_start {
            extensions.push(second);
        }
    }
    assert_eq!(extensions, [0, 15, 30, 45], "until ten seconds after the last sign");
    one.opens();
    report.look(&roster, start + seconds(60));
    assert!(!report.look(&roster, start + seconds(61)).extends_start, "it is ready");
}

#[test]
fn the_status_is_told_when_it_has_changed_and_every_five_seconds_at_most() {
    let (one, start) = (Running::new("one"), Instant::now());
    let (roster, mut report) = (roster(&[&one]), watched());
    one.opens();
    let mut status = |after: u64| {
        one.beats();
        report.look(&roster, start + seconds(after)).status
    };
    assert_eq!(status(0).unwrap(), "2 of 2 destinations level");
    assert_eq!(status(6), None, "nothing has changed");
    one.publishes(|snapshot| {
        snapshot.lanes[1].health = Health::Waiting;
        snapshot.lanes[1].lag_seconds = Some(12.7);
    });
    assert_eq!(status(7).unwrap(), "1 of 2 destinations level: other waiting (12 s)");
    one.publishes(|snapshot| snapshot.lanes[1].lag_seconds = Some(13.7));
    assert_eq!(status(8), None, "too early");
    assert_eq!(status(12).unwrap(), "1 of 2 destinations level: other waiting (13 s)");
}

#[test]
fn of_several_replications_the_status_names_whose_side_it_is_and_counts_the_rest() {
    let (one, other, now) = (Running::new("one"), Running::new("other"), Instant::now());
    one.opens();
    other.publishes(|snapshot| snapshot.source.health = Health::Held);
    one.publishes(|snapshot| snapshot.lanes[0].health = Health::Stopped);
    let status = watched().look(&roster(&[&one, &other]), now).status.unwrap();
    let told = "one/copy stopped, other/source held, other/copy opening and 1 more";
    assert_eq!(status, format!("1 of 4 destinations level: {told}"));
}

#[test]
fn one_that_has_failed_is_told_beside_the_others_and_keeps_nothing_waiting() {
    let (one, mut other, now) = (Running::new("one"), Running::new("other"), Instant::now());
    one.opens();
    other.publishes(|snapshot| snapshot.run.has_ended = true);
    let problems = Error::new(ErrorKind::Unsuitable, "refused").into();
    other.listed.end = Some(Arc::new(ReplicationEnd { at: WallTime::now(), problems }));
    let (both, mut report) = (roster(&[&one, &other]), watched());
    let status = report.look(&both, now).status.unwrap();
    assert_eq!(status, "2 of 2 destinations level; other has ended with an error");
    let news = report.look(&both, now + seconds(1));
    assert!(news.is_ready);
    one.beats();
    assert!(report.look(&both, now + seconds(100)).feeds_watchdog);
    let nobody = roster(&[&other]);
    assert!(!report.look(&nobody, now + seconds(200)).feeds_watchdog, "nothing runs");
}

#[test]
fn of_one_that_is_stuck_the_status_says_its_name_and_for_how_long() {
    let (one, start) = (Running::new("one\n"), Instant::now());
    let (roster, mut report) = (roster(&[&one]), watched());
    one.opens();
    report.look(&roster, start);
    let status = report.look(&roster, start + seconds(33)).status.unwrap();
    assert!(status.ends_with("is stuck: no sign of life for 33 s"), "{status}");
    assert!(!status.contains('\n'), "a message has a line for each thing: {status:?}");
}

#[test]
fn a_message_has_a_line_for_each_thing_and_is_empty_without_any() {
    assert_eq!(ServiceNews::default().message(), "");
    let news = ServiceNews {
        is_ready: true,
        feeds_watchdog: true,
        extends_start: true,
        status: Some("fine".to_owned()),
    };
    let told = "READY=1\nWATCHDOG=1\nEXTEND_TIMEOUT_USEC=60000000\nSTATUS=fine";
    assert_eq!(news.message(), told);
}
