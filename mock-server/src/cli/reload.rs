//! `--watch`: files that are read again when they change.
//!
//! They are looked at now and then instead of asking the system for events: that is the
//! same on every file system, in containers and through links, and a file that an editor
//! replaces, or that is gone for a moment, is a file that looks different.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use whippy_mock::http::{Server, system_time};
use whippy_mock::system::FileState;

use crate::cli::sources::Sources;

/// How often the files are looked at.
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
    /// Whether it looked different the last time: it may be half written.
    is_moving: bool,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    World,
    Profile,
    Faults,
}

/// The state of the file that a path leads to; `None` if it leads nowhere.
fn look_at(path: &Path) -> Option<FileState> {
    std::fs::metadata(path).ok().as_ref().map(FileState::of)
}

impl Watched {
    /// Looks at the file; whether it has changed and stands still again.
    fn has_changed(&mut self) -> bool {
        let look = look_at(&self.path);
        let is_moving = look != self.look;
        self.look = look;
        let was_moving = std::mem::replace(&mut self.is_moving, is_moving);
        was_moving && !is_moving
    }
}

impl Watch {
    /// Those of the sources that are files, as they are now.
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

    /// Looks at the files for good, and lets the server go by what they say.
    pub(crate) async fn run(mut self, server: Arc<Server>) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            // A large world takes its time, which the connections need not wait for.
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

    /// Reads a file again and puts it in force; what is said then.
    fn load(&self, kind: Kind, server: &Server) -> Result<String, String> {
        let sources = &self.sources;
        let worlds = &server.worlds;
        match kind {
            Kind::World => {
                let named = |why| format!("--world {}: {why}", sources.world);
                let store = sources.world()?;
                let stocks = store.len();
                let seeded = worlds.reseed_all(store, system_time());
                seeded.map_err(|why| named(why.to_string()))?;
                let s = if stocks == 1 { "" } else { "s" };
                Ok(named(format!(
                    "loaded, {stocks} stock{s}; every world begins anew with it"
                )))
            }
            Kind::Profile => {
                let path = sources.profile.as_deref().unwrap_or(Path::new(""));
                let named = |why| format!("--profile {}: {why}", path.display());
                let set = worlds.set_profile(&sources.profile()?);
                set.map_err(|why| named(why.to_string()))?;
                Ok(named("loaded, in force in every world".to_owned()))
            }
            Kind::Faults => {
                worlds.set_faults(&sources.faults()?, system_time());
                let name = sources.faults.as_deref().unwrap_or_default();
                Ok(format!("--faults {name}: loaded, in force in every world"))
            }
        }
    }
}
