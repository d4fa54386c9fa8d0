//! Every method into every kind of source: complete groups, the same events by the same seed,
//! rollbacks without a trace.

use super::*;

const SMALL: [&str; 6] = ["--persons", "40", "--deletes", "7", "--fillers", "50"];

async fn names(database: &Database) -> Vec<String> {
    let counted = "select event ->> 'name', count(*) from events group by event ->> 'name' order \
                   by (event ->> 'name') collate \"C\"";
    database.query(counted).await
}

#[tokio::test]
async fn slates_amounts_are_loaded_without_any_flag() {
    let source = source("consecutive").await;
    let printed = load(&source, &[]);
    assert_eq!(
        source.query("select count(*), min(id), max(id) from events").await,
        ["13050|1|13050"]
    );
    assert_eq!(fact(&printed, "events"), "13050");
    assert_eq!(fact(&printed, "transactions"), "11050 by insert-events");
    assert_eq!(fact(&printed, "highest id"), "none before, 13050 now");
    let names = names(&source).await;
    assert!(
        names.contains(&"PersonDeleted|50".to_owned())
            && names.contains(&"PersonSSNAdded|1000".to_owned()),
        "{names:?}"
    );
    assert_eq!(validated(&source).await.into_values().collect::<Vec<_>>(), [11_050]);
}

#[tokio::test]
async fn every_method_writes_the_same_events_and_every_group_is_complete_and_numbered() {
    let mut all = Vec::new();
    for (ids, method) in [
        ("consecutive", "insert-events"),
        ("consecutive", "copy"),
        ("sequence", "insert"),
        ("sequence", "copy"),
    ] {
        for together in [&[][..], &["--events-per-insert", "30"]] {
            let source = source(ids).await;
            let printed = load(
                &source,
                &[&SMALL[..], &["--method", method, "--seed", "11"], together].concat(),
            );
            assert_eq!(fact(&printed, "events"), "177", "{printed}");
            assert_eq!(validated(&source).await.into_values().collect::<Vec<_>>(), [97]);
            let rows = rows(&source).await;
            assert_eq!((rows[0].0, rows.len(), rows[176].0), (1, 177, 177));
            all.push(timeless(rows));
        }
    }
    assert!(all.windows(2).all(|pair| pair[0] == pair[1]));
}

#[tokio::test]
async fn a_source_of_slates_is_loaded_through_its_own_function_or_by_copy() {
    let mut all = Vec::new();
    for (method, transactions) in [("insert-events", "97 by insert-events"), ("copy", "1 by copy")]
    {
        let source = slates_source().await;
        let printed = load(&source, &[&SMALL[..], &["--method", method, "--seed", "11"]].concat());
        assert_eq!(fact(&printed, "transactions"), transactions);
        assert_eq!(validated(&source).await.into_values().collect::<Vec<_>>(), [97]);
        assert_eq!(source.query("select id from id").await, ["178"]);
        assert_eq!(source.query("select insert_events('($1[1], $2, ''{}'')')").await, ["1"]);
        all.push(timeless(rows(&source).await));
    }
    assert_eq!(all[0].len(), 178);
    assert_eq!(all[0], all[1]);
}

#[tokio::test]
async fn functions_that_rely_on_the_path_find_their_tables_in_another_schema_whatever_the_path_of_the_role_is()
 {
    let database = fresh_database().await;
    let slates = include_str!("../init/slates_source.sql");
    let name = &database.conninfo.database;
    database
        .execute(&format!(
            "create schema \"Books\"; set search_path = \"Books\"; {slates}; alter database {name} \
             set search_path = ''"
        ))
        .await;
    for method in ["insert-events", "copy"] {
        load(
            &database,
            &[
                "--table",
                "\"Books\".events",
                "--persons",
                "5",
                "--fillers",
                "0",
                "--method",
                method,
            ],
        );
    }
    assert_eq!(database.query("select count(*), max(id) from \"Books\".events").await, ["40|40"]);
}

#[tokio::test]
async fn the_method_is_what_suits_the_table_when_none_is_given() {
    for (ids, method) in [("consecutive", "1 by insert-events"), ("sequence", "1 by insert")] {
        let printed =
            load(&source(ids).await, &["--persons", "1", "--deletes", "0", "--fillers", "0"]);
        assert_eq!(fact(&printed, "transactions"), method);
    }
}

