//! Orders of the list that differ from what `sort` asks for.

use std::cmp::Ordering;

use super::super::delivery::Delivery;
use super::super::effect::Way;
use super::super::listing::{is_filter, page_of_stocks, stocks_of};
use super::super::question::Question;
use super::super::scene::Scene;
use super::statement::{ORDER, SORT};
use super::{Derived, Statement};
use crate::members::{self, Kind};
use crate::model::stock::Stock;

const LIST: &[&str] = &["list-stocks"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Orders {
    Ignored,
    Inverted,
    AsText,
    AnyCase,
    TiesReversed,
    IgnoredBesideFilter,
    IgnoredOnLaterPages,
    IgnoredBesideLimit,
    OthersDropped,
    OnlyWhenFirst,
    FirstAndLastSwapped,
    DropsLast,
    NegativeLast,
}

struct Sort {
    field: &'static str,
    descending: bool,
    orders: Orders,
}

pub(super) fn rows() -> Vec<Derived> {
    let mut rows = Vec::new();
    for member in members::STOCK {
        for descending in [false, true] {
            for (orders, word) in ways(member.kind) {
                let minus = if descending { "-" } else { "" };
                let about = format!("`sort={minus}{}`: {}.", member.name, word.replace('-', " "));
                let effect = Sort {
                    field: member.name,
                    descending,
                    orders,
                };
                let site = format!("sort/{minus}{}", member.name);
                rows.push(Derived::new(LIST, (site, word), &SORT, about, effect));
            }
        }
    }
    for (way, word) in [
        (Usual::Descending, "descending"),
        (Usual::Bysku, "by-sku"),
        (Usual::ByModified, "by-modified-date"),
        (Usual::Alternating, "other-at-every-second-call"),
        (Usual::DescendingBesideFilter, "descending-beside-a-filter"),
        (Usual::DescendingOnLaterPages, "descending-on-later-pages"),
    ] {
        let about = format!("Without a `sort` the list is {}.", word.replace('-', " "));
        rows.push(Derived::new(LIST, ("order", word), statement(), about, way));
    }
    rows
}

fn statement() -> &'static Statement {
    &ORDER
}

fn ways(kind: Kind) -> Vec<(Orders, &'static str)> {
    let mut ways = vec![
        (Orders::Ignored, "ignored"),
        (Orders::Inverted, "inverted"),
        (Orders::TiesReversed, "ties-reversed"),
        (Orders::IgnoredBesideFilter, "ignored-beside-a-filter"),
        (Orders::IgnoredOnLaterPages, "ignored-on-later-pages"),
        (Orders::IgnoredBesideLimit, "ignored-beside-limit"),
        (Orders::OthersDropped, "fields-behind-it-dropped"),
        (Orders::OnlyWhenFirst, "ignored-unless-first"),
        (Orders::FirstAndLastSwapped, "first-and-last-swapped"),
        (Orders::DropsLast, "last-dropped"),
    ];
    if matches!(kind, Kind::Id | Kind::Number) {
        ways.push((Orders::AsText, "as-text"));
        ways.push((Orders::NegativeLast, "without-signs"));
    }
    if kind == Kind::Text {
        ways.push((Orders::AnyCase, "case-passed-over"));
    }
    ways
}

type Query = Vec<(String, String)>;

fn terms(query: &Query) -> Vec<String> {
    let sort = query.iter().rev().find(|(name, _)| name == "sort");
    let sort = sort.map_or("", |(_, sort)| sort);
    let terms = sort.split(',').map(|term| term.trim().to_owned());
    terms.filter(|term| !term.is_empty()).collect()
}

fn is_later_page(query: &Query) -> bool {
    query
        .iter()
        .any(|(name, page)| name == "page" && page != "1")
}

