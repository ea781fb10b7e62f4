//! Secrets in recorded exchanges: their recognition and removal.
//!
//! Nobody says which texts are secret, so their places do: headers, parameters and members with
//! certain names. A text found in such a place is removed from all other texts as well.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request, Response, Uri};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use whippy_engine::redact::is_secret_name;

use crate::model::finding::{REDACTED, Secrets};

/// The shortest secret that is removed from other texts: shorter ones are parts of too many words.
const SHORTEST: usize = 6;

/// The most secrets that are remembered; more would slow down every text.
const MOST: usize = 256;

/// The secrets recognized so far.
#[derive(Debug, Default, Clone)]
pub(crate) struct Keeper {
    secrets: Secrets,
    known: Vec<String>,
}

impl Keeper {
    /// Creates a keeper that knows these secrets from the start.
    pub(crate) fn new(secrets: Secrets) -> Self {
        Self {
            secrets,
            known: Vec::new(),
        }
    }

    /// Returns all known secrets.
    pub(crate) fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    fn keep(&mut self, secret: &str) {
        let secret = secret.trim();
        let is_new = || self.known.iter().all(|known| known != secret);
        if secret.len() >= SHORTEST && secret != REDACTED && self.known.len() < MOST && is_new() {
            self.known.push(secret.to_owned());
            self.secrets.add(secret);
        }
    }

    /// Returns the request without its secrets, and remembers them.
    pub(crate) fn request(&mut self, request: &Request<Bytes>) -> Request<Bytes> {
        let mut clean = Request::new(self.body(request.headers(), request.body()));
        *clean.method_mut() = request.method().clone();
        *clean.version_mut() = request.version();
        *clean.headers_mut() = self.headers(request.headers());
        *clean.uri_mut() = self.uri(request.uri());
        clean
    }

    /// Does the same with an answer.
    pub(crate) fn response(&mut self, response: &Response<Bytes>) -> Response<Bytes> {
        let mut clean = Response::new(self.body(response.headers(), response.body()));
        *clean.status_mut() = response.status();
        *clean.headers_mut() = self.headers(response.headers());
        clean
    }

    fn headers(&mut self, headers: &HeaderMap) -> HeaderMap {
        let mut clean = HeaderMap::with_capacity(headers.len());
        for (name, value) in headers {
            let value = if is_secret_name(name.as_str()) {
                let text = String::from_utf8_lossy(value.as_bytes());
                self.header(&text);
                shape(name == AUTHORIZATION, &text)
            } else {
                value.clone()
            };
            clean.append(name, value);
        }
        clean
    }

    /// Remembers the secrets in a header: its words, and the values of its pairs. Names of schemes
    /// and the attributes of a cookie are not secret.
    fn header(&mut self, text: &str) {
        const PLAIN: &[&str] = &[
            "token", "bearer", "basic", "digest", "apikey", "api-key", "httponly", "secure",
            "path", "domain", "expires", "max-age", "samesite", "strict", "origin",
        ];
        let words = text.split([' ', ';', ',']);
        for word in words.filter(|word| !word.is_empty()) {
            let (name, value) = word.split_once('=').unwrap_or(("", word));
            let is_plain = |text: &str| PLAIN.iter().any(|plain| plain.eq_ignore_ascii_case(text));
            // Base64 ends in signs that look like those of a pair.
            let value = if value.trim_matches('=').is_empty() {
                word
            } else {
                value
            };
            if !is_plain(name) && !is_plain(value) {
                self.keep(value.trim_matches('"'));
            }
        }
    }

    fn uri(&mut self, uri: &Uri) -> Uri {
        let text = uri.to_string();
        let Some((front, query)) = text.split_once('?') else {
            return uri.clone();
        };
        let clean = self.pairs(query);
        format!("{front}?{clean}").parse().unwrap_or_default()
    }

    /// Removes secrets from the pairs of a query or a form.
    fn pairs(&mut self, pairs: &str) -> String {
        let pairs = pairs.split('&').map(|pair| match pair.split_once('=') {
            Some((name, value))
                if is_secret_name(&percent_decode_str(name).decode_utf8_lossy()) =>
            {
                let plain = value.replace('+', " ");
                self.keep(&percent_decode_str(&plain).decode_utf8_lossy());
                self.keep(value);
                format!("{name}={REDACTED}")
            }
            _ => pair.to_owned(),
        });
        pairs.collect::<Vec<_>>().join("&")
    }

