//! The ERP of the example, with the stocks of the shops.

/// The pieces of a SKU at a location of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) sku: String,
    pub(crate) provider: String,
    pub(crate) location: String,
    pub(crate) pieces: i64,
}

/// Returns a delivery at one warehouse: this many SKUs, with some pieces of each.
pub(crate) fn items(count: i64) -> Vec<Item> {
    let item = |number: i64| Item {
        sku: format!("NEW-{number:04}"),
        provider: "Merkez Depo".to_owned(),
        location: "wh-tuzla".to_owned(),
        pieces: 1 + number % 9,
    };
    (0..count).map(item).collect()
}
