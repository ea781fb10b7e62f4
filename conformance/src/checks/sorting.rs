//! `sort`: every field up and down, over all pages. What it passes over is in `sort.yaml`.
//!
//! The page names no field to sort by, so all of this is the stack's.

use std::cmp::Ordering;

use serde_json::{Value, json};

use super::CodeCheck;
use super::filters::location_of;
use super::pages::{STOCKS, page, rows, stock_of, walk};
use crate::cases::case::{Capability, given};
use crate::cases::probe::{Ask, Probe, Stop};
use crate::cases::scope::moment;
use crate::model::finding::Level;

pub(super) const CHECKS: &[CodeCheck] = &[
    CodeCheck {
        id: "sort/default-order-is-by-id",
        title: "Without a `sort` the stocks come in the order of their ids",
        section: "List Stock",
        quote: "\"id\": 2,",
        run: |probe| {
            let stocks = Stocks::create(probe)?;
            let shown = stocks.shown(probe, None, 2)?;
            in_order(probe, &shown, &[("id", false)])
        },
        ..SORT
    },
    CodeCheck {
        id: "sort/every-field-ascends",
        title: "A `sort` by any field of a stock begins with the least",
        run: |probe| every_field(probe, false),
        ..SORT
    },
    CodeCheck {
        id: "sort/every-field-descends",
        title: "A `sort` by any field with a minus begins with the most",
        run: |probe| every_field(probe, true),
        ..SORT
    },
    CodeCheck {
        id: "sort/further-fields-order-what-is-equal",
        title: "The second field of a `sort` orders the stocks that are equal in the first",
        run: |probe| {
            let stocks = Stocks::create(probe)?;
            for fields in [
                [("stock", false), ("id", true)],
                [("stock", true), ("sku", false)],
                [("is_active", true), ("modified_date", true)],
            ] {
                let shown = stocks.shown(probe, Some(&fields), 4)?;
                in_order(probe, &shown, &fields)?;
            }
            Ok(())
        },
        ..SORT
    },
    CodeCheck {
        id: "sort/orders-across-pages",
        title: "A `sort` orders the whole list before it is cut into pages",
        run: |probe| {
            let stocks = Stocks::create(probe)?;
            for fields in [[("sku", true)], [("modified_date", true)]] {
                let shown = stocks.shown(probe, Some(&fields), 1)?;
                in_order(probe, &shown, &fields)?;
            }
            Ok(())
        },
        ..SORT
    },
    CodeCheck {
        id: "sort/equal-stocks-keep-their-order",
        title: "Asked twice, a `sort` shows the stocks that it leaves equal in the same order",
        run: repeated,
        ..SORT
    },
    CodeCheck {
        id: "sort/places-stay-together",
        title: "A `sort` by location shows the stocks of each together, with a minus the last first",
        run: places,
        ..SORT
    },
    CodeCheck {
        id: "readings/place-order",
        title: "Whether places are ordered by what is shown or by their ids",
        level: Level::Must,
        section: "Search Stocks",
        quote: "&stock_type=<string>&sort=<string>",
        capability: Some(Capability::Places),
        reading: Some("place-order"),
        run: place_order,
        ..SORT
    },
];

const SORT: CodeCheck = CodeCheck {
    level: Level::Should,
    section: "docs/stack.md#ordering",
    quote: "sort=bogus,-stock sorts by stock, descending",
    needs: &["provider", "location", "second-location"],
    ..CodeCheck::WRITE
};

/// What the stocks of a check can be told apart by, in the order of a stock's members.
const FIELDS: &[&str] = &[
    "id",
    "created_date",
    "modified_date",
    "stock_type",
    "unit_type",
    "stock",
    "is_active",
    "sku",
];

