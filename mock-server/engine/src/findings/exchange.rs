//! One exchange as the judges see it: the operation, the input that it reads, and the answer.

use http::Request;

use ::bytes::Bytes;

use super::Seen;
use super::mistakes::Mistake;
use super::sheet::{Said, Sheet, Trace};
use crate::endpoints::metadata::{self, Meta};
use crate::endpoints::{Handler, Input, Resource, resolve};
use crate::profile::{Profile, QueryArguments, ReservationArguments};
use crate::query::parameter;
use crate::wire::text::Integer;
use crate::wire::urlencoded::{self, Pair};

/// An exchange with a path of the API.
pub(super) struct Exchange<'a> {
    pub(super) seen: &'a Seen<'a>,
    /// The decoded path.
    pub(super) path: &'a str,
    pub(super) resource: &'static Resource,
    /// The id of the operation; `None` if the path does not allow the method.
    pub(super) operation: Option<&'static str>,
    pub(super) input: Input,
    /// Is true if the operation is meant to change the world.
    pub(super) writes: bool,
    pub(super) query: Vec<Pair<'a>>,
    /// The status; `None` if no answer came.
    pub(super) status: Option<u16>,
    /// The status, if the answer is the service's own and not an injected fault.
    pub(super) verdict: Option<u16>,
}

impl<'a> Exchange<'a> {
    /// The exchange, or `None` if no route has the path.
    pub(super) fn of(seen: &'a Seen<'a>, path: &'a str) -> Option<Self> {
        let (resource, _) = resolve(path, seen.profile)?;
        let request = seen.request;
        let action = resource.action(request.method(), seen.profile);
        let query = match request.uri().query() {
            None => Vec::new(),
            // A query of more than a thousand fields is refused as a whole.
            Some(query) => urlencoded::decode(query.as_bytes()).unwrap_or_default(),
        };
        let status = seen.response.map(|response| response.status().as_u16());
        Some(Self {
            seen,
            path,
            resource,
            operation: action.map(|action| action.operation),
            input: action.map_or(Input::Bare, |action| action.input),
            writes: action.is_some_and(|action| matches!(action.handler, Handler::Write(_))),
            query,
            status,
            verdict: status.filter(|_| !seen.fault),
        })
    }

    pub(super) fn request(&self) -> &'a Request<Bytes> {
        self.seen.request
    }

    pub(super) fn profile(&self) -> &'a Profile {
        self.seen.profile
    }

    /// The body of the answer.
    pub(super) fn answer(&self) -> &'a [u8] {
        self.seen.response.map_or(&[], |response| response.body())
    }

    /// Returns `true` if the answer has a text. A refusal is short, so its head is enough.
    pub(super) fn answer_has(&self, text: &str) -> bool {
        let answer = self.answer();
        let head = &answer[..answer.len().min(4096)];
        head.windows(text.len()).any(|part| part == text.as_bytes())
    }

    pub(super) fn is_reservation(&self) -> bool {
        matches!(
            self.operation,
            Some("increase-reserved-stock" | "decrease-reserved-stock")
        )
    }

    /// Returns `true` if the operation is one of the four queries of stock.
    pub(super) fn is_query(&self) -> bool {
        self.input == Input::Arguments && !self.is_reservation()
    }

    /// Returns `true` if the operation accepts several SKUs.
    pub(super) fn is_multi(&self) -> bool {
        matches!(
            self.operation,
            Some("multi-stock-query" | "multi-salable-stock-query")
        )
    }

    pub(super) fn has_pages(&self) -> bool {
        matches!(
            self.input,
            Input::Filtered | Input::Paged | Input::PagedArguments
        )
    }

    /// The members of the operation's body, some of which may be sent in the query instead.
    pub(super) fn fields(&self) -> &'static [Meta] {
        match self.input {
            // `OPTIONS` has no table of these, since the queries take no POST.
            Input::Arguments if self.resource.fields.is_empty() => metadata::ACTIVE_STOCKS,
            Input::Arguments | Input::PagedArguments | Input::Body => self.resource.fields,
            Input::Filtered | Input::Paged | Input::Bare => &[],
        }
    }

    /// Returns `true` if the operation reads its body under the readings in force.
    pub(super) fn reads_body(&self) -> bool {
        match self.input {
            Input::Filtered | Input::Paged | Input::Bare => false,
            Input::PagedArguments | Input::Body => true,
            Input::Arguments if self.is_reservation() => {
                self.profile().reservation_arguments != ReservationArguments::Query
            }
            Input::Arguments => self.profile().query_arguments != QueryArguments::Query,
        }
    }

    /// Returns `true` if the operation reads arguments from the query under the readings in
    /// force.
    pub(super) fn reads_arguments_of_query(&self) -> bool {
        match self.input {
            Input::Filtered | Input::Paged | Input::Bare | Input::Body => false,
            Input::PagedArguments => true,
            Input::Arguments if self.is_reservation() => {
                self.profile().reservation_arguments != ReservationArguments::Body
            }
            Input::Arguments => self.profile().query_arguments != QueryArguments::Body,
        }
    }

    /// The number of the requested page; 0 if it is not a number, `last` for example.
    pub(super) fn page(&self) -> usize {
        match parameter(&self.query, "page") {
            None => 1,
            Some(text) => Integer::parse(text)
                .and_then(|number| usize::try_from(number.clamped()).ok())
                .unwrap_or(0),
        }
    }

    /// Notes a mistake of this exchange.
    pub(super) fn note(
        &self,
        sheet: &mut Sheet,
        mistake: &'static Mistake,
        subject: &str,
        say: impl FnOnce() -> Said,
    ) {
        let place = (self.resource.path, subject);
        let trace = || Trace::of(self.seen);
        sheet.note(mistake, place, self.seen.id, trace, say);
    }
}
