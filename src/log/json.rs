//! One JSON object a line: time, level and message first, then what the logger carries, then the
//! keys of the line as they are written. Numbers are numbers.

use super::escape::escaped_json;
use super::key;
use super::value::NO_ID;
use serde_json::{Map, Number, Value};
use slog::{Drain, KV, Key, Never, OwnedKVList, Record, Serializer};
use std::fmt;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

/// Writes to this stream, and flushes after each line.
pub(super) struct JsonLines<W> {
    stream: Mutex<W>,
    /// What a line begins with: the present moment.
    now: fn() -> String,
}

impl<W: Write> JsonLines<W> {
    pub(super) fn new(stream: W, now: fn() -> String) -> Self {
        Self { stream: Mutex::new(stream), now }
    }
}

impl<W: Write> Drain for JsonLines<W> {
    type Ok = ();
    type Err = Never;

    fn log(&self, record: &Record<'_>, values: &OwnedKVList) -> Result<(), Never> {
        let object = Value::Object(object((self.now)(), record, values));
        let line = format!("{}\n", escaped_json(&object.to_string()));
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        // A closed stdout is no reason to stop replicating.
        let _ = stream.write_all(line.as_bytes()).and_then(|()| stream.flush());
        Ok(())
    }
}

fn object(now: String, record: &Record<'_>, values: &OwnedKVList) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("ts".to_owned(), now.into());
    object.insert("level".to_owned(), record.level().as_str().to_lowercase().into());
    object.insert("msg".to_owned(), record.msg().to_string().into());
    object.extend(fields(values, record));
    object.extend(fields(&record.kv(), record));
    object
}

/// The keys in the order in which they are written: slog gives the last first.
fn fields(of: &dyn KV, record: &Record<'_>) -> impl Iterator<Item = (String, Value)> {
    let mut collected = CollectedFields(Vec::new());
    // Only a stream can fail, and nothing is written here.
    let _ = of.serialize(record, &mut collected);
    collected.0.into_iter().rev()
}

/// Keys and values as JSON has them.
struct CollectedFields(Vec<(String, Value)>);

impl CollectedFields {
    fn add(&mut self, key: Key, value: impl Into<Value>) -> slog::Result {
        self.0.push((key.to_owned(), value.into()));
        Ok(())
    }

    fn add_text(&mut self, key: Key, text: String) -> slog::Result {
        let is_no_id = text == NO_ID && key::OF_IDS.contains(&key);
        self.add(key, if is_no_id { Value::Null } else { Value::String(text) })
    }
}

/// Types that JSON has as they are.
macro_rules! emitted {
    ($($name:ident $of:ty),*) => {
        $(fn $name(&mut self, key: Key, value: $of) -> slog::Result {
            self.add(key, value)
        })*
    };
}

impl Serializer for CollectedFields {
    emitted!(
        emit_bool bool, emit_u8 u8, emit_i8 i8, emit_u16 u16, emit_i16 i16, emit_u32 u32,
        emit_i32 i32, emit_u64 u64, emit_i64 i64, emit_usize usize, emit_isize isize
    );

    fn emit_f32(&mut self, key: Key, value: f32) -> slog::Result {
        self.emit_f64(key, value.into())
    }

    fn emit_f64(&mut self, key: Key, value: f64) -> slog::Result {
        self.add(key, Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn emit_unit(&mut self, key: Key) -> slog::Result {
        self.add(key, Value::Null)
    }

    fn emit_none(&mut self, key: Key) -> slog::Result {
        self.add(key, Value::Null)
    }

    fn emit_str(&mut self, key: Key, value: &str) -> slog::Result {
        self.add_text(key, value.to_owned())
    }

    fn emit_arguments(&mut self, key: Key, value: &fmt::Arguments<'_>) -> slog::Result {
        self.add_text(key, value.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::super::value::logged_id;
    use super::super::{key, now, written_apart};
    use super::*;
    use slog::{Level, info, o};
    use std::sync::Arc;

    #[derive(Clone, Default)]
    struct WrittenBytes(Arc<Mutex<Vec<u8>>>);

    impl Write for WrittenBytes {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_begins_with_time_level_and_message_and_keeps_the_order_and_types_of_its_keys() {
        let written = WrittenBytes::default();
        let (log, guard) = written_apart(JsonLines::new(written.clone(), now), Level::Info, None);
        let log = log.new(o!(key::REPLICATION => "orders"));
        info!(log, "it goes on"; key::DESTINATION => "copy", key::POSITION => logged_id(Some(7)),
            key::THROUGH => logged_id(None), "is_first" => true, "events_per_s" => 2.5,
            "writers" => Some(3_u8), "nothing" => None::<u8>, "fed_by" => "none", "shown" => %"x");
        drop((log, guard));
        let line = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let object: Value = serde_json::from_str(&line).unwrap();
        let at = object["ts"].as_str().unwrap().to_owned();
        let rest = "\"level\":\"info\",\"msg\":\"it goes on\",\"replication\":\"orders\",\
                    \"destination\":\"copy\",\"position\":7,\"through\":null,\"is_first\":true,\
                    \"events_per_s\":2.5,\"writers\":3,\"nothing\":null,\"fed_by\":\"none\",\
                    \"shown\":\"x\"";
        assert_eq!(line, format!("{{\"ts\":\"{at}\",{rest}}}\n"));
    }
}