/// Fields of a `sort`, and whether they go down.
pub(super) type Fields<'a> = &'a [(&'a str, bool)];

/// Four stocks whose order differs by every field, and a number that nobody else has
/// reserved, so that they are found by it whatever SKUs they are of.
pub(super) struct Stocks {
    /// In the order of their ids.
    pub(super) rows: Vec<Value>,
    reserved: u32,
}

impl Stocks {
    /// Creates them. What was created first is changed last but for the second.
    pub(super) fn create(probe: &mut Probe<'_>) -> Result<Self, Stop> {
        let [first, second, third] = ["sku", "sku2", "sku3"].map(|name| probe.need(name));
        let (first, second, third) = (first?, second?, third?);
        let elsewhere = probe.need("second-location")?;
        let reserved = number_of(&first);
        let stocks = [
            json!({"sku": second, "stock": 10, "unit_type": "kg"}),
            json!({"sku": first, "stock": 9, "is_active": false, "location": elsewhere}),
            json!({"sku": third, "stock": 9, "stock_type": "scheduled"}),
            json!({"sku": first, "stock": 100}),
        ];
        let mut rows = Vec::new();
        for mut stock in stocks {
            stock["reserved_stock"] = reserved.into();
            rows.push(given(probe, "stock", &stock)?);
        }
        // The first is changed last: its quantity is set to what it is.
        let mut change = stock_of(probe, &second)?;
        change["stock"] = 10.into();
        let upsert = Ask::post("/api/v1/stocks/insert_or_update_stock/", change);
        let answer = probe.send(&upsert.named("changed").setup())?;
        let changed = probe.send(
            &Ask::get(STOCKS)
                .with("sku", &second)
                .named("changed")
                .setup(),
        )?;
        let row = changed
            .body
            .as_ref()
            .and_then(|body| body.pointer("/results/0"));
        match (answer.status, row) {
            (200, Some(row)) => rows[0] = row.clone(),
            (status, _) => {
                let why = format!("expected 200 from upsert-stocks, got {status}");
                return Err(Stop::Setup(why));
            }
        }
        Ok(Self { rows, reserved })
    }

    /// Asks for them, and nothing else.
    pub(super) fn ask(&self) -> Ask {
        Ask::get(STOCKS).with("reserved_stock", self.reserved)
    }

    /// All of them as a `sort` orders them, so many a page.
    fn shown(
        &self,
        probe: &mut Probe<'_>,
        sort: Option<Fields<'_>>,
        limit: usize,
    ) -> Result<Vec<Value>, Stop> {
        let ask = match sort {
            Some(fields) => self.ask().with("sort", term(fields)),
            None => self.ask(),
        };
        let pages = walk(probe, &ask.with("limit", limit), self.rows.len() + 1)?;
        let shown: Vec<_> = rows(&pages).into_iter().cloned().collect();
        let (expected, mut got) = (ids(&self.rows), ids(&shown));
        got.sort_unstable();
        if got == expected {
            return Ok(shown);
        }
        let sort = sort.map_or_else(|| "no sort".to_owned(), |f| format!("sort={}", term(f)));
        Err(probe.fail(format!(
            "{sort}: expected the stocks {expected:?}, got {got:?}"
        )))
    }
}

/// A number of nine digits and more that another SKU hardly has.
pub(super) fn number_of(sku: &str) -> u32 {
    let hash = sku.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    100_000_000 + hash % 2_000_000_000
}

/// The ids of stocks, as they come.
pub(super) fn ids<'a>(rows: impl IntoIterator<Item = &'a Value>) -> Vec<i64> {
    rows.into_iter()
        .filter_map(|row| row["id"].as_i64())
        .collect()
}

pub(super) fn term(fields: Fields<'_>) -> String {
    let terms = fields
        .iter()
        .map(|(name, down)| format!("{}{name}", if *down { "-" } else { "" }));
    terms.collect::<Vec<_>>().join(",")
}

/// How two values of a member stand to each other, where every service agrees on it: texts
/// only where their letters are of one alphabet and case, as those of the suite's SKUs are.
pub(super) fn compare(one: &Value, other: &Value) -> Ordering {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_i64().cmp(&other.as_i64()),
        (Value::Bool(one), Value::Bool(other)) => one.cmp(other),
        (Value::String(one), Value::String(other)) => match (moment(one), moment(other)) {
            (Some((one, _)), Some((other, _))) => one.cmp(&other),
            _ => one.cmp(other),
        },
        _ => Ordering::Equal,
    }
}

/// How two stocks stand to each other by these fields.
pub(super) fn order(fields: Fields<'_>, one: &Value, other: &Value) -> Ordering {
    let orders = fields.iter().map(|(name, down)| {
        let order = compare(&one[*name], &other[*name]);
        if *down { order.reverse() } else { order }
    });
    orders.fold(Ordering::Equal, Ordering::then)
}

/// Each stock must not come before its neighbour by these fields.
pub(super) fn in_order(
    probe: &mut Probe<'_>,
    rows: &[Value],
    fields: Fields<'_>,
) -> Result<(), Stop> {
    let wrong = rows
        .windows(2)
        .find(|pair| order(fields, &pair[0], &pair[1]).is_gt());
    let Some(pair) = wrong else { return Ok(()) };
    let shown = |row: &Value| {
        let values = fields
            .iter()
            .map(|(name, _)| format!("{name} {}", row[*name]));
        values.collect::<Vec<_>>().join(", ")
    };
    Err(probe.fail(format!(
        "sort={}: expected {} before {}, got it behind",
        term(fields),
        shown(&pair[1]),
        shown(&pair[0])
    )))
}

