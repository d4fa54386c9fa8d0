//! What a destination calls the columns of the source: what cannot be is known before anything is
//! connected to, as far as the file says which columns there are.

use super::*;
use crate::sql::ColumnNames;

fn names(lines: &str) -> ColumnNames {
    toml(&with_destination(lines)).unwrap().destinations[0].postgres().unwrap().rename.clone()
}

#[test]
fn names_are_pairs_of_the_sources_and_the_destinations() {
    let expected = ColumnNames::new([("event".to_owned(), "my \"load\"".to_owned())]);
    assert_eq!(names("rename = { event = 'my \"load\"', ts = \"ts\" }"), expected);
    assert_eq!(names("[destinations.rename]\nevent = 'my \"load\"'"), expected);
    assert_eq!(names(""), ColumnNames::default());
    let text =
        SLATE.replacen("\"host\": \"db2\"", "\"rename\": { \"ts\": \"at\" }, \"host\": \"db2\"", 1);
    let config = json(&text).unwrap();
    let of = |at: usize| config.destinations[at].postgres().unwrap().rename.there("ts");
    assert_eq!((of(0), of(1)), ("at", "ts"));
}

#[test]
fn two_columns_never_get_one_name() {
    let [what, place, fix] = problem(&with_destination("rename = { a = \"c\", b = \"c\" }"));
    assert_eq!(what, "columns \"a\" and \"b\" would both be \"c\"");
    assert_eq!(place, "config.toml:6:25, destinations[0].rename.b");
    assert_eq!(fix, "give each column a name of its own");
    // The key is always copied, and so is what other keys name.
    let [what, place, fix] = problem(&with_destination("rename = { event = \"id\" }"));
    assert_eq!(what, "columns \"event\" and \"id\" would both be \"id\"");
    assert_eq!(place, "config.toml:3:1, destinations[0].rename.event");
    assert_eq!(fix, "give each column a name of its own in rename");
    let both = |source: &str, names: &str| {
        toml(&format!("{SOURCE}{source}\n{DESTINATION}rename = {names}\n")).map(|_| ())
    };
    let grouped = told(both("group_by = \"call\"", "{ x = \"call\" }").unwrap_err());
    assert_eq!(grouped[0][0], "columns \"x\" and \"call\" would both be \"call\"");
    assert!(both("", "{ event = \"id\", id = \"event\" }").is_ok(), "they change places");
    let columns = "columns = [\"id\", \"a\", \"b\"]";
    let taken = told(both(columns, "{ a = \"b\" }").unwrap_err());
    assert_eq!(taken[0][0], "columns \"a\" and \"b\" would both be \"b\"");
}

#[test]
fn what_is_not_copied_is_not_renamed_and_a_name_is_a_name() {
    let columns = "columns = [\"id\", \"payload\"]";
    let names = "rename = { pay_load = \"x\", zebra = \"y\" }";
    let problems = told(toml(&format!("{SOURCE}{columns}\n{DESTINATION}{names}\n")).unwrap_err());
    let told: Vec<[&str; 2]> =
        problems.iter().map(|[what, _, fix]| [what.as_str(), fix.as_str()]).collect();
    assert_eq!(
        told,
        [
            ["column \"pay_load\" is renamed and not copied", "did you mean \"payload\"?"],
            ["column \"zebra\" is renamed and not copied", "those that are copied are id, payload"],
        ]
    );
    let [what, _, fix] = problem(&with_destination("rename = [\"a\"]"));
    assert_eq!(what, "destinations[0].rename must be a table, not a list");
    assert_eq!(fix, "write the source's name and the destination's, as in { event = \"payload\" }");
    let [what, place, _] = problem(&with_destination("rename = { a = \"\" }"));
    assert_eq!(what, "destinations[0].rename.a must have between 1 and 63 bytes");
    assert_eq!(place, "config.toml:6:16, destinations[0].rename.a");
}
