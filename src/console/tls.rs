//! TLS of the window: certificate and key from files, read again when they change.

use crate::config::TlsFiles;
use crate::error::{Error, ErrorKind, Result};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use slog::{Logger, error, info};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio_rustls::TlsAcceptor;

/// Gives what each connection is accepted with.
pub(super) struct TlsKeeper {
    files: TlsFiles,
    present: Mutex<LoadedTls>,
    log: Logger,
}

struct LoadedTls {
    /// When the two files were changed that were read last.
    changed: FileMarks,
    acceptor: TlsAcceptor,
}

impl TlsKeeper {
    /// Reads both files.
    ///
    /// # Errors
    /// `Usage`: which file, and why it cannot be used.
    pub(super) fn load(files: TlsFiles, log: Logger) -> Result<Self> {
        let changed = changed(&files);
        let acceptor = acceptor(&files)?;
        Ok(Self { files, present: Mutex::new(LoadedTls { changed, acceptor }), log })
    }

    /// For a new connection. Files that changed and cannot be used leave what was there before.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let mut present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        let now = changed(&self.files);
        if now != present.changed {
            present.changed = now;
            match acceptor(&self.files) {
                Ok(acceptor) => {
                    present.acceptor = acceptor;
                    info!(self.log, "the certificate of the window was read again");
                }
                Err(problem) => {
                    error!(self.log, "the window's new certificate cannot be used, the old one stays in use";
                    crate::log::key::ERROR => problem.to_string(), crate::log::key::FIX => problem.remedy().unwrap_or_default())
                }
            }
        }
        present.acceptor.clone()
    }
}

/// What tells a file that was written again from the one before, of both.
type FileMarks = [Option<[i64; 4]>; 2];

fn changed(files: &TlsFiles) -> FileMarks {
    [&files.certificate, &files.key].map(|file| {
        let found = std::fs::metadata(file).ok()?;
        Some([
            found.ino().cast_signed(),
            found.size().cast_signed(),
            found.mtime(),
            found.mtime_nsec(),
        ])
    })
}

fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor> {
    let refused = |what: &str, key: &str, file: &Path, why: String, fix: &str| {
        Error::new(ErrorKind::Usage, what.to_owned())
            .at(format!("console.{key}, {}", file.display()))
            .because(why)
            .fix(fix)
    };
    let of_certificate = |why: String| {
        let fix = "put the window's certificate into it as PEM, followed by the intermediate certificates";
        refused(
            "the window cannot use its certificate",
            "tls_certificate",
            &files.certificate,
            why,
            fix,
        )
    };
    let of_key = |why: String| {
        let fix = "put the private key of the certificate into it as PEM, without a passphrase, readable by this user";
        refused("the window cannot use its key", "tls_key", &files.key, why, fix)
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect)
        .map_err(|error| of_certificate(error.to_string()))?;
    if chain.is_empty() {
        return Err(of_certificate("the file holds no certificate".to_owned()));
    }
    let key =
        PrivateKeyDer::from_pem_file(&files.key).map_err(|error| of_key(error.to_string()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| of_certificate(error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| of_key(error.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