fn every_field(probe: &mut Probe<'_>, down: bool) -> Result<(), Stop> {
    let stocks = Stocks::create(probe)?;
    for field in FIELDS {
        let fields = [(*field, down)];
        let shown = stocks.shown(probe, Some(&fields), stocks.rows.len())?;
        in_order(probe, &shown, &fields)?;
    }
    Ok(())
}

fn repeated(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let stocks = Stocks::create(probe)?;
    for field in ["stock", "is_active"] {
        let ask = stocks
            .ask()
            .with("sort", field)
            .with("limit", stocks.rows.len());
        let (once, again) = (page(probe, &ask)?, page(probe, &ask)?);
        let (once, again) = (ids(&once.rows), ids(&again.rows));
        if once != again {
            return Err(probe.fail(format!(
                "sort={field}: expected the stocks {once:?} again, got {again:?}"
            )));
        }
    }
    Ok(())
}

fn places(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let stocks = Stocks::create(probe)?;
    let mut orders = Vec::new();
    for down in [false, true] {
        let fields = [("location", down)];
        let shown = stocks.shown(probe, Some(&fields), stocks.rows.len())?;
        let mut codes: Vec<_> = shown.iter().map(|row| row["location"].clone()).collect();
        codes.dedup();
        orders.push(codes);
    }
    orders[1].reverse();
    if orders[0].len() == 2 && orders[0] == orders[1] {
        return Ok(());
    }
    Err(probe.fail(format!(
        "expected two locations by sort=location, and the reverse by sort=-location, got {} and {}",
        Value::from(orders[0].clone()),
        Value::from(orders[1].iter().rev().cloned().collect::<Vec<_>>())
    )))
}

fn place_order(probe: &mut Probe<'_>) -> Result<(), Stop> {
    let [one, other] = ["location", "second-location"].map(|name| probe.need(name));
    let (one, other) = (one?, other?);
    let Some(by_code) = plain_order(&one, &other) else {
        return Err(Stop::Unsupported(format!(
            "which of `{one}` and `{other}` comes first is a matter of language"
        )));
    };
    let provider = probe.need("provider")?;
    let first = location_of(probe, &one, &provider)?;
    let second = location_of(probe, &other, &provider)?;
    let by_id = compare(&first["id"], &second["id"]);
    let stock = given(probe, "one", &json!({}))?;
    given(probe, "other", &json!({"location": other}))?;
    let got = first_by(probe, "sku", "location", &stock)?;
    let mut fitting = vec![("code", by_code), ("id", by_id)];
    fitting.retain(|(_, order)| *order == got);
    // Providers are ordered like locations, where there are two to be told apart.
    let names = ["opted-out-provider", "opted-out-location"].map(|name| probe.need(name));
    if let [Ok(elsewhere), Ok(foreign)] = names
        && let Some(by_name) = plain_order(&provider, &elsewhere)
    {
        let abroad = location_of(probe, &foreign, &elsewhere)?;
        let by_id = compare(&first["provider"], &abroad["provider"]);
        let sku = probe.need("sku2")?;
        let stock = given(probe, "one's", &json!({"sku": sku}))?;
        let its = json!({"sku": sku, "provider": elsewhere, "location": foreign});
        given(probe, "another's", &its)?;
        let got = first_by(probe, "sku2", "provider", &stock)?;
        fitting.retain(|(choice, _)| got == if *choice == "code" { by_name } else { by_id });
    }
    let fitting = fitting.into_iter().map(|(id, _)| id.to_owned());
    probe.choices = Some(fitting.collect());
    Ok(())
}

/// Whether a stock comes before or behind the other of its SKU by a field.
fn first_by(
    probe: &mut Probe<'_>,
    sku: &str,
    field: &str,
    stock: &Value,
) -> Result<Ordering, Stop> {
    let sku = probe.need(sku)?;
    let ask = Ask::get(STOCKS).with("sku", sku).with("sort", field);
    let shown = page(probe, &ask.with("limit", 1))?;
    let first = shown.rows.first();
    if first.is_some_and(|row| row["id"] == stock["id"]) {
        Ok(Ordering::Less)
    } else {
        Ok(Ordering::Greater)
    }
}

/// The order of two texts, if all languages agree on it: the first signs that differ are
/// both digits or both small letters of ASCII.
fn plain_order(one: &str, other: &str) -> Option<Ordering> {
    let (one, other) = one
        .bytes()
        .zip(other.bytes())
        .find(|(one, other)| one != other)?;
    let alike = |is: fn(&u8) -> bool| is(&one) && is(&other);
    let agreed = alike(u8::is_ascii_digit) || alike(u8::is_ascii_lowercase);
    agreed.then(|| one.cmp(&other))
}
