//! The files named by flags, which are read at the start and again when they change.

use std::error::Error;
use std::path::{Path, PathBuf};

use whippy_engine::assets;
use whippy_engine::profile::Profile;
use whippy_engine::store::Store;
use whippy_engine::suggest::did_you_mean;
use whippy_engine::wire::text::without_bom;
use whippy_mock::faults::{self, Faults};
use whippy_mock::http::system_time;

use crate::cli::args::ArgsError;

/// The values of the flags for world, readings and faults.
#[derive(Debug, Clone)]
pub(crate) struct Sources {
    /// A built-in world, or a file. `./NAME` is a file even if a built-in world has the name.
    pub(crate) world: String,
    /// A file of readings.
    pub(crate) profile: Option<PathBuf>,
    /// Single readings, which override the file.
    pub(crate) readings: Vec<String>,
    /// A preset or a file.
    pub(crate) faults: Option<String>,
}

impl Sources {
    /// Returns the path of the world, if it is a file.
    pub(crate) fn world_file(&self) -> Option<&Path> {
        let is_file = assets::world(&self.world).is_none();
        is_file.then(|| Path::new(&self.world))
    }

    /// Returns the path of the faults, if they are in a file.
    pub(crate) fn faults_file(&self) -> Option<&Path> {
        let name = self.faults.as_deref()?;
        faults::preset(name).is_err().then(|| Path::new(name))
    }

    /// Loads the world.
    pub(crate) fn world(&self) -> Result<Store, ArgsError> {
        let world = &self.world;
        let named = |why: Box<dyn Error>| ArgsError::content(format!("--world {world}"), why);
        let file;
        let json = match assets::world(world) {
            Some(json) => json.as_bytes(),
            None => match std::fs::read(world) {
                Ok(bytes) => {
                    file = bytes;
                    without_bom(&file)
                }
                Err(error) => {
                    let known: Vec<_> = assets::world_names().collect();
                    let hint = did_you_mean(world, known.iter().copied());
                    let why = format!(
                        "{hint}there is no built-in world of that name ({}), and no file: {error}",
                        known.join(", ")
                    );
                    return Err(named(why.into()));
                }
            },
        };
        Store::from_json(json).map_err(|error| named(error.into()))
    }

    /// Reads the file of readings, and applies the single ones.
    pub(crate) fn profile(&self) -> Result<Profile, ArgsError> {
        let mut profile = Profile::default();
        if let Some(path) = &self.profile {
            let named = |why: Box<dyn Error>| {
                ArgsError::content(format!("--profile {}", path.display()), why)
            };
            let text = std::fs::read_to_string(path).map_err(|error| named(error.into()))?;
            profile
                .apply_toml(text.trim_start_matches('\u{feff}'))
                .map_err(|error| named(error.into()))?;
        }
        for setting in &self.readings {
            let (id, choice) = setting
                .split_once('=')
                .ok_or_else(|| ArgsError::value("--reading", setting, "it takes ID=CHOICE"))?;
            profile
                .set(id.trim(), choice.trim())
                .map_err(|error| ArgsError::content("--reading", error))?;
        }
        Ok(profile)
    }

    /// Loads the faults.
    pub(crate) fn faults(&self) -> Result<Faults, ArgsError> {
        let Some(name) = &self.faults else {
            return Ok(Faults::default());
        };
        let named = |why: Box<dyn Error>| ArgsError::content(format!("--faults {name}"), why);
        let rules = match faults::preset(name) {
            Ok(rules) => rules,
            Err(none) => {
                let json = std::fs::read(name);
                let json =
                    json.map_err(|error| named(format!("{none}, and no file: {error}").into()))?;
                Faults::parse(without_bom(&json)).map_err(|why| named(why.into()))?
            }
        };
        Ok(Faults::new(rules, system_time()))
    }
}
