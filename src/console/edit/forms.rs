//! What a form sends, and what it makes of a draft: edits of keys, and passwords that go into files
//! of their own.

use super::draft::FileDraft;
use crate::config::edit::{
    FieldEdit, FieldInput, FieldProblem, FieldText, FormField, UrlPassword, edited,
    is_secret_file_name, is_variable_alone, secret_file_name, without_password,
};
use secrecy::{ExposeSecret, SecretString};

/// A form as it was sent: names with their values, some several times.
#[derive(Clone, Debug, Default)]
pub(super) struct PostedForm(Vec<(String, String)>);

/// The key of a section that is named by the last part of this path.
fn section_of(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(section, _)| section)
}

impl PostedForm {
    pub(super) fn new(fields: Vec<(String, String)>) -> Self {
        Self(fields)
    }

    /// The value of a field.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All values of a field, a line each; `None` where it was not sent.
    pub(super) fn lines(&self, name: &str) -> Option<String> {
        let values: Vec<&str> = self
            .0
            .iter()
            .filter(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
            .collect();
        let is_sent = !values.is_empty();
        let filled: Vec<&str> = values.into_iter().filter(|value| !value.is_empty()).collect();
        is_sent.then(|| filled.join("\n"))
    }

    /// Which button was pressed, and what stands behind its colon: `remove:1`.
    pub(super) fn action(&self) -> (&str, Option<usize>) {
        let action = self.get("do").unwrap_or_default();
        match action.split_once(':') {
            Some((action, index)) => (action, index.parse().ok()),
            None => (action, None),
        }
    }

    /// With another value of a field.
    pub(super) fn with(&self, name: &str, value: &str) -> Self {
        let others = self.0.iter().filter(|(known, _)| known != name).cloned();
        Self(others.chain([(name.to_owned(), value.to_owned())]).collect())
    }

    /// Whether a secret that stands in the file is to be taken out of it.
    fn drops(&self, path: &str) -> bool {
        self.0.iter().any(|(name, value)| name == "drop" && value == path)
    }
}

/// Whether it would not fit into the first line of its file.
fn exposed_is_of_lines(password: &SecretString) -> bool {
    password.expose_secret().contains(char::is_control)
}

/// Edits and passwords of one form.
#[derive(Default)]
struct TakenForm {
    edits: Vec<FieldEdit>,
    secrets: Vec<(String, SecretString)>,
    problems: Vec<FieldProblem>,
}

impl FileDraft {
    /// Takes what a form says of these fields into the draft.
    ///
    /// # Errors
    /// What cannot be taken; nothing was then.
    pub(super) fn take(
        &mut self,
        form: &PostedForm,
        fields: &[FormField],
    ) -> Result<(), Vec<FieldProblem>> {
        let mut taken = TakenForm::default();
        for field in fields {
            self.take_field(form, field, fields, &mut taken);
        }
        if !taken.problems.is_empty() {
            return Err(taken.problems);
        }
        self.text = edited(&self.text, &taken.edits)?;
        self.secrets.extend(taken.secrets);
        Ok(())
    }

    fn take_field(
        &self,
        form: &PostedForm,
        field: &FormField,
        fields: &[FormField],
        taken: &mut TakenForm,
    ) {
        let edit =
            |path: &str, text: &str| FieldEdit { path: path.to_owned(), text: text.to_owned() };
        if matches!(field.text, FieldText::ByHand | FieldText::FileOnly) {
            return;
        }
        if form.drops(&field.path) {
            taken.edits.push(edit(&field.path, ""));
            return;
        }
        let Some(sent) = form.lines(&field.path) else { return };
        if sent.is_empty() && field.text == FieldText::Hidden {
            return;
        }
        let is_decided = taken.edits.iter().any(|edit| edit.path == field.path);
        if is_decided && !matches!(field.input, FieldInput::Secret) {
            // A password that was typed decides what its file is called.
            return;
        }
        match &field.input {
            FieldInput::Secret if sent.is_empty() => {
                if let FieldText::Written(_) = field.text {
                    taken.edits.push(edit(&field.path, ""));
                }
            }
            FieldInput::Secret if is_variable_alone(&sent) => {
                taken.edits.push(edit(&field.path, &sent));
                for other in ["password_file", "password_command"] {
                    taken.edits.push(edit(&format!("{}.{other}", section_of(&field.path)), ""));
                }
            }
            FieldInput::Secret => {
                self.take_secret(&sent.into(), section_of(&field.path), form, fields, taken);
            }
            _ => match without_password(&sent) {
                UrlPassword::Nothing => taken.edits.push(edit(&field.path, &sent)),
                UrlPassword::Apart { url, password } if field.name == "url" => {
                    taken.edits.push(edit(&field.path, &url));
                    self.take_secret(&password, section_of(&field.path), form, fields, taken);
                }
                UrlPassword::Apart { .. } | UrlPassword::Refused => {
                    let words = "a password stands in it: leave it out here, and type it in the \
                                 field password; it goes into a file of its own";
                    let problem =
                        FieldProblem { path: field.path.clone(), words: words.to_owned() };
                    taken.problems.push(problem);
                }
            },
        }
    }

    /// Puts a password aside for its file, and names that file.
    fn take_secret(
        &self,
        password: &SecretString,
        section: &str,
        form: &PostedForm,
        fields: &[FormField],
        taken: &mut TakenForm,
    ) {
        let key = |name: &str| format!("{section}.{name}");
        if exposed_is_of_lines(password) {
            let words = "a password is one line".to_owned();
            taken.problems.push(FieldProblem { path: key("password"), words });
            return;
        }
        let now = fields.iter().find(|field| field.path == key("password_file"));
        let now = now.and_then(|field| match &field.text {
            FieldText::Written(name) => Some(name.as_str()),
            _ => None,
        });
        let named = form.get(&key("password_file")).filter(|named| !named.is_empty());
        if named.is_some_and(|named| Some(named) != now) {
            let words =
                "a password was typed too: type one, or name a file, and leave the other out";
            let problem = FieldProblem { path: key("password_file"), words: words.to_owned() };
            taken.problems.push(problem);
            return;
        }
        let in_url = taken.edits.iter().find(|edit| edit.path == key("password_file"));
        let name = match (in_url, now) {
            // That of the URL, which this one replaces.
            (Some(in_url), _) if !in_url.text.is_empty() => in_url.text.clone(),
            // Its own file already: the password is another one. Any other place is not written to:
            // who may sign in to the window writes no file of this machine by it.
            (_, Some(name)) if is_secret_file_name(name) => name.to_owned(),
            _ => self.new_secret_name(section, form, taken),
        };
        taken.secrets.retain(|(known, _)| *known != name);
        taken.secrets.push((name.clone(), password.clone()));
        for (path, text) in [
            (key("password"), String::new()),
            (key("password_file"), name),
            (key("password_command"), String::new()),
        ] {
            taken.edits.retain(|edit| edit.path != path);
            taken.edits.push(FieldEdit { path, text });
        }
    }

    fn new_secret_name(&self, section: &str, form: &PostedForm, taken: &TakenForm) -> String {
        let named = form.get(&format!("{section}.name")).filter(|name| !name.is_empty());
        let side = named.unwrap_or(if section == "source" { "source" } else { "destination" });
        secret_file_name(&self.stem(), side, |name| {
            self.text.contains(name)
                || self.secrets.contains_key(name)
                || taken.secrets.iter().any(|(known, _)| known == name)
                || self.beside(name).exists()
        })
    }
}
