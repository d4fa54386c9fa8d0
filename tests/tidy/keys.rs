//! The example configuration shows every key the loader accepts, set or in a comment, and no other.

use std::collections::BTreeSet;

/// A section as TOML heads it, such as `[[destinations]]`, and a key of it.
type Place = (String, String);

/// Keys that only the loader or only the example knows. The loader's stand in `TABLES` and the lists it names.
pub fn problems(loader: &str, example: &str) -> Vec<String> {
    let (accepted, shown, referred_to) = (accepted(loader), shown(example), referred_to(example));
    if accepted.is_empty() {
        return vec!["src/config/keys.rs: no key was found: teach tests/tidy/keys.rs how they are written now".to_owned()];
    }
    let is_referred_to = |place: &Place| referred_to.contains(place) && shown.iter().any(|(_, key)| *key == place.1);
    let is_missing = |place: &&Place| !(shown.contains(place) || is_referred_to(place));
    let missing = accepted.iter().filter(is_missing).map(|(section, key)| {
        format!("config/example.toml: {section} does not show `{key}`: add it with default, unit, and why one would change it")
    });
    let strange = shown.difference(&accepted);
    let strange = strange.map(|(section, key)| format!("config/example.toml: {section} shows `{key}`, which the loader does not know"));
    missing.chain(strange).collect()
}

/// Every key by our name, slate's names aside. Those of the top of the file are sections.
fn accepted(loader: &str) -> BTreeSet<Place> {
    let mut places = BTreeSet::new();
    let (_, tables) = loader.split_once("TABLES").unwrap_or_default();
    for entry in tables.split("(\"").skip(1) {
        let Some((section, list)) = entry.split_once("\", ") else {
            continue;
        };
        let list = list.split(')').next().unwrap_or_default();
        let body = loader
            .split_once(&format!("const {list}: "))
            .and_then(|(_, after)| after.split_once("];"));
        let Some((body, _)) = body.filter(|_| section.starts_with('[')) else {
            continue;
        };
        for word in ["ours(\"", "both(\""] {
            let keys = body.split(word).skip(1).filter_map(|after| after.split('"').next());
            places.extend(keys.map(|key| (section.to_owned(), key.to_owned())));
        }
    }
    places
}

/// Every `key = …` line below its section, also behind `#`.
fn shown(example: &str) -> BTreeSet<Place> {
    let keys = lines_in_sections(example).filter_map(|(section, line)| {
        let (key, _) = line.split('#').next()?.split_once(" = ")?;
        let is_key = !key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        is_key.then(|| (section, key.to_owned()))
    });
    keys.collect()
}

/// Every word of a comment that begins with "As for": it refers to keys that another section shows.
fn referred_to(example: &str) -> BTreeSet<Place> {
    let lines = lines_in_sections(example).filter(|(_, line)| line.starts_with("As for "));
    let words = |line: &str| {
        line.split(|c: char| !c.is_alphanumeric() && c != '_')
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    lines
        .flat_map(|(section, line)| words(line).into_iter().map(move |word| (section.clone(), word)))
        .collect()
}

/// Every line without its leading `#`, and the section it stands in.
fn lines_in_sections(example: &str) -> impl Iterator<Item = (String, &str)> {
    example.lines().scan(String::new(), |section, line| {
        let header = line.split('#').next().unwrap_or_default().trim_end();
        if header.starts_with('[') && header.ends_with(']') {
            header.clone_into(section);
        }
        Some((section.clone(), line.trim_start_matches(['#', ' '])))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOADER: &str = r#"
        pub(super) const ROOT: &[Key] = &[both("source", "eventSource"), ours("log")];
        pub(super) const SOURCE: &[Key] = &[ours("url"), both("database", "databaseName")];
        pub(super) const LOG: &[Key] = &[ours("level")];
        const TABLES: &[(&str, &[Key])] = &[("the top of the file", ROOT), ("[source]", SOURCE), ("[log]", LOG)];"#;

    #[test]
    fn an_example_with_all_keys_is_fine_whether_set_or_in_a_comment() {
        let example = "# Why = because.\n[source]\nurl = \"postgres://a?b = c\" # d = e\n# database = \"x\"\n\n[log]\nlevel = \"info\"\n";
        assert_eq!(problems(LOADER, example), [""; 0]);
    }

    #[test]
    fn a_key_may_be_referred_to_where_another_section_shows_it() {
        let loader = LOADER.replace("ours(\"level\")", "ours(\"level\"), ours(\"url\"), ours(\"host\")");
        let found = problems(
            &loader,
            "[source]\nurl = 1\ndatabase = 2\n[log]\n# As for the source: url or host.\nlevel = 3\n",
        );
        assert!(found.len() == 1 && found[0].contains("[log] does not show `host`"), "{found:?}");
    }

    #[test]
    fn a_key_is_missed_in_its_own_section() {
        let found = problems(LOADER, "[source]\nurl = 1\nlevel = 2\n[log]\ndatabase = 3\n");
        let expected = [
            "[log] does not show `level`",
            "[source] does not show `database`",
            "[log] shows `database`",
            "[source] shows `level`",
        ];
        assert_eq!(found.len(), expected.len(), "{found:?}");
        assert!(
            found.iter().zip(expected).all(|(found, expected)| found.contains(expected)),
            "{found:?}"
        );
    }

    #[test]
    fn a_loader_whose_keys_cannot_be_read_is_told() {
        assert!(problems("struct Config;", "")[0].contains("no key was found"));
    }
}
