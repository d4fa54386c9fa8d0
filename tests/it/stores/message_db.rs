//! message-db (npm `@eventide/message-db`): tables and functions in SQL, which its writers call.

use super::copying::Copying;
use super::packages::{Registry, packages};
use super::sessions;
use std::path::Path;

/// The files that its install.sh runs, in that order.
const FILES: [&str; 19] = [
    "roles/message-store",
    "schema/message-store",
    "extensions/pgcrypto",
    "tables/messages",
    "types/message",
    "functions/message-store-version",
    "functions/hash-64",
    "functions/acquire-lock",
    "functions/category",
    "functions/is-category",
    "functions/id",
    "functions/cardinal-id",
    "functions/stream-version",
    "functions/write-message",
    "functions/get-stream-messages",
    "functions/get-category-messages",
    "indexes/messages-id",
    "indexes/messages-stream",
    "indexes/messages-category",
];

async fn install(copying: &Copying, dir: &Path) {
    let sql = FILES.map(|file| {
        let path = dir.join("node_modules/@eventide/message-db/database").join(file);
        std::fs::read_to_string(path.with_extension("sql")).unwrap()
    });
    copying.source.execute(&sql.join("\n")).await;
}

/// Two messages to streams that writers share; of the transactions one in seven is rolled back, and
/// one in eleven expects a version that is not there.
fn messages(n: u32) -> String {
    let write = |version: &str| {
        format!(
            "select message_store.write_message(gen_random_uuid()::varchar, 'order-{}', 'Added', \
             '{{\"n\": {n}, \"text\": \"é\"}}', null, {version})",
            n % 5
        )
    };
    let end = if n.is_multiple_of(7) { "rollback" } else { "commit" };
    let second = if n.is_multiple_of(11) { write("0") } else { write("null") };
    format!(
        "begin; set local search_path = message_store, public; {}; {second}; {end}",
        write("null")
    )
}

#[tokio::test]
async fn messages_are_copied_by_the_column_that_the_refusal_names() {
    let Some(dir) = packages(Registry::Npm) else { return };
    let mut copying = Copying::of("message_store.messages").await;
    install(&copying, dir).await;
    sessions::write(&copying.source, 1, 0.2, messages).await;
    copying
        .is_refused(&["\"id\" is uuid, not an integer", "fix: id_column = \"global_position\":"]);
    copying.obey().await;
    let writers = sessions::write(&copying.source, 8, 2.0, messages);
    copying.copies_during(writers).await;
    assert!(copying.rows().await > 20);
}
