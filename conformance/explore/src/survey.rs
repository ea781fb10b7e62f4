//! The initial state of an exploration: the target's places as the world of the oracle and, where
//! nothing may be written, the stocks to read.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use whippy_engine::members;
use whippy_engine::model::time::UtcOffset;
use whippy_engine::store::Store;

use super::player::Player;
use super::random::Random;
use super::{ExploreError, Options};
use crate::oracle::{StartState, UNKNOWN_NAME};
use crate::steps::{Body, Names, Operation, SKUS, Step};
use whippy_probe::probe::{Ask, PROVIDER_NAME, Session};
use whippy_probe::scope::moment;
use whippy_probe::text::other_case;

/// The most places of each kind that are read.
const MOST_PLACES: usize = 1000;

/// The most pages of places that are read.
const MOST_PAGES: usize = 200;

/// The most stocks of one SKU that a reading sequence uses.
const MOST_STOCKS: usize = 50;

/// The number of stocks from which SKUs are chosen.
const SAMPLE: usize = 100;

/// Names from the cases that a sequence may use.
const NAMES: [&str; 8] = [
    "provider",
    PROVIDER_NAME,
    "provider-id",
    "location",
    "second-location",
    "foreign-location",
    "opted-out-provider",
    "opted-out-location",
];

/// The places and stocks of the target.
pub(super) struct Survey {
    /// The places, by their names in cases.
    pub(super) names: Names,
    pub(super) start: StartState,
    places: Places,
    /// Existing SKUs, for sequences that only read.
    skus: Vec<String>,
    /// The stocks of the present sequence, as they were at its beginning.
    stocks: Vec<Value>,
    seed: u64,
}

/// The providers, locations and lists that the target shows.
#[derive(Default)]
struct Places {
    providers: Vec<Value>,
    locations: Vec<Value>,
    lists: Vec<Value>,
}

impl Survey {
    /// Reads the places of the target.
    pub(super) fn take(
        session: &Session,
        player: &mut Player<'_>,
        options: &Options,
    ) -> Result<Self, ExploreError> {
        let mut names = Names::default();
        for name in NAMES {
            match session.environment.get(name) {
                Some(Value::String(text)) => names.set(name, text.as_str()),
                Some(other) => names.set(name, other.to_string()),
                None => {}
            }
        }
        let mut places = Places {
            providers: all(session, "/api/v1/providers/", MOST_PLACES),
            locations: all(session, "/api/v1/stock-locations/", MOST_PLACES),
            lists: Vec::new(),
        };
        if names.get(PROVIDER_NAME).is_some() {
            places.name_by_code();
        }
        let stocks = all(session, "/api/v1/stocks/", SAMPLE);
        places.complete(&names, &stocks)?;
        places.name_parts(&mut names);
        let dated = places.providers.iter().chain(&stocks);
        let local = dated
            .filter_map(|row| moment(row["created_date"].as_str()?))
            .map(|(_, offset)| offset)
            .next();
        let mut survey = Self {
            start: StartState {
                store: places.world(&[])?,
                local: local.unwrap_or(UtcOffset::PAGE),
                is_exclusive: options.is_exclusive,
                known: Vec::new(),
            },
            names,
            skus: skus_of(&stocks, &places),
            places,
            stocks: Vec::new(),
            seed: options.seed,
        };
        if options.writes {
            for needed in ["provider", "location"] {
                if survey.names.get(needed).is_none() {
                    return Err(ExploreError::Needs(needed));
                }
            }
            if let Some(id) = session.environment.get("stock-list") {
                survey.survey_list(session, player, &id.to_string())?;
            }
        } else if survey.skus.is_empty() {
            return Err(ExploreError::NoStock);
        }
        Ok(survey)
    }

