//! Headers that pass from one connection to the other. Source: RFC 9110, section 7.6.1.

use http::header::{
    CONNECTION, CONTENT_LENGTH, COOKIE, HOST, HeaderName, HeaderValue, TE, TRANSFER_ENCODING,
    UPGRADE,
};
use http::{HeaderMap, Version, request};

/// Returns `true` for a header that concerns one connection alone. The header `Connection` names
/// further ones.
fn is_of_connection(name: &HeaderName) -> bool {
    *name == CONNECTION
        || *name == TE
        || *name == UPGRADE
        || *name == "keep-alive"
        || *name == "proxy-connection"
}

/// Returns the headers of a request to forward, in their order. `host` replaces the `Host` of the
/// client. HTTP/2 may split a cookie into several headers, which HTTP/1.1 has as one.
pub(super) fn of_request(head: &request::Parts, host: &HeaderValue) -> HeaderMap {
    let is_in_pieces = head.version == Version::HTTP_2;
    end_to_end(&head.headers, Some(host), is_in_pieces)
}

/// Returns the headers of an answer to forward, in their order.
pub(super) fn of_answer(headers: &HeaderMap) -> HeaderMap {
    end_to_end(headers, None, false)
}

fn end_to_end(headers: &HeaderMap, host: Option<&HeaderValue>, joins_cookies: bool) -> HeaderMap {
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
    // A chunked body is as long as its chunks, whatever its `Content-Length` says (RFC 9112, 6.3).
    let is_chunked = headers.get_all(TRANSFER_ENCODING).iter().any(|coding| {
        let coding = String::from_utf8_lossy(coding.as_bytes()).to_ascii_lowercase();
        coding.split(',').any(|coding| coding.trim() == "chunked")
    });
    // Removing headers from a map would change the order of the others.
    let mut on = HeaderMap::with_capacity(headers.len() + 1);
    let mut cookies: Vec<&[u8]> = Vec::new();
    if let Some(host) = host.filter(|_| !headers.contains_key(HOST)) {
        on.insert(HOST, host.clone());
    }
    for (name, value) in headers {
        if is_of_connection(name) || is_named(name) {
            continue;
        }
        if is_chunked && *name == CONTENT_LENGTH {
            continue;
        }
        // Chunks are a matter of each connection. Other transfer codings are passed on, since they
        // are not undone here.
        if *name == TRANSFER_ENCODING && value.as_bytes().eq_ignore_ascii_case(b"chunked") {
            continue;
        }
        match host {
            Some(host) if *name == HOST => {
                on.insert(HOST, host.clone());
            }
            Some(_) if joins_cookies && *name == COOKIE => {
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

/// Returns the host that a client asked for; over HTTP/2 it is in the request line.
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
        let on = of_answer(&came);
        assert_eq!(
            listed(&on),
            [
                ("x-first", "1"),
                ("x-twice", "3"),
                ("x-twice", "4"),
                ("via", "1.1 theirs"),
            ]
        );
    }

    #[test]
    fn the_host_is_the_services_and_cookies_of_http2_are_one() {
        let came = headers(&[
            ("accept", "*/*"),
            ("host", "here"),
            ("cookie", "a=1"),
            ("x", "y"),
            ("cookie", "b=2"),
        ]);
        let there = HeaderValue::from_static("there");
        assert_eq!(
            listed(&end_to_end(&came, Some(&there), true)),
            [
                ("accept", "*/*"),
                ("host", "there"),
                ("cookie", "a=1; b=2"),
                ("x", "y")
            ]
        );
        assert_eq!(
            listed(&end_to_end(&came, Some(&there), false)),
            [
                ("accept", "*/*"),
                ("host", "there"),
                ("cookie", "a=1"),
                ("cookie", "b=2"),
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
        assert_eq!(of_answer(&came).len(), 2);
    }
}
