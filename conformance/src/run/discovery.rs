//! The places for the checks: a provider with its locations, a location of another provider, a
//! stock list. The user names them, the run creates them, or they are found at the target.

use std::fmt;

use serde_json::{Value, json};

use crate::cases::probe::{Answer, Ask, PROVIDER_NAME, Session, Stop};
use crate::report::one_line;

/// The places that the user named.
#[derive(Debug, Clone, Default)]
pub struct PlaceOptions {
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
    /// Is true if a stock may be created to try places that cannot be looked up.
    pub may_write: bool,
}

/// Rows of a page of places.
const SAMPLE: u32 = 100;

/// The most pages of a list that are read to find a place that was named.
const MOST_PAGES: u32 = 50;

/// The members of a refusal that are about a place.
const PLACE_ERRORS: [&str; 3] = ["invalid_location", "provider", "location"];

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
    /// The service refuses a stock of the places, which cannot be looked up.
    Refused {
        /// The name of the provider.
        provider: String,
        /// The code of the location.
        location: String,
        /// The refusal, as the service words it.
        said: String,
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
            Self::Refused {
                provider,
                location,
                said,
            } => {
                let (provider, location) = (one_line(provider), one_line(location));
                write!(
                    f,
                    "--provider {provider}: the service says that location {location} does not \
                     belong to provider {provider} ({}): give --provider and --location as its \
                     stocks show them",
                    one_line(said)
                )
            }
        }
    }
}

impl std::error::Error for Misnamed {}

/// A provider that the target shows.
struct Provider {
    /// The value by which stocks name it.
    value: String,
    /// The name in the list of providers, where that has one.
    name: Option<String>,
    /// The code in the list of providers.
    code: Option<String>,
    id: Option<i64>,
    is_active: bool,
}

impl Provider {
    /// Returns `true` if a user may mean it by this text.
    fn is_called(&self, text: &str) -> bool {
        let called = [Some(&self.value), self.name.as_ref(), self.code.as_ref()];
        called.into_iter().flatten().any(|name| name == text)
    }
}

/// A location and its provider.
struct Place {
    code: String,
    /// The value by which stocks name the provider.
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
    /// The member of a provider that stocks show; `None`: no stock shows any.
    shown_by: Option<ShownBy>,
}

/// The member of a provider by which stocks name it. The documentation shows a name; a service may
/// just as well relate its stocks to the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ShownBy {
    Name,
    Code,
}

impl ShownBy {
    /// Finds the member out by stocks, and the providers as they are listed.
    fn of(stocks: &[Value], providers: &[Value]) -> Option<Self> {
        let is_shown = |member: &str| {
            let mut values = stocks.iter().filter_map(|stock| stock["provider"].as_str());
            values.any(|value| providers.iter().any(|row| row[member] == value))
        };
        match (is_shown("name"), is_shown("code")) {
            (true, _) => Some(Self::Name),
            (false, true) => Some(Self::Code),
            (false, false) => None,
        }
    }

    /// Returns the value by which stocks name a provider.
    fn value(self, provider: &Value) -> Option<&str> {
        match self {
            Self::Name => provider["name"].as_str(),
            Self::Code => provider["code"].as_str(),
        }
    }
}

/// The rows of a list, as far as they were read.
#[derive(Default)]
struct Listed {
    rows: Vec<Value>,
    is_whole: bool,
}

/// Settles the environment of a session. A named place is first looked up, where the target lists
/// its places. A place neither named nor found stays unknown, and checks that need it are disabled.
pub fn settle(session: &mut Session, options: &PlaceOptions) -> Result<(), Unsettled> {
    if options.create_places {
        let prefix = session.sku_prefix.clone();
        session.environment.set("place-prefix", prefix.as_str());
        if !options.names_a_place() && made(session, &prefix)? {
            return Ok(());
        }
    }
    let places = found(session, options)?;
    options.judge(&places).map_err(Unsettled::Misnamed)?;
    choose(session, options, &places);
    if options.may_write && !is_proven(session, &places) {
        try_out(session, options, &places)?;
    }
    if let Some(id) = stock_list(session, options)? {
        session.environment.set("stock-list", id);
    }
    Ok(())
}

