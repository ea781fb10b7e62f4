//! The removal of secrets from texts that are stored, printed or exported.
//!
//! A text is a secret by its value, if it was configured as a token or a password; or by its
//! name, if a header, a parameter or a member of a body is *called* a secret. The second needs
//! no configuration, and works at any depth and in any spelling.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::wire::urlencoded;

/// The replacement of a secret.
pub const REDACTED: &str = "[redacted]";

/// The least length of a value that is removed wherever it occurs. Shorter ones are parts of
/// too many words, so they are only removed by name.
pub const SHORTEST: usize = 6;

/// Parts that make any name a secret one, without case and punctuation.
const PARTS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "authorization",
    "credential",
    "cookie",
    "signature",
    "sessionid",
    "bearer",
    "jwt",
];

/// Whole names that are secret.
const WHOLE: &[&str] = &["pass", "pwd", "session", "sid", "otp"];

/// Beginnings of the parts that make a name secret, for a first check that is cheap.
const STEMS: &[&str] = &[
    "pass", "pwd", "secret", "token", "auth", "cred", "cookie", "sign", "sess", "sid", "bearer",
    "jwt", "key", "otp",
];

/// Returns `true` if a header, a parameter or a member of this name is a secret, for example
/// `x_api_key`, `clientSecret` or `Set-Cookie`.
pub fn is_secret_name(name: &str) -> bool {
    let plain: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    PARTS.iter().any(|part| plain.contains(part))
        || WHOLE.contains(&plain.as_str())
        || plain.ends_with("key")
        || plain.ends_with("keys")
        // `X-Auth`, `X-Auth-User`, but not `WWW-Authenticate`.
        || plain.ends_with("auth")
        || plain.starts_with("xauth")
}

/// For each byte, a bit for each stem that begins with it in either case.
const BEGINNINGS: [u16; 256] = {
    let mut beginnings = [0; 256];
    let mut stem = 0;
    while stem < STEMS.len() {
        let first = STEMS[stem].as_bytes()[0];
        beginnings[first as usize] |= 1 << stem;
        beginnings[first.to_ascii_uppercase() as usize] |= 1 << stem;
        stem += 1;
    }
    // An escaped or encoded letter may hide a name from the first check.
    beginnings[b'\\' as usize] = HIDES;
    beginnings[b'%' as usize] = HIDES;
    beginnings
};

const HIDES: u16 = u16::MAX;

/// Returns `true` if a text may contain a secret name.
fn may_name_a_secret(text: &[u8]) -> bool {
    // This reads every byte of every body that is stored.
    text.iter().enumerate().any(|(at, byte)| {
        let beginning = BEGINNINGS[usize::from(*byte)];
        beginning == HIDES || beginning != 0 && begins_with_a_stem(&text[at..], beginning)
    })
}

fn begins_with_a_stem(text: &[u8], mut stems: u16) -> bool {
    while stems != 0 {
        let stem = STEMS[stems.trailing_zeros() as usize].as_bytes();
        let start = text.get(..stem.len());
        if start.is_some_and(|start| start.eq_ignore_ascii_case(stem)) {
            return true;
        }
        stems &= stems - 1;
    }
    false
}

/// A body without the values of secret names; borrowed if it has none.
pub fn body<'a>(content_type: Option<&str>, body: &'a [u8]) -> Cow<'a, [u8]> {
    if !may_name_a_secret(body) {
        return Cow::Borrowed(body);
    }
    let clean = match content_type.map(str::trim_start) {
        Some(kind)
            if kind
                .get(..10)
                .is_some_and(|k| k.eq_ignore_ascii_case("multipart/")) =>
        {
            multipart(body)
        }
        _ if is_json(body) => json(body),
        _ => pairs(body),
    };
    if clean == body {
        Cow::Borrowed(body)
    } else {
        Cow::Owned(clean)
    }
}

/// Path and query without the values of secret parameters; borrowed if there are none.
pub fn target(target: &str) -> Cow<'_, str> {
    match target.split_once('?') {
        Some((path, query)) if may_name_a_secret(query.as_bytes()) => {
            let clean = pairs(query.as_bytes());
            Cow::Owned(format!("{path}?{}", String::from_utf8_lossy(&clean)))
        }
        _ => Cow::Borrowed(target),
    }
}