#[tokio::test]
async fn the_seed_that_was_printed_gives_the_same_events_again_and_another_others() {
    let flags = ["--world", "orders", "--events", "200"];
    let databases = [source("sequence").await, source("sequence").await, source("sequence").await];
    let printed = load(&databases[0], &flags);
    let seed = fact(&printed, "seed").split(' ').next().unwrap();
    load(&databases[1], &[&flags[..], &["--seed", seed]].concat());
    load(&databases[2], &flags);
    let [first, again, other] =
        [rows(&databases[0]).await, rows(&databases[1]).await, rows(&databases[2]).await]
            .map(timeless);
    assert_eq!(first.len(), 200);
    assert_eq!(first, again);
    assert_ne!(first, other);
}

#[tokio::test]
async fn other_worlds_have_exactly_the_events_that_were_wanted_and_refer_to_each_other() {
    for (world, reference, entity) in
        [("orders", "orderId", "OrderPlaced"), ("devices", "deviceId", "DeviceInstalled")]
    {
        let source = source("consecutive").await;
        load(
            &source,
            &["--world", world, "--events", "501", "--seed", "4", "--events-per-insert", "100"],
        );
        validated(&source).await;
        assert_eq!(source.query("select count(*) from events").await, ["501"]);
        let dangling = format!(
            "select count(*), count(*) filter (where not exists (select from events made where \
             made.event ->> 'name' = '{entity}' and made.event #>> '{{data,entity_id}}' = e.event \
             #>> '{{data,{reference}}}' and made.id < e.id)) from events e where event -> 'data' ? \
             '{reference}'"
        );
        let counted = source.query(&dangling).await;
        let (all, dangling) = counted[0].split_once('|').unwrap();
        assert!(all.parse::<u32>().unwrap() > 50 && dangling == "0", "{world}: {counted:?}");
        assert!(
            source.query("select count(*) from events where event #>> '{entityId}' is null").await
                == ["0"]
        );
    }
}

#[tokio::test]
async fn rolled_back_transactions_leave_no_trace_but_burned_ids() {
    for (ids, method) in [
        ("consecutive", "insert-events"),
        ("consecutive", "copy"),
        ("sequence", "insert"),
        ("sequence", "copy"),
    ] {
        let source = source(ids).await;
        let flags =
            ["--method", method, "--seed", "11", "--rollbacks", "25", "--events-per-insert", "5"];
        let printed = load(&source, &[&SMALL[..], &flags].concat());
        let transactions: u64 =
            fact(&printed, "transactions").split(' ').next().unwrap().parse().unwrap();
        let rolled_back: u64 =
            fact(&printed, "rolled back").split(' ').next().unwrap().parse().unwrap();
        assert_eq!(rolled_back, (transactions + rolled_back) / 4, "{printed}");
        assert_eq!(validated(&source).await.into_values().collect::<Vec<_>>(), [97]);
        let rows = rows(&source).await;
        assert_eq!(rows.len(), 177);
        let has_burned = rows[176].0 > 177;
        assert_eq!(has_burned, ids == "sequence", "{method}");
        let clean = super::source(ids).await;
        load(&clean, &[&SMALL[..], &["--seed", "11"]].concat());
        assert_eq!(timeless(rows), timeless(super::rows(&clean).await));
    }
}

#[tokio::test]
async fn several_writers_are_programs_of_their_own_and_share_the_amount_exactly() {
    for (ids, method) in
        [("consecutive", "insert-events"), ("consecutive", "copy"), ("sequence", "insert")]
    {
        let source = source(ids).await;
        // One event a group: then no other writer can come between, whatever gives out the ids.
        let amount = ["--persons", "0", "--fillers", "203", "--writers", "4", "--method", method];
        load(&source, &[&amount[..], &["--events-per-insert", "1", "--rollbacks", "10"]].concat());
        let mut groups: Vec<u64> = validated(&source).await.into_values().collect();
        groups.sort_unstable();
        assert_eq!(groups, [50, 51, 51, 51], "{method}");
    }
}

