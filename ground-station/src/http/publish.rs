//! `POST /publish` and `POST /robots/{name}/publish`: an action, checked, stamped, on its way
//! to a robot.

mod age;

use super::arrival::Arrival;
use super::body::{self, Limits};
use super::error::Refusal;
use crate::auth::{Caller, Principal};
use crate::clock;
use crate::http::app_state::AppState;
use crate::store::Permission;
use age::Age;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::sync::Arc;
use wire::Action;
use wire::action::{MAX_BYTES, MAX_NAME_BYTES, Rejected};

#[derive(Serialize)]
struct Published {
    topic: String,
    payload: Action,
    qos: u8,
}

pub(super) async fn to_the_only_robot(
    arrival: Arrival,
    State(app): State<Arc<AppState>>,
    caller: Caller,
    body: Body,
) -> Result<Response, Refusal> {
    caller.require(Permission::Publish)?;
    let robots = caller.rights.driven(&app.store.directory());
    let [robot] = robots.as_slice() else {
        return Err(Refusal::bad(match robots.len() {
            0 => "there is no robot yet: `ground-station new-robot NAME --out DIR` makes one"
                .to_owned(),
            n => format!("you have {n} robots: POST /robots/NAME/publish says which one"),
        }));
    };
    publish(&app, robot, &caller.principal, arrival, body).await
}

pub(super) async fn to_robot(
    arrival: Arrival,
    State(app): State<Arc<AppState>>,
    Path(robot): Path<String>,
    caller: Caller,
    body: Body,
) -> Result<Response, Refusal> {
    // Whether there is such a robot is only told to those who would be let in.
    caller.require_robot(&robot)?;
    app.require_known(&robot)?;
    publish(&app, &robot, &caller.principal, arrival, body).await
}

async fn publish(
    app: &AppState,
    robot: &str,
    principal: &Principal,
    arrival: Arrival,
    body: Body,
) -> Result<Response, Refusal> {
    let body = body::read(body, Limits::of(MAX_BYTES)).await?;
    let mut action = Action::from_json(&body).map_err(Refusal::bad)?;
    let age = Age::of(&action, &arrival);
    action.user = Some(user(principal));
    if let Some(clock_ms) = app.robots.clock_ms(robot, arrival.at) {
        action.clock_ms = age.stamp(&arrival, clock_ms).or(action.clock_ms);
    }
    let mut response = send(app, robot, action, age, arrival).await.into_response();
    // The next order of this client cannot stand behind others in a connection that stalls.
    if matches!(age, Age::AtMostSince(_)) && arrival.closable {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    Ok(response)
}

async fn send(
    app: &AppState,
    robot: &str,
    action: Action,
    age: Age,
    arrival: Arrival,
) -> Result<Json<Published>, Refusal> {
    if age.is_too_late(clock::instant()) {
        return Err(Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            "the action may have been on its way for more than a second, and is not obeyed: send \
             it again on a new connection, or with \"sent_at\" or \"clock_ms\", so that its age \
             can be told",
        ));
    }
    let payload = action.to_json();
    if payload.len() > MAX_BYTES {
        return Err(Refusal::bad(Rejected::TooLong(payload.len())));
    }
    let topic = wire::topic::action(robot);
    app.publisher
        .publish(topic.clone(), payload.into_bytes())
        .await
        .map_err(|unpublished| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, unpublished))?;
    app.metrics
        .publish_seconds
        .observe(arrival.at.elapsed().as_secs_f64());
    Ok(Json(Published {
        topic,
        payload: action,
        qos: 1,
    }))
}

/// The name by which the robot knows who drives; names are ASCII, and longer than an action's.
fn user(principal: &Principal) -> String {
    let mut label = principal.label();
    label.truncate(MAX_NAME_BYTES);
    label
}
