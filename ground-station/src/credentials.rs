//! Temporary credentials: who gets them, what they open, how they are known again.
//!
//! Two ways lead to them: a robot shows its certificate ([`provider`], in the words of AWS
//! IoT's credentials provider), somebody who may drive a robot asks to watch it ([`viewer`]).
//! Both give what opens one side of one channel and nothing else ([`grant`], [`issue`]).

pub mod grant;
pub mod issue;
pub mod provider;
pub mod viewer;

pub use grant::{Grant, Holder, Role};
pub use issue::{Issuer, Redeemed};

use axum::Router;
use axum::routing::{get, post};

use crate::station::Station;

/// Both ways.
pub fn router(station: &Station) -> Router {
    Router::new()
        .route(
            "/role-aliases/{alias}/credentials",
            get(provider::credentials),
        )
        .route("/robots/{name}/viewer", post(viewer::credentials))
        .with_state(station.clone())
}
