//! SigV4: the two forms in which Kinesis Video Streams wants requests signed, as headers for
//! a call and in the query of a socket's URL.

use std::time::{Duration, SystemTime};

use anyhow::Context;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningInstructions, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use url::Url;
use wire::signaling::SIGNING_NAME;
use wire::signaling::control::Credentials;

/// How long a signed URL is good for; what the official clients say.
const URL_LIFE: Duration = Duration::from_secs(299);

/// Signs with these credentials, for a region, at a time.
pub(crate) struct Signer<'a> {
    pub credentials: &'a Credentials,
    pub region: &'a str,
    pub now: SystemTime,
}

impl Signer<'_> {
    /// A POST of JSON with its signature in headers.
    pub(crate) fn signed_post(&self, url: Url, body: Vec<u8>) -> anyhow::Result<reqwest::Request> {
        let mut request = reqwest::Request::new(reqwest::Method::POST, url);
        let signed = SignableRequest::new(
            "POST",
            request.url().as_str(),
            [("content-type", JSON)].into_iter(),
            SignableBody::Bytes(&body),
        )
        .context("no request that can be signed")?;
        let instructions = self.sign(signed, SigningSettings::default())?;
        let headers = request.headers_mut();
        headers.insert(reqwest::header::CONTENT_TYPE, JSON.parse()?);
        for (name, value) in instructions.headers() {
            let name: reqwest::header::HeaderName = name.parse()?;
            headers.insert(name, value.parse()?);
        }
        *request.body_mut() = Some(body.into());
        Ok(request)
    }

    /// The URL of the master's socket on `channel_arn`, with its signature in the query.
    pub(crate) fn presigned_socket_url(
        &self,
        endpoint: &str,
        channel_arn: &str,
    ) -> anyhow::Result<Url> {
        let mut url = Url::parse(endpoint).with_context(|| format!("{endpoint} is no URL"))?;
        url.set_path("/");
        url.set_query(Some(&format!(
            "X-Amz-ChannelARN={}",
            percent_encoded(channel_arn)
        )));
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(URL_LIFE);
        let signed = SignableRequest::new(
            "GET",
            url.as_str(),
            std::iter::empty(),
            SignableBody::Bytes(&[]),
        )
        .context("no URL that can be signed")?;
        let instructions = self.sign(signed, settings)?;
        let query = instructions.params().iter().fold(
            url.query().unwrap_or_default().to_owned(),
            |query, (name, value)| format!("{query}&{name}={}", percent_encoded(value)),
        );
        url.set_query(Some(&query));
        Ok(url)
    }

    fn sign(
        &self,
        request: SignableRequest<'_>,
        settings: SigningSettings,
    ) -> anyhow::Result<SigningInstructions> {
        let identity = aws_credential_types::Credentials::new(
            &self.credentials.access_key_id,
            &self.credentials.secret_access_key,
            Some(self.credentials.session_token.clone()).filter(|token| !token.is_empty()),
            None,
            "role alias",
        )
        .into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(SIGNING_NAME)
            .time(self.now)
            .settings(settings)
            .build()
            .context("a part of the signature is missing")?
            .into();
        Ok(sign(request, &parameters)
            .context("the request cannot be signed")?
            .into_parts()
            .0)
    }
}

const JSON: &str = "application/json";

/// As RFC 3986 wants it in a query, and SigV4 with it: all but letters, digits and `-_.~`.
fn percent_encoded(text: &str) -> String {
    use std::fmt::Write;
    text.bytes().fold(String::new(), |mut query, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            query.push(char::from(byte));
        } else {
            let _ = write!(query, "%{byte:02X}");
        }
        query
    })
}
