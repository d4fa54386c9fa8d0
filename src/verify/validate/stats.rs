//! What slate's loader writes about the group of an event, under `testingStats`.

use serde::Deserialize;

/// Longer names of programs and operations are not the loader's, which gives UUIDs.
const NAME_BYTES_MAX: usize = 200;

/// The place of an event in the groups of its program.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct GroupStats {
    /// The run of the loader.
    #[serde(rename = "programId")]
    pub program: String,
    /// The group.
    #[serde(rename = "dbOperationId")]
    pub operation: String,
    /// The number of the group among those of its program, from 1 on without holes.
    #[serde(rename = "dbOperationNum")]
    pub number: u64,
    /// The number of the event in the group, from 1 on.
    #[serde(rename = "dbOperationEventNum")]
    pub event: u64,
    /// Events of the group.
    #[serde(rename = "dbOperationEventCount")]
    pub count: u64,
}

/// What an event has under `testingStats`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TestingStats {
    /// Nothing.
    Absent,
    /// Something else than the loader writes.
    Garbled,
    /// The loader's.
    Stats(GroupStats),
}

impl TestingStats {
    /// Reads the JSON of `testingStats`; `None` where an event has none.
    pub(super) fn parse(json: Option<&[u8]>) -> Self {
        let Some(json) = json else { return Self::Absent };
        let is_short =
            |stats: &GroupStats| stats.program.len().max(stats.operation.len()) <= NAME_BYTES_MAX;
        let stats = serde_json::from_slice(json).ok().filter(is_short);
        stats.map_or(Self::Garbled, Self::Stats)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"{"programId": "p", "dbOperationId": "o", "dbOperationNum": 7, "dbOperationEventNum": 1, "dbOperationEventCount": 3, "dbOperationTS": "now"}"#;

    #[test]
    fn only_what_the_loader_writes_is_taken() {
        let stats = GroupStats {
            program: "p".to_owned(),
            operation: "o".to_owned(),
            number: 7,
            event: 1,
            count: 3,
        };
        assert_eq!(TestingStats::parse(Some(WHOLE.as_bytes())), TestingStats::Stats(stats));
        assert_eq!(TestingStats::parse(None), TestingStats::Absent);
        let long = format!("\"{}\"", "p".repeat(NAME_BYTES_MAX + 1));
        for (from, to) in [
            ("\"p\"", "1"),
            ("7", "7.5"),
            ("7", "-7"),
            ("7", "\"7\""),
            ("7", "1e30"),
            ("\"programId\"", "\"program\""),
            ("\"p\"", &long),
            ("\"now\"}", ""),
        ] {
            let garbled = WHOLE.replace(from, to);
            assert_eq!(
                TestingStats::parse(Some(garbled.as_bytes())),
                TestingStats::Garbled,
                "{garbled}"
            );
        }
        assert_eq!(TestingStats::parse(Some(b"null")), TestingStats::Garbled);
    }
}
