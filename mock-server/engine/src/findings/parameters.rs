//! Mistakes in a query string: unknown names, and values that are ignored.

use std::borrow::Cow;

use super::exchange::Exchange;
use super::mistakes::{
    CLAMPED_LIMIT, IGNORED_FILTER_VALUE, IGNORED_LIMIT, IGNORED_PERIOD, MISPLACED_ARGUMENT,
    NO_SUCH_PAGE, RAW_PLUS, REFUSED_ACCEPT, REPEATED_PARAMETER, SURPLUS_PAGE, TOKEN_IN_QUERY,
    UNIT_LABEL, UNKNOWN_PARAMETER, UNKNOWN_SORT_NAME,
};
use super::nearest;
use super::sheet::{Said, Sheet, names_a_token};
use crate::endpoints::Input;
use crate::endpoints::metadata::{self, Meta};
use crate::model::stock::UnitType;
use crate::profile::UnitLabels;
use crate::query::{FILTERS, FilterField};
use crate::wire::text::{Integer, strip};

/// The most earlier parameters that one is compared with; a query may have a thousand.
const LOOKED_BACK: usize = 64;

/// Judges every parameter.
pub(super) fn judge(exchange: &Exchange<'_>, sheet: &mut Sheet) {
    for (at, (name, value)) in exchange.query.iter().enumerate() {
        let (name, value) = (name.as_ref(), value.as_ref());
        let before = &exchange.query[..at.min(LOOKED_BACK)];
        // Some clients spell a list as `sku[]` and the like.
        let is_list = exchange.is_multi() && name == "sku" || name.ends_with("[]");
        if !is_list && before.iter().any(|(before, _)| before == name) {
            repeated(exchange, name, sheet);
        }
        judge_one(exchange, name, value, sheet);
    }
}

fn judge_one(exchange: &Exchange<'_>, name: &str, value: &str, sheet: &mut Sheet) {
    if name == "format" {
        if exchange.verdict == Some(404) && !value.is_empty() && value != "json" {
            exchange.note(sheet, &REFUSED_ACCEPT, "format", || Said {
                sent: format!("format={value}"),
                meant: Some("format=json".to_owned()),
                why: "the service renders JSON alone".to_owned(),
            });
        }
        return;
    }
    if exchange.has_pages() {
        match name {
            "page" => return page(exchange, value, sheet),
            "limit" => return limit(exchange, value, sheet),
            _ => {}
        }
    }
    if exchange.input == Input::Filtered {
        if name == "sort" {
            return sort(exchange, value, sheet);
        }
        if let Some(field) = FILTERS.iter().find(|field| field.lookup(name).is_some()) {
            return filter(exchange, *field, name, value, sheet);
        }
    }
    let is_field = exchange.fields().iter().any(|field| field.name() == name);
    if is_field && exchange.reads_arguments_of_query() {
        if name == "date" && has_raw_plus(value) {
            raw_plus(exchange, name, value, sheet);
        }
        return;
    }
    if is_field {
        exchange.note(sheet, &MISPLACED_ARGUMENT, name, || Said {
            sent: format!("{} in the query", pair(exchange, name, value)),
            meant: Some(format!("`{name}` in the body")),
            why: "the operation reads its body and not its query".to_owned(),
        });
        return;
    }
    unread(exchange, name, value, sheet);
}

