//! Paths, worlds and requests for the tests of the engine and of the mock.

#![allow(dead_code)] // Each of the two crates uses a part.

use bytes::Bytes;
use http::{Method, Request};
use whippy_engine::assets;
use whippy_engine::store::Store;
use whippy_engine::store::world::World;

pub(crate) const STOCKS: &str = "/api/v1/stocks/";
pub(crate) const INCREASE: &str = "/api/v1/stocks/increase_reserved_stock/";
pub(crate) const DECREASE: &str = "/api/v1/stocks/decrease_reserved_stock/";
pub(crate) const QUERY: &str = "/api/v1/stocks/stock_query/";
pub(crate) const MULTI_QUERY: &str = "/api/v1/stocks/multi_stock_query/";
pub(crate) const SALABLE: &str = "/api/v1/stocks/salable_stock_query/";
pub(crate) const UPSERT: &str = "/api/v1/stocks/insert_or_update_stock/";
pub(crate) const ACTIVE: &str = "/api/v1/active-stocks/1/";

/// A SKU of the documented world, at location 110 with stock 5.
pub(crate) const SKU: &str = "555AB1300456213004";

pub(crate) fn store(world: &str) -> Store {
    let json = assets::world(world).unwrap();
    Store::load(&World::from_json(json.as_bytes()).unwrap()).unwrap()
}

/// A request with a token. Headers of the same name replace the usual ones.
pub(crate) fn request(
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Request<Bytes> {
    let mut request = Request::new(Bytes::copy_from_slice(body.as_bytes()));
    *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
    *request.uri_mut() = path.parse().unwrap();
    let all = [("host", "localhost:8000"), ("authorization", "Token t")];
    for (name, value) in all.iter().chain(headers) {
        let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    request
}
