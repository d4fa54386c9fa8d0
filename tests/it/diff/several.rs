//! A configuration with several destinations, and slate's own procedure.

use super::run;
use crate::harness::{Database, fresh_database, fresh_destination};
use crate::support::events::{init_destination, init_source, insert};
use crate::support::replicator::url;
use std::io::Write;

fn written(source: &Database, destinations: &[(&str, &Database)]) -> tempfile::NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    writeln!(file, "[source]\nurl = \"{}\"", url(source)).unwrap();
    for (name, database) in destinations {
        writeln!(file, "[[destinations]]\nname = \"{name}\"\nurl = \"{}\"", url(database)).unwrap();
    }
    file
}

async fn copy(source: &Database, to: &Database) {
    init_destination(to).await;
    let rows =
        source.query("select format('(%s,%L,%L)', id, ts, event) from events").await.join(",");
    to.execute(&format!("insert into events (id, ts, event) values {rows}")).await;
}

#[tokio::test]
async fn every_destination_of_a_configuration_is_compared_and_the_worst_gives_the_exit_code() {
    let source = fresh_database().await;
    init_source(&source).await;
    insert(&source, 50).await;
    let (east, west, gone) =
        (fresh_destination().await, fresh_destination().await, fresh_destination().await);
    copy(&source, &east).await;
    copy(&source, &west).await;
    let file = written(&source, &[("east", &east), ("west", &west)]);
    let flag = format!("--config={}", file.path().display());
    let (code, out, err) = run(&[&flag]).await;
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("destination \"east\"") && out.contains("destination \"west\""), "{out}");
    assert!(out.contains("ids: sequence"), "{out}");
    west.execute("delete from events where id = 7").await;
    let (code, out, _) = run(&[&flag]).await;
    assert_eq!(code, 1);
    assert!(
        out.contains("destination \"east\": equal\n")
            && out.contains("destination \"west\": different\n"),
        "{out}"
    );
    assert_eq!(run(&[&flag, "--destination=east"]).await.0, 0);
    let file = written(&source, &[("east", &east), ("gone", &gone)]);
    let flag = format!("--config={}", file.path().display());
    let (code, out, _) = run(&[&flag]).await;
    assert_eq!(code, 2, "a destination without a table cannot be compared\n{out}");
    let (code, _, err) = run(&[&flag, "--repair-sql=x.sql"]).await;
    assert_eq!((code, err.contains("--repair-sql is about one destination")), (2, true), "{err}");
}

#[tokio::test]
async fn the_source_is_validated_to_its_end_by_whichever_comparison_comes_first() {
    let source = fresh_database().await;
    init_source(&source).await;
    let loader = std::process::Command::new(env!("CARGO_BIN_EXE_load-fake-data"))
        .args(["--url", &url(&source), "--persons", "50", "--fillers", "0", "--deletes", "0"])
        .output()
        .unwrap();
    assert!(loader.status.success());
    let (gone, empty, west) =
        (fresh_destination().await, fresh_destination().await, fresh_destination().await);
    init_destination(&empty).await;
    copy(&source, &west).await;
    let validated = async |destinations: &[(&str, &Database)]| {
        let file = written(&source, destinations);
        run(&[&format!("--config={}", file.path().display()), "--validate"]).await
    };
    let (code, out, err) = validated(&[("gone", &gone), ("west", &west)]).await;
    assert_eq!(code, 2, "{out}{err}");
    assert_eq!(out.matches("source: valid: 150 rows").count(), 1, "{out}");
    // Beyond what the copy has, an event of a group is lost.
    west.execute("delete from events where id > 20").await;
    source
        .execute("alter table events disable trigger user; delete from events where id = 101")
        .await;
    let (code, out, _) = validated(&[("west", &west)]).await;
    assert_eq!(code, 1, "{out}");
    assert!(out.contains("source: invalid: 149 rows"), "{out}");
    let (code, out, _) = validated(&[("empty", &empty)]).await;
    assert_eq!((code, out.contains("destination \"empty\": valid: no rows")), (1, true), "{out}");
}
