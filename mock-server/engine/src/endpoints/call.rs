//! One request as a handler sees it: arguments that are parsed on demand, the readings that
//! decided it, and the links of its pages.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use http::{HeaderMap, Request};

use super::Resource;
use crate::model::fields::{self, Body, Fields};
use crate::model::time::{self, DateForms, Timestamp, UtcOffset};
use crate::problem::{Detail, Problem};
use crate::profile::{Decided, MissingContentType, Profile, Reading, Stack};
use crate::query::{self, Page};
use crate::wire::charset::{self, Charset};
use crate::wire::form::{self, Form, FormError};
use crate::wire::json::{self, JsonError, Value};
use crate::wire::urlencoded::{self, Pair, with_parameter};

/// The settings of the service, apart from its world.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The readings in force.
    pub profile: Profile,
    /// The accepted tokens; if there are none, any token is accepted.
    pub tokens: Vec<String>,
    /// The lifetime of a login's token in microseconds of the world's clock; `None` for no
    /// limit. With a lifetime, only tokens of `tokens` and of logins are accepted.
    pub token_lifetime: Option<i64>,
    /// The number of times that all tokens were revoked. Tokens issued before the last time are
    /// refused.
    pub revocations: u16,
    /// The accepted username and password; `None` for any pair.
    pub credentials: Option<(String, String)>,
    /// The local time zone.
    pub local: UtcOffset,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            profile: Profile::default(),
            tokens: Vec::new(),
            token_lifetime: None,
            revocations: 0,
            credentials: None,
            local: UtcOffset::PAGE,
        }
    }
}

/// The parts of a request that may hold the arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ArgumentSource {
    Either,
    Body,
    Query,
}

/// A path prefix in front of `/api/`, which redirects and links of pages repeat. It is stored
/// in the extensions of a request, whose own path lacks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount(pub String);

/// The prefix of a request; empty if it has none.
pub fn mount(request: &Request<Bytes>) -> &str {
    let mount = request.extensions().get::<Mount>();
    mount.map_or("", |mount| mount.0.as_str())
}

/// A mark for requests that came over TLS, stored in their extensions. The links in their
/// answers begin with `https`.
#[derive(Debug, Clone, Copy)]
pub struct OverTls;

/// The scheme of a request: `https` or `http`, or that of an absolute URI.
pub fn scheme(request: &Request<Bytes>) -> &str {
    if request.extensions().get::<OverTls>().is_some() {
        return "https";
    }
    request.uri().scheme_str().unwrap_or("http")
}

/// A request that was routed and authenticated.
#[derive(Debug)]
pub struct Call<'a> {
    /// The settings of the service.
    pub settings: &'a Settings,
    /// The decoded path, without the mount.
    pub path: &'a str,
    /// The text of the path's parameter, if the path has one.
    pub argument: Option<&'a str>,
    /// The decoded query parameters.
    pub query: &'a [Pair<'a>],
    /// The moment at which tokens are issued and checked.
    pub at: Timestamp,
    request: &'a Request<Bytes>,
    pub(crate) decided: Cell<Decided>,
    /// The body as UTF-8, if it came in another character set.
    transcoded: OnceCell<String>,
}

impl std::fmt::Debug for Resource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.path)
    }
}

impl<'a> Call<'a> {
    /// A call of a resource. Its body is not parsed yet.
    pub fn new(
        settings: &'a Settings,
        (path, argument): (&'a str, Option<&'a str>),
        query: &'a [Pair<'a>],
        (request, at): (&'a Request<Bytes>, Timestamp),
    ) -> Self {
        Self {
            settings,
            path,
            argument,
            query,
            at,
            request,
            decided: Cell::default(),
            transcoded: OnceCell::new(),
        }
    }