impl PlaceOptions {
    /// Returns `true` if the user named a provider or a location by this text.
    fn names(&self, text: &str) -> bool {
        let mut locations = self.locations();
        self.provider.as_deref() == Some(text) || locations.any(|(_, code)| code == text)
    }

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
            && !places.providers.iter().any(|known| known.is_called(name))
        {
            let there = places.providers.iter().map(|known| known.value.clone());
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
        let own = self.provider.as_deref().map(|name| places.value_of(name));
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
    let shown_by = match shown_by(session)? {
        Some(shown_by) => shown_by,
        None => taken_by(session, &own, &first)?,
    };
    let value = |provider: &Value| Value::from(shown_by.value(provider).unwrap_or_default());
    let environment = &mut session.environment;
    environment.set("provider", value(&own));
    if shown_by == ShownBy::Code {
        environment.set(PROVIDER_NAME, own["name"].clone());
    }
    environment.set("provider-id", own["id"].clone());
    environment.set("location", first["code"].clone());
    environment.set("second-location", second["code"].clone());
    environment.set("foreign-location", other["code"].clone());
    if let Some((provider, location)) = opted_out {
        environment.set("opted-out-provider", value(&provider));
        environment.set("opted-out-location", location["code"].clone());
    }
    if let Some(list) = list {
        environment.set("stock-list", list["id"].clone());
    }
    Ok(true)
}

/// Finds the places at the target, in their own lists and in stocks.
fn found(session: &Session, options: &PlaceOptions) -> Result<Places, Stop> {
    let listed = list(session, "/api/v1/providers/", |rows| {
        let name = options.provider.as_deref();
        let is_it = |row: &Value| {
            let named = name.map(Value::from);
            named.is_none_or(|name| row["name"] == name || row["code"] == name)
        };
        rows.iter().any(is_it)
    })?;
    let has_providers = listed.is_some();
    let Listed { mut rows, is_whole } = listed.unwrap_or_default();
    rows.sort_by_key(|provider| provider["should_add_reservations"] == false);
    let stocks = some_stocks(session)?;
    let shown_by = ShownBy::of(&stocks, &rows);
    // Where stocks name providers by something that the list lacks, they alone tell.
    let is_other = shown_by.is_none() && stocks.iter().any(|stock| stock["provider"].is_string());
    if is_other {
        rows.clear();
    }
    let mut places = Places {
        are_providers_whole: is_whole && !is_other,
        shown_by,
        ..Places::default()
    };
    let shown_by = places.shown_by.unwrap_or(ShownBy::Name);
    let listed = list(session, "/api/v1/stock-locations/", |rows| {
        let mut codes = options.locations();
        codes.all(|(_, code)| rows.iter().any(|row| row["code"] == **code))
    })?;
    let has_locations = listed.is_some();
    let listed = listed.unwrap_or_default();
    for location in &listed.rows {
        let provider = rows.iter().find(|row| row["id"] == location["provider"]);
        let provider = provider.and_then(|row| shown_by.value(row));
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
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let named = rows.iter().filter_map(|row| {
        Some(Provider {
            value: shown_by.value(row)?.to_owned(),
            name: text(&row["name"]),
            code: text(&row["code"]),
            id: row["id"].as_i64(),
            is_active: row["is_active"] != false,
        })
    });
    places.providers = named.collect();
    let is_listed = has_providers && has_locations && places.usable().next().is_some();
    for stock in &stocks {
        if let (Some(code), Some(provider)) =
            (stock["location"].as_str(), stock["provider"].as_str())
        {
            let is_named = options.names(provider) || options.names(code);
            if !is_listed || is_named {
                places.add(code, provider);
            }
        }
    }
    Ok(places)
}

/// Returns a first page of stocks.
fn some_stocks(session: &Session) -> Result<Vec<Value>, Stop> {
    let stocks = list(session, "/api/v1/stocks/", |_| true)?;
    Ok(stocks.unwrap_or_default().rows)
}

/// Returns the member by which stocks name their provider; `None` where no stock tells.
fn shown_by(session: &Session) -> Result<Option<ShownBy>, Stop> {
    let stocks = some_stocks(session)?;
    if stocks.is_empty() {
        return Ok(None);
    }
    let is_enough = |rows: &[Value]| ShownBy::of(&stocks, rows).is_some();
    let providers = list(session, "/api/v1/providers/", is_enough)?;
    Ok(ShownBy::of(&stocks, &providers.unwrap_or_default().rows))
}

/// Returns the member of a provider by which the service takes a stock of it.
fn taken_by(session: &Session, provider: &Value, location: &Value) -> Result<ShownBy, Stop> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let location = text(&location["code"]);
    if refusal(session, &text(&provider["name"]), &location)?.is_some()
        && refusal(session, &text(&provider["code"]), &location)?.is_none()
    {
        return Ok(ShownBy::Code);
    }
    Ok(ShownBy::Name)
}

/// Returns `true` if nothing is left to try: the run writes to no place, or the target itself shows
/// the location with the provider, in the words of its stocks.
fn is_proven(session: &Session, places: &Places) -> bool {
    let named = |name: &str| session.environment.get(name).and_then(Value::as_str);
    let (Some(provider), Some(location)) = (named("provider"), named("location")) else {
        return true;
    };
    let mut known = places.locations.iter();
    let is_known = known.any(|place| place.code == location && place.provider == provider);
    is_known && (places.shown_by.is_some() || !places.are_providers_whole)
}

/// Creates a stock at places that are not proven. If the service refuses the provider under its
/// name and takes it under its code, the code is used. If it refuses what the user named, that is a
/// mistake of the command line. Any other answer is left to the checks.
fn try_out(
    session: &mut Session,
    options: &PlaceOptions,
    places: &Places,
) -> Result<(), Unsettled> {
    let named = |name: &str| session.environment.get(name).and_then(Value::as_str);
    let (Some(provider), Some(location)) = (named("provider"), named("location")) else {
        return Ok(());
    };
    let Some(said) = refusal(session, provider, location)? else {
        return Ok(());
    };
    let known = places
        .providers
        .iter()
        .find(|known| known.value == provider);
    if let Some(known) = known
        && let Some(code) = known.code.as_deref().filter(|code| *code != provider)
        && refusal(session, code, location)?.is_none()
    {
        let (code, name) = (code.to_owned(), known.name.clone());
        session.environment.set("provider", code);
        session
            .environment
            .set(PROVIDER_NAME, name.unwrap_or_default());
        return Ok(());
    }
    if options.provider.is_none() && options.location.is_none() {
        return Ok(());
    }
    Err(Unsettled::Misnamed(Misnamed::Refused {
        provider: provider.to_owned(),
        location: location.to_owned(),
        said,
    }))
}

/// Creates a stock, and returns the sentence of a refusal that is about its place.
fn refusal(session: &Session, provider: &str, location: &str) -> Result<Option<String>, Stop> {
    let stock = json!({
        "sku": session.fresh_sku(), "provider": provider, "location": location, "stock": 0,
    });
    let answer = session.send_unjudged(&Ask::post("/api/v1/stocks/", stock))?;
    let Some(Value::Object(refused)) = answer.body.filter(|_| answer.status == 400) else {
        return Ok(None);
    };
    let mut members = refused.iter();
    let said = members.find(|(name, _)| PLACE_ERRORS.contains(&name.as_str()));
    Ok(said.map(|(_, said)| match said {
        Value::String(text) => text.clone(),
        Value::Array(texts) if texts.len() == 1 && texts[0].is_string() => {
            texts[0].as_str().unwrap_or_default().to_owned()
        }
        other => other.to_string(),
    }))
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
    /// Returns the value by which stocks name a provider that the user calls by name or code.
    fn value_of(&self, called: &str) -> String {
        let known = self.providers.iter();
        let exact = known.clone().find(|provider| provider.value == called);
        let provider = exact.or_else(|| known.clone().find(|known| known.is_called(called)));
        provider
            .map_or(called, |provider| &provider.value)
            .to_owned()
    }

    fn add(&mut self, code: &str, provider: &str) {
        if !self.providers.iter().any(|known| known.value == provider) {
            self.providers.push(Provider {
                value: provider.to_owned(),
                name: None,
                code: None,
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
            let locations = self.codes_of(&provider.value).count().min(2);
            (2 - locations, *position)
        });
        best.map(|(_, provider)| provider)
    }
}

/// Puts the places into the environment: the named ones, and beside them the best of those found.
fn choose(session: &mut Session, options: &PlaceOptions, places: &Places) {
    let called = options.provider.as_deref();
    let provider = called.map(|name| places.value_of(name)).or_else(|| {
        let of_location = options
            .location
            .as_deref()
            .and_then(|code| places.owner(code));
        let best = || places.best().map(|provider| provider.value.as_str());
        // The provider of a named but unlisted location is unknown.
        let other = || options.location.is_none().then(best).flatten();
        of_location.or_else(other).map(str::to_owned)
    });
    let own = provider.as_deref().unwrap_or_default();
    let found = |is_fit: &dyn Fn(&&Place) -> bool| {
        let place = places.usable().find(is_fit);
        place.map(|place| place.code.clone())
    };
    let is_known = provider.is_some();
    let location = options
        .location
        .clone()
        .or_else(|| found(&|place| place.provider == own));
    let second = options.second_location.clone().or_else(|| {
        found(&|place| place.provider == own && Some(&place.code) != location.as_ref())
    });
    let foreign = options.foreign_location.clone().or_else(|| {
        let is_own = |code: &str| places.codes_of(own).any(|own| own == code);
        found(&|place| is_known && place.provider != own && !is_own(&place.code))
    });
    let mut known = places.providers.iter();
    let known = known.find(|known| known.value == own);
    let environment = &mut session.environment;
    if let Some(id) = known.and_then(|known| known.id) {
        environment.set("provider-id", id);
    }
    if let Some(name) = known.and_then(|known| known.name.as_deref())
        && name != own
    {
        environment.set(PROVIDER_NAME, name);
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
fn stock_list(session: &Session, options: &PlaceOptions) -> Result<Option<i64>, Unsettled> {
    let listed = list(session, "/api/v1/stock-lists/", |rows| {
        options
            .stock_list
            .is_none_or(|id| rows.iter().any(|row| row["id"] == id))
    })?;
    let Some(Listed { rows, is_whole }) = listed else {
        return Ok(options.stock_list);
    };
    match options.stock_list {
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
