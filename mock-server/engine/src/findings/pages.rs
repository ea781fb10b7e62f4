//! Walks over the pages of a list, and the pages at which they stopped.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use http::Method;

use super::exchange::Exchange;
use super::mistakes::{ABANDONED_WALK, NO_SUCH_PAGE, UNREAD_PAGES};
use super::sheet::{Said, Sheet, Trace};
use crate::endpoints::Input;
use crate::query::parameter;
use crate::wire::text::Integer;

/// The most walks that are followed at a time.
const MOST_WALKS: usize = 512;

/// The number of bytes in which `next` is looked for: it stands before the rows.
const HEAD: usize = 2048;

/// The walks that have not reached the last page.
#[derive(Debug, Default, Clone)]
pub(super) struct Walks {
    /// Walks by a hash of path and query, the page left out.
    open: HashMap<u64, Walk>,
}

#[derive(Debug, Clone)]
struct Walk {
    /// The request for the last page received.
    trace: Trace,
    path: &'static str,
    /// The number of pages received, the first one included.
    pages: u64,
    /// The number of the page that the last `next` names.
    next: usize,
    /// Is true if the client asks for a part of the list or for a page size.
    narrowed: bool,
}

/// The place of an exchange in a walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// No page, or the first page of a list.
    None,
    /// A page after the first.
    Later,
    /// The last page of a walk that began with the first one.
    End,
}

impl Walks {
    /// Follows a walk, and returns the place of this exchange in it.
    pub(super) fn follow(&mut self, exchange: &Exchange<'_>, sheet: &mut Sheet) -> Step {
        if !exchange.has_pages() || exchange.request().method() == Method::HEAD {
            return Step::None;
        }
        match exchange.status {
            Some(200) => {}
            Some(404) => {
                self.beyond(exchange, sheet);
                return Step::None;
            }
            _ => return Step::None,
        }
        let Some(has_next) = next(exchange.answer()) else {
            return Step::None;
        };
        let page = exchange.page();
        let step = if page > 1 { Step::Later } else { Step::None };
        if !has_next && self.open.is_empty() {
            return step;
        }
        let key = key(exchange);
        if !has_next {
            return match self.open.remove(&key) {
                Some(_) if page != 1 => Step::End,
                _ => step,
            };
        }
        if page == 1 {
            self.begin(exchange, key);
        } else if let Some(walk) = self.open.get_mut(&key)
            && page >= walk.next
        {
            walk.pages += 1;
            walk.next = page + 1;
            walk.trace = Trace::of(exchange.seen);
        }
        step
    }

    fn begin(&mut self, exchange: &Exchange<'_>, key: u64) {
        if let Some(walk) = self.open.get_mut(&key).filter(|walk| walk.pages == 1) {
            // The first page again, as a polling client asks for it.
            walk.trace.request = exchange.seen.id;
            walk.trace.at = exchange.seen.at;
            return;
        }
        if self.open.len() == MOST_WALKS && !self.open.contains_key(&key) {
            // Walks of a single page tell the least, so they are dropped first.
            self.open.retain(|_, walk| walk.pages > 1);
            if self.open.len() == MOST_WALKS {
                self.open.clear();
            }
        }
        let walk = Walk {
            trace: Trace::of(exchange.seen),
            path: exchange.resource.path,
            pages: 1,
            next: 2,
            narrowed: is_narrowed(exchange),
        };
        self.open.insert(key, walk);
    }

    /// Judges a 404 for a page that no `next` has named.
    fn beyond(&self, exchange: &Exchange<'_>, sheet: &mut Sheet) {
        if exchange.verdict != Some(404) || !exchange.answer_has("Invalid page") {
            return;
        }
        let Some(text) = parameter(&exchange.query, "page") else {
            return;
        };
        let page = Integer::parse(text).map_or(0, |page| page.clamped());
        let named = self.open.get(&key(exchange)).map(|walk| walk.next);
        // A page that is not a number at all is reported by the judge of parameters.
        if page < 1 || named.is_some_and(|next| usize::try_from(page) == Ok(next)) {
            return;
        }
        exchange.note(sheet, &NO_SUCH_PAGE, "page", || Said {
            sent: format!("page={text}"),
            meant: Some("`next` of the page before, until it is null".to_owned()),
            why: "the list ends before that page".to_owned(),
        });
    }

    /// Notes each walk that stopped before the last page.
    pub(super) fn finish(&self, sheet: &mut Sheet) {
        let mut open: Vec<&Walk> = self.open.values().collect();
        open.sort_by_key(|walk| walk.trace.request);
        for walk in open {
            let (mistake, sent, why) = if walk.pages > 1 {
                let why = format!(
                    "{} pages were read, and `next` of the last named page {}",
                    walk.pages, walk.next
                );
                (&ABANDONED_WALK, "no request for the next page", why)
            } else if walk.narrowed {
                continue;
            } else {
                let why = "`next` was not null: the list is longer than the page".to_owned();
                (&UNREAD_PAGES, "a request for the first page alone", why)
            };
            let trace = || walk.trace.clone();
            sheet.note(mistake, (walk.path, ""), walk.trace.request, trace, || {
                Said {
                    sent: sent.to_owned(),
                    meant: Some("requests for `next` until it is null".to_owned()),
                    why,
                }
            });
        }
    }
}

/// Returns `true` if the client asks for a part of the list, or for pages of a certain size.
fn is_narrowed(exchange: &Exchange<'_>) -> bool {
    let is_plain = |name: &str| matches!(name, "page" | "sort" | "format");
    let asks = !exchange.query.iter().all(|(name, _)| is_plain(name));
    // The body of a request for active stocks names a SKU.
    asks || exchange.input == Input::PagedArguments && !exchange.request().body().is_empty()
}

/// A hash of path and query without the page. The order of parameters makes no difference,
/// since links sort them.
fn key(exchange: &Exchange<'_>) -> u64 {
    let mut sum = hash(&exchange.path);
    for pair in &exchange.query {
        if pair.0 != "page" {
            sum = sum.wrapping_add(hash(pair));
        }
    }
    sum
}

fn hash(part: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    part.hash(&mut hasher);
    hasher.finish()
}

/// Returns `true` if `next` is a link, `false` if it is null, and `None` if there is no `next`
/// before the rows.
fn next(answer: &[u8]) -> Option<bool> {
    let head = &answer[..answer.len().min(HEAD)];
    let mut from = 0;
    loop {
        let quote = from + head[from..].iter().position(|&b| b == b'"')?;
        let rest = &head[quote..];
        if let Some(rest) = rest.strip_prefix(b"\"next\"") {
            let rest = rest.trim_ascii_start().strip_prefix(b":")?;
            let rest = rest.trim_ascii_start();
            return match rest.first()? {
                b'"' => Some(true),
                b'n' => Some(false),
                _ => None,
            };
        }
        if rest.starts_with(b"\"results\"") {
            return None;
        }
        from = quote + 1;
    }
}
