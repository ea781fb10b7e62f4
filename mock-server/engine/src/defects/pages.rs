//! Defects of pages: other rows, other counts or wrong links.

use serde_json::{Value, json};

use super::delivery::Delivery;
use super::edit::{Object, alter, quoted, remove, rename, set};
use super::effect::Effect::{Body, Every, Ignore, Rewrite, Take};
use super::effect::{Defect, defect};
use super::listing::{is_filter, link_onwards};
use super::operations::{LIST, PAGES};
use super::question::Question;
use super::scene::{Scene, edit_json, is_granted, json_of, set_body, status};
use crate::problem::Problem;
use crate::wire::urlencoded;

#[rustfmt::skip]
pub(super) const ROWS: &[Defect] = &[
    // The shape.
    defect("page-is-a-bare-list", PAGES, Body(|b| *b = b["results"].take()), "A page is a bare list of its rows."),
    defect("page-key-data", PAGES, Body(|b| object(b, |b| rename(b, "results", "data"))), "`results` is called `data`."),
    defect("page-key-total", PAGES, Body(|b| object(b, |b| rename(b, "count", "total"))), "`count` is called `total`."),
    defect("page-without-count", PAGES, Body(|b| object(b, |b| remove(b, "count"))), "A page has no `count`."),
    defect("page-without-previous", PAGES, Body(|b| object(b, |b| remove(b, "previous"))), "A page has no `previous`."),
    defect("page-leaves-out-null", PAGES, Body(|b| object(b, |b| b.retain(|_, value| !value.is_null()))), "A page leaves out `next` and `previous` where they are null."),
    defect("page-extra-key", PAGES, Body(|b| object(b, |b| set(b, "page", 1))), "A page has a key more, `page`."),
    defect("page-count-is-text", PAGES, Body(|b| object(b, |b| alter(b, "count", quoted))), "`count` is a string."),
    defect("page-results-is-null", PAGES, Body(|b| if rows(b).is_some_and(|rows| rows.is_empty()) { b["results"] = Value::Null }), "`results` is null where no row fits."),
    // The count.
    defect("count-of-the-page", PAGES, Body(|b| if let Some(shown) = rows(b).map(|rows| rows.len()) { b["count"] = shown.into() }), "`count` counts the rows of the page, not all that fit."),
    defect("count-one-more", PAGES, Body(|b| object(b, |b| alter(b, "count", |count| (count.as_i64().unwrap_or(0) + 1).into()))), "`count` is one too many."),
    defect("count-ignores-filters", LIST, Take(count_of_all), "`count` counts every stock, whatever the filters."),
    // The rows.
    defect("limit-ignored", PAGES, Ignore(&["limit"]), "`limit` is passed over."),
    defect("limit-one-more", PAGES, Rewrite(|q| q.shift_limit(1)), "A page has one row more than its `limit`."),
    defect("limit-one-less", PAGES, Rewrite(|q| q.shift_limit(-1)), "A page has one row less than its `limit`, but for a limit of 1."),
    defect("limit-zero-is-refused", PAGES, Take(|s| refuse_if(s, |q| q.parameter("limit") == Some("0"))), "A `limit` of 0 is refused, not passed over."),
    defect("page-ignored", PAGES, Ignore(&["page"]), "`page` is passed over: every page is the first."),
    defect("page-counts-from-0", PAGES, Rewrite(|q| q.alter("page", |page| moved(page, 1))), "`page=0` is the first page, and 1 the second."),
    defect("page-zero-is-the-first", PAGES, Rewrite(|q| q.alter("page", |page| if page == "0" { "1".to_owned() } else { page.to_owned() })), "`page=0` is the first page, not refused."),
    defect("page-that-is-no-number-is-the-first", PAGES, Rewrite(|q| if q.parameter("page").is_some_and(|page| page.parse::<i64>().is_err()) { q.drop(&["page"]) }), "A `page` that is no number is the first page, not refused."),
    defect("page-last-is-refused", PAGES, Take(|s| refuse_if(s, |q| q.parameter("page") == Some("last"))), "`page=last` is refused."),
    defect("page-skips-a-row", PAGES, Body(|b| if !b["previous"].is_null() && let Some(rows) = rows(b) && !rows.is_empty() { rows.remove(0); }), "From the second page on each leaves out its first row."),
    defect("page-drops-its-last-row", PAGES, Body(|b| if !b["next"].is_null() && let Some(rows) = rows(b) { rows.pop(); }), "A page that has a next one leaves out its last row."),
    defect("page-repeats-a-row", PAGES, Take(repeats), "From the second page on each begins with the last row of the one before."),
    defect("page-shows-a-row-twice", PAGES, Body(|b| if let Some(rows) = rows(b) && let Some(last) = rows.last().cloned() { rows.push(last) }), "A page shows its last row twice."),
    defect("page-comes-reversed", PAGES, Every(2, &Body(|b| if let Some(rows) = rows(b) { rows.reverse() })), "A page shows its rows in reverse at every second call."),
    defect("last-page-dropped", PAGES, Take(without_last), "The last page of several is not there, and none leads to it."),
    defect("page-beyond-the-end-is-empty", PAGES, Take(empty_beyond), "A page beyond the last is an empty page, not refused."),
    defect("page-beyond-the-end-is-the-last", PAGES, Take(last_beyond), "A page beyond the last is the last, not refused."),
    // The links.
    defect("next-always-null", PAGES, Body(|b| b["next"] = Value::Null), "`next` is always null."),
    defect("next-null-too-early", PAGES, Take(ends_early), "`next` is null on the page before the last."),
    defect("next-never-null", PAGES, Take(never_ends), "`next` leads on even from the last page."),
    defect("next-is-this-page", PAGES, Body(|b| object(b, |b| alter(b, "next", |link| on_link(link, |query| page_by(query, -1))))), "`next` leads to the page itself."),
    defect("next-skips-a-page", PAGES, Body(|b| object(b, |b| alter(b, "next", |link| on_link(link, |query| page_by(query, 1))))), "`next` leads to the page after the next."),
    defect("previous-always-null", PAGES, Body(|b| b["previous"] = Value::Null), "`previous` is always null."),
    defect("previous-is-the-first", PAGES, Body(|b| object(b, |b| alter(b, "previous", |link| on_link(link, |query| without(query, |name| name == "page"))))), "`previous` always leads to the first page."),
    defect("previous-is-this-page", PAGES, Body(|b| object(b, |b| alter(b, "previous", |link| on_link(link, |query| page_by(query, 1))))), "`previous` leads to the page itself."),
    defect("next-and-previous-swapped", PAGES, Body(|b| object(b, swapped)), "`next` and `previous` stand in each other's place."),
    defect("links-drop-filters", LIST, Body(|b| links(b, |link| on_link(link, |query| without(query, is_filter)))), "`next` and `previous` lose the filters."),
    defect("links-drop-sort", LIST, Body(|b| links(b, |link| on_link(link, |query| without(query, |name| name == "sort")))), "`next` and `previous` lose the `sort`."),
    defect("links-drop-limit", PAGES, Body(|b| links(b, |link| on_link(link, |query| without(query, |name| name == "limit")))), "`next` and `previous` lose the `limit`."),
    defect("links-are-relative", PAGES, Body(|b| links(b, relative)), "`next` and `previous` are paths without a host."),
    defect("links-have-another-host", PAGES, Body(|b| links(b, |link| format!("http://whippy.internal:8080{}", relative(link).as_str().unwrap_or_default()).into())), "`next` and `previous` name a host that only the service knows."),
    defect("links-without-slash", PAGES, Body(|b| links(b, |link| link.as_str().unwrap_or_default().replacen("/?", "?", 1).into())), "`next` and `previous` lack the slash at the end of the path."),
    defect("links-are-numbers", PAGES, Body(|b| links(b, |link| page_of(link).into())), "`next` and `previous` are numbers of pages."),
    defect("links-not-encoded", LIST, Body(|b| links(b, decoded)), "`next` and `previous` have their values as they are, not percent-encoded."),
];

