//! Writes that store other values than requested, or change other stocks as well.

use super::super::delivery::Delivery;
use super::super::effect::Way;
use super::super::scene::Scene;
use super::super::scene::is_granted;
use super::super::written::Written;
use super::statement::{CREATE, REFUSED, RESERVE, UPSERT};
use super::{Derived, Statement};
use crate::model::stock::{Stock, StockType, UnitType};
use crate::store::table::Row;

/// The wrong value of a stored member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stores {
    StockPlus(i32),
    StockTimes(i32),
    StockAtMost(i32),
    StockZero,
    StockKept,
    StockAdded,
    StockLessReserved,
    ReservedPlus(i32),
    ReservedZero,
    ReservedKept,
    ReservedAtMost(i32),
    ReservedAtMostStock,
    ReservedNegated,
    Active,
    Inactive,
    ActiveInverted,
    InactiveWhenEmpty,
    UnitDefault,
    UnitOther,
    TypeDefault,
    TypeOther,
    NoPeriod,
    ModifiedKept,
    ModifiedIsCreated,
    ModifiedCut,
    ModifiedShifted,
    Nothing,
}

/// The stocks that a defect changes, relative to the one written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Where {
    Here,
    SkuElsewhere,
    NextRow,
    PreviousRow,
    SameLocation,
    LastRow,
}

/// The condition under which a defect acts on a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum If {
    Always,
    EverySecond,
    Again,
    WasInactive,
    IsKilogram,
    IsScheduled,
    IsNegative,
    ReservedAbove(i32),
    ElsewhereToo,
    New,
    Old,
}

struct Stored {
    stores: Stores,
    at: Where,
    when: If,
    /// Is true where the answer shows the correct stock, so that only a later read shows the
    /// defect.
    hidden: bool,
}

const OPERATIONS: [(&str, &Statement); 4] = [
    ("create-stock", &CREATE),
    ("upsert-stocks", &UPSERT),
    ("increase-reserved-stock", &RESERVE),
    ("decrease-reserved-stock", &RESERVE),
];

pub(super) fn rows() -> Vec<Derived> {
    let mut rows = Vec::new();
    for (operation, statement) in OPERATIONS {
        let is_reservation = operation.ends_with("reserved-stock");
        for &(stores, word, suits) in MEMBERS {
            if !suits(operation) {
                continue;
            }
            let is_create_of_nothing = operation == "create-stock" && stores == Stores::Nothing;
            let mut whens = vec![(If::Always, "")];
            if operation != "create-stock" {
                whens.push((If::Again, "-the-second-time"));
            }
            whens.extend([
                (If::EverySecond, "-every-second-time"),
                (If::WasInactive, "-of-inactive-stocks"),
                (If::IsKilogram, "-of-kilograms"),
                (If::IsScheduled, "-of-scheduled-stocks"),
                (If::IsNegative, "-of-negative-stocks"),
                (If::ElsewhereToo, "-of-skus-at-several-locations"),
            ]);
            if is_reservation {
                whens.push((If::ReservedAbove(2), "-from-3-on"));
                whens.push((If::ReservedAbove(10), "-from-11-on"));
            }
            if operation == "upsert-stocks" {
                whens.extend([(If::New, "-of-new-stocks"), (If::Old, "-of-known-stocks")]);
            }
            // A stock that was just created has no earlier state to fall back to.
            whens.truncate(if is_create_of_nothing { 1 } else { whens.len() });
            for (when, at_times) in whens {
                for hidden in [false, true] {
                    if hidden && (operation == "upsert-stocks" || when != If::Always) {
                        continue;
                    }
                    let unseen = if hidden { "-unseen" } else { "" };
                    let way = format!("{word}{at_times}{unseen}");
                    let about = format!("{operation} stores otherwise: {}.", way.replace('-', " "));
                    let effect = Stored {
                        stores,
                        at: Where::Here,
                        when,
                        hidden,
                    };
                    rows.push(Derived::new(
                        &[operation],
                        ("stores", way),
                        statement,
                        about,
                        effect,
                    ));
                }
            }
        }
        beside(&mut rows, operation, statement);
    }
    for (operation, _) in OPERATIONS {
        for status in [400, 208, 404] {
            if (status != 400) && !operation.ends_with("reserved-stock") {
                continue;
            }
            let about = format!("{operation} counts though it answers {status}.");
            let effect = Refused { status };
            rows.push(Derived::new(
                &[operation],
                (status, "applied-though-refused"),
                &REFUSED,
                about,
                effect,
            ));
        }
    }
    rows
}

type Suits = fn(&str) -> bool;

const ANY: Suits = |_| true;
const UPSERTED: Suits = |operation| operation == "upsert-stocks";
const RESERVED: Suits = |operation| operation.ends_with("reserved-stock");
const NOT_CREATED: Suits = |operation| operation != "create-stock";

