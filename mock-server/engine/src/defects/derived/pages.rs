//! Pages that lose, repeat or miscount rows, or have wrong links.

use serde_json::{Value, json};

use super::super::delivery::Delivery;
use super::super::effect::Way;
use super::super::listing::is_filter;
use super::super::question::{Question, encoded};
use super::super::scene::{Scene, edit_json, is_granted, json_of};
use super::statement::{ONCE, PAGES, PLACE, VALIDATION};
use super::{Derived, Statement};
use crate::wire::urlencoded;

/// The pages that a defect acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum On {
    Any,
    First,
    Later,
    Last,
    Middle,
}

const ON: &[(On, &str)] = &[
    (On::Any, "any-page"),
    (On::First, "first-page"),
    (On::Later, "later-pages"),
    (On::Middle, "middle-pages"),
    (On::Last, "last-page"),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goes {
    DropsFirst,
    DropsLast,
    RepeatsFirst,
    RepeatsLast,
    Reversed,
    Empty,
    CountPlus(i64),
    CountOfPage,
    CountAtMost(u64),
    NextNull,
    PreviousNull,
    NextIsThis,
    NextIsFirst,
    PreviousIsThis,
    NextLoses(&'static str),
    NextLosesFilters,
    PreviousLosesFilters,
    NextIsRelative,
    NextOtherHost,
    NextKeeps,
    EndsAfter(u64),
    RefusesPage(u64),
    BeyondIsEmpty,
    ZeroIsFirst,
    LimitPlus(i64),
    LimitIgnoredBeside(&'static str),
    PageIgnoredBeside(&'static str),
}

struct Page {
    on: On,
    goes: Goes,
}

pub(super) fn rows() -> Vec<Derived> {
    let mut rows = Vec::new();
    for operation in [
        "list-stocks",
        "list-active-stocks",
        "list-providers",
        "list-stock-locations",
        "list-stock-lists",
    ] {
        let has_count = operation != "list-active-stocks";
        let is_place = !matches!(operation, "list-stocks" | "list-active-stocks");
        let of = |statement: &'static Statement| if is_place { &PLACE } else { statement };
        for &(on, site) in ON {
            for (goes, word, statement) in ways(has_count, on) {
                let about = format!(
                    "{operation}, {}: {}.",
                    site.replace('-', " "),
                    word.replace('-', " ")
                );
                rows.push(Derived::new(
                    &[operation],
                    (site, word),
                    of(statement),
                    about,
                    Page { on, goes },
                ));
            }
        }
        for (goes, word, statement) in elsewhere(operation) {
            let about = format!("{operation}: {}.", word.replace('-', " "));
            rows.push(Derived::new(
                &[operation],
                ("pages", word),
                of(statement),
                about,
                Page { on: On::Any, goes },
            ));
        }
    }
    rows
}

type Row = (Goes, &'static str, &'static Statement);

fn ways(has_count: bool, on: On) -> Vec<Row> {
    let mut rows = vec![
        (Goes::DropsFirst, "drops-its-first-row", &PAGES),
        (Goes::DropsLast, "drops-its-last-row", &PAGES),
        (Goes::RepeatsFirst, "repeats-its-first-row", &ONCE),
        (Goes::RepeatsLast, "repeats-its-last-row", &ONCE),
        (Goes::Empty, "is-empty", &PAGES),
    ];
    if has_count {
        rows.extend([
            (Goes::CountPlus(1), "counts-one-more", &PAGES),
            (Goes::CountPlus(-1), "counts-one-less", &PAGES),
            (Goes::CountOfPage, "counts-its-rows-alone", &PAGES),
        ]);
    }
    if on != On::Last {
        rows.extend([
            (Goes::NextNull, "has-no-next", &PAGES),
            (Goes::NextIsThis, "next-is-the-page-itself", &PAGES),
            (Goes::NextLoses("limit"), "next-loses-the-limit", &PAGES),
            (Goes::NextLosesFilters, "next-loses-the-filters", &PAGES),
            (Goes::NextIsRelative, "next-is-relative", &PAGES),
            (Goes::NextOtherHost, "next-has-another-host", &PAGES),
        ]);
    }
    if on != On::First {
        rows.extend([
            (Goes::PreviousNull, "has-no-previous", &PAGES),
            (Goes::PreviousIsThis, "previous-is-the-page-itself", &PAGES),
            (
                Goes::PreviousLosesFilters,
                "previous-loses-the-filters",
                &PAGES,
            ),
        ]);
    }
    if matches!(on, On::Later | On::Middle) {
        rows.push((Goes::NextIsFirst, "next-is-the-first-page", &PAGES));
    }
    if on == On::Last {
        rows.push((Goes::NextKeeps, "has-a-next", &PAGES));
    }
    if !has_count {
        // The active stocks take no filters that a link could lose.
        rows.retain(|(goes, _, _)| {
            !matches!(goes, Goes::NextLosesFilters | Goes::PreviousLosesFilters)
        });
    }
    rows
}

fn elsewhere(operation: &str) -> Vec<Row> {
    let mut rows = vec![
        (Goes::EndsAfter(1), "end-after-page-1", &PAGES),
        (Goes::EndsAfter(3), "end-after-page-3", &PAGES),
        (Goes::EndsAfter(10), "end-after-page-10", &PAGES),
        (Goes::RefusesPage(2), "page-2-is-refused", &PAGES),
        (Goes::RefusesPage(4), "page-4-is-refused", &PAGES),
        (Goes::RefusesPage(11), "page-11-is-refused", &PAGES),
        (
            Goes::BeyondIsEmpty,
            "beyond-the-end-is-an-empty-page",
            &VALIDATION,
        ),
        (Goes::ZeroIsFirst, "page-0-is-the-first", &VALIDATION),
        (Goes::LimitPlus(1), "limit-plus-1", &PAGES),
        (Goes::LimitPlus(-1), "limit-minus-1", &PAGES),
    ];
    if operation != "list-active-stocks" {
        rows.extend([
            (Goes::CountAtMost(20), "count-at-most-20", &PAGES),
            (Goes::CountAtMost(100), "count-at-most-100", &PAGES),
            (Goes::CountAtMost(1000), "count-at-most-1000", &PAGES),
            (Goes::Reversed, "rows-reversed-every-second-time", &PAGES),
        ]);
    }
    if operation == "list-stocks" {
        for (name, word) in [
            ("sort", "limit-ignored-beside-sort"),
            ("sku", "limit-ignored-beside-sku"),
            ("is_active", "limit-ignored-beside-is_active"),
            ("stock__gte", "limit-ignored-beside-stock__gte"),
        ] {
            rows.push((Goes::LimitIgnoredBeside(name), word, &PAGES));
        }
        for (name, word) in [
            ("sort", "page-ignored-beside-sort"),
            ("sku", "page-ignored-beside-sku"),
            ("location", "page-ignored-beside-location"),
            ("stock__gte", "page-ignored-beside-stock__gte"),
        ] {
            rows.push((Goes::PageIgnoredBeside(name), word, &PAGES));
        }
        rows.push((Goes::NextLoses("sort"), "next-loses-the-sort", &PAGES));
    }
    rows
}

impl Way for Page {
    fn answer(&self, scene: &Scene<'_>) -> Delivery {
        let question = Question::of(scene.request, scene.service);
        let has = |name: &str| question.query.iter().any(|(known, _)| known == name);
        let number = question
            .parameter("page")
            .and_then(|page| page.parse::<u64>().ok());
        match self.goes {
            Goes::LimitIgnoredBeside(other) if has(other) => {
                scene.rewritten(|q| q.drop(&["limit"]))
            }
            Goes::PageIgnoredBeside(other) if has(other) => scene.rewritten(|q| q.drop(&["page"])),
            Goes::LimitPlus(by) => scene.rewritten(|q| {
                q.alter("limit", |limit| match limit.parse::<i64>() {
                    Ok(limit) if limit > 0 && limit + by > 0 => (limit + by).to_string(),
                    _ => limit.to_owned(),
                });
            }),
            Goes::RefusesPage(page) if number == Some(page) => {
                scene.refuse(&crate::problem::Problem::InvalidPage)
            }
            Goes::LimitIgnoredBeside(_) | Goes::PageIgnoredBeside(_) | Goes::RefusesPage(_) => {
                scene.usual()
            }
            Goes::ZeroIsFirst => scene.rewritten(|q| {
                q.alter("page", |page| {
                    if page == "0" {
                        "1".to_owned()
                    } else {
                        page.to_owned()
                    }
                });
            }),
            Goes::BeyondIsEmpty => beyond(scene),
            Goes::EndsAfter(most) if number.is_some_and(|number| number > most) => {
                scene.refuse(&crate::problem::Problem::InvalidPage)
            }
            Goes::Reversed if !scene.memory.count(scene.operation).is_multiple_of(2) => {
                scene.usual()
            }
            _ => scene.edited(|reply| {
                if is_granted(reply) {
                    edit_json(reply, |body| self.edit(body, number.unwrap_or(1)));
                }
            }),
        }
    }
}

impl Page {
    fn is_on(&self, body: &Value) -> bool {
        let (has_next, has_previous) = (body["next"].is_string(), body["previous"].is_string());
        match self.on {
            On::Any => true,
            On::First => !has_previous && has_next,
            On::Later => has_previous,
            On::Middle => has_previous && has_next,
            On::Last => has_previous && !has_next,
        }
    }

    fn edit(&self, body: &mut Value, number: u64) {
        if !self.is_on(body) {
            return;
        }
        match self.goes {
            Goes::CountPlus(by) => {
                let count = body["count"].as_i64().unwrap_or_default();
                body["count"] = (count + by).max(0).into();
            }
            Goes::CountOfPage => {
                body["count"] = body["results"].as_array().map_or(0, Vec::len).into();
            }
            Goes::CountAtMost(most) => {
                let count = body["count"].as_u64().unwrap_or_default();
                body["count"] = count.min(most).into();
            }
            Goes::NextNull => body["next"] = Value::Null,
            Goes::PreviousNull => body["previous"] = Value::Null,
            Goes::EndsAfter(most) if number >= most => body["next"] = Value::Null,
            Goes::NextKeeps => body["next"] = body["previous"].clone(),
            Goes::NextIsThis => on_link(body, "next", &to_page(number)),
            Goes::PreviousIsThis => on_link(body, "previous", &to_page(number)),
            Goes::NextIsFirst => on_link(body, "next", &to_page(1)),
            Goes::NextLoses(lost) => on_link(body, "next", &|query| {
                query.retain(|(name, _)| name != lost);
            }),
            Goes::NextLosesFilters => on_link(body, "next", &|query| {
                query.retain(|(name, _)| !is_filter(name));
            }),
            Goes::PreviousLosesFilters => {
                on_link(body, "previous", &|query| {
                    query.retain(|(name, _)| !is_filter(name));
                });
            }
            Goes::NextIsRelative => on_base(body, "next", ""),
            Goes::NextOtherHost => on_base(body, "next", "http://whippy.internal:8080"),
            _ => {
                if let Some(rows) = body.get_mut("results").and_then(Value::as_array_mut) {
                    self.edit_rows(rows);
                }
            }
        }
    }

    fn edit_rows(&self, rows: &mut Vec<Value>) {
        match self.goes {
            Goes::DropsFirst if !rows.is_empty() => {
                rows.remove(0);
            }
            Goes::DropsLast => {
                rows.pop();
            }
            Goes::RepeatsFirst => rows.extend(rows.first().cloned()),
            Goes::RepeatsLast => rows.extend(rows.last().cloned()),
            Goes::Reversed => rows.reverse(),
            Goes::Empty => rows.clear(),
            _ => {}
        }
    }
}

type Query = Vec<(String, String)>;

fn to_page(number: u64) -> impl Fn(&mut Query) {
    move |query| {
        query.retain(|(name, _)| name != "page");
        if number > 1 {
            query.push(("page".to_owned(), number.to_string()));
        }
    }
}

fn on_link(body: &mut Value, name: &str, edit: &dyn Fn(&mut Query)) {
    let Some(Value::String(link)) = body.get_mut(name) else {
        return;
    };
    let (base, query) = link.split_once('?').unwrap_or((link, ""));
    let pairs = urlencoded::decode(query.as_bytes()).unwrap_or_default();
    let mut query: Query = pairs
        .into_iter()
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    edit(&mut query);
    let query = encoded(&query);
    let mark = if query.is_empty() { "" } else { "?" };
    *link = format!("{base}{mark}{query}");
}

fn on_base(body: &mut Value, name: &str, base: &str) {
    if let Some(Value::String(link)) = body.get_mut(name) {
        let rest = link
            .split_once("://")
            .map_or(link.as_str(), |(_, rest)| rest);
        let path = &rest[rest.find('/').unwrap_or(0)..];
        *link = format!("{base}{path}");
    }
}

fn beyond(scene: &Scene<'_>) -> Delivery {
    let first = scene.ask(|question| question.drop(&["page"]));
    scene.edited(|reply| {
        let is_refused =
            reply.response.status() == 404 && json_of(reply)["detail"] == json!("Invalid page.");
        if let (true, Some(first)) = (is_refused, first) {
            *reply = first;
            edit_json(reply, |body| body["results"] = json!([]));
        }
    })
}
