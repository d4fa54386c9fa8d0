//! Keys that are equal and not the same, of types of extensions, of other types than at the source.

use super::{captured, catch_up, equal, init, reflecting, same};

#[tokio::test]
async fn a_key_that_is_written_otherwise_and_stays_equal_is_no_drift() {
    let sql = "create table prices (p numeric primary key, v int); insert into prices values (1.0, 1), (2.0, 2)";
    let (source, destination) = captured(sql, &["prices"]).await;
    let setup =
        reflecting(&source, &destination, "", &["source = \"public.prices\"\ncreate = true"]);
    init(&setup);
    catch_up(&setup);
    source.execute("update prices set p = 1.00 where p = 1").await;
    catch_up(&setup);
    same(&source, &destination, "prices").await;
}

#[tokio::test]
async fn keys_of_a_type_with_an_order_of_its_own_are_loaded_whole() {
    let sql = "create extension citext; create table w (p citext primary key, v int); insert into w values ('a', 1), ('B', 2), ('c', 3), ('Z', 4)";
    let (source, destination) = captured(sql, &["w"]).await;
    destination.execute("create extension citext").await;
    let setup = reflecting(
        &source,
        &destination,
        "",
        &["source = \"public.w\"\ncreate = true\nload_rows = 1"],
    );
    init(&setup);
    catch_up(&setup);
    same(&source, &destination, "w").await;
    source.execute("update w set p = 'A' where p = 'a'").await;
    catch_up(&setup);
    same(&source, &destination, "w").await;
    equal(&setup);
}

#[tokio::test]
async fn a_key_of_another_type_is_found_by_the_type_of_the_destination() {
    let (source, destination) = captured(
        "create table a (id int primary key, v numeric); insert into a values (1, 5), (2, 6)",
        &["a"],
    )
    .await;
    destination.execute("create table a (id varchar(10) primary key, v numeric)").await;
    let setup = reflecting(&source, &destination, "", &["source = \"public.a\""]);
    init(&setup);
    catch_up(&setup);
    source.execute("update a set v = 7 where id = 1; delete from a where id = 2").await;
    catch_up(&setup);
    same(&source, &destination, "a").await;
    equal(&setup);
}

#[tokio::test]
async fn a_key_that_the_destination_rounds_is_found_as_it_is_there() {
    let (source, destination) = captured("create table a (id timestamptz primary key, v numeric); insert into a values ('2026-01-01 00:00:00.4+00', 5), ('2026-01-02 00:00:00.7+00', 6)", &["a"]).await;
    destination.execute("create table a (id timestamptz(0) primary key, v numeric(10, 1))").await;
    let setup = reflecting(&source, &destination, "", &["source = \"public.a\""]);
    init(&setup);
    catch_up(&setup);
    source.execute("update a set v = 7.77 where v = 5; delete from a where v = 6; insert into a values ('2026-01-03 00:00:00.7+00', 6.66)").await;
    catch_up(&setup);
    equal(&setup);
}
