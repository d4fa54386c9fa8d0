//! The password of the window: one try at a time, and after a wrong one a wait that doubles.

use crate::config::PasswordHashSource;
use crate::error::{Error, ErrorKind, Result};
use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

/// The wait after the first wrong try; it doubles with each.
const WAIT_MIN: Duration = Duration::from_secs(1);
/// No wait is longer, so that the operator is not locked out for long.
const WAIT_MAX: Duration = Duration::from_secs(60);
/// Longer passwords are not tried.
const PASSWORD_BYTES_MAX: usize = 1024;
/// No hash in a file is longer.
const HASH_BYTES_MAX: u64 = 4096;

/// What became of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SignInOutcome {
    /// It was the password.
    Right,
    /// It was not.
    Wrong,
    /// It was not looked at: another one comes too early, and may come after this time.
    TooEarly(Duration),
    /// What it is compared with cannot be read.
    Unreadable,
}

/// Counts wrong tries, of the whole process: no table of addresses that could be filled.
#[derive(Debug, Default)]
pub(super) struct TryLimiter {
    wrong: u32,
    last: Option<Instant>,
}

impl TryLimiter {
    /// How long a try has to wait; `None`: it may come now.
    fn wait(&self, now: Instant) -> Option<Duration> {
        let doubled =
            WAIT_MIN.saturating_mul(1 << self.wrong.saturating_sub(1).min(20)).min(WAIT_MAX);
        let since = now.saturating_duration_since(self.last?);
        (self.wrong > 0 && since < doubled).then(|| doubled - since)
    }

    fn add(&mut self, is_right: bool, now: Instant) {
        self.wrong = if is_right { 0 } else { self.wrong.saturating_add(1) };
        self.last = Some(now);
    }
}

/// See the module.
pub(super) struct PasswordGate {
    source: PasswordHashSource,
    limiter: Mutex<TryLimiter>,
    /// One verification at a time: each takes 19 MiB.
    turn: tokio::sync::Mutex<()>,
}

impl PasswordGate {
    /// Looks whether the hash can be used.
    ///
    /// # Errors
    /// `Usage`: why it cannot.
    pub(super) fn new(source: PasswordHashSource) -> Result<Self> {
        let text = hash_text(&source)?;
        checked(&source, &text)?;
        Ok(Self { source, limiter: Mutex::default(), turn: tokio::sync::Mutex::default() })
    }

    /// Tries a password.
    pub(super) async fn try_password(&self, password: SecretString) -> SignInOutcome {
        let _turn = self.turn.lock().await;
        if let Some(wait) = self.limiter().wait(Instant::now()) {
            return SignInOutcome::TooEarly(wait);
        }
        let Ok(text) = hash_text(&self.source) else { return SignInOutcome::Unreadable };
        let verified = tokio::task::spawn_blocking(move || is_password(&password, &text)).await;
        let is_right = verified.unwrap_or(false);
        self.limiter().add(is_right, Instant::now());
        if is_right { SignInOutcome::Right } else { SignInOutcome::Wrong }
    }

    fn limiter(&self) -> std::sync::MutexGuard<'_, TryLimiter> {
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The hash of a password by argon2id, as the configuration takes it.
///
/// # Errors
/// `Usage` for a password that is too long; `Bug` if it cannot be made.
pub(crate) fn hash_password(password: &SecretString) -> Result<String> {
    let password = password.expose_secret().as_bytes();
    if password.is_empty() || password.len() > PASSWORD_BYTES_MAX {
        let what = format!("a password has 1 to {PASSWORD_BYTES_MAX} bytes");
        return Err(Error::new(ErrorKind::Usage, what).fix("choose another one"));
    }
    let failed = |error: &dyn std::fmt::Display| {
        Error::new(ErrorKind::Bug, "cannot make the hash of the password")
            .because(error.to_string())
    };
    let random: [u8; 16] = rand::random();
    let salt = SaltString::encode_b64(&random).map_err(|error| failed(&error))?;
    let hash = Argon2::default().hash_password(password, &salt).map_err(|error| failed(&error))?;
    Ok(hash.to_string())
}

fn is_password(password: &SecretString, hash: &str) -> bool {
    let password = password.expose_secret().as_bytes();
    let Ok(hash) = PasswordHash::new(hash) else { return false };
    password.len() <= PASSWORD_BYTES_MAX
        && Argon2::default().verify_password(password, &hash).is_ok()
}

/// The first line of what holds the hash.
fn hash_text(source: &PasswordHashSource) -> Result<String> {
    let path = match source {
        PasswordHashSource::Written(text) => return Ok(text.expose_secret().trim().to_owned()),
        PasswordHashSource::File(path) => path,
    };
    super::answer::first_line(path, HASH_BYTES_MAX).map_err(|error| {
        Error::new(ErrorKind::Usage, "the window cannot read the hash of its password")
            .at(format!("console.password_hash_file, {}", path.display()))
            .caused_by(&error)
            .fix("write what `counterfoil hash-password` prints into it, readable by this user")
    })
}

fn checked(source: &PasswordHashSource, text: &str) -> Result<()> {
    let is_usable = PasswordHash::new(text)
        .is_ok_and(|hash| hash.algorithm.as_str() == "argon2id" && hash.hash.is_some());
    if is_usable {
        return Ok(());
    }
    let place = match source {
        PasswordHashSource::Written(_) => "console.password_hash".to_owned(),
        PasswordHashSource::File(path) => format!("console.password_hash_file, {}", path.display()),
    };
    Err(Error::new(ErrorKind::Usage, "the hash of the window's password is not an argon2id hash")
        .at(place)
        .fix("put in what `counterfoil hash-password` prints"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_doubles_with_each_wrong_try_up_to_a_minute_and_a_right_one_ends_it() {
        let (mut limiter, start) = (TryLimiter::default(), Instant::now());
        assert_eq!(limiter.wait(start), None);
        for (tries, seconds) in [(1, 1), (2, 2), (3, 4), (4, 8), (8, 60), (40, 60)] {
            limiter = TryLimiter { wrong: tries, last: Some(start) };
            assert_eq!(limiter.wait(start), Some(Duration::from_secs(seconds)), "{tries}");
            assert_eq!(limiter.wait(start + Duration::from_secs(seconds)), None);
        }
        limiter.add(true, start);
        assert_eq!(limiter.wait(start), None);
    }

    #[tokio::test]
    async fn the_password_opens_and_another_does_not_and_a_guesser_has_to_wait() {
        let hash = hash_password(&SecretString::from("a long one")).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let gate = PasswordGate::new(PasswordHashSource::Written(hash.into())).unwrap();
        assert_eq!(gate.try_password("a long one".into()).await, SignInOutcome::Right);
        assert_eq!(gate.try_password("another".into()).await, SignInOutcome::Wrong);
        let early = gate.try_password("a long one".into()).await;
        assert!(matches!(early, SignInOutcome::TooEarly(wait) if wait <= WAIT_MIN), "{early:?}");
    }

    #[test]
    fn what_is_no_hash_is_refused_before_anything_listens() {
        for text in [
            "",
            "secret",
            "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ",
            "$argon2i$v=19$m=16,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2g",
        ] {
            let refused = PasswordGate::new(PasswordHashSource::Written(text.to_owned().into()));
            assert_eq!(refused.err().map(|error| error.kind()), Some(ErrorKind::Usage), "{text}");
        }
        let missing =
            PasswordGate::new(PasswordHashSource::File("/nowhere/hash".into())).err().unwrap();
        assert!(
            missing.place().unwrap().contains("console.password_hash_file"),
            "{}",
            missing.report()
        );
    }
}
