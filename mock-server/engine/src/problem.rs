//! Every refusal, with its status, body, wording and grade.
//!
//! Handlers return a [`Problem`]. The sentences of the service are spelled in this file alone.

use std::borrow::Cow;

use crate::wire::json;

/// The grade of a rule: the authority behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grade {
    /// The page says or shows it.
    Documented,
    /// The page is silent, and the stack does it.
    Stack,
    /// Other public pages of the vendor show it.
    Observed,
    /// The page is silent or contradicts itself, and one of several readings was chosen.
    Reading,
}

impl Grade {
    /// The name in headers and reports.
    pub fn text(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::Stack => "stack",
            Self::Observed => "observed",
            Self::Reading => "reading",
        }
    }
}

/// The body of a refusal by fields: texts, lists and maps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Detail {
    /// A sentence.
    Text(Cow<'static, str>),
    /// A list of details.
    List(Vec<Detail>),
    /// Details by name.
    Map(FieldErrors),
}

/// The errors of each field, in the order of the fields.
pub type FieldErrors = Vec<(Cow<'static, str>, Detail)>;

impl Detail {
    /// A list with a single sentence, the usual form.
    pub fn one(sentence: impl Into<Cow<'static, str>>) -> Self {
        Self::List(vec![Self::Text(sentence.into())])
    }

    /// Appends the detail as JSON.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => json::write_string(out, text),
            Self::List(items) => {
                out.push(b'[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    item.write(out);
                }
                out.push(b']');
            }
            Self::Map(fields) => write_fields(out, fields),
        }
    }
}

fn write_fields(out: &mut Vec<u8>, fields: &FieldErrors) {
    out.push(b'{');
    for (i, (name, detail)) in fields.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        json::write_string(out, name);
        out.push(b':');
        detail.write(out);
    }
    out.push(b'}');
}