fn object(body: &mut Value, edit: impl FnOnce(&mut Object)) {
    if let Value::Object(body) = body {
        edit(body);
    }
}

fn rows(body: &mut Value) -> Option<&mut Vec<Value>> {
    body.get_mut("results")?.as_array_mut()
}

/// Changes those of the links `next` and `previous` that are not null.
pub(super) fn links(body: &mut Value, change: impl Fn(&Value) -> Value) {
    for name in ["next", "previous"] {
        if let Some(link) = body.get_mut(name).filter(|link| link.is_string()) {
            *link = change(link);
        }
    }
}

/// The path and query of a link.
pub(super) fn relative(link: &Value) -> Value {
    let link = link.as_str().unwrap_or_default();
    let rest = link.split_once("://").map_or(link, |(_, rest)| rest);
    rest[rest.find('/').unwrap_or(0)..].into()
}

type Query = Vec<(String, String)>;

/// Changes the query string of a link.
fn on_link(link: &Value, change: impl FnOnce(Query) -> Query) -> Value {
    let Some(link) = link.as_str() else {
        return link.clone();
    };
    let (base, query) = link.split_once('?').unwrap_or((link, ""));
    let pairs = urlencoded::decode(query.as_bytes()).unwrap_or_default();
    let query = pairs
        .into_iter()
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    let query = super::question::encoded(&change(query));
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{base}{mark}{query}").into()
}

