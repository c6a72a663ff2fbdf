//! Who asks, and whether they may: API keys with usage plans, users with passwords and
//! tokens.
//!
//! Owns what every request is checked against, all in memory; secrets are compared by their
//! hashes. Knows nothing of HTTP but the two headers that carry a secret.

pub mod grant;
pub mod password;
pub mod principal;
pub mod rate_limit;
pub mod session_token;
pub mod temporary_credentials;

pub use grant::{Grant, Holder, Role};
pub use principal::{Caller, Denied, Who};
pub use temporary_credentials::{Issuer, Redeemed};

use crate::store::{Store, StoreError, User};
use rate_limit::{Bucket, Limits};
use session_token::Tokens;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// A signed-in person drives with ten actions a second and looks at a page; this leaves room
/// for several tabs.
const USER_LIMITS: Limits = Limits {
    rate: 50.0,
    burst: 100,
    quota: None,
};

/// Checks callers.
pub struct Accounts {
    store: Arc<Store>,
    tokens: Tokens,
    spending: Mutex<HashMap<Spender, Bucket>>,
    attempts: Mutex<rate_limit::Attempts>,
}

/// Whose bucket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Spender {
    Key(i64),
    User(String),
}

/// The time, as accounts need it.
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

impl Accounts {
    /// Takes up the accounts of a store, with what was spent today.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn new(store: Arc<Store>, now: Now) -> Result<Self, StoreError> {
        let tokens =
            Tokens::new(&store.setting_or("token-secret", || rand::random::<[u8; 32]>().to_vec())?);
        let mut spending = HashMap::new();
        for (key, requests) in store.spent(now.day())? {
            spending.insert(
                Spender::Key(key),
                Bucket::new(now.instant, now.day(), requests),
            );
        }
        Ok(Self {
            store,
            tokens,
            spending: Mutex::new(spending),
            attempts: Mutex::default(),
        })
    }

    /// Who presents this API key, if it is one.
    ///
    /// # Errors
    /// [`Denied::Forbidden`] for an unknown key.
    pub fn by_key(&self, key: &str) -> Result<Caller, Denied> {
        let directory = self.store.directory();
        let key = directory.keys.get(&hash_key(key));
        key.map(Caller::of_key).ok_or(Denied::Forbidden)
    }

    /// Who presents this bearer token, if it is one of ours, of a user who is still there.
    ///
    /// # Errors
    /// [`Denied::Token`] when it is not.
    pub fn by_token(&self, token: &str, now: Now) -> Result<Caller, Denied> {
        let claims = self.tokens.check(token, now.unix_s)?;
        let directory = self.store.directory();
        let user = directory
            .users
            .get(&claims.sub)
            .filter(|user| user.stamp == claims.stamp)
            .ok_or(Denied::Token("it was revoked"))?;
        Ok(Caller::of_user(&claims.sub, user, claims.exp))
    }

    /// Whether who was let in a while ago would still be.
    pub fn still(&self, caller: &Caller, now: Now) -> bool {
        let directory = self.store.directory();
        match caller.who() {
            Who::Key(id) => directory.keys.values().any(|key| key.id == *id),
            Who::User {
                name,
                stamp,
                expires_s,
            } => {
                now.unix_s < *expires_s
                    && directory
                        .users
                        .get(name)
                        .is_some_and(|user| user.stamp == *stamp)
            }
        }
    }

    /// Checks a password; the user's token and when it expires (Unix seconds). Takes tens of
    /// milliseconds and 19 MiB on purpose.
    ///
    /// # Errors
    /// [`Denied::TooMany`] after too many wrong ones, else [`Denied::Password`].
    pub fn sign_in(
        &self,
        name: &str,
        password: &str,
        from: &str,
        now: Now,
    ) -> Result<(String, u64, User), Denied> {
        // The address first: one that has used up its attempts must not use up the name's.
        let asked = [format!("from {from}"), format!("user {name}")];
        self.attempts().take(&asked, now.instant)?;
        let directory = self.store.directory();
        let user = directory.users.get(name);
        let right = password::matches(password, user.map(|user| user.password.as_str()));
        let user = user.filter(|_| right).ok_or(Denied::Password)?;
        self.attempts().give_back(&asked);
        let (token, expires_s) = self.tokens.issue(name, &user.stamp, now.unix_s);
        Ok((token, expires_s, user.clone()))
    }

    /// Writes down what the keys have spent, so that a quota survives a restart.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn flush(&self, now: Now) -> Result<(), StoreError> {
        let spent: Vec<(i64, u64)> = {
            let mut spending = self.spending();
            let directory = self.store.directory();
            spending.retain(|spender, bucket| match spender {
                Spender::Key(id) => directory.keys.values().any(|key| key.id == *id),
                Spender::User(_) => !bucket.is_full(USER_LIMITS, now.instant),
            });
            spending
                .iter_mut()
                .filter_map(|(spender, bucket)| match spender {
                    Spender::Key(id) => bucket.unsaved(now.day()).map(|spent| (*id, spent)),
                    Spender::User(_) => None,
                })
                .collect()
        };
        if spent.is_empty() {
            return Ok(());
        }
        self.store.set_spent(now.day(), &spent)
    }

    /// Takes a request from the caller's plan.
    ///
    /// # Errors
    /// [`Denied::TooMany`] when none is left.
    pub fn spend(&self, caller: &Caller, now: Now) -> Result<(), Denied> {
        let spender = match caller.who() {
            Who::Key(id) => Spender::Key(*id),
            Who::User { name, .. } => Spender::User(name.clone()),
        };
        self.spending()
            .entry(spender)
            .or_insert_with(|| Bucket::new(now.instant, now.day(), 0))
            .take(caller.limits(), now.instant, now.day())
    }

    fn spending(&self) -> std::sync::MutexGuard<'_, HashMap<Spender, Bucket>> {
        self.spending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn attempts(&self) -> std::sync::MutexGuard<'_, rate_limit::Attempts> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
