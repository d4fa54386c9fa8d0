//! What the source's transactions do to its rows, the reflections have done to theirs.

use super::{captured, catch_up, init, reflecting, rows, same};

const ORDERS: &str = "create table orders (id bigint primary key, item text, price numeric(10,2), \
                      seen timestamptz, tags text[], about jsonb); insert into orders values \
                      (1, 'one', 1.10, '2026-01-02 03:04:05.678901+00', '{a,\"b c\",NULL}', '{\"a\": 1.10}'), \
                      (2, null, null, null, null, null)";
const REFLECTION: &str = "source = \"public.orders\"\ncreate = true";

#[tokio::test]
async fn rows_that_are_there_are_loaded_and_every_change_is_applied() {
    let (source, destination) = captured(ORDERS, &["orders"]).await;
    let setup = reflecting(&source, &destination, "", &[REFLECTION]);
    let made = init(&setup);
    assert!(made.contains("created table public.orders"), "{made}");
    catch_up(&setup);
    same(&source, &destination, "orders").await;
    source
        .execute(
            "insert into orders (id, item) values (3, E'tab\\there\\nand \\\\N'), (4, ''); \
             update orders set price = 2.50, tags = '{}' where id = 1; delete from orders where id = 2; \
             update orders set id = 20 where id = 3",
        )
        .await;
    catch_up(&setup);
    same(&source, &destination, "orders").await;
}

#[tokio::test]
async fn keys_that_move_and_values_that_are_exchanged_end_as_at_the_source() {
    let sql = "create table seats (id int primary key, guest int not null unique deferrable, \
               place text unique); insert into seats select i, i * 10, i::text from generate_series(1, 6) i";
    let (source, destination) = captured(sql, &["seats"]).await;
    destination
        .execute(
            "create table seats (id int primary key, guest int not null unique, place text unique)",
        )
        .await;
    let setup = reflecting(&source, &destination, "", &["source = \"public.seats\""]);
    init(&setup);
    catch_up(&setup);
    let shift = "update seats set id = id + 100; update seats set id = id - 99";
    let swap = "begin; update seats set place = null where id = 2; update seats set place = '2' where id = 3; \
                update seats set place = '1' where id = 2; commit; set constraints all deferred; \
                update seats set guest = case guest when 10 then 20 when 20 then 10 else guest end";
    let again = "with gone as (delete from seats where id = 4 returning *) \
                 insert into seats select id + 50, guest, place from gone";
    for act in [
        shift,
        swap,
        again,
        "delete from seats where id = 2; insert into seats values (2, 77, 'back')",
    ] {
        source.execute(act).await;
        catch_up(&setup);
        same(&source, &destination, "seats").await;
    }
}

#[tokio::test]
async fn a_trigger_that_changes_another_row_of_the_statement_is_followed_by_content_and_not_by_id()
{
    let sql = "create table chain (id int primary key, value int); insert into chain values (1, 0), (2, 0); \
               create function follow() returns trigger language plpgsql as $$ begin \
               if pg_trigger_depth() = 1 then update chain set value = 99 where id = 3 - new.id; end if; \
               return null; end $$; \
               create trigger \" first\" after update on chain for each row execute function follow()";
    let (source, destination) = captured(sql, &["chain"]).await;
    let setup =
        reflecting(&source, &destination, "", &["source = \"public.chain\"\ncreate = true"]);
    init(&setup);
    catch_up(&setup);
    source.execute("update chain set value = value + 1").await;
    let inverted = "select count(*) from counterfoil.changes a join counterfoil.changes b on a.id < b.id \
                    and a.before->>'id' = b.after->>'id' and a.before::text = b.after::text";
    assert_ne!(source.query(inverted).await, ["0"], "ids follow the order of changes here");
    catch_up(&setup);
    same(&source, &destination, "chain").await;
}

