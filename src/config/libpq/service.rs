//! Service files (PostgreSQL manual, libpq, "The Connection Service File").

use super::environment::Environment;
use super::keyword::{self, KeywordValues};
use crate::error::{Error, ErrorKind, Result};
use std::path::{Path, PathBuf};

/// Where packages put the file for all users: Debian's, the PostgreSQL project's RPMs, a build with
/// defaults.
const SYSTEM_DIRS: [&str; 3] =
    ["/etc/postgresql-common", "/etc/sysconfig/pgsql", "/usr/local/pgsql/etc"];

/// The settings of the service that `written` or `PGSERVICE` names; none when neither does.
///
/// # Errors
/// `Usage` when the service is in no file, or its file has an error.
pub(super) fn read(written: &KeywordValues, env: &Environment<'_>) -> Result<KeywordValues> {
    let named = |keyword: &str, variable: &str| {
        written.get(keyword).map(ToOwned::to_owned).or_else(|| env.filled(variable))
    };
    let Some(service) = named("service", "PGSERVICE").filter(|service| !service.is_empty()) else {
        return Ok(KeywordValues::default());
    };
    let given = named("servicefile", "PGSERVICEFILE").filter(|file| !file.is_empty());
    let own = given
        .as_ref()
        .map(PathBuf::from)
        .or_else(|| Some(env.home.as_ref()?.join(".pg_service.conf")));
    let system = env.filled("PGSYSCONFDIR").map_or_else(
        || SYSTEM_DIRS.iter().map(PathBuf::from).collect(),
        |dir| vec![PathBuf::from(dir)],
    );
    let mut tried = Vec::new();
    for (file, is_given) in own
        .into_iter()
        .map(|file| (file, given.is_some()))
        .chain(system.iter().map(|dir| (dir.join("pg_service.conf"), false)))
    {
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !is_given => {
                tried.push(file.display().to_string());
                continue;
            }
            Err(error) => {
                return Err(Error::new(
                    ErrorKind::Usage,
                    format!("cannot read the service file {}", file.display()),
                )
                .caused_by(&error)
                .fix("correct PGSERVICEFILE, or make the file readable"));
            }
        };
        if let Some(settings) = section(&text, &service, &file)? {
            return Ok(settings);
        }
        tried.push(file.display().to_string());
    }
    Err(Error::new(ErrorKind::Usage, format!("there is no service {service:?}"))
        .because(format!("looked in {}", tried.join(", ")))
        .fix(
            "correct its name, or add it to one of these files, or name another file in \
             PGSERVICEFILE",
        ))
}

/// The settings under `[service]`, if the file has it.
fn section(text: &str, service: &str, file: &Path) -> Result<Option<KeywordValues>> {
    let header = format!("[{service}]");
    let mut found: Option<KeywordValues> = None;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim_matches(|c: char| c.is_ascii_whitespace());
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.starts_with('[') {
            if found.is_some() {
                break;
            }
            if line.starts_with(&header) {
                found = Some(KeywordValues::default());
            }
            continue;
        }
        if let Some(settings) = &mut found {
            let place = format!("in line {} of {}", index + 1, file.display());
            self::line(line, &place, settings)?;
        }
    }
    Ok(found)
}

fn line(line: &str, place: &str, settings: &mut KeywordValues) -> Result<()> {
    const WHAT: &str = "cannot read the service file";
    let Some((name, value)) = line.split_once('=') else {
        return Err(Error::new(ErrorKind::Usage, WHAT)
            .because(format!("no = {place}"))
            .fix("write keyword=value, without blanks around the ="));
    };
    let keyword = keyword::find(name).ok_or_else(|| keyword::unknown(WHAT, name, place, true))?;
    if ["service", "servicefile"].contains(&keyword.name) {
        return Err(Error::new(ErrorKind::Usage, WHAT)
            .because(format!("a service names a service {place}"))
            .fix("services cannot be nested: write its settings here"));
    }
    settings.set_new(keyword, value.to_owned());
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const FILE: &str = "# comment\n[other]\nhost=wrong\n\n  [mine]\n  \
                        host=db1\nport=5433\nport=9\npassword=a=b \n[mine]\nuser=nobody\n";

    fn of(text: &str, service: &str) -> Result<Option<KeywordValues>> {
        section(text, service, Path::new("pg_service.conf"))
    }

    #[test]
    fn the_first_section_of_that_name_counts_and_in_it_the_first_value() {
        let settings = of(FILE, "mine").unwrap().unwrap();
        assert_eq!(settings.get("host"), Some("db1"));
        assert_eq!(settings.get("port"), Some("5433"));
        assert_eq!(settings.get("password"), Some("a=b"));
        assert_eq!(settings.get("user"), None);
        assert!(of(FILE, "min").unwrap().is_none());
    }

    #[test]
    fn errors_name_the_line_and_show_no_value() {
        let report = |text| of(text, "s").map(|_| ()).unwrap_err().report();
        let nested = report("[s]\nservice=t");
        assert!(
            nested.contains("a service names a service in line 2 of pg_service.conf"),
            "{nested}"
        );
        let unknown = report("[s]\nhst=hunter2");
        assert!(unknown.contains("unknown keyword \"hst\" in line 2"), "{unknown}");
        assert!(
            unknown.contains("did you mean \"host\"?") && !unknown.contains("hunter2"),
            "{unknown}"
        );
        assert!(report("[s]\nldap://x").contains("no = in line 2"));
    }

    #[test]
    fn an_error_in_another_section_does_not_matter() {
        assert!(of("[a]\nnonsense\n[s]\nhost=h\n[b]\nnonsense", "s").unwrap().is_some());
    }

    #[test]
    fn the_users_file_comes_before_the_systems_and_a_missing_service_names_both() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(".pg_service.conf"), "[own]\nhost=own\n[both]\nhost=own")
            .unwrap();
        std::fs::write(
            dir.path().join("pg_service.conf"),
            "[system]\nhost=system\n[both]\nhost=system",
        )
        .unwrap();
        let sysconf = dir.path().display().to_string();
        let env = Environment {
            var: &|name| (name == "PGSYSCONFDIR").then(|| sysconf.clone()),
            home: Some(dir.path().to_owned()),
            ..Environment::empty()
        };
        let host = |service: &str| {
            let mut written = KeywordValues::default();
            written.set(keyword::find("service").unwrap(), service.to_owned());
            read(&written, &env).map(|settings| settings.get("host").unwrap().to_owned())
        };
        assert_eq!(host("own").unwrap(), "own");
        assert_eq!(host("both").unwrap(), "own");
        assert_eq!(host("system").unwrap(), "system");
        let report = host("none").unwrap_err().report();
        assert!(
            report.contains("there is no service \"none\"")
                && report.contains("/.pg_service.conf, "),
            "{report}"
        );
    }

    #[test]
    fn a_service_file_that_was_named_must_exist() {
        let env = Environment {
            var: &|name| match name {
                "PGSERVICE" => Some("s".to_owned()),
                "PGSERVICEFILE" => Some("/nonexistent/services".to_owned()),
                _ => None,
            },
            ..Environment::empty()
        };
        let error = read(&KeywordValues::default(), &env).map(|_| ()).unwrap_err();
        assert_eq!(error.what(), "cannot read the service file /nonexistent/services");
    }
}
