//! Passwords: argon2id with OWASP's parameters, as many at a time as there are cores, and no more than some waiting.

use std::num::NonZero;
use std::sync::Arc;

use admin_types::{Error, FieldError, Random, Result};
use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

/// Bounds of a password, in characters (NIST SP 800-63B, section 5.1.1.2).
const MIN: usize = 12;
const MAX: usize = 256;
/// The most sign-ins that wait for a core.
const WAITING: usize = 256;
/// What many people choose, in lower case: at least as long as a password must be.
const COMMON: &str = include_str!("passwords/common.txt");

/// Hashes passwords, a bounded number at a time.
pub(crate) struct Passwords {
    running: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
    /// The hash of no password: compared with when there is no account, which then costs the same.
    nobody: Arc<str>,
}

impl Passwords {
    pub(crate) fn new(random: &dyn Random) -> Result<Passwords> {
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let nobody = hash(&random_text(random), random.bytes16())?;
        let (running, admitted) = (Arc::new(Semaphore::new(cores)), Arc::new(Semaphore::new(cores + WAITING)));
        Ok(Passwords { running, admitted, nobody: nobody.into() })
    }

    /// The hash of a new password, as a PHC string.
    pub(crate) async fn hash(&self, password: &str, random: &dyn Random) -> Result<String> {
        let (password, salt) = (password.to_owned(), random.bytes16());
        self.run(move || hash(&password, salt)).await?
    }

    /// Whether the password is the one of the hash; without a hash it is not, and takes as long to say.
    pub(crate) async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool> {
        let (password, known) = (password.to_owned(), hash.is_some());
        let hash: Arc<str> = hash.map_or_else(|| self.nobody.clone(), Arc::from);
        let matches = self.run(move || {
            let parsed = PasswordHash::new(&hash);
            parsed.is_ok_and(|parsed| Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok())
        });
        Ok(matches.await? && known)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let busy = || Error::unavailable("Too many people sign in at once. Try again shortly.", "password queue");
        let _admitted = self.admitted.try_acquire().map_err(|_| busy())?;
        let running = self.running.clone().acquire_owned().await.map_err(Error::internal)?;
        let work = move || {
            let done = work();
            drop(running);
            done
        };
        tokio::task::spawn_blocking(work).await.map_err(Error::internal)
    }
}

fn hash(password: &str, salt: [u8; 16]) -> Result<String> {
    let hashed = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt).map_err(Error::internal)?;
    Ok(hashed.to_string())
}

fn random_text(random: &dyn Random) -> String {
    random.bytes16().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Refuses a password that is too short, that many people have, or that says little but the address.
pub(crate) fn check_new(password: &str, email: &str) -> Result<()> {
    let refuse = |detail: String| Err(Error::validation(vec![FieldError::new("/password", detail)]));
    let length = password.chars().count();
    if !(MIN..=MAX).contains(&length) {
        return refuse(format!("must have {MIN} to {MAX} characters; it has {length}"));
    }
    let lower = password.to_lowercase();
    if COMMON.lines().any(|common| common == lower) {
        return refuse("is one that many people have, so it is tried first: choose another".into());
    }
    let local = email.split('@').next().unwrap_or_default().to_lowercase();
    let one = lower.chars().next();
    let says_little = lower.chars().all(|c| Some(c) == one) || (local.len() > 3 && lower.replace(&local, "").len() < 6);
    if says_little {
        return refuse("can be guessed from the address, or is one character again and again: choose another".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use admin_types::SystemRandom;

    use super::*;

    #[tokio::test]
    async fn a_password_matches_its_own_hash_alone() {
        let passwords = Passwords::new(&SystemRandom).expect("ready");
        let hash = passwords.hash("correct horse battery", &SystemRandom).await.expect("hashed");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.verify("correct horse battery", Some(&hash)).await.expect("tried"));
        assert!(!passwords.verify("correct horse batterY", Some(&hash)).await.expect("tried"));
        assert!(!passwords.verify("correct horse battery", None).await.expect("tried"));
    }

    #[test]
    fn what_is_guessed_first_is_refused() {
        for bad in ["short", "password1234", "PASSWORD1234", "aaaaaaaaaaaaaa", "ada.lovelace12", &"x".repeat(257)] {
            assert!(check_new(bad, "ada.lovelace@example.org").is_err(), "{bad}");
        }
        check_new("correct horse battery", "ada.lovelace@example.org").expect("a good one");
    }
}
