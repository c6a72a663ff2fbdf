//! Signed tokens: claims that expire, under a MAC of this station, so that nothing needs to be
//! stored and a restart forgets nobody.
//!
//! `BASE64URL(JSON) "." BASE64URL(HMAC-SHA256)`. Every use has a key of its own, derived from the
//! secret by a label; a change of the claims' shape is another label, and voids older tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Longest token that is looked at; ours take about 300 bytes.
const MAX_BYTES: usize = 2048;

/// Signs the tokens of one use, and checks them.
pub struct TokenKey(hmac::Key);

/// What a token says, and until when (Unix seconds).
#[derive(Debug, Serialize, Deserialize)]
pub struct Claims<T> {
    pub claims: T,
    /// When it ends, in Unix seconds.
    pub expires_s: u64,
}

/// Why a token is worth nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Garbage, of another station, or for another use.
    #[error("it was not signed by this station")]
    Invalid,
    #[error("it has expired")]
    Expired,
    /// Whoever holds it may no longer.
    #[error("it was revoked")]
    Revoked,
}

impl TokenKey {
    /// The key for the use that `label` names.
    pub fn new(secret: &[u8], label: &str) -> Self {
        Self(derived(secret, label))
    }

    /// A token that says `claims` until `expires_s`.
    pub fn sign(&self, claims: impl Serialize, expires_s: u64) -> String {
        let claims = Claims { claims, expires_s };
        let json = serde_json::to_vec(&claims).expect("strings and numbers are always JSON");
        let mac = hmac::sign(&self.0, &json);
        let [json, mac] = [&json[..], mac.as_ref()].map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
        format!("{json}.{mac}")
    }

    /// What a token says, if it is ours and has not ended.
    pub fn verify<T: DeserializeOwned>(
        &self,
        token: &str,
        now_s: u64,
    ) -> Result<Claims<T>, TokenError> {
        let claims = self.signed::<T>(token).ok_or(TokenError::Invalid)?;
        if now_s >= claims.expires_s {
            return Err(TokenError::Expired);
        }
        Ok(claims)
    }

    fn signed<T: DeserializeOwned>(&self, token: &str) -> Option<Claims<T>> {
        if token.len() > MAX_BYTES {
            return None;
        }
        let (json, mac) = token.split_once('.')?;
        let json = URL_SAFE_NO_PAD.decode(json).ok()?;
        let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
        // Compares in constant time.
        hmac::verify(&self.0, &json, &mac).ok()?;
        serde_json::from_slice(&json).ok()
    }
}

/// A key that tells nothing of `secret`, nor of the keys of other labels.
pub(super) fn derived(secret: &[u8], label: &str) -> hmac::Key {
    let secret = hmac::Key::new(hmac::HMAC_SHA256, secret);
    hmac::Key::new(
        hmac::HMAC_SHA256,
        hmac::sign(&secret, label.as_bytes()).as_ref(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> TokenKey {
        TokenKey::new(&[7; 32], "test-1")
    }

    fn check(token: &str, now_s: u64) -> Result<String, TokenError> {
        key().verify(token, now_s).map(|verified| verified.claims)
    }

    #[test]
    fn a_token_holds_until_its_last_second_and_no_longer() {
        let token = key().sign("rover", 1000);
        assert_eq!(check(&token, 999).as_deref(), Ok("rover"));
        assert_eq!(check(&token, 1000), Err(TokenError::Expired));
    }

    #[test]
    fn a_forged_foreign_or_malformed_token_is_invalid() {
        let token = key().sign("rover", 1000);
        let (json, mac) = token.split_once('.').unwrap();
        let claims = String::from_utf8(URL_SAFE_NO_PAD.decode(json).unwrap()).unwrap();
        let changed = URL_SAFE_NO_PAD.encode(claims.replace("rover", "other"));
        let shape = key().sign(7, 1000);
        let foreign = TokenKey::new(&[8; 32], "test-1").sign("rover", 1000);
        let other_use = TokenKey::new(&[7; 32], "test-2").sign("rover", 1000);
        let long = "a".repeat(MAX_BYTES + 1);
        for token in [
            "",
            ".",
            json,
            &token[..token.len() - 1],
            &format!("{changed}.{mac}"),
            &format!("{json}."),
            &long,
            &shape,
            &foreign,
            &other_use,
        ] {
            assert_eq!(check(token, 0), Err(TokenError::Invalid), "{token:?}");
        }
    }
}