const MEMBERS: &[(Stores, &str, Suits)] = &[
    (Stores::StockPlus(1), "stock-plus-1", ANY),
    (Stores::StockPlus(-1), "stock-minus-1", ANY),
    (Stores::StockTimes(-1), "stock-negated", ANY),
    (Stores::StockTimes(2), "stock-doubled", ANY),
    (Stores::StockAtMost(999), "stock-at-most-999", ANY),
    (Stores::StockAtMost(99_999), "stock-at-most-99999", ANY),
    (Stores::StockZero, "stock-zero", ANY),
    (Stores::StockKept, "stock-kept", UPSERTED),
    (Stores::StockAdded, "stock-added", UPSERTED),
    (Stores::StockLessReserved, "stock-less-the-reserved", ANY),
    (Stores::ReservedPlus(1), "reserved-plus-1", ANY),
    (Stores::ReservedPlus(-1), "reserved-minus-1", ANY),
    (Stores::ReservedZero, "reserved-zero", ANY),
    (Stores::ReservedKept, "reserved-kept", RESERVED),
    (Stores::ReservedAtMost(5), "reserved-at-most-5", ANY),
    (
        Stores::ReservedAtMostStock,
        "reserved-at-most-the-stock",
        ANY,
    ),
    (Stores::ReservedNegated, "reserved-negated", ANY),
    (Stores::Active, "activated", ANY),
    (Stores::Inactive, "deactivated", ANY),
    (Stores::ActiveInverted, "activity-inverted", ANY),
    (
        Stores::InactiveWhenEmpty,
        "deactivated-when-nothing-is-left",
        ANY,
    ),
    (Stores::UnitDefault, "unit-usual", ANY),
    (Stores::UnitOther, "unit-other", ANY),
    (Stores::TypeDefault, "type-usual", ANY),
    (Stores::TypeOther, "type-other", ANY),
    (Stores::NoPeriod, "period-lost", ANY),
    (Stores::ModifiedKept, "modified-date-kept", NOT_CREATED),
    (
        Stores::ModifiedIsCreated,
        "modified-date-is-the-created-date",
        NOT_CREATED,
    ),
    (Stores::ModifiedCut, "modified-date-cut-to-the-minute", ANY),
    (Stores::ModifiedShifted, "modified-date-3-hours-on", ANY),
    (Stores::Nothing, "nothing", ANY),
];

fn beside(rows: &mut Vec<Derived>, operation: &'static str, statement: &'static Statement) {
    for (at, place) in [
        (Where::SkuElsewhere, "at-other-locations-of-the-sku"),
        (Where::NextRow, "at-the-next-id"),
        (Where::PreviousRow, "at-the-id-before"),
        (Where::SameLocation, "at-other-skus-of-the-location"),
        (Where::LastRow, "at-the-newest-stock"),
    ] {
        // The stock of a create is itself the newest one.
        if operation == "create-stock" && matches!(at, Where::NextRow | Where::LastRow) {
            continue;
        }
        for (stores, word) in [
            (Stores::StockPlus(1), "stock-plus-1"),
            (Stores::StockZero, "stock-zero"),
            (Stores::ReservedPlus(1), "reserved-plus-1"),
            (Stores::ReservedZero, "reserved-zero"),
            (Stores::ActiveInverted, "activity-inverted"),
            (Stores::UnitOther, "unit-other"),
            (Stores::ModifiedShifted, "modified-date-3-hours-on"),
        ] {
            let about = format!(
                "{operation} writes {} {}.",
                word.replace('-', " "),
                place.replace('-', " ")
            );
            let effect = Stored {
                stores,
                at,
                when: If::Always,
                hidden: true,
            };
            let way = format!("{word}-{place}");
            rows.push(Derived::new(
                &[operation],
                ("stores", way),
                statement,
                about,
                effect,
            ));
        }
    }
}

impl Way for Stored {
    fn amend(&self, written: &mut Written<'_, '_>) {
        if !written.is_granted() {
            return;
        }
        let changed = written.changed();
        let taken: Vec<Row> = changed
            .iter()
            .copied()
            .filter(|row| self.holds(written, *row))
            .collect();
        if taken.is_empty() {
            return;
        }
        if self.stores == Stores::Nothing && self.when == If::Always {
            written.undo();
            return;
        }
        for row in taken {
            let mut rows = self.rows(written, row);
            rows.retain(|other| self.at == Where::Here || !changed.contains(other));
            for row in rows {
                let before = written.before(row);
                written.update(row, |stock| self.change(before.as_ref(), stock));
                if !self.hidden {
                    let stock = written.store.stock(row);
                    written.show(&stock);
                }
            }
        }
    }
}

impl Stored {
    fn rows(&self, written: &Written<'_, '_>, row: Row) -> Vec<Row> {
        let stock = written.store.stock(row);
        let count = Row::try_from(written.store.len()).unwrap_or(Row::MAX);
        match self.at {
            Where::Here => vec![row],
            Where::SkuElsewhere => written
                .store
                .rows_of(&stock.sku)
                .into_iter()
                .filter(|r| *r != row)
                .collect(),
            Where::NextRow => (row + 1 < count).then_some(row + 1).into_iter().collect(),
            Where::PreviousRow => row.checked_sub(1).into_iter().collect(),
            Where::LastRow => count
                .checked_sub(1)
                .filter(|last| *last != row)
                .into_iter()
                .collect(),
            Where::SameLocation => (0..count)
                .rev()
                .filter(|other| {
                    let other = written.store.stock(*other);
                    other.location == stock.location && other.sku != stock.sku
                })
                .take(20)
                .collect(),
        }
    }

