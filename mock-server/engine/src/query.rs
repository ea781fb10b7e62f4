//! The parsing of a query string into filters, an order and a page.
//!
//! Source: docs/contract.md#search-stocks, docs/stack.md#filters, docs/stack.md#ordering,
//! docs/stack.md#pagination.

use std::borrow::Cow;

use crate::folding::upper_case;
use crate::model::stock::{StockType, UnitType};
use crate::model::time::{self, DateForms, Timestamp, UtcOffset};
use crate::problem::{Detail, FieldErrors, Problem, wording};
use crate::profile::{
    CaseFolding, Decided, PlaceOrder, Profile, ProviderArgument, Reading, Stack, UnitLabels,
};
use crate::store::Column;
use crate::store::places::{PlaceKind, Places};
use crate::store::select::{Filter, SortBy, SortKey};
use crate::store::table::Flag;
use crate::wire::text::{DecimalError, Integer, decimal, strip};
use crate::wire::urlencoded::Pair;

/// The last value of a parameter, which is the one in force.
pub fn parameter<'a>(query: &'a [Pair<'_>], name: &str) -> Option<&'a str> {
    query
        .iter()
        .rev()
        .find(|(n, _)| n == name)
        .map(|(_, value)| value.as_ref())
}

/// Returns `true` if a query of the list has a filter or an order.
pub fn is_search(query: &[Pair<'_>]) -> bool {
    let asks = |name: &str| name == "sort" || FILTERS.iter().any(|f| f.lookup(name).is_some());
    query.iter().any(|(name, _)| asks(name))
}

/// The way in which a filter's value is parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FilterKind {
    Sku,
    Number(Column),
    Moment(Column),
    Period,
    Active,
    Location,
    Provider,
    LocationName,
    ProviderName,
    Unit,
    Type,
}

/// A filter of the list, as in the page's `filters` block.
#[derive(Debug, Clone, Copy)]
pub struct FilterField {
    /// The name of the parameter, without a lookup.
    pub name: &'static str,
    /// The name of the type in that block.
    pub type_name: &'static str,
    /// The lookups in the order of that block. `exact` and `icontains` have no suffix in
    /// parameters.
    pub lookups: &'static [&'static str],
    kind: FilterKind,
}

const EXACT: &[&str] = &["exact"];
const CONTAINS: &[&str] = &["icontains"];
const COMPARED: &[&str] = &["gt", "gte", "lt", "lte", "exact"];

/// All filters in the order of the page's block, which is also the order of their errors.
#[rustfmt::skip]
pub const FILTERS: &[FilterField] = &[
    FilterField { name: "sku", type_name: "CharFilter", lookups: EXACT, kind: FilterKind::Sku },
    FilterField { name: "stock", type_name: "NumberFilter", lookups: COMPARED, kind: FilterKind::Number(Column::Stock) },
    FilterField { name: "reserved_stock", type_name: "NumberFilter", lookups: COMPARED, kind: FilterKind::Number(Column::Reserved) },
    FilterField { name: "created_date", type_name: "IsoDateTimeFilter", lookups: COMPARED, kind: FilterKind::Moment(Column::Created) },
    FilterField { name: "modified_date", type_name: "IsoDateTimeFilter", lookups: COMPARED, kind: FilterKind::Moment(Column::Modified) },
    FilterField { name: "is_active", type_name: "BooleanFilter", lookups: EXACT, kind: FilterKind::Active },
    FilterField {
        name: "period", type_name: "IsoDateTimeFilter",
        lookups: &["startswith__gte", "startswith__lte", "endswith__gte", "endswith__lte"],
        kind: FilterKind::Period,
    },
    FilterField { name: "location", type_name: "CharFilter", lookups: EXACT, kind: FilterKind::Location },
    FilterField { name: "provider", type_name: "CharFilter", lookups: EXACT, kind: FilterKind::Provider },
    FilterField { name: "location_name", type_name: "CharFilter", lookups: CONTAINS, kind: FilterKind::LocationName },
    FilterField { name: "provider_name", type_name: "CharFilter", lookups: CONTAINS, kind: FilterKind::ProviderName },
    FilterField { name: "unit_type", type_name: "ChoiceFilter", lookups: EXACT, kind: FilterKind::Unit },
    FilterField { name: "stock_type", type_name: "ChoiceFilter", lookups: EXACT, kind: FilterKind::Type },
];