/// A reason why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// No route has this path.
    NoSuchPath,
    /// The path lacks its final slash. Holds the path with the slash, and the query.
    MissingSlash(String),
    /// A query or a form has more than a thousand fields.
    TooManyFields,
    /// `?format=` names a format that does not exist.
    UnknownFormat,
    /// `Accept` does not include JSON.
    NotAcceptable,
    /// There is no token.
    NoCredentials,
    /// The header has a scheme but no token.
    NoToken,
    /// The token contains spaces.
    TokenWithSpaces,
    /// The token is not text.
    TokenWithInvalidCharacters,
    /// The token is not accepted.
    UnknownToken,
    /// The path does not allow this method.
    MethodNotAllowed(String),
    /// The body has this type, which the operation does not parse.
    UnsupportedMediaType(String),
    /// The body is not valid for its type. Holds the stack's sentence.
    Unparsable(String),
    /// Fields of the body are missing or wrong.
    Fields(FieldErrors),
    /// Values of filters are wrong.
    Filters(FieldErrors),
    /// Rows of an upsert are wrong. Holds a list with an entry for each row, empty if it is
    /// right, or a map of the wrong ones by index.
    Rows(Detail),
    /// There is no such page.
    InvalidPage,
    /// The path names an object that does not exist. Holds its model, if the stack mentions it.
    NotFound(Option<&'static str>),
    /// A reservation or a query names a stock that does not exist. Holds the model, if the
    /// stack mentions it.
    NoSuchStock(Option<&'static str>),
    /// A stock with the same identity exists.
    StockExists,
    /// The location does not belong to the provider.
    InvalidLocation,
    /// The reservation was applied before.
    AlreadyReported,
    /// The username or password is wrong.
    LoginRefused,
    /// The stack fails with an error of its own.
    ServerError,
    /// A JSON body is nested too deeply for the stack.
    TooDeeplyNested,
    /// The request has more than one host, or one that is not valid.
    MalformedHost,
    /// The request has no host, which HTTP/1.1 requires.
    NoHost,
    /// The request line and headers exceed the server's limit.
    HeadTooLarge,
    /// The body exceeds the server's limit, in bytes.
    BodyTooLarge(usize),
    /// The body did not arrive in time.
    BodyTooSlow,
    /// The body ended early.
    BodyBroken,
    /// The write could not be stored in the file, so it was not made. Holds the reason.
    NotKept(String),
    /// The user of the token is not allowed to do this.
    PermissionDenied,
    /// There were too many requests. Holds the seconds until the next is accepted, if known.
    Throttled(Option<u32>),
    /// A gateway got no answer from the service.
    BadGateway,
    /// A gateway knows that the service is down. Holds the seconds until it is back, if known.
    Unavailable(Option<u32>),
    /// A gateway waited too long for the service.
    GatewayTimeout,
    /// The client prefers a response that the page does not show. Holds the sentence.
    NotShown(String),
}

/// The body of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProblemBody {
    /// JSON.
    Json(Vec<u8>),
    /// A page of the stack.
    Html(&'static str),
    /// A page of a gateway in front of the stack.
    Gateway(&'static str),
    /// No body, but a redirect to this target.
    Redirect(String),
}

const NOT_FOUND_PAGE: &str = "\n<!doctype html>\n<html lang=\"en\">\n<head>\n  <title>Not Found</title>\n</head>\n<body>\n  <h1>Not Found</h1><p>The requested resource was not found on this server.</p>\n</body>\n</html>\n";
const BAD_REQUEST_PAGE: &str = "\n<!doctype html>\n<html lang=\"en\">\n<head>\n  <title>Bad Request (400)</title>\n</head>\n<body>\n  <h1>Bad Request (400)</h1><p></p>\n</body>\n</html>\n";
const SERVER_ERROR_PAGE: &str = "\n<!doctype html>\n<html lang=\"en\">\n<head>\n  <title>Server Error (500)</title>\n</head>\n<body>\n  <h1>Server Error (500)</h1><p></p>\n</body>\n</html>\n";
const BAD_GATEWAY_PAGE: &str = "<html>\n<head><title>502 Bad Gateway</title></head>\n<body>\n<h1>502 Bad Gateway</h1>\n<p>The service gave the gateway no valid answer.</p>\n</body>\n</html>\n";
const UNAVAILABLE_PAGE: &str = "<html>\n<head><title>503 Service Unavailable</title></head>\n<body>\n<h1>503 Service Unavailable</h1>\n<p>The service is down for maintenance or has too much to do.</p>\n</body>\n</html>\n";
const GATEWAY_TIMEOUT_PAGE: &str = "<html>\n<head><title>504 Gateway Timeout</title></head>\n<body>\n<h1>504 Gateway Timeout</h1>\n<p>The service did not answer the gateway in time.</p>\n</body>\n</html>\n";

impl Problem {
    /// The refusal of one field with one sentence.
    pub fn field(name: &'static str, sentence: impl Into<Cow<'static, str>>) -> Self {
        Self::Fields(vec![(name.into(), Detail::one(sentence))])
    }

    /// The status code.
    pub fn status(&self) -> u16 {
        match self {
            Self::AlreadyReported => 208,
            Self::MissingSlash(_) => 301,
            Self::NoCredentials
            | Self::NoToken
            | Self::TokenWithSpaces
            | Self::TokenWithInvalidCharacters
            | Self::UnknownToken => 401,
            Self::PermissionDenied => 403,
            Self::NoSuchPath
            | Self::UnknownFormat
            | Self::InvalidPage
            | Self::NotFound(_)
            | Self::NoSuchStock(_) => 404,
            Self::MethodNotAllowed(_) => 405,
            Self::NotAcceptable => 406,
            Self::BodyTooSlow => 408,
            Self::BodyTooLarge(_) => 413,
            Self::UnsupportedMediaType(_) => 415,
            Self::Throttled(_) => 429,
            Self::HeadTooLarge => 431,
            Self::ServerError | Self::TooDeeplyNested => 500,
            Self::NotKept(_) => 507,
            Self::BadGateway => 502,
            Self::Unavailable(_) => 503,
            Self::GatewayTimeout => 504,
            Self::TooManyFields
            | Self::MalformedHost
            | Self::NoHost
            | Self::Unparsable(_)
            | Self::Fields(_)
            | Self::Filters(_)
            | Self::Rows(_)
            | Self::StockExists
            | Self::InvalidLocation
            | Self::LoginRefused
            | Self::BodyBroken
            | Self::NotShown(_) => 400,
        }
    }

    /// The value of the header `Retry-After`, in seconds.
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            Self::Throttled(seconds) | Self::Unavailable(seconds) => *seconds,
            _ => None,
        }
    }

    /// The name of the rule and its grade in an operation.
    pub fn rule(&self, operation: &str) -> (&'static str, Grade) {
        match self {
            Self::NoSuchPath => ("no-such-path", Grade::Stack),
            Self::MissingSlash(_) => ("missing-slash", Grade::Stack),
            Self::TooManyFields => ("too-many-fields", Grade::Stack),
            Self::UnknownFormat => ("unknown-format", Grade::Stack),
            Self::NotAcceptable => ("not-acceptable", Grade::Stack),
            Self::NoCredentials
            | Self::NoToken
            | Self::TokenWithSpaces
            | Self::TokenWithInvalidCharacters
            | Self::UnknownToken => ("not-authenticated", Grade::Stack),
            Self::MethodNotAllowed(_) => ("method-not-allowed", Grade::Stack),
            Self::UnsupportedMediaType(_) => ("unsupported-media-type", Grade::Stack),
            Self::Unparsable(_) => ("unparsable-body", Grade::Stack),
            Self::Fields(errors) if all_required(errors) => {
                let is_shown = SHOWN_REQUIRED.contains(&operation);
                let grade = if is_shown {
                    Grade::Documented
                } else {
                    Grade::Stack
                };
                ("required-fields", grade)
            }
            Self::Fields(_) => ("invalid-fields", Grade::Stack),
            Self::Filters(_) => ("invalid-filter", Grade::Stack),
            Self::Rows(_) => ("invalid-rows", Grade::Reading),
            Self::InvalidPage => ("invalid-page", Grade::Stack),
            Self::NotFound(_) => ("not-found", Grade::Stack),
            Self::NoSuchStock(_) => ("no-such-stock", Grade::Reading),
            Self::StockExists => ("stock-exists", Grade::Documented),
            Self::InvalidLocation => ("invalid-location", Grade::Documented),
            Self::AlreadyReported => ("already-reported", Grade::Documented),
            Self::LoginRefused => ("login-refused", Grade::Observed),
            Self::ServerError => ("server-error", Grade::Stack),
            Self::TooDeeplyNested => ("too-deeply-nested", Grade::Stack),
            Self::MalformedHost => ("malformed-host", Grade::Stack),
            // The stack would fall back on the name of its own server, but the server in front
            // of it refuses.
            Self::NoHost => ("no-host", Grade::Reading),
            // The page and the stack set no limits; the mock does, to stay alive.
            Self::HeadTooLarge => ("head-too-large", Grade::Reading),
            Self::BodyTooLarge(_) => ("body-too-large", Grade::Reading),
            Self::BodyTooSlow => ("body-too-slow", Grade::Reading),
            Self::BodyBroken => ("body-broken", Grade::Reading),
            Self::NotKept(_) => ("not-kept", Grade::Reading),
            Self::PermissionDenied => ("permission-denied", Grade::Stack),
            Self::Throttled(_) => ("throttled", Grade::Stack),
            // No source tells if there is a gateway, or what it answers.
            Self::BadGateway => ("bad-gateway", Grade::Reading),
            Self::Unavailable(_) => ("unavailable", Grade::Reading),
            Self::GatewayTimeout => ("gateway-timeout", Grade::Reading),
            Self::NotShown(_) => ("not-shown", Grade::Reading),
        }
    }

    /// The body.
    pub fn body(&self) -> ProblemBody {
        let html = match self {
            Self::NoSuchPath => NOT_FOUND_PAGE,
            Self::TooManyFields | Self::MalformedHost | Self::NoHost => BAD_REQUEST_PAGE,
            Self::ServerError | Self::TooDeeplyNested => SERVER_ERROR_PAGE,
            Self::BadGateway => return ProblemBody::Gateway(BAD_GATEWAY_PAGE),
            Self::Unavailable(_) => return ProblemBody::Gateway(UNAVAILABLE_PAGE),
            Self::GatewayTimeout => return ProblemBody::Gateway(GATEWAY_TIMEOUT_PAGE),
            Self::MissingSlash(location) => return ProblemBody::Redirect(location.clone()),
            json => return ProblemBody::Json(json.json_body()),
        };
        ProblemBody::Html(html)
    }

    fn json_body(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Fields(errors) | Self::Filters(errors) => write_fields(&mut out, errors),
            Self::Rows(rows) => rows.write(&mut out),
            other => {
                let (key, sentence) = other.sentence();
                out.push(b'{');
                json::write_string(&mut out, key);
                out.push(b':');
                match other {
                    Self::LoginRefused => Detail::one(sentence).write(&mut out),
                    _ => json::write_string(&mut out, &sentence),
                }
                out.push(b'}');
            }
        }
        out
    }

    /// The key and the sentence of a body that has just these.
    fn sentence(&self) -> (&'static str, Cow<'static, str>) {
        let detail = |sentence: Cow<'static, str>| ("detail", sentence);
        match self {
            Self::StockExists => ("stock_exists_error", "Stock already exists.".into()),
            Self::InvalidLocation => INVALID_LOCATION,
            Self::AlreadyReported => ("message", "Already reported".into()),
            Self::LoginRefused => (
                NON_FIELD_ERRORS,
                "Unable to log in with provided credentials.".into(),
            ),
            Self::NotAcceptable => detail("Could not satisfy the request Accept header.".into()),
            Self::NoCredentials => detail("Authentication credentials were not provided.".into()),
            Self::NoToken => detail("Invalid token header. No credentials provided.".into()),
            Self::TokenWithSpaces => {
                detail("Invalid token header. Token string should not contain spaces.".into())
            }
            Self::TokenWithInvalidCharacters => detail(
                "Invalid token header. Token string should not contain invalid characters.".into(),
            ),
            Self::UnknownToken => detail("Invalid token.".into()),
            Self::MethodNotAllowed(method) => {
                detail(format!("Method \"{method}\" not allowed.").into())
            }
            Self::UnsupportedMediaType(media_type) => {
                detail(format!("Unsupported media type \"{media_type}\" in request.").into())
            }
            Self::Unparsable(why) => detail(why.clone().into()),
            Self::InvalidPage => detail("Invalid page.".into()),
            Self::BodyTooLarge(limit) => {
                detail(format!("Request body exceeds the limit of {limit} bytes.").into())
            }
            Self::HeadTooLarge => detail("The request line and the headers are too large.".into()),
            Self::BodyTooSlow => detail("The request body did not arrive in time.".into()),
            Self::BodyBroken => detail("The request body broke off.".into()),
            Self::NotKept(why) => detail(format!("Nothing was written: {why}.").into()),
            Self::PermissionDenied => {
                detail("You do not have permission to perform this action.".into())
            }
            Self::Throttled(None) => detail("Request was throttled.".into()),
            Self::Throttled(Some(seconds)) => {
                let s = if *seconds == 1 { "" } else { "s" };
                detail(
                    format!("Request was throttled. Expected available in {seconds} second{s}.")
                        .into(),
                )
            }
            Self::NotShown(sentence) => detail(sentence.clone().into()),
            Self::NotFound(Some(model)) | Self::NoSuchStock(Some(model)) => {
                detail(format!("No {model} matches the given query.").into())
            }
            _ => detail("Not found.".into()),
        }
    }
}

