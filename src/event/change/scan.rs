//! Where the members of a JSON object stand in its text (RFC 8259); nothing is built of the values,
//! so that nesting may be as deep as the text is long.

use std::ops::Range;

/// A member of the outermost object, by where it stands in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ImageMember {
    /// The name between its quotes, still escaped.
    pub(super) name: Range<usize>,
    /// Everything from the colon to the comma or the brace, blanks included: `row_to_json` writes
    /// none there, so they belong to the value of a `json` column.
    pub(super) value: Range<usize>,
}

/// Why a text is no object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScanFault {
    /// It is no JSON; what was expected, and at which byte.
    NoJson(&'static str, usize),
    /// It is another value.
    NoObject,
}

type ScanResult<T> = Result<T, ScanFault>;

/// The members of the object that a text consists of, in their order.
pub(super) fn members(text: &str) -> ScanResult<Vec<ImageMember>> {
    let mut scanner = JsonScanner { bytes: text.as_bytes(), at: 0 };
    scanner.skip_blanks();
    if !scanner.take(b'{') {
        scanner.value()?;
        scanner.end()?;
        return Err(ScanFault::NoObject);
    }
    let mut members = Vec::new();
    scanner.skip_blanks();
    if scanner.take(b'}') {
        scanner.end()?;
        return Ok(members);
    }
    loop {
        let name = scanner.name()?;
        let start = scanner.at;
        scanner.value()?;
        scanner.skip_blanks();
        members.push(ImageMember { name, value: start..scanner.at });
        if scanner.take(b'}') {
            scanner.end()?;
            return Ok(members);
        }
        scanner.expect(b',', "a comma or the end of the object")?;
    }
}

/// The text of a string, of what stands between its quotes; `None` where half a surrogate pair
/// stands alone, which no text can hold.
pub(super) fn unescape(between_quotes: &str) -> Option<String> {
    let mut text = String::with_capacity(between_quotes.len());
    let mut rest = between_quotes;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let escaped = rest.as_bytes().get(at + 1)?;
        rest = &rest[at + 2..];
        text.push(match escaped {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = unit(rest)?;
                rest = &rest[4..];
                let low = || rest.strip_prefix("\\u").and_then(self::unit);
                let mut units = [Some(unit), None];
                if (0xd800..0xdc00).contains(&unit) {
                    units[1] = low();
                    rest = rest.get(6..)?;
                }
                char::decode_utf16(units.into_iter().flatten()).next()?.ok()?
            }
            plain => char::from(*plain),
        });
    }
    text.push_str(rest);
    Some(text)
}

/// The UTF-16 code unit that four hexadecimal digits at the start are.
fn unit(digits: &str) -> Option<u16> {
    u16::from_str_radix(digits.get(..4)?, 16).ok()
}

struct JsonScanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl JsonScanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Goes over a byte, if it is next.
    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, byte: u8, expected: &'static str) -> ScanResult<()> {
        if self.take(byte) { Ok(()) } else { Err(self.wrong(expected)) }
    }

    fn wrong(&self, expected: &'static str) -> ScanFault {
        ScanFault::NoJson(expected, self.at)
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn end(&mut self) -> ScanResult<()> {
        self.skip_blanks();
        if self.at == self.bytes.len() { Ok(()) } else { Err(self.wrong("the end")) }
    }

    /// Goes over a name and its colon.
    fn name(&mut self) -> ScanResult<Range<usize>> {
        self.skip_blanks();
        self.expect(b'"', "a name")?;
        let name = self.string()?;
        self.skip_blanks();
        self.expect(b':', "a colon")?;
        Ok(name)
    }

    /// Goes over a value, whatever is within; what is still to be closed is on a list of its own.
    fn value(&mut self) -> ScanResult<()> {
        let mut closers = Vec::new();
        loop {
            self.skip_blanks();
            if self.take(b'{') {
                self.skip_blanks();
                if !self.take(b'}') {
                    self.name()?;
                    closers.push(b'}');
                    continue;
                }
            } else if self.take(b'[') {
                self.skip_blanks();
                if !self.take(b']') {
                    closers.push(b']');
                    continue;
                }
            } else {
                self.scalar()?;
            }
            if self.after_value(&mut closers)? {
                return Ok(());
            }
        }
    }

    /// Closes what ends here; whether nothing is left to be closed. Otherwise a value is next.
    fn after_value(&mut self, closers: &mut Vec<u8>) -> ScanResult<bool> {
        while let Some(closer) = closers.last().copied() {
            self.skip_blanks();
            if self.take(closer) {
                closers.pop();
                continue;
            }
            self.expect(b',', "a comma or the end of what was begun")?;
            if closer == b'}' {
                self.name()?;
            }
            return Ok(false);
        }
        Ok(true)
    }

    fn scalar(&mut self) -> ScanResult<()> {
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                self.string().map(drop)
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => ["null", "true", "false"]
                .iter()
                .any(|word| self.take_word(word))
                .then_some(())
                .ok_or_else(|| self.wrong("a value")),
        }
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is_next = self.bytes[self.at..].starts_with(word.as_bytes());
        self.at += if is_next { word.len() } else { 0 };
        is_next
    }

    fn number(&mut self) -> ScanResult<()> {
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            if !self.take(b'+') {
                self.take(b'-');
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> ScanResult<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { Err(self.wrong("a digit")) }
    }

    /// Goes over a string whose first quote is behind us; what is between the quotes.
    fn string(&mut self) -> ScanResult<Range<usize>> {
        let start = self.at;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(start..self.at - 1);
                }
                Some(b'\\') => {
                    self.at += 1;
                    self.escape()?;
                }
                None | Some(..0x20) => return Err(self.wrong("the rest of a string")),
                Some(_) => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> ScanResult<()> {
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                let digits = self.bytes.get(self.at + 1..self.at + 5).unwrap_or_default();
                if digits.len() < 4 || !digits.iter().all(u8::is_ascii_hexdigit) {
                    return Err(self.wrong("four hexadecimal digits"));
                }
                self.at += 5;
            }
            _ => return Err(self.wrong("an escape")),
        }
        Ok(())
    }
}
