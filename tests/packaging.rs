//! What a host installs is sound: systemd takes the unit, and finds it as closed as it is meant to
//! be.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// With `required`, what a test needs must be there.
const NEED: &str = "COUNTERFOIL_TEST_PACKAGING";
/// The most that `systemd-analyze security` may find open, in tenths.
const EXPOSURE_MAX: &str = "12";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn unit() -> String {
    std::fs::read_to_string(root().join("packaging/systemd/counterfoil@.service")).unwrap()
}

/// `systemd-analyze` with these arguments and a unit of this text, whose program is there; `None`
/// where there is no systemd.
fn analyze(arguments: &[&str], text: &str) -> Option<Output> {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        let required = std::env::var_os(NEED).is_some_and(|value| value == "required");
        assert!(!required, "there is no systemd-analyze: tools/setup systemd installs it");
        println!("skipped: there is no systemd-analyze");
        return None;
    }
    let (_dir, path) = placed(&text.replace("/usr/bin/counterfoil", "/bin/true"));
    Some(Command::new("systemd-analyze").args(arguments).arg(path).output().unwrap())
}

fn placed(text: &str) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("counterfoil@.service");
    std::fs::write(&path, text).unwrap();
    (dir, path)
}

fn told(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[test]
fn systemd_understands_every_line_of_the_unit_and_a_line_that_it_does_not_is_noticed() {
    let verify = |text: &str| analyze(&["verify", "--man=no"], text);
    let Some(output) = verify(&unit()) else { return };
    assert!(output.status.success() && told(&output).is_empty(), "{}", told(&output));
    let output = verify(&unit().replace("ProtectClock=yes", "ProtectClocks=yes")).unwrap();
    assert!(told(&output).contains("Unknown key"), "{}", told(&output));
}

#[test]
fn the_unit_leaves_little_open_and_what_is_opened_is_noticed() {
    let threshold = format!("--threshold={EXPOSURE_MAX}");
    let arguments = ["security", "--offline=true", "--no-pager", &threshold];
    let Some(output) = analyze(&arguments, &unit()) else { return };
    assert!(output.status.success(), "{}", told(&output));
    let output = analyze(&arguments, &unit().replace("CapabilityBoundingSet=\n", "")).unwrap();
    assert!(!output.status.success(), "{}", told(&output));
}

#[test]
fn the_unit_restarts_after_no_exit_code_that_needs_a_person() {
    let line = unit()
        .lines()
        .find_map(|line| line.strip_prefix("RestartPreventExitStatus=").map(str::to_owned));
    let codes: Vec<u8> = line.unwrap().split(' ').map(|code| code.parse().unwrap()).collect();
    use counterfoil::error::{Error, ErrorKind};
    let code =
        |kind: ErrorKind| counterfoil::error::Problems::from(Error::new(kind, "x")).exit_code();
    let needs_a_person = [
        ErrorKind::Usage,
        ErrorKind::Unsuitable,
        ErrorKind::Contents,
        ErrorKind::Order,
        ErrorKind::Rejected,
    ];
    assert_eq!(codes, needs_a_person.map(code));
    for kind in [ErrorKind::Bug, ErrorKind::Fed, ErrorKind::Unavailable] {
        assert!(!codes.contains(&code(kind)), "{kind:?} may be over by itself");
    }
}
