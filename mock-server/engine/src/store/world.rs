//! A world as JSON: loads a seed state into a store, and dumps a store.
//!
//! `schemas/world.schema.json` describes the format. Every member that can be left out has a
//! default, so that hand-written worlds stay short.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smol_str::SmolStr;

use super::index::Index;
use super::places::{PlaceKind, Places};
use super::table::{Row, Table};
use super::{Applied, Changes, Column, Direction, ReservationDate, Store};
use crate::model::period::{Bounds, Period};
use crate::model::place::{Head, Location, Provider, StockList};
use crate::model::stock::{Stock, StockType, UnitType};
use crate::model::time::{Timestamp, UtcOffset};

/// A reason why a world cannot be loaded, as a sentence that names the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorldError(String);

impl fmt::Display for WorldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WorldError {}

/// Reasons why a row of a world cannot be loaded.
enum RowError {
    NoProviderWithId(i64),
    NoProvider(String),
    NoLocation(String),
    /// The location is another provider's.
    OtherOwner {
        location: String,
        owner: SmolStr,
        named: String,
    },
    Unnamed,
    TakenName(SmolStr),
    TakenCode(String),
    IdTooHigh(i64),
    IdTooLow {
        id: i64,
        last: i64,
    },
    StockId(i64),
    EmptySku,
    EmptyPeriod,
    Bounds(String),
    PeriodEndsFirst,
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProviderWithId(id) => write!(f, "there is no provider with id {id}"),
            Self::NoProvider(name) => write!(f, "there is no provider `{name}`"),
            Self::NoLocation(code) => write!(f, "there is no location `{code}`"),
            Self::OtherOwner {
                location,
                owner,
                named,
            } => write!(
                f,
                "location `{location}` is of provider `{owner}`, not `{named}`"
            ),
            Self::Unnamed => f.write_str("name and code must not be empty"),
            Self::TakenName(name) => write!(f, "name `{name}` is taken"),
            Self::TakenCode(code) => write!(f, "code `{code}` is taken"),
            Self::IdTooHigh(id) => write!(f, "id {id} is above {LARGEST_ID}"),
            Self::IdTooLow { id, last } => {
                write!(f, "id {id} does not rise: the one before is {last}")
            }
            Self::StockId(id) => write!(f, "id {id} is not between 1 and {LARGEST_ID}"),
            Self::EmptySku => f.write_str("the sku is empty"),
            Self::EmptyPeriod => f.write_str("`empty` is true or absent"),
            Self::Bounds(text) => write!(f, "`{text}` are no bounds: [), [], () or (]"),
            Self::PeriodEndsFirst => f.write_str("the period ends before it starts"),
        }
    }
}

/// A state of a world, in the format of a world file.
pub type World<'a> = WorldOf<Vec<StockRow<'a>>, Vec<ReservationRow>>;

/// A world file without its rows, which [`Store::from_json`] reads one by one.
type Frame = WorldOf<IgnoredAny, IgnoredAny>;

/// A world file whose stocks and reservations are of these types.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(expecting = "an object", deny_unknown_fields)]
pub struct WorldOf<S, R> {
    #[serde(rename = "$schema", default, skip_serializing)]
    _schema: Option<IgnoredAny>,
    /// The name of the world.
    #[serde(default)]
    pub name: Option<String>,
    /// The purpose of the world.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The moment of all rows that have none of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<Moment>,
    #[serde(default)]
    next_stock_id: Option<i64>,
    #[serde(default)]
    stock_id_step: Option<i64>,
    #[serde(default)]
    providers: Vec<ProviderRow>,
    #[serde(default)]
    stock_locations: Vec<LocationRow>,
    #[serde(default)]
    stock_lists: Vec<StockListRow>,
    #[serde(default)]
    stocks: S,
    #[serde(default)]
    reservations: R,
}