fn without(query: Query, is_lost: impl Fn(&str) -> bool) -> Query {
    let kept = query.into_iter().filter(|(name, _)| !is_lost(name));
    kept.collect()
}

fn page_by(query: Query, by: i64) -> Query {
    let page = query.iter().find(|(name, _)| name == "page");
    let page: i64 = page.and_then(|(_, page)| page.parse().ok()).unwrap_or(1);
    let mut query = without(query, |name| name == "page");
    query.push(("page".to_owned(), (page + by).to_string()));
    query
}

/// The number of the page that a link leads to.
fn page_of(link: &Value) -> i64 {
    let query = link.as_str().and_then(|link| link.split_once('?'));
    let pairs = query.map(|(_, query)| urlencoded::decode(query.as_bytes()).unwrap_or_default());
    let page = pairs
        .as_deref()
        .and_then(|pairs| crate::query::parameter(pairs, "page"));
    page.and_then(|page| page.parse().ok()).unwrap_or(1)
}

fn decoded(link: &Value) -> Value {
    let link = link.as_str().unwrap_or_default();
    let Some((base, query)) = link.split_once('?') else {
        return link.into();
    };
    let pairs = urlencoded::decode(query.as_bytes()).unwrap_or_default();
    let parts: Vec<String> = pairs.iter().map(|(n, v)| format!("{n}={v}")).collect();
    format!("{base}?{}", parts.join("&")).into()
}

fn swapped(page: &mut Object) {
    let next = page.get("next").cloned().unwrap_or_default();
    let previous = page.get("previous").cloned().unwrap_or_default();
    set(page, "next", previous);
    set(page, "previous", next);
}

fn moved(page: &str, by: i64) -> String {
    let number = page.parse::<i64>().ok();
    number.map_or_else(|| page.to_owned(), |number| (number + by).to_string())
}

impl Question<'_> {
    fn shift_limit(&mut self, by: i64) {
        self.alter("limit", |limit| match limit.parse::<i64>() {
            Ok(limit) if limit > 0 => (limit + by).max(1).to_string(),
            _ => limit.to_owned(),
        });
    }
}

fn refuse_if(scene: &Scene<'_>, is_refused: fn(&Question<'_>) -> bool) -> Delivery {
    let question = Question::of(scene.request, scene.service);
    if is_refused(&question) {
        return scene.refuse(&Problem::InvalidPage);
    }
    scene.usual()
}

