//! Edges: partitions that are emptied alone, reflections that leave and return, requests that meet
//! another state.

use super::{captured, catch_up, command, init, reflecting, rows, same};
use crate::harness::connect;
use crate::support::until;

#[tokio::test]
async fn a_truncate_of_one_partition_leaves_the_rows_of_the_others() {
    let sql = "create table parts (id int primary key, v int) partition by range (id); \
       create table parts_1 partition of parts for values from (0) to (100); \
       create table parts_2 partition of parts for values from (100) to (200); \
       insert into parts select i, i from generate_series(1, 199) i";
    let (source, destination) = captured(sql, &["parts"]).await;
    destination.execute("create table parts (id int primary key, v int)").await;
    let setup = reflecting(&source, &destination, "", &["source = \"public.parts\""]);
    init(&setup);
    catch_up(&setup);
    source.execute("truncate parts_1").await;
    catch_up(&setup);
    same(&source, &destination, "parts").await;
}

#[tokio::test]
async fn a_reflection_that_was_taken_out_for_a_while_is_loaded_again() {
    let sql = "create table a (id int primary key, v int); create table b (id int primary key, v int); insert into a values (1,1); insert into b values (1,1)";
    let (source, destination) = captured(sql, &["a", "b"]).await;
    let (a, b) = ("source = \"public.a\"\ncreate = true", "source = \"public.b\"\ncreate = true");
    let both = reflecting(&source, &destination, "", &[a, b]);
    init(&both);
    catch_up(&both);
    source.execute("update a set v = 2; update b set v = 2").await;
    catch_up(&reflecting(&source, &destination, "", &[a]));
    source.execute("insert into b values (3, 3)").await;
    catch_up(&both);
    same(&source, &destination, "a").await;
    same(&source, &destination, "b").await;
}

#[tokio::test]
async fn a_request_is_noticed_beside_what_is_remembered_of_an_old_reflection() {
    let sql = "create table a (id int primary key, v int); create table b (id int primary key, v int); insert into a values (1,1); insert into b values (1,1)";
    let (source, destination) = captured(sql, &["a", "b"]).await;
    let (a, b) = ("source = \"public.a\"\ncreate = true", "source = \"public.b\"\ncreate = true");
    let both = reflecting(&source, &destination, "", &[a, b]);
    init(&both);
    catch_up(&both);
    let one = reflecting(&source, &destination, "", &[a]);
    let mut replicator = one.start(&[]);
    replicator.says(&["the destination is ready"]).await;
    destination.execute("update a set v = 77").await;
    let r =
        command(&one, &["reflect", "load", "--destination", "shop", "--reflection", "a", "--yes"]);
    assert_eq!(r.0, Some(0), "{r:?}");
    until("it is loaded again", async || rows(&destination, "a").await == ["1|1"]).await;
}

#[tokio::test]
async fn a_truncate_on_its_way_makes_a_comparison_inconclusive() {
    let sql = "create table a (id int primary key, v int); insert into a values (1,1)";
    let (source, destination) = captured(sql, &["a"]).await;
    let setup = reflecting(&source, &destination, "", &["source = \"public.a\"\ncreate = true"]);
    init(&setup);
    catch_up(&setup);
    source.execute("truncate a").await;
    let r = command(&setup, &["reflect", "verify"]);
    assert_eq!(r.0, Some(3), "{r:?}");
    assert!(r.1.contains("a TRUNCATE is on its way"), "{r:?}");
}

#[tokio::test]
async fn a_table_is_not_computed_into_itself() {
    let sql = "create table a (id int primary key, v int); insert into a values (1,1), (2,2)";
    let (source, _) = captured(sql, &["a"]).await;
    let setup = reflecting(&source, &source, "", &["source = \"public.a\""]);
    init(&setup);
    let (code, _, err) = command(&setup, &["run", "--until-caught-up"]);
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains("it is the captured table itself"), "{err}");
}

#[tokio::test]
async fn rows_that_a_partial_index_leaves_out_stay_when_a_loaded_row_takes_a_value() {
    let sql = "create table u (id int primary key, email text, active bool); create unique index on u (email) where active; \
       insert into u values (1, 'x', false), (2, 'x', true), (10, 'y', true)";
    let (source, destination) = captured(sql, &["u"]).await;
    destination.execute("create table u (id int primary key, email text, active bool); create unique index on u (email) where active").await;
    let setup = reflecting(&source, &destination, "", &["source = \"public.u\"\nload_rows = 2"]);
    init(&setup);
    catch_up(&setup);
    let held = connect(&source.conninfo).await.unwrap();
    held.batch_execute("begin; insert into u values (-1)").await.unwrap();
    source.execute("begin; update u set active = false where id = 2; update u set email = 'x' where id = 10; commit").await;
    // As if a load had read the first two rows before.
    destination.execute("update counterfoil.reflected set is_loading = true, loaded_through = '{n2}'; \
        insert into counterfoil.loaded_range (name, entry, after, through, snapshot, until) select 'shop', entry, null, '{n2}', '3:3:', 3 from counterfoil.reflected").await;
    let replicator = setup.start(&[]);
    until("the range was read", async || {
        destination.query("select is_loading from counterfoil.reflected").await == ["f"]
    })
    .await;
    held.batch_execute("rollback").await.unwrap();
    until("all is applied", async || {
        destination.query("select count(*) from counterfoil.loaded_range").await == ["0"]
    })
    .await;
    replicator.stops().await;
    same(&source, &destination, "u").await;
}
