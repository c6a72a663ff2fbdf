//! Temporary credentials: how they are made, and how they are recognised again.
//!
//! Nothing is stored. The session token says what it opens and until when, under a MAC of
//! this ground station; the secret is derived from the token. So a restart forgets nobody,
//! and a robot's credentials cost no table. What makes a grant void before its time (a
//! revoked certificate, a deleted account) is asked of whoever knows, at each use.

use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rand::Rng;
use ring::hmac;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use wire::signaling::control::Credentials;

use super::grant::Grant;
use crate::http::aws::error::Refusal;

/// Longest session token that is looked at; ours take about 300 bytes.
const MAX_TOKEN_BYTES: usize = 2048;

/// A grant that was proved, and the secret that signatures under it are made with.
#[derive(Clone, Debug)]
pub struct Redeemed {
    /// What it opens.
    pub grant: Grant,
    /// The secret access key.
    pub secret: String,
}

/// What the session token carries.
#[derive(Serialize, Deserialize)]
struct Claims {
    key: String,
    #[serde(flatten)]
    grant: Grant,
}

/// Makes credentials and recognises them.
pub struct Issuer {
    key: hmac::Key,
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Issuer").finish_non_exhaustive()
    }
}

impl Issuer {
    /// An issuer whose credentials another with the same key recognises.
    pub fn new(key: &[u8; 32]) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
        }
    }

    /// Credentials for `grant`.
    pub fn issue(&self, grant: Grant) -> Credentials {
        let expiration = rfc3339(grant.expires_s);
        let claims = Claims {
            key: access_key_id(),
            grant,
        };
        let json = serde_json::to_vec(&claims).expect("strings and numbers are always JSON");
        let tag = self.mac(b"token", &json);
        let session_token = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(&json),
            URL_SAFE_NO_PAD.encode(tag)
        );
        Credentials {
            access_key_id: claims.key,
            secret_access_key: self.secret_of(&session_token),
            session_token,
            expiration,
        }
    }

    /// What the named key and its token open at `now_s`.
    ///
    /// # Errors
    /// A [`Refusal`] for a token that is missing, not ours, of another key, or expired.
    pub fn redeem(
        &self,
        access_key_id: &str,
        session_token: Option<&str>,
        now_s: u64,
    ) -> Result<Redeemed, Refusal> {
        let token = session_token.ok_or_else(unknown_token)?;
        let claims = self.claims(token).ok_or_else(unknown_token)?;
        if claims.key != access_key_id {
            return Err(unknown_token());
        }
        if now_s >= claims.grant.expires_s {
            return Err(Refusal::gate(
                StatusCode::FORBIDDEN,
                "ExpiredTokenException",
                "The security token included in the request is expired",
            ));
        }
        Ok(Redeemed {
            grant: claims.grant,
            secret: self.secret_of(token),
        })
    }

    /// What a token says, if it is ours.
    fn claims(&self, token: &str) -> Option<Claims> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let (json, tag) = token.split_once('.')?;
        let json = URL_SAFE_NO_PAD.decode(json).ok()?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        hmac::verify(&self.key, &labelled(b"token", &json), &tag).ok()?;
        serde_json::from_slice(&json).ok()
    }

    /// Forty characters, as AWS' own.
    fn secret_of(&self, token: &str) -> String {
        STANDARD.encode(&self.mac(b"secret", token.as_bytes())[..30])
    }

    fn mac(&self, label: &[u8], of: &[u8]) -> [u8; 32] {
        let tag = hmac::sign(&self.key, &labelled(label, of));
        let mut bytes = [0; 32];
        bytes.copy_from_slice(tag.as_ref());
        bytes
    }
}

/// The label keeps a token's MAC and a secret apart, which come of the same key.
fn labelled(label: &[u8], of: &[u8]) -> Vec<u8> {
    [label, b"\0", of].concat()
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

fn unknown_token() -> Refusal {
    Refusal::gate(
        StatusCode::FORBIDDEN,
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{Holder, Role};

    fn issuer() -> Issuer {
        Issuer::new(&[7; 32])
    }

    fn grant() -> Grant {
        Grant {
            role: Role::Master,
            robot: "rover".into(),
            holder: Holder::Certificate("ab12".into()),
            expires_s: 1_675_662_886,
        }
    }

    #[test]
    fn what_was_issued_is_recognised_also_after_a_restart() {
        let credentials = issuer().issue(grant());
        let again = issuer()
            .redeem(
                &credentials.access_key_id,
                Some(&credentials.session_token),
                0,
            )
            .unwrap();
        assert_eq!(again.grant, grant());
        assert_eq!(again.secret, credentials.secret_access_key);
        assert_eq!(credentials.expiration, "2023-02-06T05:54:46Z");
        assert_eq!(credentials.secret_access_key.len(), 40);
        assert_eq!(credentials.access_key_id.len(), 20);
    }

    #[test]
    fn no_two_are_alike() {
        let (one, two) = (issuer().issue(grant()), issuer().issue(grant()));
        assert_ne!(one.access_key_id, two.access_key_id);
        assert_ne!(one.secret_access_key, two.secret_access_key);
    }

    #[test]
    fn the_last_second_is_over_when_it_says_so() {
        let made = issuer().issue(grant());
        let at = |now_s| issuer().redeem(&made.access_key_id, Some(&made.session_token), now_s);
        assert!(at(grant().expires_s - 1).is_ok());
        assert_eq!(
            at(grant().expires_s).unwrap_err().kind,
            "ExpiredTokenException"
        );
    }

    #[test]
    fn a_forged_foreign_or_foul_token_is_unknown() {
        let made = issuer().issue(grant());
        let token = made.session_token.as_str();
        let (json, tag) = token.split_once('.').unwrap();
        let claims = String::from_utf8(URL_SAFE_NO_PAD.decode(json).unwrap()).unwrap();
        let widened = URL_SAFE_NO_PAD.encode(claims.replace("rover", "other"));
        let foreign = Issuer::new(&[8; 32]).issue(grant());
        let long = "a".repeat(MAX_TOKEN_BYTES + 1);
        let key = &made.access_key_id;
        for (key, token) in [
            (key.as_str(), None),
            (key, Some("")),
            (key, Some(".")),
            (key, Some(json)),
            (key, Some(&token[..token.len() - 1])),
            (key, Some(&format!("{widened}.{tag}"))),
            (key, Some(long.as_str())),
            ("ASIAOTHER", Some(token)),
            (&foreign.access_key_id, Some(&foreign.session_token)),
        ] {
            let refusal = issuer().redeem(key, token, 0).unwrap_err();
            assert_eq!(refusal.kind, "UnrecognizedClientException", "{token:?}");
        }
    }
}