fn count_of_all(scene: &Scene<'_>) -> Delivery {
    let all = scene.ask(|question| question.query.clear());
    let count = all.map(|reply| json_of(&reply)["count"].take());
    scene.edited(|reply| {
        if let (true, Some(count)) = (is_granted(reply), count) {
            edit_json(reply, |body| body["count"] = count);
        }
    })
}

/// The JSON of the page that lies `by` pages after the requested one; `None` if it is refused.
fn beside(scene: &Scene<'_>, by: i64) -> Option<Value> {
    let reply = scene.ask(|question| {
        let page = question.parameter("page").unwrap_or("1").to_owned();
        question.drop(&["page"]);
        question.query.push(("page".to_owned(), moved(&page, by)));
    })?;
    is_granted(&reply).then(|| json_of(&reply))
}

fn repeats(scene: &Scene<'_>) -> Delivery {
    let before = beside(scene, -1);
    scene.edited(|reply| {
        let Some(last) = before.and_then(|mut before| rows(&mut before)?.pop()) else {
            return;
        };
        if is_granted(reply) {
            edit_json(reply, |body| {
                if let Some(rows) = rows(body) {
                    rows.insert(0, last);
                    rows.pop();
                }
            });
        }
    })
}

/// Returns `true` if the page after the requested one is the last.
fn is_last_but_one(scene: &Scene<'_>) -> bool {
    beside(scene, 1).is_some_and(|after| after["next"].is_null())
}

fn ends_early(scene: &Scene<'_>) -> Delivery {
    let is_early = is_last_but_one(scene);
    scene.edited(|reply| {
        if is_early && is_granted(reply) {
            edit_json(reply, |body| body["next"] = Value::Null);
        }
    })
}

fn without_last(scene: &Scene<'_>) -> Delivery {
    let delivery = ends_early(scene);
    let is_last = match &delivery {
        Delivery::Answer(reply) if is_granted(reply) && !is_last_but_one(scene) => {
            let body = json_of(reply);
            body["next"].is_null() && body["previous"].is_string()
        }
        _ => false,
    };
    if is_last {
        return scene.refuse(&Problem::InvalidPage);
    }
    delivery
}

fn never_ends(scene: &Scene<'_>) -> Delivery {
    let question = Question::of(scene.request, scene.service);
    let page = question.parameter("page").unwrap_or("1");
    let next = link_onwards(scene, page.parse().unwrap_or(1));
    scene.edited(|reply| {
        if is_granted(reply) {
            edit_json(reply, |body| {
                if body["next"].is_null() {
                    body["next"] = next;
                }
            });
        }
    })
}

/// Returns `true` if a page was refused because its number is beyond the last.
fn is_beyond(scene: &Scene<'_>, delivery: &Delivery) -> bool {
    let question = Question::of(scene.request, scene.service);
    let page = question.parameter("page");
    let is_a_number = page.is_some_and(|page| page.parse::<u64>().is_ok_and(|page| page > 0));
    is_a_number && matches!(delivery, Delivery::Answer(reply) if reply.response.status() == 404)
}

fn empty_beyond(scene: &Scene<'_>) -> Delivery {
    let delivery = scene.usual();
    if !is_beyond(scene, &delivery) {
        return delivery;
    }
    let first = scene.ask(|question| question.drop(&["page"]));
    let count = first.map(|reply| json_of(&reply)["count"].take());
    scene.edit(delivery, |reply| {
        *reply.response.status_mut() = status(200);
        let page = json!({"count": count, "next": null, "previous": null, "results": []});
        set_body(reply, page.to_string());
    })
}

fn last_beyond(scene: &Scene<'_>) -> Delivery {
    if !is_beyond(scene, &scene.usual()) {
        return scene.usual();
    }
    scene.rewritten(|question| question.alter("page", |_| "last".to_owned()))
}
