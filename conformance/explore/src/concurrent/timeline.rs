//! A history as a drawing over time, with a line for each call.

use std::fmt::Write as _;

use super::model::{Call, Saw};
use super::{DATES, Event};

/// The width of the time axis, columns.
const WIDTH: u64 = 40;

/// Describes the contradiction in a history in one line: a status that cannot be, or two answers
/// that cannot both be right.
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

/// Draws the calls in the order of their beginnings. A call without an answer has an open end.
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

#[cfg(test)]
mod tests {
    use super::super::model::Row;
    use super::*;

    fn event(client: usize, call: Call, reserved: i64, (start, end): (u64, u64)) -> Event {
        Event {
            client,
            call,
            saw: Some(Saw::Stock(Row { stock: 5, reserved })),
            start,
            end: Some(end),
            exchange: None,
        }
    }

    const CREATE: Call = Call::Create { place: 0, stock: 5 };

    fn increase(date: Option<usize>) -> Call {
        Call::Increase { place: 0, date }
    }

    #[test]
    fn what_is_wrong_is_said_in_the_words_of_the_api() {
        let said = |first, second, reserved| {
            let history = [
                event(0, CREATE, 0, (0, 1)),
                event(1, first, 1, (2, 9)),
                event(2, second, reserved, (3, 8)),
            ];
            summary(&history)
        };
        let none = "no order of 3 calls explains their answers";
        assert_eq!(
            said(increase(None), increase(Some(1)), 1),
            format!("{none}: two increases both show reserved_stock 1, so one is lost")
        );
        assert_eq!(
            said(increase(Some(1)), increase(Some(1)), 2),
            format!("{none}: two 201s for one date")
        );
        assert_eq!(
            said(CREATE, CREATE, 0),
            format!("{none}: one stock was created twice")
        );
    }

    #[test]
    fn calls_are_drawn_where_they_lie_in_time() {
        let history = [
            event(0, CREATE, 0, (100, 110)),
            event(1, increase(Some(1)), 1, (120, 180)),
            Event {
                saw: None,
                end: None,
                ..event(2, increase(None), 1, (140, 150))
            },
        ];
        let drawn = draw(&history);
        let lines: Vec<&str> = drawn.lines().collect();
        assert_eq!(
            lines,
            [
                "client 0  ├───┤                                     create 5  201, stock 5, reserved 0",
                "client 1           ├─────────────────────────────┤  increase of 2099-01-01  201, stock 5, reserved 1",
                "client 2                     ├───────────────────…  increase  no answer yet",
                "80 µs from the first call to the last answer",
            ]
        );
    }
}