/// A sentence without the values of secret names, be it JSON, a query or a header that it
/// quotes.
pub fn sentence(text: &str) -> Cow<'_, str> {
    if !may_name_a_secret(text.as_bytes()) {
        return Cow::Borrowed(text);
    }
    let clean = json(text.as_bytes());
    let clean = String::from_utf8_lossy(&clean);
    let mut words = clean.split_inclusive([' ', '?', '\n']);
    let words = words.by_ref().map(|word| {
        let clean = pairs(word.trim_end_matches([' ', '?', '\n']).as_bytes());
        let end = &word[word.trim_end_matches([' ', '?', '\n']).len()..];
        format!("{}{end}", String::from_utf8_lossy(&clean))
    });
    Cow::Owned(words.collect())
}

fn is_json(body: &[u8]) -> bool {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
    matches!(first, Some(b'{' | b'[' | b'"'))
}

/// Removes secrets from pairs as in a query or a form.
fn pairs(text: &[u8]) -> Vec<u8> {
    let mut clean = Vec::with_capacity(text.len());
    for (index, pair) in text.split(|byte| *byte == b'&').enumerate() {
        if index > 0 {
            clean.push(b'&');
        }
        let equals = pair.iter().position(|byte| *byte == b'=');
        let (name, value) = pair.split_at(equals.map_or(pair.len(), |at| at + 1));
        clean.extend_from_slice(name);
        if value.is_empty() || !is_secret_pair(name) {
            clean.extend_from_slice(value);
        } else {
            clean.extend_from_slice(REDACTED.as_bytes());
        }
    }
    clean
}

fn is_secret_pair(name: &[u8]) -> bool {
    let name = name.strip_suffix(b"=").unwrap_or(name);
    let decoded = urlencoded::decode(name).unwrap_or_default();
    decoded
        .first()
        .is_some_and(|(name, _)| is_secret_name(name))
}

/// Removes secrets from JSON, which may be cut short or stand inside other text.
fn json(text: &[u8]) -> Vec<u8> {
    let mut clean = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let end = if text[at] == b'"' {
            string_end(text, at)
        } else {
            at + 1
        };
        clean.extend_from_slice(&text[at..end]);
        let is_name = text[at] == b'"' && is_secret_string(&text[at..end]);
        at = end;
        let Some(value) = value_start(text, at).filter(|_| is_name) else {
            continue;
        };
        clean.extend_from_slice(&text[at..value]);
        at = value_end(text, value);
        match &text[value..at] {
            b"null" | b"" => clean.extend_from_slice(&text[value..at]),
            _ => {
                clean.push(b'"');
                clean.extend_from_slice(REDACTED.as_bytes());
                clean.push(b'"');
            }
        }
    }
    clean
}

fn is_secret_string(quoted: &[u8]) -> bool {
    match serde_json::from_slice::<String>(quoted) {
        Ok(name) => is_secret_name(&name),
        Err(_) => is_secret_name(&String::from_utf8_lossy(quoted)),
    }
}

/// The index after the string that begins at `at`.
fn string_end(text: &[u8], at: usize) -> usize {
    let mut end = at + 1;
    while let Some(byte) = text.get(end) {
        match byte {
            b'\\' => end += 2,
            b'"' => return end + 1,
            _ => end += 1,
        }
    }
    text.len()
}

/// The index of the value after a name and its colon.
fn value_start(text: &[u8], at: usize) -> Option<usize> {
    let skip = |from: usize| {
        let spaces = text
            .get(from..)?
            .iter()
            .take_while(|b| b.is_ascii_whitespace());
        Some(from + spaces.count())
    };
    let colon = skip(at)?;
    (text.get(colon) == Some(&b':')).then(|| skip(colon + 1))?
}

