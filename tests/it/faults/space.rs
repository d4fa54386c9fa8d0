//! A disk that is full: at a destination, which is waited for, and at the source, which can still
//! be read.

use crate::harness::{Database, binaries, fresh_database, fresh_database_on, fresh_destination};
use crate::support::events::{
    arrives, equal, highest, init_destination, init_source, insert, prefix, statement,
};
use crate::support::replicator::Setup;
use counterfoil::postgres::server::{
    ClusterTemplate, PrivateServer, ServerBinaries, ServerSettings,
};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use tempfile::TempDir;

/// A server whose disk is full when it is told to be.
struct Limited {
    database: Database,
    flag: PathBuf,
    _dir: TempDir,
}

impl Limited {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let flag = dir.path().join("full");
        let template =
            ClusterTemplate::new(&limited(dir.path(), &flag), &["--wal-segsize=1"]).unwrap();
        // A buffer that is written early asks for the disk at once.
        let server =
            PrivateServer::new(&template, &ServerSettings::new().set("shared_buffers", "1MB"))
                .unwrap();
        Self { database: fresh_database_on(&Arc::new(server)).await, flag, _dir: dir }
    }

    fn fill(&self) {
        std::fs::write(&self.flag, "").unwrap();
    }

    fn make_room(&self) {
        std::fs::remove_file(&self.flag).unwrap();
    }
}

/// The programs under test, of which `postgres` sees a disk that is full while the flag is there.
fn limited(dir: &Path, flag: &Path) -> ServerBinaries {
    let (real, library, programs) = (binaries(), dir.join("full_disk.so"), dir.join("bin"));
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/faults/full_disk.c");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).arg("-ldl");
    assert!(compiler.status().unwrap().success(), "the C compiler that tools/setup installs");
    std::fs::create_dir(&programs).unwrap();
    for program in std::fs::read_dir(real.dir()).unwrap().map(|entry| entry.unwrap()) {
        if program.file_name() != "postgres" {
            symlink(program.path(), programs.join(program.file_name())).unwrap();
        }
    }
    let (library, flag, postgres) = (library.display(), flag.display(), real.program("postgres"));
    let script = format!(
        "#!/bin/sh\nLD_PRELOAD={library} FULL_DISK={flag} exec {} \"$@\"\n",
        postgres.display()
    );
    let wrapper = programs.join("postgres");
    std::fs::write(&wrapper, script).unwrap();
    std::fs::set_permissions(&wrapper, std::fs::Permissions::from_mode(0o755)).unwrap();
    ServerBinaries::find(Some(&programs)).unwrap()
}

#[tokio::test]
async fn a_destination_whose_disk_is_full_is_waited_for_and_holds_nobody_up() {
    let (source, good, limited) =
        (fresh_database().await, fresh_destination().await, Limited::new().await);
    init_source(&source).await;
    init_destination(&good).await;
    init_destination(&limited.database).await;
    insert(&source, 100).await;
    let mut replicator = Setup::from(&source)
        .to("good", &good)
        .to("full", &limited.database)
        .key("retry_wait_max_ms = 300")
        .start(&[]);
    arrives(&limited.database, 100).await;
    limited.fill();
    for _ in 0..3 {
        insert(&source, 2000).await;
        equal(&source, &good).await;
    }
    replicator
        .says(&[
            "the destination was lost, trying again",
            "\"destination\":\"full\"",
            "SQLSTATE 53100",
        ])
        .await;
    assert!(prefix(&source, &limited.database).await < highest(&source).await);
    limited.make_room();
    equal(&source, &limited.database).await;
    replicator.stops().await;
}

#[tokio::test]
async fn a_source_whose_disk_is_full_is_read_on() {
    let (limited, destination) = (Limited::new().await, fresh_destination().await);
    let source = &limited.database;
    init_source(source).await;
    init_destination(&destination).await;
    insert(source, 3000).await;
    limited.fill();
    let refused = source.client().await.batch_execute(&statement(20_000)).await.unwrap_err();
    assert_eq!(refused.code().unwrap().code(), "53100");
    let replicator = Setup::from(source).to("copy", &destination).start(&[]);
    equal(source, &destination).await;
    assert_eq!(replicator.lines(&["was lost"]), 0, "{}", replicator.log());
    limited.make_room();
    insert(source, 3).await;
    equal(source, &destination).await;
    replicator.stops().await;
}
