//! The places for the checks: a provider with its locations, a location of another provider, a
//! stock list. The user names them, the run creates them, or they are found at the target.

use std::fmt;

use serde_json::{Value, json};

use crate::cases::probe::{Answer, Ask, Session, Stop};
use crate::report::one_line;

/// The places that the user named.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// The provider's name.
    pub provider: Option<String>,
    /// The code of a location of the provider.
    pub location: Option<String>,
    /// The code of another location of the provider.
    pub second_location: Option<String>,
    /// The code of a location of another provider.
    pub foreign_location: Option<String>,
    /// The id of a stock list.
    pub stock_list: Option<i64>,
    /// Is true to create places for the run, which stay.
    pub create_places: bool,
}

/// Rows of a page of places.
const SAMPLE: u32 = 100;

/// The most pages of a list that are read to find a place that was named.
const MOST_PAGES: u32 = 50;

/// The most names that a sentence lists.
const MOST_NAMES: usize = 20;

/// Reasons why the places cannot be settled.
#[derive(Debug)]
pub enum Unsettled {
    /// The target did not answer.
    Unanswered(Stop),
    /// The user named a place that does not exist, or is not where it should be.
    Misnamed(Misnamed),
}

impl From<Stop> for Unsettled {
    fn from(stop: Stop) -> Self {
        Self::Unanswered(stop)
    }
}

/// A place that the user named and that the target lacks. Its `Display` is a sentence that begins
/// with the flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misnamed {
    /// There is no such place.
    Unknown {
        /// The flag that named it.
        flag: &'static str,
        /// `provider`, `location` or `stock list`.
        kind: &'static str,
        /// The name, code or id.
        name: String,
        /// The existing ones.
        there: Vec<String>,
    },
    /// The location exists, but belongs to a wrong provider.
    Elsewhere {
        /// The flag that named it.
        flag: &'static str,
        /// The location's code.
        code: String,
        /// The provider that it belongs to.
        provider: String,
        /// The provider that it must belong to.
        expected: Option<String>,
    },
    /// Two flags name the same location.
    Same {
        /// The location's code.
        code: String,
    },
}

impl fmt::Display for Misnamed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown {
                flag,
                kind,
                name,
                there,
            } => {
                let shown = one_line(name);
                write!(f, "{flag} {shown}: there is no {kind} `{shown}`; ")?;
                if there.is_empty() {
                    return f.write_str("there are none");
                }
                let names = there.iter().take(MOST_NAMES).map(|name| one_line(name));
                write!(f, "there are: {}", names.collect::<Vec<_>>().join(", "))?;
                match there.len().saturating_sub(MOST_NAMES) {
                    0 => Ok(()),
                    more => write!(f, " and {more} more"),
                }
            }
            Self::Elsewhere {
                flag,
                code,
                provider,
                expected,
            } => {
                let (code, provider) = (one_line(code), one_line(provider));
                write!(
                    f,
                    "{flag} {code}: location `{code}` is of provider `{provider}`, "
                )?;
                match expected {
                    Some(expected) => write!(f, "not of `{}`", one_line(expected)),
                    None => f.write_str("and it takes one of another provider"),
                }
            }
            Self::Same { code } => {
                let code = one_line(code);
                write!(
                    f,
                    "--second-location {code}: --location is `{code}` too: give another"
                )
            }
        }
    }
}

impl std::error::Error for Misnamed {}

/// A provider that the target shows.
struct Provider {
    name: String,
    id: Option<i64>,
    is_active: bool,
}

/// A location and its provider.
struct Place {
    code: String,
    provider: String,
    is_active: bool,
}

/// The places at the target.
#[derive(Default)]
struct Places {
    /// The providers, those that count reservations first.
    providers: Vec<Provider>,
    locations: Vec<Place>,
    /// Is true if all providers are known, so that any other name is a mistake.
    are_providers_whole: bool,
    /// Is true if all locations are known.
    are_locations_whole: bool,
}

/// The rows of a list, as far as they were read.
#[derive(Default)]
struct Listed {
    rows: Vec<Value>,
    is_whole: bool,
}

