//! `POST /publish` and `POST /robots/{name}/publish`: an action, checked, on its way to a
//! robot.

use super::body::{self, Limits};
use super::error::Refusal;
use crate::auth::Caller;
use crate::clock;
use crate::http::app_state::AppState;
use crate::store::Permission;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Serialize;
use std::sync::Arc;
use wire::Action;
use wire::action::MAX_BYTES;

#[derive(Serialize)]
pub(super) struct Published {
    topic: String,
    payload: Action,
    qos: u8,
}

pub(super) async fn to_the_only_robot(
    State(app): State<Arc<AppState>>,
    caller: Caller,
    body: Body,
) -> Result<Json<Published>, Refusal> {
    caller.require(Permission::Publish)?;
    let robots = caller.rights.driven(&app.store.directory());
    let [robot] = robots.as_slice() else {
        return Err(Refusal::bad(match robots.len() {
            0 => "there is no robot yet: `ground-station new-robot NAME --out DIR` makes one"
                .to_owned(),
            n => format!("you have {n} robots: POST /robots/NAME/publish says which one"),
        }));
    };
    publish(&app, robot, body).await
}

pub(super) async fn to_robot(
    State(app): State<Arc<AppState>>,
    Path(robot): Path<String>,
    caller: Caller,
    body: Body,
) -> Result<Json<Published>, Refusal> {
    // Whether there is such a robot is only told to those who would be let in.
    caller.require_robot(&robot)?;
    app.require_known(&robot)?;
    publish(&app, &robot, body).await
}

async fn publish(app: &Arc<AppState>, robot: &str, body: Body) -> Result<Json<Published>, Refusal> {
    let started = clock::instant();
    let body = body::read(body, Limits::of(MAX_BYTES)).await?;
    let action = Action::from_json(&body).map_err(Refusal::bad)?;
    let topic = wire::topic::action(robot);
    app.publisher
        .publish(topic.clone(), action.to_json().into_bytes())
        .await
        .map_err(|unpublished| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, unpublished))?;
    app.metrics
        .publish_seconds
        .observe(started.elapsed().as_secs_f64());
    Ok(Json(Published {
        topic,
        payload: action,
        qos: 1,
    }))
}
