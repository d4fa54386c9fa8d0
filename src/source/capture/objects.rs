//! The function and the triggers of a captured table: the SQL that makes them, and whether what is
//! there is them.

use super::facts::{CapturableTable, FoundFunction, FoundTrigger, TreeRelation};
use super::pins;
use crate::postgres::table::TableName;
use crate::sql::{fill, ident, sql, text, without_header};
use sha2::{Digest, Sha256};

/// Names of functions begin so.
const FUNCTION_PREFIX: &str = "capture_";
/// A name has so many bytes at most (`NAMEDATALEN` - 1).
const NAME_BYTES_MAX: usize = 63;
/// Bytes of a digest that tell cut names apart.
const DIGEST_BYTES: usize = 4;
/// The text of the function stands between these.
const DOLLAR_TAG: &str = "$counterfoil$";

/// The trigger for rows: `tgtype` 1 row, 4 insert, 8 delete, 16 update, added up.
pub(super) const ROWS: WantedTrigger = WantedTrigger { name: "~counterfoil", events: 29 };
/// The trigger for TRUNCATE: `tgtype` 32.
pub(super) const TRUNCATE: WantedTrigger =
    WantedTrigger { name: "~counterfoil_truncate", events: 32 };

/// A trigger of a captured table.
#[derive(Clone, Copy, Debug)]
pub(super) struct WantedTrigger {
    pub(super) name: &'static str,
    events: i32,
}

/// What a captured table has.
#[derive(Clone, Debug)]
pub(super) struct CaptureObjects<'a> {
    log: &'a TableName,
    source: &'a str,
    function: String,
    settings: Vec<&'static str>,
    /// SQL of the image of OLD and of NEW.
    images: [String; 2],
}

impl<'a> CaptureObjects<'a> {
    /// Of a table that is captured under this name, without these columns.
    pub(super) fn new(
        log: &'a TableName,
        source: &'a str,
        table: &CapturableTable,
        omitted: &[String],
    ) -> Self {
        let kept = || table.columns.iter().filter(|column| !omitted.contains(&column.name));
        let leaves = kept().flat_map(|column| &column.leaves).map(String::as_str);
        let image = |row: &str, operations: &str| {
            if omitted.is_empty() {
                return format!("row_to_json({row})");
            }
            let pairs = kept().map(|column| format!("{row}.{}", ident(&column.name)));
            let select = pairs.collect::<Vec<_>>().join(", ");
            format!(
                "case when TG_OP in ({operations}) then (select row_to_json(image) from (select \
                 {select}) as image) end"
            )
        };
        Self {
            log,
            source,
            function: function_name(source),
            settings: pins::clauses(leaves),
            images: [image("OLD", "'UPDATE', 'DELETE'"), image("NEW", "'INSERT', 'UPDATE'")],
        }
    }

    /// The function's name, in the schema of the log.
    pub(super) fn function(&self) -> &str {
        &self.function
    }

    /// The statement that makes the function, or puts it in the place of another one.
    pub(super) fn create_function(&self) -> String {
        let settings: String = self.settings.iter().map(|clause| format!("\n{clause}")).collect();
        let values = [
            ("schema", text(&self.log.schema)),
            ("table", text(&self.log.name)),
            ("function", text(&self.function)),
            ("settings", sql(settings)),
            ("before", sql(&*self.images[0])),
            ("after", sql(&*self.images[1])),
        ];
        let file = without_header(include_str!("../../../sql/capture/function.sql"));
        let names = format!("{}{}", self.log.quoted(), self.images[0]);
        let mut tags = (1_u32..).map(|number| format!("$counterfoil_{number}$"));
        let tag = if names.contains(DOLLAR_TAG) {
            tags.find(|tag| !names.contains(tag)).unwrap_or_default()
        } else {
            DOLLAR_TAG.to_owned()
        };
        let file = file.replace(DOLLAR_TAG, &tag);
        fill(&file.replacen("create function", "create or replace function", 1), &values)
    }

    /// The statements that make a trigger on a table, firing whatever `session_replication_role`
    /// says.
    pub(super) fn create_trigger(&self, wanted: WantedTrigger, on: &TableName) -> String {
        let file = if wanted.events == ROWS.events {
            include_str!("../../../sql/capture/trigger_rows.sql")
        } else {
            include_str!("../../../sql/capture/trigger_truncate.sql")
        };
        let values = [
            ("captured", sql(on.quoted())),
            ("schema", text(&self.log.schema)),
            ("function", text(&self.function)),
            ("source", text(self.source)),
        ];
        let create = fill(without_header(file), &values);
        format!("{}\n{}", create.trim_end(), enable(wanted.name, on))
    }