#[tokio::test]
async fn a_truncated_table_is_emptied_and_what_comes_after_stays() {
    let (source, destination) = captured(ORDERS, &["orders"]).await;
    let setup = reflecting(&source, &destination, "", &[REFLECTION]);
    init(&setup);
    catch_up(&setup);
    source.execute("begin; insert into orders (id) values (7); truncate orders; insert into orders (id) values (8); commit").await;
    catch_up(&setup);
    assert_eq!(rows(&destination, "orders").await.len(), 1);
    same(&source, &destination, "orders").await;
    let ignoring = format!("{REFLECTION}\ntruncate = \"ignore\"\ndeletes = \"ignore\"");
    let setup = reflecting(&source, &destination, "", &[&ignoring]);
    source.execute("truncate orders; insert into orders (id) values (9)").await;
    catch_up(&setup);
    assert_eq!(destination.query("select id from orders order by 1").await, ["8", "9"]);
}

#[tokio::test]
async fn a_transaction_that_goes_on_beyond_a_batch_is_applied_whole_and_however_large() {
    let sql = "create table wide (id int primary key, value int, filler text)";
    let (source, destination) = captured(sql, &["wide"]).await;
    let setup = reflecting(&source, &destination, "", &["source = \"public.wide\"\ncreate = true"])
        .key("max_events_per_write = 500");
    init(&setup);
    let mut replicator = setup.start(&[]);
    replicator.says(&["the destination is ready"]).await;
    source
        .execute("insert into wide select i, 0, repeat('x', 50) from generate_series(1, 45000) i")
        .await;
    source.execute("update wide set value = 1, id = id + 100000 where id % 3 = 0").await;
    crate::support::until("all rows are there", async || {
        destination.query("select count(*), count(distinct value) from wide").await == ["45000|2"]
    })
    .await;
    same(&source, &destination, "wide").await;
    assert_eq!(destination.query("select count(*) from counterfoil.pending").await, ["0"]);
}

#[tokio::test]
async fn tables_with_foreign_keys_are_written_in_their_order_in_one_transaction() {
    let sql = "create table customers (id int primary key, name text); \
               create table invoices (id int primary key, customer int references customers on delete cascade on update cascade)";
    let (source, destination) = captured(sql, &["customers", "invoices"]).await;
    destination.execute(sql).await;
    let reflections = ["source = \"public.invoices\"", "source = \"public.customers\""];
    let setup = reflecting(&source, &destination, "", &reflections);
    init(&setup);
    catch_up(&setup);
    for act in [
        "begin; insert into customers values (1, 'a'), (2, 'b'); insert into invoices values (10, 1), (20, 2); commit",
        "update customers set id = 3 where id = 1",
        "delete from customers where id = 2",
        "begin; delete from customers; insert into customers values (1, 'c'); insert into invoices values (10, 1); commit",
    ] {
        source.execute(act).await;
        catch_up(&setup);
        same(&source, &destination, "customers").await;
        same(&source, &destination, "invoices").await;
    }
}

/// Ids say which of two transactions waited for the other, also where a trigger takes its time before
/// the foreign key is checked.
#[tokio::test]
async fn the_last_id_of_a_transaction_is_drawn_when_its_foreign_keys_are_checked() {
    let sql = "create table parents (id int primary key); \
               create table children (id int primary key, parent int references parents); \
               create function slowly() returns trigger language plpgsql as $$ begin perform pg_sleep(0.5); return null; end $$; \
               create trigger \"0 slowly\" after insert on children for each row execute function slowly()";
    let (source, _) = captured(sql, &["parents", "children"]).await;
    let child = source.client().await;
    let inserting =
        tokio::spawn(
            async move { child.batch_execute("insert into children values (1, 1)").await },
        );
    tokio::time::sleep(std::time::Duration::from_millis(150)).await;
    source.execute("insert into parents values (1)").await;
    inserting.await.unwrap().unwrap();
    let ordered = source.query("select source from counterfoil.changes order by id").await;
    assert_eq!(ordered, ["public.parents", "public.children"]);
}
