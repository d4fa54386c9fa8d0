//! TLS against servers of our own making.

use super::*;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

fn conninfo(sslmode: SslMode) -> Conninfo {
    Conninfo { sslmode, ..Conninfo::unix(Path::new("/"), 1, "", "") }
}

/// A client certificate and its key, the key in the form and with the permissions asked for.
fn identity(dir: &Path, pem_of_key: &str, mode: u32) -> Conninfo {
    let (cert, key) = (dir.join("client.crt"), dir.join("client.key"));
    std::fs::write(&key, pem_of_key).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
    Conninfo { sslcert: Some(cert), sslkey: Some(key), ..conninfo(SslMode::Require) }
}

fn self_signed(dir: &Path, not_after_days: u64) -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["client".to_owned()]).unwrap();
    let now = std::time::SystemTime::now();
    let end =
        now.checked_add(std::time::Duration::from_secs(86_400 * not_after_days + 3_600)).unwrap();
    params.not_after = end.into();
    std::fs::write(dir.join("client.crt"), params.self_signed(&key).unwrap().pem()).unwrap();
    key.serialize_pem()
}

#[test]
fn a_key_that_others_can_read_is_refused_with_the_chmod_that_cures_it() {
    let dir = tempfile::tempdir().unwrap();
    let pem = self_signed(dir.path(), 100);
    for mode in [0o644, 0o604, 0o620] {
        let error = TlsSettings::of(&identity(dir.path(), &pem, mode)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Access, "{mode:o}");
        assert!(error.remedy().unwrap().contains("chmod 0600"), "{error:?}");
    }
    assert!(TlsSettings::of(&identity(dir.path(), &pem, 0o600)).is_ok());
}

#[test]
fn keys_are_read_as_pkcs8_and_as_sec1_and_not_when_they_need_a_passphrase() {
    let dir = tempfile::tempdir().unwrap();
    let pkcs8 = self_signed(dir.path(), 100);
    assert!(TlsSettings::of(&identity(dir.path(), &pkcs8, 0o600)).is_ok());
    let sec1 = sec1_of(&rcgen::KeyPair::from_pem(&pkcs8).unwrap());
    assert!(TlsSettings::of(&identity(dir.path(), &sec1, 0o600)).is_ok());
    let encrypted = pkcs8.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let error = TlsSettings::of(&identity(dir.path(), &encrypted, 0o600)).unwrap_err();
    assert!(error.to_string().contains("passphrase"), "{error}");
}

/// RFC 5915: the key inside of PKCS#8 begins with version 1 and 32 bytes, under a sequence of its
/// own.
fn sec1_of(key: &rcgen::KeyPair) -> String {
    let pkcs8 = key.serialize_der();
    let version =
        pkcs8.windows(5).position(|bytes| bytes == [0x02, 0x01, 0x01, 0x04, 0x20]).unwrap();
    let length = usize::from(pkcs8[version - 1]);
    // Behind the 32 bytes the curve is named; in PKCS#8 it stands outside.
    let curve = [0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    let (private, public) = pkcs8[version..version + length].split_at(37);
    let body = [private, &curve, public].concat();
    let der = [&[0x30, u8::try_from(body.len()).unwrap()], body.as_slice()].concat();
    format!("-----BEGIN EC PRIVATE KEY-----\n{}\n-----END EC PRIVATE KEY-----\n", base64(&der))
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let quartets = bytes.chunks(3).map(|three| {
        let number = three.iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
            << (8 * (3 - three.len()));
        let digit = |place: usize| char::from(DIGITS[number >> (6 * (3 - place)) & 63]);
        (0..4).map(|place| if place > three.len() { '=' } else { digit(place) }).collect::<String>()
    });
    quartets.collect()
}

#[test]
fn a_key_that_does_not_belong_to_its_certificate_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    self_signed(dir.path(), 100);
    let other = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let error = TlsSettings::of(&identity(dir.path(), &other, 0o600)).unwrap_err();
    assert!(error.remedy().unwrap().contains("belong together"), "{error:?}");
}

#[test]
fn a_client_certificate_that_expires_within_two_weeks_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let note = |days| {
        let pem = self_signed(dir.path(), days);
        TlsSettings::of(&identity(dir.path(), &pem, 0o600)).unwrap().unwrap().note()
    };
    assert!(note(10).unwrap().contains("in 10 days"));
    assert_eq!(note(30), None);
}

#[test]
fn a_root_certificate_must_be_there_only_for_the_modes_that_verify() {
    let missing = |sslmode| Conninfo {
        sslrootcert: Some(RootCert::File(PathBuf::from("/nowhere/root.crt"))),
        ..conninfo(sslmode)
    };
    assert!(TlsSettings::of(&missing(SslMode::Require)).is_ok());
    for sslmode in [SslMode::VerifyCa, SslMode::VerifyFull] {
        let error = TlsSettings::of(&missing(sslmode)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Access);
        assert!(error.to_string().contains("/nowhere/root.crt"), "{error}");
        assert!(TlsSettings::of(&conninfo(sslmode)).is_err());
    }
}
