//! Which headers go from one connection to the other. Source: RFC 9110, section 7.6.1.

use http::header::{
    CONNECTION, CONTENT_LENGTH, COOKIE, HOST, HeaderName, HeaderValue, TE, TRANSFER_ENCODING,
    UPGRADE,
};
use http::{HeaderMap, request};

/// Names of headers that are about one connection alone, beside those that it names itself.
fn is_of_connection(name: &HeaderName) -> bool {
    *name == CONNECTION
        || *name == TE
        || *name == UPGRADE
        || *name == "keep-alive"
        || *name == "proxy-connection"
}

/// The headers that go on, in their order. `host` takes the place of the `Host` there is.
pub(super) fn end_to_end(headers: &HeaderMap, host: Option<&HeaderValue>) -> HeaderMap {
    let named: Vec<String> = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| {
            let text = String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase();
            let names = text.split(',').map(|name| name.trim().to_owned());
            names.collect::<Vec<_>>()
        })
        .collect();
    let is_named = |name: &HeaderName| {
        let is_needed = *name == HOST || *name == CONTENT_LENGTH;
        !is_needed && named.iter().any(|named| named == name.as_str())
    };
    // Taking headers out of a map disturbs the order of the others.
    let mut on = HeaderMap::with_capacity(headers.len() + 1);
    let mut cookies: Vec<&[u8]> = Vec::new();
    if let Some(host) = host.filter(|_| !headers.contains_key(HOST)) {
        on.insert(HOST, host.clone());
    }
    for (name, value) in headers {
        if is_of_connection(name) || is_named(name) {
            continue;
        }
        // How a body is cut in pieces is a matter of the connection; what else was done to
        // it is not undone here.
        if *name == TRANSFER_ENCODING && value.as_bytes().eq_ignore_ascii_case(b"chunked") {
            continue;
        }
        match host {
            Some(host) if *name == HOST => {
                on.insert(HOST, host.clone());
            }
            // HTTP/2 may send a cookie in several pieces, HTTP/1.1 may not.
            Some(_) if *name == COOKIE => {
                cookies.push(value.as_bytes());
                let joined = HeaderValue::from_bytes(&cookies.join(&b"; "[..]));
                on.insert(COOKIE, joined.unwrap_or_else(|_| value.clone()));
            }
            _ => {
                on.append(name, value.clone());
            }
        }
    }
    on
}

/// The host that a client asked for: HTTP/2 has it in the request's line.
pub(super) fn host(head: &request::Parts) -> HeaderValue {
    let of_line = head.uri.authority();
    let of_line = of_line.and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
    of_line
        .or_else(|| head.headers.get(HOST).cloned())
        .unwrap_or_else(|| HeaderValue::from_static(""))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // A test that cannot go on should say where.
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                value.parse().unwrap(),
            );
        }
        headers
    }

    fn listed(headers: &HeaderMap) -> Vec<(&str, &str)> {
        let pairs = headers.iter();
        pairs
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect()
    }

    #[test]
    fn what_is_of_the_connection_stays_and_the_rest_keeps_its_order() {
        let came = headers(&[
            ("x-first", "1"),
            ("connection", "keep-alive, X-Mine"),
            ("keep-alive", "timeout=5"),
            ("x-mine", "2"),
            ("transfer-encoding", "chunked"),
            ("te", "trailers"),
            ("upgrade", "h2c"),
            ("x-twice", "3"),
            ("via", "1.1 theirs"),
            ("x-twice", "4"),
            ("content-length", "5"),
        ]);
        let on = end_to_end(&came, None);
        assert_eq!(
            listed(&on),
            [
                ("x-first", "1"),
                ("x-twice", "3"),
                ("x-twice", "4"),
                ("via", "1.1 theirs"),
                ("content-length", "5"),
            ]
        );
    }

    #[test]
    fn the_host_is_the_services_and_a_cookie_is_one() {
        let came = headers(&[
            ("accept", "*/*"),
            ("host", "here"),
            ("cookie", "a=1"),
            ("x", "y"),
            ("cookie", "b=2"),
        ]);
        let there = HeaderValue::from_static("there");
        assert_eq!(
            listed(&end_to_end(&came, Some(&there))),
            [
                ("accept", "*/*"),
                ("host", "there"),
                ("cookie", "a=1; b=2"),
                ("x", "y")
            ]
        );
    }

    #[test]
    fn a_connection_cannot_take_the_host_or_the_length_away() {
        let came = headers(&[
            ("connection", "host, content-length"),
            ("host", "h"),
            ("content-length", "1"),
        ]);
        assert_eq!(end_to_end(&came, None).len(), 2);
    }
}
