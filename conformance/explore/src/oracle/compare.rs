//! The comparison of two answers. Ids and date-times differ by nature: they are bound to each other
//! at their first appearance, and must stay so.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde_json::{Map, Value};
use whippy_engine::model::time::Timestamp;
use whippy_engine::profile::{ActiveSku, PeriodShape, Profile};
use whippy_engine::wire::urlencoded;

use super::Answered;
use crate::steps::{Operation, Side, Step};

/// A summary, and the pointers to the differences.
pub(super) type Mismatch = (String, Vec<String>);

/// The stocks that both sides have shown.
#[derive(Debug, Default)]
pub(super) struct Bindings {
    is_exclusive: bool,
    stocks: Vec<Bound>,
    /// The offset of all date-times of the target.
    offset: Option<String>,
}

#[derive(Debug)]
struct Bound {
    ours: i64,
    theirs: i64,
    created: String,
    our_modified: String,
    modified: String,
}

impl Bindings {
    pub(super) fn new(is_exclusive: bool) -> Self {
        Self {
            is_exclusive,
            ..Self::default()
        }
    }

    /// Binds a stock that both sides have from the beginning, with equal id and dates.
    pub(super) fn know(&mut self, row: &Value) {
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let id = row["id"].as_i64().unwrap_or_default();
        self.stocks.push(Bound {
            ours: id,
            theirs: id,
            created: text("created_date"),
            our_modified: text("modified_date"),
            modified: text("modified_date"),
        });
    }

    /// Binds a stock of the target to one of the oracle, regardless of earlier observations.
    pub(super) fn rebind(&mut self, ours: &Map<String, Value>, theirs: &Map<String, Value>) {
        let text = |row: &Map<String, Value>, name: &str| {
            row.get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let id = |row: &Map<String, Value>| row.get("id").and_then(Value::as_i64);
        let (Some(our_id), Some(their_id)) = (id(ours), id(theirs)) else {
            return;
        };
        self.stocks
            .retain(|known| known.ours != our_id && known.theirs != their_id);
        self.stocks.push(Bound {
            ours: our_id,
            theirs: their_id,
            created: text(theirs, "created_date"),
            our_modified: text(ours, "modified_date"),
            modified: text(theirs, "modified_date"),
        });
    }

    /// Compares a stock of the target with earlier observations of it, or binds it.
    fn bind(
        &mut self,
        ours: &Map<String, Value>,
        theirs: &Map<String, Value>,
        at: &str,
    ) -> Result<(), Mismatch> {
        let id = |row: &Map<String, Value>| row.get("id").and_then(Value::as_i64);
        let date = |row: &Map<String, Value>, name: &str| {
            let text = row.get(name).and_then(Value::as_str);
            text.map(str::to_owned).ok_or_else(|| {
                let summary = format!("`{name}` is no text");
                (summary, vec![format!("{at}/{name}")])
            })
        };
        let (Some(our_id), Some(their_id)) = (id(ours), id(theirs)) else {
            return Err((
                "`id` is no whole number".to_owned(),
                vec![format!("{at}/id")],
            ));
        };
        let (created, modified) = (
            date(theirs, "created_date")?,
            date(theirs, "modified_date")?,
        );
        let our_modified = date(ours, "modified_date")?;
        let wrong = |name: &str, summary: String| Err((summary, vec![format!("{at}/{name}")]));
        if let Some(known) = self.stocks.iter_mut().find(|stock| stock.ours == our_id) {
            if known.theirs != their_id {
                let summary = format!("a stock that had the id {} has {their_id}", known.theirs);
                return wrong("id", summary);
            }
            if known.created != created {
                let summary = format!("`created_date` was {} and is {created}", known.created);
                return wrong("created_date", summary);
            }
            if known.our_modified == our_modified {
                if known.modified != modified {
                    let summary = format!(
                        "nothing was written, and `modified_date` moved from {} to {modified}",
                        known.modified
                    );
                    return wrong("modified_date", summary);
                }
                return Ok(());
            }
            check_date(&modified, &mut self.offset)
                .map_err(|why| (why.to_string(), vec![format!("{at}/modified_date")]))?;
            if parsed(&modified) <= parsed(&known.modified) {
                let summary = format!(
                    "something was written, and `modified_date` went from {} to {modified}",
                    known.modified
                );
                return wrong("modified_date", summary);
            }
            known.our_modified = our_modified;
            known.modified = modified;
            return Ok(());
        }
        if self.stocks.iter().any(|stock| stock.theirs == their_id) {
            return wrong("id", format!("two stocks have the id {their_id}"));
        }
        for (name, text) in [("created_date", &created), ("modified_date", &modified)] {
            check_date(text, &mut self.offset)
                .map_err(|why| (why.to_string(), vec![format!("{at}/{name}")]))?;
        }
        if parsed(&created) > parsed(&modified) {
            let summary = format!("created {created}, and modified before that, {modified}");
            return wrong("modified_date", summary);
        }
        let was_written_since =
            ours.get("created_date") != ours.get("modified_date") && our_span(ours) > super::TICK;
        if was_written_since && parsed(&created) == parsed(&modified) {
            let summary = format!("something was written, and `modified_date` is still {modified}");
            return wrong("modified_date", summary);
        }
        self.stocks.push(Bound {
            ours: our_id,
            theirs: their_id,
            created,
            our_modified,
            modified,
        });
        Ok(())
    }
}

/// Returns the time from creation to the last write, by the oracle's clock.
fn our_span(row: &Map<String, Value>) -> i64 {
    let at = |name: &str| {
        let text = row.get(name).and_then(Value::as_str);
        text.and_then(parsed).map_or(0, Timestamp::micros)
    };
    at("modified_date") - at("created_date")
}

fn parsed(text: &str) -> Option<Timestamp> {
    Timestamp::parse_with_offset(text).ok()
}

/// Reasons why a date-time is not as the framework writes it.
enum DateFault {
    /// The form is another.
    Form(String),
    /// The offset is not that of the other date-times.
    Offset { known: String, got: String },
}

impl fmt::Display for DateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form(text) => write!(
                f,
                "expected a date-time like 2023-05-10T13:37:18.209869+03:00, got {text}"
            ),
            Self::Offset { known, got } => write!(
                f,
                "the offset of other date-times is {known}, and here it is {got}"
            ),
        }
    }
}

