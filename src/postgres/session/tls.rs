//! TLS as libpq means it: what each `sslmode` asks of the server, our own certificate, and why a
//! handshake failed.

use crate::config::libpq::{Conninfo, RootCert, SslMode};
use crate::error::{Error, ErrorKind, Result};
use crate::postgres::session::certificate::{
    CertificateRefusal, CertificateSummary, CertificateVerifier, TrustedAuthorities,
};
use rustls::ClientConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem::PemObject};
use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use tokio_postgres_rustls::MakeRustlsConnect;

/// A client certificate that expires within this many days is told.
const EXPIRY_NOTE_DAYS: i64 = 14;

/// How connections of one `Conninfo` are encrypted; read from its files again for every connection,
/// so that they can be rotated.
#[derive(Clone)]
pub struct TlsSettings {
    maker: MakeRustlsConnect,
    client: Option<Arc<CertificateSummary>>,
}

impl fmt::Debug for TlsSettings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Tls").field("client", &self.client).finish_non_exhaustive()
    }
}

impl TlsSettings {
    /// Reads the certificates and keys; `None` with `sslmode=disable`.
    ///
    /// # Errors
    /// `Access` for a file that is missing, unreadable, unsafe or not what it should be.
    pub fn of(conninfo: &Conninfo) -> Result<Option<Self>> {
        if conninfo.sslmode == SslMode::Disable {
            return Ok(None);
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = CertificateVerifier {
            trust: trust(conninfo)?,
            is_name_checked: conninfo.sslmode == SslMode::VerifyFull,
            provider: Arc::clone(&provider),
        };
        let (config, client) = client_config(conninfo, provider, verifier)?;
        Ok(Some(Self { maker: MakeRustlsConnect::new(config), client }))
    }

    /// What the driver needs for a handshake.
    pub(super) fn maker(&self) -> MakeRustlsConnect {
        self.maker.clone()
    }

    /// That our own certificate expires soon, or has expired.
    pub fn note(&self) -> Option<String> {
        let client = self.client.as_ref()?;
        let days = client.seconds_left(UnixTime::now()).div_euclid(86_400);
        match days {
            ..0 => Some(format!(
                "client certificate {} expired on {}",
                client.subject(),
                client.not_after()
            )),
            0..=EXPIRY_NOTE_DAYS => Some(format!(
                "client certificate {} expires on {} (in {days} days)",
                client.subject(),
                client.not_after()
            )),
            _ => None,
        }
    }
}

/// As in libpq, a root certificate file that is there is used in every mode, and must be there for
/// `verify-ca` and `verify-full`.
fn trust(conninfo: &Conninfo) -> Result<Option<TrustedAuthorities>> {
    let is_needed = matches!(conninfo.sslmode, SslMode::VerifyCa | SslMode::VerifyFull);
    let (listed, place) = match &conninfo.sslrootcert {
        Some(RootCert::System) => {
            (rustls_native_certs::load_native_certs().certs, "the system's store".to_owned())
        }
        Some(RootCert::File(file)) if file.exists() => {
            (certificates(file, "sslrootcert")?, file.display().to_string())
        }
        missing if is_needed => {
            let place = match missing {
                Some(RootCert::File(file)) => file.display().to_string(),
                _ => "~/.postgresql/root.crt".to_owned(),
            };
            return Err(Error::new(
                ErrorKind::Access,
                "cannot check the certificate of the server",
            )
            .at(format!("sslrootcert, {place}"))
            .because("there is no root certificate")
            .fix(
                "give the authority's certificate in sslrootcert, or sslrootcert=system with \
                 sslmode=verify-full",
            ));
        }
        _ => return Ok(None),
    };
    match TrustedAuthorities::of(listed) {
        Some(trust) => Ok(Some(trust)),
        None => Err(bad_file("sslrootcert", &place, "holds no certificate that can be used")),
    }
}

/// For a server on this machine, which proves nothing by its certificate: any will do.
///
/// # Errors
/// `Bug` where TLS cannot be set up.
pub(crate) fn trusting_config() -> Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = CertificateVerifier {
        trust: None,
        is_name_checked: false,
        provider: Arc::clone(&provider),
    };
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(ErrorKind::Bug, "cannot set up TLS").caused_by(&error))
        .map(|builder| {
            let builder = builder.dangerous();
            builder.with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()
        })
}

fn client_config(
    conninfo: &Conninfo,
    provider: Arc<CryptoProvider>,
    verifier: CertificateVerifier,
) -> Result<(ClientConfig, Option<Arc<CertificateSummary>>)> {
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(ErrorKind::Bug, "cannot set up TLS").caused_by(&error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let (mut config, client) = match client_identity(conninfo)? {
        None => (builder.with_no_client_auth(), None),
        Some((chain, key)) => {
            let about = CertificateSummary::of(&chain[0])
                .map_err(|refused| refused_file(conninfo, &refused))?;
            let config = builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| refused_file(conninfo, &error))?;
            (config, Some(Arc::new(about)))
        }
    };
    config.enable_sni = conninfo.ssl_sni;
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok((config, client))
}