    /// Finds the locations of a stock list, with a stock at each. If they cannot be found, the list
    /// is not used.
    fn survey_list(
        &mut self,
        session: &Session,
        player: &mut Player<'_>,
        id: &str,
    ) -> Result<(), ExploreError> {
        let mut locations = Vec::new();
        let pairs = [
            ("provider", "location"),
            ("provider", "second-location"),
            ("opted-out-provider", "opted-out-location"),
        ];
        let mut names = self.names.clone();
        names.set("stock-list", id);
        for (provider, location) in pairs {
            let Some(code) = names.get(location).map(str::to_owned) else {
                continue;
            };
            names.set("sku", session.fresh_sku());
            let stock = json!({
                "sku": "${sku}", "provider": format!("${{{provider}}}"),
                "location": format!("${{{location}}}"), "stock": 1,
            });
            let step = |operation, query, body| Step {
                name: 0,
                operation,
                query,
                body: Body::Json(body),
            };
            let created = player.ask(&step(Operation::Create, Vec::new(), stock), &names);
            if created.is_none_or(|answer| answer.status != 201) {
                return Ok(());
            }
            let limit = vec![("limit".to_owned(), "1000".to_owned())];
            let asked = step(Operation::Active, limit, json!({"sku": "${sku}"}));
            let Some(answer) = player.ask(&asked, &names).filter(|a| a.status == 200) else {
                return Ok(());
            };
            let page = answer.body.unwrap_or_default();
            let sku = Value::from(names.get("sku").unwrap_or_default());
            let shown = page["results"].as_array().into_iter().flatten();
            if shown.into_iter().any(|row| row["sku"] == sku) {
                locations.push(Value::from(code));
            } else if !page["next"].is_null() {
                return Ok(());
            }
        }
        self.names.set("stock-list", id);
        let id = id.parse::<i64>().unwrap_or(1);
        self.places.lists = vec![json!({
            "id": id, "code": "list", "name": "list", "locations": locations,
        })];
        self.start.store = self.places.world(&[])?;
        Ok(())
    }

    /// Reads the stocks of some SKUs again, for a sequence that only reads.
    pub(super) fn look_again(
        &mut self,
        session: &Session,
        number: u64,
    ) -> Result<Names, ExploreError> {
        let mut random = Random::of(self.seed ^ 0x5151, number);
        let mut names = self.names.clone();
        for name in SKUS {
            let sku = self.skus[random.below(self.skus.len())].clone();
            names.set(name, sku);
        }
        let sku = names.get("sku").map(other_case).unwrap_or_default();
        names.set("sku-of-other-case", sku);
        self.stocks = Self::stocks_of(session, &names)?;
        let store = self.places.world(&self.stocks)?;
        self.start = StartState {
            store,
            known: self.stocks.clone(),
            ..self.start.clone()
        };
        Ok(names)
    }

    /// Returns `true` if the stocks have changed since the sequence began.
    pub(super) fn has_moved(&self, session: &Session, names: &Names) -> bool {
        Self::stocks_of(session, names).is_ok_and(|stocks| stocks != self.stocks)
    }

    fn stocks_of(session: &Session, names: &Names) -> Result<Vec<Value>, ExploreError> {
        let skus: BTreeSet<&str> = SKUS.iter().filter_map(|name| names.get(name)).collect();
        let mut stocks = Vec::new();
        for sku in skus {
            let ask = Ask::get("/api/v1/stocks/")
                .with("sku", sku)
                .with("limit", MOST_STOCKS);
            let answer = session
                .send_unjudged(&ask)
                .map_err(|stop| ExploreError::Unseen(sku.to_owned(), stop))?;
            let own = rows(answer.body).into_iter();
            stocks.extend(own.filter(|row| row["sku"] == sku));
        }
        stocks.sort_by_key(|row| row["id"].as_i64());
        Ok(stocks)
    }
}

/// Returns SKUs for sequences: with few stocks each, at known places.
fn skus_of(stocks: &[Value], places: &Places) -> Vec<String> {
    let is_placed = |row: &&Value| {
        let mut locations = places.locations.iter();
        locations.any(|location| location["code"] == row["location"])
    };
    let skus = stocks.iter().filter(is_placed);
    let skus: BTreeSet<String> = skus
        .filter_map(|row| row["sku"].as_str().map(str::to_owned))
        .filter(|sku| !sku.is_empty() && sku.trim() == sku && !sku.contains(','))
        .collect();
    skus.into_iter().collect()
}

/// Reads up to `most` rows of a list, from as many pages as necessary.
fn all(session: &Session, path: &str, most: usize) -> Vec<Value> {
    let mut found = Vec::new();
    for page in 1..=MOST_PAGES {
        let mut ask = Ask::get(path).with("limit", most);
        if page > 1 {
            ask = ask.with("page", page);
        }
        let Ok(answer) = session.send_unjudged(&ask) else {
            break;
        };
        let body = answer.body.filter(|_| answer.status == 200);
        let is_last = body.as_ref().is_none_or(|page| page["next"].is_null());
        found.extend(rows(body));
        if is_last || found.len() >= most {
            break;
        }
    }
    found
}