/// Judges a parameter that the operation does not read.
fn unread(exchange: &Exchange<'_>, name: &str, value: &str, sheet: &mut Sheet) {
    if names_a_token(name) {
        exchange.note(sheet, &TOKEN_IN_QUERY, name, || Said {
            sent: format!("{name}=… in the query"),
            meant: Some("Authorization: Token …".to_owned()),
            why: "the token is read from the header alone, and logs keep addresses".to_owned(),
        });
        return;
    }
    if exchange.input == Input::Filtered && name == "period" {
        exchange.note(sheet, &IGNORED_PERIOD, name, || Said {
            sent: format!("{name}={value}"),
            meant: Some("period__startswith__lte and period__endswith__gte".to_owned()),
            why: "no filter is called `period`: its ends are filtered for".to_owned(),
        });
        return;
    }
    let has_no_pages = exchange.is_query() || exchange.operation == Some("get-active-user");
    if name == "page" && value == "1" && has_no_pages {
        exchange.note(sheet, &SURPLUS_PAGE, name, || Said {
            sent: pair(exchange, name, value),
            meant: None,
            why: "the operation answers everything at once: the parameter is ignored".to_owned(),
        });
        return;
    }
    exchange.note(sheet, &UNKNOWN_PARAMETER, name, || {
        let known = known(exchange);
        let known: Vec<&str> = known.iter().map(AsRef::as_ref).collect();
        let plain = name
            .strip_suffix("[]")
            .filter(|plain| known.contains(plain));
        let meant = plain
            .or_else(|| nearest::meant(name, &known))
            .map(str::to_owned);
        let is_filter = || FILTERS.iter().any(|field| field.lookup(name).is_some());
        let elsewhere = (exchange.input != Input::Filtered && is_filter())
            .then(|| format!("GET /api/v1/stocks/?{name}={value}"));
        let lookup = unknown_lookup(exchange, name);
        let several = lookup == Some(("sku", "in"));
        let several = several.then(|| "GET /api/v1/stocks/multi_stock_query/".to_owned());
        let takes = match known.as_slice() {
            [] => "takes no parameters".to_owned(),
            [only] => format!("takes `{only}` alone"),
            many if many.len() <= 6 => format!("takes {}", many.join(", ")),
            _ => match lookup {
                Some((field, lookup)) => format!("has no lookup `{lookup}` of `{field}`"),
                None => "has no such filter".to_owned(),
            },
        };
        Said {
            sent: pair(exchange, name, value),
            meant: elsewhere.or(several).or(meant),
            why: format!(
                "{} {takes}: the parameter is ignored",
                exchange.operation.unwrap_or("the path")
            ),
        }
    });
}

/// The filter that a parameter names, with a lookup that this filter does not have.
fn unknown_lookup<'n>(exchange: &Exchange<'_>, name: &'n str) -> Option<(&'static str, &'n str)> {
    let (base, lookup) = name.split_once("__")?;
    let mut filters = FILTERS.iter();
    let field = filters.find(|field| exchange.input == Input::Filtered && field.name == base)?;
    (!field.lookups.contains(&lookup)).then_some((field.name, lookup))
}