impl Way for Sort {
    fn answer(&self, scene: &Scene<'_>) -> Delivery {
        let query = Question::of(scene.request, scene.service).query;
        let minus = if self.descending { "-" } else { "" };
        let own = format!("{minus}{}", self.field);
        let terms = terms(&query);
        let Some(at) = terms.iter().position(|term| *term == own) else {
            return scene.usual();
        };
        let without = |scene: &Scene<'_>| {
            let rest: Vec<&str> = terms
                .iter()
                .map(String::as_str)
                .filter(|t| **t != own)
                .collect();
            let rest = rest.join(",");
            scene.rewritten(|question| question.alter("sort", |_| rest.clone()))
        };
        let has_filter = query.iter().any(|(name, _)| is_filter(name));
        let has_limit = query.iter().any(|(name, _)| name == "limit");
        match self.orders {
            Orders::Ignored => without(scene),
            Orders::IgnoredBesideFilter if has_filter => without(scene),
            Orders::IgnoredOnLaterPages if is_later_page(&query) => without(scene),
            Orders::IgnoredBesideLimit if has_limit => without(scene),
            Orders::OnlyWhenFirst if at > 0 => without(scene),
            Orders::OthersDropped if at + 1 < terms.len() => {
                let kept = terms[..=at].join(",");
                scene.rewritten(|question| question.alter("sort", |_| kept.clone()))
            }
            Orders::Inverted => {
                let turned = match own.strip_prefix('-') {
                    Some(up) => up.to_owned(),
                    None => format!("-{own}"),
                };
                let mut terms = terms.clone();
                terms[at] = turned;
                scene.rewritten(|question| question.alter("sort", |_| terms.join(",")))
            }
            // These act on the rows, and only where there is a single sort key.
            _ if terms.len() == 1 => self.reordered(scene, &query),
            _ => scene.usual(),
        }
    }
}

impl Sort {
    fn reordered(&self, scene: &Scene<'_>, query: &Query) -> Delivery {
        let store = scene.service.store();
        let Some(mut stocks) = stocks_of(scene, &store, query) else {
            return scene.usual();
        };
        let places = store.places();
        let text = |stock: &Stock| {
            let location = &places.locations[stock.location as usize];
            match self.field {
                "sku" => stock.sku.to_string(),
                "location" => location.head.code.to_string(),
                _ => places.providers[location.provider as usize]
                    .head
                    .name
                    .to_string(),
            }
        };
        let number = |stock: &Stock| match self.field {
            "id" => stock.id,
            "stock" => stock.stock.into(),
            _ => stock.reserved.into(),
        };
        let turn = |order: Ordering| {
            if self.descending {
                order.reverse()
            } else {
                order
            }
        };
        match self.orders {
            Orders::AsText => {
                stocks.sort_by(|a, b| turn(number(a).to_string().cmp(&number(b).to_string())));
            }
            Orders::NegativeLast => {
                stocks.sort_by(|a, b| turn(number(a).abs().cmp(&number(b).abs())));
            }
            Orders::AnyCase => {
                stocks.sort_by(|a, b| turn(text(a).to_lowercase().cmp(&text(b).to_lowercase())));
            }
            Orders::TiesReversed => {
                let key = |stock: &Stock| shown(stock, self.field);
                for equal in stocks.chunk_by_mut(|a, b| key(a) == key(b)) {
                    equal.reverse();
                }
            }
            Orders::FirstAndLastSwapped if stocks.len() > 1 => {
                let last = stocks.len() - 1;
                stocks.swap(0, last);
            }
            Orders::DropsLast => {
                stocks.pop();
            }
            _ => return scene.usual(),
        }
        page_of_stocks(scene, &stocks)
    }
}

/// A key that is equal for two stocks with an equal member.
fn shown(stock: &Stock, field: &str) -> String {
    match field {
        "id" => stock.id.to_string(),
        "created_date" => stock.created.micros().to_string(),
        "modified_date" => stock.modified.micros().to_string(),
        "period" => format!("{:?}", stock.period),
        "stock_type" => stock.stock_type.text().to_owned(),
        "unit_type" => stock.unit_type.text().to_owned(),
        "stock" => stock.stock.to_string(),
        "is_active" => stock.is_active.to_string(),
        "sku" => stock.sku.to_string(),
        "reserved_stock" => stock.reserved.to_string(),
        // Also for `provider`: a tie between two locations of one provider goes unnoticed.
        _ => stock.location.to_string(),
    }
}

/// The wrong orders of a list without `sort`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Usual {
    Descending,
    Bysku,
    ByModified,
    Alternating,
    DescendingBesideFilter,
    DescendingOnLaterPages,
}

impl Way for Usual {
    fn answer(&self, scene: &Scene<'_>) -> Delivery {
        let query = Question::of(scene.request, scene.service).query;
        if query.iter().any(|(name, _)| name == "sort") {
            return scene.usual();
        }
        let has_filter = query.iter().any(|(name, _)| is_filter(name));
        let order = match self {
            Self::Descending => "-id",
            Self::Bysku => "sku",
            Self::ByModified => "modified_date",
            Self::Alternating if scene.memory.count(scene.operation).is_multiple_of(2) => "-id",
            Self::DescendingBesideFilter if has_filter => "-id",
            Self::DescendingOnLaterPages if is_later_page(&query) => "-id",
            _ => return scene.usual(),
        };
        scene.rewritten(|question| question.query.push(("sort".to_owned(), order.to_owned())))
    }
}
