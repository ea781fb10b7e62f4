//! What a request wrote, to be written otherwise before anybody sees it.

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

use super::effect::Effect;
use super::memory::Memory;

/// A write that has just happened, or was refused.
pub(super) struct Written<'a, 'c> {
    /// The world before it.
    pub(super) before: &'a Store,
    /// The world after it.
    pub(super) store: &'a mut Store,
    /// The request.
    pub(super) call: &'a Call<'c>,
    /// When it is.
    pub(super) now: Timestamp,
    /// What came of it.
    pub(super) outcome: &'a mut Outcome,
    /// What the defect has kept.
    pub(super) memory: &'a Memory,
    /// Whether the defect had its hand in it.
    pub(super) touched: bool,
}

/// Runs a handler, and lets each effect write otherwise what it wrote; which of them
/// did.
pub(super) fn run(
    engine: &mut Engine,
    (handler, call, now): (Handler, &Call<'_>, Now),
    effects: &[(&Effect, &Memory)],
) -> (Handled, Vec<bool>) {
    let before = engine.store().clone();
    let (mut outcome, reads) = engine.run(handler, call, now);
    let touch = |(effect, memory): &(&Effect, &Memory)| {
        let mut written = Written {
            before: &before,
            store: engine.store_mut(),
            call,
            now: now.at,
            outcome: &mut outcome,
            memory,
            touched: false,
        };
        effect.amend(&mut written);
        written.touched
    };
    let touched = effects.iter().map(touch).collect();
    ((outcome, reads), touched)
}

impl Written<'_, '_> {
    /// Whether it was granted.
    pub(super) fn is_granted(&self) -> bool {
        self.outcome.is_ok()
    }

    /// Whether it was refused for this.
    pub(super) fn was_refused(&self, problem: &Problem) -> bool {
        self.outcome.as_ref().err() == Some(problem)
    }

    /// A text of the request: of the body, or of the query.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let texts = self.texts(name);
        texts.into_iter().next()
    }

    /// A text of each row of the request.
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

    /// The stocks that the request is about, changed or not.
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

    /// Every stock of the SKUs that the request is about.
    pub(super) fn of_skus(&self) -> Vec<Row> {
        let mut skus = self.texts("sku");
        skus.sort_unstable();
        skus.dedup();
        skus.iter()
            .flat_map(|sku| self.store.rows_of(sku))
            .collect()
    }

    /// A stock as it was before; `None` for a new one.
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

    /// Changes each stock that the request created or changed, given what it was
    /// before. Where the answer shows the stock, it shows it so.
    pub(super) fn change(&mut self, change: impl Fn(Option<&Stock>, &mut Stock)) {
        for row in self.changed() {
            let before = self.before(row);
            self.update(row, |stock| change(before.as_ref(), stock));
            let stock = self.store.stock(row);
            self.show(&stock);
        }
    }

    /// The same for stocks that were there before.
    pub(super) fn change_old(&mut self, change: impl Fn(&Stock, &mut Stock)) {
        self.change(|before, stock| {
            if let Some(before) = before {
                change(before, stock);
            }
        });
    }

    /// Changes a stock.
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

    /// Undoes it.
    pub(super) fn undo(&mut self) {
        self.touched = true;
        *self.store = self.before.clone();
    }

    /// Shows a stock, where the answer shows one at all.
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

    /// Answers as a create does that is granted.
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

    /// Refuses it.
    pub(super) fn refuse(&mut self, problem: Problem) {
        self.touched = true;
        *self.outcome = Err(problem);
    }
}
