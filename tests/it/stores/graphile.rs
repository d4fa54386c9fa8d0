//! graphile-worker (npm): a queue, whose jobs change and go.

use super::copying::Copying;
use super::packages::{Registry, packages, run, script};

#[tokio::test]
async fn jobs_are_copied_as_they_are_added_and_the_copy_is_called_different_once_they_are_done() {
    let Some(dir) = packages(Registry::Npm) else { return };
    let copying = Copying::of("graphile_worker._private_jobs").await;
    let queue =
        |what, seconds| script(dir, "write_graphile.mjs", &copying.source, &[what, seconds]);
    run(vec![queue("add", "0.3")]).await;
    copying.copies_during(run((0..3).map(|_| queue("add", "2")).collect())).await;
    assert!(copying.rows().await > 20);
    // What is said before the first job is copied.
    let (code, printed, _) = copying.counterfoil(&["run", "--dry-run"]);
    assert_eq!(code, Some(0), "{printed}");
    let warning = "if they do change rows, those changes stay at the source";
    assert!(printed.contains("nothing refuses UPDATE and DELETE"), "{printed}");
    assert!(printed.contains(warning), "{printed}");

    run(vec![queue("work", "0")]).await;
    assert_eq!(copying.rows().await, 0);
    let (code, told) = copying.status();
    assert_eq!(code, Some(4), "{told}");
    assert!(told.contains("is ahead of the source by"), "{told}");
    // Nothing is written into the queue unless a person insists.
    let (code, plan, refusal) = copying.counterfoil(&["restore", "--from", "copy"]);
    assert_eq!(code, Some(2), "{plan}{refusal}");
    assert!(refusal.contains("nothing was written"), "{refusal}");
    assert_eq!(copying.rows().await, 0);
}
