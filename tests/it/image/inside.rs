//! What is inside the image, and what is not.

use super::archive::{built, is_to_ship};
use super::engine::{Container, IMAGE};
use super::{Trial, root};
use std::collections::BTreeMap;
use std::path::Path;

/// The largest binary to ship, and the largest archive.
const BINARY_BYTES_MAX: u64 = 15_000_000;
const ARCHIVE_BYTES_MAX: u64 = 8_000_000;

/// Looks at the files, at what the image says of itself, and at its size, which it gives.
pub async fn is_what_it_should_be(trial: &mut Trial) -> String {
    let files = files(trial).await;
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    let mut expected = vec![
        "etc/group",
        "etc/passwd",
        "etc/ssl/certs/ca-certificates.crt",
        "usr/bin/counterfoil",
        "usr/bin/events-diff",
        "usr/bin/load-fake-data",
        "usr/share/doc/counterfoil/LICENSE-APACHE",
        "usr/share/doc/counterfoil/LICENSE-MIT",
    ];
    if root().join("THIRD-PARTY.md").exists() {
        expected.push("usr/share/doc/counterfoil/THIRD-PARTY.md");
    }
    assert_eq!(names, expected);
    trial.saw("it holds one binary, two links to it, certificates, licences, and nothing else");
    let modes: Vec<&str> = files.values().map(|(mode, _)| mode.as_str()).collect();
    let may_be = ["-rw-r--r--", "-rwxr-xr-x", "lrwxrwxrwx"];
    assert!(modes.iter().all(|mode| may_be.contains(mode)), "{modes:?}");
    trial.saw("no file in it can be written or gives other rights");
    said_of_itself(trial).await;
    programs_by_name(trial).await;
    if let Some(id) = &trial.archive.id {
        let again = built(&trial.dir.path().join("again.tar")).await;
        assert_eq!(&again, id);
        trial.saw("made twice, it has the same id");
    }
    let binary = files["usr/bin/counterfoil"].1;
    let archive = std::fs::metadata(&trial.archive.file).unwrap().len();
    if is_to_ship() {
        assert!(binary < BINARY_BYTES_MAX && archive < ARCHIVE_BYTES_MAX, "{binary} {archive}");
        trial.saw("its binary and its archive are small");
        no_path_of_this_machine(trial).await;
    }
    let megabytes = |bytes: u64| format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10);
    format!("{} to pull, binary {}", megabytes(archive), megabytes(binary))
}

/// Each file with its mode and size.
async fn files(trial: &Trial) -> BTreeMap<String, (String, u64)> {
    let tar = exported(trial).await;
    let listed = std::process::Command::new("tar").arg("-tvf").arg(tar).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let lines = listed.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    // What the engine itself lays into each container.
    let engines = ["dev/", "proc/", "sys/", "run/", "etc/hosts", "etc/resolv.conf", "etc/hostname"];
    let is_ours = |name: &str| !engines.iter().any(|engine| name.starts_with(engine));
    let files = lines.filter(|words| !words[0].starts_with('d') && is_ours(words[5]));
    files
        .map(|words| (words[5].to_owned(), (words[0].to_owned(), words[2].parse().unwrap())))
        .collect()
}

async fn exported(trial: &Trial) -> std::path::PathBuf {
    let tar = trial.dir.path().join("files.tar");
    if !tar.exists() {
        trial.engine.told(&["create", "--pull", "never", "--name", "files", IMAGE]).await;
        trial.engine.told(&["export", "--output", tar.to_str().unwrap(), "files"]).await;
        trial.engine.told(&["rm", "files"]).await;
    }
    tar
}

async fn said_of_itself(trial: &mut Trial) {
    let format = "{{.Config.User}} {{.Config.StopSignal}} {{.Config.Entrypoint}} {{.Created}}";
    let said = trial.engine.told(&["image", "inspect", IMAGE, "--format", format]).await;
    let expected = "65532:65532 SIGTERM [/usr/bin/counterfoil] 1970-01-01 00:00:00 +0000 UTC";
    assert_eq!(said, expected);
    trial.saw("it is run as user 65532 and stopped by SIGTERM, and says nothing of when");
}

async fn programs_by_name(trial: &mut Trial) {
    let version = env!("CARGO_PKG_VERSION");
    for program in ["counterfoil", "events-diff", "load-fake-data"] {
        let entrypoint = (program != "counterfoil").then(|| format!("/usr/bin/{program}"));
        let container = Container {
            entrypoint: entrypoint.as_deref(),
            arguments: vec!["-V"],
            ..Container::default()
        };
        let end = trial.engine.run(&container).await;
        let expected = format!("{program} {version}");
        assert!(end.code == 0 && end.log.starts_with(&expected), "{program}: {end:?}");
    }
    trial.saw("each of the three programs is there by its name");
}

/// So that two machines make the same file.
async fn no_path_of_this_machine(trial: &mut Trial) {
    let tar = exported(trial).await;
    let mut unpack = std::process::Command::new("tar");
    unpack.arg("-xf").arg(tar).arg("-C").arg(trial.dir.path()).arg("usr/bin/counterfoil");
    assert!(unpack.status().unwrap().success());
    let binary = std::fs::read(trial.dir.path().join("usr/bin/counterfoil")).unwrap();
    let home = std::env::var("HOME").unwrap();
    for path in [env!("CARGO_MANIFEST_DIR"), &format!("{home}/.cargo")] {
        let has = binary.windows(path.len()).any(|window| window == path.as_bytes());
        assert!(!has && Path::new(path).is_absolute(), "the binary names {path}");
    }
    trial.saw("its binary names no path of the machine that made it");
}
