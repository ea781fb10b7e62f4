//! What the checks work with: a provider, its locations, another provider's, a stock
//! list. Told by the user, made for the run, or found at the target.

use serde_json::{Value, json};

use crate::cases::probe::{Answer, Ask, Session, Stop};

/// What the user told.
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
    /// Whether to make places for the run, which stay.
    pub create_places: bool,
}

/// How many rows are looked at to find places.
const SAMPLE: u32 = 100;

/// A location and whose it is.
struct Place {
    code: String,
    provider: String,
}

#[derive(Default)]
struct Places {
    /// Names and ids, those that count reservations first.
    providers: Vec<(String, Option<i64>)>,
    locations: Vec<Place>,
}

/// Settles the environment of a session. What is neither told nor found stays unknown,
/// and disables the checks that need it.
pub fn settle(session: &mut Session, told: &Told) -> Result<(), Stop> {
    if told.create_places {
        let prefix = session.sku_prefix.clone();
        session.environment.set("place-prefix", prefix.as_str());
        if told.provider.is_none() && told.location.is_none() && made(session, &prefix)? {
            return Ok(());
        }
    }
    let places = found(session)?;
    choose(session, told, &places);
    let list = match told.stock_list {
        Some(id) => Some(id),
        None => first_stock_list(session)?,
    };
    if let Some(id) = list {
        session.environment.set("stock-list", id);
    }
    Ok(())
}

/// Makes a provider with two locations, another with one, one that takes no
/// reservations, and a list of all locations.
/// Their names have letters that a wrong encoding shows.
fn made(session: &mut Session, prefix: &str) -> Result<bool, Stop> {
    let make = |path: &str, body: Value| -> Result<Option<Value>, Stop> {
        let answer = session.send_unjudged(&Ask::post(path, body))?;
        Ok(answer.body.filter(|_| answer.status == 201))
    };
    let provider = |suffix: &str, takes_reservations: bool| {
        make(
            "/api/v1/providers/",
            json!({
                "name": format!("{prefix}Şube {suffix}"),
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
    // The later one has the earlier code, so that what they are ordered by shows.
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

/// The places at the target: as their own paths list them, or else as stocks name them.
fn found(session: &Session) -> Result<Places, Stop> {
    let list = |path: &str| -> Result<Vec<Value>, Stop> {
        let answer = session.send_unjudged(&Ask::get(path).with("limit", SAMPLE))?;
        Ok(rows(answer))
    };
    let mut providers = list("/api/v1/providers/")?;
    providers.retain(|provider| provider["is_active"] != false);
    providers.sort_by_key(|provider| provider["should_add_reservations"] == false);
    let name_of = |id: &Value| {
        let mut known = providers.iter();
        known
            .find(|provider| provider["id"] == *id)
            .and_then(|provider| provider["name"].as_str().map(str::to_owned))
    };
    let locations = list("/api/v1/stock-locations/")?;
    let mut places = Places::default();
    for location in locations
        .iter()
        .filter(|location| location["is_active"] != false)
    {
        if let (Some(code), Some(provider)) =
            (location["code"].as_str(), name_of(&location["provider"]))
        {
            places.locations.push(Place {
                code: code.to_owned(),
                provider,
            });
        }
    }
    let named = providers.iter().filter_map(|provider| {
        Some((
            provider["name"].as_str()?.to_owned(),
            provider["id"].as_i64(),
        ))
    });
    places.providers = named.collect();
    if places.locations.is_empty() {
        for stock in list("/api/v1/stocks/")? {
            if let (Some(code), Some(provider)) =
                (stock["location"].as_str(), stock["provider"].as_str())
            {
                places.add(code, provider);
            }
        }
    }
    Ok(places)
}

impl Places {
    fn add(&mut self, code: &str, provider: &str) {
        if !self.providers.iter().any(|(name, _)| name == provider) {
            self.providers.push((provider.to_owned(), None));
        }
        let is_known = self
            .locations
            .iter()
            .any(|place| place.code == code && place.provider == provider);
        if !is_known {
            self.locations.push(Place {
                code: code.to_owned(),
                provider: provider.to_owned(),
            });
        }
    }

    fn codes_of<'a>(&'a self, provider: &'a str) -> impl Iterator<Item = &'a str> {
        let own = self
            .locations
            .iter()
            .filter(move |place| place.provider == provider);
        own.map(|place| place.code.as_str())
    }
}

fn rows(answer: Answer) -> Vec<Value> {
    match (answer.status, answer.body) {
        (200, Some(Value::Object(mut page))) => match page.remove("results") {
            Some(Value::Array(rows)) => rows,
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// The provider with most to offer among the first that count reservations: two
/// locations rather than one.
fn choose(session: &mut Session, told: &Told, places: &Places) {
    let best = places
        .providers
        .iter()
        .enumerate()
        .min_by_key(|(position, (name, _))| {
            let locations = places.codes_of(name).count().min(2);
            (2 - locations, *position)
        });
    let provider = told.provider.clone().or_else(|| {
        let of_location = told.location.as_deref().and_then(|code| {
            let place = places.locations.iter().find(|place| place.code == code)?;
            Some(place.provider.clone())
        });
        of_location.or_else(|| best.map(|(_, (name, _))| name.clone()))
    });
    let Some(provider) = provider else { return };
    let location = told
        .location
        .clone()
        .or_else(|| places.codes_of(&provider).next().map(str::to_owned));
    let second = told.second_location.clone().or_else(|| {
        places
            .codes_of(&provider)
            .find(|code| Some(*code) != location.as_deref())
            .map(str::to_owned)
    });
    let foreign = told.foreign_location.clone().or_else(|| {
        places
            .locations
            .iter()
            .find(|place| {
                place.provider != provider
                    && !places.codes_of(&provider).any(|own| own == place.code)
            })
            .map(|place| place.code.clone())
    });
    let id = places
        .providers
        .iter()
        .find(|(name, _)| *name == provider)
        .and_then(|(_, id)| *id);
    let environment = &mut session.environment;
    environment.set("provider", provider);
    if let Some(id) = id {
        environment.set("provider-id", id);
    }
    for (name, value) in [
        ("location", location),
        ("second-location", second),
        ("foreign-location", foreign),
    ] {
        if let Some(value) = value {
            environment.set(name, value);
        }
    }
}

fn first_stock_list(session: &Session) -> Result<Option<i64>, Stop> {
    let ask = Ask::get("/api/v1/stock-lists/").with("limit", SAMPLE);
    let lists = rows(session.send_unjudged(&ask)?);
    let mut active = lists.iter().filter(|list| list["is_active"] != false);
    Ok(active.next().and_then(|list| list["id"].as_i64()))
}