/// Checks the format of a date-time: with six digits of microseconds or none, and always the same
/// offset.
fn check_date(text: &str, offset: &mut Option<String>) -> Result<(), DateFault> {
    let whole = text.get(..19).unwrap_or_default();
    let rest = text.get(19..).unwrap_or_default();
    let (fraction, own_offset) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(
            rest.find(|c: char| !c.is_ascii_digit())
                .unwrap_or(rest.len()),
        ),
        None => ("", rest),
    };
    let is_one = parsed(text).is_some()
        && whole.as_bytes().get(10) == Some(&b'T')
        && matches!(fraction.len(), 0 | 6);
    if !is_one {
        return Err(DateFault::Form(text.to_owned()));
    }
    match offset {
        None => *offset = Some(own_offset.to_owned()),
        Some(known) if known == own_offset => {}
        Some(known) => {
            return Err(DateFault::Offset {
                known: known.clone(),
                got: own_offset.to_owned(),
            });
        }
    }
    Ok(())
}

/// A comparison of two answers.
pub(super) struct Compared<'a> {
    pub(super) step: &'a Step,
    /// The side of the oracle.
    pub(super) side: Side<'a>,
    pub(super) profile: &'a Profile,
    pub(super) stores: &'a mut HashMap<String, String>,
    pub(super) bindings: &'a mut Bindings,
}

