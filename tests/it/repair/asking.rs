//! Who agrees on a terminal gets it done, who does not changes nothing.

use super::{KINDS, follows, pair, prepared};
use crate::command::told;
use crate::support::events::digest;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::fs::File;
use std::io::Write;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// Runs it on a terminal on which this was typed; gives exit code, stdout and stderr.
fn on_a_terminal(mut command: Command, typed: &[u8]) -> (Option<i32>, String, String) {
    let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&keyboard).unwrap();
    unlockpt(&keyboard).unwrap();
    let name = ptsname(&keyboard, Vec::new()).unwrap().into_string().unwrap();
    let terminal = File::options().read(true).write(true).open(name).unwrap();
    let child =
        command.stdin(terminal).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    File::from(keyboard.try_clone().unwrap()).write_all(typed).unwrap();
    told(&child.wait_with_output().unwrap())
}

#[tokio::test]
async fn declining_changes_nothing_and_ends_with_0() {
    for typed in [b"n\n".as_slice(), b"\n", b"\x04"] {
        let (source, destination) = pair(KINDS[0]).await;
        destination.execute("delete from events where id = 5").await;
        let before = digest(&destination, i64::MAX).await;
        let dir = TempDir::new().unwrap();
        let (code, printed, complaint) =
            on_a_terminal(prepared(&dir, &source, &destination, &["--insert-missing"]), typed);
        assert_eq!(code, Some(0), "{printed}{complaint}");
        assert!(
            printed.contains("will insert")
                && printed.contains("proceed? [y/N] nothing was changed"),
            "{printed}"
        );
        assert_eq!(digest(&destination, i64::MAX).await, before);
    }
}

#[tokio::test]
async fn agreeing_does_what_was_shown() {
    let (source, destination) = pair(KINDS[0]).await;
    destination.execute("delete from events where id = 5").await;
    let dir = TempDir::new().unwrap();
    let (code, printed, complaint) =
        on_a_terminal(prepared(&dir, &source, &destination, &["--insert-missing"]), b"y\n");
    assert_eq!(code, Some(0), "{printed}{complaint}");
    assert!(printed.contains("verified, equal to the source"), "{printed}");
    follows(&source, &destination).await;
}
