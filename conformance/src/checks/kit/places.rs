//! Places, as listed at their own paths.

use serde_json::Value;

use super::paging::{Page, follow, shown_by};
use crate::cases::probe::{Ask, PROVIDER_NAME, Probe, Stop};

/// The most pages of locations that are searched.
const MOST_PAGES: usize = 12;

/// Returns the location with a code and the value by which stocks name its provider, as its own
/// path shows it.
pub(crate) fn location_of(
    probe: &mut Probe<'_>,
    code: &str,
    provider: &str,
) -> Result<Value, Stop> {
    let provider = provider_of(probe, provider)?;
    let (id, is_code) = (&provider["id"], |row: &Value| row["code"] == code);
    listed(probe, "/api/v1/stock-locations/", &|row| {
        is_code(row) && row["provider"] == *id
    })
}

/// Returns the name that the filter `provider_name` compares, of the provider that stocks name by a
/// value.
pub(crate) fn provider_name(probe: &mut Probe<'_>, value: &str) -> Result<String, Stop> {
    if let Some(known) = known_provider_name(probe, value) {
        return Ok(known);
    }
    let provider = provider_of(probe, value)?;
    let name = provider["name"].as_str().filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| Stop::Unsupported("the provider has no name".to_owned()))?;
    Ok(name.to_owned())
}

/// Does the same where that takes no request; `None` where it does.
pub(crate) fn known_provider_name(probe: &Probe<'_>, value: &str) -> Option<String> {
    let text = |name: &str| probe.scope.get(name).and_then(Value::as_str);
    match text(PROVIDER_NAME) {
        None => Some(value.to_owned()),
        own if text("provider") == Some(value) => own.map(str::to_owned),
        Some(_) => None,
    }
}

fn provider_of(probe: &mut Probe<'_>, value: &str) -> Result<Value, Stop> {
    listed(probe, "/api/v1/providers/", &|row| {
        row["name"] == value || row["code"] == value
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
    let answer = probe.send(&first)?;
    let is_page = answer.body.as_ref();
    let is_page = is_page.is_some_and(|body| body["results"].is_array() && body["count"].is_u64());
    // The documentation does not mention these lists, so a service may do without them.
    if answer.status != 200 || !is_page {
        return Err(Stop::Unsupported(format!(
            "the target has no list of places at {path}"
        )));
    }
    let mut forth = Some(shown_by(probe, &first, &answer)?);
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
