//! `--watch`: files that are read again when they change.
//!
//! They are polled rather than watched through events of the system. Polling works alike on every
//! file system, in containers and through links, and a file that an editor replaces, or that is
//! gone for a moment, simply looks different.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use whippy_mock::http::{Server, system_time};
use whippy_mock::system::FileState;

use crate::cli::args::ArgsError;
use crate::cli::sources::Sources;

/// The interval at which the files are looked at.
const EVERY: Duration = Duration::from_millis(200);

/// The files of some sources, as they were last seen.
#[derive(Debug)]
pub(crate) struct Watch {
    sources: Sources,
    files: Vec<Watched>,
}

#[derive(Debug)]
struct Watched {
    kind: Kind,
    path: PathBuf,
    look: Option<FileState>,
    /// Is true where the file looked different the last time, so that it may be half written.
    is_moving: bool,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    World,
    Profile,
    Faults,
}

/// Returns the state of the file at a path; `None` where there is none.
fn look_at(path: &Path) -> Option<FileState> {
    std::fs::metadata(path).ok().as_ref().map(FileState::of)
}

impl Watched {
    /// Looks at the file; returns `true` if it has changed and is stable again.
    fn has_changed(&mut self) -> bool {
        let look = look_at(&self.path);
        let is_moving = look != self.look;
        self.look = look;
        let was_moving = std::mem::replace(&mut self.is_moving, is_moving);
        was_moving && !is_moving
    }
}

impl Watch {
    /// Notes those of the sources that are files, in their present state.
    pub(crate) fn new(sources: Sources) -> Self {
        let of = |kind, path: Option<&Path>| {
            path.map(|path| Watched {
                kind,
                path: path.to_owned(),
                look: look_at(path),
                is_moving: false,
            })
        };
        let files = [
            of(Kind::World, sources.world_file()),
            of(Kind::Profile, sources.profile.as_deref()),
            of(Kind::Faults, sources.faults_file()),
        ];
        let files = files.into_iter().flatten().collect();
        Self { sources, files }
    }

    /// The files.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        self.files.iter().map(|file| file.path.clone()).collect()
    }

    /// Watches the files for good, and puts their changes in force.
    pub(crate) async fn run(mut self, server: Arc<Server>) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            // Loading a large world takes time, and connections must not wait for it.
            tokio::task::block_in_place(|| self.look(&server));
        }
    }

    fn look(&mut self, server: &Server) {
        let changed = self.files.iter_mut().filter_map(|file| {
            let kind = file.kind;
            file.has_changed().then_some(kind)
        });
        for kind in changed.collect::<Vec<_>>() {
            let sentence = match self.load(kind, server) {
                Ok(loaded) => loaded,
                Err(why) => format!("{why}; what was there before stays in force"),
            };
            match &server.log {
                Some(log) => log.say(system_time(), &sentence),
                None => eprintln!("whippy-mock: {sentence}"),
            }
        }
    }

    /// Loads a file again and puts it in force. Returns the sentence to log.
    fn load(&self, kind: Kind, server: &Server) -> Result<String, ArgsError> {
        let sources = &self.sources;
        let worlds = &server.worlds;
        match kind {
            Kind::World => {
                let flag = format!("--world {}", sources.world);
                let store = sources.world()?;
                let stocks = store.len();
                let seeded = worlds.reseed_all(store, system_time());
                seeded.map_err(|why| ArgsError::content(&flag, why))?;
                let s = if stocks == 1 { "" } else { "s" };
                Ok(format!(
                    "{flag}: loaded, {stocks} stock{s}; every world begins anew with it"
                ))
            }
            Kind::Profile => {
                let path = sources.profile.as_deref().unwrap_or(Path::new(""));
                let flag = format!("--profile {}", path.display());
                let set = worlds.set_profile(&sources.profile()?);
                set.map_err(|why| ArgsError::content(&flag, why))?;
                Ok(format!("{flag}: loaded, in force in every world"))
            }
            Kind::Faults => {
                worlds.set_faults(&sources.faults()?, system_time());
                let name = sources.faults.as_deref().unwrap_or_default();
                Ok(format!("--faults {name}: loaded, in force in every world"))
            }
        }
    }
}
