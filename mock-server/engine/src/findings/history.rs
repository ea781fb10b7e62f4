//! Mistakes that only several requests show: the same bad request again, retries that may count
//! twice, arrays that are sent row by row.
//!
//! Requests are remembered as hashes, in a bounded number. The oldest are forgotten first.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hasher};

use super::body::Arguments;
use super::exchange::Exchange;
use super::mistakes::{
    CREATE_OF_EXISTING, REDATED_RETRY, REPEATED_AFTER_REPORTED, REPEATED_BAD_REQUEST,
    ROW_BY_ROW_UPSERT, UNDATED_RESERVATION, UNDATED_RETRY,
};
use super::sheet::{Said, Sheet};
use crate::model::time::Timestamp;

/// The most requests of one kind that are remembered.
const REMEMBERED: usize = 256;

/// The time after a failure, in microseconds, in which an equal request counts as a retry.
const RETRY_WINDOW: i64 = 5 * 60 * 1_000_000;

/// The number of single-row upserts that make a loop, if they come within [`LOOP_WINDOW`].
const LOOP: usize = 10;

/// The length of a tight loop, in microseconds.
const LOOP_WINDOW: i64 = 10 * 1_000_000;

/// The remembered requests of one client.
#[derive(Debug, Default, Clone)]
pub(super) struct History {
    /// Requests that were refused with 400.
    refused: Recent,
    /// Reservations without a date that failed or were not answered.
    failed: Recent,
    /// Reservations with a date that failed or were not answered, by a hash of their stock.
    unheard: Recent,
    /// Reservations that were answered with 208.
    reported: Recent,
    /// The number of successful writes. A refusal that depends on the world may not come again
    /// after another write.
    writes: u64,
    /// The moments of the latest single-row upserts, without another write operation in
    /// between.
    row_by_row: VecDeque<Timestamp>,
}

/// A remembered request.
#[derive(Debug, Clone, Copy)]
struct Past {
    hash: u64,
    request: u64,
    at: Timestamp,
    status: Option<u16>,
    writes: u64,
    /// The hash of a reservation's date.
    when: u64,
}

/// A bounded queue of requests, the oldest first.
#[derive(Debug, Default, Clone)]
struct Recent(VecDeque<Past>);

impl Recent {
    fn find(&self, hash: u64) -> Option<Past> {
        self.0.iter().find(|past| past.hash == hash).copied()
    }

    fn forget(&mut self, hash: u64) {
        self.0.retain(|past| past.hash != hash);
    }

    /// Adds a request, in place of one with an equal hash.
    fn keep(&mut self, past: Past) {
        self.forget(past.hash);
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(past);
    }
}

impl History {
    /// Judges an exchange by those that came before.
    pub(super) fn judge(
        &mut self,
        exchange: &Exchange<'_>,
        arguments: Arguments,
        sheet: &mut Sheet,
    ) {
        if exchange.is_reservation() {
            self.reservation(exchange, arguments, sheet);
        }
        if exchange.verdict == Some(400) {
            self.bad_request(exchange, sheet);
        }
        self.upsert(exchange, arguments, sheet);
        if exchange.writes && matches!(exchange.status, Some(200 | 201)) {
            self.writes += 1;
        }
    }

    fn past(&self, exchange: &Exchange<'_>, hash: u64) -> Past {
        Past {
            hash,
            request: exchange.seen.id,
            at: exchange.seen.at,
            status: exchange.status,
            writes: self.writes,
            when: 0,
        }
    }

    fn reservation(&mut self, exchange: &Exchange<'_>, arguments: Arguments, sheet: &mut Sheet) {
        let status = exchange.status;
        let is_reported = status == Some(208);
        let is_failed = status.is_none_or(|status| status >= 500);
        if !arguments.date && matches!(status, Some(201 | 208)) {
            undated(exchange, sheet);
        }
        if arguments.date {
            self.dated(exchange, arguments, is_failed, sheet);
        }
        if self.failed.0.is_empty() && self.reported.0.is_empty() && !is_reported && !is_failed {
            return;
        }
        let hash = hash(exchange);
        if let Some(first) = self.reported.find(hash)
            // Without a date a 208 says that nothing is reserved, and a write may change that.
            && (arguments.date || first.writes == self.writes)
        {
            repeated_after_reported(exchange, first, sheet);
        }
        if let Some(first) = self.failed.find(hash) {
            self.failed.forget(hash);
            if exchange.seen.at.micros() - first.at.micros() <= RETRY_WINDOW {
                undated_retry(exchange, first, sheet);
            }
        }
        if is_reported
            && self
                .reported
                .find(hash)
                .is_none_or(|p| p.writes != self.writes)
        {
            let past = self.past(exchange, hash);
            self.reported.keep(past);
        }
        if is_failed && !arguments.date {
            let past = self.past(exchange, hash);
            self.failed.keep(past);
        }
    }

