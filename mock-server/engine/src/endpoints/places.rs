//! Providers, stock locations and stock lists: listed, shown and created.
//!
//! Source: docs/contract.md#beyond-the-page. The page describes none of them, but no client can
//! do without them, so everything here has the grade *observed*.

use smol_str::SmolStr;

use super::call::Call;
use super::{Answer, Clock, Outcome};
use crate::model::fields::{self, Fields, Presence};
use crate::model::place::{Head, Location, Provider, StockList};
use crate::model::time::UtcOffset;
use crate::problem::{Detail, Grade, Problem, wording};
use crate::store::Store;
use crate::store::places::{PlaceKind, Places};
use crate::wire::json::{self, Value};
use crate::wire::text::Integer;

/// The maximum length of a name or a code, in characters.
const LONGEST: usize = 255;

/// `GET /api/v1/providers/` and the lists of the other kinds.
pub fn list(kind: PlaceKind, store: &Store, call: &Call<'_>) -> Outcome {
    let places = store.places();
    let count = places.count(kind);
    let page = call.page(count)?;
    let mut body = b"{\"count\":".to_vec();
    json::write_integer(&mut body, i64::try_from(count).unwrap_or(i64::MAX));
    body.push(b',');
    call.write_links(&mut body, page, page.offset + page.limit < count);
    body.extend_from_slice(b",\"results\":[");
    for at in page.offset..count.min(page.offset + page.limit) {
        if at > page.offset {
            body.push(b',');
        }
        write_place(&mut body, places, kind, at, call.local());
    }
    body.extend_from_slice(b"]}");
    Ok(observed(200, "listed", body))
}

/// The index of the place whose id is in the path.
pub(super) fn named(kind: PlaceKind, store: &Store, call: &Call<'_>) -> Result<u32, Problem> {
    let id = call.argument.and_then(Integer::parse);
    let id = id.ok_or(Problem::NotFound(None))?.clamped();
    let found = store.places().with_id(kind, id);
    found.ok_or_else(|| {
        Problem::NotFound(call.missing(match kind {
            PlaceKind::Provider => "Provider",
            PlaceKind::Location => "StockLocation",
            PlaceKind::StockList => "StockList",
        }))
    })
}

/// `GET /api/v1/providers/{id}/` and the same for the other kinds.
pub fn show(kind: PlaceKind, store: &Store, call: &Call<'_>) -> Outcome {
    let at = named(kind, store, call)?;
    let mut body = Vec::new();
    write_place(&mut body, store.places(), kind, at as usize, call.local());
    Ok(observed(200, "shown", body))
}

/// `POST /api/v1/providers/`.
pub fn create_provider(store: &mut Store, call: &Call<'_>, clock: &mut Clock) -> Outcome {
    let body = call.body()?;
    let mut fields = Fields::of_body(&body)?;
    let places = store.places();
    let is_active = flag(&mut fields, "is_active", call);
    let name = unique(&mut fields, "provider", "name", |name| {
        places.provider_named(name).is_some()
    });
    let code = unique_code(&mut fields, places, PlaceKind::Provider);
    let should_add_reservations = flag(&mut fields, "should_add_reservations", call);
    let (Some(name), Some(code), true) = (name, code, fields.is_clean()) else {
        return Err(Problem::Fields(fields.into_errors()));
    };
    let head = head(store, PlaceKind::Provider, (name, code, is_active), clock);
    let at = store.places_mut().add_provider(Provider {
        head,
        should_add_reservations,
    });
    Ok(created(store, PlaceKind::Provider, at, call))
}

/// `POST /api/v1/stock-locations/`.
pub fn create_location(store: &mut Store, call: &Call<'_>, clock: &mut Clock) -> Outcome {
    let body = call.body()?;
    let mut fields = Fields::of_body(&body)?;
    let places = store.places();
    let is_active = flag(&mut fields, "is_active", call);
    let name = fields.field("name", Presence::Required, text);
    let code = unique_code(&mut fields, places, PlaceKind::Location);
    let provider = fields.field("provider", Presence::Required, |value| {
        key_of_provider(places, value)
    });
    let (Some(name), Some(code), Some(provider), true) = (name, code, provider, fields.is_clean())
    else {
        return Err(Problem::Fields(fields.into_errors()));
    };
    let head = head(store, PlaceKind::Location, (name, code, is_active), clock);
    let at = store.places_mut().add_location(Location { head, provider });
    Ok(created(store, PlaceKind::Location, at, call))
}

/// `POST /api/v1/stock-lists/`.
pub fn create_stock_list(store: &mut Store, call: &Call<'_>, clock: &mut Clock) -> Outcome {
    let body = call.body()?;
    let mut fields = Fields::of_body(&body)?;
    let places = store.places();
    let is_active = flag(&mut fields, "is_active", call);
    let code = unique_code(&mut fields, places, PlaceKind::StockList);
    let name = fields.field("name", Presence::Required, text);
    let remote_id = fields.nullable("remote_id", fields::integer).flatten();
    let rule = fields
        .nullable("stock_list_rule", fields::integer)
        .flatten();
    let (Some(name), Some(code), true) = (name, code, fields.is_clean()) else {
        return Err(Problem::Fields(fields.into_errors()));
    };
    let head = head(store, PlaceKind::StockList, (name, code, is_active), clock);
    let at = store.places_mut().add_stock_list(StockList {
        head,
        remote_id: remote_id.map(i64::from),
        stock_list_rule: rule.map(i64::from),
        locations: None,
    });
    Ok(created(store, PlaceKind::StockList, at, call))
}

