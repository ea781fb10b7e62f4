//! Guesses of the name that a client meant: another spelling, a word of another API, or a
//! typing error.

use crate::suggest::nearest;

/// Names of other APIs, each with the name in this one. Where a name stands here several times,
/// the first of its meanings that the operation knows applies.
const ELSEWHERE: &[(&str, &str)] = &[
    ("ordering", "sort"),
    ("order", "sort"),
    ("order_by", "sort"),
    ("sort_by", "sort"),
    ("page_size", "limit"),
    ("per_page", "limit"),
    ("size", "limit"),
    ("count", "limit"),
    ("page_number", "page"),
    ("offset", "page"),
    ("p", "page"),
    ("product", "sku"),
    ("product_sku", "sku"),
    ("barcode", "sku"),
    ("skus", "sku"),
    ("warehouse", "location"),
    ("store", "location"),
    ("stock_location", "location"),
    ("location_code", "location"),
    ("location_id", "location"),
    ("retail_store_code", "location"),
    ("retail_store_name", "location_name"),
    ("provider_id", "provider"),
    ("provider_code", "provider"),
    ("active", "is_active"),
    ("enabled", "is_active"),
    ("quantity", "stock"),
    ("qty", "stock"),
    ("amount", "stock"),
    ("count", "stock"),
    ("available", "stock"),
    ("reserved", "reserved_stock"),
    ("type", "stock_type"),
    ("unit", "unit_type"),
    ("unittype", "unit_type"),
    ("created_at", "created_date"),
    ("updated_at", "modified_date"),
    ("updated_date", "modified_date"),
    ("updated_since", "modified_date__gte"),
    ("modified_since", "modified_date__gte"),
    ("updated_after", "modified_date__gt"),
    ("modified_after", "modified_date__gt"),
    ("timestamp", "date"),
    ("datetime", "date"),
    ("order_date", "date"),
    ("user", "username"),
    ("email", "username"),
    ("warehouse_code", "code"),
];

/// Lookups of other filter libraries, each with the lookup in this API; blank for none.
const LOOKUPS: &[(&str, &str)] = &[
    ("exact", ""),
    ("eq", ""),
    ("min", "gte"),
    ("from", "gte"),
    ("ge", "gte"),
    ("max", "lte"),
    ("to", "lte"),
    ("le", "lte"),
    ("after", "gt"),
    ("before", "lt"),
];

/// The known name that an unknown one most likely stands for, if any is near.
pub(super) fn meant<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let name = in_snakes(name);
    let find = |wanted: &str| known.iter().copied().find(|known| *known == wanted);
    if let Some(known) = find(&name) {
        return Some(known);
    }
    let elsewhere = ELSEWHERE
        .iter()
        .filter(|(theirs, _)| *theirs == name)
        .find_map(|(_, ours)| find(ours));
    if elsewhere.is_some() {
        return elsewhere;
    }
    if let Some((base, lookup)) = name.split_once("__") {
        let ours = LOOKUPS.iter().find(|(theirs, _)| *theirs == lookup);
        let ours = ours.and_then(|(_, ours)| match *ours {
            "" => find(base),
            ours => find(&format!("{base}__{ours}")),
        });
        // The plain field would mean equality, and a client that sends a lookup wants something
        // else.
        return ours.or_else(|| nearest_lookup(base, lookup, known));
    }
    nearest(&name, known.iter().copied())
}

/// The known filter with the nearest lookup on the same base. If no filter has the base, the
/// filter with the nearest full name.
fn nearest_lookup<'a>(base: &str, lookup: &str, known: &[&'a str]) -> Option<&'a str> {
    let with_lookup = || known.iter().copied().filter(|known| known.contains("__"));
    if known.contains(&base) {
        let of_base =
            with_lookup().filter_map(|known| known.strip_prefix(base)?.strip_prefix("__"));
        let near = format!("{base}__{}", nearest(lookup, of_base)?);
        return with_lookup().find(|known| *known == near);
    }
    nearest(&format!("{base}__{lookup}"), with_lookup())
}

/// Turns `isActive` and `Is-Active` into `is_active`.
fn in_snakes(name: &str) -> String {
    let mut snakes = String::with_capacity(name.len() + 4);
    let mut after_small = false;
    // No name of this API is longer, and the distance takes time to compute.
    for c in name.chars().take(64) {
        if c.is_ascii_uppercase() && after_small {
            snakes.push('_');
        }
        after_small = c.is_ascii_lowercase() || c.is_ascii_digit();
        snakes.push(if c == '-' {
            '_'
        } else {
            c.to_ascii_lowercase()
        });
    }
    snakes
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("stock_gt", Some("stock__gt"))]
    #[case("stockGt", Some("stock__gt"))]
    #[case("ordering", Some("sort"))]
    #[case("page_size", Some("limit"))]
    #[case("pageSize", Some("limit"))]
    #[case("SKU", Some("sku"))]
    #[case("isActive", Some("is_active"))]
    #[case("sku__in", None)]
    #[case("sku__contains", None)]
    #[case("stock__in", None)]
    #[case("stok__gte", Some("stock__gte"))]
    #[case("stock__min", Some("stock__gte"))]
    #[case("stock__gtee", Some("stock__gte"))]
    #[case("stock__exact", Some("stock"))]
    #[case("colour", None)]
    #[case("", None)]
    fn the_name_that_was_meant(#[case] name: &str, #[case] expected: Option<&str>) {
        let known = [
            "sku",
            "stock",
            "stock__gt",
            "stock__gte",
            "stock__lte",
            "is_active",
            "sort",
            "page",
            "limit",
        ];
        assert_eq!(meant(name, &known), expected);
    }
}