fn refused_file(conninfo: &Conninfo, error: &(dyn std::error::Error + 'static)) -> Error {
    let place = conninfo.sslcert.as_deref().map(|file| file.display().to_string());
    Error::new(ErrorKind::Access, "cannot use the client certificate")
        .at(format!("sslcert, {}", place.unwrap_or_default()))
        .caused_by(error)
        .fix("check that sslcert and sslkey belong together")
}

fn client_identity(
    conninfo: &Conninfo,
) -> Result<Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>> {
    let Some(cert_file) = &conninfo.sslcert else {
        return Ok(None);
    };
    let chain = certificates(cert_file, "sslcert")?;
    let Some(key_file) = &conninfo.sslkey else {
        return Err(Error::new(ErrorKind::Access, "cannot use the client certificate")
            .at(format!("sslcert, {}", cert_file.display()))
            .because("there is no private key for it")
            .fix("give the key in sslkey"));
    };
    refuse_open_key(key_file)?;
    let place = key_file.display().to_string();
    let key = PrivateKeyDer::from_pem_file(key_file).or_else(|error| {
        // libpq takes DER as well.
        let der = std::fs::read(key_file).ok().map(PrivateKeyDer::try_from);
        match der {
            Some(Ok(key)) => Ok(key),
            _ if is_encrypted(key_file) => Err(bad_file(
                "sslkey",
                &place,
                "is protected by a passphrase, which Counterfoil cannot ask for",
            )),
            _ => Err(bad_file("sslkey", &place, &format!("cannot be read: {error}"))),
        }
    })?;
    Ok(Some((chain, key)))
}

fn is_encrypted(key_file: &Path) -> bool {
    std::fs::read_to_string(key_file).is_ok_and(|text| text.contains("ENCRYPTED"))
}

/// libpq's rule: only the owner may read it; root's may be readable by a group, so that a service
/// can share it.
fn refuse_open_key(key_file: &Path) -> Result<()> {
    let place = key_file.display().to_string();
    let facts = std::fs::metadata(key_file)
        .map_err(|error| bad_file("sslkey", &place, &format!("cannot be read: {error}")))?;
    if !facts.is_file() {
        return Err(bad_file("sslkey", &place, "is not a regular file"));
    }
    let forbidden = if facts.uid() == 0 { 0o037 } else { 0o077 };
    if facts.mode() & forbidden != 0 {
        return Err(bad_file("sslkey", &place, "can be read by others").fix(format!(
            "chmod 0600 {place} (0640 or less if it belongs to root): a key that others can read \
             proves nothing"
        )));
    }
    Ok(())
}

fn certificates(file: &Path, setting: &str) -> Result<Vec<CertificateDer<'static>>> {
    let place = file.display().to_string();
    let found = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<std::result::Result<Vec<_>, _>>)
        .map_err(|error| bad_file(setting, &place, &format!("cannot be read: {error}")))?;
    if found.is_empty() {
        return Err(bad_file(setting, &place, "holds no certificate in PEM form"));
    }
    Ok(found)
}

fn bad_file(setting: &str, place: &str, why: &str) -> Error {
    Error::new(ErrorKind::Access, "cannot prepare TLS")
        .at(format!("{setting}, {place}"))
        .because(format!("the file {why}"))
        .fix(format!("check the setting {setting} and the file"))
}

/// What TLS had against a connection, with a remedy; `None` when TLS was not what failed.
pub(super) struct TlsFault {
    /// In words.
    pub why: String,
    /// What to do about it.
    pub fix: &'static str,
    /// Whether a person or a rotation must act, rather than time.
    pub is_refusal: bool,
}

impl TlsFault {
    /// Looks for TLS in the chain of a driver's error.
    pub fn of(error: &tokio_postgres::Error) -> Option<Self> {
        let is_handshake = error.to_string().contains("TLS");
        let source = std::error::Error::source(error)?;
        let Some(ours) = source.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref)
        else {
            return is_handshake.then(|| Self::of_text(&source.to_string()));
        };
        if let Some(tls) = ours.downcast_ref::<rustls::Error>() {
            return Some(Self::of_tls(tls));
        }
        is_handshake.then(|| Self::of_text(&ours.to_string()))
    }

    fn of_text(text: &str) -> Self {
        let is_missing = text.contains("does not support TLS");
        Self {
            why: if is_missing {
                "the server does not offer TLS, and sslmode asks for it".to_owned()
            } else {
                format!("the TLS handshake failed: {text}")
            },
            fix: if is_missing {
                "turn ssl on at the server, or choose an sslmode that works without TLS"
            } else {
                "see the log of the server; nothing was sent without TLS"
            },
            is_refusal: is_missing,
        }
    }

    fn of_tls(error: &rustls::Error) -> Self {
        if let rustls::Error::InvalidCertificate(rustls::CertificateError::Other(other)) = error
            && let Some(CertificateRefusal { why, fix }) =
                other.0.downcast_ref::<CertificateRefusal>()
        {
            return Self { why: why.clone(), fix, is_refusal: true };
        }
        match error {
            rustls::Error::AlertReceived(alert) => Self {
                why: format!("the server refused the TLS handshake: {alert:?}"),
                fix: "check sslcert and sslkey: who issued the client certificate, and until when \
                      it is valid",
                is_refusal: true,
            },
            error => Self {
                why: format!("the TLS handshake failed: {error}"),
                fix: "check that server and client have a TLS version and a kind of certificate in \
                      common",
                is_refusal: !matches!(error, rustls::Error::General(_)),
            },
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
