//! The register of readings with the choices that are in force in a world.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{Asked, Granted, Outcome, Refusal};
use crate::worlds::LiveWorld;
use whippy_engine::assets;
use whippy_engine::backend::Backend as _;
use whippy_engine::profile::Profile;

/// The rows of the register, as JSON.
static REGISTER: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let register: Value = serde_saphyr::from_str(assets::READINGS).unwrap_or_default();
    register["readings"].as_array().cloned().unwrap_or_default()
});

pub(super) fn show(asked: &Asked<'_>) -> Outcome {
    Ok(Granted::Json(in_force(&*asked.there()?)))
}

/// Changes the readings in the body; the others stay as they are.
pub(super) fn set(asked: &Asked<'_>) -> Outcome {
    let choices: Value = asked.body()?;
    let applied = |profile: &Profile| {
        let mut profile = profile.clone();
        let applied = profile.apply_json(&choices);
        applied.map_err(|why| Refusal::bad(why.to_string()))?;
        Ok::<_, Refusal>(profile)
    };
    // A wrong choice is refused before a world is made for it.
    applied(&Profile::default())?;
    let world = asked.made()?;
    let settings = world.service.settings();
    let profile = applied(&settings.profile)?;
    // A change of readings begins a new history, so equal readings change nothing.
    if profile != settings.profile {
        world.service.set_profile(profile)?;
    }
    Ok(Granted::Json(in_force(&world)))
}

fn in_force(world: &LiveWorld) -> Value {
    let chosen = world.service.settings().profile.to_json();
    let rows = REGISTER.iter().map(|row| {
        let mut row = row.clone();
        let id = row["id"].as_str().unwrap_or_default();
        let choice = chosen[id].clone();
        row["in_force"] = choice;
        row
    });
    json!({"readings": rows.collect::<Vec<_>>()})
}