/// Settles the environment of a session. A named place is first looked up, where the target lists
/// its places. A place neither named nor found stays unknown, and checks that need it are disabled.
pub fn settle(session: &mut Session, told: &Told) -> Result<(), Unsettled> {
    if told.create_places {
        let prefix = session.sku_prefix.clone();
        session.environment.set("place-prefix", prefix.as_str());
        if !told.names_a_place() && made(session, &prefix)? {
            return Ok(());
        }
    }
    let places = found(session, told)?;
    told.judge(&places).map_err(Unsettled::Misnamed)?;
    choose(session, told, &places);
    if let Some(id) = stock_list(session, told)? {
        session.environment.set("stock-list", id);
    }
    Ok(())
}

impl Told {
    fn names_a_place(&self) -> bool {
        let names = [
            &self.provider,
            &self.location,
            &self.second_location,
            &self.foreign_location,
        ];
        names.iter().any(|name| name.is_some()) || self.stock_list.is_some()
    }

    /// Returns the named locations, each with its flag.
    fn locations(&self) -> impl Iterator<Item = (&'static str, &String)> {
        let named = [
            ("--location", &self.location),
            ("--second-location", &self.second_location),
            ("--foreign-location", &self.foreign_location),
        ];
        named
            .into_iter()
            .filter_map(|(flag, code)| Some((flag, code.as_ref()?)))
    }

    /// Refuses a named place that does not exist, or that belongs to a wrong provider. Where the
    /// target's list was not read completely, a missing name is accepted.
    fn judge(&self, places: &Places) -> Result<(), Misnamed> {
        if let Some(name) = &self.provider
            && places.are_providers_whole
            && places.providers.iter().all(|known| known.name != *name)
        {
            let there = places.providers.iter().map(|known| known.name.clone());
            return Err(Misnamed::Unknown {
                flag: "--provider",
                kind: "provider",
                name: name.clone(),
                there: there.collect(),
            });
        }
        for (flag, code) in self.locations() {
            if places.are_locations_whole && places.owner(code).is_none() {
                let there = places.locations.iter().map(|place| place.code.clone());
                return Err(Misnamed::Unknown {
                    flag,
                    kind: "location",
                    name: code.clone(),
                    there: there.collect(),
                });
            }
        }
        if self.location.is_some() && self.location == self.second_location {
            let code = self.location.clone().unwrap_or_default();
            return Err(Misnamed::Same { code });
        }
        self.judge_owners(places)
    }

    fn judge_owners(&self, places: &Places) -> Result<(), Misnamed> {
        let own = self.provider.clone();
        let own = own.or_else(|| places.owner(self.location.as_ref()?).map(str::to_owned));
        let Some(own) = own else { return Ok(()) };
        for (flag, code) in self.locations() {
            let is_foreign = flag == "--foreign-location";
            let mut of_code = places.locations.iter().filter(|place| place.code == *code);
            let is_own = of_code.clone().any(|place| place.provider == own);
            if let Some(place) = of_code.next()
                && is_own == is_foreign
            {
                return Err(Misnamed::Elsewhere {
                    flag,
                    code: code.clone(),
                    provider: if is_own {
                        own.clone()
                    } else {
                        place.provider.clone()
                    },
                    expected: (!is_foreign).then_some(own),
                });
            }
        }
        Ok(())
    }
}

/// Creates a provider with two locations, another with one, one that accepts no reservations, and a
/// list of all locations. Their names have letters that reveal a wrong encoding.
fn made(session: &mut Session, prefix: &str) -> Result<bool, Stop> {
    let make = |path: &str, body: Value| -> Result<Option<Value>, Stop> {
        let answer = session.send_unjudged(&Ask::post(path, body))?;
        Ok(answer.body.filter(|_| answer.status == 201))
    };
    let provider = |suffix: &str, takes_reservations: bool| {
        make(
            "/api/v1/providers/",
            json!({
                // Letters by which collations differ.
                "name": format!("{prefix}Şube first {suffix}"),
                "code": format!("{prefix}{suffix}"),
                "should_add_reservations": takes_reservations,
            }),
        )
    };
    let (Some(own), Some(foreign)) = (provider("own", true)?, provider("foreign", true)?) else {
        return Ok(false);
    };
    let opted_out =
        provider("opted-out", false)?.filter(|made| made["should_add_reservations"] == false);
    let location = |suffix: &str, provider: &Value| {
        make(
            "/api/v1/stock-locations/",
            json!({
                "name": format!("{prefix}Mağaza {suffix}"),
                "code": format!("{prefix}{suffix}"),
                "provider": provider["id"],
            }),
        )
    };
    let opted_out = match opted_out {
        Some(provider) => location("d", &provider)?.map(|location| (provider, location)),
        None => None,
    };
    // The later location has the smaller code, which reveals the order that a list is in.
    let places = (
        location("b", &own)?,
        location("a", &own)?,
        location("c", &foreign)?,
    );
    let (Some(first), Some(second), Some(other)) = places else {
        return Ok(false);
    };
    let list = json!({"code": format!("{prefix}list"), "name": format!("{prefix}Liste")});
    let list = make("/api/v1/stock-lists/", list)?;
    let environment = &mut session.environment;
    environment.set("provider", own["name"].clone());
    environment.set("provider-id", own["id"].clone());
    environment.set("location", first["code"].clone());
    environment.set("second-location", second["code"].clone());
    environment.set("foreign-location", other["code"].clone());
    if let Some((provider, location)) = opted_out {
        environment.set("opted-out-provider", provider["name"].clone());
        environment.set("opted-out-location", location["code"].clone());
    }
    if let Some(list) = list {
        environment.set("stock-list", list["id"].clone());
    }
    Ok(true)
}

