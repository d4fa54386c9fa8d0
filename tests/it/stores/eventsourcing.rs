//! eventsourcing (PyPI) with its recorders for PostgreSQL.

use super::copying::Copying;
use super::packages::{Registry, packages, run, script};

/// Five processes of this recorder, each for two seconds; or one that only makes its tables.
fn writers(
    copying: &Copying,
    dir: &std::path::Path,
    recorder: &str,
) -> Vec<tokio::process::Command> {
    (0..5).map(|_| script(dir, WRITES, &copying.source, &[recorder, "2"])).collect()
}

const WRITES: &str = "write_eventsourcing.py";

#[tokio::test]
async fn the_application_recorder_is_copied_by_the_column_that_the_refusal_names() {
    let Some(dir) = packages(Registry::Pypi) else { return };
    let mut copying = Copying::of("dogs_events").await;
    run(vec![script(dir, WRITES, &copying.source, &["application", "0.3", "make"])]).await;
    copying
        .is_refused(&["dogs_events has no column \"id\"", "fix: id_column = \"notification_id\":"]);
    copying.obey().await;
    copying.copies_during(run(writers(&copying, dir, "application"))).await;
    assert!(copying.rows().await > 20);
}

#[tokio::test]
async fn the_recorder_of_dynamic_consistency_boundaries_is_copied_by_default() {
    let Some(dir) = packages(Registry::Pypi) else { return };
    let copying = Copying::of("dcb_events_tt_main").await;
    run(vec![script(dir, WRITES, &copying.source, &["dcb", "0.3", "make"])]).await;
    copying.copies_during(run(writers(&copying, dir, "dcb"))).await;
    assert!(copying.rows().await > 20);
}

#[tokio::test]
async fn the_aggregate_recorder_is_refused_and_copied_once_it_has_the_column_of_the_refusal() {
    let Some(dir) = packages(Registry::Pypi) else { return };
    let mut copying = Copying::of("stored_events").await;
    run(vec![script(dir, WRITES, &copying.source, &["aggregate", "0.3", "make"])]).await;
    copying.is_refused(&["ADD COLUMN seq bigint GENERATED ALWAYS AS IDENTITY;"]);
    copying.obey().await;
    copying.copies_during(run(writers(&copying, dir, "aggregate"))).await;
    assert!(copying.rows().await > 20);
}
