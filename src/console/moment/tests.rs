//! Moments of a replication whose loop is the test, by a clock of its own.

use super::*;
use crate::config::libpq::Environment;
use crate::config::load::load;
use crate::error::Problems;
use crate::replicate::command::commands;
use crate::replicate::snapshot::publisher;
use crate::verify::continuous::snapshot as verification;
use std::io::Write;

/// A replication that tells what the test has it tell.
pub(in crate::console) struct ToldReplication {
    snapshots: watch::Sender<Arc<Snapshot>>,
    verification: watch::Sender<Arc<VerificationSnapshot>>,
    roster: Roster,
    sampler: MomentSampler,
}

impl ToldReplication {
    /// Of two destinations.
    pub(in crate::console) fn new(verify: &str) -> Self {
        let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
        let text = format!(
            "[source]\nurl = \"host=a user=u dbname=d\"\n[[destinations]]\nname = \
             \"copy\"\nurl = \"host=b user=u dbname=d\"\n[[destinations]]\nname = \
             \"other\"\nurl = \"host=c user=u dbname=d\"\n{verify}"
        );
        file.write_all(text.as_bytes()).unwrap();
        let config = Arc::new(load(file.path(), &Environment::empty()).unwrap());
        let (snapshots, verification) = (publisher(&config), verification::publisher(&config));
        let listed = SupervisedReplication {
            name: "orders".to_owned(),
            config,
            snapshots: snapshots.subscribe(),
            verification: verification.subscribe(),
            commander: commands().0,
            end: None,
        };
        let sampler = MomentSampler::new(Duration::from_secs(1));
        Self { snapshots, verification, roster: Arc::new(vec![listed]), sampler }
    }

    /// This is so.
    pub(in crate::console) fn tells(&self, change: impl FnOnce(&mut Snapshot)) {
        let mut snapshot = Snapshot::clone(&self.snapshots.borrow());
        change(&mut snapshot);
        self.snapshots.send_replace(Arc::new(snapshot));
    }

    /// Its verification has found this many rows of the first destination that are changed.
    pub(in crate::console) fn finds_changed(&self, rows: u64) {
        self.verification.send_modify(|all| {
            let lane = &mut Arc::make_mut(all).destinations[0];
            lane.state = VerificationState::Different;
            lane.differences.changed = rows;
        });
    }

    /// It has ended, with nothing wrong.
    pub(in crate::console) fn ends(&mut self) {
        let end = ReplicationEnd { at: WallTime::now(), problems: Problems::new() };
        Arc::make_mut(&mut self.roster)[0].end = Some(Arc::new(end));
    }

    /// The moment at this time.
    pub(in crate::console) fn moment(&mut self, at: Instant) -> Arc<ReplicationMoment> {
        Arc::clone(&self.sampler.take(&self.roster, at)[0])
    }
}

#[test]
fn a_loop_that_tells_nothing_is_stuck_and_a_run_in_its_last_word_is_not() {
    let (mut told, start) = (ToldReplication::new(""), Instant::now());
    let late = start + SILENT_MAX + Duration::from_secs(1);
    assert!(!told.moment(start).is_stuck());
    assert!(told.moment(late).is_stuck());
    told.tells(|snapshot| snapshot.run.has_ended = true);
    assert!(!told.moment(late).is_stuck());
    assert!(!told.moment(late + Duration::from_secs(3600)).is_stuck());
}

#[test]
fn ids_that_begin_far_above_1_are_counted_from_where_they_begin() {
    let (mut told, start) = (ToldReplication::new(""), Instant::now());
    let first = 7_000_000_000_000_000_001;
    told.tells(|snapshot| {
        snapshot.source.lowest_id = Some(first);
        snapshot.source.highest_id = Some(first + 999);
        snapshot.lanes[0].position = Some(first + 99);
    });
    let moment = told.moment(start);
    let (source, highest) = (&moment.snapshot.source, moment.snapshot.source.highest_id);
    assert_eq!(share(source, Some(first + 99), highest), Some(10.0));
    assert_eq!(share(source, None, highest), Some(0.0));
    assert_eq!(share(source, Some(first + 998), highest), Some(99.9));
    assert_eq!(share(source, highest, highest), Some(100.0));
    let lacks: Vec<_> = moment.lanes.iter().map(|lane| lane.ids_behind).collect();
    assert_eq!(lacks, [Some(900), Some(1_000)]);
    let source = SourceSnapshot { lowest_id: Some(i64::MIN), ..source.clone() };
    assert_eq!(share(&source, Some(0), Some(i64::MAX)), Some(50.0));
    assert_eq!(share(&source, Some(-5), Some(-5)), Some(100.0));
}

#[test]
fn what_was_not_looked_at_is_neither_nothing_nor_all() {
    let (mut told, start) = (ToldReplication::new(""), Instant::now());
    let before = told.moment(start);
    let lane = &before.snapshot.lanes[0];
    assert_eq!(lane_share(&before.snapshot, lane, None), None);
    assert_eq!(share(&before.snapshot.source, None, None), None);
    told.tells(|snapshot| {
        snapshot.source.looked_at = Some(WallTime::now());
        snapshot.lanes[0].position = Some(3);
    });
    let empty = told.moment(start);
    assert_eq!(share(&empty.snapshot.source, None, None), Some(100.0), "it is known to be empty");
    assert_eq!(lane_share(&empty.snapshot, &empty.snapshot.lanes[0], Some(6)), Some(50.0));
    assert_eq!(lane_share(&empty.snapshot, &empty.snapshot.lanes[1], Some(6)), None);
}

#[test]
fn a_run_that_ends_well_beside_a_difference_is_not_called_well() {
    let mut told = ToldReplication::new("[verify]\nevery = \"1h\"\n");
    told.tells(|snapshot| snapshot.run.is_until_caught_up = true);
    told.finds_changed(2);
    told.ends();
    let verdict = super::super::verdict::verdict(&told.moment(Instant::now()));
    assert_eq!(verdict.severity, super::super::lane_word::NoteSeverity::Bad);
    assert_eq!(
        verdict.headline,
        "It has ended with exit code 0, and copy is not equal to the source"
    );
}

#[test]
fn a_destination_that_was_level_and_is_opened_for_long_is_said_to_wait() {
    use super::super::lane_word::NoteSeverity;
    let (mut told, start) = (ToldReplication::new(""), Instant::now());
    let severity = |told: &mut ToldReplication, lag: Option<f64>| {
        told.tells(|snapshot| snapshot.lanes[0].lag_seconds = lag);
        super::super::verdict::verdict(&told.moment(start)).severity
    };
    assert_eq!(severity(&mut told, None), NoteSeverity::Running);
    assert_eq!(severity(&mut told, Some(9.0)), NoteSeverity::Running);
    assert_eq!(severity(&mut told, Some(11.0)), NoteSeverity::Wait);
}
