//! A file that is being changed: what it began from, what it would be, and the passwords that were
//! typed for it.

use super::super::session::digest;
use super::store;
use crate::config::edit::{hidden_json, hidden_toml};
use crate::config::libpq::{Conninfo, Environment};
use crate::config::load::{ConfiguredSides, DraftedText, Flags, load_all_with, problems_of, sides};
use crate::config::{DestinationConfig, ReplicationConfig};
use crate::error::Problems;
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct FileDraft {
    pub(super) path: PathBuf,
    /// The text that was there at the beginning; `None` for a new file.
    pub(super) base: Option<String>,
    pub(super) text: String,
    /// By the name of their file, relative to the configuration.
    pub(super) secrets: BTreeMap<String, SecretString>,
}

impl FileDraft {
    /// The file as it is, nothing changed.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let base = store::read(path)?;
        let text = base.clone().unwrap_or_default();
        Ok(Self { path: path.to_owned(), base, text, secrets: BTreeMap::new() })
    }

    /// Whether there is anything to save; a new file counts.
    pub(super) fn is_changed(&self) -> bool {
        self.base.as_deref() != Some(&self.text) || !self.secrets.is_empty()
    }

    /// Begins from another text, with this one as the change of it.
    pub(super) fn rebased(self, base: Option<String>, text: String) -> Self {
        Self { base, text, ..self }
    }

    /// Whether its language is JSON, which is shown and not changed here.
    pub(super) fn is_json(&self) -> bool {
        self.path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
    }

    /// Tells this text from another one, for a form to send back.
    pub(super) fn digest(&self) -> String {
        hexadecimal(&self.text)
    }

    /// The text as a page may show it; `None` where it cannot be read.
    pub(super) fn shown(&self, text: &str) -> Option<String> {
        if self.is_json() { hidden_json(text) } else { hidden_toml(text) }
    }

    /// How messages name it.
    pub(super) fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// The name of the file without its ending.
    pub(super) fn stem(&self) -> String {
        self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }

    fn drafted(&self) -> DraftedText<'_> {
        DraftedText { path: &self.path, text: &self.text }
    }

    /// All that is wrong with it by itself.
    pub(super) fn problems(&self, is_alone: bool) -> Problems {
        problems_of(self.drafted(), is_alone, &Environment::of_process())
    }

    /// What is wrong with all files together, with this text in place of its own.
    pub(super) fn problems_beside(&self, paths: &[PathBuf]) -> Problems {
        let env = Environment::of_process();
        load_all_with(paths, Some(self.drafted()), &Flags::default(), &env)
            .err()
            .unwrap_or_default()
    }

    /// Its sides as far as they are said, with the passwords that were typed.
    pub(super) fn sides(&self) -> ConfiguredSides {
        let mut sides = sides(self.drafted(), &Environment::of_process());
        let replication = sides.replication.iter_mut();
        replication.for_each(|replication| self.unlock(&mut replication.source.conninfo));
        sides.destinations.iter_mut().flatten().for_each(|to| self.unlock_destination(to));
        sides
    }

    /// Its replications, with the passwords that were typed.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub(super) fn replications(&self) -> Result<Vec<ReplicationConfig>, Problems> {
        let paths = std::slice::from_ref(&self.path);
        let env = Environment::of_process();
        let config = load_all_with(paths, Some(self.drafted()), &Flags::default(), &env)?;
        let mut replications = config.replications;
        for replication in &mut replications {
            self.unlock(&mut replication.source.conninfo);
            replication.destinations.iter_mut().for_each(|to| self.unlock_destination(to));
        }
        Ok(replications)
    }

    fn unlock_destination(&self, to: &mut DestinationConfig) {
        if let Some(postgres) = to.postgres_mut() {
            self.unlock(&mut postgres.conninfo);
        }
    }

    /// A password that was typed is in no file yet.
    fn unlock(&self, conninfo: &mut Conninfo) {
        let Some(file) = &conninfo.password.file else { return };
        let typed = self.secrets.iter().find(|(name, _)| self.beside(name) == *file);
        if let Some((_, password)) = typed {
            conninfo.password.given = Some(password.clone());
            conninfo.password.file = None;
        }
    }

    /// A file of this name, relative to the configuration.
    pub(super) fn beside(&self, name: &str) -> PathBuf {
        self.path.parent().map_or_else(|| name.into(), |folder| folder.join(name))
    }

    /// The passwords that the text names, to be written when it is.
    pub(super) fn secrets_to_write(&self) -> Vec<(PathBuf, &SecretString)> {
        let named =
            self.secrets.iter().filter(|(name, _)| self.text.contains(&format!("{name:?}")));
        named.map(|(name, secret)| (self.beside(name), secret)).collect()
    }
}

/// The digest of a text, in hexadecimal digits.
pub(super) fn hexadecimal(text: &str) -> String {
    digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
