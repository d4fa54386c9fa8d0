//! What the forms show: fields with their values and problems, the file with its changes.

use super::super::lane_word::NoteSeverity;
use super::super::words::shown;
use super::draft::FileDraft;
use super::forms::PostedForm;
use super::tries::CheckLine;
use crate::config::edit::{
    FieldInput, FieldProblem, FieldText, FormField, FormFields, LineChange, changes, key_of,
};
use crate::error::{Error, Problems};
use crate::log::secrets::discreet_argument;
use std::collections::BTreeMap;

/// So many folded fields are named; the others are seen when they are unfolded.
const NAMES_MAX: usize = 4;

/// A field of a form.
#[derive(Clone, Debug)]
pub(super) struct FieldView {
    pub(super) id: String,
    pub(super) path: String,
    pub(super) name: &'static str,
    /// What it is for, and what holds without it.
    pub(super) help: String,
    pub(super) kind: FieldKind,
    pub(super) value: String,
    pub(super) preset: String,
    pub(super) options: Vec<OptionView>,
    pub(super) problems: Vec<String>,
    is_rare: bool,
    is_written: bool,
}

/// How a field is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FieldKind {
    Line,
    Lines,
    Number,
    Words,
    Suggested,
    /// Nothing of it is shown.
    Secret,
    /// As a secret, and one stands in the file.
    HiddenSecret,
    /// A text that holds a password.
    HiddenLine,
    ByHand,
}

/// A word that may be chosen.
#[derive(Clone, Debug)]
pub(super) struct OptionView {
    pub(super) value: String,
    pub(super) label: String,
    pub(super) is_chosen: bool,
}

/// Fields that stand together: those that most files say something for, and the others folded.
#[derive(Clone, Debug)]
pub(super) struct FieldsView {
    pub(super) header: String,
    pub(super) help: &'static str,
    pub(super) plain: Vec<FieldView>,
    pub(super) rare: Vec<FieldView>,
    /// What the folded ones are, in a line.
    pub(super) folded: String,
    /// Whether one of the folded ones has to be seen.
    pub(super) is_open: bool,
    /// Problems of the section itself.
    pub(super) problems: Vec<String>,
}

/// A line of the file, with the element that draws it.
#[derive(Clone, Debug)]
pub(super) struct FileLine {
    pub(super) kind: FileLineKind,
    pub(super) text: String,
}

/// Whether a line is new or goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileLineKind {
    Same,
    Added,
    Removed,
}

/// What is wrong with a draft, by key, and what is wrong with none of its keys.
#[derive(Clone, Debug, Default)]
pub(super) struct FormProblems {
    by_key: BTreeMap<String, Vec<String>>,
    pub(super) others: Vec<CheckLine>,
}

impl FormProblems {
    /// What the reader says of a draft, and what could not be taken of a form.
    pub(super) fn of(draft: &FileDraft, told: &Problems, untaken: &[FieldProblem]) -> Self {
        let mut problems = Self::default();
        for problem in told.iter() {
            match key_of(problem, &draft.name()) {
                Some(key) if !key.is_empty() => {
                    problems.by_key.entry(key.to_owned()).or_default().push(in_words(problem));
                }
                _ => problems.others.push(CheckLine::of(problem)),
            }
        }
        for FieldProblem { path, words } in untaken {
            problems.by_key.entry(path.clone()).or_default().push(words.clone());
        }
        problems
    }

    /// Of a key or a section.
    pub(super) fn at(&self, path: &str) -> Vec<String> {
        self.by_key.get(path).cloned().unwrap_or_default()
    }

    /// Whether any key of these has one.
    pub(super) fn is_any_of(&self, fields: &FormFields) -> bool {
        fields.fields.iter().any(|field| self.by_key.contains_key(&field.path))
    }

    /// All, as lines: of keys first.
    pub(super) fn lines(&self) -> Vec<CheckLine> {
        let line = |(key, words): (&String, &Vec<String>)| {
            let what = if key.is_empty() { "The file" } else { key.as_str() };
            CheckLine::new(NoteSeverity::Bad, what, words.join("; "))
        };
        self.by_key.iter().map(line).chain(self.others.iter().cloned()).collect()
    }
}

fn in_words(problem: &Error) -> String {
    let mut words = problem.what().to_owned();
    for cause in problem.causes() {
        words = format!("{words}: {cause}");
    }
    shown(&problem.remedy().map_or_else(|| words.clone(), |fix| format!("{words}; {fix}")))
}