    fn body(&mut self, headers: &HeaderMap, body: &Bytes) -> Bytes {
        let Ok(text) = std::str::from_utf8(body) else {
            return if has_secret_name(&String::from_utf8_lossy(body)) {
                REDACTED.into()
            } else {
                body.clone()
            };
        };
        let media = headers
            .get(CONTENT_TYPE)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase())
            .unwrap_or_default();
        if media.starts_with("application/x-www-form-urlencoded") {
            return self.pairs(text).into();
        }
        if !has_secret_name(text) {
            return body.clone();
        }
        match serde_json::from_str::<Value>(text) {
            Ok(mut value) => {
                if self.member(&mut value) {
                    value.to_string().into()
                } else {
                    body.clone()
                }
            }
            // Secrets in a multipart form, or in a text without known format, cannot be located.
            Err(_) => REDACTED.into(),
        }
    }

    /// Removes secrets from a JSON value; returns `true` if there were any.
    fn member(&mut self, value: &mut Value) -> bool {
        match value {
            Value::Array(items) => items
                .iter_mut()
                .fold(false, |found, item| self.member(item) | found),
            Value::Object(members) => members.iter_mut().fold(false, |found, (name, member)| {
                if is_secret_name(name) && (member.is_string() || member.is_number()) {
                    match &*member {
                        Value::String(text) => self.keep(text),
                        other => self.keep(&other.to_string()),
                    }
                    *member = REDACTED.into();
                    true
                } else {
                    self.member(member) | found
                }
            }),
            _ => false,
        }
    }
}

/// Returns `true` if a text has the name of a secret in double quotes.
fn has_secret_name(text: &str) -> bool {
    text.split('"').skip(1).step_by(2).any(is_secret_name)
}

/// Returns the replacement for a secret header, which keeps its scheme.
fn shape(is_authorization: bool, text: &str) -> HeaderValue {
    let scheme = text
        .split_once(' ')
        .map(|(scheme, _)| scheme)
        .filter(|scheme| is_authorization && scheme.bytes().all(|b| b.is_ascii_alphabetic()));
    let shown = match scheme {
        Some(scheme) => format!("{scheme} {REDACTED}"),
        None => REDACTED.to_owned(),
    };
    let shown = HeaderValue::try_from(shown);
    let mut shown = shown.unwrap_or_else(|_| HeaderValue::from_static(REDACTED));
    shown.set_sensitive(is_authorization);
    shown
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // A test that cannot go on should say where.
mod tests {
    use rstest::rstest;

    use super::*;

    const SECRET: &str = "s3cret/of+mine";

    #[rstest]
    #[case::token("authorization", "Token s3cret/of+mine", "/", "")]
    #[case::scheme("authorization", "s3cret/of+mine", "/", "")]
    #[case::cookie("cookie", "sessionid=s3cret/of+mine; theme=dark", "/", "")]
    #[case::own("x-api-key", "s3cret/of+mine", "/", "")]
    #[case::query("accept", "*/*", "/?page=2&token=s3cret%2Fof%2Bmine", "")]
    #[case::json(
        "content-type",
        "application/json",
        "/",
        r#"{"username":"u","password":"s3cret/of+mine"}"#
    )]
    #[case::nested(
        "content-type",
        "application/json",
        "/",
        r#"[{"a":{"token":"s3cret/of+mine"}}]"#
    )]
    #[case::form(
        "content-type",
        "application/x-www-form-urlencoded",
        "/",
        "username=u&password=s3cret%2Fof%2Bmine"
    )]
    #[case::parts(
        "content-type",
        "multipart/form-data; boundary=x",
        "/",
        "--x\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\ns3cret/of+mine\r\n--x--"
    )]
    #[case::broken(
        "content-type",
        "application/json",
        "/",
        r#"{"password":"s3cret/of+mine""#
    )]
    fn a_secret_is_taken_out_of_its_place_and_of_any_other_text(
        #[case] name: &'static str,
        #[case] value: &'static str,
        #[case] uri: &str,
        #[case] body: &'static str,
    ) {
        let mut keeper = Keeper::default();
        let request = Request::builder()
            .uri(uri)
            .header(name, value)
            .body(Bytes::from(body))
            .unwrap();
        let clean = keeper.request(&request);
        let shown = format!("{clean:?}");
        assert!(!shown.contains("s3cret"), "{shown}");
        // A value that is marked as sensitive is hidden in `Debug` output.
        let headers = clean.headers().values();
        let headers: String = headers.map(|value| value.to_str().unwrap()).collect();
        let shown = shown + &headers;
        assert!(shown.contains(REDACTED), "{shown}");
        let is_whole_body = body.starts_with("--")
            || name == "content-type" && !body.ends_with(['}', ']']) && body.starts_with('{');
        if !is_whole_body {
            assert_eq!(
                keeper.secrets().redact(&format!("echo {SECRET}")),
                format!("echo {REDACTED}")
            );
        }
    }

    #[test]
    fn what_is_no_secret_stays_to_the_byte() {
        let mut keeper = Keeper::default();
        let body = "{ \"sku\" : \"500\",\"key\":null }";
        let request = Request::post("/api/v1/stocks/?page=2&sku=a%20b")
            .header("accept", "application/json")
            .body(Bytes::from(body))
            .unwrap();
        let clean = keeper.request(&request);
        assert_eq!(clean.body(), body);
        assert_eq!(clean.uri(), request.uri());
        assert_eq!(clean.headers(), request.headers());
    }

    #[test]
    fn a_short_token_is_not_torn_out_of_words() {
        let mut keeper = Keeper::default();
        let request = Request::get("/company")
            .header("authorization", "Token any")
            .body(Bytes::new())
            .unwrap();
        let clean = keeper.request(&request);
        assert_eq!(clean.headers()["authorization"], "Token (redacted)");
        assert_eq!(keeper.secrets().redact("company"), "company");
    }
}
