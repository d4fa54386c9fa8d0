//! django-pghistory (PyPI): tables of history that triggers fill.

use super::copying::Copying;
use super::packages::{Registry, packages, run, script};

#[tokio::test]
async fn a_history_of_a_django_model_is_copied_by_the_column_that_the_refusal_names() {
    let Some(dir) = packages(Registry::Pypi) else { return };
    let mut copying = Copying::of("shop_counterevent").await;
    let writer =
        |copying: &Copying, seconds| script(dir, "write_pghistory.py", &copying.source, &[seconds]);
    run(vec![writer(&copying, "0")]).await;
    run(vec![writer(&copying, "0.3")]).await;
    copying
        .is_refused(&["no unique index has \"id\"", "fix: id_column = \"pgh_id\", which has one"]);
    copying.obey().await;
    copying.copies_during(run((0..5).map(|_| writer(&copying, "2")).collect())).await;
    assert!(copying.rows().await > 20);
}