fn value_end(text: &[u8], at: usize) -> usize {
    match text.get(at) {
        Some(b'"') => string_end(text, at),
        Some(b'{' | b'[') => {
            let (mut depth, mut end) = (0_usize, at);
            while let Some(byte) = text.get(end) {
                match byte {
                    b'"' => {
                        end = string_end(text, end);
                        continue;
                    }
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => depth -= 1,
                    _ => {}
                }
                end += 1;
                if depth == 0 {
                    break;
                }
            }
            end.min(text.len())
        }
        _ => {
            let rest = text.get(at..).unwrap_or_default();
            let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']') || byte.is_ascii_whitespace();
            at + rest.iter().position(ends).unwrap_or(rest.len())
        }
    }
}

/// Removes the values of secret names from a multipart form.
fn multipart(text: &[u8]) -> Vec<u8> {
    let first_line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let boundary = first_line.trim_ascii_end();
    if !boundary.starts_with(b"--") || boundary.len() < 3 {
        return json(text);
    }
    let mut clean = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = find(rest, boundary) {
        let (front, part) = rest.split_at(start + boundary.len());
        clean.extend_from_slice(front);
        let end = find(part, boundary).unwrap_or(part.len());
        let (part, behind) = part.split_at(end);
        clean.extend_from_slice(&clean_part(part));
        rest = behind;
    }
    clean.extend_from_slice(rest);
    clean
}

fn clean_part(part: &[u8]) -> Cow<'_, [u8]> {
    let (head, gap) = match (find(part, b"\r\n\r\n"), find(part, b"\n\n")) {
        (Some(at), _) => (at, 4),
        (None, Some(at)) => (at, 2),
        (None, None) => return Cow::Borrowed(part),
    };
    let head_text = String::from_utf8_lossy(&part[..head]);
    let name = head_text.split_once("name=").map_or("", |(_, rest)| rest);
    let name = name.split([';', '\r', '\n']).next().unwrap_or_default();
    let (head, value) = part.split_at(head + gap);
    if is_secret_name(name) {
        let end = if value.ends_with(b"\r\n") { "\r\n" } else { "" };
        return [head, REDACTED.as_bytes(), end.as_bytes()].concat().into();
    }
    // The content of a part may be JSON.
    if is_json(value) {
        return [head, &json(value)].concat().into();
    }
    Cow::Borrowed(part)
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|part| part == wanted)
}

/// A remover of secrets: of configured ones by value, and of all others by name.
#[derive(Clone, Default)]
pub struct Redactor {
    /// Every spelling of the configured secrets, the longest first.
    known: Vec<Vec<u8>>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({} spellings)", self.known.len())
    }
}

impl Redactor {
    /// A redactor of these values, as JSON, URLs and Basic authentication spell them.
    /// `username` is the first half of the pair in Basic authentication.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>, username: Option<&str>) -> Self {
        let mut known: Vec<Vec<u8>> = Vec::new();
        for secret in secrets {
            if let Some(username) = username {
                known.push(BASE64.encode(format!("{username}:{secret}")).into_bytes());
            }
            if secret.len() < SHORTEST {
                continue;
            }
            let in_json = serde_json::to_string(secret).unwrap_or_default();
            known.push(secret.as_bytes().to_vec());
            known.push(in_json.trim_matches('"').as_bytes().to_vec());
            known.push(percent_encoded(secret).into_bytes());
            known.push(BASE64.encode(secret).into_bytes());
        }
        known.retain(|spelling| spelling.len() >= SHORTEST);
        known.sort_by_key(|spelling| std::cmp::Reverse(spelling.len()));
        known.dedup();
        Self { known }
    }

    fn without_values<'a>(&self, text: Cow<'a, [u8]>) -> Cow<'a, [u8]> {
        self.known.iter().fold(text, |text, secret| {
            if find(&text, secret).is_none() {
                return text;
            }
            let mut clean = Vec::with_capacity(text.len());
            let mut rest = &*text;
            while let Some(at) = find(rest, secret) {
                clean.extend_from_slice(&rest[..at]);
                clean.extend_from_slice(REDACTED.as_bytes());
                rest = &rest[at + secret.len()..];
            }
            clean.extend_from_slice(rest);
            Cow::Owned(clean)
        })
    }

    fn text<'a>(&self, text: Cow<'a, str>) -> Cow<'a, str> {
        let bytes = match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        };
        match self.without_values(bytes) {
            Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }

    /// A body without secrets; borrowed if it has none.
    pub fn body<'a>(&self, content_type: Option<&str>, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        self.without_values(body(content_type, bytes))
    }

    /// Path and query without secrets.
    pub fn target<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.text(target(text))
    }

    /// A sentence without secrets.
    pub fn sentence<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.text(sentence(text))
    }

    /// The value of a header without secrets.
    pub fn header<'a>(&self, name: &str, value: &'a [u8]) -> Cow<'a, [u8]> {
        // The value of `authorization` is redacted already, and its shape is kept.
        if is_secret_name(name) && !name.eq_ignore_ascii_case("authorization") {
            return Cow::Borrowed(REDACTED.as_bytes());
        }
        self.without_values(Cow::Borrowed(value))
    }
}