/// A date-time with an offset.
#[derive(Debug, Clone, Copy)]
struct Moment(Timestamp);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Moment;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a date-time like 2023-05-10T13:37:18.209869+03:00")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Moment, E> {
                Timestamp::parse_with_offset(text)
                    .map(Moment)
                    .map_err(|_| E::invalid_value(serde::de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

impl Moment {
    /// The date-time in the page's time zone, or in UTC for the last hours of the calendar,
    /// which do not exist in that zone.
    fn text(self) -> String {
        let hours = UtcOffset::PAGE.micros();
        let fits = Timestamp::from_micros(self.0.micros() + hours).is_some();
        let zone = if fits {
            UtcOffset::PAGE
        } else {
            UtcOffset::UTC
        };
        self.0.to_text(zone)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(expecting = "an object", deny_unknown_fields)]
struct ProviderRow {
    id: Option<i64>,
    created_date: Option<Moment>,
    modified_date: Option<Moment>,
    #[serde(default = "yes")]
    is_active: bool,
    name: String,
    code: Option<String>,
    #[serde(default = "yes")]
    should_add_reservations: bool,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(expecting = "an object", deny_unknown_fields)]
struct LocationRow {
    id: Option<i64>,
    created_date: Option<Moment>,
    modified_date: Option<Moment>,
    #[serde(default = "yes")]
    is_active: bool,
    name: Option<String>,
    code: String,
    provider: IdOrName,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(expecting = "an object", deny_unknown_fields)]
struct StockListRow {
    id: Option<i64>,
    created_date: Option<Moment>,
    modified_date: Option<Moment>,
    #[serde(default = "yes")]
    is_active: bool,
    code: String,
    name: Option<String>,
    #[serde(default)]
    remote_id: Option<i64>,
    #[serde(default)]
    stock_list_rule: Option<i64>,
    #[serde(default)]
    locations: Option<Vec<String>>,
}

/// A stock of a world file.
#[derive(Debug, Deserialize, Serialize)]
#[serde(expecting = "an object", deny_unknown_fields)]
pub struct StockRow<'a> {
    id: Option<i64>,
    created_date: Option<Moment>,
    modified_date: Option<Moment>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stock_written_date: Option<Moment>,
    #[serde(default)]
    period: Option<PeriodRow>,
    #[serde(default)]
    stock_type: StockTypeName,
    #[serde(default)]
    unit_type: UnitTypeName,
    #[serde(borrow)]
    provider: Cow<'a, str>,
    #[serde(borrow)]
    location: Cow<'a, str>,
    stock: i32,
    #[serde(default = "yes")]
    is_active: bool,
    #[serde(borrow)]
    sku: Cow<'a, str>,
    #[serde(default)]
    reserved_stock: i32,
}

/// A dated reservation of a world file.
#[derive(Debug, Deserialize, Serialize)]
#[serde(expecting = "an object", deny_unknown_fields)]
pub struct ReservationRow {
    operation: DirectionName,
    sku: String,
    location: String,
    #[serde(default)]
    provider: Option<String>,
    date: String,
    /// Is true if the date is kept as text even though it may read as a moment.
    #[serde(default, skip_serializing_if = "is_false")]
    opaque: bool,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(untagged)]
enum IdOrName {
    Id(i64),
    Name(String),
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(untagged)]
enum PeriodRow {
    Empty {
        empty: bool,
    },
    Range {
        #[serde(default)]
        lower: Option<Moment>,
        #[serde(default)]
        upper: Option<Moment>,
        #[serde(default)]
        bounds: Option<String>,
    },
}

#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum StockTypeName {
    #[default]
    Standard,
    Scheduled,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize)]
enum UnitTypeName {
    #[default]
    #[serde(rename = "qty")]
    Quantity,
    #[serde(rename = "kg")]
    Kilogram,
}

#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
enum DirectionName {
    IncreaseReservedStock,
    DecreaseReservedStock,
}

fn yes() -> bool {
    true
}

#[allow(clippy::trivially_copy_pass_by_ref)] // The signature that serde requires.
fn is_false(flag: &bool) -> bool {
    !flag
}

/// Reads a world file with rows of some type.
fn read<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, WorldError> {
    // serde would also accept a list, and take its items for the members in their order.
    let first = json.iter().find(|byte| !byte.is_ascii_whitespace());
    let other = match first {
        Some(b'[') => Some("a list"),
        Some(b'"') => Some("a text"),
        Some(b'-' | b'0'..=b'9') => Some("a number"),
        _ => None,
    };
    if let Some(other) = other {
        return Err(WorldError(format!(
            "a world is an object, and this is {other}"
        )));
    }
    serde_json::from_slice(json).map_err(|error| WorldError(error.to_string()))
}

impl<'a> World<'a> {
    /// Parses a world file.
    pub fn from_json(json: &'a [u8]) -> Result<Self, WorldError> {
        read(json)
    }