    fn holds(&self, written: &Written<'_, '_>, row: Row) -> bool {
        let stock = written.store.stock(row);
        let before = written.before(row);
        match self.when {
            If::Always => true,
            If::EverySecond => written.memory.count("derived-writes").is_multiple_of(2),
            If::Again => !written.memory.keep(format!("{row}")),
            If::WasInactive => !before.map_or(stock.is_active, |before| before.is_active),
            If::IsKilogram => stock.unit_type == UnitType::Kilogram,
            If::IsScheduled => stock.stock_type == StockType::Scheduled,
            If::IsNegative => stock.stock < 0,
            If::ReservedAbove(least) => stock.reserved > least,
            If::ElsewhereToo => written.store.rows_of(&stock.sku).len() > 1,
            If::New => before.is_none(),
            If::Old => before.is_some(),
        }
    }

    fn change(&self, before: Option<&Stock>, stock: &mut Stock) {
        match self.stores {
            Stores::StockPlus(by) => stock.stock = stock.stock.saturating_add(by),
            Stores::StockTimes(by) => stock.stock = stock.stock.saturating_mul(by),
            Stores::StockAtMost(most) => stock.stock = stock.stock.min(most),
            Stores::StockZero => stock.stock = 0,
            Stores::StockKept => stock.stock = before.map_or(stock.stock, |before| before.stock),
            Stores::StockAdded => {
                stock.stock = stock
                    .stock
                    .saturating_add(before.map_or(0, |before| before.stock));
            }
            Stores::StockLessReserved => stock.stock = stock.stock.saturating_sub(stock.reserved),
            Stores::ReservedPlus(by) => stock.reserved = stock.reserved.saturating_add(by),
            Stores::ReservedZero => stock.reserved = 0,
            Stores::ReservedKept => {
                stock.reserved = before.map_or(stock.reserved, |before| before.reserved);
            }
            Stores::ReservedAtMost(most) => stock.reserved = stock.reserved.min(most),
            Stores::ReservedAtMostStock => stock.reserved = stock.reserved.min(stock.stock.max(0)),
            Stores::ReservedNegated => stock.reserved = stock.reserved.saturating_neg(),
            Stores::Active => stock.is_active = true,
            Stores::Inactive => stock.is_active = false,
            Stores::ActiveInverted => stock.is_active = !stock.is_active,
            Stores::InactiveWhenEmpty if stock.stock <= stock.reserved => stock.is_active = false,
            Stores::InactiveWhenEmpty => {}
            Stores::UnitDefault => stock.unit_type = UnitType::default(),
            Stores::UnitOther => {
                stock.unit_type = match stock.unit_type {
                    UnitType::Quantity => UnitType::Kilogram,
                    UnitType::Kilogram => UnitType::Quantity,
                }
            }
            Stores::TypeDefault => stock.stock_type = StockType::default(),
            Stores::TypeOther => {
                stock.stock_type = match stock.stock_type {
                    StockType::Standard => StockType::Scheduled,
                    StockType::Scheduled => StockType::Standard,
                }
            }
            Stores::NoPeriod => stock.period = None,
            Stores::ModifiedKept => {
                stock.modified = before.map_or(stock.modified, |before| before.modified);
            }
            Stores::ModifiedIsCreated => stock.modified = stock.created,
            Stores::ModifiedCut => {
                let into = stock.modified.micros().rem_euclid(60_000_000);
                stock.modified = stock.modified.plus(-into);
            }
            Stores::ModifiedShifted => stock.modified = stock.modified.plus(3 * 3_600_000_000),
            Stores::Nothing => {
                if let Some(before) = before {
                    *stock = before.clone();
                }
            }
        }
    }
}

/// A refusal that changes the stocks which the request names all the same.
struct Refused {
    status: u16,
}

impl Way for Refused {
    fn answer(&self, scene: &Scene<'_>) -> Delivery {
        let delivery = scene.usual();
        if let Delivery::Answer(reply) = &delivery
            && reply.response.status() == self.status
            && !is_granted(reply)
        {
            scene.mark();
        }
        delivery
    }

    fn amend(&self, written: &mut Written<'_, '_>) {
        let status = written
            .outcome
            .as_ref()
            .err()
            .map(crate::problem::Problem::status);
        if status != Some(self.status) {
            return;
        }
        let mut rows = written.named();
        if rows.is_empty() {
            rows = written.of_skus();
        }
        let asked = written
            .text("stock")
            .and_then(|stock| stock.parse::<i32>().ok());
        for row in rows {
            written.update(row, |stock| match asked {
                Some(asked) if asked != stock.stock => stock.stock = asked,
                Some(_) => stock.stock = stock.stock.saturating_add(1),
                None => stock.reserved = stock.reserved.saturating_add(1),
            });
        }
    }
}
