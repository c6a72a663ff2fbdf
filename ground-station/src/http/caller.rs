//! Takes the [`Caller`] out of a request's headers. A handler that has one has checked it.

use super::access_log::Label;
use super::error::Refusal;
use crate::auth::{Caller, Denied, Now};
use crate::connections::Known;
use crate::http::app_state::AppState;
use axum::extract::FromRequestParts;
use axum::http::HeaderName;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use std::sync::Arc;

/// Carries an API key, as at API Gateway.
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

impl FromRequestParts<Arc<AppState>> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<AppState>) -> Result<Self, Refusal> {
        let now = Now::read();
        let header = |name| {
            parts
                .headers
                .get(name)
                .map(|value| value.to_str().unwrap_or(""))
        };
        let caller = match (header(API_KEY), header(AUTHORIZATION)) {
            (Some(key), _) => app.accounts.by_key(key)?,
            (None, Some(authorization)) => {
                let token = bearer(authorization).ok_or(Denied::Forbidden)?;
                app.accounts.by_token(token, now)?
            }
            (None, None) => return Err(Denied::Forbidden.into()),
        };
        if let Some(label) = parts.extensions.get::<Label>() {
            label.set(caller.principal.label());
        }
        app.accounts.spend(&caller, now)?;
        if let Some(connection) = parts.extensions.get::<Known>() {
            connection.mark();
        }
        Ok(caller)
    }
}

/// The token in `Bearer …`; the word's case does not count (RFC 9110, 11.1).
fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_start())
}

#[cfg(test)]
mod tests {
    use super::bearer;

    #[test]
    fn only_the_bearer_scheme_is_a_token() {
        assert_eq!(bearer("Bearer abc"), Some("abc"));
        assert_eq!(bearer("bearer  abc"), Some("abc"));
        assert_eq!(bearer("Basic abc"), None);
        assert_eq!(bearer("Bearer"), None);
    }
}
