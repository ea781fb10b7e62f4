//! The order of stocks by their members.

use std::cmp::Ordering;

use serde_json::Value;

use crate::cases::probe::{Probe, Stop};
use crate::cases::scope::moment;

/// Fields of a `sort`, each with `true` where it is descending.
pub(crate) type Fields<'a> = &'a [(&'a str, bool)];

pub(crate) fn term(fields: Fields<'_>) -> String {
    let terms = fields
        .iter()
        .map(|(name, down)| format!("{}{name}", if *down { "-" } else { "" }));
    terms.collect::<Vec<_>>().join(",")
}

/// Returns the order of two values of a member on which every service agrees. Texts are comparable
/// only if their letters are of one alphabet and case, like those in the suite's SKUs.
pub(crate) fn compare(one: &Value, other: &Value) -> Ordering {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_i64().cmp(&other.as_i64()),
        (Value::Bool(one), Value::Bool(other)) => one.cmp(other),
        (Value::String(one), Value::String(other)) => match (moment(one), moment(other)) {
            (Some((one, _)), Some((other, _))) => one.cmp(&other),
            _ => one.cmp(other),
        },
        // Periods by their start: of equal starts not every database says more.
        (Value::Object(one), Value::Object(other)) => {
            match (one.get("lower"), other.get("lower")) {
                (Some(one), Some(other)) => compare(one, other),
                _ => Ordering::Equal,
            }
        }
        _ => Ordering::Equal,
    }
}

/// Returns the order of two stocks by these fields.
pub(crate) fn order(fields: Fields<'_>, one: &Value, other: &Value) -> Ordering {
    let orders = fields.iter().map(|(name, down)| {
        let order = compare(&one[*name], &other[*name]);
        if *down { order.reverse() } else { order }
    });
    orders.fold(Ordering::Equal, Ordering::then)
}

/// Fails the check if a stock comes before its predecessor by these fields.
pub(crate) fn in_order(
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
