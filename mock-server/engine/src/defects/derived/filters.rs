//! Filters of the list that find other stocks than those they describe.

use super::super::delivery::Delivery;
use super::super::effect::Way;
use super::super::listing::{is_filter, page_of_stocks, stocks_of};
use super::super::question::Question;
use super::super::scene::Scene;
use super::statement::{EXACT, FILTER, FILTERS, ONCE, REPEATED, SPELLING};
use super::value::unit;
use super::{Derived, Statement};
use crate::model::stock::Stock;
use crate::model::time::{DateForms, Timestamp, UtcOffset};
use crate::problem::Problem;
use crate::query::FILTERS as FIELDS;
use crate::store::Store;
use crate::store::places::Places;

const LIST: &[&str] = &["list-stocks"];

/// The ways in which a filter selects the wrong stocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reads {
    Ignored,
    Inverted,
    Refused,
    Nothing,
    OffBy(i64),
    OredWith(&'static str),
    IgnoredBeside(&'static str),
    IgnoredBesideParameter(&'static str),
    Prefix,
    Suffix,
    Part,
    Whole,
    AnyCase,
    OneCase,
    AsciiCase,
    Pattern(char),
    Unseparated,
    WithoutZeros,
    Untrimmed,
    Split(char),
    First,
    Any,
    Unless(&'static str),
    UnlessNegative,
    AsText,
    Of(&'static str),
    CutTo(i64),
    WithoutOffset,
    ShiftedBy(i64),
    AtMost(usize),
    Repeated(u8),
    WithoutInactive,
    WithoutScheduled,
    Empty,
}

struct Filter {
    name: &'static str,
    reads: Reads,
}

/// A filter parameter of the list.
struct Parameter {
    name: &'static str,
    field: &'static str,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Part,
    Number,
    Moment,
    End,
    Flag,
    Choice,
}

fn parameters() -> Vec<Parameter> {
    let mut all = Vec::new();
    for field in FIELDS {
        for (name, lookup) in field.parameters() {
            let kind = match field.type_name {
                "NumberFilter" => Kind::Number,
                "BooleanFilter" => Kind::Flag,
                "ChoiceFilter" => Kind::Choice,
                "IsoDateTimeFilter" if field.name == "period" => Kind::End,
                "IsoDateTimeFilter" => Kind::Moment,
                _ if lookup == "icontains" => Kind::Part,
                _ => Kind::Text,
            };
            all.push(Parameter {
                name: spelled(&name),
                field: field.name,
                kind,
            });
        }
    }
    all
}

/// The `'static` spelling of a parameter's name, out of 32; empty if it is not one of them.
fn spelled(name: &str) -> &'static str {
    const NAMES: &[&str] = &[
        "sku",
        "stock__gt",
        "stock__gte",
        "stock__lt",
        "stock__lte",
        "stock",
        "reserved_stock__gt",
        "reserved_stock__gte",
        "reserved_stock__lt",
        "reserved_stock__lte",
        "reserved_stock",
        "created_date__gt",
        "created_date__gte",
        "created_date__lt",
        "created_date__lte",
        "created_date",
        "modified_date__gt",
        "modified_date__gte",
        "modified_date__lt",
        "modified_date__lte",
        "modified_date",
        "is_active",
        "period__startswith__gte",
        "period__startswith__lte",
        "period__endswith__gte",
        "period__endswith__lte",
        "location",
        "provider",
        "location_name",
        "provider_name",
        "unit_type",
        "stock_type",
    ];
    NAMES
        .iter()
        .find(|known| **known == name)
        .copied()
        .unwrap_or_default()
}

/// Filters that stand for their fields in the defects of two combined filters.
const REPRESENTATIVES: &[&str] = &[
    "sku",
    "stock",
    "stock__gte",
    "stock__lt",
    "reserved_stock",
    "reserved_stock__gte",
    "created_date",
    "created_date__gte",
    "modified_date__lte",
    "is_active",
    "period__startswith__gte",
    "location",
    "provider",
    "location_name",
    "provider_name",
    "unit_type",
    "stock_type",
];

pub(super) fn rows() -> Vec<Derived> {
    let mut rows = Vec::new();
    for parameter in parameters() {
        for (reads, word, statement) in ways(&parameter) {
            let about = format!(
                "`{}` of the list: {}.",
                parameter.name,
                word.replace('-', " ")
            );
            let effect = Filter {
                name: parameter.name,
                reads,
            };
            rows.push(Derived::new(
                LIST,
                (parameter.name, word),
                statement,
                about,
                effect,
            ));
        }
    }
    for name in REPRESENTATIVES {
        for other in REPRESENTATIVES.iter().filter(|other| *other != name) {
            let field = |name: &str| name.split("__").next().map(str::to_owned);
            if field(name) == field(other) {
                continue;
            }
            let about = format!("`{name}` is passed over beside `{other}`.");
            let effect = Filter {
                name,
                reads: Reads::IgnoredBeside(other),
            };
            let way = format!("ignored-beside-{other}");
            rows.push(Derived::new(LIST, (*name, way), &FILTERS, about, effect));
            if name < other {
                let about = format!("`{name}` and `{other}` find what fits either.");
                let effect = Filter {
                    name,
                    reads: Reads::OredWith(other),
                };
                let way = format!("ored-with-{other}");
                rows.push(Derived::new(LIST, (*name, way), &FILTERS, about, effect));
            }
        }
    }
    rows
}

type Row = (Reads, String, &'static Statement);

#[allow(clippy::too_many_lines)] // A table, one kind of filter after another.
fn ways(parameter: &Parameter) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut add = |reads, word: &str, statement| rows.push((reads, word.to_owned(), statement));
    for (reads, word) in [
        (Reads::Ignored, "ignored"),
        (Reads::Inverted, "inverted"),
        (Reads::Refused, "refused"),
        (Reads::Nothing, "finds-nothing"),
        (Reads::IgnoredBesideParameter("sort"), "ignored-beside-sort"),
        (Reads::IgnoredBesideParameter("page"), "ignored-beside-page"),
        (
            Reads::IgnoredBesideParameter("limit"),
            "ignored-beside-limit",
        ),
        (Reads::AtMost(20), "finds-at-most-20"),
        (Reads::AtMost(100), "finds-at-most-100"),
        (Reads::AtMost(999), "finds-at-most-999"),
    ] {
        add(reads, word, &FILTER);
    }
    // Not for the field itself: there the filter's value decides.
    if parameter.field != "is_active" {
        add(Reads::WithoutInactive, "hides-inactive-stocks", &FILTER);
    }
    if parameter.field != "stock_type" && parameter.field != "period" {
        add(Reads::WithoutScheduled, "hides-scheduled-stocks", &FILTER);
    }
    add(Reads::First, "first-of-repeated", &REPEATED);
    add(Reads::Any, "any-of-repeated", &REPEATED);
    add(Reads::Empty, "blank-finds-nothing", &SPELLING);
    let is_place =
        ["provider", "location", "provider_name", "location_name"].contains(&parameter.field);
    if is_place {
        add(Reads::Repeated(1), "repeats-rows-by-locations", &ONCE);
        add(Reads::Repeated(2), "counts-rows-by-locations", &ONCE);
    }
    if parameter.field == "sku" {
        add(Reads::Repeated(3), "repeats-rows-by-skus", &ONCE);
    }
    match parameter.kind {
        Kind::Text => {
            add(Reads::Prefix, "matched-by-prefix", &FILTER);
            add(Reads::Suffix, "matched-by-suffix", &FILTER);
            add(Reads::Part, "matched-by-part", &FILTER);
            add(Reads::AnyCase, "any-case", &EXACT);
            add(Reads::Pattern('_'), "pattern-underscore", &FILTER);
            add(Reads::Pattern('%'), "pattern-percent", &FILTER);
            add(Reads::Pattern('*'), "pattern-star", &FILTER);
            add(Reads::Unseparated, "separators-passed-over", &FILTER);
            add(Reads::WithoutZeros, "leading-zeros-passed-over", &FILTER);
            add(Reads::Untrimmed, "untrimmed", &EXACT);
            add(Reads::Split(','), "split-at-commas", &EXACT);
        }
        Kind::Part => {
            add(Reads::Whole, "matched-as-a-whole", &FILTER);
            add(Reads::Prefix, "matched-by-prefix", &FILTER);
            add(Reads::Suffix, "matched-by-suffix", &FILTER);
            add(Reads::OneCase, "one-case", &FILTER);
            add(Reads::AsciiCase, "case-of-ascii-alone", &FILTER);
            add(Reads::Pattern('_'), "pattern-underscore", &FILTER);
            add(Reads::Pattern('%'), "pattern-percent", &FILTER);
        }
        Kind::Number => {
            add(Reads::OffBy(1), "plus-1", &FILTER);
            add(Reads::OffBy(-1), "minus-1", &FILTER);
            add(Reads::Unless("0"), "zero-passed-over", &FILTER);
            add(Reads::UnlessNegative, "negative-passed-over", &FILTER);
            add(Reads::AsText, "compared-as-text", &FILTER);
            let other = if parameter.field == "stock" {
                "reserved_stock"
            } else {
                "stock"
            };
            add(Reads::Of(other), "of-the-other-quantity", &FILTER);
            add(Reads::Of("salable"), "of-what-is-salable", &FILTER);
            add(Reads::Of("id"), "of-the-id", &FILTER);
        }
        Kind::Moment => {
            add(Reads::OffBy(1), "plus-1", &FILTER);
            add(Reads::OffBy(-1), "minus-1", &FILTER);
            let other = if parameter.field == "created_date" {
                "modified_date"
            } else {
                "created_date"
            };
            add(Reads::Of(other), "of-the-other-date", &FILTER);
            for micros in [1_000, 1_000_000, 60_000_000, 86_400_000_000] {
                rows.push((
                    Reads::CutTo(micros),
                    format!("cut-to-{}", unit(micros)),
                    &FILTER,
                ));
            }
            dated(&mut rows);
        }
        Kind::End => {
            add(Reads::OffBy(1), "plus-1", &FILTER);
            add(Reads::OffBy(-1), "minus-1", &FILTER);
            dated(&mut rows);
        }
        Kind::Flag => {
            add(Reads::Unless("false"), "false-passed-over", &FILTER);
            add(Reads::Unless("true"), "true-passed-over", &FILTER);
            add(
                Reads::Unless("False"),
                "capital-False-passed-over",
                &SPELLING,
            );
            add(Reads::Unless("True"), "capital-True-passed-over", &SPELLING);
            add(Reads::Unless("0"), "zero-passed-over", &SPELLING);
            add(Reads::Unless("1"), "one-passed-over", &SPELLING);
        }
        Kind::Choice => {
            for value in ["standard", "scheduled", "qty", "kg"] {
                if (parameter.field == "stock_type") == (value.len() > 3) {
                    rows.push((
                        Reads::Unless(value),
                        format!("{value}-passed-over"),
                        &FILTER,
                    ));
                }
            }
        }
    }
    rows
}

fn dated(rows: &mut Vec<Row>) {
    for (reads, word) in [
        (Reads::WithoutOffset, "offset-passed-over"),
        (Reads::ShiftedBy(3), "shifted-by-3-hours"),
        (Reads::ShiftedBy(-3), "shifted-by-minus-3-hours"),
    ] {
        rows.push((reads, word.to_owned(), &FILTER));
    }
}

type Query = Vec<(String, String)>;

impl Way for Filter {
    fn answer(&self, scene: &Scene<'_>) -> Delivery {
        let query = Question::of(scene.request, scene.service).query;
        let values: Vec<String> = query
            .iter()
            .filter(|(name, _)| name == self.name)
            .map(|(_, value)| value.clone())
            .collect();
        let Some(value) = values.last() else {
            return scene.usual();
        };
        let has = |name: &str| query.iter().any(|(known, _)| known == name);
        let is_blank = value.trim().is_empty();
        match self.reads {
            Reads::Empty if is_blank => return self.found(scene, &query, |_, _| false),
            _ if is_blank => return scene.usual(),
            Reads::Ignored => return self.rewritten(scene, None),
            Reads::Refused => {
                return scene.refuse(&Problem::field("non_field_errors", "Unknown parameter."));
            }
            Reads::Nothing => return self.found(scene, &query, |_, _| false),
            Reads::IgnoredBeside(other) | Reads::IgnoredBesideParameter(other) if has(other) => {
                return self.rewritten(scene, None);
            }
            Reads::Unless(word) if value == word => return self.rewritten(scene, None),
            Reads::UnlessNegative if value.trim().starts_with('-') => {
                return self.rewritten(scene, None);
            }
            Reads::Untrimmed if value.trim() != value => {
                return self.found(scene, &query, |_, _| false);
            }
            Reads::First if values.len() > 1 => {
                return self.rewritten(scene, values.first().cloned());
            }
            Reads::OffBy(by) => return scene.rewritten(|question| question.shift(self.name, by)),
            Reads::ShiftedBy(hours) => {
                let by = hours * 3_600_000_000;
                return scene.rewritten(|question| question.shift(self.name, by));
            }
            Reads::WithoutOffset if value.is_ascii() && value.len() > 19 => {
                return self.rewritten(scene, Some(without_offset(value)));
            }
            Reads::OredWith(other) if has(other) => return self.ored(scene, &query, other),
            Reads::Any if values.len() > 1 => return self.any(scene, &query, &values),
            Reads::Split(mark) if value.contains(mark) => {
                let values: Vec<String> = value.split(mark).map(str::to_owned).collect();
                return self.any(scene, &query, &values);
            }
            Reads::Inverted => return self.inverted(scene, &query),
            _ => {}
        }
        self.kept(scene, &query, value)
    }
}

impl Filter {
    /// Passes the request on with another value of the filter, or without it for `None`.
    fn rewritten(&self, scene: &Scene<'_>, value: Option<String>) -> Delivery {
        scene.rewritten(|question| match value {
            Some(value) => question.alter(self.name, |_| value.clone()),
            None => question.drop(&[self.name]),
        })
    }

    fn without(&self, query: &Query) -> Query {
        let rest = query.iter().filter(|(name, _)| name != self.name);
        rest.cloned().collect()
    }

    /// The page of those stocks that the other filters find and `fits` accepts.
    fn found(
        &self,
        scene: &Scene<'_>,
        query: &Query,
        fits: impl Fn(&Places, &Stock) -> bool,
    ) -> Delivery {
        let store = scene.service.store();
        // A query that is refused stays refused.
        if stocks_of(scene, &store, query).is_none() {
            return scene.usual();
        }
        let Some(mut stocks) = stocks_of(scene, &store, &self.without(query)) else {
            return scene.usual();
        };
        stocks.retain(|stock| fits(store.places(), stock));
        page_of_stocks(scene, &stocks)
    }

    fn inverted(&self, scene: &Scene<'_>, query: &Query) -> Delivery {
        let ids = ids(scene, query);
        self.found(scene, query, |_, stock| !ids.contains(&stock.id))
    }

    fn ored(&self, scene: &Scene<'_>, query: &Query, other: &str) -> Delivery {
        let but = |name: &str| -> Query {
            let rest = query.iter().filter(|(known, _)| known != name);
            rest.cloned().collect()
        };
        let either = [but(self.name), but(other)];
        union(scene, &either)
    }

    fn any(&self, scene: &Scene<'_>, query: &Query, values: &[String]) -> Delivery {
        let with = |value: &String| {
            let mut query = self.without(query);
            query.push((self.name.to_owned(), value.clone()));
            query
        };
        let queries: Vec<Query> = values.iter().map(with).collect();
        union(scene, &queries)
    }

    fn kept(&self, scene: &Scene<'_>, query: &Query, value: &str) -> Delivery {
        let store = scene.service.store();
        let local = scene.service.settings().local;
        let (field, lookup) = self.name.split_once("__").unwrap_or((self.name, ""));
        let value = value.trim();
        match self.reads {
            Reads::WithoutInactive
            | Reads::WithoutScheduled
            | Reads::AtMost(_)
            | Reads::Repeated(_) => {
                let Some(stocks) = stocks_of(scene, &store, query) else {
                    return scene.usual();
                };
                page_of_stocks(scene, &self.cut(&store, stocks))
            }
            Reads::Of(other) => {
                if let Ok(number) = value.parse::<i64>() {
                    return self.found(scene, query, |_, s| {
                        compare(lookup, &number_of(s, other), &number)
                    });
                }
                let Ok(at) = Timestamp::parse_filter(value, local, DateForms::Iso) else {
                    return scene.usual();
                };
                let moment = |stock: &Stock| match other {
                    "modified_date" => stock.modified.micros(),
                    _ => stock.created.micros(),
                };
                self.found(scene, query, |_, s| {
                    compare(lookup, &moment(s), &at.micros())
                })
            }
            Reads::AsText => {
                let Ok(number) = value.parse::<i64>() else {
                    return scene.usual();
                };
                let number = number.to_string();
                let shown = |stock: &Stock| number_of(stock, field).to_string();
                self.found(scene, query, |_, s| {
                    compare(lookup, &shown(s), &number.clone())
                })
            }
            Reads::CutTo(unit) => {
                let Ok(at) = Timestamp::parse_filter(value, local, DateForms::Iso) else {
                    return scene.usual();
                };
                let cut = |micros: i64| micros - (micros + HOURS).rem_euclid(unit);
                let moment = |stock: &Stock| match field {
                    "modified_date" => stock.modified.micros(),
                    _ => stock.created.micros(),
                };
                let at = cut(at.micros());
                self.found(scene, query, |_, s| compare(lookup, &cut(moment(s)), &at))
            }
            reads if is_textual(reads) => self.found(scene, query, |places, stock| {
                fits(
                    reads,
                    &text_of(places, stock, field),
                    value,
                    field.ends_with("_name"),
                )
            }),
            _ => scene.usual(),
        }
    }

    /// Removes stocks from the result, or repeats some.
    fn cut(&self, store: &Store, mut stocks: Vec<Stock>) -> Vec<Stock> {
        match self.reads {
            Reads::WithoutInactive => stocks.retain(|stock| stock.is_active),
            Reads::WithoutScheduled => stocks.retain(|stock| stock.period.is_none()),
            Reads::AtMost(most) => stocks.truncate(most),
            Reads::Repeated(by) => {
                let places = store.places();
                let times = |stock: &Stock| {
                    let provider = places.locations[stock.location as usize].provider;
                    match by {
                        3 => store.rows_of(&stock.sku).len(),
                        _ => places
                            .locations
                            .iter()
                            .filter(|l| l.provider == provider)
                            .count(),
                    }
                };
                if by == 2 {
                    // One stock twice, if its provider has more than one location.
                    let more: Vec<Stock> = stocks
                        .iter()
                        .filter(|s| times(s) > 1)
                        .take(1)
                        .cloned()
                        .collect();
                    stocks.extend(more);
                } else {
                    stocks = stocks
                        .into_iter()
                        .flat_map(|s| vec![s.clone(); times(&s)])
                        .collect();
                }
            }
            _ => {}
        }
        stocks
    }
}

/// The offset of the page's time zone in microseconds; days begin in that zone.
const HOURS: i64 = 3 * 3_600_000_000;

fn ids(scene: &Scene<'_>, query: &Query) -> std::collections::HashSet<i64> {
    let store = scene.service.store();
    let found = stocks_of(scene, &store, query).unwrap_or_default();
    found.iter().map(|stock| stock.id).collect()
}

fn number_of(stock: &Stock, name: &str) -> i64 {
    match name {
        "stock" => stock.stock.into(),
        "reserved_stock" => stock.reserved.into(),
        "salable" => i64::from(stock.stock) - i64::from(stock.reserved),
        _ => stock.id,
    }
}

fn text_of(places: &Places, stock: &Stock, field: &str) -> String {
    let location = &places.locations[stock.location as usize];
    let provider = &places.providers[location.provider as usize];
    match field {
        "sku" => stock.sku.to_string(),
        "location" => location.head.code.to_string(),
        "location_name" => location.head.name.to_string(),
        _ => provider.head.name.to_string(),
    }
}

fn union(scene: &Scene<'_>, queries: &[Query]) -> Delivery {
    let store = scene.service.store();
    let mut wanted = std::collections::HashSet::new();
    for query in queries {
        wanted.extend(ids(scene, query));
    }
    let order: Query = Question::of(scene.request, scene.service)
        .query
        .into_iter()
        .filter(|(name, _)| !is_filter(name))
        .collect();
    let Some(mut stocks) = stocks_of(scene, &store, &order) else {
        return scene.usual();
    };
    stocks.retain(|stock| wanted.contains(&stock.id));
    page_of_stocks(scene, &stocks)
}

fn compare<T: Ord>(lookup: &str, known: &T, value: &T) -> bool {
    match lookup {
        "gt" => known > value,
        "gte" => known >= value,
        "lt" => known < value,
        "lte" => known <= value,
        _ => known == value,
    }
}

fn is_textual(reads: Reads) -> bool {
    matches!(
        reads,
        Reads::Prefix
            | Reads::Suffix
            | Reads::Part
            | Reads::Whole
            | Reads::AnyCase
            | Reads::OneCase
            | Reads::AsciiCase
            | Reads::Pattern(_)
            | Reads::Unseparated
            | Reads::WithoutZeros
    )
}

fn fits(reads: Reads, known: &str, value: &str, is_part: bool) -> bool {
    let letters = |text: &str| -> String { text.chars().filter(|c| c.is_alphanumeric()).collect() };
    let fold = |text: &str| {
        if is_part {
            text.to_lowercase()
        } else {
            text.to_owned()
        }
    };
    match reads {
        Reads::Prefix => fold(known).starts_with(&fold(value)),
        Reads::Suffix => fold(known).ends_with(&fold(value)),
        Reads::Part | Reads::OneCase => known.contains(value),
        Reads::Whole | Reads::AnyCase => known.to_lowercase() == value.to_lowercase(),
        Reads::AsciiCase => known
            .to_ascii_lowercase()
            .contains(&value.to_ascii_lowercase()),
        Reads::Pattern(mark) if value.contains(mark) => {
            let known: Vec<char> = fold(known).chars().collect();
            let pattern: Vec<char> = fold(value).chars().collect();
            let count = known.len();
            let mut ends = (0..=count).flat_map(|from| (from..=count).map(move |to| (from, to)));
            if is_part {
                ends.any(|(from, to)| matches(&known[from..to], &pattern, mark))
            } else {
                matches(&known, &pattern, mark)
            }
        }
        Reads::Unseparated => letters(known) == letters(value),
        Reads::WithoutZeros => known.trim_start_matches('0') == value.trim_start_matches('0'),
        _ if is_part => fold(known).contains(&fold(value)),
        _ => known == value,
    }
}

/// Matches a text against an SQL-like pattern. `_` as `mark` stands for one character, any
/// other `mark` for any number of them.
fn matches(text: &[char], pattern: &[char], mark: char) -> bool {
    match (text, pattern) {
        ([], []) => true,
        (_, [first, rest @ ..]) if *first == mark && mark != '_' => {
            (0..=text.len()).any(|from| matches(&text[from..], rest, mark))
        }
        ([_, text @ ..], [first, rest @ ..]) if *first == mark => matches(text, rest, mark),
        ([letter, text @ ..], [first, rest @ ..]) if letter == first => matches(text, rest, mark),
        _ => false,
    }
}

fn without_offset(date: &str) -> String {
    let end = date[19..].find(['Z', '+', '-']);
    let end = end.map_or(date.len(), |at| 19 + at);
    format!("{}{}", &date[..end], UtcOffset::PAGE)
}
