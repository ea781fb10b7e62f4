//! The tables of providers, locations and stock lists, with lookups by index, name and code.

use std::collections::HashMap;

use smol_str::SmolStr;

use crate::model::place::{Head, Location, Provider, StockList};

/// The kinds of place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceKind {
    /// A provider.
    Provider,
    /// A stock location.
    Location,
    /// A stock list.
    StockList,
}

/// All places. Each kind is in the order of ids, and an index into its list never changes.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// The providers, ordered by id.
    pub providers: Vec<Provider>,
    /// The locations, ordered by id.
    pub locations: Vec<Location>,
    /// The stock lists, ordered by id.
    pub stock_lists: Vec<StockList>,
    providers_by_name: HashMap<SmolStr, u32>,
    /// Indexes by code, one map for each [`PlaceKind`].
    by_code: [HashMap<SmolStr, u32>; 3],
}

impl Places {
    /// The names of the locations, in the order of their indexes.
    pub fn location_names(&self) -> impl Iterator<Item = &str> + Clone {
        self.locations
            .iter()
            .map(|location| location.head.name.as_str())
    }

    /// The names of the providers, in the order of their indexes.
    pub fn provider_names(&self) -> impl Iterator<Item = &str> + Clone {
        self.providers
            .iter()
            .map(|provider| provider.head.name.as_str())
    }

    /// The index of the provider with this name.
    pub fn provider_named(&self, name: &str) -> Option<u32> {
        self.providers_by_name.get(name).copied()
    }

    /// The index of the place of a kind with this code.
    pub fn coded(&self, kind: PlaceKind, code: &str) -> Option<u32> {
        self.by_code[kind as usize].get(code).copied()
    }

    /// The index of the location with this code.
    pub fn location_coded(&self, code: &str) -> Option<u32> {
        self.coded(PlaceKind::Location, code)
    }

    /// The index of the place of a kind with this id.
    pub fn with_id(&self, kind: PlaceKind, id: i64) -> Option<u32> {
        // The lists are sorted by id, since ids only rise.
        let found = match kind {
            PlaceKind::Provider => self.providers.binary_search_by_key(&id, |p| p.head.id),
            PlaceKind::Location => self.locations.binary_search_by_key(&id, |l| l.head.id),
            PlaceKind::StockList => self.stock_lists.binary_search_by_key(&id, |l| l.head.id),
        };
        found.ok().map(position)
    }

    /// The number of places of a kind.
    pub fn count(&self, kind: PlaceKind) -> usize {
        match kind {
            PlaceKind::Provider => self.providers.len(),
            PlaceKind::Location => self.locations.len(),
            PlaceKind::StockList => self.stock_lists.len(),
        }
    }

    /// The id for the next place of a kind.
    pub fn next_id(&self, kind: PlaceKind) -> i64 {
        let last = match kind {
            PlaceKind::Provider => self.providers.last().map(|p| &p.head),
            PlaceKind::Location => self.locations.last().map(|l| &l.head),
            PlaceKind::StockList => self.stock_lists.last().map(|l| &l.head),
        };
        last.map_or(1, |head| head.id + 1)
    }

    /// Appends a provider. Returns its index.
    pub fn add_provider(&mut self, provider: Provider) -> u32 {
        let at = self.index(PlaceKind::Provider, &provider.head);
        self.providers_by_name
            .insert(provider.head.name.clone(), at);
        self.providers.push(provider);
        at
    }

    /// Appends a location. Returns its index.
    pub fn add_location(&mut self, location: Location) -> u32 {
        let at = self.index(PlaceKind::Location, &location.head);
        self.locations.push(location);
        at
    }

    /// Appends a stock list. Returns its index.
    pub fn add_stock_list(&mut self, list: StockList) -> u32 {
        let at = self.index(PlaceKind::StockList, &list.head);
        self.stock_lists.push(list);
        at
    }

    /// Enters the code of a place that is about to be appended. Returns its index.
    fn index(&mut self, kind: PlaceKind, head: &Head) -> u32 {
        let at = position(self.count(kind));
        self.by_code[kind as usize].insert(head.code.clone(), at);
        at
    }
}

fn position(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
