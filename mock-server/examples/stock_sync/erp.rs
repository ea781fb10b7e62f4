//! The ERP of the example: what it says is in the shops.

/// Pieces of a SKU at a location of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) sku: String,
    pub(crate) provider: String,
    pub(crate) location: String,
    pub(crate) pieces: i64,
}

/// A delivery at one warehouse: so many SKUs, of each some pieces.
pub(crate) fn items(count: i64) -> Vec<Item> {
    let item = |number: i64| Item {
        sku: format!("NEW-{number:04}"),
        provider: "Merkez Depo".to_owned(),
        location: "wh-tuzla".to_owned(),
        pieces: 1 + number % 9,
    };
    (0..count).map(item).collect()
}
