//! Names that need quotes, or are no ASCII, are names like others.

use super::prefix::assert_same_bytes;
use super::running::{Running, copy_all, until_answer};
use crate::configured::config;
use crate::harness::{fresh_database, fresh_destination};
use counterfoil::config::GroupBy;
use counterfoil::postgres::table::TableName;
use counterfoil::sql::ident;
use std::time::Duration;

/// Schema, table, id, group and another column.
const NAMES: [[&str; 5]; 3] = [
    ["Größe €", "Événements.\"x\"", "№", "Zeit; --", "select"],
    ["a.b", "table", "Id", "group by", "$1 :x %s {}"],
    ["日本", "events'; drop table x; --", "i\\d", "t\ts", "E'\\''"],
];

#[tokio::test]
async fn quoted_and_foreign_names_of_schemas_tables_and_columns_are_followed() {
    for [schema, table, id, group, other] in NAMES {
        let (source, destination) = (fresh_database().await, fresh_destination().await);
        let (schema_q, id_q, group_q, other_q) =
            (ident(schema), ident(id), ident(group), ident(other));
        let name = TableName { schema: schema.to_owned(), name: table.to_owned() };
        let events = name.quoted();
        source
            .execute(&format!(
                "create schema {schema_q}; create table {events} ({id_q} bigint generated always \
                 as identity primary key, {group_q} timestamptz default now(), {other_q} jsonb)"
            ))
            .await;
        destination
            .execute(&format!(
                "create schema {schema_q}; create table {events} ({other_q} jsonb, {id_q} bigint \
                 primary key, {group_q} timestamptz)"
            ))
            .await;
        let mut config = config(&source, &[("copy", &destination)]);
        config.source.table = name.clone();
        config.source.id_column = id.to_owned();
        config.source.group_by = GroupBy::Column(group.to_owned());
        config.source.poll_interval = Duration::from_millis(20);
        config.destinations[0].postgres_mut().unwrap().table = name;
        config.limits.max_events_per_write = 10;
        source
            .execute(&format!(
                "insert into {events} ({other_q}) select to_jsonb(i) from generate_series(1, 30) i"
            ))
            .await;
        copy_all(&config).await;
        let running = Running::start(&config);
        source.execute(&format!("insert into {events} ({other_q}) values ('1')")).await;
        until_answer(&destination, &format!("select count(*) from {events}"), &["31"]).await;
        running.stop().await;
        assert_eq!(
            destination.query(&format!("select count(distinct xmin::text) from {events}")).await,
            ["2"]
        );
        let all = format!("select {id_q}, {group_q}, {other_q} from {events} order by {id_q}");
        assert_same_bytes(&source, &destination, &all, "binary").await;
    }
}