/// Finds the places at the target, in their own lists or else in stocks.
fn found(session: &Session, told: &Told) -> Result<Places, Stop> {
    let listed = list(session, "/api/v1/providers/", |rows| {
        let name = told.provider.as_deref();
        name.is_none_or(|name| rows.iter().any(|row| row["name"] == name))
    })?;
    let has_providers = listed.is_some();
    let Listed { mut rows, is_whole } = listed.unwrap_or_default();
    rows.sort_by_key(|provider| provider["should_add_reservations"] == false);
    let mut places = Places {
        are_providers_whole: is_whole,
        ..Places::default()
    };
    let listed = list(session, "/api/v1/stock-locations/", |rows| {
        let mut codes = told.locations();
        codes.all(|(_, code)| rows.iter().any(|row| row["code"] == **code))
    })?;
    let has_locations = listed.is_some();
    let listed = listed.unwrap_or_default();
    for location in &listed.rows {
        let provider = rows.iter().find(|row| row["id"] == location["provider"]);
        let provider = provider.and_then(|row| row["name"].as_str());
        if let (Some(code), Some(provider)) = (location["code"].as_str(), provider) {
            places.locations.push(Place {
                code: code.to_owned(),
                provider: provider.to_owned(),
                is_active: location["is_active"] != false,
            });
        }
    }
    // A location of an unknown provider still exists.
    places.are_locations_whole =
        has_locations && listed.is_whole && places.locations.len() == listed.rows.len();
    let named = rows.iter().filter_map(|row| {
        Some(Provider {
            name: row["name"].as_str()?.to_owned(),
            id: row["id"].as_i64(),
            is_active: row["is_active"] != false,
        })
    });
    places.providers = named.collect();
    if !(has_providers && has_locations) || places.locations.iter().all(|place| !place.is_active) {
        let stocks = list(session, "/api/v1/stocks/", |_| true)?;
        for stock in stocks.unwrap_or_default().rows {
            if let (Some(code), Some(provider)) =
                (stock["location"].as_str(), stock["provider"].as_str())
            {
                places.add(code, provider);
            }
        }
    }
    Ok(places)
}

/// Reads the rows of a list until there are enough; `None` where there is no such list.
fn list(
    session: &Session,
    path: &str,
    is_enough: impl Fn(&[Value]) -> bool,
) -> Result<Option<Listed>, Stop> {
    let mut listed = Listed::default();
    for page in 1..=MOST_PAGES {
        let mut ask = Ask::get(path).with("limit", SAMPLE);
        if page > 1 {
            ask = ask.with("page", page);
        }
        let answer = session.send_unjudged(&ask)?;
        let Some((rows, is_last)) = page_of(answer) else {
            return Ok((page > 1).then_some(listed));
        };
        listed.rows.extend(rows);
        listed.is_whole = is_last;
        if is_last || is_enough(&listed.rows) {
            break;
        }
    }
    Ok(Some(listed))
}

/// Returns the rows of a page, and `true` if it is the last; `None` where the answer is not a page.
fn page_of(answer: Answer) -> Option<(Vec<Value>, bool)> {
    let Some(Value::Object(mut page)) = answer.body.filter(|_| answer.status == 200) else {
        return None;
    };
    let is_last = page.get("next")?.is_null();
    match page.remove("results") {
        Some(Value::Array(rows)) => Some((rows, is_last)),
        _ => None,
    }
}