    /// The world as compact JSON.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl Store {
    /// Loads a world into a new store.
    pub fn load(world: &World<'_>) -> Result<Self, WorldError> {
        let mut loading = Loading::begin(world)?;
        for row in &world.stocks {
            loading.take_stock(row)?;
        }
        for row in &world.reservations {
            loading.take_reservation(row)?;
        }
        loading.finish(world)
    }

    /// Loads the JSON of a world file. The rows are taken one by one, so that this takes
    /// little memory beside the file and the state.
    pub fn from_json(json: &[u8]) -> Result<Self, WorldError> {
        let frame: Frame = read(json)?;
        let mut loading = Loading::begin(&frame)?;
        let mut wrong = None;
        let rows = Rows {
            loading: &mut loading,
            wrong: &mut wrong,
        };
        let mut json = serde_json::Deserializer::from_slice(json);
        if let Err(error) = rows.deserialize(&mut json) {
            return Err(wrong.unwrap_or_else(|| WorldError(error.to_string())));
        }
        loading.finish(&frame)
    }

    /// Fills the empty indexes, each at once from its sorted keys.
    fn fill(&mut self) {
        let rows = |table: &Table| 0..Row::try_from(table.rows()).unwrap_or(Row::MAX);
        let mut skus: Vec<_> = rows(&self.table)
            .map(|row| {
                let (chunk, at) = self.table.locate(row);
                (chunk.sku[at].clone(), chunk.location[at], row)
            })
            .collect();
        skus.sort_unstable();
        self.by_sku = Index::from_sorted(skus);
        for column in Column::ALL {
            let mut keys: Vec<_> = rows(&self.table)
                .filter_map(|row| Some((self.key_of(&self.table.get(row), column)?, row)))
                .collect();
            keys.sort_unstable();
            self.columns[column as usize] = Index::from_sorted(keys);
        }
    }

