//! Every package that is built in may be given away with Counterfoil: its licence is one that
//! `deny.toml` allows, its notices are in THIRD-PARTY.md, and the bill of materials names it.
#![allow(clippy::unwrap_used)]

#[path = "licences/mod.rs"]
mod licences;

use licences::notices::notices;
use licences::packages::{LinkedPackage, linked_packages};
use licences::sbom::sbom;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// The licences of deny.toml.
fn allowed() -> BTreeSet<String> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deny.toml")).unwrap();
    let settings: toml::Table = toml::from_str(&text).unwrap();
    let allow = settings["licenses"]["allow"].as_array().unwrap();
    allow.iter().map(|licence| licence.as_str().unwrap().to_owned()).collect()
}

/// Whether an SPDX expression can be met with these licences.
fn is_met(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let is_met = either(&words, &mut at, allowed);
    is_met && at == words.len()
}

fn either(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut is_met = both(words, at, allowed);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        is_met |= both(words, at, allowed);
    }
    is_met
}

fn both(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let mut is_met = one(words, at, allowed);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        is_met &= one(words, at, allowed);
    }
    is_met
}

fn one(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> bool {
    let Some(word) = words.get(*at) else { return false };
    *at += 1;
    if *word == "(" {
        let is_met = either(words, at, allowed);
        *at += 1;
        return is_met;
    }
    if words.get(*at) == Some(&"WITH") {
        *at += 2;
        return false;
    }
    allowed.contains(*word)
}

#[test]
fn expressions_are_read_as_spdx_means_them() {
    let allowed = BTreeSet::from(["MIT".to_owned(), "ISC".to_owned()]);
    for met in
        ["MIT", "MIT OR X", "X/MIT", "(X OR MIT) AND ISC", "Apache-2.0 WITH LLVM-exception OR MIT"]
    {
        assert!(is_met(met, &allowed), "{met}");
    }
    for unmet in ["X", "MIT AND X", "(X OR Y) AND MIT", "MIT WITH X", "", "MIT X"] {
        assert!(!is_met(unmet, &allowed), "{unmet}");
    }
}

#[test]
fn every_package_has_a_licence_that_is_allowed() {
    let rustc = Command::new("rustc").arg("-vV").output().unwrap();
    let about = String::from_utf8(rustc.stdout).unwrap();
    let host = about.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let arguments =
        ["metadata", "--format-version", "1", "--offline", "--locked", "--filter-platform", host];
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let (packages, allowed) = (metadata["packages"].as_array().unwrap(), allowed());
    assert!(packages.len() > 50);
    let refused: Vec<String> = packages
        .iter()
        .filter(|package| {
            !package["license"].as_str().is_some_and(|licence| is_met(licence, &allowed))
        })
        .map(|package| format!("{}: {}", package["name"], package["license"]))
        .collect();
    assert!(refused.is_empty(), "deny.toml does not allow: {refused:#?}");
}

fn packages() -> Vec<LinkedPackage> {
    linked_packages(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[test]
fn the_packages_that_are_linked_are_neither_those_of_tests_nor_of_build_scripts() {
    let packages = packages();
    let has = |name: &str| packages.iter().any(|package| package.name == name);
    assert_eq!(packages[0].name, "counterfoil");
    for (name, is_linked) in [
        ("tokio", true),
        ("ring", true),
        ("rustix", true),
        ("serde_derive", true),
        ("proptest", false),
        ("cc", false),
        ("clap_mangen", false),
    ] {
        assert_eq!(has(name), is_linked, "{name}");
    }
}

/// After a change of Cargo.lock, COUNTERFOIL_RECORD=1 writes it anew.
#[test]
fn the_notices_of_what_is_built_in_are_as_recorded() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("THIRD-PARTY.md");
    let text = notices(&packages()).unwrap();
    if std::env::var_os("COUNTERFOIL_RECORD").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let recorded = std::fs::read_to_string(path).unwrap_or_default();
    let is_same = text == recorded;
    assert!(
        is_same,
        "THIRD-PARTY.md is of another Cargo.lock: COUNTERFOIL_RECORD=1 cargo test --locked --test licences writes it anew"
    );
}

#[test]
fn the_notices_hold_every_word_of_every_text_and_equal_texts_once() {
    let (packages, words) = (packages(), |text: &str| -> String {
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    });
    let page = words(&notices(&packages).unwrap());
    let mut texts = 0;
    for package in &packages[1..] {
        let row = format!("| {} | {} | {} | [", package.name, package.version, package.licence);
        assert!(page.contains(&row), "{row}");
        for name in ["LICENSE-MIT", "LICENSE", "LICENSE-APACHE", "NOTICE"] {
            if let Ok(text) = std::fs::read_to_string(package.dir.join(name)) {
                texts += 1;
                assert_eq!(
                    page.matches(&format!("```text {} ```", words(&text))).count(),
                    1,
                    "{}: {name}",
                    package.name
                );
            }
        }
    }
    assert!(texts > 100, "{texts}");
}

#[test]
fn a_package_without_a_text_of_its_licence_is_an_error_unless_its_text_names_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let mut packages = packages();
    packages.truncate(2);
    packages[1].dir = dir.path().to_owned();
    packages[1].licence = "MIT OR Apache-2.0".to_owned();
    assert!(notices(&packages).unwrap().contains("Apache License"));
    packages[1].licence = "MIT".to_owned();
    let error = notices(&packages).unwrap_err().to_string();
    assert!(error.ends_with("brings no text of its licence"), "{error}");
}

#[test]
fn the_bill_of_materials_names_every_package_with_licence_and_digest_and_is_always_the_same() {
    let packages = packages();
    let text = sbom(&packages, "2026-01-02T03:04:05Z");
    assert_eq!(text, sbom(&packages, "2026-01-02T03:04:05Z"));
    let bom: Value = serde_json::from_str(&text).unwrap();
    let later: Value = serde_json::from_str(&sbom(&packages, "2026-01-02T03:04:06Z")).unwrap();
    assert_ne!(bom["serialNumber"], later["serialNumber"]);
    let components = bom["components"].as_array().unwrap();
    assert_eq!(components.len(), packages.len() - 1);
    let names: BTreeSet<&str> =
        components.iter().map(|component| component["bom-ref"].as_str().unwrap()).collect();
    for component in components {
        assert!(
            component["licenses"][0]["expression"].as_str().is_some_and(|words| !words.is_empty())
        );
        assert_eq!(component["hashes"][0]["content"].as_str().unwrap().len(), 64, "{component}");
    }
    let needs = bom["dependencies"].as_array().unwrap();
    let needed: BTreeSet<&str> = needs
        .iter()
        .flat_map(|need| need["dependsOn"].as_array().unwrap())
        .map(|name| name.as_str().unwrap())
        .collect();
    assert_eq!(needed, names, "each is there because another needs it");
}