    /// Judges a reservation with a date. A retry has to carry the same date.
    fn dated(
        &mut self,
        exchange: &Exchange<'_>,
        arguments: Arguments,
        is_failed: bool,
        sheet: &mut Sheet,
    ) {
        if self.unheard.0.is_empty() && !is_failed {
            return;
        }
        let is_increase = exchange.operation == Some("increase-reserved-stock");
        let stock = arguments.stock ^ u64::from(is_increase);
        if let Some(first) = self.unheard.find(stock) {
            self.unheard.forget(stock);
            let since = exchange.seen.at.micros() - first.at.micros();
            if first.when != arguments.when && since <= RETRY_WINDOW {
                redated_retry(exchange, first, sheet);
            }
        }
        if is_failed {
            let past = self.past(exchange, stock);
            self.unheard.keep(Past {
                when: arguments.when,
                ..past
            });
        }
    }

    fn bad_request(&mut self, exchange: &Exchange<'_>, sheet: &mut Sheet) {
        if exchange.answer_has("stock_exists_error") {
            exchange.note(sheet, &CREATE_OF_EXISTING, "", || Said {
                sent: "a create of a stock that exists".to_owned(),
                meant: Some("POST /api/v1/stocks/insert_or_update_stock/".to_owned()),
                why: "an upsert creates what is missing and updates what is there".to_owned(),
            });
            return;
        }
        let hash = hash(exchange);
        // A refusal for the state of the world may turn into success once that state changes.
        let of_the_world = ["does not exist", "invalid_location", "already exists"];
        let by_world = of_the_world.iter().any(|text| exchange.answer_has(text));
        match self.refused.find(hash) {
            Some(first) if !by_world || first.writes == self.writes => {
                repeated_bad_request(exchange, first, sheet);
            }
            _ => {
                let past = self.past(exchange, hash);
                self.refused.keep(past);
            }
        }
    }

    fn upsert(&mut self, exchange: &Exchange<'_>, arguments: Arguments, sheet: &mut Sheet) {
        let is_upsert = exchange.operation == Some("upsert-stocks") && arguments.single;
        if !is_upsert || exchange.verdict != Some(200) {
            self.row_by_row.clear();
            return;
        }
        if self.row_by_row.len() == LOOP {
            self.row_by_row.pop_front();
        }
        let at = exchange.seen.at;
        self.row_by_row.push_back(at);
        let first = self.row_by_row.front().map_or(at, |first| *first);
        let took = at.micros() - first.micros();
        if self.row_by_row.len() == LOOP && took <= LOOP_WINDOW {
            exchange.note(sheet, &ROW_BY_ROW_UPSERT, "", || Said {
                sent: format!("{LOOP} upserts of one row each, one after the other"),
                meant: Some("one POST of an array of rows".to_owned()),
                why: format!(
                    "they took {} ms, most of it on the way there and back",
                    took / 1000
                ),
            });
        }
    }
}

/// The hash of method, path, query and body.
fn hash(exchange: &Exchange<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    let request = exchange.request();
    for part in [
        request.method().as_str(),
        request.uri().path(),
        request.uri().query().unwrap_or_default(),
    ] {
        hasher.write(part.as_bytes());
        // No method, path or query contains a line break.
        hasher.write_u8(b'\n');
    }
    hasher.write(request.body());
    hasher.finish()
}

fn undated(exchange: &Exchange<'_>, sheet: &mut Sheet) {
    exchange.note(sheet, &UNDATED_RESERVATION, "date", || Said {
        sent: "a reservation without `date`".to_owned(),
        meant: Some("`date`, the same in each retry".to_owned()),
        why: "with a `date` a retry is answered 208 and changes nothing; without, it counts again"
            .to_owned(),
    });
}

fn redated_retry(exchange: &Exchange<'_>, first: Past, sheet: &mut Sheet) {
    exchange.note(sheet, &REDATED_RETRY, "date", || Said {
        sent: format!(
            "the stock of request {} with another `date`",
            first.request
        ),
        meant: Some(format!(
            "first request {} again with its own `date`",
            first.request
        )),
        why: format!(
            "nobody has heard whether request {} was applied; if this is its retry, it counts twice",
            first.request
        ),
    });
}

fn undated_retry(exchange: &Exchange<'_>, first: Past, sheet: &mut Sheet) {
    exchange.note(sheet, &UNDATED_RETRY, "date", || Said {
        sent: format!(
            "the reservation of request {} again, without `date`",
            first.request
        ),
        meant: Some("`date`, the same in each retry".to_owned()),
        why: match first.status {
            Some(status) => format!(
                "request {} was answered {status}, which does not say whether it was applied",
                first.request
            ),
            None => format!(
                "request {} was never answered, which does not say whether it was applied",
                first.request
            ),
        },
    });
}

fn repeated_after_reported(exchange: &Exchange<'_>, first: Past, sheet: &mut Sheet) {
    exchange.note(sheet, &REPEATED_AFTER_REPORTED, "", || Said {
        sent: format!("request {} again", first.request),
        meant: None,
        why: format!(
            "request {} was answered 208 Already reported: it is done, as a 201 would say",
            first.request
        ),
    });
}

fn repeated_bad_request(exchange: &Exchange<'_>, first: Past, sheet: &mut Sheet) {
    exchange.note(sheet, &REPEATED_BAD_REQUEST, "", || Said {
        sent: format!("request {} again, unchanged", first.request),
        meant: None,
        why: format!(
            "request {} was refused with 400; so is this, for the same reason",
            first.request
        ),
    });
}