    /// Dumps the whole state as a world. Loading that world gives an equal store.
    pub fn dump(&self) -> World<'_> {
        let last = Row::try_from(self.len()).unwrap_or(Row::MAX);
        self.dump_part(0..last, [0; 3], self.applied.iter_from(0))
    }

    /// Dumps the changed rows of this state as a world for [`Store::apply`].
    pub fn dump_changes<'s>(&'s self, changes: &'s Changes) -> World<'s> {
        let rows = changes.rows.iter().copied();
        self.dump_part(rows, changes.places_from, &changes.applied)
    }

    /// Dumps these stocks and reservations, and the places of each kind from an index on.
    pub(super) fn dump_part<'s>(
        &'s self,
        rows: impl Iterator<Item = Row>,
        [providers_from, locations_from, lists_from]: [usize; 3],
        applied: impl IntoIterator<Item = &'s Applied>,
    ) -> World<'s> {
        let places = &*self.places;
        let shown = |head: &Head| {
            (
                Some(head.id),
                Some(Moment(head.created)),
                Some(Moment(head.modified)),
            )
        };
        let providers = places
            .providers
            .iter()
            .skip(providers_from)
            .map(|provider| {
                let (id, created_date, modified_date) = shown(&provider.head);
                ProviderRow {
                    id,
                    created_date,
                    modified_date,
                    is_active: provider.head.is_active,
                    name: provider.head.name.to_string(),
                    code: Some(provider.head.code.to_string()),
                    should_add_reservations: provider.should_add_reservations,
                }
            });
        let locations = places
            .locations
            .iter()
            .skip(locations_from)
            .map(|location| {
                let (id, created_date, modified_date) = shown(&location.head);
                LocationRow {
                    id,
                    created_date,
                    modified_date,
                    is_active: location.head.is_active,
                    name: Some(location.head.name.to_string()),
                    code: location.head.code.to_string(),
                    provider: IdOrName::Id(places.providers[location.provider as usize].head.id),
                }
            });
        let code = |&at: &u32| places.locations[at as usize].head.code.to_string();
        let stock_lists = places.stock_lists.iter().skip(lists_from).map(|list| {
            let (id, created_date, modified_date) = shown(&list.head);
            StockListRow {
                id,
                created_date,
                modified_date,
                is_active: list.head.is_active,
                code: list.head.code.to_string(),
                name: Some(list.head.name.to_string()),
                remote_id: list.remote_id,
                stock_list_rule: list.stock_list_rule,
                locations: list
                    .locations
                    .as_ref()
                    .map(|locations| locations.iter().map(code).collect()),
            }
        });
        World {
            name: Some(self.name.to_string()),
            next_stock_id: Some(self.next_id),
            stock_id_step: Some(self.id_step),
            providers: providers.collect(),
            stock_locations: locations.collect(),
            stock_lists: stock_lists.collect(),
            stocks: rows.map(|row| self.dump_stock(row)).collect(),
            reservations: applied
                .into_iter()
                .map(|applied| self.dump_reservation(applied))
                .collect(),
            ..World::default()
        }
    }

    /// Applies the rows that [`Store::dump_changes`] gave, in a store that is equal to the
    /// earlier state.
    pub fn apply(&mut self, world: &World<'_>) -> Result<(), WorldError> {
        let at = world.at.map_or(DEFAULT_AT, |moment| moment.0);
        let places = load_places(Places::clone(&self.places), world, at)?;
        self.places = Arc::new(places);
        for stock in load_stocks(world, &self.places, at)? {
            match self.table.with_id(stock.id) {
                Some(row) => self.update(row, &stock),
                None => {
                    self.insert(&stock);
                }
            }
        }
        for (i, row) in world.reservations.iter().enumerate() {
            let applied = load_reservation(&self.places, row);
            self.keep_applied(
                applied.map_err(|why| WorldError(format!("reservations[{i}]: {why}")))?,
            );
        }
        self.next_id = world.next_stock_id.unwrap_or(self.next_id);
        Ok(())
    }

    pub(super) fn dump_stock(&self, row: Row) -> StockRow<'_> {
        let stock = self.table.get(row);
        let location = &self.places.locations[stock.location as usize];
        let provider = &self.places.providers[location.provider as usize];
        StockRow {
            id: Some(stock.id),
            created_date: Some(Moment(stock.created)),
            modified_date: Some(Moment(stock.modified)),
            stock_written_date: (stock.stock_written != stock.modified)
                .then_some(Moment(stock.stock_written)),
            period: stock.period.map(|period| match period {
                Period::Empty => PeriodRow::Empty { empty: true },
                Period::Range {
                    lower,
                    upper,
                    bounds,
                } => PeriodRow::Range {
                    lower: lower.map(Moment),
                    upper: upper.map(Moment),
                    bounds: Some(bounds.text().to_owned()),
                },
            }),
            stock_type: match stock.stock_type {
                StockType::Standard => StockTypeName::Standard,
                StockType::Scheduled => StockTypeName::Scheduled,
            },
            unit_type: match stock.unit_type {
                UnitType::Quantity => UnitTypeName::Quantity,
                UnitType::Kilogram => UnitTypeName::Kilogram,
            },
            provider: provider.head.name.as_str().into(),
            location: location.head.code.as_str().into(),
            stock: stock.stock,
            is_active: stock.is_active,
            sku: self.table.sku(row).as_str().into(),
            reserved_stock: stock.reserved,
        }
    }

    pub(super) fn dump_reservation(&self, applied: &Applied) -> ReservationRow {
        let location = &self.places.locations[applied.location as usize];
        let provider = &self.places.providers[location.provider as usize];
        ReservationRow {
            operation: match applied.direction {
                Direction::Increase => DirectionName::IncreaseReservedStock,
                Direction::Decrease => DirectionName::DecreaseReservedStock,
            },
            sku: applied.sku.to_string(),
            location: location.head.code.to_string(),
            provider: Some(provider.head.name.to_string()),
            date: match &applied.date {
                ReservationDate::At(at) => Moment(*at).text(),
                ReservationDate::Text(text) => text.to_string(),
            },
            opaque: matches!(applied.date, ReservationDate::Text(_)),
        }
    }
}

/// The largest id in a world file, which every JSON parser reads exactly. Counters have room
/// above it for more ids than a machine can create.
const LARGEST_ID: i64 = 1 << 53;

/// The largest step from one id to the next.
const LARGEST_STEP: i64 = 1_000_000;

/// 2023-05-10T00:00:00+03:00, the day of the page's examples.
const DEFAULT_AT: Timestamp = Timestamp::EPOCH.plus_seconds(1_683_666_000);

