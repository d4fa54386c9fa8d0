//! Moments of a replication whose loop is the test, by a clock of its own.

use super::*;
use crate::config::libpq::Environment;
use crate::config::load::load;
use crate::replicate::command::commands;
use crate::replicate::snapshot::publisher;
use crate::verify::continuous::snapshot as verification;
use std::io::Write;

/// A replication that tells what the test has it tell.
pub(in crate::console) struct ToldReplication {
    snapshots: watch::Sender<Arc<Snapshot>>,
    /// Kept open: nothing is told over it.
    _verification: watch::Sender<Arc<VerificationSnapshot>>,
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
        let roster = Arc::new(vec![listed]);
        Self { snapshots, _verification: verification, roster, sampler }
    }

    /// This is so.
    pub(in crate::console) fn tells(&self, change: impl FnOnce(&mut Snapshot)) {
        let mut snapshot = Snapshot::clone(&self.snapshots.borrow());
        change(&mut snapshot);
        self.snapshots.send_replace(Arc::new(snapshot));
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