impl Compared<'_> {
    /// Compares the expected with the actual answer.
    pub(super) fn compare(mut self, ours: &Answered, theirs: &Answered) -> Result<(), Mismatch> {
        if ours.status != theirs.status {
            return Err((
                format!("expected {}, got {}", ours.status, theirs.status),
                Vec::new(),
            ));
        }
        // A body that is not JSON is a page for people, with any wording.
        let Some(ours) = &ours.body else {
            return Ok(());
        };
        let Some(their_body) = &theirs.body else {
            return Err(("expected a JSON body, got none".to_owned(), Vec::new()));
        };
        match (self.step.operation, theirs.status) {
            (Operation::Create | Operation::Increase | Operation::Decrease, 201) => {
                self.stock(ours, their_body, "")
            }
            (Operation::List, 200) => self.page(ours, their_body),
            (Operation::Query | Operation::Salable, 200) => {
                let (ours, theirs) = both_at(ours, their_body, "Store_checkResult")?;
                self.rows(ours, theirs, "/Store_checkResult")
            }
            (Operation::MultiQuery | Operation::MultiSalable, 200) => {
                let (ours, theirs) = both_at(ours, their_body, "Store_checkResult")?;
                self.rows_by_sku(ours, theirs)
            }
            (Operation::Active | Operation::ActiveAlias, 200) => self.active(ours, their_body),
            (_, status) => {
                let their_body = self.recorded(status, ours, their_body);
                equal(ours, &their_body, "")
            }
        }
    }

    /// Returns the target's answer with the oracle's wording, where another wording is as good.
    fn recorded<'v>(&self, status: u16, ours: &Value, theirs: &'v Value) -> Cow<'v, Value> {
        let mut theirs = Cow::Borrowed(theirs);
        // No source shows the wording of a service that accepts no period at all.
        if status == 400 && self.profile.period_shape == PeriodShape::NullOnly {
            let items = ours.as_array().map_or(0, Vec::len);
            let of_items = (0..items).map(|at| format!("/{at}/period"));
            for at in of_items.chain(["/period".to_owned()]) {
                let known = ours.pointer(&at).filter(|words| words.is_array());
                if let Some(known) = known
                    && theirs.pointer(&at).is_some_and(|words| !words.is_null())
                    && let Some(words) = theirs.to_mut().pointer_mut(&at)
                {
                    *words = known.clone();
                }
            }
        }
        // The two servers of the stack treat a body without content type differently.
        let without_type = |media: &str| format!("Unsupported media type \"{media}\" in request.");
        if status == 415
            && ours["detail"] == without_type("")
            && theirs["detail"] == without_type("text/plain")
        {
            return Cow::Owned(ours.clone());
        }
        theirs
    }

    fn stock(&mut self, ours: &Value, theirs: &Value, at: &str) -> Result<(), Mismatch> {
        let (Some(our_row), Some(their_row)) = (ours.as_object(), theirs.as_object()) else {
            return equal(ours, theirs, at);
        };
        same_members(our_row, their_row, at)?;
        for (name, ours) in our_row {
            if matches!(name.as_str(), "id" | "created_date" | "modified_date") {
                continue;
            }
            let theirs = &their_row[name];
            if ours != theirs {
                return equal(ours, theirs, &format!("{at}/{name}"));
            }
        }
        self.bindings.bind(our_row, their_row, at)
    }

    fn page(&mut self, ours: &Value, theirs: &Value) -> Result<(), Mismatch> {
        let (Some(our_page), Some(their_page)) = (ours.as_object(), theirs.as_object()) else {
            return equal(ours, theirs, "");
        };
        same_members(our_page, their_page, "")?;
        let (our_rows, their_rows) = both_at(ours, theirs, "results")?;
        let (Some(our_rows), Some(their_rows)) = (our_rows.as_array(), their_rows.as_array())
        else {
            return equal(our_rows, their_rows, "/results");
        };
        let is_whole = self.step.is_of_own_sku()
            || (self.bindings.is_exclusive && self.step.is_since_its_beginning());
        if is_whole {
            if our_page["count"] != their_page["count"] {
                return equal(&our_page["count"], &their_page["count"], "/count");
            }
            for name in ["next", "previous"] {
                Self::link(&our_page[name], &their_page[name], &format!("/{name}"))?;
            }
            if our_rows.len() != their_rows.len() {
                let summary = format!("expected {} rows, got {}", our_rows.len(), their_rows.len());
                return Err((summary, vec!["/results".to_owned()]));
            }
            for (position, (ours, theirs)) in our_rows.iter().zip(their_rows).enumerate() {
                self.stock(ours, theirs, &format!("/results/{position}"))?;
            }
            return Ok(());
        }
        // Rows of others move those of the sequence between pages, so they are comparable only if
        // all are on one page.
        let is_alone =
            |page: &Map<String, Value>| page["next"].is_null() && page["previous"].is_null();
        if !is_alone(our_page) || !is_alone(their_page) {
            return Ok(());
        }
        let names = self.side.names;
        let is_own = |row: &&Value| row["sku"].as_str().is_some_and(|sku| names.is_own(sku));
        let their_rows: Vec<_> = their_rows.iter().filter(is_own).collect();
        if our_rows.len() != their_rows.len() {
            let summary = format!(
                "expected {} rows of the sequence's own, got {}",
                our_rows.len(),
                their_rows.len()
            );
            return Err((summary, vec!["/results".to_owned()]));
        }
        for (position, (ours, theirs)) in our_rows.iter().zip(their_rows).enumerate() {
            self.stock(ours, theirs, &format!("/results/{position}"))?;
        }
        Ok(())
    }

    /// Compares links behind `/api/`, apart from date-times.
    fn link(ours: &Value, theirs: &Value, at: &str) -> Result<(), Mismatch> {
        let (Some(our_link), Some(their_link)) = (ours.as_str(), theirs.as_str()) else {
            return equal(ours, theirs, at);
        };
        let behind = |link: &str| link.find("/api/").map(|at| link[at..].to_owned());
        let (Some(our_rest), Some(their_rest)) = (behind(our_link), behind(their_link)) else {
            return equal(ours, theirs, at);
        };
        if our_rest == their_rest {
            return Ok(());
        }
        let parted = |link: &str| {
            let (path, query) = link.split_once('?').unwrap_or((link, ""));
            let pairs = urlencoded::decode(query.as_bytes()).unwrap_or_default();
            let pairs: Vec<(String, String)> = pairs
                .into_iter()
                .map(|(name, value)| {
                    // Each side filters by its own date-times.
                    let value = if name.contains("_date") { "" } else { &*value };
                    (name.into_owned(), value.to_owned())
                })
                .collect();
            (path.to_owned(), pairs)
        };
        if parted(&our_rest) == parted(&their_rest) {
            Ok(())
        } else {
            equal(ours, theirs, at)
        }
    }

    /// Compares the rows of a query, in any order.
    fn rows(&mut self, ours: &Value, theirs: &Value, at: &str) -> Result<(), Mismatch> {
        let (Some(our_rows), Some(their_rows)) = (ours.as_array(), theirs.as_array()) else {
            return equal(ours, theirs, at);
        };
        if our_rows.len() != their_rows.len() {
            let summary = format!("expected {} rows, got {}", our_rows.len(), their_rows.len());
            return Err((summary, vec![at.to_owned()]));
        }
        let mut left: Vec<&Value> = their_rows.iter().collect();
        for (position, row) in our_rows.iter().enumerate() {
            let is_same = |other: &&Value| self.is_same_row(row, other);
            let Some(found) = left.iter().position(is_same) else {
                let other = their_rows.get(position).unwrap_or(&Value::Null);
                return equal(row, other, &format!("{at}/{position}"));
            };
            let other = left.swap_remove(found);
            self.learn_store(row, other);
        }
        Ok(())
    }

    fn rows_by_sku(&mut self, ours: &Value, theirs: &Value) -> Result<(), Mismatch> {
        let at = "/Store_checkResult";
        let (Some(our_skus), Some(their_skus)) = (ours.as_object(), theirs.as_object()) else {
            return equal(ours, theirs, at);
        };
        same_members(our_skus, their_skus, at)?;
        for (sku, rows) in our_skus {
            self.rows(rows, &their_skus[sku], &format!("{at}/{sku}"))?;
        }
        Ok(())
    }

    fn is_same_row(&self, ours: &Value, theirs: &Value) -> bool {
        if ours == theirs {
            return true;
        }
        // The name of a location is the one that the target first showed.
        let (Some(our_row), Some(their_row)) = (ours.as_object(), theirs.as_object()) else {
            return false;
        };
        let code = ours["retail_store_code"].as_str().unwrap_or_default();
        our_row.len() == their_row.len()
            && our_row.iter().all(|(name, ours)| {
                let theirs = their_row.get(name);
                if name != "retail_store_name" || ours != UNKNOWN_NAME {
                    return theirs == Some(ours);
                }
                let theirs = theirs.and_then(Value::as_str);
                let known = self.stores.get(code);
                theirs.is_some_and(|name| known.is_none_or(|known| known == name))
            })
    }

    fn learn_store(&mut self, ours: &Value, theirs: &Value) {
        if ours["retail_store_name"] == UNKNOWN_NAME
            && let (Some(code), Some(name)) = (
                theirs["retail_store_code"].as_str(),
                theirs["retail_store_name"].as_str(),
            )
        {
            self.stores.insert(code.to_owned(), name.to_owned());
        }
    }

    /// Compares the active stocks. Those of others are ignored, unless a SKU restricts the list.
    fn active(&mut self, ours: &Value, theirs: &Value) -> Result<(), Mismatch> {
        let (Some(our_page), Some(their_page)) = (ours.as_object(), theirs.as_object()) else {
            return equal(ours, theirs, "");
        };
        same_members(our_page, their_page, "")?;
        let (our_rows, their_rows) = both_at(ours, theirs, "results")?;
        let (Some(our_rows), Some(their_rows)) = (our_rows.as_array(), their_rows.as_array())
        else {
            return equal(our_rows, their_rows, "/results");
        };
        let is_narrowed =
            self.step.body.value().is_some() && self.profile.active_sku == ActiveSku::Filter;
        let names = self.side.names;
        let is_own =
            |row: &&Value| is_narrowed || row["sku"].as_str().is_some_and(|sku| names.is_own(sku));
        let shown: Vec<_> = their_rows.iter().filter(is_own).collect();
        // The rest may be on a later page.
        let is_cut = !their_page["next"].is_null() && !is_narrowed;
        let is_as_many = shown.len() == our_rows.len() || is_cut && shown.len() < our_rows.len();
        if !is_as_many {
            let summary = format!("expected {} rows, got {}", our_rows.len(), shown.len());
            return Err((summary, vec!["/results".to_owned()]));
        }
        for (position, (ours, theirs)) in our_rows.iter().zip(shown).enumerate() {
            equal(ours, theirs, &format!("/results/{position}"))?;
        }
        Ok(())
    }
}