    /// Whether this is the function.
    pub(super) fn is_function(&self, found: &FoundFunction) -> bool {
        let name = |setting: &str| setting.split(['=', ' ']).next().unwrap_or("").to_lowercase();
        let mut fixed: Vec<String> = found.settings.iter().map(|setting| name(setting)).collect();
        let wanted = self.settings.iter().map(|clause| name(clause.trim_start_matches("set ")));
        let mut wanted: Vec<String> = wanted.chain(["search_path".to_owned()]).collect();
        fixed.sort();
        wanted.sort();
        found.is_definer
            && !found.is_public
            && fixed == wanted
            && body(&self.create_function()) == Some(&*found.body)
    }

    /// Whether this is the trigger, and fires always.
    pub(super) fn is_trigger(&self, wanted: WantedTrigger, found: &FoundTrigger) -> bool {
        let calls = format!("{}.{}", self.log.schema, self.function);
        let argument: String =
            self.source.bytes().chain([0]).map(|byte| format!("{byte:02x}")).collect();
        found.enabled == "A"
            && found.events == wanted.events
            && found.function == calls
            && found.arguments == argument
    }

    /// Whether a trigger calls a function of this log.
    pub(super) fn is_of_log(log: &TableName, found: &FoundTrigger) -> bool {
        found.function.starts_with(&format!("{}.{FUNCTION_PREFIX}", log.schema))
    }
}

/// The statement after which a trigger fires always.
pub(super) fn enable(trigger: &str, on: &TableName) -> String {
    format!("alter table {} enable always trigger {};", on.quoted(), ident(trigger))
}

/// The statements that remove the triggers of a table and of its partitions.
pub(super) fn drop_triggers(tree: &[TreeRelation], log: &TableName) -> Vec<String> {
    let of_log = |relation: &TreeRelation, name: &str| {
        relation.trigger(name).is_some_and(|found| CaptureObjects::is_of_log(log, found))
    };
    let drop = |relation: &TreeRelation, name: &str| {
        format!("drop trigger {} on {};", ident(name), relation.name.quoted())
    };
    // The trigger for rows of a partition goes with that of its root.
    let rows = tree.iter().take(1).filter(|relation| of_log(relation, ROWS.name));
    let truncates = tree.iter().filter(|relation| of_log(relation, TRUNCATE.name));
    rows.map(|relation| drop(relation, ROWS.name))
        .chain(truncates.map(|relation| drop(relation, TRUNCATE.name)))
        .collect()
}

/// The name of the function of a table that is captured under this name.
pub(super) fn function_name(source: &str) -> String {
    let whole = format!("{FUNCTION_PREFIX}{source}");
    if whole.len() <= NAME_BYTES_MAX {
        return whole;
    }
    let digest: String = Sha256::digest(source.as_bytes())
        .iter()
        .take(DIGEST_BYTES)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let mut end = NAME_BYTES_MAX - 1 - digest.len();
    while !whole.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}~{digest}", &whole[..end])
}

/// The text of a function between its dollar quotes, as the catalog keeps it.
fn body(sql: &str) -> Option<&str> {
    let open = sql.find("\nas $counterfoil")? + "\nas ".len();
    let tag = &sql[open..=open + 1 + sql[open + 1..].find('$')?];
    let rest = &sql[open + tag.len()..];
    rest.rfind(tag).map(|close| &rest[..close])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_at_a_letter_and_stays_its_own() {
        assert_eq!(function_name("public.orders"), "capture_public.orders");
        let names =
            ["a", "b"].map(|last| function_name(&format!("public.{}{last}", "ü".repeat(60))));
        assert!(names.iter().all(|name| name.len() <= NAME_BYTES_MAX), "{names:?}");
        assert_ne!(names[0], names[1]);
    }

    #[test]
    fn the_text_of_a_function_is_found_whatever_its_tag() {
        assert_eq!(
            body("create\nas $counterfoil_12$ x $counterfoil$ y$counterfoil_12$;"),
            Some(" x $counterfoil$ y")
        );
    }
}