    /// The readings in force.
    pub fn profile(&self) -> &'a Profile {
        &self.settings.profile
    }

    /// The local time zone.
    pub fn local(&self) -> UtcOffset {
        self.settings.local
    }

    /// The version of the stack in force, recorded as a reading that decided the answer.
    pub(super) fn stack(&self) -> Stack {
        self.decided(Reading::Stack);
        self.profile().stack
    }

    /// Reads a date-time field in the formats that the stack's version accepts.
    pub(super) fn datetime(&self, value: &Value<'_>) -> Result<Timestamp, Detail> {
        let forms = match value {
            Value::Str(text) if time::is_read_by_some(&text.text) => self.stack().date_forms(),
            _ => DateForms::Iso,
        };
        fields::datetime(value, self.local(), forms)
    }

    /// Reads a boolean field in the spellings that the stack's version accepts.
    pub(super) fn boolean(&self, value: &Value<'_>) -> Result<bool, Detail> {
        fields::boolean(value, false).or_else(|refused| match fields::boolean(value, true) {
            Ok(read) if self.stack().reads_boolean_in_any_case() => Ok(read),
            _ => Err(refused),
        })
    }

    /// The name of the model for the wording of a 404, if the stack's version mentions it.
    pub(super) fn missing(&self, model: &'static str) -> Option<&'static str> {
        self.stack().names_missing_model().then_some(model)
    }

    /// Records that a reading decided the answer.
    pub fn decided(&self, reading: Reading) {
        self.decided.set(self.decided.get().and(reading));
    }

    /// Records that several readings decided the answer.
    pub fn decided_all(&self, readings: Decided) {
        self.decided.set(self.decided.get().union(readings));
    }

    /// Parses the body by its `Content-Type`. A missing body is an object without members.
    pub fn body(&self) -> Result<Body<'_>, Problem> {
        let content_type = header_text(self.request.headers(), CONTENT_TYPE);
        let content_type = content_type.as_deref();
        let kind = content_type.map(|ct| ct.split(';').next().unwrap_or_default().trim());
        let is = |media: &str| kind.is_some_and(|kind| matches_media(media, kind));
        let form = |form: Result<Form, FormError>| {
            form.map(Body::Form).map_err(|error| match error {
                FormError::TooManyFields => Problem::TooManyFields,
                FormError::Syntax(why) => {
                    Problem::Unparsable(format!("Multipart form parse error - {why}"))
                }
            })
        };
        let is_form = is(FORM) || is(MULTIPART);
        let content = self.request.body();
        if content.is_empty() {
            return Ok(if is_form {
                Body::Form(Form::default())
            } else {
                Body::Json(Value::Dict(Vec::new()))
            });
        }
        let Some(content_type) = content_type.filter(|ct| !ct.is_empty()) else {
            self.decided(Reading::MissingContentType);
            return match self.profile().missing_content_type {
                MissingContentType::Json => self.json(Charset::Utf8),
                MissingContentType::Unsupported => {
                    Err(Problem::UnsupportedMediaType(String::new()))
                }
            };
        };
        if let Some(longest) = self.profile().stack.longest_media_type()
            && content_type.chars().nth(longest).is_some()
        {
            return Err(Problem::UnsupportedMediaType(content_type.to_owned()));
        }
        if is("application/json") {
            self.json(self.charset(content_type)?)
        } else if is(FORM) {
            form(Form::from_urlencoded(content, self.charset(content_type)?))
        } else if is(MULTIPART) {
            // Unlike the negotiation, the stack's parser is case-sensitive here.
            if !content_type.starts_with("multipart/") {
                return Err(Problem::Unparsable(format!(
                    "Multipart form parse error - Invalid Content-Type: {content_type}"
                )));
            }
            let boundary = form::parameter(content_type, "boundary");
            form(Form::from_multipart(content, boundary.as_deref()))
        } else {
            Err(Problem::UnsupportedMediaType(content_type.to_owned()))
        }
    }

    /// Reads arguments from the body, the query or both, in which case the body wins. All
    /// errors are returned together.
    pub(super) fn arguments<T>(
        &self,
        from: ArgumentSource,
        read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
    ) -> Result<T, Problem> {
        let body = match from {
            ArgumentSource::Query => None,
            ArgumentSource::Either | ArgumentSource::Body => Some(self.body()?),
        };
        let query = match from {
            ArgumentSource::Body => &[],
            ArgumentSource::Either | ArgumentSource::Query => self.query,
        };
        let mut fields = Fields::of_arguments(body.as_ref(), query)?;
        match read(&mut fields) {
            Some(arguments) if fields.is_clean() => Ok(arguments),
            _ => Err(Problem::Fields(fields.into_errors())),
        }
    }

    /// The character set of the body.
    fn charset(&self, content_type: &str) -> Result<Charset, Problem> {
        if let Some(name) = form::parameter(content_type, "charset")
            && charset::is_no_text(&name)
            && self.stack().refuses_codecs_of_no_text()
        {
            let why = format!("Unsupported charset \"{name}\" in request Content-Type header.");
            return Err(Problem::Unparsable(why));
        }
        Ok(charset_of(content_type))
    }

    fn json(&self, charset: Charset) -> Result<Body<'_>, Problem> {
        let body = self.request.body();
        let value = match charset.decode(body) {
            Ok(Cow::Borrowed(text)) => json::parse(text),
            Ok(Cow::Owned(text)) => json::parse(self.transcoded.get_or_init(|| text)),
            Err(error) => Err(error.into()),
        };
        value.map(Body::Json).map_err(|error| match error {
            JsonError::Syntax(why) => Problem::Unparsable(format!("JSON parse error - {why}")),
            JsonError::TooDeep => Problem::TooDeeplyNested,
        })
    }

    /// The number of the requested page, counted from 1; `None` for the last one.
    pub fn page_number(&self) -> Result<Option<usize>, Problem> {
        if query::parameter(self.query, "page") == Some("") {
            self.decided(Reading::Stack);
        }
        query::page_number(self.query, self.profile().stack)
    }

    /// The requested page of a list of `count` rows. The reading that set the page size is
    /// recorded if one page does not hold all rows, or if there is no such page.
    pub fn page(&self, count: usize) -> Result<Page, Problem> {
        let (limit, reading) = query::page_limit(self.query, self.profile());
        self.page_number().ok();
        let page = query::page(self.query, limit, count, self.profile().stack);
        let is_only_page = page.as_ref().is_ok_and(|page| page.number == 1) && count <= limit;
        if let Some(reading) = reading
            && !is_only_page
        {
            self.decided(reading);
        }
        page
    }

    /// Appends `"next":…,"previous":…` for a page.
    pub fn write_links(&self, out: &mut Vec<u8>, page: Page, has_next: bool) {
        out.extend_from_slice(b"\"next\":");
        if has_next {
            json::write_string(out, &self.page_link(page.number + 1));
        } else {
            out.extend_from_slice(b"null");
        }
        out.extend_from_slice(b",\"previous\":");
        if page.number > 1 {
            json::write_string(out, &self.page_link(page.number - 1));
        } else {
            out.extend_from_slice(b"null");
        }
    }

    /// The query for links. It is decoded as UTF-8, whatever charset the `Content-Type` names.
    fn query_of_links(&self) -> Cow<'_, [Pair<'_>]> {
        let content_type = header_text(self.request.headers(), CONTENT_TYPE);
        if charset_of(&content_type.unwrap_or_default()) == Charset::Utf8 {
            return Cow::Borrowed(self.query);
        }
        let query = self.request.uri().query().unwrap_or_default();
        Cow::Owned(urlencoded::decode(query.as_bytes()).unwrap_or_default())
    }

    fn page_link(&self, number: usize) -> String {
        let number = number.to_string();
        // The link to the first page has no number.
        let value = (number != "1").then_some(number.as_str());
        let query = with_parameter(&self.query_of_links(), "page", value);
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}{}{mark}{query}", base(self.request), self.path)
    }
}