impl Places {
    fn add(&mut self, code: &str, provider: &str) {
        if !self.providers.iter().any(|known| known.name == provider) {
            self.providers.push(Provider {
                name: provider.to_owned(),
                id: None,
                is_active: true,
            });
        }
        let is_known = self
            .locations
            .iter()
            .any(|place| place.code == code && place.provider == provider);
        if !is_known {
            self.locations.push(Place {
                code: code.to_owned(),
                provider: provider.to_owned(),
                is_active: true,
            });
        }
    }

    /// Returns the provider of a location.
    fn owner(&self, code: &str) -> Option<&str> {
        let place = self.locations.iter().find(|place| place.code == code)?;
        Some(&place.provider)
    }

    /// Returns the active locations.
    fn usable(&self) -> impl Iterator<Item = &Place> {
        self.locations.iter().filter(|place| place.is_active)
    }

    fn codes_of<'a>(&'a self, provider: &'a str) -> impl Iterator<Item = &'a str> {
        let own = self
            .usable()
            .filter(move |place| place.provider == provider);
        own.map(|place| place.code.as_str())
    }

    /// Returns the most useful of the first providers that count reservations: one with two
    /// locations rather than one.
    fn best(&self) -> Option<&Provider> {
        let active = self.providers.iter().filter(|provider| provider.is_active);
        let best = active.enumerate().min_by_key(|(position, provider)| {
            let locations = self.codes_of(&provider.name).count().min(2);
            (2 - locations, *position)
        });
        best.map(|(_, provider)| provider)
    }
}

/// Puts the places into the environment: the named ones, and beside them the best of those found.
fn choose(session: &mut Session, told: &Told, places: &Places) {
    let provider = told.provider.clone().or_else(|| {
        let of_location = told.location.as_deref().and_then(|code| places.owner(code));
        let best = || places.best().map(|provider| provider.name.as_str());
        // The provider of a named but unlisted location is unknown.
        let other = || told.location.is_none().then(best).flatten();
        of_location.or_else(other).map(str::to_owned)
    });
    let own = provider.as_deref().unwrap_or_default();
    let found = |is_fit: &dyn Fn(&&Place) -> bool| {
        let place = places.usable().find(is_fit);
        place.map(|place| place.code.clone())
    };
    let is_known = provider.is_some();
    let location = told
        .location
        .clone()
        .or_else(|| found(&|place| place.provider == own));
    let second = told.second_location.clone().or_else(|| {
        found(&|place| place.provider == own && Some(&place.code) != location.as_ref())
    });
    let foreign = told.foreign_location.clone().or_else(|| {
        let is_own = |code: &str| places.codes_of(own).any(|own| own == code);
        found(&|place| is_known && place.provider != own && !is_own(&place.code))
    });
    let mut known = places.providers.iter();
    let id = known
        .find(|known| known.name == own)
        .and_then(|known| known.id);
    let environment = &mut session.environment;
    if let Some(id) = id {
        environment.set("provider-id", id);
    }
    for (name, value) in [
        ("provider", provider),
        ("location", location),
        ("second-location", second),
        ("foreign-location", foreign),
    ] {
        if let Some(value) = value {
            environment.set(name, value);
        }
    }
}

/// Returns the named stock list, or else the first active one.
fn stock_list(session: &Session, told: &Told) -> Result<Option<i64>, Unsettled> {
    let listed = list(session, "/api/v1/stock-lists/", |rows| {
        told.stock_list
            .is_none_or(|id| rows.iter().any(|row| row["id"] == id))
    })?;
    let Some(Listed { rows, is_whole }) = listed else {
        return Ok(told.stock_list);
    };
    match told.stock_list {
        Some(id) if is_whole && rows.iter().all(|row| row["id"] != id) => {
            let there = rows.iter().map(|row| row["id"].to_string());
            Err(Unsettled::Misnamed(Misnamed::Unknown {
                flag: "--stock-list",
                kind: "stock list",
                name: id.to_string(),
                there: there.collect(),
            }))
        }
        Some(id) => Ok(Some(id)),
        None => {
            let mut active = rows.iter().filter(|list| list["is_active"] != false);
            Ok(active.next().and_then(|list| list["id"].as_i64()))
        }
    }
}
