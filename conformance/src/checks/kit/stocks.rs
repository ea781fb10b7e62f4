//! Stocks that a check creates, different in every member.

use serde_json::{Value, json};

use super::ordering::{Fields, term};
use super::paging::{STOCKS, rows, walk};
use crate::cases::case::given;
use crate::cases::probe::{Ask, Probe, Stop};

/// Four stocks whose order differs by every field. They share a reserved quantity that no other
/// stock has, by which they are found whatever their SKUs.
pub(crate) struct Stocks {
    /// The stocks, in the order of their ids.
    pub(crate) rows: Vec<Value>,
    reserved: u32,
}

impl Stocks {
    /// Creates the stocks. The one created first is the last to be modified.
    pub(crate) fn create(probe: &mut Probe<'_>) -> Result<Self, Stop> {
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
        // The first is modified last: its quantity is set to the value that it has.
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

    /// Creates six stocks with periods: three have the same start, and two of those the same
    /// end. No two share a SKU and a location.
    pub(crate) fn with_periods(probe: &mut Probe<'_>) -> Result<Self, Stop> {
        let [first, second, third] = ["sku", "sku2", "sku3"].map(|name| probe.need(name));
        let (first, second, third) = (first?, second?, third?);
        let elsewhere = probe.need("second-location")?;
        let reserved = number_of(&first);
        let mut rows = Vec::new();
        for (sku, is_elsewhere, lower, upper) in [
            (&first, false, 4, 9),
            (&second, false, 2, 8),
            (&third, false, 5, 6),
            (&first, true, 4, 9),
            (&second, true, 3, 12),
            (&third, true, 4, 5),
        ] {
            let mut stock = json!({
                "sku": sku, "stock": 5, "reserved_stock": reserved, "stock_type": "scheduled",
                "period": {
                    "lower": format!("2031-{lower:02}-01T08:00:00+03:00"),
                    "upper": format!("2031-{upper:02}-01T08:00:00+03:00"),
                    "bounds": "[)",
                },
            });
            if is_elsewhere {
                stock["location"] = elsewhere.as_str().into();
            }
            rows.push(given(probe, "stock", &stock)?);
        }
        Ok(Self { rows, reserved })
    }

    /// Returns a request for these stocks alone.
    pub(crate) fn ask(&self) -> Ask {
        Ask::get(STOCKS).with("reserved_stock", self.reserved)
    }

    /// Returns all of them in the order of a `sort`, with this many on a page.
    pub(crate) fn shown(
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

/// Returns a number of at least nine digits that is unlikely for another SKU.
pub(crate) fn number_of(sku: &str) -> u32 {
    let hash = sku.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    100_000_000 + hash % 2_000_000_000
}

/// Returns the ids of stocks, in their order.
pub(crate) fn ids<'a>(rows: impl IntoIterator<Item = &'a Value>) -> Vec<i64> {
    rows.into_iter()
        .filter_map(|row| row["id"].as_i64())
        .collect()
}

/// Returns the body that creates a stock of the run's provider.
pub(crate) fn stock_of(probe: &Probe<'_>, sku: &str) -> Result<Value, Stop> {
    let (provider, location) = (probe.need("provider")?, probe.need("location")?);
    Ok(json!({"sku": sku, "provider": provider, "location": location, "stock": 5}))
}
