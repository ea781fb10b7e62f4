//! The contract as embedded data: the one list of the files in `schemas/` and `fixtures/`.

/// The name of a file with its content.
pub type Asset = (&'static str, &'static str);

macro_rules! assets {
    ($folder:literal: $($name:literal)+) => {
        &[$(($name, include_str!(concat!("../../../", $folder, "/", $name))),)+]
    };
}

/// The OpenAPI document.
pub const OPENAPI: &str = include_str!("../../../schemas/openapi.json");

/// The OpenAPI document of the admin paths.
pub const ADMIN_OPENAPI: &str = include_str!("../../../schemas/admin.openapi.json");

/// The register of readings.
pub const READINGS: &str = include_str!("../../../schemas/readings.yaml");

/// The JSON Schemas, to which `openapi.json` refers by file name.
#[rustfmt::skip]
pub const SCHEMAS: &[Asset] = assets!("schemas":
    "active-stocks-page.schema.json"
    "active-stocks-request.schema.json"
    "already-reported.schema.json"
    "cases.schema.json"
    "date-time.schema.json"
    "detail.schema.json"
    "faults.schema.json"
    "findings.schema.json"
    "invalid-location-error.schema.json"
    "login-request.schema.json"
    "login-response.schema.json"
    "metadata.schema.json"
    "multi-stock-query-request.schema.json"
    "multi-store-check-result.schema.json"
    "period-request.schema.json"
    "period.schema.json"
    "problem.schema.json"
    "provider-create.schema.json"
    "provider-page.schema.json"
    "provider.schema.json"
    "readings.schema.json"
    "report.schema.json"
    "reservation.schema.json"
    "row-errors.schema.json"
    "stock-create.schema.json"
    "stock-exists-error.schema.json"
    "stock-list-create.schema.json"
    "stock-list-page.schema.json"
    "stock-list.schema.json"
    "stock-location-create.schema.json"
    "stock-location-page.schema.json"
    "stock-location.schema.json"
    "stock-page.schema.json"
    "stock-query-request.schema.json"
    "stock-upsert.schema.json"
    "stock.schema.json"
    "store-check-result.schema.json"
    "store-check-row.schema.json"
    "trace.schema.json"
    "upsert-result.schema.json"
    "validation-errors.schema.json"
    "world.schema.json"
);

/// The seed states, beginning with the default.
pub const WORLDS: &[Asset] = assets!("fixtures/worlds":
    "documented.json"
    "before-create.json"
    "before-decrease.json"
    "demo.json"
    "empty.json"
    "five-active-skus.json"
    "reservations-reported.json"
    "sku-500-in-five-stores.json"
    "skus-500-and-505-in-three-stores.json"
);

/// The built-in faults.
pub const FAULTS: &[Asset] = assets!("fixtures/faults":
    "flaky-network.json"
    "maintenance.json"
    "rate-limited.json"
    "slow-erp.json"
);

/// The conformance cases.
pub const CASES: &[Asset] = assets!("fixtures/cases":
    "readings.yaml"
    "create.yaml"
    "reserve.yaml"
    "periods.yaml"
    "query.yaml"
    "upsert.yaml"
    "active-stocks.yaml"
    "places.yaml"
    "login.yaml"
    "metadata.yaml"
    "access.yaml"
    "bodies.yaml"
    "methods.yaml"
    "list.yaml"
    "comparisons.yaml"
    "search.yaml"
    "sort.yaml"
    "pages.yaml"
);

/// The documented responses.
pub const DOCUMENTED: &[Asset] = assets!("fixtures/documented":
    "active_multiple_200.json"
    "active_single_200.json"
    "create_201.json"
    "create_400_exists.json"
    "create_400_location.json"
    "create_400_required.json"
    "decrease_201.json"
    "decrease_208.json"
    "decrease_400.json"
    "increase_201.json"
    "increase_208.json"
    "increase_400.json"
    "list_200.json"
    "multi_salable_200.json"
    "multi_stock_query_200.json"
    "salable_200.json"
    "search_200.json"
    "stock_query_200.json"
    "upsert_200.json"
);

/// Finds a seed state by name.
pub fn world(name: &str) -> Option<&'static str> {
    WORLDS
        .iter()
        .find(|(file, _)| file.strip_suffix(".json") == Some(name))
        .map(|(_, json)| *json)
}

/// The names of the seed states.
pub fn world_names() -> impl Iterator<Item = &'static str> {
    WORLDS
        .iter()
        .map(|(file, _)| file.strip_suffix(".json").unwrap_or(file))
}

/// Finds built-in faults by name.
pub fn faults(name: &str) -> Option<&'static str> {
    FAULTS
        .iter()
        .find(|(file, _)| file.strip_suffix(".json") == Some(name))
        .map(|(_, json)| *json)
}

/// The names of the built-in faults.
pub fn faults_names() -> impl Iterator<Item = &'static str> {
    FAULTS
        .iter()
        .map(|(file, _)| file.strip_suffix(".json").unwrap_or(file))
}