/// The parameters that the operation reads.
fn known(exchange: &Exchange<'_>) -> Vec<Cow<'static, str>> {
    let mut known = Vec::new();
    if exchange.input == Input::Filtered {
        let filters = FILTERS.iter().flat_map(|field| field.parameters());
        known.extend(filters.map(|(name, _)| name));
        known.push("sort".into());
    }
    if exchange.reads_arguments_of_query() {
        known.extend(exchange.fields().iter().map(|field| field.name().into()));
    }
    if exchange.has_pages() {
        known.extend(["page".into(), "limit".into()]);
    }
    known
}

/// The text of a parameter for a finding. Tokens and the values of a login are left out.
fn pair(exchange: &Exchange<'_>, name: &str, value: &str) -> String {
    if exchange.operation == Some("login") || names_a_token(name) {
        format!("{name}=…")
    } else {
        format!("{name}={value}")
    }
}

fn repeated(exchange: &Exchange<'_>, name: &str, sheet: &mut Sheet) {
    exchange.note(sheet, &REPEATED_PARAMETER, name, || {
        let all = exchange.query.iter().filter(|(n, _)| n == name);
        let sent: Vec<_> = all.map(|(_, value)| pair(exchange, name, value)).collect();
        let several = match exchange.operation {
            Some("stock-query") => Some("GET /api/v1/stocks/multi_stock_query/"),
            Some("salable-stock-query") => Some("GET /api/v1/stocks/multi_salable_stock_query/"),
            Some("list-stocks") if name == "sku" => Some("GET /api/v1/stocks/multi_stock_query/"),
            Some("list-stocks") if name == "sort" => Some("sort=FIELD,FIELD"),
            _ => None,
        };
        Said {
            sent: sent.join("&"),
            meant: several.map(str::to_owned),
            why: format!("of several `{name}` only the last counts"),
        }
    });
}

fn page(exchange: &Exchange<'_>, value: &str, sheet: &mut Sheet) {
    // A `next` may have led here and the list have become shorter since, which `Walks` can
    // tell.
    let is_counted = Integer::parse(value).is_some_and(|number| number.clamped() > 0);
    if is_counted || exchange.verdict != Some(404) || !exchange.answer_has("Invalid page") {
        return;
    }
    exchange.note(sheet, &NO_SUCH_PAGE, "page", || Said {
        sent: format!("page={value}"),
        meant: Some("page=1".to_owned()),
        why: "pages are counted from 1".to_owned(),
    });
}

fn limit(exchange: &Exchange<'_>, value: &str, sheet: &mut Sheet) {
    let most = i64::from(exchange.profile().page_limit);
    match Integer::parse(value).map(|limit| limit.clamped()) {
        Some(limit) if limit > most => exchange.note(sheet, &CLAMPED_LIMIT, "limit", || Said {
            sent: format!("limit={value}"),
            meant: Some(format!("limit={most}, and `next` until it is null")),
            why: format!("a page has {most} rows at most"),
        }),
        Some(limit) if limit > 0 => {}
        _ => exchange.note(sheet, &IGNORED_LIMIT, "limit", || Said {
            sent: format!("limit={value}"),
            meant: Some(format!("limit=N with N from 1 to {most}")),
            why: "only whole numbers from 1 up are limits: this one is ignored, and the page has the default size".to_owned(),
        }),
    }
}

fn sort(exchange: &Exchange<'_>, value: &str, sheet: &mut Sheet) {
    for term in value.split(',') {
        let term = strip(term);
        let name = term.strip_prefix('-').unwrap_or(term);
        if metadata::STOCK.iter().any(|field| field.name() == name) {
            continue;
        }
        exchange.note(sheet, &UNKNOWN_SORT_NAME, name, || {
            let known: Vec<_> = metadata::STOCK.iter().map(Meta::name).collect();
            Said {
                sent: format!("sort={value}"),
                meant: nearest::meant(name, &known).map(str::to_owned),
                why: format!("a stock has no field `{name}` to sort by: the name is dropped"),
            }
        });
    }
}

fn filter(exchange: &Exchange<'_>, field: FilterField, name: &str, value: &str, sheet: &mut Sheet) {
    let is_moment = field.type_name == "IsoDateTimeFilter";
    if is_moment && has_raw_plus(value) {
        return raw_plus(exchange, name, value, sheet);
    }
    let is_dropped = match field.type_name {
        "BooleanFilter" => !["true", "false", "1", "0"]
            .iter()
            .any(|known| value.eq_ignore_ascii_case(known)),
        "CharFilter" => strip(value).is_empty(),
        _ => value.is_empty(),
    };
    if is_dropped {
        exchange.note(sheet, &IGNORED_FILTER_VALUE, name, || Said {
            sent: format!("{name}={value}"),
            meant: (field.type_name == "BooleanFilter")
                .then(|| format!("{name}=true or {name}=false")),
            why: "the filter does not read this value, so it is dropped and every stock passes it"
                .to_owned(),
        });
    }
    if field.name == "unit_type"
        && let Some(unit) = UnitType::ALL.iter().find(|unit| unit.label() == value)
        && (exchange.profile().unit_labels == UnitLabels::Strict || exchange.verdict == Some(400))
    {
        exchange.note(sheet, &UNIT_LABEL, name, || Said {
            sent: format!("{name}={value}"),
            meant: Some(format!("{name}={}", unit.text())),
            why: "stocks are shown with `qty` and `kg`, and filtered for by those".to_owned(),
        });
    }
}

fn raw_plus(exchange: &Exchange<'_>, name: &str, value: &str, sheet: &mut Sheet) {
    exchange.note(sheet, &RAW_PLUS, name, || {
        let (moment, offset) = value.split_at(value.len() - OFFSET);
        let offset = offset.trim_start();
        Said {
            sent: format!("{name}={moment}+{offset}"),
            meant: Some(format!("{name}={moment}%2B{offset}")),
            why: "a raw `+` in a query means a space, so the service sees no date there".to_owned(),
        }
    });
}

/// The length of ` 03:00`, an offset without its sign.
const OFFSET: usize = 6;

/// Returns `true` if a decoded value ends in an offset whose `+` was read as a space. In
/// `2023-05-10 13:37` the end is the time itself, since no other stands before it.
fn has_raw_plus(value: &str) -> bool {
    let bytes = value.as_bytes();
    let Some(start) = bytes.len().checked_sub(OFFSET) else {
        return false;
    };
    let (moment, offset) = bytes.split_at(start);
    let [b' ', a, b, b':', c, d] = offset else {
        return false;
    };
    [a, b, c, d].iter().all(|digit| digit.is_ascii_digit()) && moment.contains(&b':')
}
