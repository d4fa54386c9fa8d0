//! A trigger that fires on insert, and what the text of its function tells about it.

/// A user trigger for inserts, as the catalog describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InsertTrigger {
    /// Name.
    pub name: String,
    /// Whether it fires in an ordinary session.
    pub is_enabled: bool,
    /// Whether it fires for each row before that is stored, so that it can change or discard it.
    pub is_before: bool,
    /// Whether its function calls `nextval`: perhaps it draws the id.
    pub draws_from_sequence: bool,
    /// How its function notifies, if it does.
    pub notifies: Option<NotifyCall>,
    /// Whether its function seems to write nothing, or it is the guard of a destination.
    pub is_harmless: bool,
}

/// How a trigger's function notifies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotifyCall {
    /// The channel, where it is written as a literal.
    pub channel: Option<String>,
    /// Whether more of the new row than its id seems to be sent: a payload of 8,000 bytes or more
    /// makes the insert itself fail.
    pub carries_event: bool,
}

/// Whether the text of a function calls `nextval`.
pub fn draws_from_sequence(function: &str) -> bool {
    words(&without_comments(function)).iter().any(|word| word == "nextval")
}

/// Whether a function seems to write nothing, as far as its text shows: it names no statement that
/// writes, and calls nothing but `pg_notify`.
///
/// A guess for warnings.
pub(crate) fn writes_nothing(function: &str) -> bool {
    const WRITES: [&str; 7] =
        ["insert", "update", "delete", "truncate", "merge", "execute", "call"];
    let words = words(&without_comments(function));
    let names = |some: &[&str]| words.iter().any(|word| some.contains(&word.as_str()));
    !names(&WRITES) && (names(&["pg_notify", "notify"]) || !names(&["perform", "select"]))
}

/// How a function notifies, judged by its text: `pg_notify(…)` or a `NOTIFY` statement, and what of
/// `NEW` is named.
///
/// A guess for warnings and hints; nothing depends on it but how soon a new event is looked for.
pub fn notifies(function: &str, id_column: &str) -> Option<NotifyCall> {
    let text = without_comments(function);
    let words = words(&text);
    let at = words.iter().position(|word| word == "pg_notify" || word == "notify")?;
    let channel = if words[at] == "notify" {
        words.get(at + 1).cloned()
    } else {
        literal_after(&text, "pg_notify")
    };
    Some(NotifyCall { channel, carries_event: names_more_than_the_id(&text, id_column) })
}

fn without_comments(function: &str) -> String {
    let lines = function.lines().map(|line| line.split("--").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

fn literal_after(text: &str, call: &str) -> Option<String> {
    let start = text.to_ascii_lowercase().find(call)? + call.len();
    let argument = text[start..].trim_start().strip_prefix('(')?.trim_start().strip_prefix('\'')?;
    Some(argument[..argument.find('\'')?].to_owned())
}

/// Whether `NEW` is used as a whole (other than in `RETURN NEW`), or a column of it that is not the
/// id.
fn names_more_than_the_id(text: &str, id_column: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    lower.match_indices("new").any(|(at, _)| {
        let (before, after) = (&lower[..at], &lower[at + 3..]);
        if before.ends_with(|c: char| is_name(c) || c == '.') || after.starts_with(is_name) {
            return false;
        }
        match after.strip_prefix('.') {
            Some(column) => {
                let column = column.trim_start_matches('"');
                let end = column.find(|c: char| !is_name(c)).unwrap_or(column.len());
                column[..end] != id_column.to_lowercase()
            }
            None => {
                !before.trim_end().ends_with("return") && !after.trim_start().starts_with("table")
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE_EVENT: &str = "begin perform pg_notify('eventsinsert', json_build_object('table', \
                               TG_TABLE_NAME, 'id', NEW.id, 'event', NEW.event)::text); return \
                               new; end";
    const ID_ONLY: &str = "begin perform pg_notify( 'eventsinsert', json_build_object('table', \
                           tg_table_name, 'id', new.id)::text); return new; end";

    #[test]
    fn a_payload_with_the_event_is_told_from_one_with_the_id_only() {
        let whole = notifies(WHOLE_EVENT, "id");
        let id_only = notifies(ID_ONLY, "id");
        assert_eq!(
            whole.map(|n| (n.channel, n.carries_event)),
            Some((Some("eventsinsert".to_owned()), true))
        );
        assert_eq!(
            id_only.map(|n| (n.channel, n.carries_event)),
            Some((Some("eventsinsert".to_owned()), false))
        );
    }

    #[test]
    fn a_whole_row_in_the_payload_counts_as_the_event() {
        let text = "begin perform pg_notify('c', row_to_json(new)::text); return null; end";
        assert_eq!(notifies(text, "id").map(|n| n.carries_event), Some(true));
    }

    #[test]
    fn a_notify_statement_and_a_computed_channel_are_seen() {
        assert_eq!(
            notifies("begin NOTIFY Rings; return null; end", "id").and_then(|n| n.channel),
            Some("rings".to_owned())
        );
        assert_eq!(
            notifies("begin perform pg_notify(tg_argv[0], ''); return null; end", "id")
                .map(|n| n.channel),
            Some(None)
        );
    }

    #[test]
    fn what_stands_in_a_comment_is_not_done() {
        assert_eq!(notifies("begin -- pg_notify('c', new.event)\n return new; end", "id"), None);
        assert!(!draws_from_sequence("begin -- nextval('s')\n return new; end"));
        assert!(draws_from_sequence("begin new.id := NextVal('s'); return new; end"));
    }
}