impl FilterField {
    /// The names of the filter's parameters, each with its lookup.
    pub fn parameters(self) -> impl Iterator<Item = (Cow<'static, str>, &'static str)> {
        self.lookups.iter().map(move |&lookup| {
            let name = match lookup {
                "exact" | "icontains" => Cow::Borrowed(self.name),
                lookup => Cow::Owned(format!("{}__{lookup}", self.name)),
            };
            (name, lookup)
        })
    }

    /// The lookup of a parameter, if it belongs to this filter.
    pub fn lookup(self, parameter: &str) -> Option<&'static str> {
        let rest = parameter.strip_prefix(self.name)?;
        let lookup = match rest.strip_prefix("__") {
            Some(lookup) => lookup,
            None if rest.is_empty() => match self.lookups {
                ["icontains"] => "icontains",
                _ => "exact",
            },
            None => return None,
        };
        let found = self.lookups.iter().copied().find(|l| *l == lookup)?;
        let has_suffix = !matches!(found, "exact" | "icontains");
        (has_suffix != rest.is_empty()).then_some(found)
    }
}

/// The parsed filters and order of a query.
#[derive(Debug, Default)]
pub struct Search {
    /// The filters, all of which a stock has to match.
    pub filters: Vec<Filter>,
    /// The order, the first key being the most significant.
    pub order: Vec<SortBy>,
    /// Is true if the query has a filter or an order.
    pub is_search: bool,
}

