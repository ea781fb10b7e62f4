//! Listings of everything built in: worlds, readings, defects, routes.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

use serde::Deserialize;
use whippy_engine::assets;
use whippy_engine::defects::DEFECTS;
use whippy_engine::defects::derived::DERIVED;
use whippy_engine::endpoints::{Action, RESOURCES};
use whippy_engine::profile::Reading;
use whippy_engine::store::Store;
use whippy_engine::store::world::World;

use crate::cli::args::Listing;

/// Prints a text. A reader that has gone, as `head` does, is not an error.
pub(crate) fn print(text: &str) -> ExitCode {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Returns the text of a listing.
pub(crate) fn text(listing: Listing) -> String {
    match listing {
        Listing::Worlds => worlds(),
        Listing::Readings => readings(),
        Listing::Defects { derived: false } => defects(),
        Listing::Defects { derived: true } => derived_defects(),
        Listing::Routes => routes(),
        Listing::Openapi { form } => form.text(None),
    }
}

/// Lists the built-in worlds.
fn worlds() -> String {
    let mut out = String::new();
    for name in assets::world_names() {
        let json = assets::world(name).unwrap_or_default();
        let Ok(world) = World::from_json(json.as_bytes()) else {
            continue;
        };
        let Ok(store) = Store::load(&world) else {
            continue;
        };
        let places = store.places();
        let _ = writeln!(
            out,
            "{name}\n    {}\n    {} stocks, {} providers, {} locations, {} stock lists\n",
            world.description.as_deref().unwrap_or_default(),
            store.len(),
            places.providers.len(),
            places.locations.len(),
            places.stock_lists.len(),
        );
    }
    out
}

#[derive(Deserialize)]
struct Register {
    readings: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    id: String,
    question: String,
    #[serde(default)]
    choices: Vec<Choice>,
    operations: Vec<String>,
}

#[derive(Deserialize)]
struct Choice {
    id: String,
    meaning: String,
}

/// Lists the register of readings.
fn readings() -> String {
    let Ok(register) = serde_saphyr::from_str::<Register>(assets::READINGS) else {
        return String::new();
    };
    let defaults = whippy_engine::profile::Profile::default();
    let mut out = String::new();
    for entry in &register.readings {
        let _ = writeln!(out, "{}\n    {}", entry.id, entry.question);
        let reading = Reading::ALL.iter().find(|reading| reading.id() == entry.id);
        let default = reading.map(|&reading| defaults.choice(reading));
        for choice in &entry.choices {
            let is_default = default.as_deref() == Some(choice.id.as_str());
            let mark = if is_default { " (default)" } else { "" };
            let _ = writeln!(out, "      {}{mark}: {}", choice.id, choice.meaning);
        }
        if let (true, Some(reading), Some(default)) = (entry.choices.is_empty(), reading, default) {
            let _ = writeln!(
                out,
                "      a number, {}; default {default}",
                reading.accepts()
            );
        }
        let _ = writeln!(out, "    decides in {}\n", entry.operations.join(", "));
    }
    out
}

/// Lists the defects written by hand.
fn defects() -> String {
    let mut out = String::new();
    for defect in DEFECTS {
        let operations = match defect.operations {
            [] => "every operation".to_owned(),
            some => some.join(", "),
        };
        let _ = writeln!(
            out,
            "{}\n    {}\n    in {operations}\n",
            defect.name, defect.about
        );
    }
    out
}

/// Lists the defects that are derived from the contract, one on a line so that they can be
/// searched.
fn derived_defects() -> String {
    let mut out = String::new();
    for derived in DERIVED.iter() {
        let statement = derived.statement;
        let _ = writeln!(
            out,
            "{}\t{}: {}",
            derived.name,
            statement.grade.text(),
            statement.says
        );
    }
    out
}

/// Lists the routes of the API.
fn routes() -> String {
    let actions = || {
        RESOURCES.iter().flat_map(|resource| {
            resource
                .actions
                .iter()
                .map(move |action| (resource, action))
        })
    };
    let width = actions()
        .map(|(_, action): (_, &Action)| action.operation.len())
        .max()
        .unwrap_or(0);
    let mut out = String::new();
    for (resource, action) in actions() {
        let only_if = match resource.only_if.or(action.only_if) {
            Some((reading, _)) => format!("  (reading {})", reading.id()),
            None => String::new(),
        };
        let verb = action.verb.text();
        let _ = writeln!(
            out,
            "{:width$}  {verb:4}  {}{only_if}",
            action.operation, resource.path
        );
    }
    out
}