/// The character set that a `Content-Type` names, the last one if it names several. UTF-8 if it
/// names none, or one that is not known.
pub(crate) fn charset_of(content_type: &str) -> Charset {
    form::parameters(content_type)
        .filter(|(name, _)| name.eq_ignore_ascii_case("charset"))
        .last()
        .and_then(|(_, name)| Charset::named(&name))
        .unwrap_or(Charset::Utf8)
}

/// The beginning of each link: scheme, host and path prefix.
pub fn base(request: &Request<Bytes>) -> String {
    let uri = request.uri();
    let scheme = scheme(request);
    let host = if let Some(authority) = uri.authority() {
        Cow::Borrowed(authority.as_str())
    } else {
        let host = request.headers().get(HOST);
        host.map_or(Cow::Borrowed("localhost"), |host| {
            String::from_utf8_lossy(host.as_bytes())
        })
    };
    format!("{scheme}://{host}{}", mount(request))
}

/// Returns `true` if the stack accepts the host of a request: a single one, made of letters,
/// digits, dots and hyphens, or an IPv6 address in brackets, with or without a port. A request
/// without a host is accepted too.
pub fn has_well_formed_host(request: &Request<Bytes>) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    let (host, second) = (hosts.next(), hosts.next());
    let host = match request.uri().authority() {
        Some(authority) => Some(authority.as_str().as_bytes()),
        None => host.map(HeaderValue::as_bytes),
    };
    second.is_none() && host.is_none_or(is_host)
}

