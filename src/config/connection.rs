//! The connection of a source or destination: `url`, or separate settings, or both.

use super::file::reader::{ConfigReader, ConfigSection, ExpandedText, NamedValue};
use super::file::tree::ConfigValue;
use super::keys;
use super::libpq::{
    ConnectionSettings, Conninfo, PasswordCommand, has_foreign_scheme, holds_password,
};
use crate::error::Error;
use secrecy::SecretString;
use std::path::PathBuf;

/// What stands in a section about its connection; `None` for what is not there or was a problem.
struct WrittenConnection<'a, 'b> {
    reader: &'b mut ConfigReader<'a>,
    section: &'b ConfigSection<'a>,
    is_complete: bool,
}

/// Reads and completes the connection of a section; `unknown_scheme` is told of a URL that is none
/// of PostgreSQL.
pub(super) fn read<'a>(
    reader: &mut ConfigReader<'a>,
    section: &ConfigSection<'a>,
    unknown_scheme: fn() -> Error,
) -> Option<Conninfo> {
    let place =
        ["url", "host", "database", "user"].iter().find_map(|name| reader.find(section, name));
    let Some(place) = place else {
        let what = format!("{} does not say where its database is", section.path);
        let fix =
            "add url, such as url = \"postgres://user@host/database\", or host, database and user";
        reader.problem(section.at, &section.path, what, fix);
        return None;
    };
    let mut written = WrittenConnection { reader, section, is_complete: true };
    let url = written.text("url");
    let password = written.text("password");
    let settings = ConnectionSettings {
        host: written.text("host").map(|text| text.value),
        port: written.port(),
        database: written.text("database").map(|text| text.value),
        user: written.text("user").map(|text| text.value),
        password_file: written.text("password_file").map(|text| text.value.into()),
        password_command: written.command(),
        password: password.as_ref().map(|text| SecretString::from(text.value.clone())),
        url: url.as_ref().map(|text| SecretString::from(text.value.clone())),
    };
    let is_literal = |text: &ExpandedText| !text.value.is_empty() && text.value == text.written;
    let is_complete = written.is_complete;
    reader.holds_password |= password.as_ref().is_some_and(is_literal)
        || url.as_ref().is_some_and(|url| holds_password(&url.written));
    if url.as_ref().is_some_and(|url| has_foreign_scheme(&url.value)) {
        return reader.note(&place, Err(unknown_scheme()));
    }
    is_complete.then(|| completed(reader, &place, settings))?
}

fn completed(
    reader: &mut ConfigReader<'_>,
    place: &NamedValue<'_>,
    mut settings: ConnectionSettings,
) -> Option<Conninfo> {
    settings.password_file = settings.password_file.map(|file| beside(reader, file));
    let command = settings.password_command.as_mut();
    // A name alone is looked for in PATH.
    if let Some(command) = command.filter(|command| command.program.components().count() > 1) {
        command.program = beside(reader, std::mem::take(&mut command.program));
    }
    let conninfo = reader.note(place, Conninfo::from_settings(&settings, reader.env))?;
    let note = conninfo.password.note().filter(|note| !reader.notes.contains(note));
    reader.notes.extend(note);
    Some(conninfo)
}

/// A relative path means the folder of the configuration file, wherever the process was started.
pub(super) fn beside(reader: &ConfigReader<'_>, file: PathBuf) -> PathBuf {
    let folder = std::path::Path::new(&reader.document.name).parent();
    folder.map_or(file.clone(), |folder| folder.join(&file))
}

impl WrittenConnection<'_, '_> {
    fn text(&mut self, name: &str) -> Option<ExpandedText> {
        let found = self.reader.find(self.section, name)?;
        let text = self.reader.text(&found);
        self.is_complete &= text.is_some();
        text
    }

    /// A program and its arguments; none where the list is empty.
    fn command(&mut self) -> Option<PasswordCommand> {
        let found = self.reader.find(self.section, "password_command")?;
        let fix = "write the program and each argument as a text of its own, as in \
                   [\"/usr/local/bin/db-token\", \"db1\"]: no shell reads them";
        let ConfigValue::List(items) = &found.node.value else {
            let what = format!("{} must be a list, not {}", found.key, found.node.value.describe());
            self.reader.problem(found.node.at, &found.key, what, fix);
            self.is_complete = false;
            return None;
        };
        let mut words = Vec::new();
        for node in items {
            let word = NamedValue { node, key: found.key.clone() };
            words.extend(self.reader.text(&word).map(|text| text.value));
        }
        self.is_complete &= words.len() == items.len();
        if words.is_empty() || !self.is_complete {
            return None;
        }
        let program = PathBuf::from(words.remove(0));
        if program.as_os_str().is_empty() {
            let what = format!("{} names no program", found.key);
            self.reader.problem(found.node.at, &found.key, what, fix);
            self.is_complete = false;
        }
        Some(PasswordCommand { program, arguments: words })
    }

    /// A number, or a text such as `5432,5433` for several hosts.
    fn port(&mut self) -> Option<String> {
        let found = self.reader.find(self.section, "port")?;
        if matches!(found.node.value, ConfigValue::Text(_)) {
            return self.text("port").map(|text| text.value);
        }
        let port = self.reader.integer(&found, keys::PORT);
        self.is_complete &= port.is_some();
        port.map(|port| port.to_string())
    }
}
