//! A request that a defect may rewrite: its query, its JSON body and its token.

use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderValue};
use http::{Request, Uri};
use serde_json::Value;

use crate::backend::Backend;
use crate::model::time::{DateForms, Timestamp};
use crate::wire::urlencoded::{self, Pair};

/// The parts of a request that a defect may rewrite.
pub(super) struct Question<'a> {
    /// The parameters of the query.
    pub(super) query: Vec<(String, String)>,
    /// The JSON body; null if the body is not JSON.
    pub(super) body: Value,
    /// The service that the request is for.
    pub(super) service: &'a dyn Backend,
    /// A token in place of the one that was sent.
    pub(super) token: Option<String>,
}

impl<'a> Question<'a> {
    pub(super) fn of(request: &Request<Bytes>, service: &'a dyn Backend) -> Self {
        Self {
            query: query_of(request),
            body: serde_json::from_slice(request.body()).unwrap_or_default(),
            service,
            token: None,
        }
    }

    /// The rewritten request; `None` if it does not differ from the original.
    pub(super) fn into_request(self, came: &Request<Bytes>) -> Option<Request<Bytes>> {
        let before = Self::of(came, self.service);
        let mut request = came.clone();
        let mut changed = false;
        if self.query != before.query {
            changed = true;
            let query = encoded(&self.query);
            let target = format!("{}?{query}", came.uri().path());
            *request.uri_mut() = with_target(came.uri(), &target)?;
        }
        if self.body != before.body {
            changed = true;
            *request.body_mut() = self.body.to_string().into();
        }
        if let Some(token) = self.token {
            changed = true;
            let value = HeaderValue::from_str(&format!("Token {token}")).ok()?;
            request.headers_mut().insert(AUTHORIZATION, value);
        }
        changed.then_some(request)
    }

    /// The value of a parameter. If it is repeated, the last one is in force.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let mut all = self.query.iter().rev();
        all.find(|(n, _)| n == name).map(|(_, value)| &**value)
    }

    /// Removes parameters.
    pub(super) fn drop(&mut self, names: &[&str]) {
        self.query.retain(|(name, _)| !names.contains(&&**name));
    }

    /// Changes every value of a parameter.
    pub(super) fn alter(&mut self, name: &str, alter: impl Fn(&str) -> String) {
        for (_, value) in self.query.iter_mut().filter(|(n, _)| n == name) {
            *value = alter(value);
        }
    }

    /// Adds a number to a numeric filter, or microseconds to a date filter. A value that is
    /// neither stays as it is.
    pub(super) fn shift(&mut self, name: &str, by: i64) {
        let local = self.service.settings().local;
        let is_number = name.starts_with("stock") || name.starts_with("reserved_stock");
        self.alter(name, |value| {
            let moved = if is_number {
                let number = value.trim().parse::<i64>().ok();
                number.map(|number| number.saturating_add(by).to_string())
            } else {
                let at = Timestamp::parse_filter(value, local, DateForms::Iso).ok();
                at.map(|at| at.plus(by).to_text(local))
            };
            moved.unwrap_or_else(|| value.to_owned())
        });
    }

    /// Edits the object in the body, or each object of a list.
    pub(super) fn each(&mut self, mut change: impl FnMut(&mut super::edit::Object)) {
        match &mut self.body {
            Value::Object(object) => change(object),
            Value::Array(rows) => rows
                .iter_mut()
                .filter_map(Value::as_object_mut)
                .for_each(change),
            _ => {}
        }
    }
}

/// The URI with another path and query; `None` if `target` is not valid.
pub(super) fn with_target(uri: &Uri, target: &str) -> Option<Uri> {
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(target.parse().ok()?);
    Uri::from_parts(parts).ok()
}

/// The decoded query parameters of a request, in order.
pub(super) fn query_of(request: &Request<Bytes>) -> Vec<(String, String)> {
    let query = request.uri().query().unwrap_or_default();
    let pairs = urlencoded::decode(query.as_bytes()).unwrap_or_default();
    let owned = |(name, value): Pair<'_>| (name.into_owned(), value.into_owned());
    pairs.into_iter().map(owned).collect()
}

pub(super) fn encoded(query: &[(String, String)]) -> String {
    let pairs: Vec<Pair<'_>> = query
        .iter()
        .map(|(name, value)| (name.as_str().into(), value.as_str().into()))
        .collect();
    // This also sorts by name, which makes no difference to any reader of a query.
    urlencoded::with_parameter(&pairs, "", None)
}

/// Rewrites the links of a page as links of another request.
pub(super) fn relink(body: &mut Value, request: &Request<Bytes>) {
    for name in ["next", "previous"] {
        let Some(Value::String(link)) = body.get_mut(name) else {
            continue;
        };
        *link = link_to(link, request);
    }
}

/// The link of `request` to the page number that `link` leads to.
fn link_to(link: &str, request: &Request<Bytes>) -> String {
    let (base, query) = link.split_once('?').unwrap_or((link, ""));
    let pairs = urlencoded::decode(query.as_bytes()).unwrap_or_default();
    let page = crate::query::parameter(&pairs, "page");
    let own = request.uri().query().unwrap_or_default();
    let own = urlencoded::decode(own.as_bytes()).unwrap_or_default();
    let query = urlencoded::with_parameter(&own, "page", page);
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{base}{mark}{query}")
}
