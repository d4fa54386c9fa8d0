//! Columns are expressions of the destination; what cannot be computed is refused before anything is
//! written, all of it together.

use super::{captured, catch_up, command, init, reflecting};

const PEOPLE: &str = "create type mood as enum ('sad', 'glad'); create type place as (street text, no int); \
                      create table people (id int primary key, name text, how mood, at place, born date); \
                      insert into people values (1, 'ann', 'glad', row('High \"St\"', 7), '1990-05-06')";

#[tokio::test]
async fn columns_hold_what_their_expressions_say() {
    let (source, destination) = captured(PEOPLE, &["people"]).await;
    let reflection = "source = \"public.people\"\ntable = \"report.persons\"\nkey = [\"person\"]\ncreate = true\n\
                      columns = { person = \"id\", name = \"upper(name)\", how = \"how || '!'\", \
                      street = \"\\\"at\\\"->>'street'\", age = \"2026 - extract(year from born)::int\", fixed = \"7\" }";
    destination.execute("create schema report").await;
    let setup = reflecting(&source, &destination, "", &[reflection]);
    init(&setup);
    catch_up(&setup);
    source.execute("insert into people (id, name) values (2, 'bob')").await;
    catch_up(&setup);
    let found = destination
        .query("select person, name, how, street, age, fixed from report.persons order by 1")
        .await;
    assert_eq!(found, ["1|ANN|glad!|High \"St\"|36|7", "2|BOB||||7"]);
}

#[tokio::test]
async fn what_cannot_be_computed_is_refused_together_and_nothing_is_written() {
    let (source, destination) = captured(PEOPLE, &["people"]).await;
    destination
        .execute("create table people (id int, name text, how text, at text, born date, must int not null); create table other (id int primary key)")
        .await;
    let setup = reflecting(
        &source,
        &destination,
        "",
        &["source = \"public.people\"", "source = \"public.peple\"\ntable = \"other\""],
    );
    init(&setup);
    let (code, out, err) = command(&setup, &["run", "--until-caught-up"]);
    assert_eq!(code, Some(3), "{out}{err}");
    for told in [
        "column at of public.people has a type whose values cannot be had back from JSON",
        "did you mean \"public.people\"?",
    ] {
        assert!(err.contains(told), "{told}\n{err}");
    }
    let named = "source = \"public.people\"\ncolumns = { name = \"nme\" }";
    let setup = reflecting(&source, &destination, "", &[named]);
    let (code, _, err) = command(&setup, &["run", "--until-caught-up"]);
    assert_eq!(code, Some(3), "{err}");
    for told in ["column must takes no null", "no unique index is on its key (\"id\") alone"] {
        assert!(err.contains(told), "{told}\n{err}");
    }
    destination.execute("alter table people drop must, add primary key (id)").await;
    let (code, _, err) = command(&setup, &["run", "--until-caught-up"]);
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains("column \"nme\" does not exist"), "{err}");
    assert!(err.contains("correct the expressions of its columns"), "{err}");
    assert_eq!(destination.query("select count(*) from counterfoil.reflection").await, ["0"]);
}

#[tokio::test]
async fn a_source_that_is_no_log_and_a_destination_without_state_are_refused_with_the_cure() {
    let (source, destination) = captured(PEOPLE, &["people"]).await;
    let setup = reflecting(
        &source,
        &destination,
        "",
        &["source = \"public.people\"\ncolumns = { name = \"name\" }"],
    );
    let (code, _, err) = command(&setup, &["run", "--until-caught-up"]);
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains("counterfoil init destination --config"), "{err}");
    source.execute("create table events (id bigint generated always as identity primary key, ts timestamptz, event jsonb)").await;
    let text = setup.text().replace("table = \"counterfoil.changes\"", "table = \"events\"");
    let (code, _, err) = crate::status_command::command(&text, &["init", "destination"]);
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains("is no log of captured changes"), "{err}");
}

#[tokio::test]
async fn what_holds_no_events_is_never_called_equal_to_them() {
    let (source, destination) = captured(PEOPLE, &["people"]).await;
    let reflection = "source = \"public.people\"\ncreate = true\ncolumns = { name = \"name\" }";
    let setup = reflecting(&source, &destination, "", &[reflection]);
    init(&setup);
    catch_up(&setup);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("shop.toml");
    std::fs::write(&file, setup.text()).unwrap();
    let compared = crate::diff::events_diff(&["--config", file.to_str().unwrap()]).output();
    let (code, out, err) = crate::command::told(&compared.unwrap());
    assert_eq!(code, Some(2), "{out}{err}");
    assert!(err.contains("has reflections, which hold no events"), "{err}");
    assert!(err.contains("counterfoil reflect verify --config"), "{err}");
    assert!(!out.contains("verdict: equal"), "{out}");
}
