//! Bearer tokens: JSON Web Tokens that expire, signed with a secret in the store.

use super::Denied;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, errors::ErrorKind};
use serde::{Deserialize, Serialize};

/// A working day: whoever drives signs in once in the morning.
pub const LIFETIME_S: u64 = 12 * 60 * 60;

/// Signs and checks tokens.
pub struct Tokens {
    sign: EncodingKey,
    check: DecodingKey,
}

/// What a token says.
#[derive(Debug, Serialize, Deserialize)]
pub struct Claims {
    /// The user's name.
    pub sub: String,
    /// Of the password it was given for.
    pub stamp: String,
    /// When it was given, in Unix seconds.
    pub iat: u64,
    /// When it ends, in Unix seconds.
    pub exp: u64,
}

impl Tokens {
    /// With the station's secret.
    pub fn new(secret: &[u8]) -> Self {
        Self {
            sign: EncodingKey::from_secret(secret),
            check: DecodingKey::from_secret(secret),
        }
    }

    /// A token for `name`, and when it ends.
    pub fn issue(&self, name: &str, stamp: &str, now_s: u64) -> (String, u64) {
        let exp = now_s + LIFETIME_S;
        let claims = Claims {
            sub: name.to_owned(),
            stamp: stamp.to_owned(),
            iat: now_s,
            exp,
        };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.sign)
            .expect("strings and numbers can be signed with an HMAC");
        (token, exp)
    }

    /// What a token says, if it is ours and has not ended.
    ///
    /// # Errors
    /// [`Denied::Token`] with the reason.
    pub fn check(&self, token: &str, now_s: u64) -> Result<Claims, Denied> {
        let mut validation = Validation::new(Algorithm::HS256);
        // Expiry is checked below, with the caller's `now` and without leeway.
        validation.validate_exp = false;
        let claims = jsonwebtoken::decode::<Claims>(token, &self.check, &validation)
            .map_err(|error| match error.kind() {
                ErrorKind::InvalidSignature => Denied::Token("it was not signed by this station"),
                _ => Denied::Token("it cannot be read"),
            })?
            .claims;
        if now_s >= claims.exp {
            return Err(Denied::Token("it has expired"));
        }
        Ok(claims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::prelude::*;

    #[test]
    fn a_token_holds_until_its_last_second_and_no_longer() {
        let tokens = Tokens::new(b"secret");
        let (token, expires) = tokens.issue("ann", "1", 1000);
        assert_eq!(expires, 1000 + LIFETIME_S);
        assert_eq!(tokens.check(&token, expires - 1).unwrap().sub, "ann");
        assert_eq!(
            tokens.check(&token, expires).unwrap_err(),
            Denied::Token("it has expired")
        );
    }

    #[test]
    fn tokens_of_another_secret_or_of_none_are_refused() {
        let (foreign, _) = Tokens::new(b"other").issue("ann", "1", 1000);
        let tokens = Tokens::new(b"secret");
        assert!(tokens.check(&foreign, 1000).is_err());
        let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        let unsigned = format!(
            "{}.{}.",
            part(r#"{"alg":"none","typ":"JWT"}"#),
            part(r#"{"sub":"ann","stamp":"1","iat":0,"exp":99999999999}"#)
        );
        for token in [unsigned.as_str(), "", "a.b.c", "nonsense"] {
            assert!(tokens.check(token, 1000).is_err(), "{token:?}");
        }
    }
}