/// Adds the places of a world to those that are there.
fn load_places<S, R>(
    mut places: Places,
    world: &WorldOf<S, R>,
    at: Timestamp,
) -> Result<Places, WorldError> {
    for (i, row) in world.providers.iter().enumerate() {
        let fail = |why: RowError| WorldError(format!("providers[{i}]: {why}"));
        let head = head(
            &places,
            PlaceKind::Provider,
            (row.id, row.created_date, row.modified_date, row.is_active),
            Some(&row.name),
            row.code.as_deref(),
            at,
        )
        .map_err(fail)?;
        if places.provider_named(&head.name).is_some() {
            return Err(fail(RowError::TakenName(head.name)));
        }
        places.add_provider(Provider {
            head,
            should_add_reservations: row.should_add_reservations,
        });
    }
    for (i, row) in world.stock_locations.iter().enumerate() {
        let fail = |why: RowError| WorldError(format!("stock_locations[{i}]: {why}"));
        let head = head(
            &places,
            PlaceKind::Location,
            (row.id, row.created_date, row.modified_date, row.is_active),
            row.name.as_deref(),
            Some(&row.code),
            at,
        )
        .map_err(fail)?;
        let provider = match &row.provider {
            IdOrName::Id(id) => places.with_id(PlaceKind::Provider, *id),
            IdOrName::Name(name) => places.provider_named(name),
        };
        let provider = provider.ok_or_else(|| {
            fail(match &row.provider {
                IdOrName::Id(id) => RowError::NoProviderWithId(*id),
                IdOrName::Name(name) => RowError::NoProvider(name.clone()),
            })
        })?;
        places.add_location(Location { head, provider });
    }
    for (i, row) in world.stock_lists.iter().enumerate() {
        let fail = |why: RowError| WorldError(format!("stock_lists[{i}]: {why}"));
        let head = head(
            &places,
            PlaceKind::StockList,
            (row.id, row.created_date, row.modified_date, row.is_active),
            row.name.as_deref(),
            Some(&row.code),
            at,
        )
        .map_err(fail)?;
        let position = |code: &String| {
            places
                .location_coded(code)
                .ok_or_else(|| fail(RowError::NoLocation(code.clone())))
        };
        let locations = row.locations.as_ref().map(|codes| {
            let mut locations: Vec<u32> = codes.iter().map(position).collect::<Result<_, _>>()?;
            locations.sort_unstable();
            Ok(locations)
        });
        let locations = locations.transpose()?;
        places.add_stock_list(StockList {
            head,
            remote_id: row.remote_id,
            stock_list_rule: row.stock_list_rule,
            locations,
        });
    }
    Ok(places)
}

type RowHead = (Option<i64>, Option<Moment>, Option<Moment>, bool);

fn head(
    places: &Places,
    kind: PlaceKind,
    (id, created, modified, is_active): RowHead,
    name: Option<&str>,
    code: Option<&str>,
    at: Timestamp,
) -> Result<Head, RowError> {
    let (name, code) = (name.or(code), code.or(name));
    let (name, code) = (name.unwrap_or_default(), code.unwrap_or_default());
    if name.is_empty() || code.is_empty() {
        return Err(RowError::Unnamed);
    }
    let next = places.next_id(kind);
    let id = id.unwrap_or(next);
    if id > LARGEST_ID {
        return Err(RowError::IdTooHigh(id));
    }
    if id < next {
        return Err(RowError::IdTooLow { id, last: next - 1 });
    }
    if places.coded(kind, code).is_some() {
        return Err(RowError::TakenCode(code.to_owned()));
    }
    let created = created.map_or(at, |moment| moment.0);
    Ok(Head {
        id,
        created,
        modified: modified.map_or(created, |moment| moment.0),
        is_active,
        name: name.into(),
        code: code.into(),
    })
}

/// A state that is loaded row by row.
struct Loading {
    places: Places,
    at: Timestamp,
    id_step: i64,
    table: Table,
    /// Id of the stock before.
    last_id: i64,
    is_sorted: bool,
    applied: Index<Applied>,
    reservations: usize,
}

impl Loading {
    fn begin<S, R>(world: &WorldOf<S, R>) -> Result<Self, WorldError> {
        let at = world.at.map_or(DEFAULT_AT, |moment| moment.0);
        let id_step = world.stock_id_step.unwrap_or(1);
        if !(1..=LARGEST_STEP).contains(&id_step) {
            return Err(WorldError(format!(
                "stock_id_step is {id_step}, but ids rise by 1 to {LARGEST_STEP}"
            )));
        }
        Ok(Self {
            places: load_places(Places::default(), world, at)?,
            at,
            id_step,
            table: Table::default(),
            last_id: 0,
            is_sorted: true,
            applied: Index::default(),
            reservations: 0,
        })
    }

