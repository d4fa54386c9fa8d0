//! What is not as the log has it is found at the next change of the row; what makes rows change
//! without an event stops the reflection of them.

use super::{captured, catch_up, command, init, reflecting, rows, same};
use crate::support::until;

const ITEMS: &str = "create table items (id int primary key, amount numeric); insert into items select i, i from generate_series(1, 5) i";
const REFLECTION: &str = "source = \"public.items\"\ncreate = true";

#[tokio::test]
async fn a_row_that_another_session_changed_stops_the_destination_and_nothing_of_the_batch_is_written()
 {
    let (source, destination) = captured(ITEMS, &["items"]).await;
    let setup = reflecting(&source, &destination, "", &[REFLECTION]);
    init(&setup);
    catch_up(&setup);
    for (damage, act) in [
        (
            "update items set amount = 77 where id = 2",
            "update items set amount = 3 where id in (1, 2)",
        ),
        ("delete from items where id = 3", "update items set amount = 4 where id = 3"),
        ("delete from items where id = 4", "delete from items where id = 4"),
        ("insert into items values (9, 9)", "insert into items values (9, 1)"),
    ] {
        destination.execute(damage).await;
        let before = rows(&destination, "items").await;
        source.execute(act).await;
        let (code, _, err) = command(&setup, &["run", "--until-caught-up"]);
        assert_eq!(code, Some(4), "{damage}: {err}");
        assert!(err.contains("public.items is not as its log says"), "{err}");
        assert_eq!(rows(&destination, "items").await, before);
        let reporting = reflecting(&source, &destination, "drift = \"report\"", &[REFLECTION]);
        let (code, out, err) = command(&reporting, &["run", "--until-caught-up"]);
        assert_eq!(code, Some(0), "{err}");
        assert!(out.contains("rows of public.items were not as the log has them"), "{out}");
        same(&source, &destination, "items").await;
    }
}

#[tokio::test]
async fn a_change_of_the_captured_table_that_no_event_tells_of_stops_its_reflection_until_it_is_loaded()
 {
    let (source, destination) = captured(ITEMS, &["items"]).await;
    let setup = reflecting(&source, &destination, "", &[REFLECTION]);
    init(&setup);
    catch_up(&setup);
    source.execute("alter table items alter amount type int using amount::int + 1").await;
    let (code, _, err) = command(&setup, &["run", "--until-caught-up"]);
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains("column amount was numeric, and is integer"), "{err}");
}

#[tokio::test]
async fn a_table_that_was_made_again_or_loaded_by_another_rule_is_not_written_on() {
    let (source, destination) = captured(ITEMS, &["items"]).await;
    let setup = reflecting(&source, &destination, "", &[REFLECTION]);
    init(&setup);
    catch_up(&setup);
    destination
        .execute("drop table items; create table items (id int primary key, amount numeric)")
        .await;
    let (code, _, err) = command(&setup, &["run", "--until-caught-up"]);
    assert_eq!(code, Some(4), "{err}");
    assert!(err.contains("is another table than the one that was computed"), "{err}");
    let other = format!("{REFLECTION}\ncolumns = {{ amount = \"amount * 2\" }}");
    let (code, _, err) =
        command(&reflecting(&source, &destination, "", &[&other]), &["run", "--until-caught-up"]);
    assert_eq!(code, Some(4), "{err}");
    assert!(err.contains("is computed otherwise than its rows were"), "{err}");
}

#[tokio::test]
async fn a_table_that_is_swapped_while_it_is_followed_is_noticed() {
    let (source, destination) = captured(ITEMS, &["items"]).await;
    let setup = reflecting(&source, &destination, "", &[REFLECTION]);
    init(&setup);
    let mut replicator = setup.start(&[]);
    until("rows are loaded", async || rows(&destination, "items").await.len() == 5).await;
    destination.execute("begin; alter table items rename to old; create table items (like old including all); commit").await;
    source.execute("insert into items values (6, 6)").await;
    replicator.says(&["is another table"]).await;
    assert!(rows(&destination, "items").await.is_empty());
}