/// The key and the sentence of the refusal of a place.
pub const INVALID_LOCATION: (&str, Cow<'static, str>) = (
    "invalid_location",
    Cow::Borrowed("Location does not belong to provider."),
);

/// The key of errors that do not belong to a field.
pub const NON_FIELD_ERRORS: &str = "non_field_errors";

/// Operations of which the page shows the answer to missing fields.
const SHOWN_REQUIRED: [&str; 3] = [
    "create-stock",
    "increase-reserved-stock",
    "decrease-reserved-stock",
];

fn all_required(errors: &FieldErrors) -> bool {
    let required = Detail::one(wording::REQUIRED);
    errors.iter().all(|(_, detail)| *detail == required)
}

/// The stack's sentences about fields and filters, described by their causes. Source:
/// docs/stack.md#fields, docs/stack.md#filters.
pub mod wording {
    /// A required field is missing.
    pub const REQUIRED: &str = "This field is required.";
    /// A field is null, but may not be.
    pub const NULL: &str = "This field may not be null.";
    /// A text is empty or white space.
    pub const BLANK: &str = "This field may not be blank.";
    /// A text field has a value of another type.
    pub const NOT_A_STRING: &str = "Not a valid string.";
    /// A text contains a NUL.
    pub const NUL: &str = "Null characters are not allowed.";
    /// A value is not an integer.
    pub const NOT_AN_INTEGER: &str = "A valid integer is required.";
    /// The text of an integer has more than a thousand characters.
    pub const INTEGER_TOO_LONG: &str = "String value too large.";
    /// A value is not a boolean.
    pub const NOT_A_BOOLEAN: &str = "Must be a valid boolean.";
    /// A value is not a date-time.
    pub const NOT_A_DATETIME: &str = "Datetime has wrong format. Use one of these formats instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z].";
    /// A date-time is outside of the calendar.
    pub const DATETIME_RANGE: &str = "Datetime value out of range.";
    /// A slug contains a NUL.
    pub const INVALID_VALUE: &str = "Invalid value.";
    /// An object is null.
    pub const NO_DATA: &str = "No data provided";
    /// A range ends before it starts.
    pub const RANGE_ORDER: &str = "The start of the range must not exceed the end of the range.";
    /// A period is not null, under the reading that allows none. The mock's own wording.
    pub const PERIOD_MUST_BE_NULL: &str = "This field must be null.";
    /// The value of a filter is not a number.
    pub const NOT_A_NUMBER: &str = "Enter a number.";
    /// The number of a filter is greater than 1e50.
    pub const NUMBER_TOO_LARGE: &str = "Ensure this value is less than or equal to 1e+50.";
    /// The value of a filter is not a date-time.
    pub const NOT_A_DATE_FILTER: &str = "Enter a valid date/time.";

