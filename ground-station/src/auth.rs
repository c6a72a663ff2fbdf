//! Who asks, and whether they may: API keys with usage plans, users with passwords and
//! tokens, temporary credentials for video.
//!
//! Everything a request is checked against is in memory; secrets are compared by their hashes.
//! Knows nothing of HTTP.

mod grant;
pub mod password;
mod principal;
mod sign_in_limiter;
mod temporary_credentials;
mod token;
mod usage_plan;

pub use grant::{Grant, Role};
pub use principal::{Principal, Rights, permitted};
pub use sign_in_limiter::{Attempt, NEXT_ATTEMPT_S};
pub use temporary_credentials::CredentialIssuer;
pub use token::{TokenError, TokenKey};

use crate::store::{Permission, Store, StoreError, User};
use sign_in_limiter::SignInLimiter;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use usage_plan::UsagePlan;

/// A working day: whoever drives signs in once in the morning.
pub const SESSION_S: u64 = 12 * 60 * 60;

/// The use of a signed-in user's token.
pub const SESSION_TOKEN: &str = "session-1";

/// The setting that keeps the secret of those tokens.
pub const SESSION_SECRET: &str = "token-secret";

pub struct Accounts {
    store: Arc<Store>,
    sessions: TokenKey,
    plans: Mutex<HashMap<Principal, UsagePlan>>,
    attempts: Mutex<SignInLimiter>,
}

/// Who was let in, until when, and what they may do.
#[derive(Clone, Debug)]
pub struct Caller {
    pub principal: Principal,
    /// What they might do when they were let in.
    pub rights: Rights,
    /// When their token ends, in Unix seconds; a key has no end.
    pub expires_s: Option<u64>,
}

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No key, a wrong key, or a right one that may not do this.
    #[error("Forbidden")]
    Forbidden,
    /// Past the usage plan.
    #[error("Too Many Requests")]
    TooMany,
    /// Too many wrong passwords.
    #[error("too many wrong passwords: wait {NEXT_ATTEMPT_S} seconds")]
    TooManyAttempts,
    /// A token that is worth nothing.
    #[error("the token is not valid: {0}; sign in again")]
    Token(#[from] TokenError),
    /// Name and password do not go together.
    #[error("wrong name or password")]
    Password,
}

/// The time by both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Monotonic, for rates.
    pub instant: Instant,
    /// Unix seconds, for days and expiry.
    pub unix_s: u64,
}

impl Now {
    /// What the clocks say.
    pub fn read() -> Self {
        Self {
            instant: crate::clock::instant(),
            unix_s: crate::clock::unix_s(),
        }
    }

    fn day(self) -> u64 {
        self.unix_s / 86_400
    }
}

impl Caller {
    /// That they have a permission.
    pub fn require(&self, permission: Permission) -> Result<(), Denied> {
        let included = self.rights.include(permission);
        included.then_some(()).ok_or(Denied::Forbidden)
    }

    /// That they may drive `robot` and look at it.
    pub fn require_robot(&self, robot: &str) -> Result<(), Denied> {
        let driven = self.rights.may_drive(robot);
        driven.then_some(()).ok_or(Denied::Forbidden)
    }
}

impl Accounts {
    /// The accounts of a store, with what was spent today.
    pub fn new(store: Arc<Store>, now: Now) -> Result<Self, StoreError> {
        let secret = store.setting_or(SESSION_SECRET, || rand::random::<[u8; 32]>().to_vec())?;
        let directory = store.directory();
        let mut plans = HashMap::new();
        for (id, requests) in store.spent(now.day())? {
            let key = Principal::Key(id);
            if let Some(rights) = key.rights(&directory) {
                let plan = UsagePlan::new(rights.limits(), now.instant, now.day(), requests);
                plans.insert(key, plan);
            }
        }
        Ok(Self {
            store,
            sessions: TokenKey::new(&secret, SESSION_TOKEN),
            plans: Mutex::new(plans),
            attempts: Mutex::new(SignInLimiter::new()),
        })
    }

