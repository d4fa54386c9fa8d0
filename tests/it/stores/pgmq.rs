//! pgmq, as the package pgmq (PyPI) installs it without an extension: a queue and its archive.

use super::copying::Copying;
use super::packages::{Registry, packages, run, script};
use std::path::Path;
use tokio::process::Command;

fn does(dir: &Path, copying: &Copying, what: &str, seconds: &str) -> Command {
    script(dir, "write_pgmq.py", &copying.source, &[what, seconds])
}

#[tokio::test]
async fn a_queue_is_copied_as_it_is_sent_and_the_copy_is_called_different_once_it_is_read() {
    let Some(dir) = packages(Registry::Pypi) else { return };
    let mut copying = Copying::of("pgmq.q_orders").await;
    run(vec![does(dir, &copying, "send", "0")]).await;
    run(vec![does(dir, &copying, "send", "0.3")]).await;
    copying.is_refused(&["fix: id_column = \"msg_id\":"]);
    copying.obey().await;
    copying.copies_during(run((0..5).map(|_| does(dir, &copying, "send", "2")).collect())).await;
    assert!(copying.rows().await > 20);
    let (_, printed, _) = copying.counterfoil(&["run", "--dry-run"]);
    let warning = "if they do change rows, those changes stay at the source";
    assert!(printed.contains(warning), "{printed}");

    run(vec![does(dir, &copying, "read", "0.3")]).await;
    let (code, told) = copying.status();
    assert_eq!(code, Some(4), "{told}");
    assert!(told.contains("it differs in \"read_ct\""), "{told}");
}

#[tokio::test]
async fn an_archive_is_refused_and_copied_once_it_has_the_column_of_the_refusal() {
    let Some(dir) = packages(Registry::Pypi) else { return };
    let mut copying = Copying::of("pgmq.a_orders").await;
    run(vec![does(dir, &copying, "send", "0")]).await;
    run(vec![does(dir, &copying, "send", "1"), does(dir, &copying, "archive", "1.5")]).await;
    copying.id_column("msg_id");
    copying.is_refused(&[
        "\"msg_id\" is assigned: no identity or serial sequence",
        "give the table ids of its own: ALTER TABLE pgmq.a_orders ADD COLUMN seq bigint",
    ]);
    copying.obey().await;
    let both = ["send", "archive"].repeat(3);
    copying
        .copies_during(run(both.iter().map(|what| does(dir, &copying, what, "2")).collect()))
        .await;
    assert!(copying.rows().await > 20);
}