impl FieldView {
    /// Of a field; `form`: what was sent last, where that was not taken.
    fn of(field: &FormField, problems: &FormProblems, form: Option<&PostedForm>) -> Self {
        let kind = match (&field.input, &field.text) {
            (_, FieldText::ByHand | FieldText::FileOnly) => FieldKind::ByHand,
            (FieldInput::Secret, FieldText::Hidden) => FieldKind::HiddenSecret,
            (FieldInput::Secret, FieldText::Missing) => FieldKind::Secret,
            (_, FieldText::Hidden) => FieldKind::HiddenLine,
            (FieldInput::Lines, _) => FieldKind::Lines,
            (FieldInput::Number, _) => FieldKind::Number,
            (FieldInput::Words(_), _) => FieldKind::Words,
            (FieldInput::Suggested(_), _) => FieldKind::Suggested,
            (FieldInput::Line | FieldInput::Secret, _) => FieldKind::Line,
        };
        let written = match &field.text {
            FieldText::Written(text) => text.clone(),
            FieldText::ByHand => "written by hand: see the file".to_owned(),
            FieldText::FileOnly => "in the file alone: it runs a program".to_owned(),
            FieldText::Missing | FieldText::Hidden => String::new(),
        };
        let is_secret = matches!(field.input, FieldInput::Secret)
            || [FieldKind::HiddenLine, FieldKind::ByHand].contains(&kind);
        let sent = form.filter(|_| !is_secret).and_then(|form| form.lines(&field.path));
        // A password that was typed into another field is not sent back either.
        let sent =
            sent.map(|sent| if discreet_argument(&sent) == sent { sent } else { String::new() });
        let value = sent.unwrap_or(written);
        Self {
            id: id_of(&field.path),
            path: field.path.clone(),
            name: field.name,
            help: help(field),
            options: options(&field.input, &value),
            kind,
            value,
            preset: field.preset.clone(),
            problems: problems.at(&field.path),
            is_rare: field.is_rare,
            is_written: !matches!(field.text, FieldText::Missing | FieldText::FileOnly),
        }
    }
}

/// In whole sentences: the table of keys has them as parts of a line.
fn help(field: &FormField) -> String {
    let mut letters = field.help.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let mut help = format!("{first}{}", letters.as_str());
    if !help.is_empty() && !help.ends_with('.') {
        help.push('.');
    }
    if !help.contains("Default:") {
        help = format!("{help} Default: {}.", field.preset.trim_end_matches('.'));
    }
    help
}

fn options(input: &FieldInput, value: &str) -> Vec<OptionView> {
    let words = match input {
        FieldInput::Words(words) | FieldInput::Suggested(words) => words,
        _ => return Vec::new(),
    };
    let mut options: Vec<OptionView> = words
        .iter()
        .map(|(word, help)| OptionView {
            value: (*word).to_owned(),
            label: if help.is_empty() { (*word).to_owned() } else { format!("{word}: {help}") },
            is_chosen: *word == value,
        })
        .collect();
    if !value.is_empty() && !options.iter().any(|option| option.is_chosen) {
        let (value, label) = (value.to_owned(), value.to_owned());
        options.push(OptionView { value, label, is_chosen: true });
    }
    options
}

/// The id of an element, from the name of a key.
fn id_of(path: &str) -> String {
    path.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

/// The names of the first fields.
fn listed(fields: &[FieldView]) -> String {
    let names: Vec<&str> = fields.iter().take(NAMES_MAX).map(|view| view.name).collect();
    let more = if fields.len() > NAMES_MAX { ", …" } else { "" };
    format!("{}{more}", names.join(", "))
}

impl FieldsView {
    /// Of these fields; `at` is their section, for its own problems.
    pub(super) fn of(
        fields: &FormFields,
        at: &str,
        problems: &FormProblems,
        form: Option<&PostedForm>,
    ) -> Self {
        let views = fields.fields.iter().map(|field| FieldView::of(field, problems, form));
        let (rare, plain): (Vec<_>, Vec<_>) = views.partition(|view| view.is_rare);
        Self {
            header: fields.header.to_owned(),
            help: fields.help,
            is_open: rare.iter().any(|view| view.is_written || !view.problems.is_empty()),
            problems: problems.at(at),
            folded: listed(&rare),
            plain,
            rare,
        }
    }

    /// Whether the file says anything of them.
    pub(super) fn is_begun(&self) -> bool {
        self.plain.iter().chain(&self.rare).any(|view| view.is_written)
    }

    /// Without the field of this name, which is drawn in another way.
    pub(super) fn without(mut self, name: &str) -> Self {
        self.plain.retain(|view| view.name != name);
        self.rare.retain(|view| view.name != name);
        self
    }

    /// All folded, where none of them has to be seen.
    pub(super) fn folded(mut self) -> Self {
        let plain = std::mem::take(&mut self.plain);
        self.is_open |= plain.iter().any(|view| view.is_written || !view.problems.is_empty());
        self.rare = plain.into_iter().chain(self.rare).collect();
        self.folded = listed(&self.rare);
        self
    }
}

/// The file as it would be, beside the file as it was; `None` where it cannot be shown.
pub(super) fn file_lines(draft: &FileDraft) -> Option<Vec<FileLine>> {
    let now = draft.shown(&draft.text)?;
    let before = draft.shown(draft.base.as_deref().unwrap_or_default()).unwrap_or_default();
    let lines = changes(&before, &now).into_iter().map(|change| match change {
        LineChange::Same(text) => FileLine { kind: FileLineKind::Same, text },
        LineChange::Added(text) => FileLine { kind: FileLineKind::Added, text },
        LineChange::Removed(text) => FileLine { kind: FileLineKind::Removed, text },
    });
    Some(lines.collect())
}
