//! What a host installs is whole: every file is in its place, systemd takes the unit, and finds it
//! as closed as it is meant to be.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// With `required`, what a test needs must be there.
const NEED: &str = "COUNTERFOIL_TEST_INSTALL";
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

/// What packaging/layout makes of the program that is tested, beneath this prefix.
fn layout(prefix: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new(root().join("packaging/layout"))
        .arg(env!("CARGO_BIN_EXE_counterfoil"))
        .arg(dir.path())
        .arg(prefix)
        .output()
        .unwrap();
    assert!(output.status.success() && told(&output).is_empty(), "{}", told(&output));
    dir
}

#[test]
fn a_host_gets_one_file_with_the_names_of_three_programs_their_pages_and_their_completions() {
    let dir = layout("/usr");
    let dir = dir.path();
    let share = dir.join("share");
    assert!(!dir.join("bin/counterfoil").is_symlink());
    for program in ["counterfoil", "events-diff", "load-fake-data"] {
        if program != "counterfoil" {
            let link = std::fs::read_link(dir.join("bin").join(program)).unwrap();
            assert_eq!(link, Path::new("counterfoil"));
        }
        for completions in [
            format!("bash-completion/completions/{program}"),
            format!("fish/vendor_completions.d/{program}.fish"),
            format!("zsh/vendor-completions/_{program}"),
        ] {
            let text = std::fs::read_to_string(share.join(&completions)).unwrap();
            assert!(text.contains(program) && text.contains("config"), "{completions}");
        }
    }
    for entry in std::fs::read_dir(root().join("docs/man")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let section = name.rsplit('.').next().unwrap();
        let page = share.join(format!("man/man{section}/{name}.gz"));
        let unpacked = Command::new("gzip").args(["-dc"]).arg(page).output().unwrap();
        assert_eq!(unpacked.stdout, std::fs::read(root().join("docs/man").join(&name)).unwrap());
    }
}

#[test]
fn the_unit_runs_the_program_where_it_was_installed() {
    for prefix in ["/usr", "/usr/local"] {
        let path = "lib/systemd/system/counterfoil@.service";
        let unit = std::fs::read_to_string(layout(prefix).path().join(path)).unwrap();
        let line =
            format!("\nExecStart={prefix}/bin/counterfoil run --config /etc/counterfoil/%i.toml\n");
        assert_eq!(unit.matches(&line).count(), 1, "{unit}");
    }
}

#[test]
fn what_the_installed_documents_point_to_is_installed_too() {
    let dir = layout("/usr");
    let documents = dir.path().join("share/doc/counterfoil");
    let mut files = vec![documents.join("README.md"), documents.join("THIRD-PARTY.md")];
    let entries = std::fs::read_dir(documents.join("docs")).unwrap();
    let is_document = |path: &PathBuf| path.extension().is_some_and(|end| end == "md");
    files.extend(entries.map(|entry| entry.unwrap().path()).filter(is_document));
    assert!(files.len() > 10);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = link.split('#').next().unwrap();
            // Sources, measurements and what makes a release stay in the repository.
            let ends = [".md", ".toml", ".json", ".txt", ".svg", ".png"];
            let is_ours = ends.iter().any(|end| path.ends_with(end));
            let is_outside = path.contains("://")
                || path.starts_with("../packaging/")
                || path.contains("benches/");
            let target = file.parent().unwrap().join(path);
            assert!(!is_ours || is_outside || target.exists(), "{}: {link}", file.display());
        }
    }
}

#[test]
fn a_build_for_a_release_is_refused_with_wrong_arguments_before_anything_is_built() {
    for arguments in [&["--sign"][..], &["-h"]] {
        let output = Command::new(root().join("tools/release")).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", told(&output));
        assert!(told(&output).contains("usage: tools/release [--quick] [DIR] | --check | --setup"));
    }
}
