//! Which routes there are, the layers round them (access log, CORS), and what becomes of
//! everything that nobody answers. `docs/http.md` describes each.

use super::app_state::AppState;
use super::aws::{self, credentials_provider, viewer_credentials};
use super::error::Refusal;
use super::{
    access_log, arrival, channel, console, display, drive_log, login, mars, origin, publish,
    robots, security_headers, sign, status, telemetry, whep,
};
use crate::clock;
use ::mars::PICTURE_PATH;
use axum::http::{Method, StatusCode, header};
use axum::response::Response;
use axum::routing::{get, patch, post};
use axum::{Router, middleware};
use headers::HeaderMapExt;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};
use tower_http::cors::{AllowHeaders, Any, CorsLayer};

/// How long a page need not ask again whether it may ask; Chromium takes two hours at most.
const PREFLIGHT: Duration = Duration::from_secs(2 * 60 * 60);

/// Everything that both listeners serve.
pub(crate) fn router(app: &Arc<AppState>) -> Router {
    let routes = Router::new()
        .route("/publish", post(publish::to_the_only_robot))
        .route("/robots", get(robots::list))
        .route("/robots/{name}/publish", post(publish::to_robot))
        .route("/robots/{name}/log", get(drive_log::list))
        .route(
            "/robots/{name}/viewer",
            post(viewer_credentials::credentials),
        )
        .route("/robots/{name}/signaling", post(channel::send))
        .route("/robots/{name}/whep", post(whep::offer))
        .route(
            "/robots/{name}/whep/{id}",
            patch(whep::trickle).delete(whep::leave),
        )
        .route(
            "/role-aliases/{alias}/credentials",
            get(credentials_provider::credentials),
        )
        .route("/telemetry", get(telemetry::stream))
        .route("/login", post(login::login))
        .route("/display.png", get(display::png))
        .route("/mars", get(mars::report))
        .route(PICTURE_PATH, get(mars::picture))
        .route("/sign", get(sign::form).post(sign::sign))
        .route("/ca.pem", get(status::ca))
        .route("/healthz", get(status::health))
        .route("/metrics", get(status::metrics))
        .method_not_allowed_fallback(async || {
            Refusal::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "this route has other methods",
            )
        })
        .with_state(app.clone())
        .merge(aws::calls(&app.signaling))
        .fallback_service(console::files(app.console.clone().or_else(console::find)));
    aws::with_sockets(routes, &app.signaling)
        .layer(middleware::from_fn_with_state(
            app.clone(),
            access_log::every_request,
        ))
        .layer(cors())
        .layer(middleware::from_fn_with_state(
            Arc::from(&app.trusted_proxies[..]),
            origin::note,
        ))
        .layer(middleware::from_fn(arrival::note))
        .layer(middleware::map_response(security_headers::add))
        .layer(middleware::map_response(dated))
}

/// With the time of day, by which robots sign that have no clock. The server's own `Date` is
/// remembered until a later one: where the clock goes back, it stands.
async fn dated(mut response: Response) -> Response {
    let now = UNIX_EPOCH + Duration::from_secs(clock::unix_s());
    let date = headers::Date::from(now);
    response.headers_mut().typed_insert(date);
    response
}

/// Any page may ask: who asks is told by a header that only a page that knows the secret can
/// set, never by a cookie that a browser adds by itself. As the original's API Gateway.
fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::POST, Method::PATCH, Method::DELETE])
        .expose_headers([header::LOCATION])
        // The AWS SDK in a page signs its calls with a dozen headers of its own.
        .allow_headers(AllowHeaders::mirror_request())
        .max_age(PREFLIGHT)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    /// `METHOD PATH` of every `.route(PATH, get(…).post(…))` in these sources.
    fn served() -> BTreeSet<String> {
        let sources = [include_str!("router.rs"), include_str!("aws.rs")];
        let code = sources.map(|source| source.split("#[cfg(test)]").next().unwrap());
        let code = code.concat();
        let routes = code.split(".route(").skip(1).map(|route| {
            let end = route.find("\n        .").unwrap_or(route.len());
            let (path, handlers) = route[..end].split_once(',').unwrap();
            (path.trim(), handlers)
        });
        let methods = |(path, handlers): (&str, &str)| {
            let path = match path {
                "PICTURE_PATH" => mars::PICTURE_PATH,
                "CREATE_PATH" => wire::signaling::control::CREATE_PATH,
                "DESCRIBE_PATH" => wire::signaling::control::DESCRIBE_PATH,
                "ENDPOINT_PATH" => wire::signaling::control::ENDPOINT_PATH,
                "ICE_PATH" => wire::signaling::control::ICE_PATH,
                literal => literal.trim_matches('"'),
            };
            let methods = [
                ("get(", "GET"),
                ("post(", "POST"),
                ("patch(", "PATCH"),
                (".delete(", "DELETE"),
            ];
            methods
                .into_iter()
                .filter(|(call, _)| handlers.contains(call))
                .map(|(_, method)| format!("{method} {path}"))
                .collect::<Vec<_>>()
        };
        routes.flat_map(methods).collect()
    }

    #[test]
    fn the_page_on_http_has_every_route_and_no_other() {
        let page = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/http.md"));
        let described: BTreeSet<String> = page
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
            .map(|(route, _)| route.to_owned())
            .filter(|route| {
                ["GET /", "POST /", "PATCH /", "DELETE /"]
                    .iter()
                    .any(|m| route.starts_with(m))
            })
            .collect();
        assert_eq!(described, served());
        assert!(described.len() > 15, "{described:?}");
    }
}
