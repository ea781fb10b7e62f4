//! The list of stocks, and the creation of one.
//!
//! Source: docs/contract.md#list-stock, docs/contract.md#create-stock,
//! docs/contract.md#search-stocks.

use smol_str::SmolStr;

use super::call::Call;
use super::{Answer, Clock, Outcome};
use crate::model::fields::{self, Fields, Presence};
use crate::model::period::Period;
use crate::model::stock::{Stock, StockType, UnitType};
use crate::model::time::UtcOffset;
use crate::problem::{Detail, FieldErrors, Grade, Problem, wording};
use crate::profile::{Decided, PeriodShape, Reading, StockIdentity, UnknownPlace};
use crate::query;
use crate::store::Store;
use crate::store::places::Places;
use crate::store::table::Row;
use crate::wire::json;

/// `GET /api/v1/stocks/`.
pub fn list(store: &Store, call: &Call<'_>) -> Outcome {
    let mut decided = Decided::default();
    let search = query::search(
        call.query,
        store.places(),
        call.profile(),
        call.local(),
        &mut decided,
    );
    call.decided_all(decided);
    let search = search?;
    let selection = store.select(&search.filters);
    let count = selection.len();
    let page = call.page(count)?;
    let stocks = selection.page(&search.order, page.offset, page.limit);
    let mut body = Vec::with_capacity(64 + stocks.len() * 320);
    body.extend_from_slice(b"{\"count\":");
    json::write_integer(&mut body, i64::try_from(count).unwrap_or(i64::MAX));
    body.push(b',');
    call.write_links(&mut body, page, page.offset + page.limit < count);
    body.extend_from_slice(b",\"results\":[");
    for (i, stock) in stocks.iter().enumerate() {
        if i > 0 {
            body.push(b',');
        }
        write_stock(&mut body, stock, store.places(), call.local());
    }
    body.extend_from_slice(b"]}");
    Ok(Answer {
        status: 200,
        rule: if search.is_search { "found" } else { "listed" },
        grade: Grade::Documented,
        body,
    })
}

/// `POST /api/v1/stocks/`.
pub fn create(store: &mut Store, call: &Call<'_>, clock: &mut Clock) -> Outcome {
    let body = call.body()?;
    let fields = Fields::of_body(&body)?;
    let unchecked = fields.is_left_out("is_active");
    let mut draft = read(fields, call, store.places())?.map_err(Problem::Fields)?;
    if unchecked {
        draft.is_active = Some(false);
    }
    let Place::At(location) = draft.place else {
        return Err(draft.place.refusal(call));
    };
    if find(store, &draft, location, call).is_some() {
        return Err(Problem::StockExists);
    }
    let row = insert(store, &draft, location, clock);
    let stock = Stock {
        // The answer to a create shows the period as sent, not as the database stores it.
        period: draft.period.flatten(),
        ..store.stock(row)
    };
    let mut body = Vec::with_capacity(384);
    write_stock(&mut body, &stock, store.places(), call.local());
    Ok(Answer {
        status: 201,
        rule: "created",
        grade: Grade::Documented,
        body,
    })
}

/// A stock as a client sent it, with `None` for members it left out.
#[derive(Debug)]
pub(super) struct Draft {
    #[allow(clippy::option_option)] // Absent, null or a period.
    pub(super) period: Option<Option<Period>>,
    pub(super) stock_type: Option<StockType>,
    pub(super) unit_type: Option<UnitType>,
    pub(super) place: Place,
    pub(super) stock: i32,
    pub(super) is_active: Option<bool>,
    pub(super) sku: SmolStr,
    pub(super) reserved: Option<i32>,
}

/// The place that a client named for a stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The location with this index, which belongs to the provider named.
    At(u32),
    /// A location that belongs to another provider.
    Foreign,
    /// A provider or location that does not exist.
    Unknown,
}

impl Place {
    /// The refusal of a place that is not a location of the provider.
    pub(super) fn refusal(self, call: &Call<'_>) -> Problem {
        if self == Self::Unknown {
            call.decided(Reading::UnknownPlace);
        }
        Problem::InvalidLocation
    }
}

