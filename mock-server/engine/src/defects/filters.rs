//! Defects of the list's filters: off by one, ignored or interpreted differently.

use super::delivery::Delivery;
use super::effect::Effect::{Ignore, Rewrite, Shift, Take};
use super::effect::{Defect, defect};
use super::listing::{all_rows, is_filter, page_of, union};
use super::operations::LIST;
use super::question::Question;
use super::scene::{Scene, is_granted};
use crate::problem::Problem;
use crate::store::Store;

#[rustfmt::skip]
pub(super) const ROWS: &[Defect] = &[
    // Off by one: a bound that belongs to the range is left out, or the reverse.
    defect("filter-stock-off-by-one", LIST, Shift("stock", 1), "`stock` finds the stocks with one more."),
    defect("filter-stock-gt-off-by-one", LIST, Shift("stock__gt", -1), "`stock__gt` finds equal ones as well."),
    defect("filter-stock-gte-off-by-one", LIST, Shift("stock__gte", 1), "`stock__gte` leaves out equal ones."),
    defect("filter-stock-lt-off-by-one", LIST, Shift("stock__lt", 1), "`stock__lt` finds equal ones as well."),
    defect("filter-stock-lte-off-by-one", LIST, Shift("stock__lte", -1), "`stock__lte` leaves out equal ones."),
    defect("filter-reserved-stock-off-by-one", LIST, Shift("reserved_stock", 1), "`reserved_stock` finds the stocks with one more."),
    defect("filter-reserved-stock-gt-off-by-one", LIST, Shift("reserved_stock__gt", -1), "`reserved_stock__gt` finds equal ones as well."),
    defect("filter-reserved-stock-gte-off-by-one", LIST, Shift("reserved_stock__gte", 1), "`reserved_stock__gte` leaves out equal ones."),
    defect("filter-reserved-stock-lt-off-by-one", LIST, Shift("reserved_stock__lt", 1), "`reserved_stock__lt` finds equal ones as well."),
    defect("filter-reserved-stock-lte-off-by-one", LIST, Shift("reserved_stock__lte", -1), "`reserved_stock__lte` leaves out equal ones."),
    defect("filter-created-date-off-by-one", LIST, Shift("created_date", 1), "`created_date` is a microsecond off."),
    defect("filter-created-date-gt-off-by-one", LIST, Shift("created_date__gt", -1), "`created_date__gt` finds equal ones as well."),
    defect("filter-created-date-gte-off-by-one", LIST, Shift("created_date__gte", 1), "`created_date__gte` leaves out equal ones."),
    defect("filter-created-date-lt-off-by-one", LIST, Shift("created_date__lt", 1), "`created_date__lt` finds equal ones as well."),
    defect("filter-created-date-lte-off-by-one", LIST, Shift("created_date__lte", -1), "`created_date__lte` leaves out equal ones."),
    defect("filter-modified-date-off-by-one", LIST, Shift("modified_date", 1), "`modified_date` is a microsecond off."),
    defect("filter-modified-date-gt-off-by-one", LIST, Shift("modified_date__gt", -1), "`modified_date__gt` finds equal ones as well."),
    defect("filter-modified-date-gte-off-by-one", LIST, Shift("modified_date__gte", 1), "`modified_date__gte` leaves out equal ones."),
    defect("filter-modified-date-lt-off-by-one", LIST, Shift("modified_date__lt", 1), "`modified_date__lt` finds equal ones as well."),
    defect("filter-modified-date-lte-off-by-one", LIST, Shift("modified_date__lte", -1), "`modified_date__lte` leaves out equal ones."),
    defect("filter-period-start-gte-off-by-one", LIST, Shift("period__startswith__gte", 1), "`period__startswith__gte` leaves out equal ones."),
    defect("filter-period-start-lte-off-by-one", LIST, Shift("period__startswith__lte", -1), "`period__startswith__lte` leaves out equal ones."),
    defect("filter-period-end-gte-off-by-one", LIST, Shift("period__endswith__gte", 1), "`period__endswith__gte` leaves out equal ones."),
    defect("filter-period-end-lte-off-by-one", LIST, Shift("period__endswith__lte", -1), "`period__endswith__lte` leaves out equal ones."),
    // Ignored.
    defect("filter-sku-ignored", LIST, Ignore(&["sku"]), "`sku` is passed over."),
    defect("filter-location-ignored", LIST, Ignore(&["location"]), "`location` is passed over."),
    defect("filter-provider-ignored", LIST, Ignore(&["provider"]), "`provider` is passed over."),
    defect("filter-unit-type-ignored", LIST, Ignore(&["unit_type"]), "`unit_type` is passed over."),
    defect("filter-stock-type-ignored", LIST, Ignore(&["stock_type"]), "`stock_type` is passed over."),
    defect("filter-is-active-ignored", LIST, Ignore(&["is_active"]), "`is_active` is passed over."),
    defect("filter-location-name-ignored", LIST, Ignore(&["location_name"]), "`location_name` is passed over."),
    defect("filter-provider-name-ignored", LIST, Ignore(&["provider_name"]), "`provider_name` is passed over."),
    defect("filter-stock-exact-ignored", LIST, Ignore(&["stock"]), "`stock` without a comparison is passed over."),
    defect("filter-stock-compared-ignored", LIST, Ignore(&["stock__gt", "stock__gte", "stock__lt", "stock__lte"]), "The comparisons of `stock` are passed over."),
    defect("filter-reserved-stock-exact-ignored", LIST, Ignore(&["reserved_stock"]), "`reserved_stock` without a comparison is passed over."),
    defect("filter-reserved-stock-compared-ignored", LIST, Ignore(&["reserved_stock__gt", "reserved_stock__gte", "reserved_stock__lt", "reserved_stock__lte"]), "The comparisons of `reserved_stock` are passed over."),
    defect("filter-created-date-exact-ignored", LIST, Ignore(&["created_date"]), "`created_date` without a comparison is passed over."),
    defect("filter-created-date-compared-ignored", LIST, Ignore(&["created_date__gt", "created_date__gte", "created_date__lt", "created_date__lte"]), "The comparisons of `created_date` are passed over."),
    defect("filter-modified-date-exact-ignored", LIST, Ignore(&["modified_date"]), "`modified_date` without a comparison is passed over."),
    defect("filter-modified-date-compared-ignored", LIST, Ignore(&["modified_date__gt", "modified_date__gte", "modified_date__lt", "modified_date__lte"]), "The comparisons of `modified_date` are passed over."),
    defect("filter-period-ignored", LIST, Ignore(&["period__startswith__gte", "period__startswith__lte", "period__endswith__gte", "period__endswith__lte"]), "The filters of `period` are passed over."),
    // Interpreted differently.
    defect("filter-sku-any-case", LIST, Take(|s| widened(s, "sku", skus, same_letters)), "`sku` takes upper and lower case for the same."),
    defect("filter-sku-contains", LIST, Take(|s| widened(s, "sku", skus, contains)), "`sku` finds SKUs that contain the value."),
    defect("filter-sku-prefix", LIST, Take(|s| widened(s, "sku", skus, |known, value| known.starts_with(value))), "`sku` finds SKUs that begin with the value."),
    defect("filter-location-any-case", LIST, Take(|s| widened(s, "location", locations, same_letters)), "`location` takes upper and lower case for the same."),
    defect("filter-location-contains", LIST, Take(|s| widened(s, "location", locations, contains)), "`location` finds locations whose code contains the value."),
    defect("filter-provider-any-case", LIST, Take(|s| widened(s, "provider", providers, same_letters)), "`provider` takes upper and lower case for the same."),
    defect("filter-provider-contains", LIST, Take(|s| widened(s, "provider", providers, contains)), "`provider` finds providers whose name contains the value."),
    defect("filter-location-name-exact", LIST, Rewrite(|q| narrow(q, "location_name", location_names, |known, value| known == value)), "`location_name` wants the whole name."),
    defect("filter-location-name-of-one-case", LIST, Rewrite(|q| narrow(q, "location_name", location_names, contains)), "`location_name` tells upper from lower case."),
    defect("filter-provider-name-exact", LIST, Rewrite(|q| narrow(q, "provider_name", providers, |known, value| known == value)), "`provider_name` wants the whole name."),
    defect("filter-provider-name-of-one-case", LIST, Rewrite(|q| narrow(q, "provider_name", providers, contains)), "`provider_name` tells upper from lower case."),
    defect("filter-is-active-inverted", LIST, Rewrite(|q| q.alter("is_active", inverted)), "`is_active` finds what is not."),
    defect("filter-is-active-false-ignored", LIST, Rewrite(|q| q.query.retain(|(n, v)| n != "is_active" || inverted(v) != "true")), "`is_active=false` is passed over."),
    defect("filter-unit-type-inverted", LIST, Rewrite(|q| q.alter("unit_type", other_unit)), "`unit_type` finds the stocks of the other unit."),
    defect("filter-stock-is-reserved", LIST, Rewrite(|q| rename(q, "stock", "reserved_stock")), "`stock` and its comparisons look at `reserved_stock`."),
    defect("filter-created-is-modified", LIST, Rewrite(|q| rename(q, "created_date", "modified_date")), "`created_date` and its comparisons look at `modified_date`."),
    defect("filter-dates-without-offset", LIST, Rewrite(|q| each_date(q, utc)), "The offset in the date of a filter is passed over, and the rest read as UTC."),
    defect("filter-dates-are-days", LIST, Rewrite(|q| each_date(q, midnight)), "The date of a filter is cut to its day."),
    defect("filters-ored", LIST, Take(ored), "Filters find what fits any of them, not all."),
    defect("filters-last-one-counts", LIST, Rewrite(last_filter), "Of several filters only the last counts."),
    defect("filters-refuse-the-unknown", LIST, Take(refuse_unknown), "A parameter that is none is refused, not passed over."),
    defect("filters-bad-value-ignored", LIST, Take(forgiving), "A filter whose value cannot be read is passed over, not refused."),
    defect("filters-bad-value-finds-nothing", LIST, Take(empty_for_bad), "A filter whose value cannot be read finds nothing, and is not refused."),
];

