//! A history drawn over time, a line a call.

use std::fmt::Write as _;

use super::model::{Call, Saw};
use super::{DATES, Event};

/// How many columns time takes.
const WIDTH: u64 = 40;

/// What is wrong with a history, in a line: what its last answer has in common with
/// another.
pub(super) fn summary(history: &[Event]) -> String {
    let answered: Vec<_> = history.iter().filter(|event| event.end.is_some()).collect();
    let strange = answered.iter().find_map(|event| match event.saw {
        Some(Saw::Other(status)) => Some((event.call.kind(), status)),
        _ => None,
    });
    if let Some((kind, status)) = strange {
        return format!(
            "no order of {} explains their answers: one {kind} was answered {status}",
            calls(history)
        );
    }
    let mut why = String::new();
    for (position, first) in answered.iter().enumerate() {
        for second in &answered[position + 1..] {
            let (Some(Saw::Stock(one)), Some(Saw::Stock(other))) = (first.saw, second.saw) else {
                continue;
            };
            let (kind, place) = (first.call.kind(), first.call.place());
            if (kind, place) != (second.call.kind(), second.call.place()) {
                continue;
            }
            let is_one_date = first.call.date().is_some() && first.call == second.call;
            why = match first.call {
                Call::Create { .. } => ": one stock was created twice".to_owned(),
                _ if is_one_date => ": two 201s for one date".to_owned(),
                _ if one.reserved == other.reserved && why.is_empty() => format!(
                    ": two {kind}s both show reserved_stock {}, so one is lost",
                    one.reserved
                ),
                _ => why,
            };
        }
    }
    format!("no order of {} explains their answers{why}", calls(history))
}

fn calls(history: &[Event]) -> String {
    match history.len() {
        1 => "1 call".to_owned(),
        count => format!("{count} calls"),
    }
}

/// The calls by their beginnings; an open end has no answer yet.
pub(super) fn draw(history: &[Event]) -> String {
    let mut events: Vec<&Event> = history.iter().collect();
    events.sort_by_key(|event| event.start);
    let first = events.first().map_or(0, |event| event.start);
    let last = events
        .iter()
        .map(|event| event.end.unwrap_or(event.start))
        .max()
        .unwrap_or(first);
    let span = (last - first).max(1);
    let column = |moment: u64| (moment - first) * (WIDTH - 1) / span;
    let mut text = String::new();
    for event in events {
        let start = column(event.start);
        let (end, mark) = match event.end {
            Some(end) => (column(end), "┤"),
            None => (WIDTH - 1, "…"),
        };
        let mut line = " ".repeat(usize::try_from(start).unwrap_or(0));
        if end > start {
            line.push('├');
            line.push_str(&"─".repeat(usize::try_from(end - start - 1).unwrap_or(0)));
            line.push_str(mark);
        } else {
            line.push('│');
        }
        let filled = usize::try_from(WIDTH).unwrap_or(0);
        let _ = writeln!(
            text,
            "client {:<2} {line:<filled$}  {}  {}",
            event.client,
            asked(event.call),
            answered(event.saw.as_ref())
        );
    }
    let _ = writeln!(text, "{span} µs from the first call to the last answer");
    text
}

fn asked(call: Call) -> String {
    let at = |place: usize| {
        if place == 0 {
            ""
        } else {
            " at the second location"
        }
    };
    let dated = |date: Option<usize>| {
        date.map_or_else(String::new, |date| format!(" of {}", &DATES[date][..10]))
    };
    match call {
        Call::Create { place, stock } => format!("create {stock}{}", at(place)),
        Call::Upsert { place, stock } => format!("upsert {stock}{}", at(place)),
        Call::Increase { place, date } => format!("increase{}{}", dated(date), at(place)),
        Call::Decrease { place, date } => format!("decrease{}{}", dated(date), at(place)),
        Call::Look => "look".to_owned(),
    }
}

fn answered(saw: Option<&Saw>) -> String {
    match saw {
        None => "no answer yet".to_owned(),
        Some(Saw::Stock(row)) => format!("201, stock {}, reserved {}", row.stock, row.reserved),
        Some(Saw::Exists) => "400, it exists".to_owned(),
        Some(Saw::Reported) => "208".to_owned(),
        Some(Saw::Missing) => "404".to_owned(),
        Some(Saw::Done) => "200".to_owned(),
        Some(Saw::NotTaken) => "429".to_owned(),
        Some(Saw::Other(status)) => format!("{status}, which no order gives"),
        Some(Saw::Rows(rows)) => {
            let rows: Vec<_> = rows
                .iter()
                .map(|row| match row {
                    None => "none".to_owned(),
                    Some(row) => format!("stock {}, reserved {}", row.stock, row.reserved),
                })
                .collect();
            format!("200, {}", rows.join(" and "))
        }
    }
}
