//! Decides whether a server's certificate is the one that was asked for, and says why not in words
//! a person can act on.

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{
    CryptoProvider, verify_tls12_signature, verify_tls13_signature,
    verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme};
use std::fmt;
use std::sync::Arc;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};
use x509_parser::time::ASN1Time;

/// The authorities that are trusted, as they were read.
#[derive(Debug)]
pub(super) struct TrustedAuthorities {
    roots: RootCertStore,
    listed: Vec<CertificateDer<'static>>,
}

impl TrustedAuthorities {
    /// Trusts these certificates; those that cannot be used are passed over. `None` when nothing is
    /// left.
    pub fn of(listed: Vec<CertificateDer<'static>>) -> Option<Self> {
        let mut roots = RootCertStore::empty();
        let (usable, _) = roots.add_parsable_certificates(listed.iter().cloned());
        (usable > 0).then_some(Self { roots, listed })
    }
}

/// Checks what `sslmode` asks for: nothing, the authority, or the authority and the name.
#[derive(Debug)]
pub(super) struct CertificateVerifier {
    /// `None`: any certificate will do, as libpq has it where there is no root certificate.
    pub trust: Option<TrustedAuthorities>,
    /// Whether the name must be the host's (`verify-full`).
    pub is_name_checked: bool,
    /// Signatures that can be checked.
    pub provider: Arc<CryptoProvider>,
}

/// Why a certificate was refused; found again in the chain of the driver's error.
#[derive(Debug, Clone)]
pub(super) struct CertificateRefusal {
    /// What is wrong with it.
    pub why: String,
    /// What to do about it.
    pub fix: &'static str,
}

impl fmt::Display for CertificateRefusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.why)
    }
}

impl std::error::Error for CertificateRefusal {}

impl From<CertificateRefusal> for rustls::Error {
    fn from(refused: CertificateRefusal) -> Self {
        CertificateError::Other(OtherError(Arc::new(refused))).into()
    }
}

impl CertificateVerifier {
    fn check_chain(
        &self,
        trust: &TrustedAuthorities,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), CertificateRefusal> {
        let about = CertificateSummary::of(leaf)?;
        if let Some(refused) = about.refused_by_date(now) {
            return Err(refused);
        }
        // A self-signed certificate that is itself in the file vouches for itself, even if it calls
        // itself an authority.
        if about.is_self_issued
            && trust.listed.iter().any(|listed| listed.as_ref() == leaf.as_ref())
        {
            return Ok(());
        }
        ParsedCertificate::try_from(leaf)
            .and_then(|parsed| {
                let algorithms = self.provider.signature_verification_algorithms.all;
                verify_server_cert_signed_by_trust_anchor(
                    &parsed,
                    &trust.roots,
                    others,
                    now,
                    algorithms,
                )
            })
            .map_err(|error| about.refused_by_chain(&error, others, now))
    }
}

fn check_name(leaf: &CertificateDer<'_>, name: &ServerName<'_>) -> Result<(), CertificateRefusal> {
    let about = CertificateSummary::of(leaf)?;
    let by_alternative_name = ParsedCertificate::try_from(leaf)
        .is_ok_and(|parsed| verify_server_name(&parsed, name).is_ok());
    let asked = name.to_str();
    let by_common_name = about.names.is_empty()
        && about.common_name.as_deref().is_some_and(|common| is_match(common, &asked));
    if by_alternative_name || by_common_name {
        return Ok(());
    }
    let names: Vec<String> = if about.names.is_empty() {
        about.common_name.iter().map(|name| format!("{name:?}")).collect()
    } else {
        about.names.iter().map(|name| format!("{name:?}")).collect()
    };
    Err(CertificateRefusal {
        why: format!(
            "the certificate of the server is for {}, not for host {asked:?}",
            names.join(", ")
        ),
        fix: "connect by a name the certificate has (hostaddr can still give the address), or \
              issue it for this name",
    })
}

/// Whether a common name covers a host: equal without regard to case, or `*.` and exactly one label
/// more.
fn is_match(pattern: &str, host: &str) -> bool {
    let (pattern, host) = (pattern.to_ascii_lowercase(), host.to_ascii_lowercase());
    match pattern.strip_prefix("*.") {
        Some(domain) => {
            domain.contains('.')
                && host
                    .split_once('.')
                    .is_some_and(|(label, rest)| !label.is_empty() && rest == domain)
        }
        None => pattern == host,
    }
}

