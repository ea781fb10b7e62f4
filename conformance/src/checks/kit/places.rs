//! Places, as their own paths list them.

use serde_json::Value;

use super::paging::{Page, follow, page, shown_by};
use crate::cases::probe::{Ask, Probe, Stop};

/// How many pages of locations are looked through.
const MOST_PAGES: usize = 12;

/// The location of a code and a provider's name, as its own path shows it.
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

/// A place among those that a path lists. Those that the run made are the latest, and those
/// that it found the first, so it is looked for from both ends.
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
            // Only the stack knows the word `last`.
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
