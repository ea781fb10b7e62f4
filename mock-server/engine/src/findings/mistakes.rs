//! The table of all mistakes that a client can be told about.
//!
//! The judges in the files beside this one name a row, and add the text that was sent and the
//! one that was probably meant. Id, gravity, description and source stand here alone.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::problem::Grade;

/// The gravity of a finding, in ascending order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FindingLevel {
    /// Worth knowing: a choice that a correct client may make, or that only the readings in
    /// force allow.
    Note,
    /// The service did something else than the client asked for, and its answer does not say
    /// so.
    Warning,
    /// The request cannot have worked, or it loses or repeats data.
    Error,
}

impl FindingLevel {
    /// All levels, the least grave first.
    pub const ALL: [Self; 3] = [Self::Note, Self::Warning, Self::Error];

    /// The name of the level in reports and flags.
    pub fn text(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for FindingLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
    }
}

impl Serialize for FindingLevel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text())
    }
}

/// A text that is not the name of a level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownLevel(pub String);

impl fmt::Display for UnknownLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = FindingLevel::ALL.map(FindingLevel::text).join(", ");
        write!(
            f,
            "there is no level `{}` of findings: it is one of {names}",
            self.0
        )
    }
}

impl std::error::Error for UnknownLevel {}

impl FromStr for FindingLevel {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, UnknownLevel> {
        let mut all = Self::ALL.into_iter();
        all.find(|level| level.text() == text)
            .ok_or_else(|| UnknownLevel(text.to_owned()))
    }
}

/// The source that shows a mistake to be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Source {
    /// The grade of the source.
    #[serde(serialize_with = "grade_text")]
    pub grade: Grade,
    /// A heading of the page, a section of the documents such as `docs/stack.md#filters`, or
    /// the id of a reading.
    pub section: &'static str,
    /// The words of the page, or a fact about the stack.
    pub says: &'static str,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // The signature that serde requires.
fn grade_text<S: Serializer>(grade: &Grade, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(grade.text())
}

/// One way for a client to be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mistake {
    /// The id, by which reports and flags name it.
    pub id: &'static str,
    /// The gravity.
    pub level: FindingLevel,
    /// The mistake of the client, and its effect.
    pub about: &'static str,
    /// An example of a request with this mistake.
    pub example: &'static str,
    /// The source.
    pub source: Source,
}

macro_rules! mistakes {
    ($(
        $name:ident = $id:literal $level:ident
            about $about:literal
            example $example:literal
            $grade:ident $section:literal says $says:literal;
    )+) => {
        $(
            pub(super) static $name: Mistake = Mistake {
                id: $id,
                level: FindingLevel::$level,
                about: $about,
                example: $example,
                source: Source { grade: Grade::$grade, section: $section, says: $says },
            };
        )+

        /// Every mistake: of addresses and headers, of queries, of bodies, and last those that
        /// only several requests show.
        pub static MISTAKES: &[&Mistake] = &[$(&$name,)+];
    };
}

