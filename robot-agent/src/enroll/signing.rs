//! The exchange with whoever signs: a certificate request goes out, a certificate comes
//! back. Of files it knows only the CA that the owner trusts.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use reqwest::header::HeaderValue;
use reqwest::redirect::Policy;
use rustls::{ClientConfig, RootCertStore};
use serde::Deserialize;
use url::{Host, Url};

use crate::certificates::{pem, tls_builder};
use crate::connect_error;

/// A cold Lambda takes seconds; a minute means that nobody answers.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// Largest answer that is read: certificate, CA and configuration take about 8 kB.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// What is answered; the last two only by a ground station.
#[derive(Deserialize)]
pub(super) struct SigningAnswer {
    pub(super) crt_pem: String,
    pub(super) ca_pem: Option<String>,
    pub(super) config: Option<serde_json::Value>,
}

/// The address to post to. An API key and a CA that is trusted from then on do not travel
/// in the clear, except within this computer.
pub(super) fn address(url: &Url) -> Result<Url> {
    let local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    ensure!(
        url.scheme() == "https" || (url.scheme() == "http" && local),
        "{url} is not safe: the API key would travel in the clear; use https, with --ca FILE \
         for a ground station's own CA"
    );
    let mut url = url.clone();
    if url.path() == "/" {
        url.set_path("/sign");
    }
    Ok(url)
}

pub(super) fn request(key: &KeyPair, name: Option<&str>) -> Result<String> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    if let Some(name) = name {
        params.distinguished_name.push(DnType::CommonName, name);
    }
    let request = params
        .serialize_request(key)
        .context("cannot make a certificate request")?;
    request.pem().context("cannot write a certificate request")
}

pub(super) async fn sign(
    url: &Url,
    api_key: &str,
    ca: Option<&Path>,
    request: String,
) -> Result<SigningAnswer> {
    let mut key = HeaderValue::from_str(api_key.trim()).context("--key is no API key")?;
    key.set_sensitive(true);
    let client = reqwest::Client::builder()
        .use_preconfigured_tls(tls(ca)?)
        .redirect(Policy::none())
        .timeout(TIME_LIMIT)
        .build()?;
    let mut response = client
        .post(url.clone())
        .header("x-api-key", key)
        .json(&serde_json::json!({ "description": request }))
        .send()
        .await
        .map_err(|error| unreachable(url, &error))?;
    let mut body = Vec::new();
    while let Some(part) = response
        .chunk()
        .await
        .with_context(|| format!("{url} broke off"))?
    {
        body.extend_from_slice(&part);
        ensure!(
            body.len() <= MAX_ANSWER_BYTES,
            "{url} answers without end: is the URL right?"
        );
    }
    let status = response.status();
    if !status.is_success() {
        bail!(
            "{url} answers {status}: {}",
            refusal(status.as_u16(), &body)
        );
    }
    serde_json::from_slice(&body).with_context(|| {
        format!("{url} does not answer with a certificate (\"crt_pem\"): is the URL right?")
    })
}

/// What the server says, and what to do about it.
fn refusal(status: u16, body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Refusal {
        message: String,
    }
    let message = match serde_json::from_slice::<Refusal>(body) {
        Ok(refusal) => refusal.message,
        Err(_) => String::from_utf8_lossy(body).chars().take(200).collect(),
    };
    match status {
        401 | 403 => format!("{message}; is the key right, and may it sign for this robot?"),
        404 | 405 => format!("{message}; is the URL right?"),
        _ => message,
    }
}

fn unreachable(url: &Url, error: &reqwest::Error) -> anyhow::Error {
    use rustls::{CertificateError::UnknownIssuer, Error::InvalidCertificate};
    match connect_error::find(error) {
        Some(InvalidCertificate(UnknownIssuer)) => anyhow::anyhow!(
            "{url} has a certificate of a CA that is not known here: for a ground station, \
             copy ca.pem from its state folder and give it with --ca"
        ),
        _ => anyhow::anyhow!("cannot reach {url}: {}", connect_error::reason(error)),
    }
}

/// Trusts the CA that was given, and nobody else, or else what this computer trusts.
fn tls(ca: Option<&Path>) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let trusted = match ca {
        Some(file) => pem::certificates(file).map_err(|finding| anyhow::anyhow!(finding.text))?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    roots.add_parsable_certificates(trusted);
    Ok(tls_builder(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn posts_to(url: &str) -> Result<String> {
        address(&url.parse().unwrap()).map(String::from)
    }

    #[test]
    fn a_host_alone_means_its_sign_page_and_a_path_is_kept() {
        assert_eq!(
            posts_to("https://station:8443").unwrap(),
            "https://station:8443/sign"
        );
        let lambda = "https://abc.execute-api.us-east-1.amazonaws.com/Prod/sign";
        assert_eq!(posts_to(lambda).unwrap(), lambda);
    }

    #[test]
    fn a_key_travels_in_the_clear_only_within_this_computer() {
        for url in [
            "http://localhost:8080",
            "http://127.0.0.1:1",
            "http://[::1]:1",
        ] {
            assert!(posts_to(url).is_ok(), "{url}");
        }
        for url in [
            "http://station:8080",
            "http://10.0.0.1",
            "ftp://localhost",
            "http://localhost.evil",
        ] {
            let error = posts_to(url).unwrap_err().to_string();
            assert!(error.contains("is not safe"), "{url}: {error}");
        }
    }

    #[test]
    fn what_the_server_says_is_passed_on_with_advice() {
        let text = refusal(403, br#"{"message":"Forbidden"}"#);
        assert!(text.starts_with("Forbidden; is the key right"), "{text}");
        assert_eq!(refusal(500, b"oh no"), "oh no");
    }
}
