//! The rules and the dashboard that are shipped.

use super::{packaged, program};
use counterfoil::console::metrics::reference;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

fn text(name: &str) -> String {
    std::fs::read_to_string(packaged(name)).unwrap()
}

fn promtool(arguments: &[&str]) {
    let Some(promtool) = program("promtool") else { return };
    let output = Command::new(promtool).args(arguments).current_dir(packaged("")).output().unwrap();
    let says = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", says(&output.stdout), says(&output.stderr));
}

#[test]
fn promtool_accepts_the_rules() {
    promtool(&["check", "rules", "rules.yaml"]);
}

#[test]
fn each_alert_comes_and_does_not_come_as_its_unit_test_says() {
    promtool(&["test", "rules", "rules_test.yaml"]);
}

/// The alerts of the rules, in their order.
pub fn alerts() -> Vec<String> {
    let rules = text("rules.yaml");
    let named = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    named.map(str::to_owned).collect()
}

#[test]
fn each_alert_has_a_unit_test_in_which_it_comes_and_one_in_which_it_does_not() {
    let tests = text("rules_test.yaml");
    let mut seen: BTreeMap<&str, BTreeSet<bool>> = BTreeMap::new();
    for test in tests.split("alertname: ").skip(1) {
        let name = test.split([',', '\n']).next().unwrap();
        let expected = test.split("exp_alerts:").nth(1).unwrap();
        seen.entry(name).or_default().insert(!expected.starts_with(" []"));
    }
    for alert in alerts() {
        assert_eq!(seen.get(&*alert), Some(&BTreeSet::from([false, true])), "{alert}");
    }
    assert_eq!(seen.len(), alerts().len(), "a test of an alert that is not there");
}

#[test]
fn the_documents_say_what_to_do_at_each_alert() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/metrics.md");
    let document = std::fs::read_to_string(path).unwrap();
    for alert in alerts() {
        assert!(document.contains(&format!("\n### {alert}\n")), "{alert}");
    }
}

/// The queries of the dashboard, by the titles of their panels, as a test asks them.
pub fn queries() -> Vec<(String, String)> {
    let dashboard: Value = serde_json::from_str(&text("dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let of_panel = |panel: &Value| {
        let title = panel["title"].as_str().unwrap().to_owned();
        let targets = panel["targets"].as_array().unwrap().clone();
        targets.into_iter().map(move |target| {
            let query = target["expr"].as_str().unwrap();
            (title.clone(), query.replace("$replication", ".*").replace("$__rate_interval", "10s"))
        })
    };
    panels.iter().flat_map(of_panel).collect()
}

/// Names of metrics in this text that we do not have.
fn unknown(text: &str) -> BTreeSet<String> {
    let ours: BTreeSet<String> = reference::names().into_iter().collect();
    let is_part = |character: char| character.is_ascii_alphanumeric() || "_:".contains(character);
    let words = text.split(|character| !is_part(character));
    let is_metric = |word: &&str| {
        (word.starts_with("counterfoil_") || word.starts_with("process_")) && !word.contains(':')
    };
    words.filter(is_metric).map(str::to_owned).filter(|word| !ours.contains(word)).collect()
}

#[test]
fn rules_and_dashboard_name_only_metrics_that_there_are() {
    for name in ["rules.yaml", "rules_test.yaml", "dashboard.json"] {
        assert_eq!(unknown(&text(name)), BTreeSet::new(), "{name}");
    }
    let wrong = "rate(counterfoil_destination_event_total[5m]) > process_memory_bytes";
    assert_eq!(unknown(wrong).len(), 2, "a name that is not ours is found out");
    assert!(
        unknown("counterfoil_destination_append_seconds").len() == 1,
        "no series has this name"
    );
}

#[test]
fn the_dashboard_has_a_place_for_each_panel() {
    let dashboard: Value = serde_json::from_str(&text("dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<i64> = panels.iter().map(|panel| panel["id"].as_i64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len());
    let mut taken = BTreeSet::new();
    for panel in panels {
        let at = |name: &str| panel["gridPos"][name].as_i64().unwrap();
        for x in at("x")..at("x") + at("w") {
            for y in at("y")..at("y") + at("h") {
                assert!(x < 24 && taken.insert((x, y)), "{} lies on another", panel["title"]);
            }
        }
    }
}