#[tokio::test]
async fn several_loaders_at_once_do_not_disturb_each_other() {
    let sources = [source("consecutive").await, slates_source().await];
    for source in &sources {
        let url = url(source);
        let methods = ["insert-events", "copy", "insert-events"];
        let flags = |method| {
            [&["--url", &url, "--method", method, "--rollbacks", "20"], &SMALL[..]].concat()
        };
        let mut running: Vec<_> = methods
            .iter()
            .map(|method| program(&flags(method)).stdout(Stdio::null()).spawn().unwrap())
            .collect();
        for child in &mut running {
            assert!(child.wait().unwrap().success());
        }
        assert_eq!(validated(source).await.into_values().collect::<Vec<_>>(), [97, 97, 97]);
        assert_eq!(source.query("select count(*), max(id) from events").await, ["531|531"]);
    }
}

#[tokio::test]
async fn large_events_are_as_many_as_were_wanted() {
    for (ids, method) in
        [("consecutive", "insert-events"), ("sequence", "copy"), ("sequence", "insert")]
    {
        let source = source(ids).await;
        load(
            &source,
            &["--persons", "10", "--fillers", "20", "--large-events", "4", "--method", method],
        );
        let large = "select count(*) from events where length(event #>> \
                     '{data,attachment,contents}') >= 65536";
        assert_eq!(source.query(large).await, ["4"]);
        validated(&source).await;
    }
}

#[tokio::test]
async fn names_of_tables_and_columns_beyond_the_usual_are_taken_as_they_are() {
    let database = fresh_database().await;
    database
        .execute(
            "create schema \"My Schema\"; create table \"My Schema\".\"Ev'ents\" (\"No\" bigint \
             generated always as identity primary key, event jsonb not null, note text)",
        )
        .await;
    for method in ["insert", "copy"] {
        load(
            &database,
            &[
                "--table",
                "\"My Schema\".\"Ev'ents\"",
                "--world",
                "devices",
                "--events",
                "20",
                "--method",
                method,
            ],
        );
    }
    assert_eq!(database.query("select count(*) from \"My Schema\".\"Ev'ents\"").await, ["40"]);
}

#[tokio::test]
async fn the_source_of_a_configuration_is_loaded_by_flag_and_by_variable() {
    let source = source("sequence").await;
    let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    let text = format!(
        "[source]\nurl = '{}'\n[[destinations]]\nurl = 'host=/nowhere user=a dbname=b'\n",
        url(&source)
    );
    std::fs::write(file.path(), text).unwrap();
    let path = file.path().to_str().unwrap();
    let amount = ["--world", "devices", "--events", "10"];
    let (code, printed, complaint) = run(&[&["--config", path], &amount[..]].concat());
    assert_eq!((code, complaint.as_str()), (Some(0), ""), "{printed}");
    let output = program(&amount).env("COUNTERFOIL_CONFIG", path).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let output = program(&amount).env("COUNTERFOIL_URL", url(&source)).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(source.query("select count(*) from events").await, ["30"]);
}

#[tokio::test]
async fn the_query_of_the_documents_finds_nothing_wrong_in_a_table_and_finds_a_lost_event() {
    let document = include_str!("../../../docs/load-fake-data.md");
    let query = document.split("```sql").nth(1).unwrap().split("```").next().unwrap();
    let source = source("sequence").await;
    // Rows of several statements may lie between each other here: the groups are whole and in order
    // all the same.
    let flags = ["--persons", "300", "--fillers", "100", "--writers", "6", "--method", "insert"];
    load(&source, &[&flags[..], &["--events-per-insert", "20", "--rollbacks", "10"]].concat());
    load(&source, &["--world", "orders", "--events", "500", "--writers", "3"]);
    assert_eq!(
        source
            .query(
                "select count(*), count(distinct event #>> '{testingStats,programId}') from events"
            )
            .await,
        ["1550|9"]
    );
    assert_eq!(source.query(query).await, Vec::<String>::new());
    let lose = "alter table events disable trigger check_sql_command; delete from events where id \
                = (select min(id) from events where event ->> 'name' = 'PersonNameAdded')";
    source.execute(lose).await;
    assert_eq!(source.query(query).await.len(), 1);
}
