//! The end of a job, seen on a page that stays open.

use super::{console, opened, pair};
use crate::support::events::insert;
use crate::support::replicator::Setup;

#[tokio::test]
async fn an_open_page_shows_the_end_of_a_job_and_its_exit_code() {
    let (source, copy) = pair(30).await;
    let lock = crate::support::lock_out(&copy).await;
    let (mut replicator, site) = opened(
        &Setup::from(&source).to("copy", &copy).process(&console("")),
        &["--until-caught-up"],
    )
    .await;
    site.page_shows("→ 1 destination · a job").await;
    let mut live = site.live("counterfoil").await;
    live.tells("event: title").await;
    lock.batch_execute("rollback").await.unwrap();
    let told = live.tells("event: ended\ndata: \"ended with exit code 0\"").await.to_owned();
    assert!(told.contains("Everything is copied: it has ended with exit code 0"), "{told}");
    assert!(told.contains("everything that was visible at the start, through id 30"), "{told}");
    assert_eq!(replicator.ends().await.code, Some(0));
}

#[tokio::test]
async fn an_open_page_shows_why_a_run_failed() {
    let (source, copy) = pair(3).await;
    let (mut replicator, site) =
        opened(&Setup::from(&source).to("copy", &copy).process(&console("")), &[]).await;
    site.is("following").await;
    let mut live = site.live("counterfoil").await;
    live.tells("event: title").await;
    copy.execute("alter table events drop column event").await;
    insert(&source, 3).await;
    let told = live.tells("event: ended\ndata: \"ended with exit code 3\"").await;
    assert!(told.contains("It has ended with exit code 3"), "{told}");
    assert_eq!(replicator.ends().await.code, Some(3));
}
