//! The programs of a PostgreSQL server on this machine: given, or found where packages put them.

use crate::error::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The oldest version this works with.
const VERSION_NUM_MIN: u32 = 130_000;

/// Where `initdb` and `postgres` are, and their version.
#[derive(Clone, Debug)]
pub struct ServerBinaries {
    dir: PathBuf,
    version_num: u32,
}

impl ServerBinaries {
    /// Finds them: in the given directory, otherwise by `pg_config --bindir`, on `PATH`, in
    /// `/usr/lib/postgresql/*/bin` (newest first).
    ///
    /// `given` is what a person set (`COUNTERFOIL_POSTGRES_BIN`); then no other place is looked at.
    ///
    /// # Errors
    /// `Unsuitable`, with what to install, if there is none of version 13 or later.
    pub fn find(given: Option<&Path>) -> Result<Self> {
        let places = given.map_or_else(usual_places, |dir| vec![dir.to_owned()]);
        first_suitable(&places).ok_or_else(|| {
            let looked_at: Vec<String> =
                places.iter().map(|place| place.display().to_string()).collect();
            Error::new(
                ErrorKind::Unsuitable,
                "cannot find the programs of a PostgreSQL server, 13 or later (initdb, postgres)",
            )
            .at(looked_at.join(":"))
            .fix(
                "install them (Debian: apt-get install postgresql), or set \
                 COUNTERFOIL_POSTGRES_BIN to the directory that holds initdb and postgres",
            )
        })
    }

    /// Their directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Their version as `server_version_num` gives it: 150018 is 15.18.
    pub fn version_num(&self) -> u32 {
        self.version_num
    }

    /// The path of one of them.
    pub fn program(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

fn first_suitable(places: &[PathBuf]) -> Option<ServerBinaries> {
    places.iter().find_map(|place| {
        let dir = place.canonicalize().ok().filter(|dir| dir.join("initdb").is_file())?;
        let version = output_of(&dir.join("postgres"), "--version")?;
        let version_num = parse_version(&version).filter(|version| *version >= VERSION_NUM_MIN)?;
        Some(ServerBinaries { dir, version_num })
    })
}

fn usual_places() -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> =
        output_of(Path::new("pg_config"), "--bindir").map(PathBuf::from).into_iter().collect();
    places.extend(
        std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
            .filter(|dir| dir.is_absolute()),
    );
    let packages = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut majors: Vec<u32> =
        packages.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    majors.sort_unstable_by(|a, b| b.cmp(a));
    places.extend(
        majors.iter().map(|major| PathBuf::from(format!("/usr/lib/postgresql/{major}/bin"))),
    );
    places
}

/// The one line a program prints, if it runs.
fn output_of(program: &Path, option: &str) -> Option<String> {
    let output = Command::new(program)
        .arg(option)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().to_owned()).filter(|text| output.status.success() && !text.is_empty())
}

/// `postgres (PostgreSQL) 15.18 (Debian …)` is 150018; `19devel` and `19beta1` are 190000.
fn parse_version(line: &str) -> Option<u32> {
    let word = line.split(' ').find(|word| word.starts_with(|c: char| c.is_ascii_digit()))?;
    let mut numbers =
        word.split(|c: char| !c.is_ascii_digit()).map(|digits| digits.parse::<u32>().ok());
    let major = numbers.next()??;
    let minor = if word.contains('.') { numbers.next().flatten().unwrap_or(0) } else { 0 };
    Some(major * 10_000 + minor)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_as_the_server_numbers_it() {
        assert_eq!(
            parse_version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"),
            Some(150_018)
        );
        assert_eq!(parse_version("postgres (PostgreSQL) 19beta2"), Some(190_000));
        assert_eq!(parse_version("postgres (PostgreSQL) 9.6.24"), Some(90_006));
        assert_eq!(parse_version("postgres"), None);
    }

    #[test]
    fn a_given_directory_without_a_server_is_refused_with_what_to_install() {
        let empty = tempfile::tempdir().unwrap();
        let error = ServerBinaries::find(Some(empty.path())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsuitable);
        assert!(error.place().unwrap().contains(empty.path().to_str().unwrap()));
        assert!(error.remedy().unwrap().contains("apt-get install postgresql"), "{error:?}");
    }

    #[test]
    fn a_server_before_13_is_passed_over() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        for (program, version) in [
            ("old/postgres", "12.22"),
            ("old/initdb", "12.22"),
            ("new/postgres", "13.1"),
            ("new/initdb", "13.1"),
        ] {
            let path = dir.path().join(program);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n"))
                .unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let found = first_suitable(&[
            dir.path().join("none"),
            dir.path().join("old"),
            dir.path().join("new"),
        ])
        .unwrap();
        assert_eq!(found.version_num(), 130_001);
    }
}
