//! The web console's files, for everything that is no route.

use super::error::Refusal;
use super::security_headers;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any};
use std::path::PathBuf;
use tower::ServiceExt;
use tower_http::services::ServeDir;

/// Where the Debian package puts the console.
const INSTALLED: &str = "/usr/share/ground-station/console";

/// Where the console lies when nobody says: beside the program, where the package puts it, in
/// a checkout.
pub(super) fn find() -> Option<PathBuf> {
    let beside = std::env::current_exe()
        .ok()
        .and_then(|program| Some(program.parent()?.join("web-console")));
    beside
        .into_iter()
        .chain([INSTALLED, "web-console/dist"].map(PathBuf::from))
        .find(|folder| folder.join("index.html").is_file())
}

/// Serves the files under `folder`; without one, says where they come from.
pub(super) fn files(folder: Option<PathBuf>) -> MethodRouter {
    // The build lays a compressed one beside each: on a slow path they are what is waited for.
    let files = folder.map(|folder| ServeDir::new(folder).precompressed_gzip());
    any(async move |request: Request| serve(files, request).await)
}

async fn serve(files: Option<ServeDir>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let missing = || Refusal::not_found(format!("there is nothing at {path}")).into_response();
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        return missing();
    }
    let Some(files) = files else {
        if path == "/" {
            return Refusal::not_found(
                "the web console is not built: `npm ci && npm run build` in web-console does, or --console DIR says where it is",
            )
            .into_response();
        }
        return missing();
    };
    let mut response = match files.oneshot(request).await {
        Ok(response) if response.status().is_client_error() => return missing(),
        Ok(response) => response.map(Body::new),
        Err(never) => match never {},
    };
    let headers = response.headers_mut();
    // A new version of the page must not meet an old script; files are small and near.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::CONTENT_SECURITY_POLICY, security_headers::CONSOLE);
    response
}

#[cfg(test)]
mod tests {
    use super::INSTALLED;

    #[test]
    fn the_console_is_looked_for_where_the_package_puts_it() {
        let manifest = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
        let asset = manifest
            .lines()
            .find(|line| line.contains("web-console/dist"))
            .unwrap();
        let target = asset.split('"').nth(3).unwrap();
        assert_eq!(format!("/{target}"), format!("{INSTALLED}/"));
    }
}
