//! Reservations: each adds one to the reserved quantity of a stock, or subtracts one.
//!
//! Source: docs/contract.md#increase-reserved-stock, docs/contract.md#decrease-reserved-stock;
//! the rules of the 208 are readings.

use smol_str::SmolStr;

use super::call::{ArgumentSource, Call};
use super::stocks::write_stock;
use super::{Answer, Clock, Outcome};
use crate::model::fields::{self, Presence};
use crate::model::stock::Stock;
use crate::model::time::Timestamp;
use crate::problem::{Grade, Problem};
use crate::profile::{
    AlreadyReported, DecreaseAtZero, Reading, ReservationArguments, ReservationDate as DateReading,
    ReservationRow, ReservationWithoutStock,
};
use crate::query;
use crate::store::table::Row;
use crate::store::{Applied, Direction, ReservationDate, Store};

/// `POST /api/v1/stocks/increase_reserved_stock/`.
pub fn increase(store: &mut Store, call: &Call<'_>, clock: &mut Clock) -> Outcome {
    reserve(store, call, clock, Direction::Increase)
}

/// `POST /api/v1/stocks/decrease_reserved_stock/`.
pub fn decrease(store: &mut Store, call: &Call<'_>, clock: &mut Clock) -> Outcome {
    reserve(store, call, clock, Direction::Decrease)
}

fn reserve(store: &mut Store, call: &Call<'_>, clock: &mut Clock, direction: Direction) -> Outcome {
    let arguments = read(call)?;
    let Some(row) = find(store, call, &arguments) else {
        call.decided(Reading::ReservationWithoutStock);
        return Err(match call.profile().reservation_without_stock {
            ReservationWithoutStock::NotFound => Problem::NoSuchStock(call.missing("Stock")),
            ReservationWithoutStock::AlreadyReported => Problem::AlreadyReported,
        });
    };
    let mut stock = store.stock(row);
    let applied = arguments.date.map(|date| Applied {
        sku: stock.sku.clone(),
        location: stock.location,
        direction,
        date,
    });
    let replayed = applied
        .as_ref()
        .is_some_and(|applied| was_applied(store, call, applied));
    let reported = is_already_reported(store, call, &stock, replayed, applied.as_ref());
    if reported || replayed {
        call.decided(Reading::AlreadyReported);
    }
    if reported {
        return Err(Problem::AlreadyReported);
    }
    let changed = match direction {
        Direction::Increase => stock.reserved.checked_add(1),
        Direction::Decrease if stock.reserved <= 0 => {
            call.decided(Reading::DecreaseAtZero);
            match call.profile().decrease_at_zero {
                DecreaseAtZero::AlreadyReported => return Err(Problem::AlreadyReported),
                DecreaseAtZero::Floor => Some(stock.reserved),
                DecreaseAtZero::Negative => stock.reserved.checked_sub(1),
            }
        }
        Direction::Decrease => stock.reserved.checked_sub(1),
    };
    // Beyond 32 bits the database fails, and the stack turns that into a 500.
    stock.reserved = changed.ok_or(Problem::ServerError)?;
    stock.modified = clock.read();
    store.update(row, &stock);
    if let Some(applied) = applied {
        store.keep_applied(applied);
    }
    let mut body = Vec::with_capacity(384);
    write_stock(&mut body, &stock, store.places(), call.local());
    Ok(Answer {
        status: 201,
        rule: match direction {
            Direction::Increase => "increased",
            Direction::Decrease => "decreased",
        },
        grade: Grade::Documented,
        body,
    })
}

struct Arguments {
    sku: SmolStr,
    location: SmolStr,
    provider: Option<SmolStr>,
    date: Option<ReservationDate>,
}

fn read(call: &Call<'_>) -> Result<Arguments, Problem> {
    use Presence::{Optional, Required};
    let from = match call.profile().reservation_arguments {
        ReservationArguments::Either => ArgumentSource::Either,
        ReservationArguments::Body => ArgumentSource::Body,
        ReservationArguments::Query => ArgumentSource::Query,
    };
    call.arguments(from, |fields| {
        let names = ["sku", "location", "provider", "date"];
        let in_query = |name: &&str| query::parameter(call.query, name).is_some();
        if from == ArgumentSource::Query || names.iter().any(in_query) {
            call.decided(Reading::ReservationArguments);
        }
        let sku = fields.field("sku", Required, fields::text);
        let location = fields.field("location", Required, fields::text);
        let provider = fields.field("provider", Optional, fields::text);
        let date = fields.field("date", Optional, |value| {
            call.decided(Reading::ReservationDate);
            match call.profile().reservation_date {
                DateReading::DateOrDatetime => call.datetime(value).map(ReservationDate::At),
                DateReading::Opaque => fields::text(value).map(ReservationDate::Text),
            }
        });
        Some(Arguments {
            sku: sku?,
            location: location?,
            provider,
            date,
        })
    })
}

/// The row of the stock that the arguments name.
fn find(store: &Store, call: &Call<'_>, arguments: &Arguments) -> Option<Row> {
    let places = store.places();
    let location = places.location_coded(&arguments.location)?;
    if let Some(named) = &arguments.provider {
        let owner = places.locations[location as usize].provider;
        if query::is_provider_id(places, named) {
            call.decided(Reading::ProviderArgument);
        }
        let mut providers = query::providers(places, named, call.profile());
        if !providers.any(|provider| provider == owner) {
            return None;
        }
    }
    let mut rows = store.rows_at(&arguments.sku, location);
    let first = rows.next()?;
    let Some(last) = rows.last() else {
        return Some(first);
    };
    call.decided(Reading::ReservationRow);
    Some(match call.profile().reservation_row {
        ReservationRow::First => first,
        ReservationRow::Last => last,
    })
}

/// The moment of a date, if it is one.
fn moment(date: &ReservationDate, call: &Call<'_>) -> Option<Timestamp> {
    match date {
        ReservationDate::At(at) => Some(*at),
        ReservationDate::Text(text) => Timestamp::parse(text, call.local()).ok(),
    }
}

/// Returns `true` if an equal reservation was applied before. A world file may not distinguish
/// an opaque date from a moment, so a text that reads as a moment is looked up as both.
fn was_applied(store: &Store, call: &Call<'_>, applied: &Applied) -> bool {
    let is_text = matches!(applied.date, ReservationDate::Text(_));
    store.was_applied(applied)
        || is_text
            && moment(&applied.date, call).is_some_and(|at| {
                store.was_applied(&Applied {
                    date: ReservationDate::At(at),
                    ..applied.clone()
                })
            })
}

fn is_already_reported(
    store: &Store,
    call: &Call<'_>,
    stock: &Stock,
    replayed: bool,
    applied: Option<&Applied>,
) -> bool {
    match call.profile().already_reported {
        AlreadyReported::ReplayedDate => replayed,
        AlreadyReported::StaleDate => applied
            .and_then(|applied| moment(&applied.date, call))
            .is_some_and(|at| at < stock.stock_written),
        AlreadyReported::ProviderOptedOut => {
            let places = store.places();
            let provider = places.locations[stock.location as usize].provider;
            !places.providers[provider as usize].should_add_reservations
        }
        AlreadyReported::Never => false,
    }
}
