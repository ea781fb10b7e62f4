//! Pages of a list, and the links between them.

use http::Uri;
use serde_json::Value;

use crate::cases::probe::{Answer, Ask, Probe, Stop};

/// The path of the list of stocks.
pub(crate) const STOCKS: &str = "/api/v1/stocks/";

/// A page of stocks.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) count: usize,
    pub(crate) next: Option<String>,
    pub(crate) previous: Option<String>,
    pub(crate) rows: Vec<Value>,
}

/// Sends a request, and returns the page in its answer.
pub(crate) fn page(probe: &mut Probe<'_>, ask: &Ask) -> Result<Page, Stop> {
    let answer = probe.send(ask)?;
    shown_by(probe, ask, &answer)
}

/// Reads the page in an answer.
pub(crate) fn shown_by(probe: &mut Probe<'_>, ask: &Ask, answer: &Answer) -> Result<Page, Stop> {
    probe.expect_status(answer, &[200])?;
    let body = probe.json(answer)?;
    let count = body["count"]
        .as_u64()
        .and_then(|count| usize::try_from(count).ok());
    let link = |name: &str| body[name].as_str().map(str::to_owned);
    match (count, body["results"].as_array()) {
        (Some(count), Some(rows)) => Ok(Page {
            count,
            next: link("next"),
            previous: link("previous"),
            rows: rows.clone(),
        }),
        _ => Err(probe.fail(format!(
            "{}: expected a page with `count` and `results`, got another body",
            ask.step
        ))),
    }
}

/// Requests the page behind a link.
pub(crate) fn follow(probe: &mut Probe<'_>, name: &str, link: &str) -> Result<Page, Stop> {
    let target: Option<Uri> = probe.session.target.base().parse().ok();
    let prefix = target.as_ref().map_or("", Uri::path).trim_end_matches('/');
    // A URL is ASCII, but the parser accepts other characters.
    let link: Option<Uri> = Some(link)
        .filter(|link| link.is_ascii())
        .and_then(|l| l.parse().ok());
    let link = link.filter(|link| link.host().is_some());
    let path = link.as_ref().and_then(Uri::path_and_query);
    let Some(path) = path.and_then(|path| path.as_str().strip_prefix(prefix)) else {
        return Err(probe.fail(format!(
            "expected `{name}` to be a URL of the target, got another"
        )));
    };
    // The target wrote the link, so a mistake in it is not the suite's.
    page(probe, &Ask::get(path).named(name).invalid())
}

/// Requests pages from the first one on by `next`, at most `most`.
pub(crate) fn walk(probe: &mut Probe<'_>, first: &Ask, most: usize) -> Result<Vec<Page>, Stop> {
    let mut pages = vec![page(probe, first)?];
    while pages.len() < most {
        let Some(next) = pages.last().and_then(|page| page.next.clone()) else {
            break;
        };
        pages.push(follow(probe, "next", &next)?);
    }
    Ok(pages)
}

/// Returns the rows of pages, in order.
pub(crate) fn rows(pages: &[Page]) -> Vec<&Value> {
    pages.iter().flat_map(|page| &page.rows).collect()
}