/// Parses filters and order. All wrong values are reported together. Readings that have an
/// influence are added to `decided`, even if the query is refused.
pub fn search(
    query: &[Pair<'_>],
    places: &Places,
    profile: &Profile,
    local: UtcOffset,
    decided: &mut Decided,
) -> Result<Search, Problem> {
    let mut search = Search::default();
    if query.is_empty() {
        return Ok(search);
    }
    let mut errors: FieldErrors = Vec::new();
    for field in FILTERS {
        if !query.iter().any(|(name, _)| field.lookup(name).is_some()) {
            continue;
        }
        for &lookup in field.lookups {
            let last = query
                .iter()
                .rev()
                .find(|(name, _)| field.lookup(name) == Some(lookup));
            let Some((name, value)) = last else { continue };
            search.is_search = true;
            match filter(field.kind, lookup, value, places, profile, local) {
                Ok(filter) => search.filters.extend(filter),
                Err(sentence) => {
                    errors.push((name.clone().into_owned().into(), Detail::one(sentence)));
                }
            }
            *decided = decided.union(decided_by(field.kind, value, places));
        }
    }
    if !errors.is_empty() {
        return Err(Problem::Filters(errors));
    }
    if let Some(sort) = parameter(query, "sort") {
        search.is_search = true;
        search.order = sort
            .split(',')
            .filter_map(|term| sort_by(strip(term), profile))
            .collect();
        let by_place = |by: &SortBy| {
            matches!(
                by.key,
                SortKey::PlaceText(_) | SortKey::Column(Column::Location | Column::Provider)
            )
        };
        if search.order.iter().any(by_place) {
            *decided = decided.and(Reading::PlaceOrder);
        }
    }
    Ok(search)
}

fn decided_by(kind: FilterKind, value: &str, places: &Places) -> Decided {
    let decided = Decided::default();
    let labelled = UnitType::ALL.iter().any(|unit| unit.label() == value);
    match kind {
        FilterKind::Unit if labelled => decided.and(Reading::UnitLabels),
        FilterKind::Provider if is_provider_id(places, strip(value)) => {
            decided.and(Reading::ProviderArgument)
        }
        FilterKind::LocationName => case_decides(&places.location_names(), strip(value), decided),
        FilterKind::ProviderName => case_decides(&places.provider_names(), strip(value), decided),
        FilterKind::Moment(_) | FilterKind::Period if time::is_read_by_some(strip(value)) => {
            decided.and(Reading::Stack)
        }
        _ => decided,
    }
}

/// Returns `true` if a text is the id of a provider but not the name of one. Only then does the
/// reading `provider-argument` make a difference.
pub fn is_provider_id(places: &Places, text: &str) -> bool {
    let by_id = text.parse().ok();
    let by_id = by_id.and_then(|id| places.with_id(PlaceKind::Provider, id));
    by_id.is_some() && places.provider_named(text).is_none()
}

/// One parsed filter; `None` if the stack ignores the value.
fn filter(
    kind: FilterKind,
    lookup: &str,
    value: &str,
    places: &Places,
    profile: &Profile,
    local: UtcOffset,
) -> Result<Option<Filter>, Cow<'static, str>> {
    let char_value = |value: &str| {
        let trimmed = strip(value);
        if trimmed.contains('\0') {
            return Err(Cow::Borrowed(wording::NUL));
        }
        Ok((!trimmed.is_empty()).then(|| trimmed.to_owned()))
    };
    let forms = profile.stack.date_forms();
    let places_where = |column, keys: Vec<u32>| Filter::OneOf {
        column,
        keys: keys.into_iter().map(i64::from).collect(),
    };
    Ok(match kind {
        FilterKind::Sku => char_value(value)?.map(|sku| Filter::Sku(sku.into())),
        FilterKind::Number(column) => {
            if value.is_empty() {
                return Ok(None);
            }
            let number = decimal(value).map_err(|error| match error {
                DecimalError::NotANumber => wording::NOT_A_NUMBER,
                DecimalError::TooLarge => wording::NUMBER_TOO_LARGE,
            })?;
            Some(range(column, lookup, number))
        }
        FilterKind::Moment(column) => {
            moment(value, local, forms)?.map(|at| range(column, lookup, at))
        }
        FilterKind::Period => moment(value, local, forms)?.map(|at| {
            let (end, comparison) = lookup.split_once("__").unwrap_or((lookup, "exact"));
            let column = match end {
                "startswith" => Column::PeriodLower,
                _ => Column::PeriodUpper,
            };
            range(column, comparison, at)
        }),
        FilterKind::Active => match value.to_ascii_lowercase().as_str() {
            "true" | "1" => Some(Filter::Flag(Flag::Active(true))),
            "false" | "0" => Some(Filter::Flag(Flag::Active(false))),
            _ => None,
        },
        FilterKind::Location => char_value(value)?.map(|code| {
            let location = places.location_coded(&code);
            places_where(Column::Location, location.into_iter().collect())
        }),
        FilterKind::Provider => char_value(value)?.map(|name| {
            let mut keys: Vec<u32> = providers(places, &name, profile).collect();
            keys.sort_unstable();
            keys.dedup();
            places_where(Column::Provider, keys)
        }),
        FilterKind::LocationName => char_value(value)?.map(|part| {
            let names = places.location_names();
            places_where(
                Column::Location,
                containing(names, &part, profile.case_folding),
            )
        }),
        FilterKind::ProviderName => char_value(value)?.map(|part| {
            let names = places.provider_names();
            places_where(
                Column::Provider,
                containing(names, &part, profile.case_folding),
            )
        }),
        FilterKind::Unit => match value {
            "" => None,
            value => Some(Filter::Flag(Flag::Unit(
                unit_type(value, profile).ok_or_else(|| wording::not_an_available_choice(value))?,
            ))),
        },
        FilterKind::Type => match value {
            "" => None,
            value => Some(Filter::Flag(Flag::Type(
                stock_type(value).ok_or_else(|| wording::not_an_available_choice(value))?,
            ))),
        },
    })
}

fn moment(value: &str, local: UtcOffset, forms: DateForms) -> Result<Option<i64>, &'static str> {
    if value.is_empty() {
        return Ok(None);
    }
    Timestamp::parse_filter(value, local, forms)
        .map(|at| Some(at.micros()))
        .map_err(|_| wording::NOT_A_DATE_FILTER)
}