impl ServerCertVerifier for CertificateVerifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Some(trust) = &self.trust {
            self.check_chain(trust, leaf, others, now)?;
        }
        if self.is_name_checked {
            check_name(leaf, name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            cert,
            signed,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        if ParsedCertificate::try_from(cert).is_ok() {
            return verify_tls13_signature(message, cert, signed, algorithms);
        }
        // A certificate of version 1 (older recipes with `openssl x509 -req` make them) has a key
        // all the same.
        let (_, parsed) =
            X509Certificate::from_der(cert).map_err(|_| CertificateError::BadEncoding)?;
        let key = SubjectPublicKeyInfoDer::from(parsed.public_key().raw);
        verify_tls13_signature_with_raw_key(message, &key, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// What a certificate says about itself.
#[derive(Debug)]
pub(super) struct CertificateSummary {
    subject: String,
    issuer: String,
    common_name: Option<String>,
    names: Vec<String>,
    is_self_issued: bool,
    is_version_1: bool,
    not_before: ASN1Time,
    not_after: ASN1Time,
}

impl CertificateSummary {
    /// Reads a certificate.
    pub fn of(cert: &CertificateDer<'_>) -> Result<Self, CertificateRefusal> {
        let (_, parsed) = X509Certificate::from_der(cert).map_err(|error| CertificateRefusal {
            why: format!("the certificate cannot be read: {error}"),
            fix: "replace the certificate",
        })?;
        let alternatives = parsed.subject_alternative_name().ok().flatten();
        let names = alternatives.iter().flat_map(|found| &found.value.general_names);
        Ok(Self {
            subject: parsed.subject().to_string(),
            issuer: parsed.issuer().to_string(),
            common_name: parsed
                .subject()
                .iter_common_name()
                .last()
                .and_then(|name| name.as_str().ok())
                .map(str::to_owned),
            names: names.filter_map(host_of).collect(),
            is_self_issued: parsed.subject().as_raw() == parsed.issuer().as_raw(),
            is_version_1: parsed.version().0 == 0,
            not_before: parsed.validity().not_before,
            not_after: parsed.validity().not_after,
        })
    }

    /// Seconds until it expires; negative when it has.
    pub(crate) fn seconds_left(&self, now: UnixTime) -> i64 {
        self.not_after.timestamp().saturating_sub(i64::try_from(now.as_secs()).unwrap_or(i64::MAX))
    }

    /// When it expires, in UTC.
    pub fn not_after(&self) -> String {
        utc(&self.not_after)
    }

    /// Its subject, as OpenSSL prints it.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    fn refused_by_date(&self, now: UnixTime) -> Option<CertificateRefusal> {
        let is_early =
            self.not_before.timestamp() > i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        if self.seconds_left(now) < 0 {
            return Some(CertificateRefusal {
                why: format!(
                    "the certificate of the server ({}) expired on {}",
                    self.subject,
                    self.not_after()
                ),
                fix: "renew the certificate of the server and reload it",
            });
        }
        is_early.then(|| CertificateRefusal {
            why: format!(
                "the certificate of the server ({}) is valid only from {}",
                self.subject,
                utc(&self.not_before)
            ),
            fix: "check the clocks of both machines, or wait until the certificate is valid",
        })
    }

    fn refused_by_chain(
        &self,
        error: &rustls::Error,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> CertificateRefusal {
        let issuer_expired = others
            .iter()
            .filter_map(|cert| CertificateSummary::of(cert).ok())
            .find(|other| other.seconds_left(now) < 0)
            .map(|other| {
                format!("{} of the chain expired on {}", other.subject, other.not_after())
            });
        if self.is_version_1 {
            return CertificateRefusal {
                why: format!(
                    "the certificate of the server ({}) is of X.509 version 1, which cannot be \
                     checked",
                    self.subject
                ),
                fix: "issue it as version 3 (openssl x509 -req with -extfile), with a \
                      subjectAltName",
            };
        }
        if self.is_self_issued && issuer_expired.is_none() {
            return CertificateRefusal {
                why: format!(
                    "the certificate of the server ({}) is signed by itself, and is none of those \
                     in sslrootcert",
                    self.subject
                ),
                fix: "give this certificate itself as sslrootcert=FILE, if it is your server's, or \
                      check who answers at this address; nothing was sent to it",
            };
        }
        CertificateRefusal {
            why: format!(
                "the certificate of the server ({}, issued by {}) is not trusted: {}",
                self.subject,
                self.issuer,
                issuer_expired.unwrap_or_else(|| words(error))
            ),
            fix: "give the authority that issued it in sslrootcert, or check who answers at this \
                  address; nothing was sent to it",
        }
    }
}

fn words(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "no certificate in sslrootcert has signed it".to_owned()
        }
        rustls::Error::InvalidCertificate(error) => error.to_string(),
        error => error.to_string(),
    }
}

fn host_of(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => <[u8; 4]>::try_from(*bytes)
            .map(|v4| std::net::IpAddr::from(v4).to_string())
            .or_else(|_| {
                <[u8; 16]>::try_from(*bytes).map(|v6| std::net::IpAddr::from(v6).to_string())
            })
            .ok(),
        _ => None,
    }
}

fn utc(time: &ASN1Time) -> String {
    let time = time.to_datetime();
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02} UTC",
        time.year(),
        u8::from(time.month()),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_covers_one_label_of_a_domain_and_nothing_else() {
        assert!(is_match("*.example.com", "DB1.example.com"));
        assert!(is_match("Db1", "db1"));
        for host in ["example.com", "a.b.example.com", ".example.com", "db1.example.org"] {
            assert!(!is_match("*.example.com", host), "{host}");
        }
        assert!(!is_match("*.com", "example.com"));
    }
}
