//! Pages of stocks that are built anew from all rows, for defects that no rewritten request
//! expresses.

use serde_json::Value;

use super::delivery::Delivery;
use super::question::Question;
use super::scene::{Scene, is_granted, json_of};
use crate::endpoints::call::Call;
use crate::endpoints::stocks::write_stock;
use crate::model::stock::Stock;
use crate::profile::Decided;
use crate::query::{self, FILTERS};
use crate::store::Store;
use crate::wire::urlencoded::{self, Pair};

/// Returns `true` if the parameter is a filter of the list.
pub(super) fn is_filter(name: &str) -> bool {
    FILTERS
        .iter()
        .any(|field| field.parameters().any(|(known, _)| known == name))
}

/// The rows that a rewritten request finds, at most as many as the largest page holds.
pub(super) fn all_rows(scene: &Scene<'_>, rewrite: impl FnOnce(&mut Question<'_>)) -> Vec<Value> {
    let most = scene.service.settings().profile.page_limit;
    let reply = scene.ask(|question| {
        rewrite(question);
        question.drop(&["page", "limit"]);
        question.query.push(("limit".to_owned(), most.to_string()));
    });
    let body = reply.map(|reply| json_of(&reply)).unwrap_or_default();
    body["results"].as_array().cloned().unwrap_or_default()
}

/// All stocks that a query finds, in the order it asks for. `None` if the query is refused.
pub(super) fn stocks_of(
    scene: &Scene<'_>,
    store: &Store,
    query: &[(String, String)],
) -> Option<Vec<Stock>> {
    let settings = scene.service.settings();
    let pairs: Vec<Pair<'_>> = query
        .iter()
        .map(|(name, value)| (name.as_str().into(), value.as_str().into()))
        .collect();
    let mut decided = Decided::default();
    let (profile, local) = (&settings.profile, settings.local);
    let search = query::search(&pairs, store.places(), profile, local, &mut decided).ok()?;
    let found = store.select(&search.filters);
    Some(found.page(&search.order, 0, found.len()))
}

/// The requested page, cut out of these stocks.
pub(super) fn page_of_stocks(scene: &Scene<'_>, stocks: &[Stock]) -> Delivery {
    let store = scene.service.store();
    let local = scene.service.settings().local;
    let shown = |stock: &Stock| {
        let mut text = Vec::new();
        write_stock(&mut text, stock, store.places(), local);
        String::from_utf8_lossy(&text).into_owned()
    };
    cut(scene, stocks, shown)
}

/// The requested page, cut out of these rows.
pub(super) fn page_of(scene: &Scene<'_>, rows: &[Value]) -> Delivery {
    cut(scene, rows, Value::to_string)
}

fn cut<T>(scene: &Scene<'_>, rows: &[T], show: impl Fn(&T) -> String) -> Delivery {
    let Some(first) = scene.ask(|question| question.drop(&["page"])) else {
        return scene.usual();
    };
    if !is_granted(&first) {
        return scene.usual();
    }
    let settings = scene.service.settings();
    let text = scene.request.uri().query().unwrap_or_default();
    let pairs = urlencoded::decode(text.as_bytes()).unwrap_or_default();
    let (limit, _) = query::page_limit(&pairs, &settings.profile);
    let page = match query::page(&pairs, limit, rows.len(), settings.profile.stack) {
        Ok(page) => page,
        Err(problem) => return scene.refuse(&problem),
    };
    let shown = rows.iter().skip(page.offset).take(limit);
    let shown: Vec<String> = shown.map(show).collect();
    let mut body = format!("{{\"count\":{},", rows.len()).into_bytes();
    let has_next = page.offset + limit < rows.len();
    write_links(&mut body, scene, &pairs, page, has_next);
    body.extend_from_slice(b",\"results\":[");
    body.extend_from_slice(shown.join(",").as_bytes());
    body.extend_from_slice(b"]}");
    // The usual answer is edited, so that an equal one is not marked as changed.
    match scene.usual() {
        Delivery::Answer(usual) if is_granted(&usual) => {
            scene.edit(Delivery::Answer(usual), |reply| {
                *reply.response.body_mut() = body.into();
            })
        }
        _ => scene.edit(Delivery::Answer(first), |reply| {
            *reply.response.body_mut() = body.into();
        }),
    }
}

fn write_links(
    out: &mut Vec<u8>,
    scene: &Scene<'_>,
    pairs: &[Pair<'_>],
    page: query::Page,
    has_next: bool,
) {
    let settings = scene.service.settings();
    let path = urlencoded::decode_path(scene.request.uri().path());
    let call = Call::new(
        &settings,
        (&path, None),
        pairs,
        (scene.request, (scene.system)()),
    );
    call.write_links(out, page, has_next);
}

/// The link to the page after `number`, even if there is no such page.
pub(super) fn link_onwards(scene: &Scene<'_>, number: usize) -> Value {
    let text = scene.request.uri().query().unwrap_or_default();
    let pairs = urlencoded::decode(text.as_bytes()).unwrap_or_default();
    let page = query::Page {
        number,
        offset: 0,
        limit: 1,
    };
    let mut links = b"{".to_vec();
    write_links(&mut links, scene, &pairs, page, true);
    links.push(b'}');
    let mut links: Value = serde_json::from_slice(&links).unwrap_or_default();
    links["next"].take()
}

/// The rows of several requests without duplicates, ordered by id.
pub(super) fn union(all: impl IntoIterator<Item = Vec<Value>>) -> Vec<Value> {
    let mut rows: Vec<Value> = all.into_iter().flatten().collect();
    rows.sort_by_key(|row| row["id"].as_i64());
    rows.dedup_by_key(|row| row["id"].as_i64());
    rows
}
