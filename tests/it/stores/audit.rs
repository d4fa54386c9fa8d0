//! 2ndQuadrant's audit trigger, as the package postgres-audit-triggers (PyPI) brings it.

use super::copying::Copying;
use super::packages::{Registry, packages};
use super::sessions;
use std::path::Path;

/// The SQL that its migrations run, and an audited table.
async fn install(copying: &Copying, dir: &Path) {
    for file in ["audit_0001.sql", "audit_0002.sql", "audit_0003.sql"] {
        let path = dir.join("postgres_audit_triggers/sql").join(file);
        copying.source.execute(&std::fs::read_to_string(path).unwrap()).await;
    }
    let audited = "create table account (id bigserial primary key, owner text, balance int); \
                   select audit.audit_table('account')";
    copying.source.execute(audited).await;
}

/// Inserts, updates and deletes of rows of its own; one in six is rolled back.
fn changes(n: u32) -> String {
    let end = if n.is_multiple_of(6) { "rollback" } else { "commit" };
    format!(
        "begin; insert into account (owner, balance) values ('é{n}', {n}), ('o', 1); update \
         account set balance = balance + 1 where owner = 'é{n}'; delete from account where owner \
         = 'é{n}'; {end}"
    )
}

#[tokio::test]
async fn logged_actions_are_copied_by_the_column_that_the_refusal_names() {
    let Some(dir) = packages(Registry::Pypi) else { return };
    let mut copying = Copying::of("audit.logged_actions").await;
    install(&copying, dir).await;
    sessions::write(&copying.source, 1, 0.2, changes).await;
    copying.is_refused(&["fix: id_column = \"event_id\":"]);
    copying.obey().await;
    copying.copies_during(sessions::write(&copying.source, 8, 2.0, changes)).await;
    assert!(copying.rows().await > 20);
}