    /// Who presents this API key, if it is one.
    pub fn by_key(&self, key: &str) -> Result<Caller, Denied> {
        let directory = self.store.directory();
        let key = directory
            .keys
            .get(&hash_key(key))
            .ok_or(Denied::Forbidden)?;
        Ok(Caller {
            principal: Principal::Key(key.id),
            rights: key.into(),
            expires_s: None,
        })
    }

    /// Who presents this bearer token, if it is one of ours, of a user who is still there.
    pub fn by_token(&self, token: &str, now: Now) -> Result<Caller, Denied> {
        let session = self.sessions.verify::<Principal>(token, now.unix_s)?;
        let rights = session.claims.rights(&self.store.directory());
        Ok(Caller {
            principal: session.claims,
            rights: rights.ok_or(TokenError::Revoked)?,
            expires_s: Some(session.expires_s),
        })
    }

    /// Whether who was let in a while ago would still be.
    pub fn still(&self, caller: &Caller, now: Now) -> bool {
        let lasts = caller.expires_s.is_none_or(|end_s| now.unix_s < end_s);
        lasts && caller.principal.rights(&self.store.directory()).is_some()
    }

    /// Counts a password that is about to be tried.
    pub fn attempt(&self, name: &str, from: IpAddr, now: Now) -> Result<Attempt, Denied> {
        let attempt = lock(&self.attempts).take(name, from, now.instant);
        attempt.ok_or(Denied::TooManyAttempts)
    }

    /// Checks a password; the user's token and when it expires (Unix seconds). Takes tens of
    /// milliseconds and 19 MiB on purpose.
    pub fn sign_in(
        &self,
        name: &str,
        password: &str,
        attempt: Attempt,
        now: Now,
    ) -> Result<(String, u64, User), Denied> {
        let directory = self.store.directory();
        let user = directory.users.get(name);
        let right = password::matches(password, user.map(|user| user.password.as_str()));
        let user = user.filter(|_| right).ok_or(Denied::Password)?;
        lock(&self.attempts).was_right(attempt, now.instant);
        let expires_s = now.unix_s + SESSION_S;
        let principal = Principal::User(name.to_owned(), user.password_version.clone());
        let token = self.sessions.sign(principal, expires_s);
        Ok((token, expires_s, user.clone()))
    }

    /// Takes a request from the caller's plan.
    pub fn spend(&self, caller: &Caller, now: Now) -> Result<(), Denied> {
        lock(&self.plans)
            .entry(caller.principal.clone())
            .or_insert_with(|| UsagePlan::new(caller.rights.limits(), now.instant, now.day(), 0))
            .take(now.instant, now.day())
            .then_some(())
            .ok_or(Denied::TooMany)
    }

    /// Writes down what the keys have spent, so that a quota survives a restart.
    pub fn flush(&self, now: Now) -> Result<(), StoreError> {
        let spent: Vec<(i64, u64)> = {
            let mut plans = lock(&self.plans);
            let directory = self.store.directory();
            plans.retain(|principal, plan| match principal {
                Principal::Key(_) => principal.rights(&directory).is_some(),
                _ => !plan.is_full(now.instant),
            });
            plans
                .iter_mut()
                .filter_map(|(principal, plan)| match principal {
                    Principal::Key(id) => plan.unsaved(now.day()).map(|spent| (*id, spent)),
                    _ => None,
                })
                .collect()
        };
        if spent.is_empty() {
            return Ok(());
        }
        self.store.set_spent(now.day(), &spent)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A fresh API key: 192 random bits, and a prefix by which a leaked one is recognised.
pub fn new_key() -> String {
    use base64::prelude::*;
    format!(
        "outpost_{}",
        BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; 24]>())
    )
}

/// What is stored of an API key. It is random enough that a slow hash would protect nothing.
pub fn hash_key(key: &str) -> [u8; 32] {
    let digest = ring::digest::digest(&ring::digest::SHA256, key.as_bytes());
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}
