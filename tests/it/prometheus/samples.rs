//! The text as a program reads it: names, labels and values.

use std::collections::BTreeMap;

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

/// All lines that are no comments.
#[derive(Debug)]
pub struct Samples(pub Vec<Sample>);

impl Samples {
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        Self(lines.map(|line| parse(line).unwrap_or_else(|| panic!("{line}"))).collect())
    }

    /// Those with this name and these labels, among others.
    pub fn all<'a>(
        &'a self,
        name: &'a str,
        labels: &'a [(&'a str, &'a str)],
    ) -> impl Iterator<Item = &'a Sample> {
        self.0.iter().filter(move |sample| {
            let has = |(name, value): &(&str, &str)| {
                sample.labels.get(*name).is_some_and(|found| found == value)
            };
            sample.name == name && labels.iter().all(has)
        })
    }

    /// The value of the only one; `None` where there is none.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let found: Vec<&Sample> = self.all(name, labels).collect();
        assert!(found.len() <= 1, "{name} {labels:?} is not one: {found:?}");
        found.first().map(|sample| sample.value)
    }

    /// Of a destination.
    pub fn of(&self, name: &str, destination: &str) -> Option<f64> {
        self.value(&format!("counterfoil_destination_{name}"), &[("destination", destination)])
    }

    /// The word of a destination's state; the other words must be 0.
    pub fn state(&self, destination: &str) -> Option<String> {
        let labels = [("destination", destination)];
        let all: Vec<&Sample> = self.all("counterfoil_destination_state", &labels).collect();
        let told: Vec<&&Sample> = all.iter().filter(|sample| sample.value == 1.0).collect();
        assert!(all.is_empty() || (all.len() == 9 && told.len() == 1), "{all:?}");
        told.first().map(|sample| sample.labels["state"].clone())
    }
}

fn parse(line: &str) -> Option<Sample> {
    let name_end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(name_end);
    let mut labels = BTreeMap::new();
    while let Some(pair) = rest.strip_prefix(['{', ',']) {
        let (label, quoted) = pair.split_once("=\"")?;
        let (value, after) = unquoted(quoted)?;
        assert!(labels.insert(label.to_owned(), value).is_none(), "{line}");
        rest = after;
    }
    let rest = rest.strip_prefix('}').unwrap_or(rest);
    let value = rest.strip_prefix(' ')?.parse().ok()?;
    Some(Sample { name: name.to_owned(), labels, value })
}

/// What stands before the closing quote, without escapes, and what follows it.
fn unquoted(quoted: &str) -> Option<(String, &str)> {
    let (mut value, mut characters) = (String::new(), quoted.char_indices());
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(match characters.next()?.1 {
                'n' => '\n',
                escaped @ ('"' | '\\') => escaped,
                _ => return None,
            }),
            other => value.push(other),
        }
    }
    None
}