fn range(column: Column, lookup: &str, value: i64) -> Filter {
    let nothing = (1, 0);
    let (least, most) = match lookup {
        "gt" => value
            .checked_add(1)
            .map_or(nothing, |least| (least, i64::MAX)),
        "gte" => (value, i64::MAX),
        "lt" => value
            .checked_sub(1)
            .map_or(nothing, |most| (i64::MIN, most)),
        "lte" => (i64::MIN, value),
        _ => (value, value),
    };
    Filter::Range {
        column,
        least,
        most,
    }
}

/// Adds the reading `case-folding` if its choices find different names.
fn case_decides<'a>(
    names: &(impl Iterator<Item = &'a str> + Clone),
    part: &str,
    decided: Decided,
) -> Decided {
    let found = |folding| containing(names.clone(), part, folding);
    let usual = found(CaseFolding::Simple);
    let is_same = |(folding, _): &(CaseFolding, &str)| found(*folding) == usual;
    if CaseFolding::ALL.iter().all(is_same) {
        decided
    } else {
        decided.and(Reading::CaseFolding)
    }
}

/// The indexes of the names that contain a text, regardless of case.
fn containing<'a>(
    names: impl Iterator<Item = &'a str>,
    part: &str,
    folding: CaseFolding,
) -> Vec<u32> {
    let part = upper_case(part, folding);
    (0..)
        .zip(names)
        .filter(|(_, name)| upper_case(name, folding).contains(&part))
        .map(|(at, _)| at)
        .collect()
}

/// The indexes of the providers that a text names.
pub fn providers<'a>(
    places: &'a Places,
    text: &str,
    profile: &Profile,
) -> impl Iterator<Item = u32> + 'a {
    let by_id = match profile.provider_argument {
        ProviderArgument::Name => None,
        ProviderArgument::NameOrId => text.parse().ok(),
    };
    let by_id = by_id.and_then(|id| places.with_id(PlaceKind::Provider, id));
    places.provider_named(text).into_iter().chain(by_id)
}

/// Finds a unit type by its text or, if the profile allows it, by its label.
pub fn unit_type(text: &str, profile: &Profile) -> Option<UnitType> {
    UnitType::ALL.into_iter().find(|unit| {
        text == unit.text() || (profile.unit_labels == UnitLabels::Labels && text == unit.label())
    })
}

/// Finds a stock type by its text.
pub fn stock_type(text: &str) -> Option<StockType> {
    StockType::ALL.into_iter().find(|kind| text == kind.text())
}

/// One parsed term of `sort`; `None` if the stack ignores it.
fn sort_by(term: &str, profile: &Profile) -> Option<SortBy> {
    let (descending, name) = match term.strip_prefix('-') {
        Some(name) => (true, name),
        None => (false, term),
    };
    let place = |column| match profile.place_order {
        PlaceOrder::Code => SortKey::PlaceText(column),
        PlaceOrder::Id => SortKey::Column(column),
    };
    let key = match name {
        "id" => SortKey::Id,
        "created_date" => SortKey::Column(Column::Created),
        "modified_date" => SortKey::Column(Column::Modified),
        "period" => SortKey::Period,
        // Texts are in alphabetical order: kg before qty, scheduled before standard.
        "stock_type" => SortKey::Flag(Flag::Type(StockType::Standard)),
        "unit_type" => SortKey::Flag(Flag::Unit(UnitType::Quantity)),
        "provider" => place(Column::Provider),
        "location" => place(Column::Location),
        "stock" => SortKey::Column(Column::Stock),
        "is_active" => SortKey::Flag(Flag::Active(true)),
        "sku" => SortKey::Sku,
        "reserved_stock" => SortKey::Column(Column::Reserved),
        _ => return None,
    };
    Some(SortBy { key, descending })
}

/// The position and size of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The number of the page, starting at 1.
    pub number: usize,
    /// The number of rows before the page.
    pub offset: usize,
    /// The number of rows on a full page.
    pub limit: usize,
}