    /// An integer is greater than the database allows.
    pub fn at_most(most: i64) -> String {
        format!("Ensure this value is less than or equal to {most}.")
    }

    /// An integer is less than the database allows.
    pub fn at_least(least: i64) -> String {
        format!("Ensure this value is greater than or equal to {least}.")
    }

    /// A text is longer than its column.
    pub fn too_long(most: usize) -> String {
        format!("Ensure this field has no more than {most} characters.")
    }

    /// A text contains half of a surrogate pair.
    pub fn surrogate(code: u16) -> String {
        format!("Surrogate characters are not allowed: U+{code:X}.")
    }

    /// A value is not one of the choices.
    pub fn not_a_choice(given: &str) -> String {
        format!("\"{given}\" is not a valid choice.")
    }

    /// The value of a filter is not one of the choices.
    pub fn not_an_available_choice(given: &str) -> String {
        format!("Select a valid choice. {given} is not one of the available choices.")
    }

    /// A slug does not belong to any object.
    pub fn no_object(slug: &str, given: &str) -> String {
        format!("Object with {slug}={given} does not exist.")
    }

    /// A primary key does not belong to any object.
    pub fn no_key(given: &str) -> String {
        format!("Invalid pk \"{given}\" - object does not exist.")
    }

    /// A primary key has the wrong type.
    pub fn key_type(given: &str) -> String {
        format!("Incorrect type. Expected pk value, received {given}.")
    }

    /// A value has to be unique, but is taken.
    pub fn taken(noun: &str, field: &str) -> String {
        format!("{noun} with this {field} already exists.")
    }

    /// A body or a row is not an object.
    pub fn not_a_dictionary(type_name: &str) -> String {
        format!("Invalid data. Expected a dictionary, but got {type_name}.")
    }

    /// A field is not an object.
    pub fn not_a_dictionary_field(type_name: &str) -> String {
        format!("Expected a dictionary of items but got type \"{type_name}\".")
    }

    /// A field is not a list.
    pub fn not_a_list(type_name: &str) -> String {
        format!("Expected a list of items but got type \"{type_name}\".")
    }

    /// A range has an unknown member.
    pub fn extra_content(name: &str) -> String {
        format!("Extra content not allowed \"{name}\".")
    }
}
