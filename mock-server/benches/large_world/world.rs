//! A world of a million stocks as a file: 250,000 SKUs in one to seven of 48 stores each, of five
//! providers, with dates from two years. It is the same every time.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use whippy_engine::model::time::{Timestamp, UtcOffset};

/// The number of locations of all providers.
const LOCATIONS: usize = 48;
const PROVIDERS: usize = 5;
/// 2021-01-01T00:00:00Z, microseconds.
const OPENING: i64 = 1_609_459_200_000_000;
const DAY: i64 = 86_400_000_000;

/// The files of the world, which are deleted with this value, and its stocks.
#[derive(Debug)]
pub(crate) struct LargeWorld {
    folder: PathBuf,
    /// The whole world.
    pub(crate) file: String,
    /// A world with the same places, and no stock.
    pub(crate) empty_file: String,
    /// The stocks in the order of ids.
    pub(crate) stocks: Vec<Stock>,
}

/// A stock, as far as the benches ask for it.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::struct_field_names)] // The page's name.
pub(crate) struct Stock {
    sku: usize,
    location: usize,
    /// The quantity.
    pub(crate) stock: i64,
    /// The reserved quantity.
    pub(crate) reserved: i64,
    /// Creation, microseconds since 1970.
    pub(crate) created: i64,
    /// Last write, microseconds since 1970.
    pub(crate) modified: i64,
    /// Both ends of its period, microseconds since 1970; an upper end of `None` is open.
    pub(crate) period: Option<(i64, Option<i64>)>,
}

impl Stock {
    /// Returns the SKU, as long as that on the page.
    pub(crate) fn sku(&self) -> String {
        sku_text(self.sku)
    }

    /// Returns `true` if the SKU is in one store only.
    pub(crate) fn is_single(&self) -> bool {
        stores_of(self.sku) == 1
    }

    /// Returns the code of its location.
    pub(crate) fn location(&self) -> String {
        location_code(self.location)
    }

    /// Returns the name of its provider.
    pub(crate) fn provider(&self) -> String {
        provider_name(self.location)
    }
}

fn sku_text(sku: usize) -> String {
    // Spread over the range, like SKUs of many brands.
    format!("555AB{:013}", sku * 7_368_787 % 9_999_999_967)
}

/// Returns the number of stores with a SKU: four on average.
fn stores_of(sku: usize) -> usize {
    1 + sku % 7
}

fn location_code(location: usize) -> String {
    format!("store-{location:02}")
}

fn provider_name(location: usize) -> String {
    format!("provider_{}", location % PROVIDERS)
}

/// Formats a date as a client writes it.
pub(crate) fn date(micros: i64) -> String {
    Timestamp::EPOCH.plus(micros).to_text(UtcOffset::PAGE)
}

impl LargeWorld {
    /// Generates a world with this many stocks, and writes it.
    pub(crate) fn write(count: usize) -> io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("whippy-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let file = |name: &str| folder.join(name).to_string_lossy().into_owned();
        let world = Self {
            file: file("million.json"),
            empty_file: file("empty.json"),
            stocks: stocks(count),
            folder: folder.clone(),
        };
        write_world(&world.empty_file, &[])?;
        write_world(&world.file, &world.stocks)?;
        Ok(world)
    }
}

impl Drop for LargeWorld {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn stocks(count: usize) -> Vec<Stock> {
    let mut random = Random(1);
    let mut places: Vec<(usize, usize)> = (0..)
        .flat_map(|sku| (0..stores_of(sku)).map(move |i| (sku, (sku * 5 + i * 7) % LOCATIONS)))
        .take(count)
        .collect();
    for i in (1..places.len()).rev() {
        let other = random.below_index(i + 1);
        places.swap(i, other);
    }
    let mut created = OPENING;
    let mut stocks = Vec::with_capacity(count);
    for (sku, location) in places {
        created += random.below(130_000_000);
        let modified = created + 31 + random.below(200 * DAY);
        let is_scheduled = random.below(25) == 0;
        let lower = created - created % DAY + random.below(90) * DAY;
        let length = random.below(60) * DAY;
        stocks.push(Stock {
            sku,
            location,
            stock: random.below(25) * random.below(25),
            reserved: (random.below(20) - 15).max(0),
            created,
            modified,
            period: is_scheduled.then(|| (lower, (length > 0).then_some(lower + length))),
        });
    }
    stocks
}

fn write_world(path: &str, stocks: &[Stock]) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    out.write_all(b"{\"name\":\"million\",\"providers\":[")?;
    for i in 0..PROVIDERS {
        let comma = if i > 0 { "," } else { "" };
        write!(out, "{comma}{{\"name\":\"{}\"}}", provider_name(i))?;
    }
    out.write_all(b"],\"stock_locations\":[")?;
    for i in 0..LOCATIONS {
        let comma = if i > 0 { "," } else { "" };
        let (code, provider) = (location_code(i), provider_name(i));
        write!(
            out,
            "{comma}{{\"code\":\"{code}\",\"name\":\"Store {i:02}\",\"provider\":\"{provider}\"}}"
        )?;
    }
    out.write_all(b"],\"stock_lists\":[{\"code\":\"stock_list_1\"}],\"stocks\":[")?;
    for (i, stock) in stocks.iter().enumerate() {
        out.write_all(if i > 0 { b",\n" } else { b"\n" })?;
        write_stock(&mut out, i, stock)?;
    }
    out.write_all(b"\n]}\n")?;
    out.flush()
}

/// Writes a stock with every field, as in a dump.
fn write_stock(out: &mut impl Write, i: usize, stock: &Stock) -> io::Result<()> {
    let period = match stock.period {
        None => "null".to_owned(),
        Some((lower, None)) => format!(r#"{{"lower":"{}","bounds":"[)"}}"#, date(lower)),
        Some((lower, Some(upper))) => format!(
            r#"{{"lower":"{}","upper":"{}","bounds":"[)"}}"#,
            date(lower),
            date(upper)
        ),
    };
    write!(
        out,
        concat!(
            r#"{{"id":{},"created_date":"{}","modified_date":"{}","period":{},"#,
            r#""stock_type":"{}","unit_type":"{}","provider":"{}","location":"{}","#,
            r#""stock":{},"is_active":{},"sku":"{}","reserved_stock":{}}}"#
        ),
        i + 1,
        date(stock.created),
        date(stock.modified),
        period,
        if stock.period.is_some() {
            "scheduled"
        } else {
            "standard"
        },
        if i.is_multiple_of(11) { "kg" } else { "qty" },
        stock.provider(),
        stock.location(),
        stock.stock,
        !i.is_multiple_of(13),
        stock.sku(),
        stock.reserved,
    )
}

/// A stream of pseudorandom numbers, by `SplitMix64`.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: i64) -> i64 {
        let bound = u64::try_from(bound).unwrap_or(1);
        i64::try_from(self.next() % bound).unwrap_or_default()
    }

    fn below_index(&mut self, bound: usize) -> usize {
        usize::try_from(self.below(i64::try_from(bound).unwrap_or(1))).unwrap_or_default()
    }
}