/// The name of a location that the target has not shown.
pub(crate) const UNKNOWN_NAME: &str = "(not known)";

fn both_at<'v>(
    ours: &'v Value,
    theirs: &'v Value,
    name: &str,
) -> Result<(&'v Value, &'v Value), Mismatch> {
    match (ours.get(name), theirs.get(name)) {
        (Some(ours), Some(theirs)) => Ok((ours, theirs)),
        _ => Err((format!("expected `{name}`"), vec![format!("/{name}")])),
    }
}

fn same_members(
    ours: &Map<String, Value>,
    theirs: &Map<String, Value>,
    at: &str,
) -> Result<(), Mismatch> {
    if let Some(missing) = ours.keys().find(|name| !theirs.contains_key(*name)) {
        let summary = format!("expected `{missing}`, which is not there");
        return Err((summary, vec![format!("{at}/{missing}")]));
    }
    if let Some(more) = theirs.keys().find(|name| !ours.contains_key(*name)) {
        let summary = format!("expected no `{more}`");
        return Err((summary, vec![format!("{at}/{more}")]));
    }
    Ok(())
}

fn equal(ours: &Value, theirs: &Value, at: &str) -> Result<(), Mismatch> {
    const SHOWN: usize = 120;
    if ours == theirs {
        return Ok(());
    }
    let short = |value: &Value| {
        let text = value.to_string();
        match text.char_indices().nth(SHOWN) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    };
    let place = if at.is_empty() {
        "the body".to_owned()
    } else {
        at.to_owned()
    };
    let summary = format!("{place}: expected {}, got {}", short(ours), short(theirs));
    Err((summary, vec![at.to_owned()]))
}