fn skus(store: &Store) -> Vec<String> {
    store.skus().map(|(sku, _)| sku.to_string()).collect()
}

fn locations(store: &Store) -> Vec<String> {
    let all = store.places().locations.iter();
    all.map(|location| location.head.code.to_string()).collect()
}

fn location_names(store: &Store) -> Vec<String> {
    let all = store.places().locations.iter();
    all.map(|location| location.head.name.to_string()).collect()
}

fn providers(store: &Store) -> Vec<String> {
    let all = store.places().providers.iter();
    all.map(|provider| provider.head.name.to_string()).collect()
}

fn same_letters(known: &str, value: &str) -> bool {
    known.to_lowercase() == value.to_lowercase()
}

fn contains(known: &str, value: &str) -> bool {
    known.contains(value)
}

/// Answers with the union of the stocks of all known values that `fits` accepts for the value
/// sent.
fn widened(
    scene: &Scene<'_>,
    name: &str,
    known: fn(&Store) -> Vec<String>,
    fits: fn(&str, &str) -> bool,
) -> Delivery {
    let question = Question::of(scene.request, scene.service);
    let Some(value) = question.parameter(name).map(str::trim) else {
        return scene.usual();
    };
    let known = known(&scene.service.store()).into_iter();
    let values: Vec<String> = known.filter(|known| fits(known, value)).collect();
    if value.is_empty() || values.iter().all(|fitting| fitting == value) {
        return scene.usual();
    }
    let rows = values
        .iter()
        .map(|fitting| all_rows(scene, |question| question.alter(name, |_| fitting.clone())));
    page_of(scene, &union(rows))
}

