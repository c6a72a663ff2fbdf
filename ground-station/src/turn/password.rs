//! Passwords that expire: the user is `<unix expiry>:<name>`, the password is the base64 of
//! HMAC-SHA1(secret, user). coturn calls this its REST API.
//!
//! SHA-1 is what the scheme has; as an HMAC under a secret of our own it holds.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use turn::auth::generate_auth_key;

/// Longest user that is looked at: STUN's own limit is 513 bytes.
const MAX_USER_BYTES: usize = 512;

/// The password of `username`.
pub(super) fn of(secret: &[u8], username: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    STANDARD.encode(hmac::sign(&key, username.as_bytes()))
}

/// The name in a user, and when it expires.
pub(super) fn parts(username: &str) -> Option<(u64, &str)> {
    if username.len() > MAX_USER_BYTES {
        return None;
    }
    let (expiry, name) = username.split_once(':')?;
    Some((expiry.parse().ok()?, name))
}

/// Who may sign in to one request.
pub(super) struct RelayAuth {
    pub secret: Vec<u8>,
    pub now_s: u64,
    /// The user of the allocation that the request is about. An expired password goes on
    /// being good for it: what was allocated in time may be kept, as at coturn.
    pub allocated_by: Option<String>,
}

impl turn::auth::AuthHandler for RelayAuth {
    fn auth_handle(
        &self,
        username: &str,
        realm: &str,
        _: std::net::SocketAddr,
    ) -> Result<Vec<u8>, turn::Error> {
        let same_user = self
            .allocated_by
            .as_deref()
            .is_none_or(|user| user == username);
        let fresh = parts(username).is_some_and(|(expiry_s, _)| self.now_s < expiry_s);
        if !same_user || !(fresh || self.allocated_by.is_some()) {
            return Err(turn::Error::ErrNoSuchUser);
        }
        let password = of(&self.secret, username);
        Ok(generate_auth_key(username, realm, &password))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use turn::auth::AuthHandler;

    fn accepts(username: &str, now_s: u64, allocated_by: Option<&str>) -> bool {
        let auth = RelayAuth {
            secret: b"north".to_vec(),
            now_s,
            allocated_by: allocated_by.map(str::to_owned),
        };
        let from = ([127, 0, 0, 1], 1).into();
        auth.auth_handle(username, "outpost", from).is_ok()
    }

    #[test]
    fn the_scheme_is_coturns() {
        // Checked with: printf 1433895918:ninefingers | openssl dgst -sha1 -hmac north -binary | base64
        assert_eq!(
            of(b"north", "1433895918:ninefingers"),
            "jy8hTxmOO7UtEKXqSkSlvakPVYA="
        );
        assert_eq!(
            parts("1433895918:ninefingers"),
            Some((1_433_895_918, "ninefingers"))
        );
    }

    #[test]
    fn a_password_expires_but_not_for_what_it_holds() {
        assert!(accepts("100:rover", 99, None));
        assert!(!accepts("100:rover", 100, None));
        assert!(accepts("100:rover", 100, Some("100:rover")));
        assert!(!accepts("200:rover", 100, Some("100:rover")));
    }

    #[test]
    fn a_user_without_expiry_is_none() {
        let long = format!("100:{}", "x".repeat(MAX_USER_BYTES));
        for user in ["", "rover", ":rover", "soon:rover", "-1:rover", &long] {
            assert!(!accepts(user, 0, None), "{user}");
        }
    }
}