/// Reads the fields of a stock in the order of the stack's serializer. The outer error concerns
/// the whole request, the inner one its fields.
pub(super) fn read(
    mut fields: Fields<'_>,
    call: &Call<'_>,
    places: &Places,
) -> Result<Result<Draft, FieldErrors>, Problem> {
    use Presence::{Optional, Required};
    let profile = call.profile();
    let period = match fields.period(|value| call.datetime(value))? {
        Some(Some(_)) if profile.period_shape == PeriodShape::NullOnly => {
            call.decided(Reading::PeriodShape);
            fields.refuse("period", Detail::one(wording::PERIOD_MUST_BE_NULL));
            None
        }
        period => {
            if period.flatten().is_some() {
                call.decided(Reading::PeriodShape);
            }
            period
        }
    };
    let stock_type = fields.field("stock_type", Optional, |value| {
        fields::choice(value, query::stock_type)
    });
    let unit_type = fields.field("unit_type", Optional, |value| {
        if UnitType::ALL.iter().any(|u| value.to_text() == u.label()) {
            call.decided(Reading::UnitLabels);
        }
        fields::choice(value, |text| query::unit_type(text, profile))
    });
    let must_exist = profile.unknown_place == UnknownPlace::DoesNotExist;
    let provider = fields.field("provider", Required, |value| {
        let text = fields::slug(value)?;
        let found = places.provider_named(&text);
        if found.is_none() && must_exist {
            call.decided(Reading::UnknownPlace);
            return Err(Detail::one(wording::no_object("name", &text)));
        }
        Ok(found)
    });
    let location = fields.field("location", Required, |value| {
        let text = fields::slug(value)?;
        let found = places.location_coded(&text);
        if found.is_none() && must_exist {
            call.decided(Reading::UnknownPlace);
            return Err(Detail::one(wording::no_object("code", &text)));
        }
        Ok(found)
    });
    let stock = fields.field("stock", Required, fields::integer);
    let is_active = fields.field("is_active", Optional, |value| call.boolean(value));
    let sku = fields.field("sku", Required, |value| {
        let longest = profile.sku_length as usize;
        if fields::text(value).is_ok_and(|sku| sku.chars().nth(longest).is_some()) {
            call.decided(Reading::SkuLength);
        }
        fields::string(value, longest)
    });
    let reserved = fields.field("reserved_stock", Optional, fields::integer);
    let (Some(provider), Some(location), Some(stock), Some(sku), true) =
        (provider, location, stock, sku, fields.is_clean())
    else {
        return Ok(Err(fields.into_errors()));
    };
    let place = match location {
        Some(at) if provider == Some(places.locations[at as usize].provider) => Place::At(at),
        Some(_) if provider.is_some() => Place::Foreign,
        _ => Place::Unknown,
    };
    Ok(Ok(Draft {
        period,
        stock_type,
        unit_type,
        place,
        stock,
        is_active,
        sku,
        reserved,
    }))
}

/// The existing stock with the identity of the draft, if there is one.
pub(super) fn find(store: &Store, draft: &Draft, location: u32, call: &Call<'_>) -> Option<Row> {
    let period = draft.period.flatten().map(Period::stored);
    let stock_type = draft.stock_type.unwrap_or_default();
    let mut rows = store.rows_at(&draft.sku, location).peekable();
    let same_place = rows.peek().copied();
    let same_period = rows.find(|&row| {
        let stock = store.stock(row);
        stock.stock_type == stock_type && stock.period == period
    });
    // The choices differ only if the place has stock, but none with this period and type.
    if same_place.is_some() && same_place != same_period {
        call.decided(Reading::StockIdentity);
    }
    match call.profile().stock_identity {
        StockIdentity::PlaceAndPeriod => same_period,
        StockIdentity::Place => same_place,
    }
}

/// Adds the draft as a new stock, and reads the clock twice for it.
pub(super) fn insert(store: &mut Store, draft: &Draft, location: u32, clock: &mut Clock) -> Row {
    let created = clock.read();
    let modified = clock.read();
    let id = store.take_id();
    store.insert(&Stock {
        id,
        created,
        modified,
        stock_written: modified,
        period: draft.period.flatten().map(Period::stored),
        stock_type: draft.stock_type.unwrap_or_default(),
        unit_type: draft.unit_type.unwrap_or_default(),
        location,
        stock: draft.stock,
        is_active: draft.is_active.unwrap_or(true),
        sku: draft.sku.clone(),
        reserved: draft.reserved.unwrap_or(0),
    })
}

/// Appends a stock as JSON.
pub(crate) fn write_stock(out: &mut Vec<u8>, stock: &Stock, places: &Places, local: UtcOffset) {
    let location = &places.locations[stock.location as usize];
    let provider = &places.providers[location.provider as usize];
    out.extend_from_slice(b"{\"id\":");
    json::write_integer(out, stock.id);
    out.extend_from_slice(b",\"created_date\":\"");
    stock.created.write(out, local);
    out.extend_from_slice(b"\",\"modified_date\":\"");
    stock.modified.write(out, local);
    out.extend_from_slice(b"\",\"period\":");
    match stock.period {
        None => out.extend_from_slice(b"null"),
        Some(period) => period.write(out, local),
    }
    out.extend_from_slice(b",\"stock_type\":\"");
    out.extend_from_slice(stock.stock_type.text().as_bytes());
    out.extend_from_slice(b"\",\"unit_type\":\"");
    out.extend_from_slice(stock.unit_type.text().as_bytes());
    out.extend_from_slice(b"\",\"provider\":");
    json::write_string(out, &provider.head.name);
    out.extend_from_slice(b",\"location\":");
    json::write_string(out, &location.head.code);
    out.extend_from_slice(b",\"stock\":");
    json::write_integer(out, stock.stock.into());
    out.extend_from_slice(b",\"is_active\":");
    json::write_bool(out, stock.is_active);
    out.extend_from_slice(b",\"sku\":");
    json::write_string(out, &stock.sku);
    out.extend_from_slice(b",\"reserved_stock\":");
    json::write_integer(out, stock.reserved.into());
    out.push(b'}');
}
