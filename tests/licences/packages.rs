//! The packages that go into the programs, as cargo knows them: those that a build for Linux needs,
//! and neither tests nor a build script.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The platform whose packages are told; on others a few of the standard library's neighbours
/// differ.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// One of them, in one version.
#[derive(Clone, Debug)]
pub struct LinkedPackage {
    pub name: String,
    pub version: String,
    /// An SPDX expression.
    pub licence: String,
    pub repository: Option<String>,
    /// SHA-256 of its archive at the registry; none of our own.
    pub checksum: Option<String>,
    /// Where its sources are here.
    pub dir: PathBuf,
    /// Places, in the list of all, of those that it needs itself.
    pub needs: Vec<usize>,
}

/// All of them, ours first, then by name and version.
pub fn linked_packages(root: &Path) -> Result<Vec<LinkedPackage>, Box<dyn Error>> {
    let linked = linked_names(root)?;
    let known = cargo(root, &["metadata", "--format-version", "1", "--filter-platform", TARGET])?;
    let known: Value = serde_json::from_str(&known)?;
    let checksums = checksums(root)?;
    let mut ids = Vec::new();
    let mut packages = Vec::new();
    for package in array(&known["packages"]) {
        let name_and_version = (text(&package["name"]), text(&package["version"]));
        if linked.contains(&name_and_version) {
            ids.push(text(&package["id"]));
            packages.push(package_of(package, checksums.get(&name_and_version).cloned())?);
        }
    }
    if packages.len() != linked.len() {
        return Err("cargo tree and cargo metadata do not tell of the same packages".into());
    }
    for node in array(&known["resolve"]["nodes"]) {
        let Some(at) = ids.iter().position(|id| *id == text(&node["id"])) else { continue };
        let is_normal = |kind: &Value| kind["kind"].is_null();
        let needed = array(&node["deps"])
            .iter()
            .filter(|need| array(&need["dep_kinds"]).iter().any(is_normal));
        packages[at].needs =
            needed.filter_map(|need| ids.iter().position(|id| *id == text(&need["pkg"]))).collect();
    }
    Ok(in_order(packages))
}

/// Sorted, with the places that they name following.
fn in_order(packages: Vec<LinkedPackage>) -> Vec<LinkedPackage> {
    let mut order: Vec<usize> = (0..packages.len()).collect();
    order.sort_by_key(|at| {
        let package = &packages[*at];
        (package.checksum.is_some(), package.name.clone(), package.version.clone())
    });
    let place = |before: &usize| order.iter().position(|at| at == before);
    let sorted = order.iter().map(|at| {
        let mut package = packages[*at].clone();
        package.needs = package.needs.iter().filter_map(place).collect();
        package.needs.sort_unstable();
        package
    });
    sorted.collect()
}

/// Name and version of each, from `cargo tree`: it alone knows what a feature that only tests ask
/// for does not bring into a program.
fn linked_names(root: &Path) -> Result<BTreeSet<(String, String)>, Box<dyn Error>> {
    let arguments =
        ["tree", "-e", "normal", "--target", TARGET, "--prefix", "none", "--format", "{p}"];
    let tree = cargo(root, &arguments)?;
    let names = tree.lines().filter_map(|line| {
        let mut words = line.split(' ');
        Some((words.next()?.to_owned(), words.next()?.strip_prefix('v')?.to_owned()))
    });
    Ok(names.collect())
}

fn package_of(package: &Value, checksum: Option<String>) -> Result<LinkedPackage, Box<dyn Error>> {
    let name = text(&package["name"]);
    let licence = package["license"].as_str();
    let licence = licence.ok_or_else(|| format!("{name} names no licence"))?;
    let manifest = PathBuf::from(text(&package["manifest_path"]));
    Ok(LinkedPackage {
        name,
        version: text(&package["version"]),
        licence: licence.replace('/', " OR "),
        repository: package["repository"].as_str().map(str::to_owned),
        checksum,
        dir: manifest.parent().ok_or("a manifest is in a folder")?.to_owned(),
        needs: Vec::new(),
    })
}

/// The digests of Cargo.lock.
fn checksums(root: &Path) -> Result<BTreeMap<(String, String), String>, Box<dyn Error>> {
    let lock: toml::Table = toml::from_str(&std::fs::read_to_string(root.join("Cargo.lock"))?)?;
    let packages =
        lock.get("package").and_then(toml::Value::as_array).ok_or("Cargo.lock is empty")?;
    let entry = |package: &toml::Value| {
        let part = |name: &str| Some(package.get(name)?.as_str()?.to_owned());
        Some(((part("name")?, part("version")?), part("checksum")?))
    };
    Ok(packages.iter().filter_map(entry).collect())
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<String, Box<dyn Error>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo).args(arguments).arg("--locked").current_dir(root).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
