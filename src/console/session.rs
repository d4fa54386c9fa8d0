//! Sessions of those who have signed in: in memory, by the hash of their secret.

use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// A session lasts so long from the sign-in.
pub(super) const SESSION_MAX: Duration = Duration::from_secs(12 * 3600);
/// So many at a time; one more ends the oldest.
const SESSIONS_MAX: usize = 64;

/// The digest of a secret: what is stored, and what is compared.
pub(super) type SecretDigest = [u8; 32];

/// See the module.
#[derive(Debug, Default)]
pub(super) struct SessionStore(HashMap<SecretDigest, Instant>);

impl SessionStore {
    /// Begins a session; gives its secret, which is nowhere else: 256 random bits in hexadecimal
    /// digits.
    pub(super) fn begin(&mut self, now: Instant) -> String {
        self.0.retain(|_, began| now.saturating_duration_since(*began) < SESSION_MAX);
        if self.0.len() >= SESSIONS_MAX
            && let Some(oldest) =
                self.0.iter().min_by_key(|(_, began)| **began).map(|(digest, _)| *digest)
        {
            self.0.remove(&oldest);
        }
        let random: [u8; 32] = rand::random();
        let secret: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        self.0.insert(digest(&secret), now);
        secret
    }

    /// Whether a secret is that of a session that lasts.
    pub(super) fn holds(&self, secret: &str, now: Instant) -> bool {
        // Looked up by its digest: how long that takes tells nothing of the secret.
        self.0
            .get(&digest(secret))
            .is_some_and(|began| now.saturating_duration_since(*began) < SESSION_MAX)
    }

    /// Ends a session.
    pub(super) fn end(&mut self, secret: &str) {
        self.0.remove(&digest(secret));
    }
}

/// The digest of a secret.
pub(super) fn digest(secret: &str) -> SecretDigest {
    Sha256::digest(secret.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_lasts_twelve_hours_and_ends_when_told() {
        let (mut sessions, start) = (SessionStore::default(), Instant::now());
        let secret = sessions.begin(start);
        assert_eq!(secret.len(), 64);
        assert!(sessions.holds(&secret, start + SESSION_MAX - Duration::from_secs(1)));
        assert!(!sessions.holds(&secret, start + SESSION_MAX));
        assert!(!sessions.holds("", start) && !sessions.holds(&secret[1..], start));
        assert_ne!(sessions.begin(start), secret);
        sessions.end(&secret);
        assert!(!sessions.holds(&secret, start));
    }

    #[test]
    fn one_more_than_are_kept_ends_the_oldest() {
        let (mut sessions, start) = (SessionStore::default(), Instant::now());
        let secrets: Vec<String> = (0..=SESSIONS_MAX as u64)
            .map(|at| sessions.begin(start + Duration::from_secs(at)))
            .collect();
        let now = start + Duration::from_secs(100);
        assert!(!sessions.holds(&secrets[0], now));
        assert!(secrets[1..].iter().all(|secret| sessions.holds(secret, now)));
    }
}
