//! Emmett (npm `@event-driven-io/emmett-postgresql`): a table that is partitioned twice, by tenant
//! and by what is archived.

use super::copying::Copying;
use super::packages::{Registry, packages, run, script};

#[tokio::test]
async fn messages_of_all_tenants_are_copied_once_their_position_is_a_key() {
    let Some(dir) = packages(Registry::Npm) else { return };
    let mut copying = Copying::of("emt_messages").await;
    let writer =
        |copying: &Copying, seconds| script(dir, "write_emmett.mjs", &copying.source, &[seconds]);
    run(vec![writer(&copying, "0.3")]).await;
    copying.is_refused(&[
        "emt_messages has no column \"id\"",
        "global_position",
        "name in id_column the integer column that a sequence feeds",
    ]);
    copying.id_column("global_position");
    let not_null = "ALTER TABLE public.emt_messages ALTER COLUMN \"global_position\" SET NOT NULL;";
    let key = "CREATE UNIQUE INDEX ON public.emt_messages (\"global_position\", \"partition\", \
               \"is_archived\");";
    copying.is_refused(&[not_null, key]);
    for statement in [not_null, key] {
        copying.source.execute(statement).await;
    }
    copying.copies_during(run((0..3).map(|_| writer(&copying, "2")).collect())).await;
    assert!(copying.rows().await > 20);

    // A tenant of its own is another partition, which is made while nothing else happens.
    copying.source.execute("select emt_add_partition('other')").await;
    let other = "insert into emt_messages (stream_id, stream_position, partition, message_data, \
                 message_metadata, message_schema_version, message_type, message_id, \
                 transaction_id) values ('s', 1, 'other', '{}', '{}', '1', 'Noted', 'm', \
                 pg_current_xact_id())";
    copying.source.execute(other).await;
    copying.is_copied().await;

    // What is archived moves to another partition, and is another row: that is no table of events.
    copying
        .source
        .execute("update emt_messages set is_archived = true where stream_id = 's'")
        .await;
    let (code, told) = copying.status();
    assert_eq!(code, Some(4), "{told}");
    assert!(told.contains("it differs in \"is_archived\""), "{told}");
}
