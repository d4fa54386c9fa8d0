//! Outboxes: tables of one's own, written by pgbench, and that of pg-transactional-outbox (npm).

use super::copying::Copying;
use super::packages::{Registry, at, packages, run, script, skip};
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// PostgreSQL's own pgbench: of the servers under test, otherwise of the system.
fn pgbench(copying: &Copying) -> Option<PathBuf> {
    let of_system = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut dirs = vec![copying.source.server.bin_dir().to_owned()];
    dirs.extend(of_system.map(|version| version.path().join("bin")));
    dirs.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let found = dirs.iter().map(|dir| dir.join("pgbench")).find(|path| path.exists());
    if found.is_none() {
        skip("there is no pgbench beside the servers, in /usr/lib/postgresql or in PATH");
    }
    found
}

/// Sixteen clients: a tenth of the transactions is rolled back, and some take their time.
const BENCH: &str = "\\set chance random(1, 10)
begin;
insert into outbox (payload) values (jsonb_build_object('n', :chance, 'text', 'é')), ('[]');
\\if :chance = 9
select pg_sleep(0.02);
\\endif
insert into outbox (payload) values ('null');
\\if :chance = 10
rollback;
\\else
commit;
\\endif
";

fn bench(program: &Path, copying: &Copying, dir: &Path, seconds: &str) -> Command {
    let file = dir.join("outbox.sql");
    std::fs::write(&file, BENCH).unwrap();
    let mut command = Command::new(program);
    command.args(["--no-vacuum", "--client=16", "--jobs=2", "--time", seconds, "--file"]).arg(file);
    at(command, &copying.source)
}

#[tokio::test]
async fn an_outbox_with_an_identity_column_is_copied_by_default() {
    let copying = Copying::of("outbox").await;
    let Some(program) = pgbench(&copying) else { return };
    let outbox = "create table outbox (id bigint generated always as identity primary key, payload \
                  jsonb, created timestamptz not null default clock_timestamp())";
    copying.source.execute(outbox).await;
    let dir = tempfile::tempdir().unwrap();
    run(vec![bench(&program, &copying, dir.path(), "1")]).await;
    copying.copies_during(run(vec![bench(&program, &copying, dir.path(), "3")])).await;
    assert!(copying.rows().await > 20);
}

#[tokio::test]
async fn an_outbox_whose_key_is_a_uuid_is_copied_once_it_has_the_column_of_the_refusal() {
    let mut copying = Copying::of("outbox").await;
    let Some(program) = pgbench(&copying) else { return };
    let outbox =
        "create table outbox (id uuid primary key default gen_random_uuid(), payload jsonb)";
    copying.source.execute(outbox).await;
    let dir = tempfile::tempdir().unwrap();
    run(vec![bench(&program, &copying, dir.path(), "1")]).await;
    copying.is_refused(&[
        "\"id\" is uuid, not an integer",
        "ADD COLUMN seq bigint GENERATED ALWAYS AS IDENTITY;",
    ]);
    copying.obey().await;
    copying.copies_during(run(vec![bench(&program, &copying, dir.path(), "2")])).await;
    assert!(copying.rows().await > 20);
}

#[tokio::test]
async fn a_pg_transactional_outbox_is_copied_once_it_has_the_column_of_the_refusal() {
    let Some(dir) = packages(Registry::Npm) else { return };
    let mut copying = Copying::of("outbox").await;
    let outbox = |copying: &Copying, what, seconds| {
        script(dir, "write_transactional_outbox.mjs", &copying.source, &[what, seconds])
    };
    run(vec![outbox(&copying, "make", "0.3")]).await;
    copying.is_refused(&[
        "\"id\" is uuid, not an integer",
        "ADD COLUMN seq bigint GENERATED ALWAYS AS IDENTITY;",
    ]);
    copying.obey().await;
    copying.copies_during(run((0..3).map(|_| outbox(&copying, "store", "2")).collect())).await;
    assert!(copying.rows().await > 20);

    run(vec![outbox(&copying, "complete", "0")]).await;
    let (code, told) = copying.status();
    assert_eq!(code, Some(4), "{told}");
    assert!(told.contains("it differs in \"processed_at\""), "{told}");
}
