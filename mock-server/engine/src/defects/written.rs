//! The writes of one request, which a defect may change before anybody sees them.

use crate::endpoints::call::Call;
use crate::endpoints::stocks::write_stock;
use crate::endpoints::{Answer, Handler, Outcome};
use crate::engine::{Engine, Handled, Now};
use crate::model::fields::Body;
use crate::model::stock::Stock;
use crate::model::time::Timestamp;
use crate::problem::{Grade, Problem};
use crate::store::Store;
use crate::store::table::Row;
use crate::wire::json::Value;
use crate::wire::text::strip;

use super::memory::Memory;

/// A write that has just happened or was refused.
pub(super) struct Written<'a, 'c> {
    /// The world before it.
    pub(super) before: &'a Store,
    /// The world after it.
    pub(super) store: &'a mut Store,
    /// The request as its handler saw it.
    pub(super) call: &'a Call<'c>,
    /// The moment of the write.
    pub(super) now: Timestamp,
    /// The answer or the refusal, which the defect may replace.
    pub(super) outcome: &'a mut Outcome,
    /// State that the defect keeps between requests.
    pub(super) memory: &'a Memory,
    /// Is true once the defect has changed anything.
    pub(super) touched: bool,
}

/// Runs a handler and lets each defect change what it wrote: `amend` is called with the
/// position of its memory. The flags tell which of them did.
pub(super) fn run(
    engine: &mut Engine,
    (handler, call, now): (Handler, &Call<'_>, Now),
    memories: &[&Memory],
    amend: &dyn Fn(usize, &mut Written<'_, '_>),
) -> (Handled, Vec<bool>) {
    let before = engine.store().clone();
    let (mut outcome, reads) = engine.run(handler, call, now);
    let touch = |(at, memory): (usize, &&Memory)| {
        let mut written = Written {
            before: &before,
            store: engine.store_mut(),
            call,
            now: now.at,
            outcome: &mut outcome,
            memory,
            touched: false,
        };
        amend(at, &mut written);
        written.touched
    };
    let touched = memories.iter().enumerate().map(touch).collect();
    ((outcome, reads), touched)
}

impl Written<'_, '_> {
    /// Returns `true` if the request was not refused.
    pub(super) fn is_granted(&self) -> bool {
        self.outcome.is_ok()
    }

    /// Returns `true` if the request was refused for this reason.
    pub(super) fn was_refused(&self, problem: &Problem) -> bool {
        self.outcome.as_ref().err() == Some(problem)
    }

    /// The first value of an argument, as text: of the body, or else of the query.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let texts = self.texts(name);
        texts.into_iter().next()
    }

    /// The values of an argument, as text: of each row of the body, then of the query.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let of = |row: &Value<'_>| {
            row.get(name)
                .map(|value| strip(&value.to_text()).to_owned())
        };
        let mut texts: Vec<String> = match self.call.body() {
            Ok(Body::Json(Value::List(rows))) => rows.iter().filter_map(of).collect(),
            Ok(Body::Json(body)) => of(&body).into_iter().collect(),
            _ => Vec::new(),
        };
        let in_query = crate::query::parameter(self.call.query, name);
        texts.extend(in_query.map(|text| strip(text).to_owned()));
        texts
    }

    /// Every stock with a SKU and a location of the request, changed or not.
    pub(super) fn named(&self) -> Vec<Row> {
        let locations = self.texts("location");
        let places = self.store.places();
        let is_named = |row: &Row| {
            let location = self.store.stock(*row).location as usize;
            let code = &places.locations[location].head.code;
            locations.iter().any(|named| named == code.as_str())
        };
        self.of_skus().into_iter().filter(is_named).collect()
    }

    /// Every stock of the request's SKUs, at any location.
    pub(super) fn of_skus(&self) -> Vec<Row> {
        let mut skus = self.texts("sku");
        skus.sort_unstable();
        skus.dedup();
        skus.iter()
            .flat_map(|sku| self.store.rows_of(sku))
            .collect()
    }

    /// A stock in its state before the request; `None` for a new one.
    pub(super) fn before(&self, row: Row) -> Option<Stock> {
        let is_old = (row as usize) < self.before.len();
        is_old.then(|| self.before.stock(row))
    }

    /// The stocks that the request created or changed.
    pub(super) fn changed(&self) -> Vec<Row> {
        let mut rows = self.of_skus();
        rows.retain(|&row| self.before(row).as_ref() != Some(&self.store.stock(row)));
        rows
    }

    /// Edits each stock that the request created or changed, given its state before. An answer
    /// that shows a stock shows the edited one.
    pub(super) fn change(&mut self, change: impl Fn(Option<&Stock>, &mut Stock)) {
        for row in self.changed() {
            let before = self.before(row);
            self.update(row, |stock| change(before.as_ref(), stock));
            let stock = self.store.stock(row);
            self.show(&stock);
        }
    }

    /// Edits the changed stocks that existed before, as [`Self::change`] does.
    pub(super) fn change_old(&mut self, change: impl Fn(&Stock, &mut Stock)) {
        self.change(|before, stock| {
            if let Some(before) = before {
                change(before, stock);
            }
        });
    }

    /// Edits one stock, and sets `touched` if that changes it.
    pub(super) fn update(&mut self, row: Row, change: impl FnOnce(&mut Stock)) {
        let before = self.store.stock(row);
        let mut stock = before.clone();
        change(&mut stock);
        if stock != before {
            self.touched = true;
            self.store.update(row, &stock);
        }
    }

    /// Adds a stock with the next id.
    pub(super) fn add(&mut self, stock: Stock) -> Stock {
        self.touched = true;
        let id = self.store.take_id();
        let stock = Stock { id, ..stock };
        self.store.insert(&stock);
        stock
    }

    /// Restores the world from before the request; the answer stays.
    pub(super) fn undo(&mut self) {
        self.touched = true;
        *self.store = self.before.clone();
    }

    /// Shows a stock in the answer, if the answer is a 201.
    pub(super) fn show(&mut self, stock: &Stock) {
        let mut body = Vec::new();
        write_stock(&mut body, stock, self.store.places(), self.call.local());
        if let Ok(answer) = self.outcome
            && answer.status == 201
            && answer.body != body
        {
            self.touched = true;
            answer.body = body;
        }
    }

    /// Answers as a successful create.
    pub(super) fn grant(&mut self, stock: &Stock) {
        self.touched = true;
        *self.outcome = Ok(Answer {
            status: 201,
            rule: "created",
            grade: Grade::Documented,
            body: Vec::new(),
        });
        self.show(stock);
    }

    /// Refuses the request.
    pub(super) fn refuse(&mut self, problem: Problem) {
        self.touched = true;
        *self.outcome = Err(problem);
    }
}
