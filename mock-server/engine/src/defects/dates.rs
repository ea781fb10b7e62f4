//! Defects of the dates that stocks are shown with.

use serde_json::Value;

use super::edit::{Object, alter, set};
use super::effect::Effect::Row;
use super::effect::{Defect, defect};
use super::operations::STOCKS;
use crate::model::time::{Timestamp, UtcOffset};

#[rustfmt::skip]
pub(super) const ROWS: &[Defect] = &[
    defect("dates-without-offset", STOCKS, Row(|s| dates(s, |text| civil(text).into())), "Dates are shown without their offset from UTC."),
    defect("dates-with-a-false-z", STOCKS, Row(|s| dates(s, |text| format!("{}Z", civil(text)).into())), "Dates of the local zone are shown with a Z, as if they were UTC."),
    defect("dates-with-milliseconds", STOCKS, Row(|s| dates(s, |text| milliseconds(text).into())), "Dates have three digits of fraction in place of six."),
    defect("dates-without-fraction", STOCKS, Row(|s| dates(s, |text| without_fraction(text).into())), "Dates are cut to seconds."),
    defect("dates-with-a-space", STOCKS, Row(|s| dates(s, |text| text.replace('T', " ").into())), "Dates have a space in place of the T."),
    defect("dates-are-numbers", STOCKS, Row(|s| dates(s, |text| epoch(text).into())), "Dates are seconds since 1970."),
    defect("dates-are-days", STOCKS, Row(|s| dates(s, |text| text[..10].into())), "Dates are days."),
    defect("dates-swapped", STOCKS, Row(swapped), "`created_date` shows when a stock was modified, and `modified_date` when it was created."),
    defect("created-after-modified", STOCKS, Row(|s| dates_of(s, "created_date", |text| later(text).into())), "`created_date` is a day late, after `modified_date`."),
    defect("modified-date-is-created-date", STOCKS, Row(|s| if let Some(created) = s.get("created_date").cloned() { set(s, "modified_date", created) }), "`modified_date` always shows `created_date`."),
];

fn dates(stock: &mut Object, show: fn(&str) -> Value) {
    dates_of(stock, "created_date", show);
    dates_of(stock, "modified_date", show);
}

fn dates_of(stock: &mut Object, name: &str, show: fn(&str) -> Value) {
    alter(stock, name, |date| match date.as_str() {
        Some(text) if text.len() > 19 => show(text),
        _ => date.clone(),
    });
}

/// The index at which the offset begins, behind the date and the seconds.
fn offset_at(text: &str) -> usize {
    text[19..]
        .find(['Z', '+', '-'])
        .map_or(text.len(), |at| 19 + at)
}

fn civil(text: &str) -> &str {
    &text[..offset_at(text)]
}

fn milliseconds(text: &str) -> String {
    let fraction = format!("{:0<4}", text[19..offset_at(text)].replace('.', ""));
    format!(
        "{}.{}{}",
        &text[..19],
        &fraction[..3],
        &text[offset_at(text)..]
    )
}

fn without_fraction(text: &str) -> String {
    format!("{}{}", &text[..19], &text[offset_at(text)..])
}

fn epoch(text: &str) -> i64 {
    let at = Timestamp::parse(text, UtcOffset::PAGE);
    at.map_or(0, |at| at.micros() / 1_000_000)
}

fn later(text: &str) -> String {
    let local = UtcOffset::parse(&text[offset_at(text)..]).unwrap_or(UtcOffset::PAGE);
    Timestamp::parse(text, local).map_or_else(
        |_| text.to_owned(),
        |at| at.plus_seconds(86_400).to_text(local),
    )
}

fn swapped(stock: &mut Object) {
    let pair = (
        stock.get("created_date").cloned(),
        stock.get("modified_date").cloned(),
    );
    if let (Some(created), Some(modified)) = pair {
        set(stock, "created_date", modified);
        set(stock, "modified_date", created);
    }
}
