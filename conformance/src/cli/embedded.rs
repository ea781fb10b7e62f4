//! The embedded mock: a whippy-mock on a free port of this machine for the time of the run.

use std::net::Ipv4Addr;

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use whippy_conformance::run::explain::EXAMPLE_TOKEN;
use whippy_engine::assets;
use whippy_engine::backend::Seed;
use whippy_engine::clock::ClockMode;
use whippy_engine::defects::{self, Defects};
use whippy_engine::endpoints::call::Settings;
use whippy_engine::profile::Profile;
use whippy_engine::store::Store;
use whippy_mock::faults::Faults;
use whippy_mock::http::Server;
use whippy_mock::worlds::Start;

use super::args::MockArgs;
use super::files;
use super::refusal::Refusal;

/// The default world.
const WORLD: &str = "demo";

/// The one user who may log in. There is one token and one user, so that checks can see others
/// refused.
pub(crate) const USER: (&str, &str) = ("conformance", "of-the-mock-of-its-own");

/// The embedded mock, which ends when this is dropped.
pub(crate) struct Embedded {
    /// The base URL.
    pub(crate) url: String,
    /// A description for people.
    pub(crate) about: String,
    _stop: watch::Sender<bool>,
    _runtime: Runtime,
}

impl Embedded {
    /// Starts a mock.
    pub(crate) fn start(args: &MockArgs, profile: Profile) -> Result<Self, Refusal> {
        let world = args.world.as_deref().unwrap_or(WORLD);
        let broken = args.defect.iter().map(|name| defects::named(name));
        let broken: Result<Vec<_>, _> = broken.collect();
        let broken = broken.map_err(|why| Refusal::usage(format!("--defect: {why}")))?;
        let mut about = format!("a whippy-mock of its own, world {world}");
        if !broken.is_empty() {
            let names: Vec<_> = broken.iter().map(|defect| defect.name).collect();
            about = format!("{about}, broken by {}", names.join(", "));
        }
        let server = Server::new(Start {
            seed: Seed {
                settings: Settings {
                    profile,
                    tokens: vec![EXAMPLE_TOKEN.to_owned()],
                    credentials: Some((USER.0.to_owned(), USER.1.to_owned())),
                    ..Settings::default()
                },
                store: load(world)?,
                clock: ClockMode::Real,
            },
            defects: Defects::new(broken),
            faults: Faults::default(),
        });
        let failed = |error: std::io::Error| {
            Refusal::no_verdict(format!("the mock cannot be started: {error}"))
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(failed)?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
        let listener = listener.map_err(failed)?;
        let url = format!("http://{}", listener.local_addr().map_err(failed)?);
        let (stop, stopped) = watch::channel(false);
        runtime.spawn(Arc::new(server).run(listener, stopped));
        Ok(Self {
            url,
            about,
            _stop: stop,
            _runtime: runtime,
        })
    }
}

/// Loads a built-in world by name, or a file.
fn load(world: &str) -> Result<Store, Refusal> {
    let named = |why: String| Refusal::usage(format!("--world {world}: {why}"));
    let file;
    let json = match assets::world(world) {
        Some(json) => json.as_bytes(),
        None => match files::bytes(world.as_ref()) {
            Ok(bytes) => {
                file = bytes;
                &file
            }
            Err(error) => {
                let known: Vec<_> = assets::world_names().collect();
                let known = known.join(", ");
                return Err(named(format!(
                    "no built-in world ({known}) and no file: {error}"
                )));
            }
        },
    };
    Store::from_json(json).map_err(|error| named(error.to_string()))
}
