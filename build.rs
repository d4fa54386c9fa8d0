//! Gives the build its commit, where it is made in a checkout of this repository; from a tarball
//! there is none. It runs again only when the commit changes.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let commit = commit(&root).unwrap_or_default();
    println!("cargo:rustc-env=COUNTERFOIL_COMMIT={commit}");
}

/// The commit, abbreviated; `None` without git, and where an outer repository holds us.
fn commit(root: &Path) -> Option<String> {
    let top = PathBuf::from(git(root, &["rev-parse", "--show-toplevel"])?);
    if top.canonicalize().ok()? != root.canonicalize().ok()? {
        return None;
    }
    // What names the commit: HEAD and the branch that it stands for; a branch that is packed gets a
    // file of its own with the next commit, of which the log tells.
    let branch = git(root, &["symbolic-ref", "--quiet", "HEAD"]);
    for name in ["HEAD", "logs/HEAD", "packed-refs"].into_iter().chain(branch.as_deref()) {
        let path = root.join(git(root, &["rev-parse", "--git-path", name])?);
        // A file that is not there would be taken for changed each time.
        if path.exists() {
            println!("cargo:rerun-if-changed={}", path.display());
        }
    }
    git(root, &["rev-parse", "--short=7", "HEAD"])
}

fn git(root: &Path, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new("git");
    command.arg("-C").arg(root).args(arguments);
    let output = command.env_remove("GIT_DIR").env_remove("GIT_WORK_TREE").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}