/// The size of a page, with the reading that set it, if the query did not.
pub fn page_limit(query: &[Pair<'_>], profile: &Profile) -> (usize, Option<Reading>) {
    let most = profile.page_limit as usize;
    let given = parameter(query, "limit")
        .and_then(Integer::parse)
        .and_then(|limit| usize::try_from(limit.clamped()).ok())
        .filter(|&limit| limit > 0);
    match given {
        None => (profile.page_size as usize, Some(Reading::PageSize)),
        Some(limit) if limit > most => (most, Some(Reading::PageLimit)),
        Some(limit) => (limit, None),
    }
}

/// The number of the requested page, starting at 1; `None` for the last one.
pub fn page_number(query: &[Pair<'_>], stack: Stack) -> Result<Option<usize>, Problem> {
    match parameter(query, "page") {
        None => Ok(Some(1)),
        Some("") if stack.takes_empty_page() => Ok(Some(1)),
        Some("last") => Ok(None),
        Some(text) => Integer::parse(text)
            .and_then(|number| usize::try_from(number.clamped()).ok())
            .filter(|&number| number > 0)
            .map(Some)
            .ok_or(Problem::InvalidPage),
    }
}

/// The requested page of `count` rows. The first page always exists.
pub fn page(query: &[Pair<'_>], limit: usize, count: usize, stack: Stack) -> Result<Page, Problem> {
    let pages = count.div_ceil(limit).max(1);
    let number = page_number(query, stack)?.unwrap_or(pages);
    if number > pages {
        return Err(Problem::InvalidPage);
    }
    Ok(Page {
        number,
        offset: (number - 1) * limit,
        limit,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::urlencoded::decode;
    use rstest::rstest;

    #[rstest]
    #[case("", Ok(1))]
    #[case("page=2", Ok(2))]
    #[case("page=+2", Ok(2))]
    #[case("page=02", Ok(2))]
    #[case("page=%D9%A2", Ok(2))]
    #[case("page=last", Ok(3))]
    #[case("page=2&page=1", Ok(1))]
    #[case("page=0", Err(Problem::InvalidPage))]
    #[case("page=-1", Err(Problem::InvalidPage))]
    #[case("page=1.0", Err(Problem::InvalidPage))]
    #[case("page=abc", Err(Problem::InvalidPage))]
    #[case("page=", Err(Problem::InvalidPage))]
    #[case("page=4", Err(Problem::InvalidPage))]
    #[case("page=99999999999999999999999", Err(Problem::InvalidPage))]
    fn pages_are_read_as_the_stack_reads_them(
        #[case] query: &str,
        #[case] number: Result<usize, Problem>,
    ) {
        let pairs = decode(query.as_bytes()).unwrap();
        let page = page(&pairs, 10, 25, Stack::Django42);
        assert_eq!(page.map(|page| page.number), number);
    }

    #[rstest]
    #[case("", 10)]
    #[case("limit=3", 3)]
    #[case("limit=0", 10)]
    #[case("limit=-1", 10)]
    #[case("limit=abc", 10)]
    #[case("limit=", 10)]
    #[case("limit=3.0", 10)]
    #[case("limit=1001", 1000)]
    #[case("limit=99999999999999999999999", 1000)]
    fn limits_are_read_as_the_stack_reads_them(#[case] query: &str, #[case] limit: usize) {
        let pairs = decode(query.as_bytes()).unwrap();
        assert_eq!(page_limit(&pairs, &Profile::default()).0, limit);
    }

    #[test]
    fn each_filter_knows_its_own_parameters_only() {
        for field in FILTERS {
            for (name, lookup) in field.parameters() {
                for other in FILTERS {
                    let expected = (other.name == field.name).then_some(lookup);
                    assert_eq!(other.lookup(&name), expected, "{name} {}", other.name);
                }
            }
            assert_eq!(field.lookup(&format!("{}__exact", field.name)), None);
            assert_eq!(field.lookup(&format!("{}__in", field.name)), None);
        }
    }
}