fn rows(body: Option<Value>) -> Vec<Value> {
    match body {
        Some(Value::Object(mut page)) => match page.remove("results") {
            Some(Value::Array(rows)) => rows,
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

impl Places {
    /// Gives providers their codes as names: the engine's stocks show the name, and the target's
    /// show the code.
    fn name_by_code(&mut self) {
        for provider in &mut self.providers {
            provider["name"] = provider["code"].clone();
        }
    }

    /// Adds places that the target has, but does not show in its lists of places.
    fn complete(&mut self, names: &Names, stocks: &[Value]) -> Result<(), ExploreError> {
        let foreign = "(another provider)";
        let mut pairs: Vec<(String, String)> = Vec::new();
        for (provider, location) in [
            ("provider", "location"),
            ("provider", "second-location"),
            ("opted-out-provider", "opted-out-location"),
            ("", "foreign-location"),
        ] {
            if let Some(code) = names.get(location) {
                let provider = names.get(provider).unwrap_or(foreign);
                pairs.push((provider.to_owned(), code.to_owned()));
            }
        }
        for row in stocks {
            if let (Some(provider), Some(code)) =
                (row["provider"].as_str(), row["location"].as_str())
            {
                pairs.push((provider.to_owned(), code.to_owned()));
            }
        }
        let next = |rows: &[Value]| {
            let ids = rows.iter().filter_map(|row| row["id"].as_i64());
            ids.max().unwrap_or(0) + 1
        };
        for (provider, code) in pairs {
            if self.locations.iter().any(|row| row["code"] == *code) {
                continue;
            }
            let known = self.providers.iter().find(|row| row["name"] == *provider);
            let id = if let Some(known) = known {
                known["id"].as_i64().unwrap_or_default()
            } else {
                let id = names
                    .get("provider-id")
                    .filter(|_| names.get("provider") == Some(&provider))
                    .and_then(|id| id.parse().ok())
                    .unwrap_or_else(|| next(&self.providers));
                self.providers
                    .push(json!({"id": id, "name": provider, "code": provider}));
                id
            };
            let at = next(&self.locations);
            self.locations.push(json!({
                "id": at, "code": code, "name": UNKNOWN_NAME, "provider": id,
            }));
        }
        if self.providers.is_empty() {
            return Err(ExploreError::NoProvider);
        }
        Ok(())
    }

    /// Sets names and codes in another case, and in part, which filters may or may not accept.
    fn name_parts(&self, names: &mut Names) {
        let shown = |rows: &[Value], by: &str, text: Option<&str>| {
            let row = rows.iter().find(|row| row[by].as_str() == text);
            let name = row.and_then(|row| row["name"].as_str());
            name.filter(|name| *name != UNKNOWN_NAME).map(str::to_owned)
        };
        let (provider, code) = (names.get("provider"), names.get("location"));
        let parts = [
            (
                "location-name-part",
                shown(&self.locations, "code", code).map(|name| part(&name)),
            ),
            (
                "provider-name-part",
                shown(&self.providers, "name", provider).map(|name| part(&name)),
            ),
            ("location-of-other-case", code.map(other_case)),
            ("provider-of-other-case", provider.map(other_case)),
            ("location-part", code.map(part)),
            ("provider-part", provider.map(part)),
        ];
        for (name, text) in parts {
            if let Some(text) = text.filter(|text| !text.trim().is_empty()) {
                names.set(name, text);
            }
        }
    }

    /// Returns the places as a world, with these stocks in it.
    fn world(&self, stocks: &[Value]) -> Result<Store, ExploreError> {
        let kept = |rows: &[Value], members: &[&str]| -> Vec<Value> {
            let mut rows: Vec<Value> = rows
                .iter()
                .map(|row| {
                    let kept = members.iter().filter(|name| row.get(**name).is_some());
                    kept.map(|name| ((*name).to_owned(), row[*name].clone()))
                        .collect()
                })
                .collect();
            rows.sort_by_key(|row| row["id"].as_i64());
            rows
        };
        let providers = ["id", "name", "code", "is_active", "should_add_reservations"];
        let locations = ["id", "name", "code", "provider", "is_active"];
        let lists = ["id", "name", "code", "locations"];
        let stock: Vec<_> = members::STOCK.iter().map(|member| member.name).collect();
        let world = json!({
            "name": "explored",
            "providers": kept(&self.providers, &providers),
            "stock_locations": kept(&self.locations, &locations),
            "stock_lists": kept(&self.lists, &lists),
            "stocks": kept(stocks, &stock),
        });
        let json = world.to_string();
        Store::from_json(json.as_bytes()).map_err(ExploreError::World)
    }
}

/// Returns the middle of a text, in the other case.
fn part(text: &str) -> String {
    let count = text.chars().count();
    let middle: String = text.chars().skip(1).take(count.saturating_sub(2)).collect();
    other_case(middle.trim())
}