    fn take_stock(&mut self, row: &StockRow<'_>) -> Result<(), WorldError> {
        let i = self.table.rows();
        let next_id = self.last_id + self.id_step;
        let stock = load_stock(row, &self.places, (self.at, next_id))
            .map_err(|why| WorldError(format!("stocks[{i}]: {why}")))?;
        self.is_sorted &= stock.id > self.last_id;
        self.last_id = stock.id;
        self.table.push(&stock);
        Ok(())
    }

    fn take_reservation(&mut self, row: &ReservationRow) -> Result<(), WorldError> {
        let i = self.reservations;
        let applied = load_reservation(&self.places, row)
            .map_err(|why| WorldError(format!("reservations[{i}]: {why}")))?;
        self.applied.insert(applied);
        self.reservations += 1;
        Ok(())
    }

    fn finish<S, R>(mut self, world: &WorldOf<S, R>) -> Result<Store, WorldError> {
        if !self.is_sorted {
            self.sort()?;
        }
        let (last_id, id_step) = (self.last_id, self.id_step);
        let next_id = world.next_stock_id.unwrap_or(last_id + id_step);
        if next_id > LARGEST_ID {
            return Err(WorldError(format!(
                "next_stock_id is {next_id}, but ids go up to {LARGEST_ID}"
            )));
        }
        if next_id <= last_id {
            return Err(WorldError(format!(
                "next_stock_id is {next_id}, but the last stock has id {last_id}"
            )));
        }
        let mut store = Store {
            name: SmolStr::new(world.name.as_deref().unwrap_or("unnamed")),
            table: self.table,
            by_sku: Index::default(),
            columns: Default::default(),
            places: Arc::new(self.places),
            applied: self.applied,
            next_id,
            id_step,
        };
        store.fill();
        Ok(store)
    }

    fn sort(&mut self) -> Result<(), WorldError> {
        let table = std::mem::take(&mut self.table);
        let rows = 0..Row::try_from(table.rows()).unwrap_or(Row::MAX);
        let stocks = sorted(rows.map(|row| table.get(row)).collect())?;
        drop(table);
        self.last_id = stocks.last().map_or(0, |stock| stock.id);
        for stock in &stocks {
            self.table.push(stock);
        }
        Ok(())
    }
}

/// The rows of a world file, handed over as they are read.
struct Rows<'l> {
    loading: &'l mut Loading,
    /// The reason why a row was not taken.
    wrong: &'l mut Option<WorldError>,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Member {
    Stocks,
    Reservations,
    #[serde(other)]
    Other,
}

impl<'de> DeserializeSeed<'de> for Rows<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> serde::de::Visitor<'de> for Rows<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a world")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Self { loading, wrong } = self;
        while let Some(member) = members.next_key()? {
            match member {
                Member::Stocks => members.next_value_seed(Each::new(|row: StockRow<'de>| {
                    loading.take_stock(&row).map_err(|why| *wrong = Some(why))
                }))?,
                Member::Reservations => {
                    members.next_value_seed(Each::new(|row: ReservationRow| {
                        let taken = loading.take_reservation(&row);
                        taken.map_err(|why| *wrong = Some(why))
                    }))?;
                }
                Member::Other => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// Hands over each row of a list until one is not taken.
struct Each<T, F> {
    take: F,
    row: PhantomData<T>,
}

impl<T, F: FnMut(T) -> Result<(), ()>> Each<T, F> {
    fn new(take: F) -> Self {
        let row = PhantomData;
        Self { take, row }
    }
}

impl<'de, T, F> DeserializeSeed<'de> for Each<T, F>
where
    T: Deserialize<'de>,
    F: FnMut(T) -> Result<(), ()>,
{
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T, F> serde::de::Visitor<'de> for Each<T, F>
where
    T: Deserialize<'de>,
    F: FnMut(T) -> Result<(), ()>,
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut rows: A) -> Result<(), A::Error> {
        while let Some(row) = rows.next_element()? {
            (self.take)(row).map_err(|()| A::Error::custom("a row is wrong"))?;
        }
        Ok(())
    }
}