mistakes! {
    MALFORMED_HOST = "malformed-host" Error
        about "The `Host` is not the name of a host to the stack, which refuses every such request before it looks at the path."
        example "Host: whippy_mock:8000"
        Stack "docs/stack.md#host" says "A host is letters, digits, dots and hyphens, or an IPv6 address in brackets, with a port of digits or without one.";
    MISSING_SLASH = "missing-slash" Warning
        about "The path ends without its slash: every request is redirected first."
        example "GET /api/v1/stocks"
        Stack "docs/stack.md#addresses" says "A path without its slash is answered 301, whatever the method.";
    MISSING_SLASH_POST = "missing-slash-post" Error
        about "A POST to a path without its slash: most clients follow the redirect with a GET, and the body is lost."
        example "POST /api/v1/stocks"
        Stack "docs/stack.md#addresses" says "A path without its slash is answered 301, whatever the method.";
    UNKNOWN_PATH = "unknown-path" Error
        about "The API has no such path."
        example "GET /api/v1/stock/"
        Stack "docs/stack.md#addresses" says "A path that no route has is answered 404 before anything else is looked at.";
    WRONG_METHOD = "wrong-method" Error
        about "The path does not take the method."
        example "PATCH /api/v1/stocks/"
        Stack "docs/stack.md#methods" says "A method that a path does not declare is answered 405.";
    TOKEN_IN_QUERY = "token-in-query" Error
        about "The token is in the address, where every log on the way keeps it and the service does not read it."
        example "GET /api/v1/stocks/?api_token=f532e…"
        Documented "List Stock" says "api_token string header The API key of the customer account";
    WRONG_AUTH_SCHEME = "wrong-auth-scheme" Error
        about "The token has a scheme that the service ignores, as if there were no token."
        example "Authorization: Bearer f532e…"
        Documented "List Stock" says "'Authorization': 'Token {}'.format(api_token)";
    REFUSED_ACCEPT = "refused-accept" Error
        about "The client accepts only media types that the service does not render."
        example "Accept: application/xml"
        Documented "List Stock" says "'Accept': 'application/json'";
    MISSING_CONTENT_TYPE = "missing-content-type" Note
        about "A body without a Content-Type: the documentation's own snippets send such bodies, but the framework by itself refuses them with 415."
        example "POST /api/v1/stocks/insert_or_update_stock/ with a body and no Content-Type"
        Reading "missing-content-type" says "A body without Content-Type is parsed as JSON under `json`, and refused under `unsupported`.";
    REFUSED_CONTENT_TYPE = "refused-content-type" Error
        about "The body is of a type that the service does not parse."
        example "Content-Type: text/plain"
        Documented "Create Stock" says "'Content-Type': 'application/json'";
    JSON_AS_FORM = "json-as-form" Error
        about "JSON with the Content-Type of a form: the service finds none of its fields."
        example "curl -d '{\"sku\": \"500\"}' without -H 'Content-Type: application/json'"
        Documented "Create Stock" says "'Content-Type': 'application/json'";

    UNKNOWN_PARAMETER = "unknown-parameter" Warning
        about "The operation has no such query parameter: it is ignored, and the answer looks like success."
        example "GET /api/v1/stocks/?stock_gt=4"
        Stack "docs/stack.md#filters" says "Unknown parameters and unsupported lookups are ignored.";
    SURPLUS_PAGE = "surplus-page" Note
        about "`page=1` where there are no pages, as the vendor's SDK adds it to every list: it is ignored, and asks for nothing else."
        example "GET /api/v1/stocks/stock_query/?sku=500&page=1"
        Stack "docs/stack.md#filters" says "Unknown parameters and unsupported lookups are ignored.";
    LOST_BODY = "lost-body" Error
        about "A query of stock comes without any argument: browsers drop the body of a GET, and so do some proxies."
        example "fetch('/api/v1/stocks/stock_query/') without ?sku=500"
        Documented "Stock Query" says "sku string query ✓ The SKU of the product";
    MISPLACED_ARGUMENT = "misplaced-argument" Warning
        about "An argument is in the query although the service reads the body, or in a body that it does not read."
        example "POST /api/v1/stocks/?sku=500"
        Stack "docs/stack.md#bodies" says "A view reads its arguments from one place; arguments elsewhere are ignored.";
    IGNORED_FILTER_VALUE = "ignored-filter-value" Warning
        about "The value of a filter is invalid, so the filter is dropped and the list is longer than asked for."
        example "GET /api/v1/stocks/?is_active=maybe"
        Stack "docs/stack.md#filters" says "An invalid boolean is ignored, never refused. A blank value of any filter is ignored.";
    IGNORED_PERIOD = "ignored-period" Note
        about "The documentation's path names a filter `period`, but its table of filters has only the two ends."
        example "GET /api/v1/stocks/?period=2023-05-10"
        Documented "Search Stocks" says "\"period\": { \"type\": \"IsoDateTimeFilter\", \"lookup_types\": [ \"startswith__gte\", \"startswith__lte\", \"endswith__gte\", \"endswith__lte\" ] }";
    UNIT_LABEL = "unit-label" Warning
        about "A unit has the label of the documentation's table, but the service takes only the names of its examples."
        example "GET /api/v1/stocks/?unit_type=quantity"
        Documented "Create Stock" says "\"unit_type\": \"qty\"";
    UNKNOWN_SORT_NAME = "unknown-sort-name" Warning
        about "A stock has no such field to sort by: the name is dropped, and the order is not the one asked for."
        example "GET /api/v1/stocks/?sort=quantity"
        Stack "docs/stack.md#ordering" says "Unknown names are dropped silently; if none is left, the default order holds.";
    IGNORED_LIMIT = "ignored-limit" Warning
        about "The limit is not a whole number above 0, so the page has the default size."
        example "GET /api/v1/stocks/?limit=0"
        Stack "docs/stack.md#pagination" says "A limit that is below 1 or not an integer gives the default page size.";
    CLAMPED_LIMIT = "clamped-limit" Note
        about "The limit is above the largest one: pages are smaller than asked for, and only `next` shows it."
        example "GET /api/v1/stocks/?limit=100000"
        Reading "page-limit" says "A limit above the largest gives pages of the largest size.";
    RAW_PLUS = "raw-plus" Error
        about "The `+` of an offset is not escaped in the query, where it means a space, so the date is invalid."
        example "GET /api/v1/stocks/?created_date__gte=2023-05-10T13:37:18+03:00"
        Stack "docs/stack.md#filters" says "The plus sign of an unescaped +03:00 is read as a space, and the value is refused with 400; %2B is right.";
    REPEATED_PARAMETER = "repeated-parameter" Warning
        about "A parameter comes more than once: only the last counts."
        example "GET /api/v1/stocks/?sku=500&sku=505"
        Stack "docs/stack.md#filters" says "Of a repeated parameter the last wins.";
    NO_SUCH_PAGE = "no-such-page" Warning
        about "The client asks for a page that the list does not have, and that no `next` led to."
        example "GET /api/v1/stocks/?page=9999"
        Stack "docs/stack.md#pagination" says "A page number that is 0, beyond the end or not an integer is answered 404.";

    UNKNOWN_BODY_KEY = "unknown-body-key" Warning
        about "The operation has no such member of its body: it is ignored, and the answer looks like success."
        example "{\"sku\": \"500\", \"quantity\": 5}"
        Stack "docs/stack.md#field-errors" says "Unknown keys are ignored.";
    READ_ONLY_BODY_KEY = "read-only-body-key" Warning
        about "Only the service sets the member: the value is ignored, and selects nothing."
        example "{\"id\": 6, \"stock\": 5}"
        Stack "docs/stack.md#field-errors" says "Read-only keys (id, created_date, modified_date) are ignored.";
    REPEATED_BODY_KEY = "repeated-body-key" Warning
        about "A member comes more than once: only the last counts."
        example "{\"stock\": 5, \"stock\": 6}"
        Stack "docs/stack.md#bodies" says "Of equal keys the last wins.";
    NUMBER_AS_STRING = "number-as-string" Warning
        about "A number is sent as a string, which this stack reads and a stricter one does not."
        example "{\"stock\": \"5\"}"
        Documented "Create Stock" says "stock integer body ✓ The number of the existing stock for this product";
    BOOLEAN_AS_STRING = "boolean-as-string" Warning
        about "A boolean is sent as a string, which this stack reads and a stricter one does not."
        example "{\"is_active\": \"true\"}"
        Documented "Create Stock" says "is_active boolean The activation status of the stock";
    TEXT_AS_NUMBER = "text-as-number" Note
        about "A text is sent as a number: leading zeros are lost before the service sees it."
        example "{\"sku\": 500}"
        Documented "Create Stock" says "sku string body ✓ The SKU of the product";
    FORM_WITHOUT_FLAG = "form-without-flag" Warning
        about "A form leaves out `is_active`, which the stack reads as an empty check box: the new stock is inactive."
        example "sku=500&provider=shop_provider&location=110&stock=5"
        Stack "docs/stack.md#forms" says "A boolean that a form omits is false, as an empty check box is.";

    REPEATED_BAD_REQUEST = "repeated-bad-request" Warning
        about "A request that was refused with 400 is sent again unchanged, and refused again."
        example "the same POST /api/v1/stocks/ with {} twice"
        Stack "docs/stack.md#field-errors" says "The refusal depends on the body alone: sent again, it is refused again.";
    UNDATED_RETRY = "undated-retry" Error
        about "A reservation that ended in a 5xx or without an answer is sent again without a `date`: if the first was applied, it now counts twice."
        example "POST /api/v1/stocks/increase_reserved_stock/ without `date`, 503, and again"
        Reading "already-reported" says "A reservation without `date` is never a duplicate: it counts each time.";
    REDATED_RETRY = "redated-retry" Note
        about "A reservation with a `date` ended in a 5xx or without an answer, and one of the same stock follows with another `date`: if that is its retry, it counts twice."
        example "POST /api/v1/stocks/increase_reserved_stock/ with the time of each attempt as `date`"
        Reading "already-reported" says "A reservation is a duplicate if operation, sku, location, provider and `date` were applied before.";
    REPEATED_AFTER_REPORTED = "repeated-after-reported" Warning
        about "A reservation that was answered 208 is sent again: it was applied before, and there is nothing left to do."
        example "the same POST /api/v1/stocks/increase_reserved_stock/ after a 208"
        Documented "Increase Reserved Stock" says "\"message\": \"Already reported\"";
    UNDATED_RESERVATION = "undated-reservation" Note
        about "A reservation without a `date` cannot be told from its own retry."
        example "{\"sku\": \"500\", \"location\": \"110\"}"
        Reading "already-reported" says "A reservation without `date` is never a duplicate: it counts each time.";
    CREATE_OF_EXISTING = "create-of-existing" Note
        about "The client creates a stock that exists; an upsert does not need to know."
        example "POST /api/v1/stocks/ answered with stock_exists_error"
        Documented "Insert/Update Single/Multiple Stock" says "This method is used to upsert single or multiple stock.";
    ROW_BY_ROW_UPSERT = "row-by-row-upsert" Note
        about "Upserts of one row each in a tight loop, where one call takes an array of them."
        example "ten POST /api/v1/stocks/insert_or_update_stock/ of an object each within ten seconds"
        Documented "Insert/Update Single/Multiple Stock" says "This method is used to upsert single or multiple stock.";
    ABANDONED_WALK = "abandoned-walk" Warning
        about "A walk over the pages of a list stopped while `next` was not null: the rest was never read."
        example "GET /api/v1/stocks/, ?page=2, and no third although `next` names it"
        Stack "docs/stack.md#pagination" says "`next` is null on the last page and on no other.";
    UNREAD_PAGES = "unread-pages" Note
        about "Only the first page of a list was read, without a filter or a limit of its own, although `next` was not null."
        example "GET /api/v1/stocks/ alone, with `count` above the page's size"
        Stack "docs/stack.md#pagination" says "`next` is null on the last page and on no other.";
}
