//! Sequences made from a seed: possible requests of a client, its mistakes, and cases at the limits
//! of both.

use serde_json::{Map, Value, json};
use whippy_engine::profile::{Profile, QueryArguments, ReservationArguments};

use super::random::Random;
use crate::steps::{Body, Names, Operation, SINCE, Step};
use whippy_probe::probe::PROVIDER_NAME;

/// The material of which sequences are made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // Each is a question of its own.
pub struct Scope {
    /// Is true if there is a second location of the provider.
    pub has_second: bool,
    /// Is true if there is a location of another provider.
    pub has_foreign: bool,
    /// Is true if the provider's id is known.
    pub has_id: bool,
    /// Is true if there is a provider that accepts no reservations.
    pub has_opted_out: bool,
    /// Is true if there is a stock list whose locations are known.
    pub has_list: bool,
    /// Is true if the list may also be requested by its other path.
    pub has_alias: bool,
    /// Filters with names of their values: names and codes in another case, or in part.
    pub parts: Vec<(&'static str, &'static str)>,
    /// Is true if `provider_name` compares what stocks show as their provider.
    pub compares_names: bool,
    /// Is true if stocks may be written.
    pub writes: bool,
    /// Is true if reservations usually send their arguments in the query.
    pub reserves_by_query: bool,
    /// Is true if queries usually do.
    pub queries_by_query: bool,
}

impl Scope {
    /// Returns the material that the names of an exploration provide.
    pub fn of(names: &Names, writes: bool) -> Self {
        let has = |name| names.get(name).is_some();
        let compares_names = !has(PROVIDER_NAME);
        let is_fit = |filter: &str| compares_names || filter != "provider_name";
        let parts = PARTS.into_iter().filter(|(filter, _)| is_fit(filter));
        Self {
            has_second: has("second-location"),
            has_foreign: has("foreign-location"),
            has_id: has("provider-id"),
            has_opted_out: has("opted-out-provider"),
            has_list: has("stock-list"),
            has_alias: true,
            parts: parts.filter(|(_, name)| has(name)).collect(),
            compares_names,
            writes,
            reserves_by_query: false,
            queries_by_query: false,
        }
    }

    /// Returns the same for a target that reads arguments as a profile says.
    #[must_use]
    pub fn under(self, profile: &Profile) -> Self {
        Self {
            reserves_by_query: profile.reservation_arguments == ReservationArguments::Query,
            queries_by_query: profile.query_arguments == QueryArguments::Query,
            ..self
        }
    }
}

/// Filters, with names whose values they may be given.
const PARTS: [(&str, &str); 8] = [
    ("location_name", "location-name-part"),
    ("provider_name", "provider-name-part"),
    ("location", "location-of-other-case"),
    ("provider", "provider-of-other-case"),
    ("location", "location-part"),
    ("provider", "provider-part"),
    ("location_name", "provider-name-part"),
    ("provider_name", "location-name-part"),
];

/// The fewest and the most steps before the last ones, which read the final state.
const LEAST: usize = 4;
const MOST: usize = 28;

/// Makes a sequence.
pub fn sequence(seed: u64, number: u64, scope: &Scope) -> Vec<Step> {
    let mut maker = Maker {
        random: Random::of(seed, number),
        scope,
        steps: Vec::with_capacity(MOST + 8),
        shown: Vec::new(),
        numbers: Vec::new(),
        periods: Vec::new(),
    };
    let length = LEAST + maker.random.below(MOST - LEAST + 1);
    if scope.writes {
        maker.plain_create();
        while maker.steps.len() < length {
            maker.any();
        }
        maker.last_looks();
    } else {
        while maker.steps.len() < length {
            maker.any_reading();
        }
    }
    maker.steps
}

struct Maker<'a> {
    random: Random,
    scope: &'a Scope,
    steps: Vec<Step>,
    /// The steps whose answers should show a stock.
    shown: Vec<u16>,
    /// The quantities that were sent.
    numbers: Vec<i64>,
    /// The ends of the periods that were sent.
    periods: Vec<&'static str>,
}

