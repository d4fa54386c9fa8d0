//! Tables with foreign keys among them: what the source did in its order ends as it is there.

use super::{captured, catch_up, init, reflecting, same};

const FAMILY: &str =
    "create table p (id int primary key); create table c (id int primary key, p int references p)";

/// What this does at the source to a parent and its child ends in the reflections as it is there.
async fn followed(act: &str) {
    let sql = format!("{FAMILY}; insert into p values (1); insert into c values (1, 1)");
    let (source, destination) = captured(&sql, &["p", "c"]).await;
    destination.execute(FAMILY).await;
    let setup =
        reflecting(&source, &destination, "", &["source = \"public.p\"", "source = \"public.c\""]);
    init(&setup);
    catch_up(&setup);
    source.execute(act).await;
    catch_up(&setup);
    same(&source, &destination, "p").await;
    same(&source, &destination, "c").await;
}

#[tokio::test]
async fn a_truncate_that_cascades_empties_children_before_parents() {
    followed("truncate p cascade; insert into p values (7); insert into c values (7, 7)").await;
}

#[tokio::test]
async fn a_child_that_moves_in_the_batch_in_which_its_parent_goes_is_followed() {
    followed("insert into p values (2); update c set p = 2; delete from p where id = 1").await;
}