/// Makes a filter match nothing, unless `fits` accepts one of the known values.
fn narrow(
    question: &mut Question<'_>,
    name: &str,
    known: fn(&Store) -> Vec<String>,
    fits: fn(&str, &str) -> bool,
) {
    let known = known(&question.service.store());
    question.alter(name, |value| {
        let trimmed = value.trim();
        if trimmed.is_empty() || known.iter().any(|known| fits(known, trimmed)) {
            value.to_owned()
        } else {
            // No name contains a line break.
            format!("{value}\n{value}")
        }
    });
}

fn inverted(value: &str) -> String {
    match value.to_lowercase().as_str() {
        "true" | "1" => "false",
        "false" | "0" => "true",
        _ => value,
    }
    .to_owned()
}

fn other_unit(value: &str) -> String {
    match value {
        "qty" | "quantity" => "kg",
        "kg" | "kilogram" => "qty",
        _ => value,
    }
    .to_owned()
}

/// Renames the filters of one field, lookups included, to those of another field.
fn rename(question: &mut Question<'_>, from: &str, to: &str) {
    for (name, _) in &mut question.query {
        if let Some(lookup) = name.strip_prefix(from)
            && (lookup.is_empty() || lookup.starts_with("__"))
        {
            *name = format!("{to}{lookup}");
        }
    }
}

