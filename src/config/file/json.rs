//! JSON (RFC 8259) with the place of every key and value, which serde_json does not keep.

use super::tree::{ConfigEntry, ConfigNode, ConfigValue, SyntaxError};

/// Deeper nesting is refused: no configuration needs it.
const DEPTH_MAX: usize = 64;

type JsonResult<T> = std::result::Result<T, SyntaxError>;

/// Reads one value and nothing behind it. Keys that stand twice in an object are refused.
pub(crate) fn parse(text: &str) -> JsonResult<ConfigNode> {
    let at = if text.starts_with('\u{feff}') { 3 } else { 0 };
    let mut reader = JsonReader { text, at, depth: 0 };
    let root = reader.value()?;
    reader.skip_blanks();
    if reader.at < text.len() {
        return Err(reader.wrong("expected nothing more after the value"));
    }
    Ok(root)
}

struct JsonReader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl JsonReader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Goes over `byte`, if it is next.
    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn wrong(&self, what: &str) -> SyntaxError {
        let fix = match self.peek() {
            None => "the file ends too early: close what is open",
            Some(b'/' | b'#') => "remove the comment: JSON has none (TOML does)",
            Some(b'\'') => "use double quotes",
            _ => "correct the JSON here",
        };
        SyntaxError { at: self.at, what: what.to_owned(), fix: fix.to_owned() }
    }

    fn value(&mut self) -> JsonResult<ConfigNode> {
        self.skip_blanks();
        let at = self.at;
        let value = match self.peek() {
            Some(b'{') => self.nested(Self::object)?,
            Some(b'[') => self.nested(Self::list)?,
            Some(b'"') => ConfigValue::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => self.word()?,
        };
        Ok(ConfigNode { at, value })
    }

    fn nested(
        &mut self,
        read: fn(&mut Self) -> JsonResult<ConfigValue>,
    ) -> JsonResult<ConfigValue> {
        if self.depth == DEPTH_MAX {
            return Err(self.wrong("expected fewer tables and lists in one another"));
        }
        self.depth += 1;
        self.at += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn object(&mut self) -> JsonResult<ConfigValue> {
        let mut entries: Vec<ConfigEntry> = Vec::new();
        self.skip_blanks();
        if self.take(b'}') {
            return Ok(ConfigValue::Table(entries));
        }
        loop {
            self.skip_blanks();
            if self.peek() != Some(b'"') {
                return Err(self.wrong("expected a key in double quotes"));
            }
            let key_at = self.at;
            let key = self.string()?;
            if entries.iter().any(|entry| entry.key == key) {
                self.at = key_at;
                return Err(self.wrong(&format!("the key {key:?} stands here twice")));
            }
            self.skip_blanks();
            if !self.take(b':') {
                return Err(self.wrong("expected : after the key"));
            }
            let node = self.value()?;
            entries.push(ConfigEntry { key, key_at, node });
            self.skip_blanks();
            if self.take(b'}') {
                return Ok(ConfigValue::Table(entries));
            }
            if !self.take(b',') {
                return Err(self.wrong("expected , or } after the value"));
            }
        }
    }

    fn list(&mut self) -> JsonResult<ConfigValue> {
        let mut items = Vec::new();
        self.skip_blanks();
        if self.take(b']') {
            return Ok(ConfigValue::List(items));
        }
        loop {
            items.push(self.value()?);
            self.skip_blanks();
            if self.take(b']') {
                return Ok(ConfigValue::List(items));
            }
            if !self.take(b',') {
                return Err(self.wrong("expected , or ] after the value"));
            }
        }
    }

    fn word(&mut self) -> JsonResult<ConfigValue> {
        let words = [
            ("true", ConfigValue::Boolean(true)),
            ("false", ConfigValue::Boolean(false)),
            ("null", ConfigValue::Other("null")),
        ];
        for (word, value) in words {
            if self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self
            .wrong("expected a value: text in double quotes, a number, true, false, null, [ or {"))
    }

    fn digits(&mut self) -> JsonResult<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { Err(self.wrong("expected a digit")) } else { Ok(()) }
    }

    fn number(&mut self) -> JsonResult<ConfigValue> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        } else if self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return Err(self.wrong("expected no digit after a leading 0"));
        }
        let end = self.at;
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            if !self.take(b'+') {
                self.take(b'-');
            }
            self.digits()?;
        }
        if self.at > end {
            return Ok(ConfigValue::Other("a number with a fraction"));
        }
        Ok(self.text[start..end]
            .parse()
            .map_or(ConfigValue::Other("a number far too large"), ConfigValue::Integer))
    }

    fn string(&mut self) -> JsonResult<String> {
        let opened = self.at;
        self.at += 1;
        let mut value = String::new();
        loop {
            let start = self.at;
            while self.peek().is_some_and(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
                self.at += 1;
            }
            value.push_str(&self.text[start..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(value);
                }
                Some(b'\\') => value.push(self.escape()?),
                end => {
                    let error = match end {
                        Some(b'\n' | b'\r') | None => {
                            "the text opened here is not closed in its line"
                        }
                        Some(_) => "a control character in a text must be written as \\u00XX",
                    };
                    if matches!(end, Some(b'\n' | b'\r') | None) {
                        self.at = opened;
                    }
                    return Err(self.wrong(error));
                }
            }
        }
    }

    fn escape(&mut self) -> JsonResult<char> {
        let start = self.at;
        self.at += 1;
        let kind = self.peek();
        self.at += 1;
        let c = match kind {
            Some(b'n') => Some('\n'),
            Some(b't') => Some('\t'),
            Some(b'r') => Some('\r'),
            Some(b'b') => Some('\u{8}'),
            Some(b'f') => Some('\u{c}'),
            Some(c @ (b'"' | b'\\' | b'/')) => Some(char::from(c)),
            Some(b'u') => self.unicode(),
            _ => None,
        };
        c.ok_or_else(|| {
            self.at = start;
            self.wrong("expected an escape such as \\n, \\\", \\\\ or \\u00e9")
        })
    }

    /// Four hexadecimal digits, or a pair of surrogates.
    fn unicode(&mut self) -> Option<char> {
        let first = self.four_digits()?;
        if !(0xD800..0xDC00).contains(&first) {
            return char::from_u32(first);
        }
        let second = (self.take(b'\\') && self.take(b'u')).then(|| self.four_digits())??;
        let is_pair = (0xDC00..0xE000).contains(&second);
        is_pair.then(|| char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00)))?
    }

    fn four_digits(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        let is_hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        self.at += 4;
        is_hexadecimal.then(|| u32::from_str_radix(digits, 16).ok())?
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    /// Whether our tree says the same as serde_json's.
    fn is_same(ours: &ConfigValue, theirs: &serde_json::Value) -> bool {
        match (ours, theirs) {
            (ConfigValue::Table(ours), serde_json::Value::Object(theirs)) => {
                ours.len() == theirs.len()
                    && ours.iter().all(|entry| is_same(&entry.node.value, &theirs[&entry.key]))
            }
            (ConfigValue::List(ours), serde_json::Value::Array(theirs)) => {
                ours.len() == theirs.len()
                    && ours.iter().zip(theirs).all(|(ours, theirs)| is_same(&ours.value, theirs))
            }
            (ConfigValue::Text(ours), serde_json::Value::String(theirs)) => ours == theirs,
            (ConfigValue::Integer(ours), serde_json::Value::Number(theirs)) => {
                theirs.as_i128() == Some(*ours)
            }
            (ConfigValue::Boolean(ours), serde_json::Value::Bool(theirs)) => ours == theirs,
            (ConfigValue::Other("null"), serde_json::Value::Null) => true,
            (ConfigValue::Other(_), serde_json::Value::Number(_)) => true,
            _ => false,
        }
    }

    fn wrong(text: &str) -> (usize, String, String) {
        let error = parse(text).err().unwrap();
        (error.at, error.what, error.fix)
    }

    #[test]
    fn errors_say_what_was_expected_and_where() {
        assert_eq!(wrong("{\"a\" 1}").1, "expected : after the key");
        assert_eq!(wrong("{\"a\": 1 \"b\": 2}").0, 8);
        assert_eq!(wrong("{\"a\": 1,}").1, "expected a key in double quotes");
        assert_eq!(wrong("{'a': 1}").2, "use double quotes");
        assert_eq!(wrong("{ // x\n}").2, "remove the comment: JSON has none (TOML does)");
        assert_eq!(wrong("{\"a\": ").2, "the file ends too early: close what is open");
        assert_eq!(wrong("{\"a\": \"b\n").0, 6);
        assert_eq!(wrong("{} x").1, "expected nothing more after the value");
        assert_eq!(wrong("01").1, "expected no digit after a leading 0");
        assert_eq!(wrong(&"[".repeat(100)).1, "expected fewer tables and lists in one another");
    }

    #[test]
    fn escapes_and_surrogates_are_read() {
        let text = r#"["\u00e9\n\"\\\/", "\ud83d\ude00"]"#;
        assert!(is_same(&parse(text).unwrap().value, &serde_json::from_str(text).unwrap()));
        for text in [
            r#""\ud83d""#,
            r#""\ude00""#,
            r#""\ud83dx""#,
            r#""\u00g0""#,
            r#""\x""#,
            r#""\u00"#,
            r#""\u00é""#,
            "\"\u{1}\"",
        ] {
            assert!(parse(text).is_err(), "{text}");
            assert!(serde_json::from_str::<serde_json::Value>(text).is_err(), "{text}");
        }
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(serde_json::Value::from),
            any::<i64>().prop_map(serde_json::Value::from),
            any::<String>().prop_map(serde_json::Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::from),
                proptest::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_serde_json_writes_is_read_alike(value in any_json()) {
            let text = serde_json::to_string_pretty(&value).unwrap();
            prop_assert!(is_same(&parse(&text).unwrap().value, &value));
        }

        #[test]
        fn what_serde_json_refuses_is_refused(text in "[ab01e.+\\-\\[\\]{}:,\"\\\\u \
                                                       ]{0,12}|(true|false|null|nul|[1-9][0-9]*|-?0\\.5e3|\"a\"|,| \
                                                       |\\[|\\]|\\{|\\}|:){0,8}") {
            let theirs = serde_json::from_str::<serde_json::Value>(&text);
            match (parse(&text), theirs) {
                (Ok(ours), Ok(theirs)) => prop_assert!(is_same(&ours.value, &theirs), "{}", text),
                (Err(error), Ok(_)) => prop_assert!(error.what.contains("twice"), "{} refused: {}", text, error.what),
                (Ok(_), Err(error)) => prop_assert!(false, "{} accepted: {}", text, error),
                (Err(_), Err(_)) => {}
            }
        }
    }
}
