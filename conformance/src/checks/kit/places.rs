//! Places, as listed at their own paths.

use serde_json::Value;

use super::paging::{Page, follow, page, shown_by};
use crate::cases::probe::{Ask, Probe, Stop};

/// The most pages of locations that are searched.
const MOST_PAGES: usize = 12;

/// Returns the location with a code and the name of a provider, as its own path shows it.
pub(crate) fn location_of(
    probe: &mut Probe<'_>,
    code: &str,
    provider: &str,
) -> Result<Value, Stop> {
    let provider = listed(probe, "/api/v1/providers/", &|row| row["name"] == provider)?;
    let (id, is_code) = (&provider["id"], |row: &Value| row["code"] == code);
    listed(probe, "/api/v1/stock-locations/", &|row| {
        is_code(row) && row["provider"] == *id
    })
}

/// Finds a place in the list at a path. The run's own places are the latest, and those it found are
/// the first, so the search begins at both ends.
fn listed(
    probe: &mut Probe<'_>,
    path: &str,
    is_it: &dyn Fn(&Value) -> bool,
) -> Result<Value, Stop> {
    let first = Ask::get(path).with("limit", 100);
    let last = first.clone().with("page", "last");
    let mut forth = Some(page(probe, &first)?);
    let mut back = None;
    for turn in 0..MOST_PAGES {
        let shown = [&forth, &back].into_iter().flatten();
        if let Some(place) = shown.flat_map(|page| &page.rows).find(|row| is_it(row)) {
            return Ok(place.clone());
        }
        let next = forth.and_then(|page| page.next);
        back = match back.and_then(|page: Page| page.previous) {
            Some(previous) => Some(follow(probe, "previous", &previous)?),
            // The page `last` exists only in the stack.
            None if turn == 0 && next.is_some() => {
                let answer = probe.send(&last)?;
                (answer.status == 200)
                    .then(|| shown_by(probe, &last, &answer))
                    .transpose()?
            }
            None => None,
        };
        forth = next.map(|link| follow(probe, "next", &link)).transpose()?;
    }
    Err(Stop::Unsupported(format!(
        "a place of a stock is not among those that {path} lists"
    )))
}