/// Suffixes that turn a SKU into another one.
const ENDINGS: [&str; 5] = ["x", "X", "0", "é", " y"];

const PERIOD_FILTERS: [&str; 4] = [
    "period__startswith__gte",
    "period__startswith__lte",
    "period__endswith__gte",
    "period__endswith__lte",
];

const PERIODS: [(&str, &str); 3] = [
    ("2030-01-01T00:00:00+03:00", "2030-02-01T00:00:00+03:00"),
    ("2030-01-15T12:30:00+03:00", "2031-01-01T00:00:00+03:00"),
    ("2030-02-01T00:00:00+03:00", "2030-02-01T00:00:01+03:00"),
];

impl Maker<'_> {
    fn push(&mut self, operation: Operation, query: Vec<(String, String)>, body: Body) {
        let name = u16::try_from(self.steps.len()).unwrap_or(u16::MAX);
        if matches!(
            operation,
            Operation::Create | Operation::Increase | Operation::Decrease
        ) {
            self.shown.push(name);
        }
        self.steps.push(Step {
            name,
            operation,
            query,
            body,
        });
    }

    fn plain_create(&mut self) {
        let stock = self.random.below(12);
        let body = json!({
            "sku": "${sku}", "provider": "${provider}", "location": "${location}", "stock": stock,
        });
        self.push(Operation::Create, Vec::new(), Body::Json(body));
    }

    fn any(&mut self) {
        match self.random.below(100) {
            0..16 => self.create(),
            16..40 => self.reservation(),
            40..47 => self.replay(),
            47..62 => self.upsert(),
            62..80 => self.list(),
            80..84 => self.walk(),
            84..97 => self.query(),
            _ if self.scope.has_list => self.active(),
            _ => self.query(),
        }
    }

    fn any_reading(&mut self) {
        match self.random.below(10) {
            0..5 => self.list(),
            5 => self.walk(),
            _ => self.query(),
        }
    }

    /// Adds steps that read the final state.
    fn last_looks(&mut self) {
        for sku in ["${sku}", "${sku2}"] {
            let query = vec![
                ("sku".to_owned(), sku.to_owned()),
                ("limit".to_owned(), "100".to_owned()),
            ];
            self.push(Operation::List, query, Body::None);
        }
        self.look_at(Operation::Salable, &json!("${sku}"));
        self.look_at(Operation::MultiQuery, &json!(["${sku}", "${sku2}"]));
    }

    /// Returns a SKU, usually the first.
    fn sku(&mut self) -> String {
        match self.random.below(20) {
            0..13 => "${sku}".to_owned(),
            13..17 => "${sku2}".to_owned(),
            17 => "${sku3}".to_owned(),
            _ => format!("${{sku}}{}", self.random.pick(&ENDINGS)),
        }
    }

    /// Returns a provider and usually one of its locations.
    fn place(&mut self) -> (&'static str, &'static str) {
        match self.random.below(24) {
            0 if self.scope.has_foreign => ("${provider}", "${foreign-location}"),
            1 => ("${provider}", "${sku3}"),
            2 => ("${sku3}", "${location}"),
            3 if self.scope.has_opted_out => ("${opted-out-provider}", "${opted-out-location}"),
            4..11 if self.scope.has_second => ("${provider}", "${second-location}"),
            _ => ("${provider}", "${location}"),
        }
    }

    fn quantity(&mut self) -> Value {
        match self.random.below(24) {
            0 => json!(2_147_483_647),
            1 => json!(-2_147_483_648_i64),
            2 => json!(2_147_483_648_i64),
            3 => json!(-1),
            4 => json!("7"),
            5 => json!("x"),
            6 => Value::Null,
            7 => json!(3.0),
            8 => json!(2.5),
            9 => json!(true),
            _ => {
                let number = self.random.below(13);
                self.numbers.push(i64::try_from(number).unwrap_or_default());
                json!(number)
            }
        }
    }

    /// Returns a stock in a request.
    fn stock(&mut self) -> Map<String, Value> {
        let sku = self.sku();
        let (provider, location) = self.place();
        let mut stock = Map::new();
        let mut set = |name: &str, value: Value| {
            stock.insert(name.to_owned(), value);
        };
        set("sku", sku.into());
        set("provider", provider.into());
        set("location", location.into());
        set("stock", self.quantity());
        if self.random.one_in(4) {
            set("reserved_stock", self.random.below(8).into());
        }
        if self.random.one_in(4) {
            let active: [Value; 6] = [
                false.into(),
                false.into(),
                true.into(),
                "false".into(),
                0.into(),
                "maybe".into(),
            ];
            set("is_active", active[self.random.below(active.len())].clone());
        }
        if self.random.one_in(6) {
            let units = ["qty", "kg", "kg", "quantity", "kilogram", "piece"];
            set("unit_type", self.random.pick(&units).into());
        }
        if self.random.one_in(5) {
            let types = [
                "standard",
                "scheduled",
                "scheduled",
                "scheduled",
                "Standard",
            ];
            set("stock_type", self.random.pick(&types).into());
        }
        if self.random.one_in(8) {
            set("period", self.period());
        }
        if self.random.one_in(40) {
            // It is longer than most columns, so the refusal tells the length that is allowed.
            stock.insert("sku".to_owned(), format!("${{sku}}{:x<260}", "").into());
        }
        if self.random.one_in(14) {
            let names = ["sku", "provider", "location", "stock"];
            stock.shift_remove(self.random.pick(&names));
        }
        stock
    }

    fn period(&mut self) -> Value {
        let (lower, upper) = PERIODS[self.random.below(PERIODS.len())];
        self.periods.extend([lower, upper]);
        match self.random.below(8) {
            0 => Value::Null,
            1 => json!({"lower": lower}),
            2 => json!({"upper": upper, "bounds": "(]"}),
            3 => json!({"lower": upper, "upper": lower}),
            4 => json!("2030"),
            _ => json!({"lower": lower, "upper": upper, "bounds": "[)"}),
        }
    }

    fn create(&mut self) {
        let body = Value::Object(self.stock());
        let body = if self.random.one_in(30) {
            Body::Untyped(body)
        } else {
            Body::Json(body)
        };
        self.push(Operation::Create, Vec::new(), body);
    }

    fn upsert(&mut self) {
        let operation = if self.random.one_in(40) {
            Operation::UpsertByGet
        } else {
            Operation::Upsert
        };
        let body = match self.random.below(6) {
            0..3 => Value::Object(self.stock()),
            3 if self.random.one_in(8) => json!([]),
            _ => {
                let rows = 1 + self.random.below(4);
                (0..rows).map(|_| Value::Object(self.stock())).collect()
            }
        };
        self.push(operation, Vec::new(), Body::Json(body));
    }

    /// Returns a date-time from an answer, if a step will show one.
    fn date_shown(&mut self) -> String {
        let Some(at) = self.shown.len().checked_sub(1) else {
            return "2023-05-10T13:37:18+03:00".to_owned();
        };
        let step = self.shown[self.random.below(at + 1)];
        let member = self.random.pick(&["created_date", "modified_date"]);
        format!("${{s{step}.{member}}}")
    }

    fn reservation(&mut self) {
        let operation = if self.random.below(5) < 3 {
            Operation::Increase
        } else {
            Operation::Decrease
        };
        let sku = self.sku();
        let (provider, location) = self.place();
        let mut arguments = Map::new();
        arguments.insert("sku".to_owned(), sku.into());
        arguments.insert("location".to_owned(), location.into());
        match self.random.below(12) {
            0..6 => {
                arguments.insert("provider".to_owned(), provider.into());
            }
            6 if self.scope.has_id => {
                arguments.insert("provider".to_owned(), "${provider-id}".into());
            }
            7 => {
                arguments.insert("provider".to_owned(), "${sku3}".into());
            }
            _ => {}
        }
        let date = match self.random.below(12) {
            0 => Some("2001-01-01T00:00:00+03:00".to_owned()),
            1 => Some("2099-01-01T00:00:00+03:00".to_owned()),
            2 | 3 => Some(self.date_shown()),
            4 => Some("2001-01-01T12:00:00Z".to_owned()),
            5 if self.random.one_in(3) => Some("not a date".to_owned()),
            _ => None,
        };
        if let Some(date) = date {
            arguments.insert("date".to_owned(), date.into());
        }
        if self.random.one_in(20) {
            let names = ["sku", "location"];
            arguments.shift_remove(self.random.pick(&names));
        }
        let by_query = self.scope.reserves_by_query != self.random.one_in(16);
        self.send(operation, Value::Object(arguments), by_query);
    }

    fn send(&mut self, operation: Operation, arguments: Value, by_query: bool) {
        if !by_query {
            self.push(operation, Vec::new(), Body::Json(arguments));
            return;
        }
        let mut query = Vec::new();
        for (name, value) in arguments.as_object().into_iter().flatten() {
            match value {
                Value::Array(items) => {
                    let texts = items.iter().filter_map(Value::as_str);
                    query.extend(texts.map(|text| (name.clone(), text.to_owned())));
                }
                Value::String(text) => query.push((name.clone(), text.clone())),
                _ => {}
            }
        }
        self.push(operation, query, Body::None);
    }

    /// Adds a reservation, create or upsert that repeats an earlier one.
    fn replay(&mut self) {
        let before = self
            .steps
            .iter()
            .filter(|step| !step.operation.is_reading());
        let dated = |step: &&Step| {
            let in_body = step.body.value().and_then(|body| body.get("date"));
            in_body.is_some() || step.query.iter().any(|(name, _)| name == "date")
        };
        let all: Vec<Step> = before.clone().cloned().collect();
        let dated: Vec<Step> = before.filter(dated).cloned().collect();
        let from = if dated.is_empty() || self.random.one_in(3) {
            all
        } else {
            dated
        };
        if let Some(last) = from.len().checked_sub(1) {
            let mut step = from[self.random.below(last + 1)].clone();
            // The same date at another place is another reservation.
            if self.random.one_in(4)
                && self.scope.has_second
                && let Some(body) = step.body.value_mut().and_then(Value::as_object_mut)
            {
                let places = ["${location}", "${second-location}"];
                body.insert("location".to_owned(), self.random.pick(&places).into());
            }
            self.push(step.operation, step.query, step.body);
        }
    }

    fn list(&mut self) {
        let mut query = self.filters();
        self.add_sort(&mut query);
        if self.random.one_in(4) {
            let pages = ["1", "2", "2", "3", "last", "0", "-1", "abc", "99"];
            query.push(("page".to_owned(), self.random.pick(&pages).to_owned()));
        }
        if self.random.one_in(3) {
            let limits = ["1", "2", "2", "3", "10", "0", "-1", "abc", "100000"];
            query.push(("limit".to_owned(), self.random.pick(&limits).to_owned()));
        }
        self.push(Operation::List, query, Body::None);
    }

    /// Adds a walk through all pages of a list.
    fn walk(&mut self) {
        let mut query = self.filters();
        self.add_sort(&mut query);
        let limit = 1 + self.random.below(2);
        query.push(("limit".to_owned(), limit.to_string()));
        for page in 1..=3 {
            let mut query = query.clone();
            if page > 1 {
                query.push(("page".to_owned(), page.to_string()));
            }
            self.push(Operation::List, query, Body::None);
        }
    }

    fn filters(&mut self) -> Vec<(String, String)> {
        let mut query: Vec<(String, String)> = Vec::new();
        let mut add = |name: &str, value: String| query.push((name.to_owned(), value));
        if self.scope.writes && self.random.one_in(3) {
            add("created_date__gte", SINCE.to_owned());
        } else {
            let sku = self.sku();
            // A SKU that begins with none of the sequence's would find stocks of others.
            add("sku", sku);
            if self.random.one_in(30) {
                query.clear();
                let other = "${sku-of-other-case}".to_owned();
                query.push(("sku".to_owned(), other));
            }
        }
        let mut add = |name: &str, value: String| query.push((name.to_owned(), value));
        if !self.periods.is_empty() && self.random.one_in(3) {
            let period = self.periods[self.random.below(self.periods.len())];
            add(self.random.pick(&PERIOD_FILTERS), period.to_owned());
        }
        for _ in 0..self.random.below(3) {
            match self.random.below(15) {
                0..3 => {
                    let (name, value) = self.compared("stock");
                    add(&name, value);
                }
                3..5 => {
                    let (name, value) = self.compared("reserved_stock");
                    add(&name, value);
                }
                5..7 => {
                    let (name, value) = self.dated();
                    add(name, value);
                }
                7 => {
                    let values = ["true", "false", "False", "1", "0", "maybe", ""];
                    add("is_active", self.random.pick(&values).to_owned());
                }
                8 => {
                    let values = ["qty", "kg", "quantity", "kilogram", "piece"];
                    add("unit_type", self.random.pick(&values).to_owned());
                }
                9 => {
                    let values = ["standard", "scheduled", "Standard"];
                    add("stock_type", self.random.pick(&values).to_owned());
                }
                10 => {
                    let (_, location) = self.place();
                    add("location", location.to_owned());
                }
                11 => {
                    let value = match self.random.below(3) {
                        0 if self.scope.has_id => "${provider-id}",
                        1 => "${sku3}",
                        _ => "${provider}",
                    };
                    let names = ["provider", "provider", "provider_name"];
                    let name = match self.random.pick(&names) {
                        "provider_name" if !self.scope.compares_names => "provider",
                        name => name,
                    };
                    let value = if name == "provider" {
                        value
                    } else {
                        "${provider}"
                    };
                    add(name, value.to_owned());
                }
                12 => {
                    let (lower, upper) = PERIODS[self.random.below(PERIODS.len())];
                    let value = if self.random.one_in(2) { lower } else { upper };
                    add(self.random.pick(&PERIOD_FILTERS), value.to_owned());
                }
                13 if !self.scope.parts.is_empty() => {
                    let (name, part) = self.scope.parts[self.random.below(self.scope.parts.len())];
                    add(name, format!("${{{part}}}"));
                }
                13 => {}
                _ => match self.random.below(3) {
                    // Unknown parameters are ignored.
                    0 => add("stock_gt", "3".to_owned()),
                    1 => add("nothing", "1".to_owned()),
                    _ => {
                        add("reserved_stock__gte", "x".to_owned());
                        add("modified_date__lt", "yesterday".to_owned());
                    }
                },
            }
        }
        query
    }

    fn compared(&mut self, field: &str) -> (String, String) {
        let lookups = ["", "__gt", "__gte", "__lt", "__lte"];
        let values = [
            "0",
            "1",
            "1",
            "2",
            "3",
            "4",
            "5",
            "6",
            "7",
            "8",
            "-1",
            "2147483647",
            "5.0",
            "2.5",
            "x",
        ];
        let lookup = self.random.pick(&lookups);
        let mut value = self.random.pick(&values).to_owned();
        if field == "stock" && !self.numbers.is_empty() && self.random.one_in(2) {
            value = self.numbers[self.random.below(self.numbers.len())].to_string();
        } else if field == "reserved_stock" && self.random.one_in(2) {
            value = self.random.below(4).to_string();
        }
        (format!("{field}{lookup}"), value)
    }

    /// Returns a date filter at a date-time from an answer, or a microsecond beside it. The results
    /// must not depend on the time between two writes.
    fn dated(&mut self) -> (&'static str, String) {
        if self.shown.is_empty() {
            return ("created_date__gte", "2001-01-01T00:00:00+03:00".to_owned());
        }
        let date = self.date_shown();
        let is_created = date.contains("created_date");
        let (lookup, shift) = [
            ("", ""),
            ("__gt", ""),
            ("__gte", ""),
            ("__lt", ""),
            ("__lte", ""),
            ("__gte", " + 1"),
            ("__lt", " + 1"),
            ("__gt", " - 1"),
            ("__lte", " - 1"),
        ][self.random.below(9)];
        let name = match (is_created, lookup) {
            (true, "") => "created_date",
            (true, "__gt") => "created_date__gt",
            (true, "__gte") => "created_date__gte",
            (true, "__lt") => "created_date__lt",
            (true, _) => "created_date__lte",
            (false, "") => "modified_date",
            (false, "__gt") => "modified_date__gt",
            (false, "__gte") => "modified_date__gte",
            (false, "__lt") => "modified_date__lt",
            (false, _) => "modified_date__lte",
        };
        let date = match date.strip_suffix('}') {
            Some(date) => format!("{date}{shift}}}"),
            None => date,
        };
        (name, date)
    }

    /// Adds an order that is unique for any two rows.
    fn add_sort(&mut self, query: &mut Vec<(String, String)>) {
        if !self.random.one_in(3) {
            return;
        }
        let fields = [
            "stock",
            "-stock",
            "reserved_stock",
            "-reserved_stock",
            "is_active",
            "-is_active",
            "unit_type",
            "-stock_type",
            "stock_type",
            "location",
            "-location",
            "provider",
            "created_date",
            "-created_date",
            "modified_date",
            "-modified_date",
            "nothing",
        ];
        let mut sort = String::new();
        for _ in 0..=self.random.below(2) {
            sort.push_str(self.random.pick(&fields));
            sort.push(',');
        }
        sort.push_str(if self.random.one_in(2) { "id" } else { "-id" });
        query.push(("sort".to_owned(), sort));
    }

    fn query(&mut self) {
        let operation = [
            Operation::Query,
            Operation::MultiQuery,
            Operation::Salable,
            Operation::MultiSalable,
        ][self.random.below(4)];
        let is_multi = matches!(operation, Operation::MultiQuery | Operation::MultiSalable);
        let sku = if is_multi {
            let count = 1 + self.random.below(3);
            (0..count).map(|_| Value::from(self.sku())).collect()
        } else {
            Value::from(self.sku())
        };
        if self.random.one_in(24) {
            self.send(operation, json!({}), false);
        } else {
            self.look_at(operation, &sku);
        }
    }

    fn look_at(&mut self, operation: Operation, sku: &Value) {
        let by_query = self.scope.queries_by_query != self.random.one_in(12);
        self.send(operation, json!({"sku": sku}), by_query);
    }

    fn active(&mut self) {
        let operation = if self.random.one_in(5) && self.scope.has_alias {
            Operation::ActiveAlias
        } else {
            Operation::Active
        };
        let sku = self.sku();
        let query = vec![("limit".to_owned(), "1000".to_owned())];
        self.push(operation, query, Body::Json(json!({"sku": sku})));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        Scope {
            has_second: true,
            has_foreign: true,
            has_id: true,
            has_opted_out: true,
            has_list: true,
            has_alias: true,
            compares_names: true,
            writes: true,
            ..Scope::default()
        }
    }

    #[test]
    fn a_seed_gives_the_same_sequences() {
        for number in 0..50 {
            assert_eq!(sequence(3, number, &scope()), sequence(3, number, &scope()));
        }
        assert_ne!(sequence(3, 1, &scope()), sequence(4, 1, &scope()));
    }

    #[test]
    fn every_operation_comes_up_and_reading_alone_never_writes() {
        let steps: Vec<_> = (0..400)
            .flat_map(|number| sequence(1, number, &scope()))
            .collect();
        for operation in Operation::all() {
            assert!(steps.iter().any(|step| step.operation == operation));
        }
        let reads = Scope {
            writes: false,
            ..scope()
        };
        let steps = (0..100).flat_map(|number| sequence(1, number, &reads));
        for step in steps {
            assert!(step.operation.is_reading(), "{step:?}");
        }
    }
}