fn observed(status: u16, rule: &'static str, body: Vec<u8>) -> Answer {
    Answer {
        status,
        rule,
        grade: Grade::Observed,
        body,
    }
}

fn created(store: &Store, kind: PlaceKind, at: u32, call: &Call<'_>) -> Answer {
    let mut body = Vec::new();
    write_place(&mut body, store.places(), kind, at as usize, call.local());
    observed(201, "created", body)
}

fn head(
    store: &Store,
    kind: PlaceKind,
    (name, code, is_active): (SmolStr, SmolStr, bool),
    clock: &mut Clock,
) -> Head {
    Head {
        id: store.places().next_id(kind),
        created: clock.read(),
        modified: clock.read(),
        is_active,
        name,
        code,
    }
}

/// A boolean that is true by default, but false if a form omits it, as browsers omit an empty
/// check box.
fn flag(fields: &mut Fields<'_>, name: &'static str, call: &Call<'_>) -> bool {
    let default = !fields.is_left_out(name);
    fields
        .field(name, Presence::Optional, |value| call.boolean(value))
        .unwrap_or(default)
}

fn text(value: &Value<'_>) -> Result<SmolStr, Detail> {
    fields::string(value, LONGEST)
}

fn unique(
    fields: &mut Fields<'_>,
    noun: &str,
    name: &'static str,
    is_taken: impl Fn(&str) -> bool,
) -> Option<SmolStr> {
    fields.field(name, Presence::Required, |value| {
        let text = text(value)?;
        if is_taken(&text) {
            return Err(Detail::one(wording::taken(noun, name)));
        }
        Ok(text)
    })
}

fn unique_code(fields: &mut Fields<'_>, places: &Places, kind: PlaceKind) -> Option<SmolStr> {
    let noun = match kind {
        PlaceKind::Provider => "provider",
        PlaceKind::Location => "stock location",
        PlaceKind::StockList => "stock list",
    };
    unique(fields, noun, "code", |code| {
        places.coded(kind, code).is_some()
    })
}

/// The index of the provider with this id.
fn key_of_provider(places: &Places, value: &Value<'_>) -> Result<u32, Detail> {
    let missing = || Detail::one(wording::no_key(&value.to_text()));
    let id = match value {
        Value::Int(id) => *id,
        Value::Str(text) if text.text.is_empty() => return Err(Detail::one(wording::NULL)),
        Value::Str(text) => Integer::parse(&text.text)
            .ok_or_else(|| Detail::one(wording::key_type("str")))?
            .clamped(),
        Value::BigInt(_) => return Err(missing()),
        #[allow(clippy::cast_possible_truncation)] // Python cuts a float the same way.
        Value::Float(number) if number.is_finite() => *number as i64,
        other => return Err(Detail::one(wording::key_type(other.type_name()))),
    };
    places.with_id(PlaceKind::Provider, id).ok_or_else(missing)
}

fn write_place(out: &mut Vec<u8>, places: &Places, kind: PlaceKind, at: usize, local: UtcOffset) {
    let text = |out: &mut Vec<u8>, key: &[u8], value: &str| {
        out.extend_from_slice(key);
        json::write_string(out, value);
    };
    let number = |out: &mut Vec<u8>, key: &[u8], value: Option<i64>| {
        out.extend_from_slice(key);
        match value {
            Some(number) => json::write_integer(out, number),
            None => out.extend_from_slice(b"null"),
        }
    };
    let start = |out: &mut Vec<u8>, head: &Head| {
        number(out, b"{\"id\":", Some(head.id));
        out.extend_from_slice(b",\"created_date\":\"");
        head.created.write(out, local);
        out.extend_from_slice(b"\",\"modified_date\":\"");
        head.modified.write(out, local);
        out.extend_from_slice(b"\",\"is_active\":");
        json::write_bool(out, head.is_active);
    };
    match kind {
        PlaceKind::Provider => {
            let provider = &places.providers[at];
            start(out, &provider.head);
            text(out, b",\"name\":", &provider.head.name);
            text(out, b",\"code\":", &provider.head.code);
            out.extend_from_slice(b",\"should_add_reservations\":");
            json::write_bool(out, provider.should_add_reservations);
        }
        PlaceKind::Location => {
            let location = &places.locations[at];
            let provider = &places.providers[location.provider as usize];
            start(out, &location.head);
            text(out, b",\"name\":", &location.head.name);
            text(out, b",\"code\":", &location.head.code);
            number(out, b",\"provider\":", Some(provider.head.id));
        }
        PlaceKind::StockList => {
            let list = &places.stock_lists[at];
            start(out, &list.head);
            text(out, b",\"code\":", &list.head.code);
            text(out, b",\"name\":", &list.head.name);
            number(out, b",\"remote_id\":", list.remote_id);
            number(out, b",\"stock_list_rule\":", list.stock_list_rule);
        }
    }
    out.push(b'}');
}