/// Returns `true` if the stack accepts a text as a host, with or without a port.
pub fn is_host(host: &[u8]) -> bool {
    let end_of_address = host.iter().position(|&byte| byte == b']');
    let end = match end_of_address {
        Some(end) => end + 1,
        None => host
            .iter()
            .position(|&byte| byte == b':')
            .unwrap_or(host.len()),
    };
    let (name, port) = host.split_at(end);
    let is_port = match port {
        [] => true,
        [b':', digits @ ..] => !digits.is_empty() && digits.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    let is_name = match name {
        [b'[', address @ .., b']'] => {
            let colon = address.iter().position(|&byte| byte == b':');
            let (first, rest) = address.split_at(colon.map_or(0, |colon| colon + 1));
            let is_of_address = |byte: &u8| byte.is_ascii_hexdigit() || b":.".contains(byte);
            !first.contains(&b'.')
                && !first.is_empty()
                && !rest.is_empty()
                && address.iter().all(is_of_address)
        }
        name => {
            let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || b".-".contains(byte);
            // A dot at the end is allowed, but a dot alone is not a name.
            !name.is_empty() && name != b"." && name.iter().all(is_of_name)
        }
    };
    is_port && is_name
}

/// The value of a header as the stack's gateway passes it on: each byte as one character, and
/// repeated headers joined with commas.
pub fn header_text(headers: &HeaderMap, name: HeaderName) -> Option<Cow<'_, str>> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    let mut text = match first.to_str() {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(first.as_bytes().iter().copied().map(char::from).collect()),
    };
    for value in values {
        let text = text.to_mut();
        text.push(',');
        text.extend(value.as_bytes().iter().copied().map(char::from));
    }
    Some(text)
}

const FORM: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data";

/// Returns `true` if a media type of the service matches one from a request, which may contain
/// wildcards.
pub fn matches_media(ours: &str, theirs: &str) -> bool {
    if ours.eq_ignore_ascii_case(theirs) {
        return true;
    }
    let fits = |ours: &str, theirs: &str| theirs == "*" || theirs.eq_ignore_ascii_case(ours);
    let (main, sub) = ours.split_once('/').unwrap_or((ours, ""));
    let (their_main, their_sub) = theirs.split_once('/').unwrap_or((theirs, ""));
    fits(sub, their_sub) && fits(main, their_main)
}