fn each_date(question: &mut Question<'_>, read: fn(&str) -> String) {
    for (name, value) in &mut question.query {
        let is_date = name.contains("_date") || name.starts_with("period__");
        if is_date && value.is_ascii() && value.len() > 19 {
            *value = read(value);
        }
    }
}

fn utc(date: &str) -> String {
    let end = date[19..].find(['Z', '+', '-']);
    let end = end.map_or(date.len(), |at| 19 + at);
    format!("{}Z", &date[..end])
}

fn midnight(date: &str) -> String {
    let offset = date[19..].find(['Z', '+', '-']);
    let offset = offset.map_or("", |at| &date[19 + at..]);
    format!("{}T00:00:00{offset}", &date[..10])
}

fn ored(scene: &Scene<'_>) -> Delivery {
    let question = Question::of(scene.request, scene.service);
    let filters = question.query.iter().map(|(name, _)| name.clone());
    let mut filters: Vec<String> = filters.filter(|name| is_filter(name)).collect();
    filters.sort_unstable();
    filters.dedup();
    // The page asked for may exist only in the union of the filters.
    let first = scene.ask(|question| question.drop(&["page"]));
    if filters.len() < 2 || !first.is_some_and(|reply| is_granted(&reply)) {
        return scene.usual();
    }
    let rows = filters.iter().map(|one| {
        all_rows(scene, |question| {
            question
                .query
                .retain(|(name, _)| name == one || !is_filter(name));
        })
    });
    page_of(scene, &union(rows))
}

fn last_filter(question: &mut Question<'_>) {
    let last = question
        .query
        .iter()
        .rev()
        .find(|(name, _)| is_filter(name));
    if let Some((last, _)) = last.cloned() {
        question
            .query
            .retain(|(name, _)| *name == last || !is_filter(name));
    }
}

fn refuse_unknown(scene: &Scene<'_>) -> Delivery {
    let question = Question::of(scene.request, scene.service);
    let others = ["page", "limit", "sort", "format"];
    let is_known = |name: &str| is_filter(name) || others.contains(&name);
    if question.query.iter().all(|(name, _)| is_known(name)) {
        return scene.usual();
    }
    scene.refuse(&Problem::field("non_field_errors", "Unknown parameter."))
}

/// The parameters that a 400 names as keys.
fn refused(scene: &Scene<'_>) -> Vec<String> {
    match scene.usual() {
        Delivery::Answer(reply) if reply.response.status() == 400 => {
            let body = super::scene::json_of(&reply);
            let errors = body.as_object().cloned().unwrap_or_default();
            errors.into_iter().map(|(name, _)| name).collect()
        }
        _ => Vec::new(),
    }
}

fn forgiving(scene: &Scene<'_>) -> Delivery {
    let bad = refused(scene);
    let bad: Vec<&str> = bad.iter().map(String::as_str).collect();
    scene.rewritten(|question| question.drop(&bad))
}

fn empty_for_bad(scene: &Scene<'_>) -> Delivery {
    let bad = refused(scene);
    if bad.is_empty() {
        return scene.usual();
    }
    let bad: Vec<&str> = bad.iter().map(String::as_str).collect();
    scene.rewritten(|question| {
        question.drop(&bad);
        // No SKU contains a line break.
        question.query.push(("sku".to_owned(), ".\n.".to_owned()));
    })
}