/// The stocks of a world, ordered by id.
fn load_stocks(
    world: &World<'_>,
    places: &Places,
    at: Timestamp,
) -> Result<Vec<Stock>, WorldError> {
    let mut stocks: Vec<Stock> = Vec::with_capacity(world.stocks.len());
    let step = world.stock_id_step.unwrap_or(1);
    for (i, row) in world.stocks.iter().enumerate() {
        let next_id = stocks.last().map_or(0, |stock| stock.id) + step;
        let stock = load_stock(row, places, (at, next_id));
        stocks.push(stock.map_err(|why| WorldError(format!("stocks[{i}]: {why}")))?);
    }
    sorted(stocks)
}

/// Stocks in the order of ids, of which no two are equal.
fn sorted(mut stocks: Vec<Stock>) -> Result<Vec<Stock>, WorldError> {
    if !stocks.is_sorted_by(|a, b| a.id < b.id) {
        stocks.sort_by_key(|stock| stock.id);
        if let Some(pair) = stocks.windows(2).find(|pair| pair[0].id == pair[1].id) {
            return Err(WorldError(format!("two stocks have the id {}", pair[0].id)));
        }
    }
    Ok(stocks)
}

/// A stock, given the moment and the id of one that names none.
fn load_stock(
    row: &StockRow<'_>,
    places: &Places,
    (at, next_id): (Timestamp, i64),
) -> Result<Stock, RowError> {
    let location = places
        .location_coded(&row.location)
        .ok_or_else(|| RowError::NoLocation(row.location.to_string()))?;
    let provider = places.locations[location as usize].provider;
    let owner = &places.providers[provider as usize].head.name;
    if owner.as_str() != row.provider {
        return Err(RowError::OtherOwner {
            location: row.location.to_string(),
            owner: owner.clone(),
            named: row.provider.to_string(),
        });
    }
    if row.sku.is_empty() {
        return Err(RowError::EmptySku);
    }
    let id = row.id.unwrap_or(next_id);
    if !(1..=LARGEST_ID).contains(&id) {
        return Err(RowError::StockId(id));
    }
    let created = row.created_date.map_or(at, |moment| moment.0);
    let modified = row.modified_date.map_or(created, |moment| moment.0);
    Ok(Stock {
        id,
        created,
        modified,
        stock_written: row.stock_written_date.map_or(modified, |moment| moment.0),
        period: row.period.as_ref().map(load_period).transpose()?,
        stock_type: match row.stock_type {
            StockTypeName::Standard => StockType::Standard,
            StockTypeName::Scheduled => StockType::Scheduled,
        },
        unit_type: match row.unit_type {
            UnitTypeName::Quantity => UnitType::Quantity,
            UnitTypeName::Kilogram => UnitType::Kilogram,
        },
        location,
        stock: row.stock,
        is_active: row.is_active,
        sku: SmolStr::new(&row.sku),
        reserved: row.reserved_stock,
    })
}

fn load_reservation(places: &Places, row: &ReservationRow) -> Result<Applied, RowError> {
    let location = places
        .location_coded(&row.location)
        .ok_or_else(|| RowError::NoLocation(row.location.clone()))?;
    let provider = places.locations[location as usize].provider;
    let owner = &places.providers[provider as usize].head.name;
    if let Some(named) = &row.provider
        && owner != named.as_str()
    {
        return Err(RowError::OtherOwner {
            location: row.location.clone(),
            owner: owner.clone(),
            named: named.clone(),
        });
    }
    Ok(Applied {
        sku: row.sku.as_str().into(),
        location,
        direction: match row.operation {
            DirectionName::IncreaseReservedStock => Direction::Increase,
            DirectionName::DecreaseReservedStock => Direction::Decrease,
        },
        date: match Timestamp::parse(&row.date, UtcOffset::PAGE)
            .or_else(|_| Timestamp::parse_with_offset(&row.date))
        {
            Ok(at) if !row.opaque => ReservationDate::At(at),
            _ => ReservationDate::Text(row.date.as_str().into()),
        },
    })
}

