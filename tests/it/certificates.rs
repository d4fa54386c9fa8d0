//! Certificates made for one test, and servers that use them.

use crate::harness::own_server;
use counterfoil::postgres::server::{PrivateServer, ServerSettings};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An authority, known by its name.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate.
    pub pem: String,
}

/// A certificate and its key.
pub struct Identity {
    pub cert: String,
    pub key: String,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate with this common name and the changes made by the test.
    pub fn issue(
        &self,
        common_name: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Identity {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, common_name);
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        Identity {
            cert: params.signed_by(&key, &self.issuer).unwrap().pem(),
            key: key.serialize_pem(),
        }
    }

    /// A certificate for these host names or addresses.
    pub fn issue_for(&self, names: &[&str]) -> Identity {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        self.issue("a server", |params| {
            params.subject_alt_names = CertificateParams::new(names).unwrap().subject_alt_names;
        })
    }
}

/// A certificate that vouches for itself and calls itself an authority, as `openssl req -x509`
/// makes it.
pub fn self_signed(name: &str) -> Identity {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    Identity { cert: params.self_signed(&key).unwrap().pem(), key: key.serialize_pem() }
}

/// A server with TLS; with `clients`, certificates of clients are asked for and must come from that
/// authority.
pub async fn tls_server(
    identity: &Identity,
    clients: Option<&Authority>,
    settings: ServerSettings,
) -> Arc<PrivateServer> {
    let server = own_server(&settings);
    let dir = server.data_dir();
    put(&dir, "server.crt", &identity.cert);
    put(&dir, "server.key", &identity.key);
    let admin = crate::harness::connect(&server.conninfo("postgres")).await.unwrap();
    admin.batch_execute("alter system set ssl = on").await.unwrap();
    if let Some(clients) = clients {
        put(&dir, "clients.crt", &clients.pem);
        admin.batch_execute("alter system set ssl_ca_file = 'clients.crt'").await.unwrap();
    }
    drop(admin);
    server.aside(PrivateServer::restart).await.unwrap();
    server
}

/// Writes a file into a data directory, owned as it is and closed to others.
fn put(dir: &Path, name: &str, text: &str) {
    let (path, owner) = (dir.join(name), std::fs::metadata(dir).unwrap());
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
}

/// Writes a file of ours, closed to others.
pub fn file(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}
