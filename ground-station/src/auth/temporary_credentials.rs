//! Temporary credentials, as AWS STS gives them: how they are made, and recognised again.
//!
//! Nothing is stored. The session token is a signed token that says what it opens and until
//! when; the secret access key is derived from it. What makes a grant void before its time (a
//! revoked certificate, a deleted user) is asked of [`Grant::holds`] at each use.

use super::Grant;
use super::token::{TokenError, TokenKey, derived};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rand::Rng;
use ring::hmac;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use wire::signaling::control::Credentials;

/// A grant that was proved, and the secret that signatures under it are made with.
#[derive(Clone, Debug)]
pub struct Verified {
    pub grant: Grant,
    /// The secret access key.
    pub secret: String,
}

/// What the session token says.
#[derive(Serialize, Deserialize)]
struct Session {
    access_key_id: String,
    #[serde(flatten)]
    grant: Grant,
}

/// Makes credentials and recognises them.
pub struct CredentialIssuer {
    tokens: TokenKey,
    secrets: hmac::Key,
    names: hmac::Key,
}

impl std::fmt::Debug for CredentialIssuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CredentialIssuer").finish_non_exhaustive()
    }
}

impl CredentialIssuer {
    /// An issuer whose credentials another with the same secret recognises.
    pub fn new(secret: &[u8; 32]) -> Self {
        Self {
            tokens: TokenKey::new(secret, "temporary-credentials-1"),
            secrets: derived(secret, "secret-access-key-1"),
            names: derived(secret, "session-name-1"),
        }
    }

    /// Credentials for `grant` until `expires_s` (Unix seconds).
    pub fn issue(&self, grant: Grant, expires_s: u64) -> Credentials {
        let access_key_id = access_key_id();
        let session = Session {
            access_key_id: access_key_id.clone(),
            grant,
        };
        let session_token = self.tokens.sign(session, expires_s);
        Credentials {
            access_key_id,
            secret_access_key: self.secret_of(&session_token),
            session_token,
            expiration: rfc3339(expires_s),
        }
    }

    /// What the named key and its token open at `now_s`.
    pub fn verify(
        &self,
        access_key_id: &str,
        session_token: Option<&str>,
        now_s: u64,
    ) -> Result<Verified, TokenError> {
        let token = session_token.ok_or(TokenError::Invalid)?;
        let session: Session = self.tokens.verify(token, now_s)?.claims;
        if session.access_key_id != access_key_id {
            return Err(TokenError::Invalid);
        }
        Ok(Verified {
            grant: session.grant,
            secret: self.secret_of(token),
        })
    }

    /// By which it is known that `name` was given to `whom`.
    pub fn tag(&self, name: &[u8], whom: &str) -> [u8; 16] {
        let signed = hmac::sign(&self.names, &[name, whom.as_bytes()].concat());
        let (tag, _) = signed
            .as_ref()
            .split_first_chunk()
            .expect("SHA-256 has 32 bytes");
        *tag
    }

    /// Forty characters, as AWS' own.
    fn secret_of(&self, token: &str) -> String {
        STANDARD.encode(&hmac::sign(&self.secrets, token.as_bytes()).as_ref()[..30])
    }
}

/// A name like those of AWS' temporary keys: `ASIA` and sixteen letters or digits.
fn access_key_id() -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut rng = rand::rng();
    let letter = |_| char::from(LETTERS[rng.random_range(0..LETTERS.len())]);
    "ASIA".chars().chain((0..16).map(letter)).collect()
}

fn rfc3339(unix_s: u64) -> String {
    i64::try_from(unix_s)
        .ok()
        .and_then(|s| OffsetDateTime::from_unix_timestamp(s).ok())
        .and_then(|at| at.format(&Rfc3339).ok())
        .unwrap_or_else(|| "9999-12-31T23:59:59Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{Principal, Role};

    const EXPIRES_S: u64 = 1_675_662_886;

    fn issuer() -> CredentialIssuer {
        CredentialIssuer::new(&[7; 32])
    }

    fn grant() -> Grant {
        Grant {
            role: Role::Master,
            robot: "rover".into(),
            principal: Principal::Certificate("ab12".into(), "rover".into()),
        }
    }

    #[test]
    fn what_was_issued_is_recognised_also_after_a_restart() {
        let made = issuer().issue(grant(), EXPIRES_S);
        let verify = |now_s| issuer().verify(&made.access_key_id, Some(&made.session_token), now_s);
        let again = verify(EXPIRES_S - 1).unwrap();
        assert_eq!(again.grant, grant());
        assert_eq!(again.secret, made.secret_access_key);
        assert_eq!(made.expiration, "2023-02-06T05:54:46Z");
        assert_eq!(made.secret_access_key.len(), 40);
        assert_eq!(made.access_key_id.len(), 20);
        assert_eq!(verify(EXPIRES_S).unwrap_err(), TokenError::Expired);
    }

    #[test]
    fn no_two_are_alike() {
        let (one, two) = (issuer().issue(grant(), 1), issuer().issue(grant(), 1));
        assert_ne!(one.access_key_id, two.access_key_id);
        assert_ne!(one.secret_access_key, two.secret_access_key);
    }

    #[test]
    fn a_token_without_its_own_key_is_unknown() {
        let made = issuer().issue(grant(), EXPIRES_S);
        let other = issuer().issue(grant(), EXPIRES_S);
        for (key, token) in [
            (&made.access_key_id, None),
            (&made.access_key_id, Some(other.session_token.as_str())),
            (&"ASIAOTHER".to_owned(), Some(made.session_token.as_str())),
        ] {
            let error = issuer().verify(key, token, 0).unwrap_err();
            assert_eq!(error, TokenError::Invalid, "{token:?}");
        }
    }
}