fn load_period(row: &PeriodRow) -> Result<Period, RowError> {
    match row {
        PeriodRow::Empty { empty: true } => Ok(Period::Empty),
        PeriodRow::Empty { empty: false } => Err(RowError::EmptyPeriod),
        PeriodRow::Range {
            lower,
            upper,
            bounds,
        } => {
            let bounds = match bounds {
                None => Bounds::DEFAULT,
                Some(text) => Bounds::parse(text).ok_or_else(|| RowError::Bounds(text.clone()))?,
            };
            let (lower, upper) = (lower.map(|m| m.0), upper.map(|m| m.0));
            if lower.is_some() && upper.is_some() && lower > upper {
                return Err(RowError::PeriodEndsFirst);
            }
            Ok(Period::Range {
                lower,
                upper,
                bounds,
            }
            .stored())
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::assets;

    /// The state, or the reason, by either way of loading; the two agree.
    #[track_caller]
    fn loaded(json: &str) -> Result<String, WorldError> {
        let json = json.as_bytes();
        let dumped = |store: Store| String::from_utf8(store.dump().to_json()).unwrap();
        let at_once = World::from_json(json).and_then(|world| Store::load(&world));
        let at_once = at_once.map(dumped);
        let by_row = Store::from_json(json).map(dumped);
        let [one, other] = [&by_row, &at_once].map(|way| way.as_ref().map_err(ToString::to_string));
        assert_eq!(one, other, "{}", String::from_utf8_lossy(json));
        by_row
    }

    #[test]
    fn the_built_in_worlds_load_row_by_row() {
        for json in assets::world_names().filter_map(assets::world) {
            loaded(json).unwrap();
        }
    }

    const PLACES: &str =
        r#""providers":[{"name":"p"}],"stock_locations":[{"code":"l","provider":"p"}]"#;
    const STOCK: &str = r#""provider":"p","location":"l","stock":1"#;

    #[test]
    fn members_come_in_any_order_and_stocks_by_their_ids() {
        let stocks = format!(
            r#"[{{"id":9,"sku":"A",{STOCK}}},{{"id":2,"sku":"B",{STOCK}}},{{"sku":"C",{STOCK}}}]"#
        );
        let applied =
            r#"[{"operation":"increase-reserved-stock","sku":"A","location":"l","date":"d"}]"#;
        let first = loaded(&format!(
            r#"{{"stocks":{stocks},"reservations":{applied},{PLACES}}}"#
        ))
        .unwrap();
        let last = loaded(&format!(
            r#"{{{PLACES},"reservations":{applied},"stocks":{stocks}}}"#
        ))
        .unwrap();
        assert_eq!(first, last);
        let store = Store::from_json(first.as_bytes()).unwrap();
        let skus: Vec<_> = (0..3).map(|row| store.stock(row).sku).collect();
        assert_eq!(skus, ["B", "C", "A"]);
    }

    #[rstest]
    #[case("", "EOF while parsing a value at line 1 column 0")]
    #[case("[]", "a world is an object, and this is a list")]
    #[case("true", "invalid type: boolean `true`, expected an object at line 1")]
    #[case(r#"{"stock":[]}"#, "unknown field `stock`, expected one of `$schema`")]
    #[case(
        r#"{"stocks":5}"#,
        "invalid type: integer `5`, expected a sequence at line 1 column 11"
    )]
    #[case(
        r#"{"stocks":[{"stock":"5"}]}"#,
        "invalid type: string \"5\", expected i32 at line 1 column 23"
    )]
    #[case(
        r#"{"stocks":[],"stocks":[]}"#,
        "duplicate field `stocks` at line 1 column 21"
    )]
    #[case(r#"{"stocks":[{"sku":"A",S}]}"#, "stocks[0]: there is no location `l`")]
    #[case(
        r#"{P,"stocks":[{"sku":"A",S},{"sku":"",S}]}"#,
        "stocks[1]: the sku is empty"
    )]
    #[case(
        r#"{P,"stocks":[{"id":2,"sku":"A",S},{"id":2,"sku":"B",S}]}"#,
        "two stocks have the id 2"
    )]
    #[case(
        r#"{P,"next_stock_id":1,"stocks":[{"sku":"A",S}]}"#,
        "next_stock_id is 1, but the last stock has id 1"
    )]
    #[case(r#"{"reservations":[{"operation":"increase-reserved-stock","sku":"A","location":"l","date":"d"}]}"#, "reservations[0]: there is no location `l`")]
    fn a_world_that_does_not_load_says_why(#[case] json: &str, #[case] expected: &str) {
        let json = json
            .replace("{P,", &format!("{{{PLACES},"))
            .replace(",S}", &format!(",{STOCK}}}"));
        let why = loaded(&json).unwrap_err().to_string();
        assert!(why.starts_with(expected), "{why}");
    }
}