/// Percent-encodes every byte that is not an unreserved character of URLs.
pub fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a `String` does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("x_api_key")]
    #[case("clientSecret")]
    #[case("accessToken")]
    #[case("new_password")]
    #[case("tokens")]
    #[case("private_key")]
    #[case("Set-Cookie")]
    #[case("X-CSRFToken")]
    #[case("key")]
    #[case("pwd")]
    #[case("auth")]
    #[case("X-Auth-User")]
    fn a_name_is_secret_in_any_spelling(#[case] name: &str) {
        assert!(is_secret_name(name));
    }

    #[rstest]
    #[case("sku")]
    #[case("provider")]
    #[case("stock_type")]
    #[case("keyword")]
    #[case("author")]
    #[case("www-authenticate")]
    fn other_names_are_not(#[case] name: &str) {
        assert!(!is_secret_name(name));
    }

    #[rstest]
    #[case(
        r#"{"username":"u","password":"hunter2"}"#,
        r#"{"username":"u","password":"[redacted]"}"#
    )]
    #[case(
        r#"{"a":[{"clientSecret" : {"x":"}"}},1]}"#,
        r#"{"a":[{"clientSecret" : "[redacted]"},1]}"#
    )]
    #[case(
        r#"{"pass\u0077ord":"x","n":1}"#,
        r#"{"pass\u0077ord":"[redacted]","n":1}"#
    )]
    #[case(r#"{"token":12345,"t":null}"#, r#"{"token":"[redacted]","t":null}"#)]
    #[case(r#"{"key":"f532e"#, r#"{"key":"[redacted]""#)]
    #[case(r#"{"token":null}"#, r#"{"token":null}"#)]
    #[case("user=u&pass%77ord=x&q=1", "user=u&pass%77ord=[redacted]&q=1")]
    #[case(r#"{"sku":"token"}"#, r#"{"sku":"token"}"#)]
    fn a_body_loses_what_is_called_a_secret(#[case] sent: &str, #[case] kept: &str) {
        let clean = body(None, sent.as_bytes());
        assert_eq!(String::from_utf8_lossy(&clean), kept);
    }

    #[test]
    fn a_part_of_a_form_that_is_called_a_secret_is_emptied() {
        let sent = "--b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nhunter2\r\n\
                    --b\r\nContent-Disposition: form-data; name=\"sku\"\r\n\r\n500\r\n--b--\r\n";
        let clean = body(Some("multipart/form-data; boundary=b"), sent.as_bytes());
        assert_eq!(
            String::from_utf8_lossy(&clean),
            sent.replace("hunter2", REDACTED)
        );
    }

    #[test]
    fn a_configured_secret_goes_wherever_it_turns_up_and_a_short_one_stays() {
        let redactor = Redactor::new(["s3cret/token", "a"], Some("ann"));
        let basic = BASE64.encode("ann:s3cret/token");
        let sent = format!("/x?sku=s3cret%2Ftoken&a=s3cret/token a {basic}");
        let kept = redactor.sentence(&sent).into_owned();
        assert_eq!(kept, "/x?sku=[redacted]&a=[redacted] a [redacted]");
    }

    #[test]
    fn a_sentence_loses_the_values_of_secret_parameters() {
        let sent = "GET /api/v1/stocks/?api_token=f532e&page=2 with \"password\": \"x\"";
        assert_eq!(
            sentence(sent),
            "GET /api/v1/stocks/?api_token=[redacted]&page=2 with \"password\": \"[redacted]\""
        );
    }
}
