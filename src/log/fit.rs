//! Lines of the log made fit for a terminal while they are written: a value from outside begins no
//! line and moves no cursor.

use super::escape::fit;
use slog::{OwnedKVList, Record};
use slog_term::{Decorator, RecordDecorator};
use std::io::{self, Write};

/// Escapes what is between the ornaments of a text line; the ornaments themselves, such as colours,
/// are those of the decorator within.
pub(super) struct FitDecorator<D>(pub D);

impl<D: Decorator> Decorator for FitDecorator<D> {
    fn with_record<F>(&self, record: &Record<'_>, values: &OwnedKVList, write: F) -> io::Result<()>
    where
        F: FnOnce(&mut dyn RecordDecorator) -> io::Result<()>,
    {
        let written = |within: &mut dyn RecordDecorator| {
            write(&mut FitRecord { within, is_from_outside: false })
        };
        self.0.with_record(record, values, written)
    }
}

struct FitRecord<'a> {
    within: &'a mut dyn RecordDecorator,
    /// Whether what comes next is a message, a key or a value; everything else, the line feed at
    /// the end too, is ours.
    is_from_outside: bool,
}

impl FitRecord<'_> {
    fn is(&mut self, is_from_outside: bool) -> &mut dyn RecordDecorator {
        self.is_from_outside = is_from_outside;
        self.within
    }
}

impl Write for FitRecord<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_from_outside {
            // A formatter hands over whole strings, so no character is cut in two.
            self.within.write_all(fit(&String::from_utf8_lossy(bytes)).as_bytes())?;
        } else {
            self.within.write_all(bytes)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.within.flush()
    }
}

impl RecordDecorator for FitRecord<'_> {
    fn reset(&mut self) -> io::Result<()> {
        self.is(false).reset()
    }
    fn start_whitespace(&mut self) -> io::Result<()> {
        self.is(false).start_whitespace()
    }
    fn start_msg(&mut self) -> io::Result<()> {
        self.is(true).start_msg()
    }
    fn start_timestamp(&mut self) -> io::Result<()> {
        self.is(false).start_timestamp()
    }
    fn start_level(&mut self) -> io::Result<()> {
        self.is(false).start_level()
    }
    fn start_comma(&mut self) -> io::Result<()> {
        self.is(false).start_comma()
    }
    fn start_key(&mut self) -> io::Result<()> {
        self.is(true).start_key()
    }
    fn start_value(&mut self) -> io::Result<()> {
        self.is(true).start_value()
    }
    fn start_location(&mut self) -> io::Result<()> {
        self.is(false).start_location()
    }
    fn start_separator(&mut self) -> io::Result<()> {
        self.is(false).start_separator()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use slog::{Drain, Logger, info, o};
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    const HOSTILE: &str = "a\nNov 21 12:00:00.000 INFO forged\r\u{1b}[2J\u{9b}31m\u{202e}\u{7f}";

    /// What is logged of a hostile value, in either form.
    fn logged(drain: impl Fn(Written) -> Logger) -> String {
        let written = Written::default();
        info!(drain(written.clone()), "something"; "what" => HOSTILE, "shown" => %HOSTILE, "debug" => ?HOSTILE, "name" => "Größe 日本");
        String::from_utf8(written.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn a_hostile_value_makes_one_line_without_control_characters_in_either_form() {
        let text = logged(|out| {
            Logger::root(
                Mutex::new(super::super::text(slog_term::PlainDecorator::new(out))).fuse(),
                o!(),
            )
        });
        let json = logged(|out| {
            Logger::root(super::super::JsonLines::new(out, super::super::now).fuse(), o!())
        });
        for line in [&text, &json] {
            assert!(line.ends_with('\n') && line.lines().count() == 1, "{line:?}");
            let has_none = |c: char| !(c.is_control() || c == '\u{202e}');
            assert!(line.trim_end_matches('\n').chars().all(has_none), "{line:?}");
            assert!(line.contains("Größe 日本"), "{line:?}");
        }
        assert!(
            text.contains(
                r"a\u{a}Nov 21 12:00:00.000 INFO forged\u{d}\u{1b}[2J\u{9b}31m\u{202e}\u{7f}"
            ),
            "{text}"
        );
        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(read["what"], HOSTILE);
    }
}
