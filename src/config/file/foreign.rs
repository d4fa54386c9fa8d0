//! Tells a file that is neither TOML nor JSON by its name and its first words: one line says more
//! than all that a parser finds in it.

use super::tree::FileFormat;
use crate::error::{Error, ErrorKind};
use std::path::Path;

const JAVASCRIPT_ENDS: [&str; 5] = ["js", "cjs", "mjs", "ts", "jsx"];
const JAVASCRIPT_WORDS: [&str; 7] =
    ["module.exports", "exports.", "export ", "const ", "let ", "var ", "\"use strict\""];
const YAML_ENDS: [&str; 2] = ["yaml", "yml"];

/// What a file that cannot be read is instead, if that is known, with what to do.
pub(super) fn recognised(name: &str, text: &str, format: FileFormat) -> Option<Error> {
    let path = Path::new(name);
    let end = path.extension().and_then(|end| end.to_str()).unwrap_or_default();
    let text = text.trim_start_matches('\u{feff}');
    let first = first_line(text);
    let is = |ends: &[&str]| ends.iter().any(|known| end.eq_ignore_ascii_case(known));
    let (what, fix) = if is(&JAVASCRIPT_ENDS) || is_javascript(text) {
        ("this is JavaScript", javascript_fix(path))
    } else if format == FileFormat::Toml && first.starts_with(['{', '/']) {
        ("this is JSON", "give the file a name that ends in .json".to_owned())
    } else if is(&YAML_ENDS) || is_yaml(first) {
        (
            "this is YAML",
            "write it as TOML, as in config/example.toml, or save it as JSON in a \
                          file whose name ends in .json"
                .to_owned(),
        )
    } else {
        return None;
    };
    let what = format!("cannot read the configuration: {what}, and TOML or JSON is expected");
    Some(Error::new(ErrorKind::Usage, what).at(name).fix(fix))
}

/// The first line that is no comment.
fn first_line(text: &str) -> &str {
    let lines = text.lines().map(str::trim);
    let mut said = lines.filter(|line| !line.is_empty() && !line.starts_with(['#', '*']));
    said.next().unwrap_or_default()
}

/// Whether a line begins with a word of JavaScript that no key of TOML begins with.
fn is_javascript(text: &str) -> bool {
    let begins = |line: &str| JAVASCRIPT_WORDS.iter().any(|word| line.starts_with(word));
    text.lines().any(begins) || text.starts_with("'use strict'")
}

/// Whether a line is `---`, or `key:`, perhaps with a value.
fn is_yaml(line: &str) -> bool {
    let key = line.trim_start_matches("- ").split_once(':').filter(|(key, value)| {
        let is_word = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
        !key.is_empty() && key.chars().all(is_word) && (value.is_empty() || value.starts_with(' '))
    });
    line == "---" || key.is_some()
}

/// How the file becomes JSON, as a shell takes it.
fn javascript_fix(path: &Path) -> String {
    let json = path.with_extension("json");
    let (path, json) = (path.display().to_string(), json.display().to_string());
    let is_plain =
        |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
    let by_hand = "save what it exports as JSON, in a file whose name ends in .json: keys and texts \
                   in double quotes, no comments";
    if !is_plain(&path) || path == json {
        return by_hand.to_owned();
    }
    format!(
        "{by_hand}; where it is a module, this does so: \
         node -p 'JSON.stringify(require(path.resolve(\"{path}\")), null, 2)' > {json}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: &str, text: &str) -> Option<String> {
        let is_json = name.ends_with(".json");
        let format = if is_json { FileFormat::Json } else { FileFormat::Toml };
        let error = recognised(name, text, format)?;
        let what = error.what().strip_prefix("cannot read the configuration: this is ")?;
        Some(what.split(',').next().unwrap_or_default().to_owned())
    }

    #[test]
    fn a_file_is_told_by_its_name_or_by_its_first_words() {
        for (name, text, language) in [
            ("config.js", "", "JavaScript"),
            ("c.toml", "\"use strict\";\n\nconst a = 1;\nmodule.exports = {};\n", "JavaScript"),
            ("c.json", "// slate\nmodule.exports = {\n  eventSource: {}\n};\n", "JavaScript"),
            ("config", "export default {}\n", "JavaScript"),
            ("c.toml", "\u{feff}{\n  \"source\": {}\n}", "JSON"),
            ("c.yml", "", "YAML"),
            ("c.toml", "# ours\n---\nsource:\n", "YAML"),
            ("c.toml", "\nsource:\n  url: postgres://a/b\n", "YAML"),
            ("c", "- name: a\n", "YAML"),
        ] {
            assert_eq!(told(name, text).as_deref(), Some(language), "{name} {text}");
        }
    }

    #[test]
    fn what_is_toml_or_json_with_a_slip_is_left_to_its_parser() {
        for (name, text) in [
            ("c.toml", "[source]\nurl = postgres://a/b\n"),
            ("c.toml", "source.url: \"a\"\n"),
            ("c.toml", "url = \"a: b\n"),
            ("c.json", "{\n  source: {}\n}"),
            ("c.toml", ""),
        ] {
            assert_eq!(told(name, text), None, "{name} {text}");
        }
    }
}
