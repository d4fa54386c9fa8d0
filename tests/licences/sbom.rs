//! The bill of materials: what the programs are made of, as CycloneDX 1.6 has it.

use super::packages::LinkedPackage;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Its text. `timestamp`: the time of the sources, as RFC 3339.
pub fn sbom(packages: &[LinkedPackage], timestamp: &str) -> String {
    let ours = component(&packages[0], "application");
    let others: Vec<Value> =
        packages[1..].iter().map(|package| component(package, "library")).collect();
    let needs = packages.iter().map(|package| {
        let needed: Vec<String> = package.needs.iter().map(|at| name_of(&packages[*at])).collect();
        json!({ "ref": name_of(package), "dependsOn": needed })
    });
    let needs: Vec<Value> = needs.collect();
    let mut bom = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": { "timestamp": timestamp, "component": ours },
        "components": others,
        "dependencies": needs,
    });
    bom["serialNumber"] = json!(serial_number(&bom.to_string()));
    format!("{bom:#}\n")
}

fn component(package: &LinkedPackage, kind: &str) -> Value {
    let LinkedPackage { name, version, licence, repository, checksum, .. } = package;
    let mut component = json!({
        "type": kind,
        "bom-ref": name_of(package),
        "name": name,
        "version": version,
        "licenses": [{ "expression": licence }],
        "purl": name_of(package),
    });
    if let Some(checksum) = checksum {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
    }
    if let Some(repository) = repository {
        component["externalReferences"] = json!([{ "type": "vcs", "url": repository }]);
    }
    component
}

/// As package URLs have it.
fn name_of(package: &LinkedPackage) -> String {
    format!("pkg:cargo/{}@{}", package.name, package.version.replace('+', "%2B"))
}

/// The same for the same contents: a UUID of version 8, of their digest.
fn serial_number(contents: &str) -> String {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&Sha256::digest(contents)[..16]);
    bytes[6] = 0x80 | bytes[6] & 0x0f;
    bytes[8] = 0x80 | bytes[8] & 0x3f;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    format!("urn:uuid:{}", parts.join("-"))
}
