//! The answer to `OPTIONS`: the media types of a path, the fields of its POST, its filters.
//!
//! Source: docs/stack.md#metadata; the `filters` block is the page's,
//! docs/contract.md#search-stocks.

use super::Resource;
use super::call::Call;
use crate::model::stock::{StockType, UnitType};
use crate::query::FILTERS;
use crate::wire::json;

/// A field as `OPTIONS` shows it.
#[derive(Debug, Clone, Copy)]
pub struct Meta {
    name: &'static str,
    kind: &'static str,
    needs: Needs,
    label: &'static str,
    more: More,
}

impl Meta {
    /// The name of the field.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The type of the field in the words of `OPTIONS`.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// Returns `true` if only the service sets the field.
    pub fn is_read_only(&self) -> bool {
        self.needs == ReadOnly
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    Required,
    Optional,
    ReadOnly,
}

#[derive(Debug, Clone, Copy)]
enum More {
    Nothing,
    Length(u32),
    /// The maximum length, which the reading `sku-length` sets.
    SkuLength,
    Int32,
    StockTypes,
    UnitTypes,
    /// The two date-times of a range.
    Moments,
}

use More::{Int32, Length, Moments, Nothing, SkuLength, StockTypes, UnitTypes};
use Needs::{Optional, ReadOnly, Required};

const fn meta(
    name: &'static str,
    kind: &'static str,
    needs: Needs,
    label: &'static str,
    more: More,
) -> Meta {
    Meta {
        name,
        kind,
        needs,
        label,
        more,
    }
}

const ID: Meta = meta("id", "integer", ReadOnly, "ID", Nothing);
const CREATED: Meta = meta(
    "created_date",
    "datetime",
    ReadOnly,
    "Created date",
    Nothing,
);
const MODIFIED: Meta = meta(
    "modified_date",
    "datetime",
    ReadOnly,
    "Modified date",
    Nothing,
);
const IS_ACTIVE: Meta = meta("is_active", "boolean", Optional, "Is active", Nothing);
const NAME: Meta = meta("name", "string", Required, "Name", Length(255));
const CODE: Meta = meta("code", "string", Required, "Code", Length(255));

/// The fields of a stock.
pub const STOCK: &[Meta] = &[
    ID,
    CREATED,
    MODIFIED,
    meta("period", "nested object", Optional, "Period", Moments),
    meta("stock_type", "choice", Optional, "Stock type", StockTypes),
    meta("unit_type", "choice", Optional, "Unit type", UnitTypes),
    meta("provider", "field", Required, "Provider", Nothing),
    meta("location", "field", Required, "Location", Nothing),
    meta("stock", "integer", Required, "Stock", Int32),
    IS_ACTIVE,
    meta("sku", "string", Required, "Sku", SkuLength),
    meta(
        "reserved_stock",
        "integer",
        Optional,
        "Reserved stock",
        Int32,
    ),
];

/// The arguments of a reservation.
pub const RESERVATION: &[Meta] = &[
    meta("sku", "string", Required, "Sku", Nothing),
    meta("location", "string", Required, "Location", Nothing),
    meta("provider", "string", Optional, "Provider", Nothing),
    meta("date", "datetime", Optional, "Date", Nothing),
];

/// The arguments of active stocks.
pub const ACTIVE_STOCKS: &[Meta] = &[meta("sku", "string", Optional, "Sku", Nothing)];

/// The fields of the login.
pub const LOGIN: &[Meta] = &[
    meta("username", "string", Optional, "Username", Nothing),
    meta("password", "string", Required, "Password", Nothing),
];

/// The fields of a provider.
pub const PROVIDER: &[Meta] = &[
    ID,
    CREATED,
    MODIFIED,
    IS_ACTIVE,
    NAME,
    CODE,
    meta(
        "should_add_reservations",
        "boolean",
        Optional,
        "Should add reservations",
        Nothing,
    ),
];

/// The fields of a stock location.
pub const LOCATION: &[Meta] = &[
    ID,
    CREATED,
    MODIFIED,
    IS_ACTIVE,
    NAME,
    CODE,
    meta("provider", "field", Required, "Provider", Nothing),
];

/// The fields of a stock list.
pub const STOCK_LIST: &[Meta] = &[
    ID,
    CREATED,
    MODIFIED,
    IS_ACTIVE,
    CODE,
    NAME,
    meta("remote_id", "integer", Optional, "Remote id", Int32),
    meta(
        "stock_list_rule",
        "integer",
        Optional,
        "Stock list rule",
        Int32,
    ),
];

/// The body of an answer to `OPTIONS`, as JSON.
pub fn describe(resource: &Resource, call: &Call<'_>) -> Vec<u8> {
    let mut out = b"{\"name\":".to_vec();
    json::write_string(&mut out, resource.title);
    out.extend_from_slice(
        b",\"description\":\"\",\"renders\":[\"application/json\"],\"parses\":[\"application/json\",\
          \"application/x-www-form-urlencoded\",\"multipart/form-data\"]",
    );
    if !resource.fields.is_empty() {
        out.extend_from_slice(b",\"actions\":{\"POST\":{");
        for (i, field) in resource.fields.iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            write_field(&mut out, *field, call);
        }
        out.extend_from_slice(b"}}");
    }
    if resource.filters {
        out.extend_from_slice(b",\"filters\":{");
        for (i, filter) in FILTERS.iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            json::write_string(&mut out, filter.name);
            out.extend_from_slice(b":{\"type\":");
            json::write_string(&mut out, filter.type_name);
            out.extend_from_slice(b",\"lookup_types\":[");
            for (i, lookup) in filter.lookups.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                json::write_string(&mut out, lookup);
            }
            out.extend_from_slice(b"]}");
        }
        out.push(b'}');
    }
    out.push(b'}');
    out
}

fn write_field(out: &mut Vec<u8>, field: Meta, call: &Call<'_>) {
    json::write_string(out, field.name);
    out.extend_from_slice(b":{\"type\":");
    json::write_string(out, field.kind);
    out.extend_from_slice(b",\"required\":");
    json::write_bool(out, field.needs == Required);
    out.extend_from_slice(b",\"read_only\":");
    json::write_bool(out, field.needs == ReadOnly);
    out.extend_from_slice(b",\"label\":");
    json::write_string(out, field.label);
    let length = |out: &mut Vec<u8>, length: u32| {
        out.extend_from_slice(b",\"max_length\":");
        json::write_integer(out, length.into());
    };
    match field.more {
        Nothing => {}
        Length(most) => length(out, most),
        SkuLength => length(out, call.profile().sku_length),
        Int32 => out.extend_from_slice(b",\"min_value\":-2147483648,\"max_value\":2147483647"),
        StockTypes => write_choices(out, StockType::ALL.map(StockType::text)),
        UnitTypes => write_choices(out, UnitType::ALL.map(UnitType::text)),
        Moments => out.extend_from_slice(
            b",\"child\":{\"type\":\"datetime\",\"required\":true,\"read_only\":false}",
        ),
    }
    out.push(b'}');
}

fn write_choices(out: &mut Vec<u8>, choices: [&str; 2]) {
    out.extend_from_slice(b",\"choices\":[");
    for (i, choice) in choices.iter().enumerate() {
        out.extend_from_slice(if i == 0 {
            b"{\"value\":"
        } else {
            b",{\"value\":"
        });
        json::write_string(out, choice);
        out.extend_from_slice(b",\"display_name\":");
        json::write_string(out, choice);
        out.push(b'}');
    }
    out.push(b']');
}
