//! Defects of providers, stock locations and stock lists: of how they are shown or created.

use http::Request;
use serde_json::{Value, json};

use super::delivery::Delivery;
use super::edit::{alter, quoted, remove, rename, set};
use super::effect::Effect::{Amend, Body, Row, RowOf, Take};
use super::effect::{Defect, defect};
use super::operations::{NEW_PLACES, PLACE_LISTS, SHOWN_PLACES};
use super::question::with_target;
use super::scene::{Scene, set_body, status};
use crate::problem::Problem;
use crate::store::places::PlaceKind;

const PROVIDERS: &[&str] = &["list-providers", "get-provider", "create-provider"];
const LOCATIONS: &[&str] = &[
    "list-stock-locations",
    "get-stock-location",
    "create-stock-location",
];
const STOCK_LISTS: &[&str] = &["list-stock-lists", "get-stock-list", "create-stock-list"];

#[rustfmt::skip]
pub(super) const ROWS: &[Defect] = &[
    defect("place-page-key-items", PLACE_LISTS, Body(|b| if let Value::Object(b) = b { rename(b, "results", "items") }), "`results` of a page of places is called `items`."),
    defect("place-page-drops-the-inactive", PLACE_LISTS, Body(|b| if let Some(rows) = b["results"].as_array_mut() { rows.retain(|row| row["is_active"] == true) }), "Inactive places are not listed."),
    defect("provider-without-code", PROVIDERS, Row(|p| remove(p, "code")), "A provider is shown without `code`."),
    defect("provider-key-add-reservations", PROVIDERS, Row(|p| rename(p, "should_add_reservations", "add_reservations")), "`should_add_reservations` is called `add_reservations`."),
    defect("provider-flag-is-text", PROVIDERS, Row(|p| alter(p, "should_add_reservations", quoted)), "`should_add_reservations` is a string."),
    defect("location-provider-is-the-name", LOCATIONS, RowOf(|store, l| alter(l, "provider", |id| { let at = id.as_i64().and_then(|id| store.places().with_id(PlaceKind::Provider, id)); at.map(|at| store.places().providers[at as usize].head.name.to_string()).into() })), "`provider` of a location is its name in place of its id."),
    defect("location-provider-is-text", LOCATIONS, Row(|l| alter(l, "provider", quoted)), "`provider` of a location is its id as a string."),
    defect("location-without-name", LOCATIONS, Row(|l| remove(l, "name")), "A location is shown without `name`."),
    defect("location-key-active", LOCATIONS, Row(|l| rename(l, "is_active", "active")), "`is_active` of a location is called `active`."),
    defect("stock-list-without-rule", STOCK_LISTS, Row(|l| remove(l, "stock_list_rule")), "A stock list is shown without `stock_list_rule`."),
    defect("stock-list-id-is-text", STOCK_LISTS, Row(|l| alter(l, "id", quoted)), "The `id` of a stock list is a string."),
    defect("place-shows-another", SHOWN_PLACES, Take(another), "A place that is asked for by id is another one."),
    defect("place-is-wrapped", SHOWN_PLACES, Body(|b| *b = json!({"data": b})), "A place is shown under `data`."),
    defect("place-create-is-forbidden", NEW_PLACES, Take(forbidden), "Creating a place is refused with 403."),
    defect("place-create-writes-nothing", NEW_PLACES, Amend(|w| if w.is_granted() { w.undo() }), "Creating a place answers 201 and writes nothing."),
    defect("place-create-is-inactive", NEW_PLACES, Row(|p| set(p, "is_active", false)), "A new place is shown as inactive."),
];

/// Answers with the place of a neighbouring id, where there is one.
fn another(scene: &Scene<'_>) -> Delivery {
    let path = scene.request.uri().path().trim_end_matches('/');
    let Some((list, id)) = path.rsplit_once('/') else {
        return scene.usual();
    };
    let Ok(id) = id.parse::<i64>() else {
        return scene.usual();
    };
    let usual = scene.usual();
    if !matches!(&usual, Delivery::Answer(reply) if reply.response.status() == 200) {
        return usual;
    }
    let others = [id - 1, id + 1].into_iter().filter_map(|other| {
        let mut request: Request<_> = scene.request.clone();
        *request.uri_mut() = with_target(scene.request.uri(), &format!("{list}/{other}/"))?;
        match (scene.next)(&request) {
            Delivery::Answer(reply) if reply.response.status() == 200 => Some(reply),
            _ => None,
        }
    });
    match others.into_iter().next() {
        Some(other) => {
            scene.mark();
            Delivery::Answer(other)
        }
        None => usual,
    }
}

fn forbidden(scene: &Scene<'_>) -> Delivery {
    let delivery = scene.refuse(&Problem::NotFound(None));
    scene.edit(delivery, |reply| {
        *reply.response.status_mut() = status(403);
        let detail = "You do not have permission to perform this action.";
        set_body(reply, json!({ "detail": detail }).to_string());
    })
}
