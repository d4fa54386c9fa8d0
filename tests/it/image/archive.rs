//! The image under test: an archive that was given, or one that tools/image makes of what the tests
//! have compiled.

use super::engine::{Engine, podman, short_dir};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Output;
use tempfile::TempDir;
use tokio::process::Command;

/// An archive, and its directory where it is ours.
pub struct ImageArchive {
    /// Where it is.
    pub file: PathBuf,
    /// The image's id, where we made it.
    pub id: Option<String>,
    _dir: TempDir,
}

/// What COUNTERFOIL_TEST_IMAGE says: `release` (an image to ship is required), `required`, or
/// nothing.
fn wanted() -> String {
    std::env::var("COUNTERFOIL_TEST_IMAGE").unwrap_or_default()
}

/// Whether the archive is one to ship: optimized, and small.
pub fn is_to_ship() -> bool {
    wanted() == "release"
}

/// Says that the test is skipped, where the output of tests is not captured; fails where
/// COUNTERFOIL_TEST_IMAGE says that it may not be.
pub fn skip(reason: &str) {
    assert!(wanted().is_empty(), "COUNTERFOIL_TEST_IMAGE={}: {reason}", wanted());
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test of the image");
    drop(writeln!(std::io::stderr(), "skipped: {test}: {reason}"));
}

/// The image in a store; `None`, which is said, where containers cannot be made here.
pub async fn loaded() -> Option<(Engine, ImageArchive)> {
    if let Err(reason) = is_able().await {
        skip(&reason);
        return None;
    }
    let (engine, archive) = (Engine::new(), archive().await);
    engine.told(&["load", "--quiet", "--input", archive.file.to_str().unwrap()]).await;
    Some((engine, archive))
}

/// Whether this machine lets us build an image and run a container, tried with an empty one.
async fn is_able() -> Result<(), String> {
    if !rustix::process::geteuid().is_root() {
        let reason = "podman limits no memory for an ordinary user, and leaves a process behind";
        return Err(format!("{reason}: run the test as root"));
    }
    for program in ["buildah", "podman", "runc", "catatonit"] {
        let found = Command::new(program).arg("--version").output().await;
        found.map_err(|_| format!("there is no {program}: tools/image --setup installs it"))?;
    }
    let dir = short_dir();
    let work = dir.path();
    let said = |what: &str, output: Output| match output.status.code() {
        // 127: the engine came as far as to look for the program, which an empty image does not have.
        Some(0 | 127) => Ok(output),
        _ => {
            let complaint = String::from_utf8_lossy(&output.stderr);
            let last = complaint.lines().rfind(|line| !line.trim().is_empty());
            Err(format!("{what} cannot work here: {}", last.unwrap_or_default()))
        }
    };
    std::fs::write(work.join("Dockerfile"), "FROM scratch\nCOPY Dockerfile /\n").unwrap();
    let archive = format!("oci-archive:{}:localhost/empty:latest", work.join("a.tar").display());
    let mut buildah = Command::new("buildah");
    for (flag, name) in [("--root", "b/storage"), ("--runroot", "b/run")] {
        buildah.arg(flag).arg(work.join(name));
    }
    buildah.args(["--storage-driver", "vfs", "bud", "--quiet", "--isolation", "chroot", "--tag"]);
    said("buildah", buildah.arg(archive).arg(work).output().await.unwrap())?;
    let load = podman(work).args(["load", "--input"]).arg(work.join("a.tar")).output().await;
    said("podman", load.unwrap())?;
    let mut run = podman(work);
    run.args(["run", "--rm", "--network", "host", "--memory", "64m", "--user", "65532"]);
    let run = run.args(["--pull", "never", "localhost/empty:latest", "/none"]).output().await;
    let able = said("podman", run.unwrap());
    let removed = podman(work).args(["rmi", "--all", "--force"]).output().await;
    able.and(said("podman", removed.unwrap())).map(|_| ())
}

async fn archive() -> ImageArchive {
    let dir = tempfile::tempdir().unwrap();
    if let Some(file) = std::env::var_os("COUNTERFOIL_IMAGE") {
        return ImageArchive { file: file.into(), id: None, _dir: dir };
    }
    let file = dir.path().join("image.tar");
    let id = built(&file).await;
    ImageArchive { file, id: Some(id), _dir: dir }
}

/// Builds it; gives its id.
pub async fn built(archive: &Path) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/image");
    let output = Command::new(script).arg("--quick").arg(archive).output().await.unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "tools/image --quick: {complaint}");
    let told = String::from_utf8(output.stdout).unwrap();
    told.trim().rsplit(' ').next().unwrap().to_owned()
}
